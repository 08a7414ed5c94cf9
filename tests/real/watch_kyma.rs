//! An upgrade of Kyma, followed while its Installation goes through what its installer writes.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::detect::{define, definition, namespaces};
use crate::harness::{Cluster, Need, create, eventually};
use crate::watch::{Watch, is_type, says};

const VERSION: &str = "1.24.17";
const IMAGE: &str = "eu.gcr.io/kyma-project/kyma-installer";
const GROUP: &str = "installer.kyma-project.io";
const COMPONENTS: [&str; 3] = ["istio", "logging", "monitoring"];

scenarios! {
    installed_after_a_retry: [Need::ControlPlane(VERSION)],
}

/// The Deployment of the release artifact.
fn installer(release: &str) -> Value {
    let labels = json!({"name": "kyma-installer"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "kyma-installer", "namespace": "kyma-installer"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "kyma-installer-container", "image": format!("{IMAGE}:{release}")}]}}}})
}

/// A cluster with Kyma 1.13.0 that was installed some time ago.
fn build() -> Cluster {
    let cluster = Cluster::options(VERSION).with_controllers().start();
    let installations = definition(
        GROUP,
        "v1alpha1",
        "Installation",
        "installations",
        "Namespaced",
    );
    define(&cluster, &[installations]);
    create(&cluster, &namespaces(&["kyma-installer", "kyma-system"]));
    create(&cluster, &[installer("1.13.0")]);
    wait_for_pod(&cluster, "1.13.0");
    let components = COMPONENTS.map(|name| json!({"name": name}));
    let installation = json!({"apiVersion": format!("{GROUP}/v1alpha1"), "kind": "Installation",
        "metadata": {"name": "kyma-installation", "namespace": "default"}, "spec": {"components": components}});
    create(&cluster, &[installation]);
    write(&cluster, "Installed", "Kyma installed", false, &[]);
    cluster
}

/// The name of the pod that runs a release, once it is there.
fn wait_for_pod(cluster: &Cluster, release: &str) -> String {
    let image = format!("{IMAGE}:{release}");
    let mut name = None;
    eventually("the pod of the installer is there", 60, || {
        let list = cluster.kubectl(&["get", "pods", "-n", "kyma-installer", "-o", "json"]);
        let list: Value = serde_json::from_str(&list.ok().stdout).expect("JSON");
        let pods = list["items"].as_array().expect("items");
        let pod = pods
            .iter()
            .find(|pod| pod["spec"]["containers"][0]["image"] == image.as_str());
        name = pod.and_then(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned()));
        name.is_some()
    });
    name.expect("a pod")
}

/// Writes the status as the installer does; a run begins or ends with the condition Installing.
fn write(cluster: &Cluster, state: &str, description: &str, is_running: bool, errors: &[Value]) {
    let truth = |is_true: bool| if is_true { "True" } else { "False" };
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now});
    let has_failed = state == "Error" && !is_running;
    patch(
        cluster,
        &json!({"status": {"state": state, "description": description, "errorLog": errors, "conditions": [
            condition("Installed", truth(!is_running && !has_failed)), condition("Installing", truth(is_running)),
            condition("Error", truth(has_failed))]}}),
    );
}

fn patch(cluster: &Cluster, patch: &Value) {
    let installation = [
        "patch",
        "installation/kyma-installation",
        "-n",
        "default",
        "--type=merge",
        "-p",
    ];
    cluster
        .kubectl(&[&installation[..], &[&patch.to_string()]].concat())
        .ok();
}

/// Whether the installer is asked to install.
fn request(cluster: &Cluster, action: Option<&str>) {
    patch(
        cluster,
        &json!({"metadata": {"labels": {"action": action}}}),
    );
}

fn apply_installer(cluster: &Cluster, release: &str) {
    let image = format!("kyma-installer-container={IMAGE}:{release}");
    cluster
        .kubectl(&[
            "set",
            "image",
            "deployment/kyma-installer",
            "-n",
            "kyma-installer",
            &image,
        ])
        .ok();
}

/// The status of a container of a pod, as its kubelet would write it.
fn write_container(cluster: &Cluster, pod: &str, state: &Value) {
    let status = json!({"status": {"containerStatuses": [{"name": "kyma-installer-container", "image": IMAGE,
        "imageID": "", "ready": false, "restartCount": 0, "state": state}]}});
    let line = [
        "patch",
        "pod",
        pod,
        "-n",
        "kyma-installer",
        "--subresource=status",
        "-p",
    ];
    cluster
        .kubectl(&[&line[..], &[&status.to_string()]].concat())
        .ok();
}

/// The exit code of a watch that is over.
fn exit_code(watch: &mut Watch) -> Option<i32> {
    eventually("the watch ends", 30, || {
        watch.process.exit_status().is_some()
    });
    watch.process.exit_status()?.code()
}

fn installed_after_a_retry() -> Result<(), Failed> {
    let mut cluster = build();
    let mut watch = Watch::start(&cluster, &["--to", "kyma=1.14.0"]);
    watch.wait_for("the state of before", says("Kyma 1.13.0 is installed"));

    // The status says Installed until the new installer runs, and for as long as its image cannot be pulled.
    apply_installer(&cluster, "1.14.0");
    request(&cluster, Some("install"));
    let pod = wait_for_pod(&cluster, "1.14.0");
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff",
        "message": format!("Back-off pulling image \"{IMAGE}:1.14.0\"")}});
    write_container(&cluster, &pod, &waiting);
    watch.wait_for(
        "why it has not begun",
        says("ImagePullBackOff: Back-off pulling image"),
    );
    write_container(&cluster, &pod, &json!({"running": {}}));

    write(
        &cluster,
        "InProgress",
        "Verify installed components",
        true,
        &[],
    );
    watch.wait_for(
        "the begin",
        says("Verify installed components, 0 of 3 components done"),
    );
    write(
        &cluster,
        "InProgress",
        "install component logging",
        true,
        &[],
    );
    watch.wait_for(
        "the second component",
        says("install component logging, 1 of 3 components done"),
    );
    let error = json!({"component": "logging", "occurrences": 1, "log":
        "Helm upgrade of release \"logging\" failed: cannot patch \"logging-loki\" with kind StatefulSet\nFinding last known deployed revision to rollback to."});
    write(
        &cluster,
        "Error",
        "install component logging",
        true,
        std::slice::from_ref(&error),
    );
    watch.wait_for(
        "the retry",
        says("cannot patch \"logging-loki\" with kind StatefulSet; it is tried again"),
    );
    write(
        &cluster,
        "InProgress",
        "install component monitoring",
        true,
        &[error],
    );
    watch.wait_for(
        "the third component",
        says("install component monitoring, 2 of 3 components done"),
    );
    let finished = |watch: &Watch| watch.events().iter().any(is_type("finished"));
    assert!(!finished(&watch), "{}", watch.process.log());

    // The installer takes the label away, then writes the state, and the conditions last.
    request(&cluster, None);
    patch(
        &cluster,
        &json!({"status": {"state": "Installed", "description": "Kyma installed"}}),
    );
    watch.wait_for("the end of the components", says("3 of 3 components done"));
    assert!(!finished(&watch), "{}", watch.process.log());
    write(&cluster, "Installed", "Kyma installed", false, &[]);
    watch.wait_for("the end", is_type("finished"));
    assert_eq!(exit_code(&mut watch), Some(0), "{}", watch.process.log());
    given_up(&mut cluster)
}

/// A run that ends without the label: nothing tries again.
fn given_up(cluster: &mut Cluster) -> Result<(), Failed> {
    apply_installer(cluster, "1.15.1");
    request(cluster, Some("install"));
    wait_for_pod(cluster, "1.15.1");
    let mut watch = Watch::start(cluster, &[]);
    watch.wait_for("what was begun", says("Kyma 1.15.1 has not begun"));
    write(cluster, "InProgress", "install component istio", true, &[]);
    watch.wait_for(
        "the first component",
        says("install component istio, 0 of 3 components done"),
    );
    let error = json!({"component": "istio", "log": "context deadline exceeded", "occurrences": 6});
    write(
        cluster,
        "Error",
        "install component istio",
        true,
        std::slice::from_ref(&error),
    );
    watch.wait_for(
        "the sixth attempt",
        says("component istio failed (6 times)"),
    );
    request(cluster, None);
    write(cluster, "Error", "install component istio", false, &[error]);
    watch.wait_for("the end", is_type("failed"));
    assert_eq!(exit_code(&mut watch), Some(3), "{}", watch.process.log());
    let last = watch.events().last().cloned().unwrap_or_default();
    let message = last["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("has given up") && message.contains("action=install"),
        "{message}"
    );
    Ok(())
}
