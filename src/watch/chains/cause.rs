//! The causes that a chain can end at.

use jiff::SignedDuration;

/// When a chain is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::watch) enum Patience {
    /// Waiting does not heal it: as soon as it was looked at twice.
    None,
    /// It often passes: once it has lasted this long.
    For(SignedDuration),
    /// It may be how an upgrade goes: only when nothing else has changed for too long.
    UntilStall,
}

/// What may pass by itself.
const MINUTE: Patience = Patience::For(SignedDuration::from_mins(1));
const TWO_MINUTES: Patience = Patience::For(SignedDuration::from_mins(2));
const FIVE_MINUTES: Patience = Patience::For(SignedDuration::from_mins(5));

/// Declares the causes: id, when it is reported, and what people do.
macro_rules! causes {
    ($($(#[$attribute:meta])* $variant:ident = $id:literal, $patience:expr, $advice:literal;)*) => {
        /// Why an upgrade waits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum WaitCause {
            $($(#[$attribute])* $variant,)*
        }

        impl WaitCause {
            /// All causes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// A stable name, such as `image-pull`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }

            /// What people do.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$variant => $advice,)*
                }
            }

            pub(in crate::watch) const fn patience(self) -> Patience {
                match self {
                    $(Self::$variant => $patience,)*
                }
            }
        }
    };
}

causes! {
    /// A budget can never allow an eviction, although all of its pods are healthy.
    BudgetNeverAllows = "budget-never-allows", Patience::None,
        "Raise the replicas or relax the budget, or delete the pod by hand if it may be away for a while";
    /// More than one budget selects a pod: evictions of it are errors.
    BudgetsOverlap = "budgets-overlap", Patience::None,
        "Change the selectors so that one budget selects the pod, or delete all but one";
    /// The disruption controller cannot compute a budget.
    BudgetSyncFailed = "budget-sync-failed", Patience::None,
        "Fix what the condition names: usually a controller of the pods without a scale subresource";
    /// A budget allows no eviction at the moment.
    BudgetExhausted = "budget-exhausted", FIVE_MINUTES,
        "Find out why the pods of the budget do not become ready";
    /// The image of a container cannot be pulled.
    ImagePull = "image-pull", Patience::None,
        "Fix the image reference, the registry or the pull secret";
    /// A container ends again and again.
    CrashLoop = "crash-loop", Patience::None,
        "Read the log of the container that ended, and fix what it says";
    /// A container cannot be created: a Secret, ConfigMap or key that it refers to is missing.
    ContainerConfig = "container-config", Patience::None,
        "Create what is missing, or fix the reference";
    /// A container runs and is not ready.
    ProbeFails = "probe-fails", FIVE_MINUTES,
        "Look at the readiness probe and at the log of the container";
    /// No node has room for a pod.
    NoRoom = "unschedulable-room", FIVE_MINUTES,
        "Add a node, lower the requests or move other pods";
    /// The nodes that are left have taints that a pod does not tolerate.
    NoToleration = "unschedulable-taint", Patience::None,
        "Remove the taint, or add the toleration";
    /// No node matches the selector or affinity of a pod.
    NoMatchingNode = "unschedulable-affinity", Patience::None,
        "Add a node with the labels, or relax selector, affinity or anti-affinity";
    /// No node keeps the spread that a pod asks for.
    NoSpread = "unschedulable-topology", FIVE_MINUTES,
        "Uncordon or add a node in the zone that is short, or use whenUnsatisfiable: ScheduleAnyway";
    /// The volume of a pod cannot be used on the nodes that are left.
    NoVolume = "unschedulable-volume", Patience::None,
        "Look at claim and volume: unbound, in another zone, or at the limit of the node";
    /// A pod is pending for another reason.
    Unschedulable = "unschedulable", FIVE_MINUTES,
        "Read the message of the scheduler";
    /// A quota refuses the pods of a workload.
    Quota = "quota", Patience::None,
        "Raise the quota, or lower maxSurge or the requests";
    /// An admission webhook or policy refuses the pods of a workload, or another error does.
    PodsRefused = "pods-refused", Patience::None,
        "Fix what the message names: webhook, policy or Pod Security level";
    /// A webhook that must answer has no endpoint.
    WebhookDown = "webhook-down", MINUTE,
        "Bring the service of the webhook up, or set failurePolicy: Ignore or delete its configuration until it is";
    /// A finalizer keeps a pod whose containers have ended.
    PodFinalizer = "pod-finalizer", Patience::None,
        "Bring up the controller that owns the finalizer; remove the finalizer only if nothing will";
    /// The kubelet of a pod does not answer, a minute after the pod should have ended.
    DeadKubelet = "dead-kubelet", Patience::None,
        "Bring the node back; if it is certain to be off, taint it node.kubernetes.io/out-of-service or delete the Node";
    /// A pod has not ended a minute after its grace period.
    Terminating = "pod-terminating", Patience::None,
        "Look at the events of the pod: kubelet, runtime or an unmount may hang";
    /// A pod that nothing refuses is still on a cordoned node.
    NotEvicted = "pod-not-evicted", Patience::UntilStall,
        "Look at whoever drains the node: it may have given up or never begun";
    /// A namespace that is being deleted has content that does not go.
    NamespaceTerminating = "namespace-terminating", MINUTE,
        "Look at the conditions of the namespace: they name the objects and finalizers that are left";
    /// A volume is not detached from a node that is empty.
    VolumeDetach = "volume-detach", MINUTE,
        "Look at the CSI driver: its controller, and its pod on the node";
    /// A volume cannot be attached to the node of a pod.
    VolumeAttach = "volume-attach", MINUTE,
        "Look at the CSI driver; a volume that only one node may use must be detached from the other first";
    /// A node is not ready.
    NodeNotReady = "node-not-ready", Patience::UntilStall,
        "Look at its conditions and at the kubelet's log";
    /// A node runs the new version and is still cordoned.
    NodeCordoned = "node-cordoned", Patience::UntilStall,
        "Uncordon it if its upgrade is complete";
    /// A kubelet asks for a certificate that nobody has approved or issued.
    CsrPending = "csr-pending", MINUTE,
        "Check who asks, and approve it; find out why the approver or signer does not";
    /// A workload in kube-system is not rolled out.
    Rollout = "rollout", Patience::UntilStall,
        "Look at its pods";
    /// The installer of Kyma does not start.
    KymaInstaller = "kyma-installer", Patience::None,
        "Look at its pod: the image may be gone from its registry, or an init container fails";
    /// A HelmRelease fails, or is out of retries.
    HelmRelease = "helm-release", FIVE_MINUTES,
        "Look at its conditions and events; out of retries, suspend and resume it once the cause is gone";
    /// A Kustomization fails.
    Kustomization = "kustomization", FIVE_MINUTES,
        "Look at its conditions, and at the GitRepository that it is built from";
    /// A module waits for a person.
    ModuleWarning = "module-warning", MINUTE,
        "Do what the conditions of the module say";
    /// A part of a platform fails again and again.
    PlatformRetries = "platform-retries", FIVE_MINUTES,
        "Look at the pods and Jobs of the part, and at the log of what installs it";
    /// A platform does not get further.
    Platform = "platform", Patience::UntilStall,
        "Look at the log of what installs it, and at the pods of the part that it is at";
    /// A Plan of the system-upgrade-controller does not go on.
    Plan = "plan", Patience::UntilStall,
        "Look at the Job of the Plan and its log";
    /// Whoever has been asked to move a pod away has not done it.
    EvictionResponder = "eviction-responder", FIVE_MINUTES,
        "Look at the responder that is active: its message and its last heartbeat";
    /// The infrastructure of a Machine is not there.
    MachineInfrastructure = "machine-infrastructure", FIVE_MINUTES,
        "Look at the infrastructure object and at the log of its provider: quota, credentials, image";
    /// The bootstrap data of a Machine is not there.
    MachineBootstrap = "machine-bootstrap", FIVE_MINUTES,
        "Look at the bootstrap object and at the log of its provider";
    /// A Machine has its infrastructure and its node does not come or is not healthy.
    MachineNode = "machine-node", FIVE_MINUTES,
        "Look at the boot log of the machine, and whether it reaches the API server";
    /// The drain of the node of a Machine does not end.
    MachineDrain = "machine-drain", TWO_MINUTES,
        "Look at the pods and budgets that the message names, on the workload cluster";
    /// A volume keeps a Machine from being deleted.
    MachineVolumeDetach = "machine-volume-detach", TWO_MINUTES,
        "Look at the CSI driver of the workload cluster";
    /// An annotation for whoever has to do something first keeps a Machine.
    MachineHook = "machine-hook", TWO_MINUTES,
        "Look at the controller that the annotation names; remove the annotation only if nothing will";
    /// A Machine is being deleted and still there for another reason.
    MachineDeletion = "machine-deletion", FIVE_MINUTES,
        "Look at the infrastructure object and at the log of its provider";
    /// A control plane waits for its machines before it goes on.
    ControlPlaneWaits = "control-plane-waits", TWO_MINUTES,
        "Look at the machine and component that the message names";
    /// A Cluster or a part of it is paused.
    Paused = "paused", Patience::None,
        "Remove the pause if whoever set it is done";
    /// A pool is on hold.
    OnHold = "on-hold", Patience::UntilStall,
        "Remove the annotation that holds the pool when it may be upgraded";
    /// The API server of a managed cluster does not answer.
    ClusterUnreachable = "cluster-unreachable", MINUTE,
        "Look at the load balancer, the network and the kubeconfig secret between management and workload cluster";
    /// The topology of a Cluster cannot be reconciled.
    TopologyFails = "topology-fails", TWO_MINUTES,
        "Fix what the condition TopologyReconciled says";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::WaitCause;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let ids: BTreeSet<&str> = WaitCause::ALL.iter().map(|cause| cause.id()).collect();
        assert_eq!(ids.len(), WaitCause::ALL.len());
        let is_kebab = |id: &&str| id.chars().all(|one| one.is_ascii_lowercase() || one == '-');
        assert!(ids.iter().all(is_kebab), "{ids:?}");
    }
}
