//! Keys of labels and annotations that several modules read.

/// Label of a MachineDeployment: its name in the topology of its Cluster. Source of all Cluster API keys:
/// kubernetes-sigs/cluster-api docs/book/src/reference/api/labels-and-annotations.md.
pub(crate) const CAPI_DEPLOYMENT_NAME: &str = "topology.cluster.x-k8s.io/deployment-name";
/// Label of a Machine: its MachineDeployment.
pub(crate) const CAPI_MACHINE_DEPLOYMENT: &str = "cluster.x-k8s.io/deployment-name";
/// Annotation of a pool in a topology: its upgrade is deferred.
pub(crate) const CAPI_DEFER_UPGRADE: &str = "topology.cluster.x-k8s.io/defer-upgrade";
/// Annotation of a pool in a topology: its upgrade and that of all pools after it is held back.
pub(crate) const CAPI_HOLD_UPGRADE_SEQUENCE: &str =
    "topology.cluster.x-k8s.io/hold-upgrade-sequence";
/// Annotation of a Cluster: how many pools of a kind are upgraded at a time.
pub(crate) const CAPI_UPGRADE_CONCURRENCY: &str = "topology.cluster.x-k8s.io/upgrade-concurrency";
/// Labels of nodes that hold the provider's name of the cluster. Source: eksctl-io/eksctl pkg/apis/eksctl.io/v1alpha5.
pub(crate) const PROVIDER_CLUSTER_LABELS: [&str; 1] = ["alpha.eksctl.io/cluster-name"];
