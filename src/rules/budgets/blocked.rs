//! `pdb-impossible`, `pdb-zero` and `pdb-unhealthy-stuck`: budgets that let nobody go.

use jiff::SignedDuration;

use crate::evidence::EvidenceSource;
use crate::facts::budgets;
use crate::facts::budgets::{DisruptionBudget, budget_needs_with_workloads, budgets_need};
use crate::facts::pods::{first_and_count, pods_need, single_finding};
use crate::facts::workloads::{RolloutStatus, WorkloadIndex, rollout_status};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};

/// A pod that has just started, or just lost its readiness, may yet be well.
const UNREADY_GRACE_PERIOD: SignedDuration = SignedDuration::from_mins(5);

/// Budgets that never allow a disruption.
pub(in crate::rules) const IMPOSSIBLE: Rule = Rule {
    id: "pdb-impossible",
    severity: Severity::Blocker,
    title: "A disruption budget can never allow a disruption",
    applies_to: "any",
    why: "Every eviction of its pods is refused, so a drain of their nodes never ends, or ends with an error or by force after a limit.",
    detection: "By the specification: maxUnavailable of nothing, a part in minAvailable that comes to all pods, or a number in minAvailable that is no less than what the Deployments and StatefulSets of its pods ask for. Only while it selects pods that an eviction asks it for. Where the controllers of the pods are others it is left to pdb-zero.",
    remedy: "Allow one disruption: set maxUnavailable to 1, lower minAvailable, or run one more replica than it asks for.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/controller/disruption/disruption.go"],
    reads_files: false,
    kind: RuleKind::Code {
        needs: |_| budget_needs_with_workloads(),
        evaluate: never_allows_eviction,
    },
};

/// Budgets that allow none now.
pub(in crate::rules) const ZERO: Rule = Rule {
    id: "pdb-zero",
    severity: Severity::Warning,
    title: "A disruption budget allows no disruption now",
    applies_to: "any",
    why: "Evictions of its pods are refused until more of them are healthy. If that does not happen, a drain of their nodes never ends.",
    detection: "By status.disruptionsAllowed 0 with pods expected, once the controller has seen the newest specification. While a rollout runs or pods are not healthy yet, which explains it, it is a note. Budgets that pdb-impossible or pdb-syncfailed speak of are left out.",
    remedy: "Wait until all its pods are healthy; if they are, lower minAvailable or run one more replica.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    reads_files: false,
    kind: RuleKind::Code {
        needs: |_| budget_needs_with_workloads(),
        evaluate: no_disruptions_allowed,
    },
};

/// Budgets that hold pods which do no work.
pub(in crate::rules) const UNHEALTHY_STUCK: Rule = Rule {
    id: "pdb-unhealthy-stuck",
    severity: Severity::Warning,
    title: "A disruption budget holds pods that are not ready",
    applies_to: "any",
    why: "A pod that is not ready may be evicted only while its budget has enough healthy pods without it. If it never gets ready, a drain of its node never ends, although nobody would miss the pod.",
    detection: "By pods that run but have not been ready for five minutes, under a budget without unhealthyPodEvictionPolicy AlwaysAllow that has fewer healthy pods than it asks for and allows no disruption.",
    remedy: "Mend or delete these pods, or set unhealthyPodEvictionPolicy to AlwaysAllow, on by default from Kubernetes 1.27.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    reads_files: false,
    kind: RuleKind::Code {
        needs: |_| vec![budgets_need(), pods_need()],
        evaluate: unhealthy_stuck,
    },
};

fn never_allows_eviction(situation: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some(budgets) = budgets::cluster_budgets(situation) {
        let workloads = WorkloadIndex::from_context(situation);
        for budget in &budgets.budgets {
            if let Some(why) = budget.never_allows_reason(&workloads) {
                objects.push(budgets.object(budget, EvidenceSource::Spec, why));
            }
        }
    }
    let message = "every eviction of its pods will be refused";
    single_finding(&IMPOSSIBLE, IMPOSSIBLE.severity, message, objects)
        .into_iter()
        .collect()
}

fn no_disruptions_allowed(situation: &CheckContext<'_>) -> Vec<Finding> {
    let mut stuck: Vec<AffectedObject> = Vec::new();
    let mut passing: Vec<AffectedObject> = Vec::new();
    if let Some(budgets) = budgets::cluster_budgets(situation) {
        let workloads = WorkloadIndex::from_context(situation);
        for budget in &budgets.budgets {
            let (healthy, expected) = (
                budget.status_number("currentHealthy"),
                budget.status_number("expectedPods"),
            );
            let refuses = budget.is_status_current()
                && expected > 0
                && budget.status_number("disruptionsAllowed") == 0
                && !budget.pods.is_empty();
            if !refuses
                || has_sync_failed(budget)
                || budget.never_allows_reason(&workloads).is_some()
            {
                continue;
            }
            let desired = budget.status_number("desiredHealthy");
            let detail = format!("{healthy} of {expected} healthy, {desired} needed");
            let object = budgets.object(budget, EvidenceSource::Status, detail);
            if healthy < expected || is_rolling_out(budget, &workloads) {
                passing.push(object);
            } else {
                stuck.push(object);
            }
        }
    }
    let refuses = "refuses every eviction of its pods";
    let now = "refuses evictions until all its pods are healthy";
    [
        single_finding(&ZERO, ZERO.severity, refuses, stuck),
        single_finding(&ZERO, Severity::Note, now, passing),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the controller could not reckon, which is another rule's business.
fn has_sync_failed(budget: &DisruptionBudget<'_>) -> bool {
    let conditions = budget.row.object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "DisruptionAllowed" && condition["reason"] == "SyncFailed"
    })
}

/// Whether a workload of its pods is being rolled out.
fn is_rolling_out<'a>(budget: &DisruptionBudget<'a>, workloads: &WorkloadIndex<'a>) -> bool {
    budget.pods.iter().any(|pod| {
        let owner = workloads.workload_of(pod);
        owner.is_some_and(|(kind, row)| rollout_status(kind, row) != RolloutStatus::Done)
    })
}

fn unhealthy_stuck(situation: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some(budgets) = budgets::cluster_budgets(situation) {
        for budget in &budgets.budgets {
            let (healthy, desired) = (
                budget.status_number("currentHealthy"),
                budget.status_number("desiredHealthy"),
            );
            let enough = healthy >= desired && desired > 0;
            let policy = &budget.row.object["spec"]["unhealthyPodEvictionPolicy"];
            if !budget.is_status_current()
                || enough
                || budget.status_number("disruptionsAllowed") > 0
                || *policy == "AlwaysAllow"
            {
                continue;
            }
            let unready = budget.pods.iter().filter(|pod| {
                let since = pod
                    .ready_transition_time
                    .map(|at| situation.now.duration_since(at));
                !pod.is_ready && since.is_some_and(|since| since > UNREADY_GRACE_PERIOD)
            });
            let mut names: Vec<&str> = unready.map(|pod| pod.name.as_str()).collect();
            names.sort_unstable();
            if let Some(first) = names.first() {
                let held = first_and_count(&format!("pod {first}"), names.len());
                let detail = format!("{held} not ready, {healthy} healthy, {desired} needed");
                objects.push(budgets.object(budget, EvidenceSource::Status, detail));
            }
        }
    }
    let message = "holds pods that are not ready";
    single_finding(&UNHEALTHY_STUCK, UNHEALTHY_STUCK.severity, message, objects)
        .into_iter()
        .collect()
}
