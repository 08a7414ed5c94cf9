//! Platforms on a real API server: their APIs as custom resources, read in a first round, and nothing of them on a plain
//! cluster.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, create, eventually, report};

const NEWEST: &str = "1.37.0";

scenarios! {
    nothing_on_a_plain_cluster: [Need::ControlPlane(NEWEST)],
    kyma: [Need::ControlPlane(NEWEST)],
    dkp_management: [Need::ControlPlane(NEWEST)],
}

/// A custom resource definition that takes anything.
pub(crate) fn definition(
    group: &str,
    version: &str,
    kind: &str,
    plural: &str,
    scope: &str,
) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {"group": group, "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

/// Makes the definitions and waits until all are served.
pub(crate) fn define(cluster: &Cluster, definitions: &[Value]) {
    create(cluster, definitions);
    eventually("the custom resources are served", 60, || {
        definitions.iter().all(|definition| {
            let name = definition["metadata"]["name"].as_str().expect("a name");
            cluster.kubectl(&["get", name, "-A"]).code == 0
        })
    });
    // Discovery is put together apart from that.
    eventually("the groups are discovered", 60, || {
        let groups = cluster.kubectl(&["get", "--raw", "/apis"]).stdout;
        definitions.iter().all(|definition| {
            let group = definition["spec"]["group"].as_str().expect("a group");
            groups.contains(&format!("\"name\":\"{group}\""))
        })
    });
}

pub(crate) fn namespaces(names: &[&str]) -> Vec<Value> {
    let namespace =
        |name: &&str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    names.iter().map(namespace).collect()
}

fn platform<'a>(report: &'a Value, name: &str) -> &'a Value {
    let platforms = report["cluster"]["platforms"]
        .as_array()
        .expect("platforms");
    let found = platforms.iter().find(|platform| platform["name"] == name);
    found.unwrap_or(&Value::Null)
}

pub(crate) fn deployment(namespace: &str, name: &str, image: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": name, "image": image}]}}}})
}

/// What the program asked for, as `group/plural` with the name or label it asked for.
fn asked(cluster: &Cluster) -> Vec<String> {
    let events = cluster.audit_log();
    let ours = events.iter().filter(|event| {
        let agent = event["userAgent"].as_str().unwrap_or_default();
        agent.starts_with("kubectl-upgrade-check/")
    });
    ours.filter_map(|event| event["requestURI"].as_str().map(str::to_owned))
        .collect()
}

fn nothing_on_a_plain_cluster() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let report = report(&cluster, "1.37");
    assert_eq!(
        report["cluster"]["platforms"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(report["cluster"]["topology"]["role"], Value::Null);
    assert_eq!(report["gaps"], json!([]), "{report:#}");
    let asked = asked(&cluster);
    assert!(
        asked.iter().any(|uri| uri.starts_with("/api/v1/nodes")),
        "{asked:?}"
    );
    for word in [
        "kyma",
        "x-k8s.io",
        "d2iq",
        "mesosphere",
        "toolkit.fluxcd.io",
        "kommander",
    ] {
        assert!(
            !asked.iter().any(|uri| uri.contains(word)),
            "{word}: {asked:?}"
        );
    }
    let nodes = asked.iter().filter(|uri| uri.starts_with("/api/v1/nodes"));
    assert_eq!(
        nodes.count(),
        1,
        "the second round asks for nothing again: {asked:?}"
    );
    Ok(())
}

fn kyma() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let group = "installer.kyma-project.io";
    define(
        &cluster,
        &[definition(
            group,
            "v1alpha1",
            "Installation",
            "installations",
            "Namespaced",
        )],
    );
    create(&cluster, &namespaces(&["kyma-installer"]));
    let image = "eu.gcr.io/kyma-project/kyma-installer";
    create(
        &cluster,
        &[
            json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "Installation",
                "metadata": {"name": "kyma-installation", "namespace": "default"},
                "spec": {"version": "0.0.1", "components": [{"name": "logging"}]},
                "status": {"state": "Installed", "version": "0.0.1"}}),
            deployment(
                "kyma-installer",
                "kyma-installer",
                &format!("{image}:1.24.8"),
            ),
        ],
    );
    let told = report(&cluster, "kubernetes=1.37");
    let kyma = platform(&told, "kyma");
    assert_eq!(kyma["version"], "1.24.8", "{told:#}");
    assert_eq!(kyma["variant"], "cluster");
    // A build of the main branch is no release.
    let set = format!("kyma-installer={image}:main-0123abcd");
    cluster
        .kubectl(&[
            "-n",
            "kyma-installer",
            "set",
            "image",
            "deployment/kyma-installer",
            &set,
        ])
        .ok();
    // The API server's watch cache may be a moment behind.
    eventually("the other image is seen", 30, || {
        let told = report(&cluster, "kubernetes=1.37");
        let gap = told["gaps"].to_string();
        platform(&told, "kyma")["version"].is_null()
            && gap.contains("main-0123abcd")
            && told["verdict"] != "ready"
    });
    Ok(())
}

fn dkp_management() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let kommander = "kommander.mesosphere.io";
    let workspaces = "workspaces.kommander.mesosphere.io";
    let flux = "helm.toolkit.fluxcd.io";
    let capi = "cluster.x-k8s.io";
    define(
        &cluster,
        &[
            definition(
                kommander,
                "v1beta1",
                "KommanderCluster",
                "kommanderclusters",
                "Namespaced",
            ),
            definition(workspaces, "v1alpha1", "Workspace", "workspaces", "Cluster"),
            definition(flux, "v2beta1", "HelmRelease", "helmreleases", "Namespaced"),
            definition(capi, "v1beta1", "Cluster", "clusters", "Namespaced"),
        ],
    );
    create(&cluster, &namespaces(&["kommander", "retail"]));
    create(
        &cluster,
        &[
            json!({"apiVersion": format!("{flux}/v2beta1"), "kind": "HelmRelease",
                "metadata": {"name": "kommander", "namespace": "kommander"},
                "spec": {"chart": {"spec": {"version": "v2.3.0"}}},
                "status": {"lastAppliedRevision": "v2.3.0"}}),
            json!({"apiVersion": format!("{workspaces}/v1alpha1"), "kind": "Workspace",
                "metadata": {"name": "retail"}, "spec": {"namespaceName": "retail"}}),
            json!({"apiVersion": format!("{kommander}/v1beta1"), "kind": "KommanderCluster",
                "metadata": {"name": "host-cluster", "namespace": "kommander"}}),
            json!({"apiVersion": format!("{kommander}/v1beta1"), "kind": "KommanderCluster",
                "metadata": {"name": "east", "namespace": "retail"},
                "spec": {"clusterRef": {"capiCluster": {"name": "east", "namespace": "retail"}}}}),
            json!({"apiVersion": format!("{capi}/v1beta1"), "kind": "Cluster",
                "metadata": {"name": "east", "namespace": "retail"},
                "spec": {"infrastructureRef": {"kind": "AWSCluster", "name": "east"}}}),
        ],
    );
    let told = report(&cluster, "kubernetes=1.37");
    assert_eq!(platform(&told, "dkp")["version"], "2.3.0", "{told:#}");
    let topology = &told["cluster"]["topology"];
    assert_eq!(topology["role"], "management", "{topology:#}");
    assert_eq!(topology["edition"], "enterprise");
    let clusters = topology["clusters"].as_array().expect("clusters");
    let roles: Vec<_> = clusters
        .iter()
        .map(|member| (&member["name"], &member["role"]))
        .collect();
    assert_eq!(
        json!(roles),
        json!([["host-cluster", "management"], ["east", "managed"]])
    );
    assert_eq!(clusters[1]["provider"], "AWSCluster");
    let gaps = told["gaps"].as_array().expect("gaps");
    assert!(
        gaps.iter().any(|gap| gap["cluster"] == "retail/east"),
        "{gaps:#?}"
    );
    assert_eq!(told["verdict"], "incomplete");
    // Which platform runs is no matter of the namespace that is asked about.
    let narrowed = ["-n", "default", "--to", "kubernetes=1.37", "-o", "json"];
    let narrowed = cluster.check(&narrowed).json();
    assert_eq!(narrowed["cluster"]["topology"], *topology);
    Ok(())
}
