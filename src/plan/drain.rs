//! What draining a node meets: pods that move, how long they may take to go, budgets that let none of them.
//!
//! Source: kubernetes/kubectl pkg/drain, kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::facts::{budgets, pods};
use crate::need::Need;
use crate::rules::{CheckContext, Finding, Severity, object_path};
use crate::snapshot::{ClusterSnapshot, PodRow};

/// So many are named, more are counted.
const MAX_NAMED_OWNERS: usize = 3;
/// The grace period of a pod that names none. Source: kubernetes/api core/v1/types.go.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// What a drain looks at.
pub(super) fn needs() -> Vec<Need> {
    vec![pods::pods_need(), budgets::budgets_need()]
}

/// What the drain of one node meets.
#[derive(Debug, Default, Clone)]
pub(super) struct DrainImpact {
    /// Pods that it evicts.
    pub(super) evicted_pods: usize,
    /// The longest that one of them may take to go, in seconds.
    pub(super) max_grace_seconds: u64,
    /// Budgets that allow no eviction now, `namespace/name`.
    pub(super) blocking_budgets: BTreeSet<String>,
    /// Blockers on what it evicts, by fingerprint.
    pub(super) blocking_findings: BTreeSet<String>,
    /// Owners of which it evicts the only pod.
    pub(super) sole_replicas: Vec<String>,
}

/// The drains of all nodes of a cluster.
#[derive(Debug, Default)]
pub(super) struct DrainImpacts {
    by_node: HashMap<String, DrainImpact>,
    /// Whether pods and budgets were seen.
    pub(super) is_observed: bool,
}

type PodOwnerKey<'a> = (&'a str, &'a str, &'a str);

fn pod_owner_key(pod: &PodRow) -> Option<PodOwnerKey<'_>> {
    let owner = pod.controller.as_ref()?;
    Some((&pod.namespace, &owner.kind, &owner.name))
}

impl DrainImpacts {
    pub(super) fn new(
        situation: &CheckContext<'_>,
        picture: &ClusterSnapshot,
        findings: &[Finding],
    ) -> Self {
        // Of one namespace alone: what else a node holds was not looked at.
        if picture.namespace.is_some() {
            return Self::default();
        }
        let read = |need: &Need| picture.rows_for(need, situation.catalog).ok().flatten();
        let (Some(rows), Some(_)) = (read(&pods::pods_need()), read(&budgets::budgets_need()))
        else {
            return Self::default();
        };
        let evicted = || {
            rows.pods()
                .iter()
                .filter(|pod| pods::is_evicted_by_drain(pod))
        };
        let mut siblings: HashMap<PodOwnerKey<'_>, usize> = HashMap::new();
        for owner in evicted().filter_map(pod_owner_key) {
            *siblings.entry(owner).or_default() += 1;
        }
        let mut drains = Self {
            by_node: HashMap::new(),
            is_observed: true,
        };
        for pod in evicted() {
            let drain = drains.by_node.entry(pod.node_name.to_string()).or_default();
            drain.evicted_pods += 1;
            let grace = u64::try_from(
                pod.termination_grace_period_seconds
                    .unwrap_or(DEFAULT_GRACE_SECONDS),
            )
            .unwrap_or(0);
            drain.max_grace_seconds = drain.max_grace_seconds.max(grace);
            if let Some(one) = pod_owner_key(pod).filter(|one| siblings.get(one) == Some(&1)) {
                let (namespace, kind, name) = one;
                drain
                    .sole_replicas
                    .push(object_path(kind, Some(namespace), name));
            }
        }
        drains.record_budgets(situation, findings);
        drains.record_pod_findings(rows.pods(), findings);
        drains
    }

    /// Budgets that let nothing go now, and those that findings speak of.
    fn record_budgets(&mut self, situation: &CheckContext<'_>, findings: &[Finding]) {
        let of_budgets = drain_blockers_by_object(findings, "PodDisruptionBudget");
        if let Some(budgets) = budgets::cluster_budgets(situation) {
            for budget in &budgets.budgets {
                let namespace = budget.row.meta.namespace.as_deref().unwrap_or_default();
                let name = format!("{namespace}/{}", budget.row.meta.name);
                let allowed = budget.row.object.pointer("/status/disruptionsAllowed");
                let none = allowed.and_then(Value::as_i64) == Some(0);
                let gates = of_budgets.get(&name);
                if !none && gates.is_none() {
                    continue;
                }
                let nodes: HashSet<&str> = budget.pods.iter().map(|pod| &*pod.node_name).collect();
                for node in nodes {
                    let drain = self.by_node.entry(node.to_owned()).or_default();
                    if none {
                        drain.blocking_budgets.insert(name.clone());
                    }
                    drain
                        .blocking_findings
                        .extend(gates.into_iter().flatten().cloned());
                }
            }
        }
    }

    /// Findings that speak of pods.
    fn record_pod_findings(&mut self, pods: &[PodRow], findings: &[Finding]) {
        let of_pods = drain_blockers_by_object(findings, "Pod");
        if of_pods.is_empty() {
            return;
        }
        for pod in pods {
            let name = format!("{}/{}", pod.namespace, pod.name);
            if let (Some(gates), Some(drain)) =
                (of_pods.get(&name), self.by_node.get_mut(&*pod.node_name))
            {
                drain.blocking_findings.extend(gates.iter().cloned());
            }
        }
    }

    /// Of one node; an empty one where it evicts nothing.
    pub(super) fn for_node(&self, node: &str) -> DrainImpact {
        self.by_node.get(node).cloned().unwrap_or_default()
    }

    /// Of several nodes together.
    pub(super) fn for_nodes(&self, nodes: &[String]) -> DrainImpact {
        let mut all = DrainImpact::default();
        for one in nodes.iter().filter_map(|node| self.by_node.get(node)) {
            all.evicted_pods += one.evicted_pods;
            all.max_grace_seconds = all.max_grace_seconds.max(one.max_grace_seconds);
            all.blocking_budgets
                .extend(one.blocking_budgets.iter().cloned());
            all.blocking_findings
                .extend(one.blocking_findings.iter().cloned());
            all.sole_replicas.extend(one.sole_replicas.iter().cloned());
        }
        all
    }
}

/// Fingerprints of blockers by the objects of a kind, `namespace/name`, that hold whatever the hop.
fn drain_blockers_by_object(findings: &[Finding], kind: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_drains = |finding: &&Finding| {
        finding.severity == Severity::Blocker && finding.hop.is_none() && finding.gates_drains
    };
    for finding in findings.iter().filter(of_drains) {
        for object in finding.objects.iter().filter(|object| object.kind == kind) {
            let namespace = object.namespace.as_deref().unwrap_or_default();
            let name = format!("{namespace}/{}", object.name);
            found
                .entry(name)
                .or_default()
                .push(finding.fingerprint.clone());
        }
    }
    found
}

impl DrainImpact {
    /// Whom it interrupts, in words.
    pub(super) fn interruptions(&self) -> Vec<String> {
        let mut said = Vec::new();
        match self.evicted_pods {
            0 => {}
            1 => said.push("1 pod moves".to_owned()),
            pods => said.push(format!("{pods} pods move")),
        }
        for owner in self.sole_replicas.iter().take(MAX_NAMED_OWNERS) {
            said.push(format!("{owner} is down meanwhile: it has one pod only"));
        }
        if let Some(more @ 1..) = self.sole_replicas.len().checked_sub(MAX_NAMED_OWNERS) {
            said.push(format!("{more} more of which it is the only pod"));
        }
        said
    }
}
