//! From what was seen of a cluster to how far it is from a condition.

use std::collections::HashMap;

use super::{CompletionCondition, CompletionStatus, NodeSet, VersionGoal, blocks_hop, capi};
use crate::catalog::addons::Compatibility;
use crate::catalog::{ImageRef, Minor};
use crate::detect::{self, DetectedCluster, InstalledAddon, is_control_plane_node, pool_name};
use crate::facts::backups;
use crate::facts::backups::BackupStatus;
use crate::facts::control_plane;
use crate::facts::control_plane::ControlPlanePod;
use crate::rules::{CheckContext, Finding};
use crate::snapshot::{ClusterSnapshot, NodeRow};

/// One cluster of a snapshot, made ready for many conditions: thousands of steps each ask for a node by its name.
pub struct ConditionEvaluator<'a> {
    context: &'a CheckContext<'a>,
    cluster: &'a ClusterSnapshot,
    detected: &'a DetectedCluster,
    findings: &'a [Finding],
    /// None where they could not be read.
    nodes: Option<&'a [NodeRow]>,
    nodes_by_name: HashMap<&'a str, &'a NodeRow>,
    control_plane_pods: Vec<ControlPlanePod<'a>>,
}

impl<'a> ConditionEvaluator<'a> {
    /// A cluster of this situation, with the findings of the same situation.
    #[must_use]
    pub fn new(
        situation: &'a CheckContext<'a>,
        (picture, detected): (&'a ClusterSnapshot, &'a DetectedCluster),
        findings: &'a [Finding],
    ) -> Self {
        let rows = picture.rows_for(&detect::nodes(), situation.catalog);
        let nodes = rows.ok().flatten().map(|rows| rows.nodes());
        let by_name = nodes.unwrap_or_default().iter();
        Self {
            context: situation,
            cluster: picture,
            detected,
            findings,
            nodes,
            nodes_by_name: by_name.map(|node| (node.name.as_str(), node)).collect(),
            control_plane_pods: control_plane::control_plane_pods(situation),
        }
    }

    /// How far the cluster is from a condition.
    #[must_use]
    pub fn evaluate(&self, condition: &CompletionCondition) -> CompletionStatus {
        let (situation, picture, detected) = (self.context, self.cluster, self.detected);
        let known = |reached: Option<bool>| match reached {
            Some(true) => CompletionStatus::Done,
            Some(false) => CompletionStatus::Todo,
            None => CompletionStatus::Unknown,
        };
        match condition {
            CompletionCondition::Manual => CompletionStatus::Manual,
            CompletionCondition::Backup { within_seconds } => {
                backup_status(situation, *within_seconds)
            }
            CompletionCondition::Addon {
                component,
                namespace,
                minor,
            } => addon_status(situation, detected, (component, namespace), *minor),
            CompletionCondition::ApiServer(goal) => {
                known(Some(goal.is_reached_by(&detected.kubernetes)))
            }
            CompletionCondition::Emulation { minor } => {
                known(Some(detected.effective_minor >= *minor))
            }
            CompletionCondition::ControlPlane { node, goal } => {
                self.control_plane_status(node.as_deref(), goal)
            }
            CompletionCondition::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => capi::kubeadm_control_plane_status(situation, picture, (namespace, name), goal),
            CompletionCondition::MachineDeployment {
                namespace,
                name,
                goal,
            } => capi::machine_deployment_status(situation, picture, (namespace, name), goal),
            CompletionCondition::Nodes { nodes: of, goal } => self.nodes_status(of, goal),
            CompletionCondition::NoBlockers { hop } => {
                let mut blockers = self
                    .findings
                    .iter()
                    .filter(|finding| blocks_hop(finding, hop));
                known(Some(blockers.next().is_none()))
            }
            CompletionCondition::FindingsResolved { fingerprints } => {
                let is_there = |finding: &&Finding| fingerprints.contains(&finding.fingerprint);
                known(Some(self.findings.iter().find(is_there).is_none()))
            }
            CompletionCondition::KubeProxy(goal) => {
                known(is_kube_proxy_at(situation, picture, goal))
            }
            CompletionCondition::Platform { platform, release } => {
                let version = detected
                    .platform(*platform)
                    .and_then(|it| it.version.as_ref());
                known(
                    version
                        .zip(release.release())
                        .map(|(version, to)| version.semver >= to.semver),
                )
            }
        }
    }

    /// Static pods of the control plane. Where none is seen, as of a managed one, nothing can be said.
    fn control_plane_status(&self, node: Option<&str>, goal: &VersionGoal) -> CompletionStatus {
        let here: Vec<Option<bool>> = self
            .control_plane_pods
            .iter()
            .filter(|member| node.is_none_or(|node| member.node() == Some(node)))
            .map(|member| Some(goal.is_reached_by(&member.release()?)))
            .collect();
        if here.contains(&None) {
            return CompletionStatus::Unknown;
        }
        let done = here.iter().filter(|reached| **reached == Some(true));
        CompletionStatus::from_counts(done.count(), here.len())
    }

    fn nodes_status(&self, of: &NodeSet, goal: &VersionGoal) -> CompletionStatus {
        let Some(nodes) = self.nodes else {
            return CompletionStatus::Unknown;
        };
        let all: Vec<&NodeRow> = match of {
            NodeSet::Node(name) => self
                .nodes_by_name
                .get(name.as_str())
                .copied()
                .into_iter()
                .collect(),
            NodeSet::Pool(name) => nodes
                .iter()
                .filter(|node| !is_control_plane_node(node))
                .filter(|node| pool_name(self.context.catalog, node) == name)
                .collect(),
        };
        let at: Vec<Option<bool>> = all
            .iter()
            .map(|node| Some(goal.is_reached_by(node.kubelet_version.release()?)))
            .collect();
        if at.contains(&None) {
            return CompletionStatus::Unknown;
        }
        let at_work = |node: &NodeRow| {
            let ready = node.condition("Ready");
            ready.is_some_and(|ready| ready.status == "True") && !node.is_unschedulable
        };
        let done = all
            .iter()
            .zip(&at)
            .filter(|(node, reached)| **reached == Some(true) && at_work(node));
        // A node that was taken out of service, or has its kubelet but is not back, is under way.
        let begun = all
            .iter()
            .zip(&at)
            .any(|(node, reached)| *reached == Some(true) || node.is_unschedulable);
        match CompletionStatus::from_counts(done.count(), all.len()) {
            CompletionStatus::Todo if begun => CompletionStatus::InProgress {
                done: 0,
                total: all.len(),
            },
            other => other,
        }
    }
}

/// The newest backup, where the cluster records any.
fn backup_status(situation: &CheckContext<'_>, within_seconds: u64) -> CompletionStatus {
    match backups::newest_backup(situation) {
        BackupStatus::Found {
            completed_at: at, ..
        } => {
            let age = situation.now.duration_since(at).as_secs();
            match u64::try_from(age).is_ok_and(|age| age > within_seconds) {
                true => CompletionStatus::Todo,
                false => CompletionStatus::Done,
            }
        }
        BackupStatus::None => CompletionStatus::Todo,
        BackupStatus::Unknown { .. } => CompletionStatus::Manual,
    }
}

fn addon_status(
    situation: &CheckContext<'_>,
    detected: &DetectedCluster,
    (component, namespace): (&str, &str),
    minor: Minor,
) -> CompletionStatus {
    let is_it = |it: &&InstalledAddon| it.component == component && it.namespace == namespace;
    let parts: Vec<&InstalledAddon> = detected.addons.iter().filter(is_it).collect();
    let known = parts.iter().filter_map(|it| it.version.as_ref());
    let addons = &situation.catalog.addons;
    let fits: Vec<Compatibility> = known
        .map(|version| addons.compatibility(component, version, minor))
        .collect();
    if fits.is_empty() || fits.contains(&Compatibility::Unknown) {
        return CompletionStatus::Unknown;
    }
    let done = fits
        .iter()
        .filter(|fit| **fit == Compatibility::Compatible)
        .count();
    match CompletionStatus::from_counts(done, fits.len()) {
        CompletionStatus::Done
            if parts
                .iter()
                .any(|it| it.status.updated_replicas < it.status.replicas) =>
        {
            CompletionStatus::InProgress {
                done: 0,
                total: fits.len(),
            }
        }
        other => other,
    }
}

fn is_kube_proxy_at(
    situation: &CheckContext<'_>,
    picture: &ClusterSnapshot,
    goal: &VersionGoal,
) -> Option<bool> {
    let need = control_plane::kube_proxy_need();
    let rows = picture.rows_for(&need, situation.catalog).ok()??;
    let image = control_plane::first_image(rows.objects().first()?)?;
    Some(goal.is_reached_by(&ImageRef::new(image).release()?))
}
