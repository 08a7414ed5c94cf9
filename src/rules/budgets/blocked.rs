//! `pdb-impossible`, `pdb-zero`, `pdb-syncfailed` and `pdb-unhealthy-stuck`: budgets that block evictions.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::budget_object;
use crate::evidence::EvidenceSource;
use crate::facts::budgets::{
    DisruptionBudget, budget_needs_with_workloads, budgets_need, forbidding_limit,
};
use crate::facts::pods::pods_need;
use crate::facts::workloads::{RolloutStatus, WorkloadIndex, rollout_status};
use crate::rules::engine::manifests::{ManifestContent, add_object, manifest_contents};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::MissingData;
use crate::text::first_and_more;

/// A pod that has just started, or just lost its readiness, may yet be well.
const UNREADY_GRACE_PERIOD: SignedDuration = SignedDuration::from_mins(5);

/// Budgets that never allow a disruption.
pub(crate) const IMPOSSIBLE: Rule = Rule {
    id: "pdb-impossible",
    severity: Severity::Blocker,
    title: "A disruption budget can never allow a disruption",
    why: "Every eviction of its pods is refused. A drain of their nodes never completes, or ends with an error or a forced deletion after a timeout.",
    detection: "By the specification: maxUnavailable is 0, or minAvailable is 100% or not less than the replicas of the Deployments and StatefulSets whose pods it selects. Only budgets that select pods which a drain evicts are reported. If the pods belong to other controllers, pdb-zero applies instead. Under unhealthyPodEvictionPolicy AlwaysAllow only ready pods are protected; a budget all of whose pods are not ready is a warning. So is one in a file or Helm release with such a limit, whose pods are unknown.",
    remedy: "Allow one disruption: set maxUnavailable to 1, lower minAvailable, or run one replica more than minAvailable.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/controller/disruption/disruption.go"],
    kind: RuleKind::Code {
        needs: |_| budget_needs_with_workloads(),
        evaluate: never_allows_eviction,
    },
    gates_drains: true,
    reads_files: true,
    ..Rule::DEFAULT
};

/// Budgets that allow none now.
pub(crate) const ZERO: Rule = Rule {
    id: "pdb-zero",
    severity: Severity::Warning,
    title: "A disruption budget currently allows no disruptions",
    why: "Evictions of its pods are refused until more of them are healthy. If that does not happen, a drain of their nodes never completes.",
    detection: "By status.disruptionsAllowed 0 with expected pods, of which a drain evicts some (under AlwaysAllow, some that are ready), once the controller has observed the latest generation. The finding is a note while a rollout or pods that are not yet healthy explain it. Budgets that pdb-impossible or pdb-syncfailed reports are left out. One that the controller has not computed since it was changed is a gap.",
    remedy: "Wait until all of its pods are healthy. If they are, lower minAvailable or run one more replica.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    kind: RuleKind::Code {
        needs: |_| budget_needs_with_workloads(),
        evaluate: no_disruptions_allowed,
    },
    unevaluated: stale_statuses,
    ..Rule::DEFAULT
};

/// Budgets that hold pods which do no work.
pub(crate) const UNHEALTHY_STUCK: Rule = Rule {
    id: "pdb-unhealthy-stuck",
    severity: Severity::Warning,
    title: "A disruption budget protects pods that are not ready",
    why: "A pod that is not ready can be evicted only while its budget has enough healthy pods without it. If the pod never becomes ready, a drain of its node never completes, although evicting the pod would do no harm.",
    detection: "By running pods that have not been ready for five minutes, and whose budget does not set unhealthyPodEvictionPolicy to AlwaysAllow, has fewer healthy pods than it requires, and allows no disruptions.",
    remedy: "Fix or delete these pods, or set unhealthyPodEvictionPolicy to AlwaysAllow if the API server supports it.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    kind: RuleKind::Code {
        needs: |_| vec![budgets_need(), pods_need()],
        evaluate: unhealthy_stuck,
    },
    ..Rule::DEFAULT
};

/// Budgets that the controller cannot compute.
pub(crate) const SYNC_FAILED: Rule = Rule {
    id: "pdb-syncfailed",
    severity: Severity::Warning,
    title: "The disruption controller cannot compute a budget",
    why: "While the controller cannot determine how many pods to expect, it allows no disruptions, and draining the nodes of these pods never completes.",
    detection: "The condition DisruptionAllowed is False with reason SyncFailed. Usually the budget uses maxUnavailable or a percentage, and its pods belong to a controller without a scale subresource, such as a Job, or to one that no longer exists. Only budgets that select pods which a drain evicts are reported: it leaves those of DaemonSets alone.",
    remedy: "Use an integer for minAvailable, or fix the owner of the pods.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/#arbitrary-controllers-and-selectors",
    sources: &["kubernetes/kubernetes pkg/controller/disruption/disruption.go"],
    kind: RuleKind::Code {
        needs: |_| vec![budgets_need(), pods_need()],
        evaluate: sync_failed,
    },
    ..Rule::DEFAULT
};

fn never_allows_eviction(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects: BTreeMap<(Severity, &str, &str), Vec<AffectedObject>> = BTreeMap::new();
    if let Some(budgets) = context.budgets() {
        let workloads = context.fact(WorkloadIndex::new);
        for budget in &budgets.budgets {
            let Some(why) = budget.impossible_reason(&workloads) else {
                continue;
            };
            let group = match (budget.allows_unready(), budget.refused_pods().count()) {
                (false, _) => (
                    Severity::Blocker,
                    "",
                    "every eviction of its pods will be refused",
                ),
                (true, 1..) => (
                    Severity::Blocker,
                    "ready",
                    "every eviction of its ready pods will be refused",
                ),
                (true, 0) => (
                    Severity::Warning,
                    "ready",
                    "the budget will refuse every eviction once its pods are ready",
                ),
            };
            let object = budget_object(&budgets, budget, EvidenceSource::Spec, why);
            objects.entry(group).or_default().push(object);
        }
    }
    for content in manifest_contents(context) {
        let is_budget = content.object.kind == "PodDisruptionBudget" && !is_live(context, &content);
        if let Some(limit) = forbidding_limit(&content.fields["spec"]).filter(|_| is_budget) {
            let message = "the budget will refuse every eviction of the pods that it selects";
            let group = (Severity::Warning, "manifests", message);
            add_object(objects.entry(group).or_default(), content.affected(limit));
        }
    }
    let findings = objects.into_iter();
    findings
        .filter_map(|((severity, subject, message), objects)| {
            IMPOSSIBLE.finding(severity, subject, message, objects)
        })
        .collect()
}

/// Whether the budget of a manifest is in the cluster with such a limit, where its pods are known.
fn is_live(context: &CheckContext<'_>, content: &ManifestContent<'_>) -> bool {
    let namespace = content.object.namespace.as_deref();
    let namespace = namespace.or(content.release.map(|release| release.namespace.as_str()));
    context.objects(&budgets_need()).iter().any(|row| {
        let is_same = row.meta.name == content.object.name
            && (namespace.is_none() || namespace == row.meta.namespace.as_deref());
        is_same && forbidding_limit(&row.object["spec"]).is_some()
    })
}

fn no_disruptions_allowed(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut stuck: Vec<AffectedObject> = Vec::new();
    let mut passing: Vec<AffectedObject> = Vec::new();
    if let Some(budgets) = context.budgets() {
        let workloads = context.fact(WorkloadIndex::new);
        for budget in &budgets.budgets {
            let (healthy, expected) = (
                budget.status_number("currentHealthy"),
                budget.status_number("expectedPods"),
            );
            if !budget.refuses_evictions()
                || sync_failure(budget).is_some()
                || budget.impossible_reason(&workloads).is_some()
            {
                continue;
            }
            let desired = budget.status_number("desiredHealthy");
            let unready = match budget.allows_unready() && healthy < expected {
                true => "; unready pods can be evicted",
                false => "",
            };
            let detail = format!("{healthy} of {expected} healthy, {desired} needed{unready}");
            let object = budget_object(&budgets, budget, EvidenceSource::Status, detail);
            if healthy < expected || is_rolling_out(budget, &workloads) {
                passing.push(object);
            } else {
                stuck.push(object);
            }
        }
    }
    let refuses = "the budget refuses every eviction of its pods";
    let now = "the budget refuses evictions until all its pods are healthy";
    [
        ZERO.finding(ZERO.severity, "", refuses, stuck),
        ZERO.finding(Severity::Note, "", now, passing),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Budgets whose controller has not computed them since they were changed, or at all.
fn stale_statuses(context: &CheckContext<'_>) -> Vec<MissingData> {
    let Some(budgets) = context.budgets() else {
        return Vec::new();
    };
    let workloads = context.fact(WorkloadIndex::new);
    let stale = budgets.budgets.iter().filter(|budget| {
        let covers_pods = budget.refused_pods().next().is_some();
        covers_pods && !budget.is_status_current() && budget.impossible_reason(&workloads).is_none()
    });
    let gaps = stale.map(|budget| MissingData {
        what: format!(
            "disruptions that the budget {} allows",
            budget.row.meta.namespaced_name()
        ),
        why: match budget.status_number("observedGeneration") {
            0 => "the disruption controller has not computed it yet",
            _ => "its status is of an earlier generation: the disruption controller is behind",
        }
        .to_owned(),
        rbac: None,
    });
    gaps.collect()
}

fn sync_failed(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some(budgets) = context.budgets() {
        for budget in &budgets.budgets {
            let failure = sync_failure(budget).filter(|_| budget.refused_pods().next().is_some());
            let Some(condition) = failure else {
                continue;
            };
            let detail = match condition["message"].as_str() {
                None | Some("") => "SyncFailed".to_owned(),
                Some(message) => format!("SyncFailed: {message}"),
            };
            objects.push(budget_object(
                &budgets,
                budget,
                EvidenceSource::Status,
                detail,
            ));
        }
    }
    let message = "the budget cannot be computed, so every eviction is refused";
    let finding = SYNC_FAILED.finding(SYNC_FAILED.severity, SYNC_FAILED.id, message, objects);
    finding.into_iter().collect()
}

/// The condition by which the controller says that it cannot compute the budget.
fn sync_failure<'a>(budget: &DisruptionBudget<'a>) -> Option<&'a Value> {
    let mut conditions = budget.row.object["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| {
        condition["type"] == "DisruptionAllowed"
            && condition["status"] == "False"
            && condition["reason"] == "SyncFailed"
    })
}

/// Whether a workload of its pods is being rolled out.
fn is_rolling_out<'a>(budget: &DisruptionBudget<'a>, workloads: &WorkloadIndex<'a>) -> bool {
    budget.pods.iter().any(|pod| {
        let owner = workloads.workload_of(pod);
        owner.is_some_and(|(kind, row)| rollout_status(kind, row) != RolloutStatus::Done)
    })
}

fn unhealthy_stuck(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some(budgets) = context.budgets() {
        for budget in &budgets.budgets {
            let (healthy, desired) = (
                budget.status_number("currentHealthy"),
                budget.status_number("desiredHealthy"),
            );
            let enough = healthy >= desired && desired > 0;
            if !budget.is_status_current()
                || enough
                || budget.status_number("disruptionsAllowed") > 0
                || budget.allows_unready()
            {
                continue;
            }
            let unready = budget.pods.iter().filter(|pod| {
                let since = pod
                    .ready_transition_time
                    .map(|at| context.now.duration_since(at));
                !pod.is_ready && since.is_some_and(|since| since > UNREADY_GRACE_PERIOD)
            });
            let mut names: Vec<&str> = unready.map(|pod| pod.name.as_str()).collect();
            names.sort_unstable();
            if let Some(first) = names.first() {
                let held = first_and_more(&format!("pod {first}"), names.len());
                let detail = format!("{held} not ready, {healthy} healthy, {desired} needed");
                objects.push(budget_object(
                    &budgets,
                    budget,
                    EvidenceSource::Status,
                    detail,
                ));
            }
        }
    }
    let message = "the budget protects pods that are not ready";
    UNHEALTHY_STUCK.findings(message, objects)
}
