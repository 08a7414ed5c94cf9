//! What draining a node meets: pods that move, how long they may take to go, budgets that let none of them.
//!
//! Source: kubernetes/kubectl pkg/drain, kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::check::{Finding, Severity, Situation, budget, object_path, pods};
use crate::need::Need;
use crate::snapshot::{Picture, PodRow};

/// So many are named, more are counted.
const NAMED: usize = 3;
/// The grace period of a pod that names none. Source: kubernetes/api core/v1/types.go.
const GRACE: i64 = 30;

/// What a drain looks at.
pub(super) fn needs() -> Vec<Need> {
    vec![pods::pods(), budget::budgets()]
}

/// What the drain of one node meets.
#[derive(Debug, Default, Clone)]
pub(super) struct Drain {
    /// Pods that it evicts.
    pub(super) pods: usize,
    /// The longest that one of them may take to go, in seconds.
    pub(super) grace: u64,
    /// Budgets that allow no eviction now, `namespace/name`.
    pub(super) budgets: BTreeSet<String>,
    /// Blockers on what it evicts, by fingerprint.
    pub(super) gates: BTreeSet<String>,
    /// Owners of which it evicts the only pod.
    pub(super) alone: Vec<String>,
}

/// The drains of all nodes of a cluster.
#[derive(Debug, Default)]
pub(super) struct Drains {
    by_node: HashMap<String, Drain>,
    /// Whether pods and budgets were seen.
    pub(super) seen: bool,
}

type Owner<'a> = (&'a str, &'a str, &'a str);

fn owner(pod: &PodRow) -> Option<Owner<'_>> {
    let owner = pod.owner.as_ref()?;
    Some((&pod.namespace, &owner.kind, &owner.name))
}

impl Drains {
    pub(super) fn new(situation: &Situation<'_>, picture: &Picture, findings: &[Finding]) -> Self {
        // Of one namespace alone: what else a node holds was not looked at.
        if picture.namespace.is_some() {
            return Self::default();
        }
        let read = |need: &Need| picture.read(need, situation.catalog).ok().flatten();
        let (Some(rows), Some(_)) = (read(&pods::pods()), read(&budget::budgets())) else {
            return Self::default();
        };
        let evicted = || rows.pods().iter().filter(|pod| pods::drained(pod));
        let mut siblings: HashMap<Owner<'_>, usize> = HashMap::new();
        for owner in evicted().filter_map(owner) {
            *siblings.entry(owner).or_default() += 1;
        }
        let mut drains = Self {
            by_node: HashMap::new(),
            seen: true,
        };
        for pod in evicted() {
            let drain = drains.by_node.entry(pod.node.to_string()).or_default();
            drain.pods += 1;
            let grace = u64::try_from(pod.grace.unwrap_or(GRACE)).unwrap_or(0);
            drain.grace = drain.grace.max(grace);
            if let Some(one) = owner(pod).filter(|one| siblings.get(one) == Some(&1)) {
                let (namespace, kind, name) = one;
                drain.alone.push(object_path(kind, Some(namespace), name));
            }
        }
        drains.guard(situation, picture, findings);
        drains.gate(rows.pods(), findings);
        drains
    }

    /// Budgets that let nothing go now, and those that findings speak of.
    fn guard(&mut self, situation: &Situation<'_>, picture: &Picture, findings: &[Finding]) {
        let of_budgets = blockers(findings, "PodDisruptionBudget");
        for budgets in budget::all(situation) {
            if budgets.picture.id != picture.id {
                continue;
            }
            for budget in &budgets.all {
                let namespace = budget.row.meta.namespace.as_deref().unwrap_or_default();
                let name = format!("{namespace}/{}", budget.row.meta.name);
                let allowed = budget.row.object.pointer("/status/disruptionsAllowed");
                let none = allowed.and_then(Value::as_i64) == Some(0);
                let gates = of_budgets.get(&name);
                if !none && gates.is_none() {
                    continue;
                }
                let nodes: HashSet<&str> = budget.pods.iter().map(|pod| &*pod.node).collect();
                for node in nodes {
                    let drain = self.by_node.entry(node.to_owned()).or_default();
                    if none {
                        drain.budgets.insert(name.clone());
                    }
                    drain.gates.extend(gates.into_iter().flatten().cloned());
                }
            }
        }
    }

    /// Findings that speak of pods.
    fn gate(&mut self, pods: &[PodRow], findings: &[Finding]) {
        let of_pods = blockers(findings, "Pod");
        if of_pods.is_empty() {
            return;
        }
        for pod in pods {
            let name = format!("{}/{}", pod.namespace, pod.name);
            if let (Some(gates), Some(drain)) =
                (of_pods.get(&name), self.by_node.get_mut(&*pod.node))
            {
                drain.gates.extend(gates.iter().cloned());
            }
        }
    }

    /// Of one node; an empty one where it evicts nothing.
    pub(super) fn of(&self, node: &str) -> Drain {
        self.by_node.get(node).cloned().unwrap_or_default()
    }

    /// Of several nodes together.
    pub(super) fn of_all(&self, nodes: &[String]) -> Drain {
        let mut all = Drain::default();
        for one in nodes.iter().filter_map(|node| self.by_node.get(node)) {
            all.pods += one.pods;
            all.grace = all.grace.max(one.grace);
            all.budgets.extend(one.budgets.iter().cloned());
            all.gates.extend(one.gates.iter().cloned());
            all.alone.extend(one.alone.iter().cloned());
        }
        all
    }
}

/// Fingerprints of blockers by the objects of a kind, `namespace/name`, that hold whatever the hop.
fn blockers(findings: &[Finding], kind: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_drains = |finding: &&Finding| {
        finding.severity == Severity::Blocker
            && finding.hop.is_none()
            && (finding.id.starts_with("pdb-") || finding.id.starts_with("pod-"))
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

impl Drain {
    /// Whom it interrupts, in words.
    pub(super) fn interrupts(&self) -> Vec<String> {
        let mut said = Vec::new();
        match self.pods {
            0 => {}
            1 => said.push("1 pod moves".to_owned()),
            pods => said.push(format!("{pods} pods move")),
        }
        for owner in self.alone.iter().take(NAMED) {
            said.push(format!("{owner} is down meanwhile: it has one pod only"));
        }
        if let Some(more @ 1..) = self.alone.len().checked_sub(NAMED) {
            said.push(format!("{more} more of which it is the only pod"));
        }
        said
    }
}
