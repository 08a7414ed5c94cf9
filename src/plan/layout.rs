//! Who makes this cluster, its control plane and its pools, in the order in which they go.

use std::collections::BTreeMap;

use crate::catalog::{Fits, Maker, PlatformName, Procedure, Reach, Release};
use crate::check::{Situation, control_plane};
use crate::detect::{Detected, in_control_plane, pool};
use crate::need::Need;
use crate::path::Hop;
use crate::snapshot::{NodeRow, Picture};

use super::fill;
use super::machines::{Machines, nodes};
use super::rolling::Pace;
use super::sequence::Turn;

/// Labels of nodes that say what their provider calls the cluster. Source: eksctl-io/eksctl pkg/apis/eksctl.io/v1alpha5.
const NAMES: [&str; 1] = ["alpha.eksctl.io/cluster-name"];

/// Nodes of the control plane and pools of workers.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Names of the nodes that run the control plane, the one that goes first first.
    pub(super) control_plane: Vec<String>,
    /// In the order of the topology that they are made from, else by name.
    pub(super) pools: Vec<Pool>,
    /// What Cluster API makes it from.
    pub(super) machines: Machines,
    /// What its provider calls it; none where nothing here says so.
    pub(super) provider_cluster: Option<String>,
}

/// Workers that go together.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Empty for workers of none.
    pub(super) name: String,
    /// Names, sorted.
    pub(super) nodes: Vec<String>,
    /// The oldest kubelet; none where none says what it is.
    pub(super) oldest: Option<Release>,
    /// What makes its machines.
    pub(super) maker: Maker,
    /// How many of them go at a time, by what it says itself.
    pub(super) pace: Pace,
    /// Why it waits, on purpose; none where nothing holds it back.
    pub(super) held: Option<String>,
}

/// What it is told by beside nodes.
pub(super) fn needs() -> Vec<Need> {
    vec![control_plane::kubeadm()]
}

/// The cluster that is planned for.
pub(super) fn here<'a>(situation: &'a Situation<'_>) -> Option<(&'a Picture, &'a Detected)> {
    let picture = situation.snapshot.clusters.first()?;
    Some((picture, situation.detected.first()?))
}

/// What every cluster does in this hop, then what this one does.
pub(super) fn procedures<'a>(situation: &Situation<'a>, hop: &Hop) -> Vec<&'a Procedure> {
    let all = situation.catalog.procedures.iter();
    let of_platform: Vec<&Procedure> = all
        .filter(|procedure| procedure.platform.word() == hop.platform)
        .collect();
    let (every, one): (Vec<_>, Vec<_>) = of_platform
        .into_iter()
        .partition(|procedure| procedure.fits == Fits::Every);
    let best = one.into_iter().find(|one| fits(situation, &one.fits, hop));
    every.into_iter().chain(best).collect()
}

/// What reaching a release of Kubernetes means here, when nothing is known of the hop.
pub(super) fn reach(situation: &Situation<'_>) -> Reach {
    let provider = situation
        .detected
        .first()
        .and_then(|it| it.provider.clone());
    let mut all = situation.catalog.procedures.iter();
    let one = all.find(|one| {
        one.platform == PlatformName::Kubernetes && one.fits == fits_provider(provider.as_deref())
    });
    one.map(|one| one.reach).unwrap_or_default()
}

fn fits_provider(provider: Option<&str>) -> Fits {
    Fits::Provider(provider.unwrap_or_default().to_owned())
}

fn fits(situation: &Situation<'_>, fits: &Fits, hop: &Hop) -> bool {
    let Some((picture, detected)) = here(situation) else {
        return *fits == Fits::Otherwise;
    };
    match fits {
        Fits::Every | Fits::Otherwise => true,
        Fits::Emulated => {
            picture.survey.emulated.is_some() && hop.minor <= detected.kubernetes.minor()
        }
        Fits::ClusterTopology => Machines::new(situation, picture, detected).has_topology,
        Fits::ClusterApi => !Machines::new(situation, picture, detected)
            .cluster
            .is_empty(),
        Fits::Provider(name) => detected.provider.as_ref() == Some(name),
        Fits::Kubeadm => {
            let kept = picture.read(&control_plane::kubeadm(), situation.catalog);
            let noted = |node: &NodeRow| node.cri_socket.is_some();
            matches!(kept, Ok(Some(rows)) if !rows.is_empty())
                || nodes(situation, picture).iter().any(noted)
        }
    }
}

impl Layout {
    /// Of the cluster that is planned for; without one, names that stand for any.
    pub(super) fn new(situation: &Situation<'_>) -> Self {
        let Some((picture, detected)) = here(situation) else {
            return Self {
                control_plane: vec![fill::NODE.to_owned(), fill::NODE.to_owned()],
                pools: vec![Pool {
                    name: fill::POOL.to_owned(),
                    nodes: vec![fill::NODE.to_owned()],
                    ..Pool::default()
                }],
                ..Self::default()
            };
        };
        let nodes = nodes(situation, picture);
        let named = |node: &NodeRow| {
            let mut names = NAMES.iter();
            names.find_map(|label| node.labels.get(*label).cloned())
        };
        let provider_cluster = nodes.iter().find_map(named);
        let (ours, workers): (Vec<_>, Vec<_>) =
            nodes.iter().partition(|node| in_control_plane(node));
        let mut by_pool: BTreeMap<(Maker, &str), Vec<&NodeRow>> = BTreeMap::new();
        for node in workers {
            let maker = match node.machine_pool() {
                Some(_) => Maker::MachinePool,
                None => Maker::MachineDeployment,
            };
            let of = (maker, pool(situation.catalog, node));
            by_pool.entry(of).or_default().push(node);
        }
        let machines = Machines::new(situation, picture, detected);
        let pools = by_pool.into_iter();
        let mut pools: Vec<Pool> = pools
            .map(|((maker, name), nodes)| Pool::new(maker, name, &nodes, &machines))
            .collect();
        // Stable: what has no turn keeps its place, behind those that have one.
        pools.sort_by_key(|pool| {
            let turn = pool.turn(&machines).map(|(at, _)| at);
            (pool.maker, turn.unwrap_or(usize::MAX))
        });
        Self {
            machines,
            provider_cluster,
            control_plane: first_first(situation, picture, &ours),
            pools,
        }
    }

    /// Which pools somebody holds back on purpose, to be said aloud.
    pub(super) fn held(&self) -> Vec<String> {
        let pools = self.pools.iter();
        let here = pools.filter_map(|pool| Some((pool.name.as_str(), pool.held.as_deref()?)));
        let named = self.machines.pools_held();
        here.chain(named)
            .map(|(name, why)| format!("{name} is held back: {why}"))
            .collect()
    }
}

/// The node whose API server is newest goes, or went, first; of equal ones the first by name.
fn first_first(situation: &Situation<'_>, picture: &Picture, nodes: &[&NodeRow]) -> Vec<String> {
    let members = control_plane::members(situation);
    let newest = |node: &NodeRow| {
        let servers = members.iter().filter(|member| {
            member.picture.id == picture.id
                && member.component == control_plane::APISERVER
                && member.node() == Some(&node.name)
        });
        servers.filter_map(control_plane::Member::release).max()
    };
    let mut nodes: Vec<_> = nodes
        .iter()
        .map(|node| (std::cmp::Reverse(newest(node)), node.name.clone()))
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, name)| name).collect()
}

impl Pool {
    fn new(maker: Maker, name: &str, nodes: &[&NodeRow], machines: &Machines) -> Self {
        let kubelets = nodes
            .iter()
            .filter_map(|node| node.kubelet_version.parse().ok());
        let mut names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        names.sort();
        let mut pool = Self {
            name: name.to_owned(),
            oldest: kubelets.min(),
            nodes: names,
            maker,
            ..Self::default()
        };
        if maker == Maker::MachineDeployment {
            let deployment = machines.deployments.get(name);
            pool.pace = deployment.map(|it| it.pace).unwrap_or_default();
            pool.held = pool.turn(machines).and_then(|(_, turn)| turn.held.clone());
        }
        pool
    }

    /// Its turn in the topology. Which one a MachinePool has does not show on its nodes.
    fn turn<'m>(&self, machines: &'m Machines) -> Option<(usize, &'m Turn)> {
        match self.maker {
            Maker::MachineDeployment => machines.turn(&self.name),
            Maker::MachinePool => None,
        }
    }
}
