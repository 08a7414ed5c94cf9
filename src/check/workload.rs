//! What rules on Deployments, StatefulSets and DaemonSets share, above all how far a rollout has come.

use std::collections::HashMap;

use super::Situation;
use crate::catalog::Resource;
use crate::need::{Depth, Need};
use crate::snapshot::{Picture, PodRow, WorkloadRow};

/// Deployments, as rows of fields.
pub(crate) fn deployments() -> Need {
    apps("deployments")
}

/// StatefulSets, as rows of fields.
pub(crate) fn stateful_sets() -> Need {
    apps("statefulsets")
}

/// DaemonSets, as rows of fields.
pub(crate) fn daemon_sets() -> Need {
    apps("daemonsets")
}

fn apps(plural: &str) -> Need {
    Need::objects(Resource::new("apps", plural), Depth::Fields)
}

/// How far a rollout has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rollout {
    /// To its end.
    Done,
    /// Somebody paused it.
    Paused(String),
    /// It is not done, for this reason.
    Waiting(String),
    /// The controller has given up.
    Failed(String),
}

/// How many pods it asks for; the API server writes the default of 1.
pub(super) fn replicas(row: &WorkloadRow) -> i32 {
    row.replicas.unwrap_or(1)
}

const UNSEEN: &str = "the controller has not seen the newest specification";

fn unseen(row: &WorkloadRow) -> bool {
    row.generation > row.status.observed_generation
}

fn waiting(has: i32, of: i32, what: &str) -> Rollout {
    Rollout::Waiting(format!("{has} of {of} {what}"))
}

/// As `kubectl rollout status` tells it of a Deployment.
///
/// Source of this and the following: kubernetes/kubectl pkg/polymorphichelpers/rollout_status.go.
fn deployment(row: &WorkloadRow) -> Rollout {
    if unseen(row) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let status = &row.status;
    if status.given_up {
        return Rollout::Failed("ProgressDeadlineExceeded".to_owned());
    }
    let (wanted, updated) = (replicas(row), status.updated);
    if updated < wanted && row.paused {
        Rollout::Paused(format!("paused, {updated} of {wanted} updated"))
    } else if updated < wanted {
        waiting(updated, wanted, "updated")
    } else if status.replicas > updated {
        let old = i64::from(status.replicas) - i64::from(updated);
        Rollout::Waiting(format!("{old} old pods still there"))
    } else if status.available < updated {
        waiting(status.available, updated, "available")
    } else {
        Rollout::Done
    }
}

/// As `kubectl rollout status` tells it of a DaemonSet.
fn daemon_set(row: &WorkloadRow) -> Rollout {
    if &*row.update_strategy != "RollingUpdate" {
        return Rollout::Done;
    }
    if unseen(row) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let status = &row.status;
    if status.updated < status.replicas {
        waiting(status.updated, status.replicas, "updated")
    } else if status.available < status.replicas {
        waiting(status.available, status.replicas, "available")
    } else {
        Rollout::Done
    }
}

/// As `kubectl rollout status` tells it of a StatefulSet.
fn stateful_set(row: &WorkloadRow) -> Rollout {
    if &*row.update_strategy != "RollingUpdate" {
        return Rollout::Done;
    }
    let status = &row.status;
    if status.observed_generation == 0 || unseen(row) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let wanted = replicas(row);
    if status.ready < wanted {
        return waiting(status.ready, wanted, "ready");
    }
    if let Some(partition) = row.partition {
        let wanted = wanted.saturating_sub(partition);
        if status.updated < wanted {
            return waiting(status.updated, wanted, "updated");
        }
        return Rollout::Done;
    }
    if status.between_revisions {
        waiting(status.updated, wanted, "updated")
    } else {
        Rollout::Done
    }
}

/// Deployments and StatefulSets of one cluster, by kind, namespace and name.
#[derive(Debug, Default)]
pub(super) struct Workloads<'a>(HashMap<(&'static str, &'a str, &'a str), &'a WorkloadRow>);

impl<'a> Workloads<'a> {
    /// Those that were read.
    pub(super) fn of(situation: &Situation<'a>, picture: &Picture) -> Self {
        let mut found = HashMap::new();
        for (kind, need) in [
            ("Deployment", deployments()),
            ("StatefulSet", stateful_sets()),
        ] {
            for (of, rows) in situation.rows(&need) {
                if of.id != picture.id {
                    continue;
                }
                for row in rows.workloads() {
                    let namespace = row.meta.namespace.as_deref().unwrap_or_default();
                    found.insert((kind, namespace, row.meta.name.as_str()), row);
                }
            }
        }
        Self(found)
    }

    /// The workload that a pod belongs to. The name of a Deployment's ReplicaSet is that of the Deployment and a hash; that
    /// it is not another ReplicaSet with such a name is told by the Deployment's selector.
    pub(super) fn owner(&self, pod: &PodRow) -> Option<(&'static str, &'a WorkloadRow)> {
        let owner = pod.owner.as_ref()?;
        let (kind, name) = match &*owner.kind {
            "ReplicaSet" => ("Deployment", owner.name.rsplit_once('-')?.0),
            "StatefulSet" => ("StatefulSet", &*owner.name),
            _ => return None,
        };
        let row = *self.0.get(&(kind, &*pod.namespace, name))?;
        let selector = row.selector.as_ref()?;
        selector.fits(&pod.labels).then_some((kind, row))
    }
}

/// How far the rollout of a workload of this kind has come.
pub(super) fn rollout(kind: &str, row: &WorkloadRow) -> Rollout {
    match kind {
        "Deployment" => deployment(row),
        "DaemonSet" => daemon_set(row),
        _ => stateful_set(row),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rollout, daemon_set, deployment, stateful_set};
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
            updated,
            ready,
            available,
            ..WorkloadStatus::default()
        }
    }

    /// `done`, `paused`, `waiting` or `failed`.
    fn word(rollout: &Rollout) -> &'static str {
        match rollout {
            Rollout::Done => "done",
            Rollout::Paused(_) => "paused",
            Rollout::Waiting(_) => "waiting",
            Rollout::Failed(_) => "failed",
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
            assert_eq!(word(&deployment(&three(status))), expected, "{status:?}");
        }
        for (updated, expected) in [(1, "paused"), (3, "done")] {
            let row = WorkloadRow {
                paused: true,
                ..three(status(2, [3, updated, 3, 3]))
            };
            assert_eq!(word(&deployment(&row)), expected);
        }
        for (replicas, expected) in [(Some(0), "done"), (None, "waiting")] {
            let row = WorkloadRow {
                replicas,
                ..three(status(2, [0; 4]))
            };
            assert_eq!(word(&deployment(&row)), expected);
        }
        let late = WorkloadStatus {
            given_up: true,
            ..status(2, [0; 4])
        };
        assert_eq!(word(&deployment(&three(late))), "failed");
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
            assert_eq!(word(&daemon_set(&row)), expected, "{status:?}");
        }
    }

    #[test]
    fn stateful_sets() {
        let status = |observed: i64, ready: i32, updated: i32| WorkloadStatus {
            between_revisions: true,
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
            assert_eq!(word(&stateful_set(&row)), expected, "{row:?}");
        }
    }
}
