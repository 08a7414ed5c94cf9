//! How far Cluster API has replaced the machines of a control plane or a pool.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go, controlplane/kubeadm/api.

use serde_json::Value;

use crate::catalog::Release;
use crate::need::Need;
use crate::snapshot::{ClusterView, ObjectRow};

/// The counts of an object that owns machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MachineRollout {
    /// The version of its spec; none if it cannot be parsed.
    pub(crate) version: Option<Release>,
    /// Whether the controller has observed the latest spec: if not, the counts are those of an older one.
    pub(crate) is_observed: bool,
    /// Desired number of machines.
    pub(crate) desired: usize,
    /// Existing machines, old ones and surge included.
    existing: usize,
    /// Machines of the latest spec; none if they are not reported.
    up_to_date: Option<usize>,
    /// Machines that are available, old ones included.
    available: Option<usize>,
}

/// The rollout of one object with the version at `version_path`; none if it was not read.
pub(crate) fn machine_rollout(
    view: ClusterView<'_>,
    need: &Need,
    (namespace, name): (&str, &str),
    version_path: &str,
) -> Option<MachineRollout> {
    let mut rows = view.objects(need).iter();
    let row =
        rows.find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace))?;
    Some(MachineRollout::new(row, version_path))
}

impl MachineRollout {
    fn new(row: &ObjectRow, version_path: &str) -> Self {
        let number = |path: &str| row.object.pointer(path).and_then(Value::as_u64);
        let count = |path: &str| Some(usize::try_from(number(path)?).unwrap_or(usize::MAX));
        let version = row.object.pointer(version_path).and_then(Value::as_str);
        let observed = number("/status/observedGeneration");
        let desired = count("/spec/replicas").unwrap_or(1);
        Self {
            version: version.and_then(|version| version.parse().ok()),
            is_observed: observed
                .zip(number("/metadata/generation"))
                .is_none_or(|(observed, generation)| observed >= generation),
            desired,
            existing: count("/status/replicas").unwrap_or(desired),
            // `updatedReplicas` until v1beta1, `upToDateReplicas` since v1beta2.
            up_to_date: count("/status/upToDateReplicas")
                .or_else(|| count("/status/updatedReplicas")),
            // Very old releases of Cluster API report ready machines only.
            available: count("/status/availableReplicas")
                .or_else(|| count("/status/readyReplicas")),
        }
    }

    /// The number of new machines that are certain to be available; none if new machines are not reported.
    ///
    /// Available machines may be old ones: only as many as there cannot be old ones of are new. A surge machine counts as
    /// existing, so it never adds to this.
    pub(crate) fn replaced(&self) -> Option<usize> {
        let up_to_date = self.up_to_date?;
        if !self.is_observed {
            return Some(0);
        }
        let old = self.existing.saturating_sub(up_to_date);
        let available = self.available.unwrap_or(self.existing);
        let replaced = available.saturating_sub(old).min(up_to_date);
        Some(replaced.min(self.desired))
    }

    /// Whether all machines are replaced, and none is left over.
    pub(crate) fn is_complete(&self) -> bool {
        self.replaced() == Some(self.desired) && self.existing <= self.desired
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::MachineRollout;
    use crate::snapshot::{MetaRow, ObjectRow};

    fn rollout(object: Value) -> MachineRollout {
        let meta = MetaRow::default();
        MachineRollout::new(&ObjectRow { meta, object }, "/spec/version")
    }

    #[test]
    fn only_new_machines_count_once_the_controller_has_observed_the_spec() {
        for (status, replaced, is_complete) in [
            (json!({}), None, false),
            // Counts of the generation before.
            (
                json!({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
                Some(0),
                false,
            ),
            (
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
                Some(2),
                false,
            ),
            (
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 2}),
                Some(2),
                false,
            ),
            // The new machine is a surge that is not available yet: the three available ones are old.
            (
                json!({"observedGeneration": 4, "replicas": 4, "upToDateReplicas": 1, "availableReplicas": 3}),
                Some(0),
                false,
            ),
            (
                json!({"observedGeneration": 4, "replicas": 4, "upToDateReplicas": 1, "availableReplicas": 4}),
                Some(1),
                false,
            ),
            // An old machine is still there.
            (
                json!({"observedGeneration": 4, "replicas": 4, "upToDateReplicas": 3, "availableReplicas": 4}),
                Some(3),
                false,
            ),
            (
                json!({"observedGeneration": 4, "replicas": 3, "upToDateReplicas": 3, "availableReplicas": 3}),
                Some(3),
                true,
            ),
            (
                json!({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}),
                Some(3),
                true,
            ),
        ] {
            let spec = json!({"version": "v1.31.2", "replicas": 3});
            let object = json!({"metadata": {"generation": 4}, "spec": spec, "status": status});
            let counts = rollout(object);
            assert_eq!(counts.replaced(), replaced, "{status}");
            assert_eq!(counts.is_complete(), is_complete, "{status}");
            assert_eq!(counts.desired, 3);
        }
    }

    #[test]
    fn a_pool_without_machines_is_complete() {
        let spec = json!({"version": "newest", "replicas": 0});
        let empty = rollout(json!({"spec": spec, "status": {"updatedReplicas": 0}}));
        assert!(empty.is_complete());
        assert_eq!(empty.version, None);
    }
}
