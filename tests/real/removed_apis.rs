//! What a removed API will break, on a real Kubernetes 1.24 on its way to 1.25.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, LIMITED, Need, Run, check, eventually, report_with};

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";

scenarios! {
    untouched_cluster: [Need::ControlPlane(OLD)],
    writers: [Need::ControlPlane(OLD)],
    a_controller_changes_nothing: [Need::Controllers(OLD)],
    charts: [Need::ControlPlane(OLD), Need::Helm],
    missing_permission: [Need::ControlPlane(OLD), Need::Helm],
    nobody_there: [Need::ControlPlane(OLD)],
    policies_and_autoscalers: [Need::ControlPlane(OLD)],
    newest_is_ready: [Need::Controllers(NEWEST)],
}

/// The findings of this id about objects. Where only the metric speaks, as it does once a test itself has asked for an old
/// version, the finding is about the cluster.
fn findings<'a>(report: &'a Value, id: &str) -> Vec<&'a Value> {
    let all = report["findings"].as_array().expect("findings");
    let only_the_metric =
        |finding: &Value| finding["objects"][0]["evidence"][0]["source"] == "metric";
    all.iter()
        .filter(|finding| finding["id"] == id && !only_the_metric(finding))
        .collect()
}

fn blockers(report: &Value) -> u64 {
    report["summary"]["blockers"].as_u64().expect("a count")
}

fn budget(version: &str, minimum: u32) -> String {
    format!(
        "apiVersion: policy/{version}\nkind: PodDisruptionBudget\nmetadata: {{name: cart, namespace: default}}\n\
         spec: {{minAvailable: {minimum}, selector: {{matchLabels: {{app: cart}}}}}}\n"
    )
}

/// Nothing but the end of support, and notes.
fn untouched_cluster() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let report = report_with(&cluster, "1.25", 0);
    assert_eq!(report["verdict"], "ready", "{report:#}");
    for finding in report["findings"].as_array().expect("findings") {
        let allowed = finding["id"] == "k8s-eol" || finding["severity"] == "note";
        assert!(allowed, "{finding:#}");
    }
    assert_eq!(findings(&report, "k8s-eol").len(), 1);
    assert_eq!(report["path"][0]["to"], "1.25.16");
    Ok(())
}

/// One object, written by one writer after the other.
fn writers() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let create = ["create", "--field-manager=shopper", "-f", "-"];
    cluster.kubectl_stdin(&create, &budget("v1", 1)).ok();
    let listed = cluster.kubectl(&["get", "poddisruptionbudgets.v1beta1.policy", "-o", "json"]);
    assert_eq!(
        listed.ok().json()["items"][0]["apiVersion"],
        "policy/v1beta1"
    );
    let clean = report_with(&cluster, "1.25", 0);
    assert_eq!(
        blockers(&clean),
        0,
        "the server lists it as v1beta1, nobody wrote it so"
    );
    assert_eq!(findings(&clean, "api-removed").len(), 0, "{clean:#}");
    cluster.kubectl(&["delete", "pdb", "cart"]).ok();

    let create = ["create", "--field-manager=helm", "-f", "-"];
    cluster.kubectl_stdin(&create, &budget("v1beta1", 1)).ok();
    let blocked = report_with(&cluster, "1.25", 3);
    let finding = findings(&blocked, "api-removed")[0];
    assert_eq!(finding["severity"], "blocker");
    assert_eq!(finding["hop"]["to"], "1.25");
    let object = &finding["objects"][0];
    assert_eq!(object["apiVersion"], "policy/v1beta1");
    assert_eq!(
        (&object["namespace"], &object["name"]),
        (&"default".into(), &"cart".into())
    );
    assert_eq!(object["evidence"][0]["writer"], "helm");
    assert_eq!(object["evidence"][0]["source"], "managedFields");

    // Narrowed to a namespace, the answer says so.
    let nowhere = cluster.check(&["--to", "1.25", "-n", "kube-sistem"]);
    assert_eq!(nowhere.code, 1, "{}", nowhere.stdout);
    assert!(
        nowhere.stderr.contains("does not exist"),
        "{}",
        nowhere.stderr
    );
    let elsewhere = cluster.check(&["--to", "1.25", "-n", "kube-system"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stdout);
    assert!(
        elsewhere.stdout.contains("kube-system"),
        "{}",
        elsewhere.stdout
    );
    assert_eq!(cluster.check(&["--to", "1.25", "-n", "default"]).code, 3);
    assert_eq!(
        cluster
            .check(&["--to", "1.25", "-n", "kube-system", "-A"])
            .code,
        3
    );

    // Times in managedFields have whole seconds.
    sleep(Duration::from_millis(1100));
    let replace = ["replace", "--field-manager=helm", "-f", "-"];
    cluster.kubectl_stdin(&replace, &budget("v1", 2)).ok();
    let moved = report_with(&cluster, "1.25", 0);
    assert_eq!(blockers(&moved), 0, "{moved:#}");
    assert_eq!(findings(&moved, "api-removed").len(), 0, "{moved:#}");

    let applied = r#"{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget","metadata":{"name":"cart"}}"#;
    let annotation = format!("kubectl.kubernetes.io/last-applied-configuration={applied}");
    cluster
        .kubectl(&["annotate", "pdb", "cart", &annotation])
        .ok();
    let hinted = report_with(&cluster, "1.25", 0);
    let finding = findings(&hinted, "api-removed")[0];
    assert_eq!(finding["severity"], "warning", "{hinted:#}");
    assert_eq!(
        finding["objects"][0]["evidence"][0]["source"],
        "lastApplied"
    );
    Ok(())
}

/// The disruption controller writes the status through v1, at once, and that proves nothing.
fn a_controller_changes_nothing() -> Result<(), Failed> {
    let cluster = Cluster::options(OLD).with_controllers().start();
    let create = ["create", "--field-manager=shopper", "-f", "-"];
    cluster.kubectl_stdin(&create, &budget("v1beta1", 1)).ok();
    let wrote_status = || {
        let get = ["get", "pdb", "cart", "-o", "json", "--show-managed-fields"];
        let object = cluster.kubectl(&get).ok().json();
        let entries = object["metadata"]["managedFields"].as_array().cloned();
        entries
            .unwrap_or_default()
            .iter()
            .any(|entry| entry["subresource"] == "status" && entry["apiVersion"] == "policy/v1")
    };
    eventually("the controller has written the status", 30, wrote_status);
    let blocked = report_with(&cluster, "1.25", 3);
    let finding = findings(&blocked, "api-removed")[0];
    assert_eq!(finding["objects"][0]["evidence"][0]["writer"], "shopper");
    let named: Vec<&Value> = finding["objects"][0]["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .filter(|evidence| evidence["writer"] == "kube-controller-manager")
        .collect();
    assert_eq!(named, Vec::<&Value>::new());
    // Pages of one object each, where the server makes pages, tell the same.
    let in_pages = cluster.check(&["--to", "1.25", "-o", "json", "--chunk-size", "1"]);
    assert_eq!(in_pages.json()["findings"], blocked["findings"]);
    Ok(())
}

/// A chart with one CronJob, which is of this API version.
pub(crate) fn chart(folder: &Path, api_version: &str, chart_version: &str) {
    let templates = folder.join("templates");
    fs::create_dir_all(&templates).expect("a folder");
    let about = format!("apiVersion: v2\nname: cart\nversion: {chart_version}\n");
    fs::write(folder.join("Chart.yaml"), about).expect("a file");
    let job = format!(
        "apiVersion: {api_version}\nkind: CronJob\nmetadata: {{name: sweep}}\n\
         spec: {{schedule: '0 3 * * *', jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, \
         containers: [{{name: sweep, image: sweep}}]}}}}}}}}}}\n"
    );
    fs::write(templates.join("cronjob.yaml"), job).expect("a file");
}

/// A chart by real helm, in Secrets and in ConfigMaps.
fn charts() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("cart");
    let shown = path.to_string_lossy().into_owned();
    cluster.kubectl(&["create", "namespace", "shop"]).ok();
    for driver in ["secret", "configmap"] {
        let helm = |args: &[&str]| {
            let mut command = cluster.helm_command();
            command.env("HELM_DRIVER", driver).args(args);
            let output = command.output().expect("helm runs");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        chart(&path, "batch/v1beta1", "1.0.0");
        helm(&["install", "cart", &shown, "-n", "shop"]);
        helm(&["upgrade", "cart", &shown, "-n", "shop"]);
        let blocked = report_with(&cluster, "1.25", 3);
        let finding = findings(&blocked, "api-removed")[0];
        assert_eq!(finding["objects"][0]["apiVersion"], "batch/v1beta1");
        assert_eq!(finding["objects"][0]["namespace"], "shop");
        let evidence = &finding["objects"][0]["evidence"][0];
        assert_eq!(evidence["source"], "helm");
        assert_eq!(evidence["detail"], "helm release shop/cart v2", "{driver}");
        assert_eq!(evidence["location"], "cart/templates/cronjob.yaml");

        chart(&path, "batch/v1", "2.0.0");
        helm(&["upgrade", "cart", &shown, "-n", "shop"]);
        let job = cluster.kubectl(&[
            "get",
            "cronjob",
            "sweep",
            "-n",
            "shop",
            "-o",
            "json",
            "--show-managed-fields",
        ]);
        let entries = job.ok().json()["metadata"]["managedFields"].to_string();
        assert!(
            entries.contains("batch/v1beta1"),
            "the old entry stays: {entries}"
        );
        let mended = report_with(&cluster, "1.25", 0);
        assert_eq!(findings(&mended, "api-removed").len(), 0, "{mended:#}");
        helm(&["uninstall", "cart", "-n", "shop"]);
    }
    Ok(())
}

/// What `rbac` prints, applied, closes the gaps it was printed for.
fn missing_permission() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let user = LIMITED[0];
    let kubeconfig = cluster.kubeconfig_for(user);
    let as_user = |args: &[&str]| -> Run { check(&kubeconfig, args) };

    let nothing = as_user(&["--to", "1.25", "-o", "json"]);
    assert_eq!(nothing.code, 4, "{}", nothing.stderr);
    assert_eq!(nothing.json()["verdict"], "incomplete");

    let printed = as_user(&["rbac", "--to", "1.25"]).ok().stdout;
    assert!(
        printed.contains(&format!("name: {user}\n")),
        "bound to the user: {printed}"
    );
    let without_secrets = printed.replace("- secrets\n", "- nothing-of-this-name\n");
    cluster
        .kubectl_stdin(&["apply", "-f", "-"], &without_secrets)
        .ok();
    let of_secrets = |gap: &Value| gap["rbac"]["resources"][0] == "secrets";
    let gaps = || {
        let run = as_user(&["--to", "1.25", "-o", "json"]);
        assert_eq!(run.code, 4, "{}", run.stdout);
        run.json()["gaps"].as_array().expect("gaps").clone()
    };
    for _ in 0..40 {
        if gaps().iter().all(of_secrets) {
            break;
        }
        // Until the permissions are in effect.
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let left = gaps();
    assert!(left.iter().all(of_secrets), "{left:#?}");
    let gap = as_user(&["--to", "1.25", "-o", "json"]).json()["gaps"][0].clone();
    assert_eq!(gap["rbac"]["resources"][0], "secrets", "{gap:#}");
    assert_eq!(gap["rbac"]["verbs"][0], "list");
    assert!(
        gap["why"].as_str().expect("a text").contains(user),
        "{gap:#}"
    );

    let table = as_user(&["--to", "1.25"]);
    assert_eq!(table.code, 4);
    assert!(table.stdout.contains("secrets"), "{}", table.stdout);
    assert_eq!(as_user(&["--to", "1.25", "--allow-gaps"]).code, 0);

    cluster.kubectl_stdin(&["apply", "-f", "-"], &printed).ok();
    eventually("the permission is in effect", 20, || {
        as_user(&["--to", "1.25"]).code == 0
    });
    Ok(())
}

/// A server that is down, a token that is wrong, a context that is not there.
fn nobody_there() -> Result<(), Failed> {
    let mut cluster = Cluster::start(OLD);
    let wrong = check(cluster.kubeconfig(), &["--token", "wrong"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("logged in"), "{}", wrong.stderr);
    let context = check(cluster.kubeconfig(), &["--context", "moon"]);
    assert_eq!(context.code, 1);
    assert!(context.stderr.contains("moon"), "{}", context.stderr);
    cluster.stop_apiserver();
    // The quickest of a few, for the machine may be busy with other things.
    let mut quickest = f64::MAX;
    for _ in 0..5 {
        let down = cluster.check(&[]);
        assert_eq!((down.code, down.stdout.as_str()), (1, ""));
        assert!(down.stderr.contains("was refused"), "{}", down.stderr);
        quickest = quickest.min(down.seconds);
    }
    assert!(quickest < 1.0, "it took {quickest} s");
    Ok(())
}

const POLICY: &str = "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: restricted}\n\
    spec: {seLinux: {rule: RunAsAny}, supplementalGroups: {rule: RunAsAny}, runAsUser: {rule: RunAsAny}, \
    fsGroup: {rule: RunAsAny}, volumes: ['*']}\n";

const AUTOSCALER: &str = "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\n\
    metadata: {name: web, namespace: default}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: extensions/v1beta1, \
    kind: Deployment, name: web}}\n";

/// Kinds that do not merely change their version.
fn policies_and_autoscalers() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let create = ["create", "--field-manager=platform-team", "-f", "-"];
    cluster.kubectl_stdin(&create, POLICY).ok();
    cluster.kubectl_stdin(&create, AUTOSCALER).ok();
    let report = report_with(&cluster, "1.25", 3);
    // Policies can only be listed through a deprecated version, of which the server warns.
    let warned = cluster.check(&["--to", "1.25"]).stderr;
    let warning = "warning: the API server says: policy/v1beta1 PodSecurityPolicy is deprecated";
    assert_eq!(warned.matches(warning).count(), 1, "{warned}");
    let quiet = cluster.check(&["--to", "1.25", "-q"]).stderr;
    assert!(!quiet.contains("the API server says"), "{quiet}");
    let policies = findings(&report, "psp-present");
    assert_eq!(
        policies[0]["objects"][0]["name"], "restricted",
        "{report:#}"
    );
    let removed = findings(&report, "api-removed");
    assert!(
        removed
            .iter()
            .all(|finding| finding["objects"][0]["kind"] != "PodSecurityPolicy")
    );
    let named = |finding: &Value| finding["objects"][0]["apiVersion"] == "extensions/v1beta1";
    assert!(!removed.into_iter().any(named), "one object, one finding");
    let references = findings(&report, "hpa-targetref");
    assert_eq!(references.len(), 1, "{report:#}");
    assert_eq!(references[0]["severity"], "warning");
    let object = &references[0]["objects"][0];
    assert_eq!(object["name"], "web");
    assert_eq!(object["evidence"][0]["source"], "reference");
    let later = findings(&report, "api-deprecated");
    assert_eq!(
        later[0]["objects"][0]["apiVersion"], "autoscaling/v2beta2",
        "{report:#}"
    );
    assert_eq!(later[0]["severity"], "note");
    Ok(())
}

/// The newest release, with its controllers at work and nothing of ours in it.
fn newest_is_ready() -> Result<(), Failed> {
    let cluster = Cluster::options(NEWEST).with_controllers().start();
    let run = cluster.check(&["-o", "json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let report = run.json();
    assert_eq!(report["verdict"], "ready");
    assert_eq!(report["path"].as_array().map(Vec::len), Some(0));
    assert_eq!(
        (blockers(&report), &report["summary"]["warnings"]),
        (0, &0.into()),
        "{report:#}"
    );
    // And on its way to releases that the catalog does not know yet.
    let beyond = cluster.check(&["--to", "1.39", "-o", "json"]);
    assert_eq!(beyond.code, 4, "{}", beyond.stdout);
    assert_eq!(blockers(&beyond.json()), 0);
    Ok(())
}
