//! What draining a node evicts, how long that may take, and which disruption budgets block it.
//!
//! Source: kubernetes/kubectl pkg/drain, kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::facts::{budgets, pods};
use crate::need::Need;
use crate::rules::{CheckContext, Finding, Severity, object_path};
use crate::snapshot::{ClusterView, PodRow};

/// Further owners are only counted.
const MAX_NAMED_OWNERS: usize = 3;
/// The grace period of a pod that sets none, in seconds. Source: kubernetes/api core/v1/types.go.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// What drain impacts are computed from.
pub(super) fn needs() -> Vec<Need> {
    vec![pods::pods_need(), budgets::budgets_need()]
}

/// The impact of draining one node, or several.
#[derive(Debug, Default, Clone)]
pub(super) struct DrainImpact {
    /// Number of pods that are evicted.
    pub(super) evicted_pods: usize,
    /// The longest termination grace period of these pods, in seconds.
    pub(super) max_grace_seconds: u64,
    /// Disruption budgets that currently allow no eviction, as `namespace/name`.
    pub(super) blocking_budgets: BTreeSet<String>,
    /// Fingerprints of blockers on the evicted pods and their budgets.
    pub(super) blocking_findings: BTreeSet<String>,
    /// Owners whose only pod is evicted.
    pub(super) sole_replicas: Vec<String>,
}

/// The impact of draining each node of a cluster.
#[derive(Debug, Default)]
pub(super) struct DrainImpacts {
    by_node: HashMap<String, DrainImpact>,
    /// Whether all pods and disruption budgets were read.
    pub(super) is_observed: bool,
}

type PodOwnerKey<'a> = (&'a str, &'a str, &'a str);

fn pod_owner_key(pod: &PodRow) -> Option<PodOwnerKey<'_>> {
    let owner = pod.controller.as_ref()?;
    Some((&pod.namespace, &owner.kind, &owner.name))
}

impl DrainImpacts {
    pub(super) fn new(
        context: &CheckContext<'_>,
        view: ClusterView<'_>,
        findings: &[Finding],
    ) -> Self {
        // Pods of other namespaces on the same nodes were not read.
        if view.cluster.namespace.is_some() || view.rows(&budgets::budgets_need()).is_none() {
            return Self::default();
        }
        let Some(rows) = view.rows(&pods::pods_need()) else {
            return Self::default();
        };
        let evicted = || {
            let pods = rows.pods().iter();
            pods.filter(|pod| pods::is_evicted_by_drain(pod))
        };
        let mut siblings: HashMap<PodOwnerKey<'_>, usize> = HashMap::new();
        for owner in evicted().filter_map(pod_owner_key) {
            *siblings.entry(owner).or_default() += 1;
        }
        let mut impacts = Self {
            by_node: HashMap::new(),
            is_observed: true,
        };
        for pod in evicted() {
            let node = pod.node_name.to_string();
            let impact = impacts.by_node.entry(node).or_default();
            impact.evicted_pods += 1;
            let grace = pod.termination_grace_period_seconds;
            let grace = u64::try_from(grace.unwrap_or(DEFAULT_GRACE_SECONDS)).unwrap_or(0);
            impact.max_grace_seconds = impact.max_grace_seconds.max(grace);
            let owner = pod_owner_key(pod).filter(|owner| siblings.get(owner) == Some(&1));
            if let Some((namespace, kind, name)) = owner {
                let path = object_path(kind, Some(namespace), name);
                impact.sole_replicas.push(path);
            }
        }
        impacts.record_budgets(context, findings);
        impacts.record_pod_findings(rows.pods(), findings);
        impacts
    }

    /// Records budgets that currently allow no eviction, and those with blockers.
    fn record_budgets(&mut self, context: &CheckContext<'_>, findings: &[Finding]) {
        let blockers = drain_blockers_by_object(findings, "PodDisruptionBudget");
        let budgets = context.budgets().map(|budgets| budgets.budgets);
        for budget in budgets.into_iter().flatten() {
            let namespace = budget.row.meta.namespace.as_deref().unwrap_or_default();
            let name = format!("{namespace}/{}", budget.row.meta.name);
            if budget.refuses_evictions() {
                let nodes: HashSet<_> = budget.refused_pods().map(|pod| &pod.node_name).collect();
                for node in nodes {
                    let impact = self.by_node.entry(node.to_string()).or_default();
                    impact.blocking_budgets.insert(name.clone());
                }
            }
            if let Some(fingerprints) = blockers.get(&name) {
                let nodes: HashSet<_> = budget.pods.iter().map(|pod| &pod.node_name).collect();
                for node in nodes {
                    let impact = self.by_node.entry(node.to_string()).or_default();
                    impact
                        .blocking_findings
                        .extend(fingerprints.iter().cloned());
                }
            }
        }
    }

    /// Records blockers on pods.
    fn record_pod_findings(&mut self, pods: &[PodRow], findings: &[Finding]) {
        let blockers = drain_blockers_by_object(findings, "Pod");
        if blockers.is_empty() {
            return;
        }
        for pod in pods {
            let name = format!("{}/{}", pod.namespace, pod.name);
            let impact = self.by_node.get_mut(&*pod.node_name);
            if let (Some(fingerprints), Some(impact)) = (blockers.get(&name), impact) {
                impact
                    .blocking_findings
                    .extend(fingerprints.iter().cloned());
            }
        }
    }

    /// The impact of draining all of these nodes: pods are added up, the longest grace period counts.
    pub(super) fn for_nodes(
        &self,
        nodes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> DrainImpact {
        let mut sum = DrainImpact::default();
        let nodes = nodes.into_iter();
        for one in nodes.filter_map(|node| self.by_node.get(node.as_ref())) {
            sum.evicted_pods += one.evicted_pods;
            sum.max_grace_seconds = sum.max_grace_seconds.max(one.max_grace_seconds);
            let budgets = one.blocking_budgets.iter().cloned();
            sum.blocking_budgets.extend(budgets);
            let findings = one.blocking_findings.iter().cloned();
            sum.blocking_findings.extend(findings);
            sum.sole_replicas.extend(one.sole_replicas.iter().cloned());
        }
        sum
    }
}

/// Fingerprints of the blockers of drains that hold at every hop, by the objects of a kind, as `namespace/name`.
fn drain_blockers_by_object(findings: &[Finding], kind: &str) -> BTreeMap<String, Vec<String>> {
    let mut by_object: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let blocks_drains = |finding: &&Finding| {
        finding.severity == Severity::Blocker && finding.hop.is_none() && finding.gates_drains
    };
    for finding in findings.iter().filter(blocks_drains) {
        for object in finding.objects.iter().filter(|object| object.kind == kind) {
            let namespace = object.namespace.as_deref().unwrap_or_default();
            let name = format!("{namespace}/{}", object.name);
            let fingerprints = by_object.entry(name).or_default();
            fingerprints.push(finding.fingerprint.clone());
        }
    }
    by_object
}

impl DrainImpact {
    /// What it interrupts, for people.
    pub(super) fn interruptions(&self) -> Vec<String> {
        let mut interruptions = Vec::new();
        match self.evicted_pods {
            0 => {}
            1 => interruptions.push("1 pod is evicted".to_owned()),
            pods => interruptions.push(format!("{pods} pods are evicted")),
        }
        let named = self.sole_replicas.iter().take(MAX_NAMED_OWNERS);
        interruptions.extend(
            named.map(|owner| {
                format!("{owner} is unavailable during the drain: it has a single pod")
            }),
        );
        if let Some(more @ 1..) = self.sole_replicas.len().checked_sub(MAX_NAMED_OWNERS) {
            interruptions.push(format!("{more} more with a single pod"));
        }
        interruptions
    }
}
