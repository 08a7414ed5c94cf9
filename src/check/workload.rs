//! What rules on Deployments, StatefulSets and DaemonSets share, above all how far a rollout has come.

use std::collections::HashMap;

use serde_json::Value;

use super::Situation;
use super::budget::selects;
use crate::catalog::Resource;
use crate::need::{Depth, Need};
use crate::snapshot::{JsonRow, Picture, PodRow};

/// Deployments, whole.
pub(crate) fn deployments() -> Need {
    apps("deployments")
}

/// StatefulSets, whole.
pub(crate) fn stateful_sets() -> Need {
    apps("statefulsets")
}

/// DaemonSets, whole.
pub(crate) fn daemon_sets() -> Need {
    apps("daemonsets")
}

fn apps(plural: &str) -> Need {
    Need::objects(Resource::new("apps", plural), Depth::Whole)
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

/// A whole number at a place of an object, 0 where there is none.
pub(super) fn number(object: &Value, place: &str) -> i64 {
    given(object, place).unwrap_or(0)
}

/// A whole number at a place of an object.
fn given(object: &Value, place: &str) -> Option<i64> {
    object.pointer(place).and_then(Value::as_i64)
}

/// A text at a place of an object, empty where there is none.
pub(super) fn text<'a>(object: &'a Value, place: &str) -> &'a str {
    object
        .pointer(place)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The condition of this type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// How many pods it asks for; the API server writes the default of 1.
pub(super) fn replicas(object: &Value) -> i64 {
    given(object, "/spec/replicas").unwrap_or(1)
}

const UNSEEN: &str = "the controller has not seen the newest specification";

fn unseen(object: &Value) -> bool {
    number(object, "/metadata/generation") > number(object, "/status/observedGeneration")
}

fn waiting(has: i64, of: i64, what: &str) -> Rollout {
    Rollout::Waiting(format!("{has} of {of} {what}"))
}

/// As `kubectl rollout status` tells it of a Deployment.
///
/// Source of this and the following: kubernetes/kubectl pkg/polymorphichelpers/rollout_status.go.
pub(super) fn deployment(object: &Value) -> Rollout {
    if unseen(object) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let progressing = condition(object, "Progressing");
    if progressing.is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded") {
        return Rollout::Failed("ProgressDeadlineExceeded".to_owned());
    }
    let (wanted, updated) = (replicas(object), number(object, "/status/updatedReplicas"));
    let (all, available) = (
        number(object, "/status/replicas"),
        number(object, "/status/availableReplicas"),
    );
    let paused = object.pointer("/spec/paused") == Some(&Value::Bool(true));
    if updated < wanted && paused {
        Rollout::Paused(format!("paused, {updated} of {wanted} updated"))
    } else if updated < wanted {
        waiting(updated, wanted, "updated")
    } else if all > updated {
        Rollout::Waiting(format!("{} old pods still there", all - updated))
    } else if available < updated {
        waiting(available, updated, "available")
    } else {
        Rollout::Done
    }
}

/// As `kubectl rollout status` tells it of a DaemonSet.
pub(super) fn daemon_set(object: &Value) -> Rollout {
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Rollout::Done;
    }
    if unseen(object) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    let available = number(object, "/status/numberAvailable");
    if updated < wanted {
        waiting(updated, wanted, "updated")
    } else if available < wanted {
        waiting(available, wanted, "available")
    } else {
        Rollout::Done
    }
}

/// As `kubectl rollout status` tells it of a StatefulSet.
pub(super) fn stateful_set(object: &Value) -> Rollout {
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return Rollout::Done;
    }
    if number(object, "/status/observedGeneration") == 0 || unseen(object) {
        return Rollout::Waiting(UNSEEN.to_owned());
    }
    let wanted = replicas(object);
    let ready = number(object, "/status/readyReplicas");
    let updated = number(object, "/status/updatedReplicas");
    if ready < wanted {
        return waiting(ready, wanted, "ready");
    }
    if object
        .pointer("/spec/updateStrategy/rollingUpdate")
        .is_some()
    {
        let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
        if updated < wanted - partition {
            return waiting(updated, wanted - partition, "updated");
        }
        return Rollout::Done;
    }
    if text(object, "/status/updateRevision") == text(object, "/status/currentRevision") {
        Rollout::Done
    } else {
        waiting(updated, wanted, "updated")
    }
}

/// Deployments and StatefulSets of one cluster, by kind, namespace and name.
#[derive(Debug, Default)]
pub(super) struct Workloads<'a>(HashMap<(&'static str, &'a str, &'a str), &'a JsonRow>);

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
                for row in rows.json() {
                    let namespace = row.meta.namespace.as_deref().unwrap_or_default();
                    found.insert((kind, namespace, row.meta.name.as_str()), row);
                }
            }
        }
        Self(found)
    }

    /// The workload that a pod belongs to. The name of a Deployment's ReplicaSet is that of the Deployment and a hash; that
    /// it is not another ReplicaSet with such a name is told by the Deployment's selector.
    pub(super) fn owner(&self, pod: &PodRow) -> Option<(&'static str, &'a JsonRow)> {
        let owner = pod.owner.as_ref()?;
        let (kind, name) = match &*owner.kind {
            "ReplicaSet" => ("Deployment", owner.name.rsplit_once('-')?.0),
            "StatefulSet" => ("StatefulSet", &*owner.name),
            _ => return None,
        };
        let row = *self.0.get(&(kind, &*pod.namespace, name))?;
        let fits = selects(row.object.pointer("/spec/selector")?, &pod.labels);
        fits.then_some((kind, row))
    }
}

/// How far the rollout of a Deployment or StatefulSet has come.
pub(super) fn rollout(kind: &str, object: &Value) -> Rollout {
    match kind {
        "Deployment" => deployment(object),
        "DaemonSet" => daemon_set(object),
        _ => stateful_set(object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Rollout, daemon_set, deployment, stateful_set};

    fn with(spec: Value, status: Value) -> Value {
        json!({"metadata": {"generation": 2}, "spec": spec, "status": status})
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
        let status = |observed: i64, all: i64, updated: i64, available: i64| {
            json!({"observedGeneration": observed, "replicas": all, "updatedReplicas": updated,
                "availableReplicas": available})
        };
        let three = || json!({"replicas": 3});
        for (spec, status, expected) in [
            (three(), status(2, 3, 3, 3), "done"),
            (three(), status(1, 3, 3, 3), "waiting"),
            (three(), status(2, 4, 2, 3), "waiting"),
            (three(), status(2, 4, 3, 3), "waiting"),
            (three(), status(2, 3, 3, 2), "waiting"),
            (
                json!({"replicas": 3, "paused": true}),
                status(2, 3, 1, 3),
                "paused",
            ),
            (
                json!({"replicas": 3, "paused": true}),
                status(2, 3, 3, 3),
                "done",
            ),
            (
                json!({"replicas": 0}),
                json!({"observedGeneration": 2}),
                "done",
            ),
        ] {
            let object = with(spec, status);
            assert_eq!(word(&deployment(&object)), expected, "{object}");
        }
        let late = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]});
        assert_eq!(word(&deployment(&with(three(), late))), "failed");
    }

    #[test]
    fn daemon_sets() {
        let rolling = || json!({"updateStrategy": {"type": "RollingUpdate"}});
        let status = |observed: i64, updated: i64, available: i64| {
            json!({"observedGeneration": observed, "desiredNumberScheduled": 3,
                "updatedNumberScheduled": updated, "numberAvailable": available})
        };
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        for (spec, status, expected) in [
            (rolling(), status(2, 3, 3), "done"),
            (rolling(), status(1, 3, 3), "waiting"),
            (rolling(), status(2, 2, 3), "waiting"),
            (rolling(), status(2, 3, 2), "waiting"),
            (on_delete, status(2, 0, 0), "done"),
        ] {
            let object = with(spec, status);
            assert_eq!(word(&daemon_set(&object)), expected, "{object}");
        }
    }

    #[test]
    fn stateful_sets() {
        let rolling = |partition: i64| {
            json!({"replicas": 3, "updateStrategy":
                {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}})
        };
        let status = |observed: i64, ready: i64, updated: i64| {
            json!({"observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": updated,
                "currentRevision": "db-1", "updateRevision": "db-2"})
        };
        let bare = || json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}});
        for (spec, status, expected) in [
            (rolling(0), status(2, 3, 3), "done"),
            (rolling(0), status(0, 3, 3), "waiting"),
            (rolling(0), status(1, 3, 3), "waiting"),
            (rolling(0), status(2, 2, 3), "waiting"),
            (rolling(0), status(2, 3, 2), "waiting"),
            (rolling(2), status(2, 3, 1), "done"),
            (bare(), status(2, 3, 3), "waiting"),
            (
                json!({"updateStrategy": {"type": "OnDelete"}}),
                status(2, 0, 0),
                "done",
            ),
        ] {
            let object = with(spec, status);
            assert_eq!(word(&stateful_set(&object)), expected, "{object}");
        }
    }
}
