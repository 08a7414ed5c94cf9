//! What really went over the wire, as the API servers themselves wrote it down.

use std::collections::BTreeSet;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::harness::{audit_logs_of_this_run, read_audit_log};

/// How the programs under test call themselves.
const USER_AGENTS: [&str; 3] = [
    "kubectl-upgrade-check/",
    "kubectl-upgrade-plan/",
    "kubectl-upgrade-watch/",
];

/// What may be listed on any path that the tests take, as `group/plural`. Written down by hand, so that a change of what
/// is read is a change here.
const MAY_LIST: &[&str] = &[
    "/configmaps",
    "/namespaces",
    "/nodes",
    "/persistentvolumeclaims",
    "/persistentvolumes",
    "/pods",
    "/podtemplates",
    "/replicationcontrollers",
    "/secrets",
    "/services",
    "admissionregistration.k8s.io/mutatingwebhookconfigurations",
    "admissionregistration.k8s.io/validatingwebhookconfigurations",
    "apiextensions.k8s.io/customresourcedefinitions",
    "apiregistration.k8s.io/apiservices",
    "apps.kommander.d2iq.io/appdeployments",
    "apps.kommander.d2iq.io/apps",
    "apps/daemonsets",
    "apps/deployments",
    "apps/replicasets",
    "apps/statefulsets",
    "autoscaling/horizontalpodautoscalers",
    "batch/cronjobs",
    "batch/jobs",
    "certificates.k8s.io/certificatesigningrequests",
    "cluster.x-k8s.io/clusterclasses",
    "cluster.x-k8s.io/clusters",
    "cluster.x-k8s.io/machinedeployments",
    "cluster.x-k8s.io/machines",
    "clusterctl.cluster.x-k8s.io/providers",
    "controlplane.cluster.x-k8s.io/kubeadmcontrolplanes",
    "discovery.k8s.io/endpointslices",
    "dkp.d2iq.io/kommandercores",
    "events.k8s.io/events",
    "flowcontrol.apiserver.k8s.io/flowschemas",
    "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
    "gateway.kyma-project.io/apirules",
    "helm.toolkit.fluxcd.io/helmreleases",
    "installer.kyma-project.io/installations",
    "k3s.cattle.io/etcdsnapshotfiles",
    "kommander.mesosphere.io/kommanderclusters",
    "kommander.mesosphere.io/licenses",
    "kubeaddons.mesosphere.io/clusteraddons",
    "kubeless.io/functions",
    "kustomize.toolkit.fluxcd.io/kustomizations",
    "lifecycle.k8s.io/evictions",
    "networking.k8s.io/ingresses",
    "networking.k8s.io/ipaddresses",
    "networking.k8s.io/servicecidrs",
    "node.k8s.io/runtimeclasses",
    "operator.kyma-project.io/kymas",
    "policy/poddisruptionbudgets",
    "policy/podsecuritypolicies",
    // Custom resources of the tests, whose definitions were changed: who wrote them through which version.
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/roles",
    "shop.example/bills",
    "shop.example/carts",
    "shop.example/orders",
    "source.toolkit.fluxcd.io/gitrepositories",
    "source.toolkit.fluxcd.io/helmrepositories",
    "storage.k8s.io/csidrivers",
    "storage.k8s.io/csinodes",
    "storage.k8s.io/csistoragecapacities",
    "storage.k8s.io/storageclasses",
    "storage.k8s.io/volumeattachments",
    "storage.k8s.io/volumeattributesclasses",
    "upgrade.cattle.io/plans",
    "velero.io/backups",
    "workspaces.kommander.mesosphere.io/projects",
    "workspaces.kommander.mesosphere.io/workspaces",
];

/// What may be watched.
const MAY_WATCH: [&str; 7] = [
    "/nodes",
    "/pods",
    "cluster.x-k8s.io/clusters",
    "cluster.x-k8s.io/machines",
    "controlplane.cluster.x-k8s.io/kubeadmcontrolplanes",
    "events.k8s.io/events",
    "upgrade.cattle.io/plans",
];

const MAY_GET: [&str; 4] = ["/version", "/apis", "/metrics", "/readyz?verbose"];

/// Looks at all audit logs of this run; to be run after everything else.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("audit::only_reads_that_were_planned", || {
        only_reads_that_were_planned()
    })]
}

fn only_reads_that_were_planned() -> Result<(), Failed> {
    let mut ours = 0;
    let mut strange = BTreeSet::new();
    let mut listed = BTreeSet::new();
    for log in audit_logs_of_this_run() {
        for event in read_audit_log(&log) {
            let agent = event["userAgent"].as_str().unwrap_or_default();
            if !USER_AGENTS.iter().any(|name| agent.starts_with(name)) {
                continue;
            }
            ours += 1;
            match allowed(&event) {
                Some(what) => listed.insert(what),
                None => strange.insert(format!("{} {}", event["verb"], event["requestURI"])),
            };
        }
    }
    if ours == 0 {
        // Nothing ran: filtered out, or skipped for want of a control plane.
        return Ok(());
    }
    println!("{ours} requests of ours, to {listed:?}");
    assert_eq!(strange, BTreeSet::new(), "of {ours} requests");
    Ok(())
}

/// What an allowed request asks for; none if it is not allowed.
fn allowed(event: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    match text(&event["verb"]).as_str() {
        "get" if object.is_null() => {
            let path = text(&event["requestURI"]);
            MAY_GET.contains(&path.as_str()).then_some(path)
        }
        // The kubeconfigs of managed clusters, by name.
        "get" if text(&object["resource"]) == "secrets" => {
            let name = text(&object["name"]);
            name.ends_with("-kubeconfig")
                .then(|| "secrets by name".to_owned())
        }
        verb @ ("list" | "watch") if object["subresource"].is_null() => {
            let what = format!(
                "{}/{}",
                text(&object["apiGroup"]),
                text(&object["resource"])
            );
            let allowed: &[&str] = if verb == "list" { MAY_LIST } else { &MAY_WATCH };
            allowed.contains(&what.as_str()).then_some(what)
        }
        _ => None,
    }
}
