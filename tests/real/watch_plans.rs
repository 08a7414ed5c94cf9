//! A cluster that upgrades itself by the Plans of the system-upgrade-controller, as k3s and RKE2 do. The test does what the
//! controller does.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, create, eventually};
use crate::watch::{NEW, OLD, Watch, is_type, says, text, watched};

const SERVER_PLAN: &str = "server-plan";
const AGENT_PLAN: &str = "agent-plan";

scenarios! {
    servers_then_agents: [Need::ControlPlane(OLD), Need::ControlPlane(NEW)],
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "plans.upgrade.cattle.io"},
        "spec": {"group": "upgrade.cattle.io", "scope": "Namespaced",
            "names": {"plural": "plans", "singular": "plan", "kind": "Plan", "listKind": "PlanList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn plan(name: &str, operator: &str) -> Value {
    let role = json!({"key": "node-role.kubernetes.io/control-plane", "operator": operator});
    json!({"apiVersion": "upgrade.cattle.io/v1", "kind": "Plan", "metadata": {"name": name, "namespace": "system-upgrade"},
        "spec": {"concurrency": 1, "version": format!("v{NEW}"), "nodeSelector": {"matchExpressions": [role]},
            "upgrade": {"image": "registry.example:5000/rancher/k3s-upgrade"}}})
}

fn node(name: &str, version: &str, more: &Value) -> Value {
    let mut node = crate::watch::worker(name, "", version);
    node["metadata"]["labels"] = json!({"kubernetes.io/hostname": name});
    for (key, value) in more.as_object().expect("labels") {
        node["metadata"]["labels"][key] = value.clone();
    }
    node
}

/// Sets the status of a Plan.
fn report(cluster: &Cluster, plan: &str, status: &Value) {
    let patch = json!({"status": status}).to_string();
    let args = [
        "patch",
        "plan",
        plan,
        "-n",
        "system-upgrade",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    cluster.kubectl(&args).ok();
}

fn applying(nodes: &[&str]) -> Value {
    json!({"latestVersion": format!("v{NEW}"), "latestHash": "8f3c", "applying": nodes})
}

/// What the Job on a node does: it restarts the kubelet with another version. The controller then labels the node.
fn upgrade(cluster: &Cluster, name: &str, plan: &str) {
    let patch = json!({"status": {"nodeInfo": {"kubeletVersion": format!("v{NEW}")}}}).to_string();
    let args = [
        "patch",
        "node",
        name,
        "--subresource=status",
        "--type=strategic",
        "-p",
        &patch,
    ];
    cluster.kubectl(&args).ok();
    let label = format!("plan.upgrade.cattle.io/{plan}=8f3c");
    cluster.kubectl(&["label", "node", name, &label]).ok();
    cluster.kubectl(&["uncordon", name]).ok();
}

fn servers_then_agents() -> Result<(), Failed> {
    let mut cluster = Cluster::start(OLD);
    create(&cluster, &[definition()]);
    eventually("the Plans are served", 30, || {
        cluster.kubectl(&["get", "plans", "-A"]).code == 0
    });
    let server = json!({"node-role.kubernetes.io/control-plane": "true"});
    create(
        &cluster,
        &[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "system-upgrade"}}),
            node("server-1", OLD, &server),
            node("agent-1", OLD, &json!({})),
            node("agent-2", OLD, &json!({})),
        ],
    );
    let idle = watched(&cluster, &["--plain"]).ok();
    assert!(
        idle.stdout.contains("nothing is being upgraded"),
        "{}",
        idle.stdout
    );
    create(
        &cluster,
        &[
            plan(SERVER_PLAN, "Exists"),
            plan(AGENT_PLAN, "DoesNotExist"),
        ],
    );
    let recording = cluster.folder.file("recording");
    let watch = Watch::start(&cluster, &["--record", text(&recording)]);
    watch.wait_for("the first picture", says("upgrade to 1.25.0"));
    assert_eq!(watch.events()[0]["progress"]["phase"], "waiting");

    report(&cluster, AGENT_PLAN, &applying(&[]));
    report(&cluster, SERVER_PLAN, &applying(&["server-1"]));
    cluster.kubectl(&["cordon", "server-1"]).ok();
    watch.wait_for(
        "the Plan of servers",
        says("plan system-upgrade/server-plan is being applied to server-1"),
    );
    watch.wait_for("its phase", |event| {
        event["progress"]["phase"] == "control-plane"
    });
    cluster.restart_apiserver(NEW);
    watch.wait_for("the new API server", says("API server: v1.25.0"));
    upgrade(&cluster, "server-1", SERVER_PLAN);
    report(&cluster, SERVER_PLAN, &applying(&[]));
    watch.wait_for(
        "the server",
        says("plan system-upgrade/server-plan: 1 of 1 nodes done"),
    );

    report(&cluster, AGENT_PLAN, &applying(&["agent-1"]));
    let failure = "Job system-upgrade/apply-agent-plan-on-agent-1 failed on Node agent-1: BackoffLimitExceeded: Job has \
                   reached the specified backoff limit";
    let mut failed = applying(&["agent-1"]);
    failed["conditions"] =
        json!([{"type": "Complete", "status": "False", "reason": "JobFailed", "message": failure}]);
    report(&cluster, AGENT_PLAN, &failed);
    watch.wait_for(
        "the failure",
        says("plan system-upgrade/agent-plan does not go on: Job"),
    );
    for name in ["agent-1", "agent-2"] {
        let mut status = applying(&[name]);
        status["conditions"] = json!([]);
        report(&cluster, AGENT_PLAN, &status);
        upgrade(&cluster, name, AGENT_PLAN);
    }
    watch.wait_for("the end", is_type("finished"));
    let nodes = watch.events();
    let nodes = nodes
        .iter()
        .filter(|event| event["progress"]["phase"] == "nodes");
    assert!(nodes.count() > 0, "agents come after servers");

    let live = watch.process.log();
    let replayed = watched(&cluster, &["--replay", text(&recording), "-o", "json"]);
    assert_eq!((replayed.code, replayed.stdout), (0, live));
    Ok(())
}
