//! Nothing that is secret leaves the program.

use std::fs;

use libtest_mimic::{Failed, Trial};

use crate::harness::{Cluster, Need, scenario};
use crate::removed_apis::chart;

const OLD: &str = "1.24.17";

/// The scenarios of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let needs = [Need::ControlPlane(OLD), Need::Helm];
    vec![scenario("secrets::stay_secret", &needs, stay_secret)]
}

/// Values of Secrets and of charts are in no output, at no log level, and in no snapshot.
fn stay_secret() -> Result<(), Failed> {
    const CANARY: &str = "canary-4f1d9c";
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
    assert!(!text.contains(CANARY), "{text}");
    Ok(())
}
