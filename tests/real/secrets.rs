//! Nothing that is secret leaves the program.

use std::fs;

use libtest_mimic::Failed;

use crate::harness::{Cluster, Need, check};
use crate::removed_apis::chart;

const OLD: &str = "1.24.17";

/// What is planted wherever something is secret.
const CANARY: &str = "canary-4f1d9c";

scenarios! {
    stay_secret: [Need::ControlPlane(OLD), Need::Helm],
    credentials_stay_secret: [Need::ControlPlane(OLD)],
}

/// Values of Secrets and of charts are in no output, at no log level, and in no snapshot.
fn stay_secret() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("cart");
    chart(&path, "batch/v1beta1", "1.0.0");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: login}}\nstringData: {{password: {CANARY}}}\n"
    );
    fs::write(path.join("templates/secret.yaml"), secret)?;
    fs::write(path.join("values.yaml"), format!("token: {CANARY}\n"))?;
    cluster
        .helm(&["install", "cart", &path.to_string_lossy()])
        .ok();
    let literal = format!("--from-literal=password={CANARY}");
    cluster
        .kubectl(&["create", "secret", "generic", "plain", &literal])
        .ok();

    // Not a Secret, and yet where passwords stand: variables of a workload, and the copy of it that kubectl keeps.
    let workload = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    \
         metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: web, image: web, env: [{{name: PASSWORD, value: {CANARY}}}]}}]}}\n"
    );
    cluster.kubectl_stdin(&["apply", "-f", "-"], &workload).ok();

    let saved = folder.path().join("x.snapshot");
    let shown = saved.to_string_lossy().into_owned();
    for format in ["table", "wide", "json", "yaml", "name"] {
        let args = [
            "--to",
            "1.25",
            "-v",
            "9",
            "--save-snapshot",
            &shown,
            "-o",
            format,
        ];
        let run = cluster.check(&args);
        assert_eq!(run.code, 3, "{}", run.stderr);
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains(CANARY), "{format}: {stream}");
        }
        assert!(
            run.stderr.contains("/api/v1/secrets"),
            "level 9 shows requests: {}",
            run.stderr
        );
    }
    let mut text = String::new();
    let file = fs::File::open(&saved)?;
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text)?;
    assert!(text.contains("cart/templates/cronjob.yaml"), "{text}");
    assert!(text.contains("\"web\""), "the deployment is there: {text}");
    assert!(!text.contains(CANARY), "{text}");

    // What is made of a saved snapshot, and of an earlier report.
    let report = cluster.check(&["--to", "1.25", "-o", "json"]);
    let baseline = folder.path().join("baseline.json");
    fs::write(&baseline, &report.stdout)?;
    let baseline = baseline.to_string_lossy();
    for args in [
        &["--snapshot", &shown, "-o", "json"][..],
        &[
            "--to",
            "1.25",
            "--baseline",
            &baseline,
            "-v",
            "9",
            "-o",
            "wide",
        ],
        &["rbac", "--to", "1.25", "-v", "9"],
    ] {
        let run = cluster.check(args);
        assert!(!run.stdout.is_empty(), "{args:?}: {}", run.stderr);
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains(CANARY), "{args:?}: {stream}");
        }
    }
    Ok(())
}

/// What we log in with is in no error and no log: tokens, keys, passwords of proxies, what a credential plugin prints.
fn credentials_stay_secret() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let folder = tempfile::tempdir()?;
    let text = fs::read_to_string(cluster.kubeconfig())?;
    let config: serde_json::Value = serde_json::from_str(&text)?;
    let address = &config["clusters"][0]["cluster"]["server"];
    let exec = |command: &str| {
        serde_json::json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
            "args": ["-c", command], "env": [{"name": "SECRET", "value": CANARY}],
        }})
    };
    let credential = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": CANARY},
    });
    let give = format!("echo '{credential}'");
    let key = serde_json::json!({"clientCertificateData": CANARY, "clientKeyData": CANARY});
    let key = serde_json::json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": key});
    let password = format!("http://me:{CANARY}@127.0.0.1:1");
    for (user, proxy) in [
        (serde_json::json!({"token": CANARY}), None),
        (
            serde_json::json!({"username": "jane", "password": CANARY}),
            None,
        ),
        (
            serde_json::json!({"client-certificate-data": "Y2Fu", "client-key-data": CANARY}),
            None,
        ),
        (
            serde_json::json!({"auth-provider": {"name": "oidc", "config": {"id-token": CANARY, "refresh-token": CANARY}}}),
            None,
        ),
        (exec(&give), None),
        (exec(&format!("echo '{key}'")), None),
        (exec(&format!("echo {CANARY}")), None),
        (exec(&format!("echo '{{\"{CANARY}\": ['; exit 3")), None),
        (serde_json::json!({"token": CANARY}), Some(&password)),
    ] {
        let config = serde_json::json!({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": address, "insecure-skip-tls-verify": true, "proxy-url": proxy}}],
            "users": [{"name": "u", "user": user}],
        });
        let file = folder.path().join("kubeconfig");
        fs::write(&file, config.to_string())?;
        let saved = folder
            .path()
            .join("x.snapshot")
            .to_string_lossy()
            .into_owned();
        let run = check(
            &file,
            &["--to", "1.25", "-v", "9", "--save-snapshot", &saved],
        );
        assert_eq!(run.code, 1, "{config:#}: {}{}", run.stdout, run.stderr);
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains(CANARY), "{config:#}: {stream}");
        }
    }
    Ok(())
}
