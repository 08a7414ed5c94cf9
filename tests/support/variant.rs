//! Clusters of each kind, for plans.

use std::fmt::Write as _;

use kubectl_upgrade::api::v1::{StepStateDoc, TypedConditionDoc};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{Plan, PlanOptions, ScopeLevel, Step};
use kubectl_upgrade::snapshot::Snapshot;

use super::cluster::Cluster;
use super::golden;

/// Where the variants are, each with its plan.
pub(crate) const FOLDER: &str = "tests/fixtures/plans";

/// Each with the title of the procedure that it picks.
pub(crate) const VARIANTS: [(&str, &str); 18] = [
    ("aks", "Azure Kubernetes Service"),
    ("cluster-api", "Cluster API"),
    ("cluster-api-pools", "Cluster API"),
    ("cluster-api-workload", "Cluster API"),
    ("cluster-topology", "Cluster API with a ClusterClass"),
    ("cluster-topology-held", "Cluster API with a ClusterClass"),
    ("eks", "Amazon EKS"),
    ("eks-auto", "Amazon EKS"),
    ("emulated", "Emulated versions"),
    ("gke", "Google Kubernetes Engine"),
    ("k3s", "k3s"),
    ("kops", "kOps"),
    ("kubeadm", "kubeadm"),
    ("openshift", "OpenShift"),
    ("otherwise", "Kubernetes"),
    ("rancher", "Rancher"),
    ("rke2", "RKE2"),
    ("talos", "Talos Linux"),
];

/// The cluster of this name.
pub(crate) fn load(name: &str) -> Cluster {
    Cluster::load(golden::in_repository(&format!("{FOLDER}/{name}.yaml")))
}

/// The plan for a cluster, of which no findings are known.
pub(crate) fn plan(cluster: &Cluster, catalog: &Catalog) -> Plan {
    cluster.plan(catalog, &[], &PlanOptions::default())
}

/// Every variant as a snapshot, and its upgrade path.
pub(crate) fn snapshots(
    catalog: &Catalog,
) -> impl Iterator<Item = (String, Snapshot, UpgradePath)> {
    VARIANTS.into_iter().map(move |(name, _)| {
        let cluster = load(name);
        let path = cluster.path(catalog);
        let name = format!("{FOLDER}/{name}.yaml");
        (name, cluster.snapshot(catalog, &path), path)
    })
}

/// The steps of a plan: ids, states, conditions and commands.
pub(crate) fn told(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let done =
            serde_json::to_value(TypedConditionDoc::from(&step.done_when)).expect("a condition");
        let kind = done["type"].as_str().expect("its type").to_owned();
        writeln!(
            text,
            "{} ({}, {kind})",
            step.id,
            StepStateDoc::from(step.state).as_str()
        )
        .expect("a line");
        for command in &step.commands {
            writeln!(text, "    {command}").expect("a line");
        }
        if step.scope.level == ScopeLevel::Pool {
            writeln!(text, "    basis: {}", step.duration.basis).expect("a line");
        }
    }
    text
}
