//! Objects of Cluster API: how many of their machines have what is asked of them.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go, controlplane/kubeadm/api.

use serde_json::Value;

use super::{CompletionStatus, VersionGoal};
use crate::catalog::Release;
use crate::detect;
use crate::need::Need;
use crate::rules::CheckContext;
use crate::snapshot::{ClusterSnapshot, ObjectRow};

/// A KubeadmControlPlane.
pub(super) fn kubeadm_control_plane_status(
    situation: &CheckContext<'_>,
    picture: &ClusterSnapshot,
    name: (&str, &str),
    goal: &VersionGoal,
) -> CompletionStatus {
    find_object(
        situation,
        picture,
        &detect::kubeadm_control_planes_need(),
        name,
    )
    .map_or(CompletionStatus::Unknown, |row| {
        rollout_status(row, "/spec/version", goal)
    })
}

/// A MachineDeployment.
pub(super) fn machine_deployment_status(
    situation: &CheckContext<'_>,
    picture: &ClusterSnapshot,
    name: (&str, &str),
    goal: &VersionGoal,
) -> CompletionStatus {
    let version = "/spec/template/spec/version";
    find_object(
        situation,
        picture,
        &detect::machine_deployments_need(),
        name,
    )
    .map_or(CompletionStatus::Unknown, |row| {
        rollout_status(row, version, goal)
    })
}

fn find_object<'a>(
    situation: &CheckContext<'_>,
    picture: &'a ClusterSnapshot,
    need: &Need,
    (namespace, name): (&str, &str),
) -> Option<&'a ObjectRow> {
    let rows = picture.rows_for(need, situation.catalog).ok()??;
    rows.objects()
        .iter()
        .find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace))
}

/// How far a rolling update is: what is asked, whether the controller has seen it, and then its counts.
fn rollout_status(row: &ObjectRow, version: &str, goal: &VersionGoal) -> CompletionStatus {
    let number = |path: &str| row.object.pointer(path).and_then(Value::as_u64);
    let asked = row.object.pointer(version).and_then(Value::as_str);
    let asked: Option<Release> = asked.and_then(|version| version.parse().ok());
    match asked.map(|version| goal.is_reached_by(&version)) {
        Some(true) => {}
        Some(false) => return CompletionStatus::Todo,
        None => return CompletionStatus::Unknown,
    }
    // `updatedReplicas` until v1beta1, `upToDateReplicas` since v1beta2.
    let updated = number("/status/updatedReplicas").or_else(|| number("/status/upToDateReplicas"));
    let wanted = number("/spec/replicas").unwrap_or(1);
    let (Some(updated), running) = (updated, number("/status/replicas").unwrap_or(0)) else {
        return CompletionStatus::Unknown;
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
        true if at_work >= of => CompletionStatus::Done,
        true => CompletionStatus::InProgress {
            done: at_work,
            total: of,
        },
        false => CompletionStatus::InProgress { done: 0, total: of },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::rollout_status;
    use crate::catalog::VersionPrecision;
    use crate::conditions::{CompletionStatus, VersionGoal};
    use crate::snapshot::{MetaRow, ObjectRow};

    fn told(object: Value) -> CompletionStatus {
        let row = ObjectRow {
            meta: MetaRow::default(),
            object,
        };
        rollout_status(
            &row,
            "/spec/version",
            &VersionGoal::new(
                &"1.31.2".parse().expect("a release"),
                VersionPrecision::Patch,
            ),
        )
    }

    fn object(version: &str, status: &Value) -> Value {
        json!({"metadata": {"generation": 4}, "spec": {"version": version, "replicas": 3}, "status": status})
    }

    #[test]
    fn machines_are_counted_once_the_controller_has_seen_what_is_asked() {
        let doing = |done| CompletionStatus::InProgress { done, total: 3 };
        for (version, status, expected) in [
            (
                "v1.30.5",
                json!({"updatedReplicas": 3}),
                CompletionStatus::Todo,
            ),
            (
                "newest",
                json!({"updatedReplicas": 3}),
                CompletionStatus::Unknown,
            ),
            ("v1.31.2", json!({}), CompletionStatus::Unknown),
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
                CompletionStatus::InProgress { done: 3, total: 4 },
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 3}),
                CompletionStatus::Done,
            ),
            (
                "v1.31.4",
                json!({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}),
                CompletionStatus::Done,
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
        assert_eq!(told(object), CompletionStatus::Done);
    }
}
