//! Objects of Cluster API: how many of their machines have what is asked of them.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go, controlplane/kubeadm/api.

use serde_json::Value;

use super::{Goal, Progress};
use crate::check::Situation;
use crate::detect;
use crate::need::Need;
use crate::snapshot::{JsonRow, Picture};

/// A KubeadmControlPlane.
pub(super) fn control_plane(
    situation: &Situation<'_>,
    picture: &Picture,
    name: (&str, &str),
    goal: &Goal,
) -> Progress {
    find(situation, picture, &detect::control_planes(), name)
        .map_or(Progress::Unknown, |row| rolled(row, "/spec/version", goal))
}

/// A MachineDeployment.
pub(super) fn deployment(
    situation: &Situation<'_>,
    picture: &Picture,
    name: (&str, &str),
    goal: &Goal,
) -> Progress {
    let version = "/spec/template/spec/version";
    find(situation, picture, &detect::machine_deployments(), name)
        .map_or(Progress::Unknown, |row| rolled(row, version, goal))
}

fn find<'a>(
    situation: &Situation<'_>,
    picture: &'a Picture,
    need: &Need,
    (namespace, name): (&str, &str),
) -> Option<&'a JsonRow> {
    let rows = picture.read(need, situation.catalog).ok()??;
    rows.json()
        .iter()
        .find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace))
}

/// How far a rolling update is: what is asked, whether the controller has seen it, and then its counts.
fn rolled(row: &JsonRow, version: &str, goal: &Goal) -> Progress {
    let number = |path: &str| row.object.pointer(path).and_then(Value::as_u64);
    let asked = row.object.pointer(version).and_then(Value::as_str);
    match asked.and_then(|asked| goal.reached(asked)) {
        Some(true) => {}
        Some(false) => return Progress::Todo,
        None => return Progress::Unknown,
    }
    // `updatedReplicas` until v1beta1, `upToDateReplicas` since v1beta2.
    let updated = number("/status/updatedReplicas").or_else(|| number("/status/upToDateReplicas"));
    let wanted = number("/spec/replicas").unwrap_or(1);
    let (Some(updated), running) = (updated, number("/status/replicas").unwrap_or(0)) else {
        return Progress::Unknown;
    };
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // Old machines that are still there are to go, too.
    let of = count(wanted.max(running));
    // What counts for Kubernetes' own rollouts: new ones that are at work. Very old releases of Cluster API do not say it.
    let available = number("/status/availableReplicas");
    let available = available.or_else(|| number("/status/readyReplicas"));
    let at_work = count(updated.min(available.unwrap_or(updated)));
    let seen = number("/status/observedGeneration");
    let is_seen = number("/metadata/generation").is_none_or(|now| seen.is_none_or(|it| it >= now));
    match is_seen {
        true if at_work >= of => Progress::Done,
        true => Progress::Doing { done: at_work, of },
        false => Progress::Doing { done: 0, of },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::rolled;
    use crate::catalog::Reach;
    use crate::progress::{Goal, Progress};
    use crate::snapshot::{JsonRow, MetaRow};

    fn told(object: Value) -> Progress {
        let row = JsonRow {
            meta: MetaRow::default(),
            object,
        };
        rolled(&row, "/spec/version", &Goal::new("1.31.2", Reach::Patch))
    }

    fn object(version: &str, status: &Value) -> Value {
        json!({"metadata": {"generation": 4}, "spec": {"version": version, "replicas": 3}, "status": status})
    }

    #[test]
    fn machines_are_counted_once_the_controller_has_seen_what_is_asked() {
        let doing = |done| Progress::Doing { done, of: 3 };
        for (version, status, expected) in [
            ("v1.30.5", json!({"updatedReplicas": 3}), Progress::Todo),
            ("newest", json!({"updatedReplicas": 3}), Progress::Unknown),
            ("v1.31.2", json!({}), Progress::Unknown),
            // Counts of the generation before.
            (
                "v1.31.2",
                json!({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
                doing(0),
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
                doing(2),
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 2}),
                doing(2),
            ),
            // An old machine is still there.
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 4, "upToDateReplicas": 3, "availableReplicas": 4}),
                Progress::Doing { done: 3, of: 4 },
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 3}),
                Progress::Done,
            ),
            (
                "v1.31.4",
                json!({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}),
                Progress::Done,
            ),
        ] {
            assert_eq!(
                told(object(version, &status)),
                expected,
                "{version} {status}"
            );
        }
    }

    #[test]
    fn a_pool_without_machines_is_done_at_once() {
        let object = json!({"spec": {"version": "v1.31.2", "replicas": 0}, "status": {"updatedReplicas": 0}});
        assert_eq!(told(object), Progress::Done);
    }
}
