//! Who makes this cluster, its control plane and its pools, in the order in which they go.

use std::collections::BTreeMap;

use crate::catalog::{AppliesTo, MachineOwner, PlatformName, Procedure, Release, VersionPrecision};
use crate::detect::{DetectedCluster, is_control_plane_node, pool_name};
use crate::facts::control_plane;
use crate::need::Need;
use crate::path::Hop;
use crate::rules::CheckContext;
use crate::snapshot::{ClusterSnapshot, NodeRow};

use super::capi::{CapiObjects, node_rows};
use super::rollout_strategy::RolloutStrategy;
use super::template;
use super::topology_order::PoolTurn;

/// Labels of nodes that say what their provider calls the cluster. Source: eksctl-io/eksctl pkg/apis/eksctl.io/v1alpha5.
const PROVIDER_CLUSTER_LABELS: [&str; 1] = ["alpha.eksctl.io/cluster-name"];

/// Nodes of the control plane and pools of workers.
#[derive(Debug, Default)]
pub(super) struct ClusterInventory {
    /// Names of the nodes that run the control plane, the one that goes first first.
    pub(super) control_plane_nodes: Vec<String>,
    /// In the order of the topology that they are made from, else by name.
    pub(super) pools: Vec<NodePool>,
    /// What Cluster API makes it from.
    pub(super) capi: CapiObjects,
    /// What its provider calls it; none where nothing here says so.
    pub(super) provider_cluster: Option<String>,
}

/// Workers that go together.
#[derive(Debug, Default)]
pub(super) struct NodePool {
    /// Empty for workers of none.
    pub(super) name: String,
    /// Names, sorted.
    pub(super) nodes: Vec<String>,
    /// The oldest kubelet; none where none says what it is.
    pub(super) oldest_kubelet: Option<Release>,
    /// What makes its machines.
    pub(super) machine_owner: MachineOwner,
    /// How many of them go at a time, by what it says itself.
    pub(super) rollout_strategy: RolloutStrategy,
    /// Why it waits, on purpose; none where nothing holds it back.
    pub(super) hold_reason: Option<String>,
}

/// What it is told by beside nodes.
pub(super) fn needs() -> Vec<Need> {
    vec![control_plane::kubeadm_config_need()]
}

/// The cluster that is planned for.
pub(super) fn target_cluster<'a>(
    situation: &'a CheckContext<'_>,
) -> Option<(&'a ClusterSnapshot, &'a DetectedCluster)> {
    situation.cluster.zip(situation.detected.as_ref())
}

/// What every cluster does in this hop, then what this one does.
pub(super) fn procedures<'a>(situation: &CheckContext<'a>, hop: &Hop) -> Vec<&'a Procedure> {
    let all = situation.catalog.procedures.iter();
    let of_platform: Vec<&Procedure> = all
        .filter(|procedure| procedure.platform == hop.platform)
        .collect();
    let (every, one): (Vec<_>, Vec<_>) = of_platform
        .into_iter()
        .partition(|procedure| procedure.applies_to == AppliesTo::EveryCluster);
    let best = one
        .into_iter()
        .find(|one| is_applicable(situation, &one.applies_to, hop));
    every.into_iter().chain(best).collect()
}

/// What reaching a release of Kubernetes means here, when nothing is known of the hop.
pub(super) fn version_precision(situation: &CheckContext<'_>) -> VersionPrecision {
    let provider = situation
        .detected
        .as_ref()
        .and_then(|it| it.provider.clone());
    let mut all = situation.catalog.procedures.iter();
    let one = all.find(|one| {
        one.platform == PlatformName::Kubernetes
            && one.applies_to == provider_applies_to(provider.as_deref())
    });
    one.map(|one| one.version_precision).unwrap_or_default()
}

fn provider_applies_to(provider: Option<&str>) -> AppliesTo {
    AppliesTo::Provider(provider.unwrap_or_default().to_owned())
}

fn is_applicable(situation: &CheckContext<'_>, fits: &AppliesTo, hop: &Hop) -> bool {
    let Some((picture, detected)) = target_cluster(situation) else {
        return *fits == AppliesTo::Fallback;
    };
    match fits {
        AppliesTo::EveryCluster | AppliesTo::Fallback => true,
        AppliesTo::EmulatedMinor => {
            picture.discovery.emulation_version.is_some()
                && hop.minor() <= detected.kubernetes.minor()
        }
        AppliesTo::ClusterTopology => CapiObjects::new(situation, picture, detected).has_topology,
        AppliesTo::ClusterApi => !CapiObjects::new(situation, picture, detected)
            .cluster_name
            .is_empty(),
        AppliesTo::Provider(name) => detected.provider.as_ref() == Some(name),
        AppliesTo::Kubeadm => {
            let kept = picture.rows_for(&control_plane::kubeadm_config_need(), situation.catalog);
            let noted = |node: &NodeRow| node.cri_socket.is_some();
            matches!(kept, Ok(Some(rows)) if !rows.is_empty())
                || node_rows(situation, picture).iter().any(noted)
        }
    }
}

impl ClusterInventory {
    /// Of the cluster that is planned for; without one, names that stand for any.
    pub(super) fn new(situation: &CheckContext<'_>) -> Self {
        let Some((picture, detected)) = target_cluster(situation) else {
            return Self {
                control_plane_nodes: vec![
                    template::NODE_PLACEHOLDER.to_owned(),
                    template::NODE_PLACEHOLDER.to_owned(),
                ],
                pools: vec![NodePool {
                    name: template::POOL_PLACEHOLDER.to_owned(),
                    nodes: vec![template::NODE_PLACEHOLDER.to_owned()],
                    ..NodePool::default()
                }],
                ..Self::default()
            };
        };
        let nodes = node_rows(situation, picture);
        let named = |node: &NodeRow| {
            let mut names = PROVIDER_CLUSTER_LABELS.iter();
            names.find_map(|label| node.labels.get(*label).cloned())
        };
        let provider_cluster = nodes.iter().find_map(named);
        let (ours, workers): (Vec<_>, Vec<_>) =
            nodes.iter().partition(|node| is_control_plane_node(node));
        let mut by_pool: BTreeMap<(MachineOwner, &str), Vec<&NodeRow>> = BTreeMap::new();
        for node in workers {
            let maker = match node.machine_pool() {
                Some(_) => MachineOwner::MachinePool,
                None => MachineOwner::MachineDeployment,
            };
            let of = (maker, pool_name(situation.catalog, node));
            by_pool.entry(of).or_default().push(node);
        }
        let machines = CapiObjects::new(situation, picture, detected);
        let pools = by_pool.into_iter();
        let mut pools: Vec<NodePool> = pools
            .map(|((maker, name), nodes)| NodePool::new(maker, name, &nodes, &machines))
            .collect();
        // Stable: what has no turn keeps its place, behind those that have one.
        pools.sort_by_key(|pool| {
            let turn = pool.topology_turn(&machines).map(|(at, _)| at);
            (pool.machine_owner, turn.unwrap_or(usize::MAX))
        });
        Self {
            capi: machines,
            provider_cluster,
            control_plane_nodes: control_plane_order(situation, &ours),
            pools,
        }
    }

    /// Which pools somebody holds back on purpose, to be said aloud.
    pub(super) fn pools_on_hold(&self) -> Vec<String> {
        let pools = self.pools.iter();
        let here =
            pools.filter_map(|pool| Some((pool.name.as_str(), pool.hold_reason.as_deref()?)));
        let named = self.capi.machine_pools_on_hold();
        here.chain(named)
            .map(|(name, why)| format!("{name} is held back: {why}"))
            .collect()
    }
}

/// The node whose API server is newest goes, or went, first; of equal ones the first by name.
fn control_plane_order(situation: &CheckContext<'_>, nodes: &[&NodeRow]) -> Vec<String> {
    let members = control_plane::control_plane_pods(situation);
    let newest = |node: &NodeRow| {
        let servers = members.iter().filter(|member| {
            member.component == control_plane::APISERVER && member.node() == Some(&node.name)
        });
        servers
            .filter_map(control_plane::ControlPlanePod::release)
            .max()
    };
    let mut nodes: Vec<_> = nodes
        .iter()
        .map(|node| (std::cmp::Reverse(newest(node)), node.name.clone()))
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, name)| name).collect()
}

impl NodePool {
    fn new(maker: MachineOwner, name: &str, nodes: &[&NodeRow], machines: &CapiObjects) -> Self {
        let kubelets = nodes
            .iter()
            .filter_map(|node| node.kubelet_version.release().cloned());
        let mut names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        names.sort();
        let mut pool = Self {
            name: name.to_owned(),
            oldest_kubelet: kubelets.min(),
            nodes: names,
            machine_owner: maker,
            ..Self::default()
        };
        if maker == MachineOwner::MachineDeployment {
            let deployment = machines.machine_deployments.get(name);
            pool.rollout_strategy = deployment.map(|it| it.rollout_strategy).unwrap_or_default();
            pool.hold_reason = pool
                .topology_turn(machines)
                .and_then(|(_, turn)| turn.hold_reason.clone());
        }
        pool
    }

    /// Its turn in the topology. Which one a MachinePool has does not show on its nodes.
    fn topology_turn<'m>(&self, machines: &'m CapiObjects) -> Option<(usize, &'m PoolTurn)> {
        match self.machine_owner {
            MachineOwner::MachineDeployment => machines.pool_turn(&self.name),
            MachineOwner::MachinePool => None,
        }
    }
}
