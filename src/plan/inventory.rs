//! The control plane nodes and node pools of the cluster, in the order of their upgrade, and who makes their machines.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::template;
use crate::catalog::{
    AppliesTo, Catalog, MachineOwner, PlatformName, Procedure, Release, VersionSpec, keys,
};
use crate::detect::{self, DetectedCluster};
use crate::facts::capi::{CapiObjects, PoolTurn, RolloutStrategy};
use crate::facts::control_plane::{self, ControlPlanePod};
use crate::facts::dkp::DkpEstate;
use crate::facts::nodes::{
    is_control_plane_node, is_upgraded_by_provider, pool_name, virtual_node_mark,
};
use crate::need::Need;
use crate::path::Hop;
use crate::rules::CheckContext;
use crate::snapshot::{ClusterView, NodeRow};
use crate::text::pluralize;

/// The nodes of a cluster, and what makes them.
#[derive(Debug, Default)]
pub(super) struct ClusterInventory {
    /// Names of the control plane nodes, the first to upgrade first.
    pub(super) control_plane_nodes: Vec<String>,
    /// In the order of their cluster topology, else by name.
    pub(super) pools: Vec<NodePool>,
    /// The Cluster API objects that the cluster is made from.
    pub(super) capi: CapiObjects,
    /// A remark for each kind of virtual node, which the plan has no steps for.
    virtual_nodes: Vec<String>,
    /// What provides its virtual nodes.
    pub(super) virtual_node_providers: Vec<String>,
    /// The provider's name of the cluster, if a node label holds it.
    pub(super) provider_cluster: Option<String>,
}

/// Worker nodes that are upgraded together.
#[derive(Debug, Default)]
pub(super) struct NodePool {
    /// Empty for workers without a pool.
    pub(super) name: String,
    /// Node names, sorted.
    pub(super) nodes: Vec<String>,
    /// The oldest kubelet; none if no version is known.
    pub(super) oldest_kubelet: Option<Release>,
    /// What makes its machines.
    pub(super) machine_owner: MachineOwner,
    /// How many of its machines are replaced at a time.
    pub(super) rollout_strategy: RolloutStrategy,
    /// Why it is held back on purpose; none if it is not.
    pub(super) hold_reason: Option<String>,
}

/// What the inventory needs besides nodes.
pub(super) fn needs() -> Vec<Need> {
    vec![control_plane::kubeadm_config_need()]
}

/// The cluster to upgrade.
pub(super) fn target_cluster<'a>(
    context: &'a CheckContext<'_>,
) -> Option<(ClusterView<'a>, &'a DetectedCluster)> {
    context.view().zip(context.detected.as_ref())
}

/// The procedure of every cluster for this hop, then that of this cluster, then that of clusters it looks after.
pub(super) fn procedures<'a>(context: &CheckContext<'a>, hop: &Hop) -> Vec<&'a Procedure> {
    let procedures = context.catalog.procedures.iter();
    let (common, specific): (Vec<_>, Vec<_>) = procedures
        .filter(|procedure| procedure.platform == hop.platform)
        .partition(|procedure| procedure.applies_to == AppliesTo::EveryCluster);
    let (fleet, specific): (Vec<_>, Vec<_>) = specific
        .into_iter()
        .partition(|procedure| procedure.applies_to == AppliesTo::Fleet);
    let is_applicable = |procedure: &&Procedure| is_applicable(context, &procedure.applies_to, hop);
    let best = specific.into_iter().find(is_applicable);
    let fleet = fleet.into_iter().filter(is_applicable);
    common.into_iter().chain(best).chain(fleet).collect()
}

fn is_applicable(context: &CheckContext<'_>, applies_to: &AppliesTo, hop: &Hop) -> bool {
    let Some((view, detected)) = target_cluster(context) else {
        // The path says what runs.
        let made_by = konvoy_of_path(context, hop);
        return *applies_to == AppliesTo::Fallback || made_by.as_ref() == Some(applies_to);
    };
    match applies_to {
        AppliesTo::EveryCluster | AppliesTo::Fallback => true,
        AppliesTo::EmulatedMinor => {
            view.cluster.discovery.emulation_version.is_some()
                && hop.minor() <= detected.kubernetes.minor()
        }
        AppliesTo::NodeLabel(label) => {
            let mut nodes = view.nodes().unwrap_or_default().iter();
            nodes.any(|node| node.labels.contains_key(label))
        }
        AppliesTo::Kubeaddons => detect::runs_kubeaddons(view),
        AppliesTo::Konvoy => DkpEstate::new(view, detected).management.is_some(),
        AppliesTo::Fleet => {
            let estate = DkpEstate::new(view, detected);
            !(estate.managed.is_empty() && estate.attached.is_empty())
        }
        AppliesTo::ClusterTopology => CapiObjects::new(view, detected).topology.is_some(),
        AppliesTo::ClusterApi => !CapiObjects::new(view, detected).cluster_name.is_empty(),
        AppliesTo::Provider(name) | AppliesTo::ManagedBy(name) => {
            detected.provider.as_ref() == Some(name)
        }
        AppliesTo::KubeadmSetting(certificates) => {
            let need = control_plane::kubeadm_config_need();
            let configs = control_plane::kubeadm_configs(view, &need, "ClusterConfiguration");
            let mut documents = configs.iter().filter_map(|config| config.document.as_ref());
            documents.any(|document| document["certificatesDir"] == certificates.as_str())
        }
        AppliesTo::Kubeadm => {
            let mut nodes = view.nodes().unwrap_or_default().iter();
            view.exists(&control_plane::kubeadm_config_need())
                || nodes.any(|node| node.cri_socket.is_some())
        }
    }
}

/// What makes the cluster of a path with hops of DKP, by the hop of DKP before this one, or else by the next.
fn konvoy_of_path(context: &CheckContext<'_>, hop: &Hop) -> Option<AppliesTo> {
    let hops = &context.path.hops;
    let at = hops.iter().position(|one| one == hop)?;
    let of_dkp = |one: &&Hop| one.platform == PlatformName::Dkp;
    let (before, after) = hops.split_at(at);
    let dkp = before.iter().rev().find(of_dkp);
    let dkp = dkp.or_else(|| after.iter().find(of_dkp))?;
    let oldest = context.catalog.dkp.minors.first()?.minor;
    let is_older = |from: &VersionSpec| from.minor() < oldest;
    Some(match dkp.from.as_ref().is_some_and(is_older) {
        true => AppliesTo::Kubeaddons,
        false => AppliesTo::Konvoy,
    })
}

/// The node pools of workers, in the order of their upgrade.
fn node_pools(catalog: &Catalog, workers: &[&NodeRow], capi: &CapiObjects) -> Vec<NodePool> {
    let mut by_pool: BTreeMap<(MachineOwner, &str), Vec<&NodeRow>> = BTreeMap::new();
    for node in workers.iter().copied() {
        let owner = match node.machine_pool() {
            _ if is_upgraded_by_provider(catalog, node) => MachineOwner::Provider,
            Some(_) => MachineOwner::MachinePool,
            None => MachineOwner::MachineDeployment,
        };
        let key = (owner, pool_name(catalog, node));
        by_pool.entry(key).or_default().push(node);
    }
    let mut pools: Vec<NodePool> = by_pool
        .into_iter()
        .map(|((owner, name), nodes)| NodePool::new(owner, name, &nodes, capi))
        .collect();
    // Stable: pools without a turn stay in order, after those that have one.
    pools.sort_by_key(|pool| {
        let turn = pool.topology_turn(capi).map(|(index, _)| index);
        (pool.machine_owner, turn.unwrap_or(usize::MAX))
    });
    pools
}

impl ClusterInventory {
    /// Of the target cluster; without one, of placeholders.
    pub(super) fn new(context: &CheckContext<'_>) -> Self {
        let Some((view, detected)) = target_cluster(context) else {
            return Self::placeholder();
        };
        let nodes = view.nodes().unwrap_or_default();
        let provider_cluster = |node: &NodeRow| {
            let mut labels = keys::PROVIDER_CLUSTER_LABELS.iter();
            labels.find_map(|label| node.labels.get(*label).cloned())
        };
        let (virtual_nodes, real): (Vec<_>, Vec<_>) = nodes
            .iter()
            .partition(|node| virtual_node_mark(context.catalog, node).is_some());
        let (control_plane, workers): (Vec<&NodeRow>, Vec<&NodeRow>) = real
            .into_iter()
            .partition(|node| is_control_plane_node(node));
        let capi = CapiObjects::new(view, detected);
        let pools = node_pools(context.catalog, &workers, &capi);
        Self {
            capi,
            provider_cluster: nodes.iter().find_map(provider_cluster),
            control_plane_nodes: control_plane_order(view, &control_plane),
            virtual_nodes: virtual_node_remarks(context, &virtual_nodes),
            virtual_node_providers: virtual_nodes
                .iter()
                .filter_map(|node| virtual_node_mark(context.catalog, node))
                .filter_map(|mark| Some(mark.split_once(':')?.0.to_owned()))
                .collect(),
            pools,
        }
    }

    /// Whether the provider upgrades all of its nodes by itself.
    pub(super) fn is_upgraded_by_provider(&self) -> bool {
        let is_provided = |pool: &NodePool| pool.machine_owner == MachineOwner::Provider;
        !self.pools.is_empty() && self.pools.iter().all(is_provided)
    }

    fn placeholder() -> Self {
        let node = template::NODE_PLACEHOLDER.to_owned();
        Self {
            control_plane_nodes: vec![node.clone(), node.clone()],
            pools: vec![NodePool {
                name: template::POOL_PLACEHOLDER.to_owned(),
                nodes: vec![node],
                ..NodePool::default()
            }],
            ..Self::default()
        }
    }

    /// A remark for each pool that is held back on purpose, and for virtual nodes.
    pub(super) fn remarks(&self) -> Vec<String> {
        let pools = self.pools.iter();
        let pools =
            pools.filter_map(|pool| Some((pool.name.as_str(), pool.hold_reason.as_deref()?)));
        let pools = pools.chain(self.capi.machine_pools_on_hold());
        pools
            .map(|(name, reason)| format!("{name} is held back: {reason}"))
            .chain(self.virtual_nodes.iter().cloned())
            .collect()
    }
}

/// A remark for each mark that makes nodes virtual.
fn virtual_node_remarks(context: &CheckContext<'_>, nodes: &[&NodeRow]) -> Vec<String> {
    let mut by_mark: BTreeMap<String, usize> = BTreeMap::new();
    let marks = nodes
        .iter()
        .filter_map(|node| virtual_node_mark(context.catalog, node));
    for mark in marks {
        *by_mark.entry(mark).or_default() += 1;
    }
    let remark = |(mark, number): (String, usize)| {
        let nodes = pluralize(number, "virtual node");
        format!("no step drains {nodes} ({mark}): there is no kubelet on them to upgrade")
    };
    by_mark.into_iter().map(remark).collect()
}

/// Sorts nodes so that the one with the newest API server, which is upgraded first, comes first; equal ones by name.
fn control_plane_order(view: ClusterView<'_>, nodes: &[&NodeRow]) -> Vec<String> {
    let pods = control_plane::control_plane_pods(view);
    let newest = |node: &NodeRow| {
        let servers = pods.iter().filter(|pod| {
            pod.component == control_plane::APISERVER && pod.node() == Some(&node.name)
        });
        servers.filter_map(ControlPlanePod::release).max()
    };
    let mut nodes: Vec<_> = nodes
        .iter()
        .map(|node| (Reverse(newest(node)), node.name.clone()))
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, name)| name).collect()
}

impl NodePool {
    /// Its name in texts and ids.
    pub(super) fn display_name(&self) -> &str {
        match self.name.as_str() {
            "" => "workers",
            name => name,
        }
    }

    fn new(owner: MachineOwner, name: &str, nodes: &[&NodeRow], capi: &CapiObjects) -> Self {
        let kubelets = nodes
            .iter()
            .filter_map(|node| node.kubelet_version.release().cloned());
        let mut names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        names.sort();
        let mut pool = Self {
            name: name.to_owned(),
            oldest_kubelet: kubelets.min(),
            nodes: names,
            machine_owner: owner,
            ..Self::default()
        };
        if owner == MachineOwner::MachineDeployment {
            let deployment = capi.machine_deployments.get(name);
            pool.rollout_strategy = deployment
                .map(|deployment| deployment.rollout_strategy)
                .unwrap_or_default();
            let turn = pool.topology_turn(capi);
            pool.hold_reason = turn.and_then(|(_, turn)| turn.hold_reason.clone());
        }
        pool
    }

    /// Its turn in the topology; unknown for a MachinePool, because its nodes do not name it.
    fn topology_turn<'m>(&self, capi: &'m CapiObjects) -> Option<(usize, &'m PoolTurn)> {
        match self.machine_owner {
            MachineOwner::MachineDeployment => capi.pool_turn(&self.name),
            MachineOwner::MachinePool | MachineOwner::Provider => None,
        }
    }
}
