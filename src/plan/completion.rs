//! When a step of a procedure is done, with the names of this cluster.

use super::draft::{HopContext, StepTarget};
use super::estate;
use super::member::Member;
use super::remediation::describe_object;
use super::step_builder::StepBuilder;
use crate::catalog::{Completion, PlatformName, StepTemplate, VersionSpec};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::facts::dkp::KOMMANDER;
use crate::rules::{GUIDE_ACTION, checked_objects};

/// The kind whose status counts control plane machines.
const KUBEADM_CONTROL_PLANE: &str = "kubeadmcontrolplane";

/// Whether a cluster needs a step, as far as objects show it.
pub(super) struct CheckedStep {
    pub(super) done_when: CompletionCondition,
    pub(super) objects: Vec<String>,
    pub(super) remark: Option<String>,
}

impl StepBuilder<'_> {
    /// A step whose check finds no objects is done; one whose objects were not read is up to people.
    pub(super) fn check_step(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
        declared: CompletionCondition,
    ) -> CheckedStep {
        let without_remark = |done_when| CheckedStep {
            done_when,
            objects: Vec::new(),
            remark: None,
        };
        let Some(check) = template.check.as_ref().filter(|_| self.has_cluster) else {
            return without_remark(declared);
        };
        let Some(checked) = checked_objects(self.context, check) else {
            let plurals = check.plurals.join(", ");
            return CheckedStep {
                remark: Some(format!("needed only if there are any; not read: {plurals}")),
                ..without_remark(CompletionCondition::Manual)
            };
        };
        if checked.affected.is_empty() && checked.unevaluated.is_empty() {
            return CheckedStep {
                remark: Some("not needed: no object of this cluster is affected".to_owned()),
                ..without_remark(CompletionCondition::FindingsResolved {
                    fingerprints: Vec::new(),
                })
            };
        }
        let mut findings = self.findings.iter();
        let finding = findings.find(|finding| {
            finding.id == GUIDE_ACTION.id
                && finding.hop.as_ref() == Some(&hop.hop_id)
                && finding.message == check.message
        });
        let is_checked = template.done_when == Completion::NoAffectedObjects;
        CheckedStep {
            objects: checked.affected.iter().map(describe_object).collect(),
            ..without_remark(match finding.filter(|_| is_checked) {
                Some(finding) => CompletionCondition::FindingsResolved {
                    fingerprints: vec![finding.fingerprint.clone()],
                },
                None => CompletionCondition::Manual,
            })
        }
    }

    pub(super) fn completion_condition(
        &self,
        hop: &HopContext<'_>,
        completion: &Completion,
        target: &StepTarget<'_>,
    ) -> CompletionCondition {
        let release = self.node_release(hop, target);
        let goal = VersionGoal::new(&release, hop.hop_plan.version_precision);
        let node = target.node().map(str::to_owned);
        let capi = &self.inventory.capi;
        match (completion, target) {
            (Completion::Manual, _) => CompletionCondition::Manual,
            (Completion::RecentBackup(hours), _) => CompletionCondition::Backup {
                within_seconds: u64::from(*hours) * 3600,
            },
            (Completion::ApiServer, _) => CompletionCondition::ApiServer(goal),
            (Completion::Emulation, _) => CompletionCondition::Emulation {
                minor: hop.hop_plan.hop.minor(),
            },
            (Completion::CapiControlPlane, StepTarget::Member(member)) => {
                let cluster = member.konvoy_cluster();
                let cluster = cluster.filter(|one| one.control_plane.0 == KUBEADM_CONTROL_PLANE);
                cluster.map_or(CompletionCondition::Manual, |cluster| {
                    CompletionCondition::KubeadmControlPlane {
                        namespace: cluster.namespace.clone(),
                        name: cluster.control_plane.1.clone(),
                        goal,
                    }
                })
            }
            (Completion::CapiControlPlane, _)
                if capi.is_self_managed && capi.control_plane_kind == KUBEADM_CONTROL_PLANE =>
            {
                CompletionCondition::KubeadmControlPlane {
                    namespace: capi.namespace.clone(),
                    name: capi.control_plane_name.clone(),
                    goal,
                }
            }
            // The components of a managed control plane are not visible.
            (Completion::CapiControlPlane, _) if self.inventory.control_plane_nodes.is_empty() => {
                CompletionCondition::ApiServer(goal)
            }
            (Completion::ControlPlane | Completion::CapiControlPlane, _) => {
                CompletionCondition::ControlPlane { node, goal }
            }
            (Completion::MachineDeployment, StepTarget::Pool(pool))
                if capi.machine_deployments.contains_key(&pool.name) =>
            {
                CompletionCondition::MachineDeployment {
                    namespace: capi.namespace.clone(),
                    name: pool.name.clone(),
                    goal,
                }
            }
            (Completion::MachineDeployment, StepTarget::Member(Member::Pool(cluster, pool))) => {
                CompletionCondition::MachineDeployment {
                    namespace: cluster.namespace.clone(),
                    name: (*pool).to_owned(),
                    goal,
                }
            }
            (Completion::MachineDeployment | Completion::Nodes, _) => CompletionCondition::Nodes {
                nodes: match (target, node) {
                    (_, Some(node)) => NodeSet::Node(node),
                    (StepTarget::Pool(pool), None) => NodeSet::Pool(pool.name.clone()),
                    _ => NodeSet::Pool(String::new()),
                },
                goal,
            },
            (Completion::NoBlockers, _) => CompletionCondition::NoBlockers {
                hop: hop.hop_id.clone(),
            },
            (Completion::KubeProxy, _) => CompletionCondition::KubeProxy(goal),
            (completion, target) => self.platform_condition(hop, completion, target),
        }
    }

    /// Of conditions on DKP and what it looks after; by hand if what it depends on is unknown.
    fn platform_condition(
        &self,
        hop: &HopContext<'_>,
        completion: &Completion,
        target: &StepTarget<'_>,
    ) -> CompletionCondition {
        let to = &hop.hop_plan.hop.to;
        let condition = match (completion, target) {
            (Completion::Platform, _) => Some(CompletionCondition::Platform {
                platform: hop.hop_plan.hop.platform,
                release: to.clone(),
            }),
            (Completion::KymaInstallerRemoved, _) => {
                Some(CompletionCondition::KymaInstaller { release: None })
            }
            (Completion::KymaInstaller, _) => Some(CompletionCondition::KymaInstaller {
                release: Some(to.clone()),
            }),
            (Completion::KymaInstalled, _) => Some(CompletionCondition::KymaInstalled {
                release: to.clone(),
            }),
            (Completion::ClusterApi, _) => {
                let minor = self.catalog.dkp.minor(to.minor());
                let release = minor.and_then(|minor| minor.cluster_api.clone());
                release.map(|release| CompletionCondition::Platform {
                    platform: PlatformName::ClusterApi,
                    release: VersionSpec::Release(release),
                })
            }
            (Completion::PlatformApps, target) => to.release().map(|release| {
                let namespaces = match target {
                    StepTarget::Member(member) => member.namespaces(&self.projects),
                    _ => estate::management_namespaces(),
                };
                CompletionCondition::PlatformApps {
                    namespaces,
                    release: release.clone(),
                }
            }),
            (Completion::RemovedApplication(name), _) => Some(CompletionCondition::AppDeployment {
                namespace: KOMMANDER.to_owned(),
                name: name.clone(),
                version: None,
            }),
            (Completion::Application, StepTarget::Member(Member::App(app))) => {
                let target = estate::app_target(app, hop, self.catalog);
                target.map(|target| CompletionCondition::AppDeployment {
                    namespace: app.namespace.clone(),
                    name: app.name.clone(),
                    version: Some(target.to_owned()),
                })
            }
            (Completion::AttachedCluster, StepTarget::Member(Member::Attached(cluster))) => {
                let range = hop.dkp.and_then(|dkp| self.catalog.dkp_kubernetes(dkp));
                range.map(|kubernetes| CompletionCondition::KommanderCluster {
                    namespace: cluster.namespace.clone(),
                    name: cluster.name.clone(),
                    kubernetes,
                })
            }
            _ => None,
        };
        condition.unwrap_or(CompletionCondition::Manual)
    }
}
