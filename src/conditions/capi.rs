//! Rollout status of Cluster API objects.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go, controlplane/kubeadm/api.

use serde_json::Value;

use super::{CompletionStatus, VersionGoal};
use crate::catalog::Release;
use crate::need::Need;
use crate::snapshot::{ClusterView, ObjectRow};

/// How far the rollout of an object is to the version at `version_path`; unknown if it was not read.
pub(super) fn object_status(
    view: ClusterView<'_>,
    need: &Need,
    (namespace, name): (&str, &str),
    version_path: &str,
    goal: &VersionGoal,
) -> CompletionStatus {
    let mut rows = view.objects(need).iter();
    let row =
        rows.find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace));
    row.map_or(CompletionStatus::Unknown, |row| {
        rollout_status(row, version_path, goal)
    })
}

/// How far a rollout is: by the version in the spec, then whether the controller has observed it, then its machine counts.
fn rollout_status(row: &ObjectRow, version_path: &str, goal: &VersionGoal) -> CompletionStatus {
    let number = |path: &str| row.object.pointer(path).and_then(Value::as_u64);
    let version = row.object.pointer(version_path).and_then(Value::as_str);
    let version: Option<Release> = version.and_then(|version| version.parse().ok());
    match version.map(|version| goal.is_reached_by(&version)) {
        Some(true) => {}
        Some(false) => return CompletionStatus::Todo,
        None => return CompletionStatus::Unknown,
    }
    // `updatedReplicas` until v1beta1, `upToDateReplicas` since v1beta2.
    let updated = number("/status/updatedReplicas").or_else(|| number("/status/upToDateReplicas"));
    let Some(updated) = updated else {
        return CompletionStatus::Unknown;
    };
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // Old machines that still exist have to be removed, too.
    let desired = number("/spec/replicas").unwrap_or(1);
    let total = count(desired.max(number("/status/replicas").unwrap_or(0)));
    // Like a rollout of Kubernetes, new machines count once they are available. Very old releases of Cluster API do not report it.
    let available = number("/status/availableReplicas");
    let available = available.or_else(|| number("/status/readyReplicas"));
    let done = count(updated.min(available.unwrap_or(updated)));
    let observed = number("/status/observedGeneration");
    let generation = number("/metadata/generation");
    let is_observed = observed
        .zip(generation)
        .is_none_or(|(observed, generation)| observed >= generation);
    match is_observed {
        true if done >= total => CompletionStatus::Done,
        true => CompletionStatus::InProgress { done, total },
        false => CompletionStatus::InProgress { done: 0, total },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::rollout_status;
    use crate::catalog::VersionPrecision;
    use crate::conditions::{CompletionStatus, VersionGoal};
    use crate::snapshot::{MetaRow, ObjectRow};

    fn status_of(object: Value) -> CompletionStatus {
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
    fn machines_are_counted_once_the_controller_has_observed_the_spec() {
        let in_progress = |done| CompletionStatus::InProgress { done, total: 3 };
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
                in_progress(0),
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
                in_progress(2),
            ),
            (
                "v1.31.2",
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 2}),
                in_progress(2),
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
                status_of(object(version, &status)),
                expected,
                "{version} {status}"
            );
        }
    }

    #[test]
    fn a_pool_without_machines_is_done() {
        let object = json!({"spec": {"version": "v1.31.2", "replicas": 0}, "status": {"updatedReplicas": 0}});
        assert_eq!(status_of(object), CompletionStatus::Done);
    }
}
