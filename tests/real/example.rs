//! The example that ships with the project: a shop on Kubernetes 1.24 that is not ready for 1.25, recorded from a real
//! control plane. `make example` records it anew; every other run checks that it still tells the same story.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, eventually};

const OLD: &str = "1.24.17";

scenarios! {
    shop: [Need::Controllers(OLD), Need::Kwok, Need::Helm],
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop.snapshot")
}

fn shop() -> Result<(), Failed> {
    let cluster = Cluster::options(OLD).with_controllers().with_kwok().start();
    build(&cluster)?;
    let folder = tempfile::tempdir()?;
    let fresh = folder.path().join("shop.snapshot");
    let shown = fresh.to_string_lossy();
    let live = cluster.check(&["--save-snapshot", &shown, "-o", "json"]);
    assert_eq!(live.code, 3, "{}", live.stderr);

    let replayed = cluster.check(&["--snapshot", &shown, "-o", "json"]);
    assert_eq!(replayed.code, 3, "{}", replayed.stderr);
    assert_eq!(
        replayed.stdout, live.stdout,
        "a replay tells what the live run told"
    );

    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        fs::copy(&fresh, committed())?;
    }
    let example = committed();
    let committed = cluster.check(&["--snapshot", &example.to_string_lossy(), "-o", "json"]);
    assert_eq!(
        story(&committed.json()),
        story(&live.json()),
        "examples/shop.snapshot is out of date: run `make example`"
    );

    // Asked about a target for which other things would have had to be read, an old picture has gaps.
    let farther = cluster.check(&["--snapshot", &shown, "--to", "1.26", "-o", "json"]);
    let gaps = farther.json()["gaps"].clone();
    assert!(
        gaps.to_string().contains("flowschemas"),
        "what was not read is a gap: {gaps:#}"
    );
    Ok(())
}

/// What a report says, without times and addresses.
fn story(report: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let findings = list(&report["findings"]).into_iter().map(|finding| {
        let objects = list(&finding["objects"]).into_iter().map(|object| {
            let sources = list(&object["evidence"]).into_iter();
            let sources: Vec<Value> = sources.map(|seen| seen["source"].clone()).collect();
            json!([
                object["kind"],
                object["namespace"],
                object["name"],
                object["owner"],
                sources
            ])
        });
        json!([
            finding["id"],
            finding["severity"],
            finding["message"],
            objects.collect::<Vec<Value>>()
        ])
    });
    json!([
        report["verdict"],
        report["path"],
        findings.collect::<Vec<Value>>(),
        report["gaps"]
    ])
}

const OLD_BUDGET: &str = "
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: checkout, namespace: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: checkout}}}
";

const NEW_BUDGET: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
";

const POLICY: &str = "
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata: {name: restricted}
spec:
  privileged: false
  seLinux: {rule: RunAsAny}
  supplementalGroups: {rule: RunAsAny}
  runAsUser: {rule: MustRunAsNonRoot}
  fsGroup: {rule: RunAsAny}
  volumes: [configMap, secret, emptyDir]
";

const AUTOSCALERS: &str = "
apiVersion: autoscaling/v2beta1
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
---
apiVersion: autoscaling/v2beta2
kind: HorizontalPodAutoscaler
metadata: {name: search, namespace: search}
spec:
  maxReplicas: 4
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: search}
";

/// A shop with a past: two charts, hand-made budgets, an autoscaler that an operator keeps, and one old node.
fn build(cluster: &Cluster) -> Result<(), Failed> {
    for (name, kubelet) in [
        ("pool-a-1", "v1.24.17"),
        ("pool-a-2", "v1.24.17"),
        ("pool-b-1", "v1.23.17"),
        ("pool-c-1", "v1.22.17"),
    ] {
        cluster.add_node(name, kubelet);
    }
    for namespace in ["shop", "search"] {
        cluster.kubectl(&["create", "namespace", namespace]).ok();
        let deployment = [
            "create",
            "deployment",
            "web",
            "--image=web:1",
            "--replicas=2",
            "-n",
        ];
        cluster
            .kubectl(&[&deployment[..], &[namespace]].concat())
            .ok();
    }
    eventually("the pods of the shop are ready", 60, || {
        let get = ["get", "deployment", "web", "-n", "shop", "-o", "json"];
        cluster.kubectl(&get).ok().json()["status"]["readyReplicas"] == 2
    });
    let by = |manager: &str, manifest: &str| {
        let manager = format!("--field-manager={manager}");
        cluster
            .kubectl_stdin(&["create", &manager, "-f", "-"], manifest)
            .ok();
    };
    by("shop-operator", AUTOSCALERS);
    by("platform-team", POLICY);
    by("platform-team", NEW_BUDGET);
    cluster
        .kubectl_stdin(&["apply", "-f", "-"], OLD_BUDGET)
        .ok();

    let folder = tempfile::tempdir()?;
    chart(cluster, folder.path(), "cart", "shop", "batch/v1beta1")?;
    chart(cluster, folder.path(), "search", "search", "batch/v1beta1")?;
    // The search team has moved; what managedFields remember of it is no longer so.
    chart(cluster, folder.path(), "search", "search", "batch/v1")
}

/// Installs or upgrades a release with a CronJob of this API version.
fn chart(
    cluster: &Cluster,
    folder: &Path,
    name: &str,
    namespace: &str,
    api_version: &str,
) -> Result<(), Failed> {
    let path = folder.join(name);
    fs::create_dir_all(path.join("templates"))?;
    fs::write(
        path.join("Chart.yaml"),
        format!("apiVersion: v2\nname: {name}\nversion: 1.4.0\n"),
    )?;
    let job = format!(
        "apiVersion: {api_version}\nkind: CronJob\nmetadata: {{name: {name}-nightly}}\n\
         spec: {{schedule: '0 3 * * *', jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, \
         containers: [{{name: nightly, image: nightly}}]}}}}}}}}}}\n"
    );
    fs::write(path.join("templates/nightly.yaml"), job)?;
    let shown = path.to_string_lossy();
    cluster
        .helm(&["upgrade", "--install", name, &shown, "-n", namespace])
        .ok();
    Ok(())
}
