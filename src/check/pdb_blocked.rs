//! `pdb-impossible`, `pdb-zero` and `pdb-unhealthy-stuck`: budgets that let nobody go.

use jiff::SignedDuration;

use super::budget::{self, Budget, budgets, with_workloads};
use super::pods::{and_more, one, pods};
use super::workload::{Rollout, Workloads, rollout};
use super::{Body, Finding, Object, Rule, Severity, Situation};
use crate::evidence::Source;

/// A pod that has just started, or just lost its readiness, may yet be well.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Budgets that never allow a disruption.
pub(super) const IMPOSSIBLE: Rule = Rule {
    id: "pdb-impossible",
    severity: Severity::Blocker,
    title: "A disruption budget can never allow a disruption",
    applies_to: "any",
    why: "Every eviction of its pods is refused, so a drain of their nodes never ends, or ends with an error or by force after a limit.",
    how: "By the specification: maxUnavailable of nothing, a part in minAvailable that comes to all pods, or a number in minAvailable that is no less than what the Deployments and StatefulSets of its pods ask for. Only while it selects pods that an eviction asks it for. Where the controllers of the pods are others it is left to pdb-zero.",
    mend: "Allow one disruption: set maxUnavailable to 1, lower minAvailable, or run one more replica than it asks for.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/controller/disruption/disruption.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| with_workloads(),
        evaluate: impossible,
    },
};

/// Budgets that allow none now.
pub(super) const ZERO: Rule = Rule {
    id: "pdb-zero",
    severity: Severity::Warning,
    title: "A disruption budget allows no disruption now",
    applies_to: "any",
    why: "Evictions of its pods are refused until more of them are healthy. If that does not happen, a drain of their nodes never ends.",
    how: "By status.disruptionsAllowed 0 with pods expected, once the controller has seen the newest specification. While a rollout runs or pods are not healthy yet, which explains it, it is a note. Budgets that pdb-impossible or pdb-syncfailed speak of are left out.",
    mend: "Wait until all its pods are healthy; if they are, lower minAvailable or run one more replica.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| with_workloads(),
        evaluate: zero,
    },
};

/// Budgets that hold pods which do no work.
pub(super) const UNHEALTHY_STUCK: Rule = Rule {
    id: "pdb-unhealthy-stuck",
    severity: Severity::Warning,
    title: "A disruption budget holds pods that are not ready",
    applies_to: "any",
    why: "A pod that is not ready may be evicted only while its budget has enough healthy pods without it. If it never gets ready, a drain of its node never ends, although nobody would miss the pod.",
    how: "By pods that run but have not been ready for five minutes, under a budget without unhealthyPodEvictionPolicy AlwaysAllow that has fewer healthy pods than it asks for and allows no disruption.",
    mend: "Mend or delete these pods, or set unhealthyPodEvictionPolicy to AlwaysAllow, on by default from Kubernetes 1.27.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![budgets(), pods()],
        evaluate: unhealthy_stuck,
    },
};

fn impossible(situation: &Situation<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    for budgets in budget::all(situation) {
        let workloads = Workloads::of(situation, budgets.picture);
        for budget in &budgets.all {
            if let Some(why) = budget.impossible(&workloads) {
                objects.push(budgets.object(budget, Source::Spec, why));
            }
        }
    }
    let message = "every eviction of its pods will be refused";
    one(&IMPOSSIBLE, IMPOSSIBLE.severity, message, objects)
        .into_iter()
        .collect()
}

fn zero(situation: &Situation<'_>) -> Vec<Finding> {
    let mut stuck: Vec<Object> = Vec::new();
    let mut passing: Vec<Object> = Vec::new();
    for budgets in budget::all(situation) {
        let workloads = Workloads::of(situation, budgets.picture);
        for budget in &budgets.all {
            let (healthy, expected) = (
                budget.status("currentHealthy"),
                budget.status("expectedPods"),
            );
            let refuses = budget.observed()
                && expected > 0
                && budget.status("disruptionsAllowed") == 0
                && !budget.pods.is_empty();
            if !refuses || sync_failed(budget) || budget.impossible(&workloads).is_some() {
                continue;
            }
            let desired = budget.status("desiredHealthy");
            let detail = format!("{healthy} of {expected} healthy, {desired} needed");
            let object = budgets.object(budget, Source::Status, detail);
            if healthy < expected || rolling(budget, &workloads) {
                passing.push(object);
            } else {
                stuck.push(object);
            }
        }
    }
    let refuses = "refuses every eviction of its pods";
    let now = "refuses evictions until all its pods are healthy";
    [
        one(&ZERO, ZERO.severity, refuses, stuck),
        one(&ZERO, Severity::Note, now, passing),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the controller could not reckon, which is another rule's business.
fn sync_failed(budget: &Budget<'_>) -> bool {
    let conditions = budget.row.object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "DisruptionAllowed" && condition["reason"] == "SyncFailed"
    })
}

/// Whether a workload of its pods is being rolled out.
fn rolling<'a>(budget: &Budget<'a>, workloads: &Workloads<'a>) -> bool {
    budget.pods.iter().any(|pod| {
        let owner = workloads.owner(pod);
        owner.is_some_and(|(kind, row)| rollout(kind, row) != Rollout::Done)
    })
}

fn unhealthy_stuck(situation: &Situation<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    for budgets in budget::all(situation) {
        for budget in &budgets.all {
            let (healthy, desired) = (
                budget.status("currentHealthy"),
                budget.status("desiredHealthy"),
            );
            let enough = healthy >= desired && desired > 0;
            let policy = &budget.row.object["spec"]["unhealthyPodEvictionPolicy"];
            if !budget.observed()
                || enough
                || budget.status("disruptionsAllowed") > 0
                || *policy == "AlwaysAllow"
            {
                continue;
            }
            let unready = budget.pods.iter().filter(|pod| {
                let since = pod.ready_changed.map(|at| situation.now.duration_since(at));
                !pod.ready && since.is_some_and(|since| since > PATIENCE)
            });
            let mut names: Vec<&str> = unready.map(|pod| pod.name.as_str()).collect();
            names.sort_unstable();
            if let Some(first) = names.first() {
                let held = and_more(&format!("pod {first}"), names.len());
                let detail = format!("{held} not ready, {healthy} healthy, {desired} needed");
                objects.push(budgets.object(budget, Source::Status, detail));
            }
        }
    }
    let message = "holds pods that are not ready";
    one(&UNHEALTHY_STUCK, UNHEALTHY_STUCK.severity, message, objects)
        .into_iter()
        .collect()
}
