//! `wl-single-replica`, `wl-not-rolled-out` and `wl-ondelete`: what workloads themselves bring into an upgrade.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::pod_termination::format_age;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::workloads;
use crate::facts::workloads::{RolloutStatus, desired_replicas, rollout_status};
use crate::need::Need;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::WorkloadRow;

/// A rollout of which nothing moved for so long is stuck: the time after which a Deployment gives up by default.
const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Workloads with one pod.
pub(crate) const SINGLE_REPLICA: Rule = Rule {
    id: "wl-single-replica",
    severity: Severity::Warning,
    title: "A workload has one replica",
    why: "When its node is drained, the pod is terminated first and re-created elsewhere afterwards. Until the new pod is ready, the workload is unavailable. maxSurge does not help, because it applies only to rollouts.",
    detection: "By spec.replicas 1 of Deployments and StatefulSets.",
    remedy: "Run two replicas and a disruption budget with maxUnavailable 1, or accept the outage and announce it.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/api apps/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![workloads::deployments(), workloads::stateful_sets()],
        evaluate: single_replica,
    },
    ..Rule::DEFAULT
};

/// Workloads in the middle of a rollout.
pub(crate) const NOT_ROLLED_OUT: Rule = Rule {
    id: "wl-not-rolled-out",
    severity: Severity::Warning,
    title: "A rollout is not finished",
    why: "A workload that cannot finish a rollout now will not do so while its nodes are replaced, and afterwards the cause is hard to find.",
    detection: "As kubectl rollout status does for Deployments, StatefulSets and DaemonSets. The finding is a warning once the controller has given up or there was no progress for ten minutes; while the rollout progresses or is paused, it is a note.",
    remedy: "Finish or undo the rollout first. kubectl rollout status shows what it is waiting for.",
    reference: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status",
    sources: &["kubernetes/kubectl pkg/polymorphichelpers/rollout_status.go"],
    kind: RuleKind::Code {
        needs: |_| all_workload_needs(),
        evaluate: not_rolled_out,
    },
    ..Rule::DEFAULT
};

/// Workloads that update only when their pods are deleted.
pub(crate) const ON_DELETE: Rule = Rule {
    id: "wl-ondelete",
    severity: Severity::Warning,
    title: "A workload applies its new template only when pods are deleted",
    why: "Pods of the old template are still running. Draining their nodes re-creates them from the new one, so the upgrade rolls out an unrelated change at the same time.",
    detection: "By update strategy OnDelete with fewer updated pods than desired.",
    remedy: "Delete the old pods one by one before the upgrade, and check that the new ones work.",
    reference: "https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/",
    sources: &[
        "kubernetes/kubectl pkg/polymorphichelpers/rollout_status.go",
        "kubernetes/kubernetes pkg/controller/statefulset/stateful_set_utils.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![workloads::daemon_sets(), workloads::stateful_sets()],
        evaluate: outdated_on_delete,
    },
    ..Rule::DEFAULT
};

fn all_workload_needs() -> Vec<Need> {
    vec![
        workloads::deployments(),
        workloads::stateful_sets(),
        workloads::daemon_sets(),
    ]
}

/// The workloads of these kinds that are not being deleted and for which `detail` returns evidence.
fn collect_workloads(
    context: &CheckContext<'_>,
    kinds: &[&'static str],
    source: EvidenceSource,
    detail: impl Fn(&'static str, &WorkloadRow) -> Option<(Severity, String)>,
) -> BTreeMap<Severity, Vec<AffectedObject>> {
    let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
    for &kind in kinds {
        let need = match kind {
            "Deployment" => workloads::deployments(),
            "StatefulSet" => workloads::stateful_sets(),
            _ => workloads::daemon_sets(),
        };
        let rows = context.workloads(&need).iter();
        for row in rows.filter(|row| !row.is_being_deleted) {
            if let Some((severity, detail)) = detail(kind, row) {
                let evidence = Evidence::new(source, detail);
                let object = AffectedObject::new("apps/v1", kind, &row.meta, evidence);
                found.entry(severity).or_default().push(object);
            }
        }
    }
    found
}

fn single_replica(context: &CheckContext<'_>) -> Vec<Finding> {
    let kinds = ["Deployment", "StatefulSet"];
    let found = collect_workloads(context, &kinds, EvidenceSource::Spec, |_, row| {
        (desired_replicas(row) == 1).then(|| (Severity::Warning, "replicas 1".to_owned()))
    });
    let message = "the workload is down while its only pod moves to another node";
    SINGLE_REPLICA.findings(message, found.into_values().flatten())
}

fn not_rolled_out(context: &CheckContext<'_>) -> Vec<Finding> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    let found =
        collect_workloads(
            context,
            &kinds,
            EvidenceSource::Status,
            |kind, row| match rollout_status(kind, row) {
                RolloutStatus::Done => None,
                RolloutStatus::Failed(why) => Some((Severity::Warning, why)),
                RolloutStatus::Paused(why) => Some((Severity::Note, why)),
                RolloutStatus::InProgress(why) => Some(match time_since_last_write(context, row) {
                    Some(age) if age > STUCK_AFTER => {
                        (Severity::Warning, format!("{why} for {}", format_age(age)))
                    }
                    _ => (Severity::Note, why),
                }),
            },
        );
    let finding = |(severity, objects)| {
        let message = match severity {
            Severity::Note => "its rollout is in progress",
            _ => "its rollout is stuck",
        };
        NOT_ROLLED_OUT.finding(severity, "", message, objects)
    };
    found.into_iter().filter_map(finding).collect()
}

/// The time since the last write; `None` if no manager recorded one.
fn time_since_last_write(context: &CheckContext<'_>, row: &WorkloadRow) -> Option<SignedDuration> {
    let written = row
        .meta
        .field_managers
        .iter()
        .filter_map(|manager| manager.time);
    Some(context.now.duration_since(written.max()?))
}

fn outdated_on_delete(context: &CheckContext<'_>) -> Vec<Finding> {
    let kinds = ["DaemonSet", "StatefulSet"];
    let found = collect_workloads(context, &kinds, EvidenceSource::Status, |_, row| {
        let (updated, wanted) = outdated_replicas(row)?;
        let detail = format!("OnDelete, {updated} of {wanted} updated");
        Some((Severity::Warning, detail))
    });
    let message = "pods of its old template still exist";
    ON_DELETE.findings(message, found.into_values().flatten())
}

/// Pods that have the new template, and those wanted, where these are more. The revisions in the status of a StatefulSet
/// are not used: under OnDelete older controllers, that of 1.24 among them, never move `currentRevision` on.
fn outdated_replicas(row: &WorkloadRow) -> Option<(i32, i32)> {
    let status = &row.status;
    let on_delete = &*row.update_strategy == "OnDelete";
    (on_delete
        && status.observed_generation >= row.generation
        && status.updated_replicas < status.replicas)
        .then_some((status.updated_replicas, status.replicas))
}

#[cfg(test)]
mod tests {
    use super::{STUCK_AFTER, outdated_replicas};
    use crate::rules::workloads::pod_termination::format_age;
    use crate::snapshot::{WorkloadRow, WorkloadStatus};

    #[test]
    fn ages_are_short() {
        for (minutes, text) in [
            (7, "7m"),
            (119, "119m"),
            (120, "2h"),
            (47 * 60, "47h"),
            (49 * 60, "2d"),
        ] {
            assert_eq!(format_age(jiff::SignedDuration::from_mins(minutes)), text);
        }
        assert_eq!(format_age(STUCK_AFTER), "10m");
    }

    #[test]
    fn an_unseen_specification_tells_nothing_of_old_pods() {
        let object = |generation: i64, strategy: &str| WorkloadRow {
            generation,
            update_strategy: strategy.into(),
            status: WorkloadStatus {
                observed_generation: 2,
                replicas: 3,
                updated_replicas: 1,
                ..WorkloadStatus::default()
            },
            ..WorkloadRow::default()
        };
        assert_eq!(outdated_replicas(&object(2, "OnDelete")), Some((1, 3)));
        assert_eq!(outdated_replicas(&object(3, "OnDelete")), None);
        assert_eq!(outdated_replicas(&object(2, "RollingUpdate")), None);
    }
}
