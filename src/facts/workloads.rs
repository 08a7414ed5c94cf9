//! Deployments, StatefulSets and DaemonSets, and the status of their rollouts.

use std::collections::HashMap;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, PodRow, Rows, WorkloadRow};

/// Deployments, as rows of fields.
pub(crate) fn deployments() -> Need {
    apps_need("deployments")
}

/// StatefulSets, as rows of fields.
pub(crate) fn stateful_sets() -> Need {
    apps_need("statefulsets")
}

/// DaemonSets, as rows of fields.
pub(crate) fn daemon_sets() -> Need {
    apps_need("daemonsets")
}

/// All three.
pub(crate) fn all() -> [Need; 3] {
    [deployments(), stateful_sets(), daemon_sets()]
}

fn apps_need(plural: &str) -> Need {
    Need::objects(GroupResource::new("apps", plural), DetailLevel::Typed)
}

/// The status of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RolloutStatus {
    /// It is complete.
    Done,
    /// It is paused.
    Paused(String),
    /// It is in progress, with the reason.
    InProgress(String),
    /// The controller has given up.
    Failed(String),
}

/// The desired number of pods, 1 by default.
pub(crate) fn desired_replicas(row: &WorkloadRow) -> i32 {
    row.replicas.unwrap_or(1)
}

const STALE_STATUS: &str = "the controller has not observed the latest generation";

fn is_status_stale(row: &WorkloadRow) -> bool {
    row.generation > row.status.observed_generation
}

fn in_progress(has: i32, of: i32, what: &str) -> RolloutStatus {
    RolloutStatus::InProgress(format!("{has} of {of} {what}"))
}

/// As `kubectl rollout status` for a Deployment.
///
/// Source of this and the following: kubernetes/kubectl pkg/polymorphichelpers/rollout_status.go.
fn deployment_rollout(row: &WorkloadRow) -> RolloutStatus {
    if is_status_stale(row) {
        return RolloutStatus::InProgress(STALE_STATUS.to_owned());
    }
    let status = &row.status;
    if status.is_progress_deadline_exceeded {
        return RolloutStatus::Failed("ProgressDeadlineExceeded".to_owned());
    }
    let (wanted, updated) = (desired_replicas(row), status.updated_replicas);
    if updated < wanted && row.is_paused {
        RolloutStatus::Paused(format!("paused, {updated} of {wanted} updated"))
    } else if updated < wanted {
        in_progress(updated, wanted, "updated")
    } else if status.replicas > updated {
        let old = i64::from(status.replicas) - i64::from(updated);
        RolloutStatus::InProgress(format!("{old} old pods remain"))
    } else if status.available_replicas < updated {
        in_progress(status.available_replicas, updated, "available")
    } else {
        RolloutStatus::Done
    }
}

/// As `kubectl rollout status` for a DaemonSet.
fn daemon_set_rollout(row: &WorkloadRow) -> RolloutStatus {
    if &*row.update_strategy != "RollingUpdate" {
        return RolloutStatus::Done;
    }
    if is_status_stale(row) {
        return RolloutStatus::InProgress(STALE_STATUS.to_owned());
    }
    let status = &row.status;
    if status.updated_replicas < status.replicas {
        in_progress(status.updated_replicas, status.replicas, "updated")
    } else if status.available_replicas < status.replicas {
        in_progress(status.available_replicas, status.replicas, "available")
    } else {
        RolloutStatus::Done
    }
}

/// As `kubectl rollout status` for a StatefulSet.
fn stateful_set_rollout(row: &WorkloadRow) -> RolloutStatus {
    if &*row.update_strategy != "RollingUpdate" {
        return RolloutStatus::Done;
    }
    let status = &row.status;
    if status.observed_generation == 0 || is_status_stale(row) {
        return RolloutStatus::InProgress(STALE_STATUS.to_owned());
    }
    let wanted = desired_replicas(row);
    if status.ready_replicas < wanted {
        return in_progress(status.ready_replicas, wanted, "ready");
    }
    if let Some(partition) = row.partition {
        let wanted = wanted.saturating_sub(partition);
        if status.updated_replicas < wanted {
            return in_progress(status.updated_replicas, wanted, "updated");
        }
        return RolloutStatus::Done;
    }
    if status.has_pending_revision {
        in_progress(status.updated_replicas, wanted, "updated")
    } else {
        RolloutStatus::Done
    }
}

/// Deployments and StatefulSets of one cluster, by kind, namespace and name.
#[derive(Debug, Default)]
pub(crate) struct WorkloadIndex<'a>(HashMap<(&'static str, &'a str, &'a str), &'a WorkloadRow>);

impl<'a> WorkloadIndex<'a> {
    /// The workloads that were read.
    pub(crate) fn new(view: ClusterView<'a>) -> Self {
        let mut found = HashMap::new();
        for (kind, need) in [
            ("Deployment", deployments()),
            ("StatefulSet", stateful_sets()),
        ] {
            for row in view.rows(&need).map_or(&[][..], Rows::workloads) {
                let namespace = row.meta.namespace.as_deref().unwrap_or_default();
                found.insert((kind, namespace, row.meta.name.as_str()), row);
            }
        }
        Self(found)
    }

    /// The workload that a pod belongs to. The name of a ReplicaSet is that of its Deployment and a hash; the Deployment's
    /// selector rules out other ReplicaSets with such a name.
    pub(crate) fn workload_of(&self, pod: &PodRow) -> Option<(&'static str, &'a WorkloadRow)> {
        let owner = pod.controller.as_ref()?;
        let (kind, name) = match &*owner.kind {
            "ReplicaSet" => ("Deployment", owner.name.rsplit_once('-')?.0),
            "StatefulSet" => ("StatefulSet", &*owner.name),
            _ => return None,
        };
        let row = *self.0.get(&(kind, &*pod.namespace, name))?;
        let selector = row.selector.as_ref()?;
        selector.matches(&pod.labels).then_some((kind, row))
    }
}

/// The status of the rollout of a workload of this kind.
pub(crate) fn rollout_status(kind: &str, row: &WorkloadRow) -> RolloutStatus {
    match kind {
        "Deployment" => deployment_rollout(row),
        "DaemonSet" => daemon_set_rollout(row),
        _ => stateful_set_rollout(row),
    }
}

#[cfg(test)]
mod tests {
    use super::{RolloutStatus, daemon_set_rollout, deployment_rollout, stateful_set_rollout};
    use crate::snapshot::{WorkloadRow, WorkloadStatus};

    /// Three replicas, of a specification that was changed once.
    fn three(status: WorkloadStatus) -> WorkloadRow {
        WorkloadRow {
            generation: 2,
            replicas: Some(3),
            status,
            ..WorkloadRow::default()
        }
    }

    fn with_strategy(
        strategy: &str,
        partition: Option<i32>,
        status: WorkloadStatus,
    ) -> WorkloadRow {
        WorkloadRow {
            update_strategy: strategy.into(),
            partition,
            ..three(status)
        }
    }

    /// Observed generation, and pods: all, updated, ready, available.
    fn status(
        observed_generation: i64,
        [replicas, updated, ready, available]: [i32; 4],
    ) -> WorkloadStatus {
        WorkloadStatus {
            observed_generation,
            replicas,
            updated_replicas: updated,
            ready_replicas: ready,
            available_replicas: available,
            ..WorkloadStatus::default()
        }
    }

    /// `done`, `paused`, `waiting` or `failed`.
    fn word(rollout: &RolloutStatus) -> &'static str {
        match rollout {
            RolloutStatus::Done => "done",
            RolloutStatus::Paused(_) => "paused",
            RolloutStatus::InProgress(_) => "waiting",
            RolloutStatus::Failed(_) => "failed",
        }
    }

    #[test]
    fn deployments() {
        for (status, expected) in [
            (status(2, [3, 3, 3, 3]), "done"),
            (status(1, [3, 3, 3, 3]), "waiting"),
            (status(2, [4, 2, 3, 3]), "waiting"),
            (status(2, [4, 3, 3, 3]), "waiting"),
            (status(2, [3, 3, 3, 2]), "waiting"),
        ] {
            assert_eq!(
                word(&deployment_rollout(&three(status))),
                expected,
                "{status:?}"
            );
        }
        for (updated, expected) in [(1, "paused"), (3, "done")] {
            let row = WorkloadRow {
                is_paused: true,
                ..three(status(2, [3, updated, 3, 3]))
            };
            assert_eq!(word(&deployment_rollout(&row)), expected);
        }
        for (replicas, expected) in [(Some(0), "done"), (None, "waiting")] {
            let row = WorkloadRow {
                replicas,
                ..three(status(2, [0; 4]))
            };
            assert_eq!(word(&deployment_rollout(&row)), expected);
        }
        let late = WorkloadStatus {
            is_progress_deadline_exceeded: true,
            ..status(2, [0; 4])
        };
        assert_eq!(word(&deployment_rollout(&three(late))), "failed");
    }

    #[test]
    fn daemon_sets() {
        for (strategy, status, expected) in [
            ("RollingUpdate", status(2, [3, 3, 3, 3]), "done"),
            ("RollingUpdate", status(1, [3, 3, 3, 3]), "waiting"),
            ("RollingUpdate", status(2, [3, 2, 3, 3]), "waiting"),
            ("RollingUpdate", status(2, [3, 3, 3, 2]), "waiting"),
            ("OnDelete", status(2, [3, 0, 0, 0]), "done"),
        ] {
            let row = with_strategy(strategy, None, status);
            assert_eq!(word(&daemon_set_rollout(&row)), expected, "{status:?}");
        }
    }

    #[test]
    fn stateful_sets() {
        let status = |observed: i64, ready: i32, updated: i32| WorkloadStatus {
            has_pending_revision: true,
            ..status(observed, [3, updated, ready, 3])
        };
        let rolling = "RollingUpdate";
        for (strategy, partition, status, expected) in [
            (rolling, Some(0), status(2, 3, 3), "done"),
            (rolling, Some(0), status(0, 3, 3), "waiting"),
            (rolling, Some(0), status(1, 3, 3), "waiting"),
            (rolling, Some(0), status(2, 2, 3), "waiting"),
            (rolling, Some(0), status(2, 3, 2), "waiting"),
            (rolling, Some(2), status(2, 3, 1), "done"),
            (rolling, None, status(2, 3, 3), "waiting"),
            ("OnDelete", None, status(2, 0, 0), "done"),
        ] {
            let row = with_strategy(strategy, partition, status);
            assert_eq!(word(&stateful_set_rollout(&row)), expected, "{row:?}");
        }
    }
}
