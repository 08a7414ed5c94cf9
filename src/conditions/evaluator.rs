//! Evaluates completion conditions against one cluster.

use std::cell::OnceCell;
use std::collections::HashMap;

use jiff::Timestamp;

use super::{CompletionCondition, CompletionStatus, NodeSet, VersionGoal, blocks_hop};
use crate::catalog::addons::Compatibility;
use crate::catalog::{ImageRef, Minor, PlatformName, Release, VersionSpec};
use crate::detect::{self, DetectedCluster, InstalledAddon};
use crate::facts::backups::{self, Backup, BackupStatus};
use crate::facts::capi::{self, MachineRollout};
use crate::facts::control_plane::{self, ControlPlanePod};
use crate::facts::dkp::{self, AppOrigin, Application};
use crate::facts::kyma::{self, InstallerProgress, KymaInstallation};
use crate::facts::nodes::{is_control_plane_node, pool_name, virtual_node_mark};
use crate::rules::Finding;
use crate::snapshot::{ClusterView, NodeRow};

/// Evaluates many conditions against one cluster; nodes are indexed by name because thousands of steps look one up each.
pub struct ConditionEvaluator<'a> {
    view: ClusterView<'a>,
    detected: &'a DetectedCluster,
    findings: Option<&'a [Finding]>,
    now: Timestamp,
    /// None if they could not be read.
    nodes: Option<&'a [NodeRow]>,
    nodes_by_name: HashMap<&'a str, &'a NodeRow>,
    control_plane_pods: Vec<ControlPlanePod<'a>>,
    /// Of DKP; none if they were not read.
    applications: OnceCell<Option<Vec<Application>>>,
}

impl<'a> ConditionEvaluator<'a> {
    /// An evaluator for a cluster at the time `now`. Without the findings of an evaluation, conditions on findings are
    /// [`CompletionStatus::Unknown`].
    #[must_use]
    pub fn new(
        view: ClusterView<'a>,
        detected: &'a DetectedCluster,
        findings: Option<&'a [Finding]>,
        now: Timestamp,
    ) -> Self {
        let nodes = view.nodes();
        let nodes_by_name = nodes.unwrap_or_default().iter();
        let nodes_by_name = nodes_by_name.map(|node| (node.name.as_str(), node));
        Self {
            view,
            detected,
            findings,
            now,
            nodes,
            nodes_by_name: nodes_by_name.collect(),
            control_plane_pods: control_plane::control_plane_pods(view),
            applications: OnceCell::new(),
        }
    }

    /// How far the cluster is from meeting a condition.
    #[must_use]
    pub fn evaluate(&self, condition: &CompletionCondition) -> CompletionStatus {
        let detected = self.detected;
        match condition {
            CompletionCondition::Manual => CompletionStatus::Manual,
            CompletionCondition::Backup { within_seconds } => self.backup_status(*within_seconds),
            CompletionCondition::Addon {
                component,
                namespace,
                minor,
            } => self.addon_status(component, namespace, *minor),
            CompletionCondition::ApiServer(goal) => {
                CompletionStatus::from_met(Some(goal.is_reached_by(&detected.kubernetes)))
            }
            CompletionCondition::Emulation { minor } => {
                CompletionStatus::from_met(Some(detected.effective_minor >= *minor))
            }
            CompletionCondition::ControlPlane { node, goal } => {
                self.control_plane_status(node.as_deref(), goal)
            }
            CompletionCondition::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => {
                let need = detect::kubeadm_control_planes_need();
                let object = (namespace.as_str(), name.as_str());
                let rollout = capi::machine_rollout(self.view, &need, object, "/spec/version");
                rollout_status(rollout.as_ref(), goal)
            }
            CompletionCondition::MachineDeployment {
                namespace,
                name,
                goal,
            } => {
                let need = capi::machine_deployments_need();
                let object = (namespace.as_str(), name.as_str());
                let path = "/spec/template/spec/version";
                let rollout = capi::machine_rollout(self.view, &need, object, path);
                rollout_status(rollout.as_ref(), goal)
            }
            CompletionCondition::Nodes { nodes, goal } => self.nodes_status(nodes, goal),
            CompletionCondition::NoBlockers { hop } => {
                self.no_finding(|finding| blocks_hop(finding, hop))
            }
            CompletionCondition::FindingsResolved { fingerprints } => {
                self.no_finding(|finding| fingerprints.contains(&finding.fingerprint))
            }
            CompletionCondition::KubeProxy(goal) => {
                CompletionStatus::from_met(self.is_kube_proxy_at(goal))
            }
            CompletionCondition::Platform { platform, release } => {
                let running = detected.platform(*platform);
                let running = running.and_then(|platform| platform.version.as_ref());
                let versions = running.zip(release.release());
                CompletionStatus::from_met(
                    versions.map(|(running, wanted)| running.semver >= wanted.semver),
                )
            }
            CompletionCondition::KymaInstaller { release } => {
                self.kyma_installer_status(release.as_ref())
            }
            CompletionCondition::KymaInstalled { release } => self.kyma_status(release),
            CompletionCondition::PlatformApps {
                namespaces,
                release,
            } => CompletionStatus::from_met(self.has_platform_apps(namespaces, release)),
            CompletionCondition::AppDeployment {
                namespace,
                name,
                version,
            } => {
                let version = version.as_deref();
                CompletionStatus::from_met(self.has_application(namespace, name, version))
            }
            CompletionCondition::KommanderCluster {
                namespace,
                name,
                kubernetes,
            } => {
                let mut clusters = detected.topology.clusters.iter();
                let cluster = clusters.find(|one| one.namespace == *namespace && one.name == *name);
                let version = cluster.and_then(|one| one.kubernetes_version.as_ref());
                let version = version.and_then(|version| version.parse::<Release>().ok());
                CompletionStatus::from_met(
                    version.map(|version| kubernetes.contains(version.minor())),
                )
            }
        }
    }

    fn runs_kyma(&self, release: &VersionSpec) -> Option<bool> {
        let running = self.detected.platform(PlatformName::Kyma)?;
        let running = running.version.as_ref()?;
        Some(match release {
            VersionSpec::Release(release) => running.semver >= release.semver,
            VersionSpec::Minor(minor) => running.minor() >= *minor,
        })
    }

    fn kyma_installer_status(&self, release: Option<&VersionSpec>) -> CompletionStatus {
        let rows = self.view.rows(&kyma::installer_need());
        let is_deployed = rows.map(|rows| !rows.is_empty());
        CompletionStatus::from_met(match (is_deployed, release) {
            (None, _) => None,
            (Some(is_deployed), None) => Some(!is_deployed),
            (Some(false), Some(_)) => Some(false),
            (Some(true), Some(release)) => self.runs_kyma(release),
        })
    }

    fn kyma_status(&self, release: &VersionSpec) -> CompletionStatus {
        let is_running = match self.runs_kyma(release) {
            // The version goes with the Deployment of the installer.
            None if self.kyma_installer_status(None) == CompletionStatus::Done => Some(false),
            is_running => is_running,
        };
        let is_at = |version: &str| {
            let version = version.parse::<Release>().ok();
            version
                .zip(release.release())
                .is_some_and(|(one, wanted)| one.semver >= wanted.semver)
        };
        let is_installed = self.kyma_installer_status(None) != CompletionStatus::Done;
        let installation = KymaInstallation::new(self.view).filter(|_| is_installed);
        match (is_running, kyma::reported_components(self.view, is_at)) {
            (Some(true), Some((done, total))) if done < total => {
                CompletionStatus::InProgress { done, total }
            }
            (Some(true), _) => match installation.map(|one| one.progress) {
                Some(InstallerProgress::Working { done, total }) => {
                    CompletionStatus::InProgress { done, total }
                }
                Some(InstallerProgress::Failed) => CompletionStatus::Todo,
                Some(InstallerProgress::Finished) | None => CompletionStatus::Done,
            },
            (is_running, _) => CompletionStatus::from_met(is_running),
        }
    }

    /// Whether platform applications have the versions of a release; none if they were not read.
    fn has_platform_apps(&self, namespaces: &[String], release: &Release) -> Option<bool> {
        let applications = self.applications()?;
        let mut platform = applications.iter().filter(|application| {
            application.origin == AppOrigin::Platform && namespaces.contains(&application.namespace)
        });
        Some(platform.all(|one| {
            let table = &self.view.catalog.dkp;
            let wanted = table.platform_app_version(&one.app, release);
            wanted.is_none_or(|wanted| dkp::is_at_least(&one.version, wanted))
        }))
    }

    fn has_application(&self, namespace: &str, name: &str, version: Option<&str>) -> Option<bool> {
        let applications = self.applications()?;
        let mut applications = applications.iter();
        let application = applications.find(|one| one.namespace == namespace && one.name == name);
        Some(match (application, version) {
            (Some(application), Some(version)) => dkp::is_at_least(&application.version, version),
            (application, _) => application.is_none() && version.is_none(),
        })
    }

    /// The applications of DKP; none if they were not read.
    fn applications(&self) -> Option<&[Application]> {
        let applications = self.applications.get_or_init(|| {
            self.view.rows(&dkp::app_deployments_need())?;
            Some(dkp::applications(self.view, self.detected))
        });
        applications.as_deref()
    }

    fn no_finding(&self, is_in_question: impl Fn(&Finding) -> bool) -> CompletionStatus {
        let findings = self.findings;
        CompletionStatus::from_met(findings.map(|findings| !findings.iter().any(is_in_question)))
    }

    /// By the static pods of the control plane; a managed one has none, so its status is unknown.
    fn control_plane_status(&self, node: Option<&str>, goal: &VersionGoal) -> CompletionStatus {
        let pods = self.control_plane_pods.iter();
        let pods = pods.filter(|pod| node.is_none_or(|node| pod.node() == Some(node)));
        let reached: Option<Vec<bool>> = pods
            .map(|pod| Some(goal.is_reached_by(&pod.release()?)))
            .collect();
        reached.map_or(CompletionStatus::Unknown, |reached| {
            let done = reached.iter().filter(|is_reached| **is_reached).count();
            CompletionStatus::from_counts(done, reached.len())
        })
    }

    fn nodes_status(&self, set: &NodeSet, goal: &VersionGoal) -> CompletionStatus {
        let Some(all) = self.nodes else {
            return CompletionStatus::Unknown;
        };
        let nodes: Vec<&NodeRow> = match set {
            NodeSet::Node(name) => {
                let node = self.nodes_by_name.get(name.as_str());
                node.copied().into_iter().collect()
            }
            NodeSet::Pool(name) => {
                let catalog = self.view.catalog;
                let workers = all.iter().filter(|node| {
                    !is_control_plane_node(node) && virtual_node_mark(catalog, node).is_none()
                });
                workers
                    .filter(|node| pool_name(self.view.catalog, node) == name)
                    .collect()
            }
        };
        let (mut done, mut has_begun) = (0, false);
        for node in &nodes {
            let Some(kubelet) = node.kubelet_version.release() else {
                return CompletionStatus::Unknown;
            };
            let is_reached = goal.is_reached_by(kubelet);
            let ready = node.condition("Ready");
            let is_ready = ready.is_some_and(|ready| ready.status == "True");
            done += usize::from(is_reached && is_ready && !node.is_unschedulable);
            // A cordoned node, or one with the new kubelet that is not ready yet, is in progress.
            has_begun |= is_reached || node.is_unschedulable;
        }
        let total = nodes.len();
        match CompletionStatus::from_counts(done, total) {
            CompletionStatus::Todo if has_begun => CompletionStatus::InProgress { done: 0, total },
            status => status,
        }
    }

    fn backup_status(&self, within_seconds: u64) -> CompletionStatus {
        match backups::newest_backup(self.view, self.now) {
            BackupStatus::Found(Backup { completed_at, .. }) => {
                let age = self.now.duration_since(completed_at).as_secs();
                let is_too_old = u64::try_from(age).is_ok_and(|age| age > within_seconds);
                CompletionStatus::from_met(Some(!is_too_old))
            }
            BackupStatus::None => CompletionStatus::Todo,
            BackupStatus::Unknown { .. } => CompletionStatus::Manual,
        }
    }

    fn addon_status(&self, component: &str, namespace: &str, minor: Minor) -> CompletionStatus {
        let addons = self.detected.addons.iter();
        let workloads: Vec<&InstalledAddon> = addons
            .filter(|addon| addon.component == component && addon.namespace == namespace)
            .collect();
        let versions = workloads.iter().filter_map(|addon| addon.version.as_ref());
        let catalog = &self.view.catalog.addons;
        let compatibilities: Vec<Compatibility> = versions
            .map(|version| catalog.compatibility(component, version, minor))
            .collect();
        if compatibilities.contains(&Compatibility::Unknown) {
            return CompletionStatus::Unknown;
        }
        let compatible = compatibilities
            .iter()
            .filter(|compatibility| **compatibility == Compatibility::Compatible);
        let total = compatibilities.len();
        let is_rolling_out =
            |addon: &&InstalledAddon| addon.status.updated_replicas < addon.status.replicas;
        match CompletionStatus::from_counts(compatible.count(), total) {
            CompletionStatus::Done if workloads.iter().any(is_rolling_out) => {
                CompletionStatus::InProgress { done: 0, total }
            }
            status => status,
        }
    }

    fn is_kube_proxy_at(&self, goal: &VersionGoal) -> Option<bool> {
        let rows = self.view.objects(&control_plane::kube_proxy_need());
        let image = control_plane::first_image(rows.first()?)?;
        Some(goal.is_reached_by(&ImageRef::new(image).release()?))
    }
}

/// How far a rollout is: by the version in the spec, then by its machines.
fn rollout_status(rollout: Option<&MachineRollout>, goal: &VersionGoal) -> CompletionStatus {
    let Some((rollout, version)) = rollout.and_then(|one| Some((one, one.version.as_ref()?)))
    else {
        return CompletionStatus::Unknown;
    };
    match rollout.replaced() {
        _ if !goal.is_reached_by(version) => CompletionStatus::Todo,
        None => CompletionStatus::Unknown,
        Some(_) if rollout.is_complete() => CompletionStatus::Done,
        Some(done) => CompletionStatus::InProgress {
            done,
            total: rollout.desired,
        },
    }
}
