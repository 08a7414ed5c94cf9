//! Kyma: 1.x by its Installation, 2.x by the reports of its components, modules by the Kyma resource.
//!
//! Source: kyma-project/kyma components/kyma-operator/pkg/statusmanager, pkg/conditionmanager and pkg/steps of 1.7, 1.13 and
//! 1.24; kyma-project/control-plane components/reconciler; kyma-project/lifecycle-manager api/v1beta2.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::rollout::{PlatformObject, PlatformPhase, PlatformRollout};
use crate::catalog::{GroupResource, ImageRef, PlatformName, Release};
use crate::facts::kyma::{
    self, ComponentReport, InstallerProgress, KYMA_INSTALLER, KymaInstallation,
    component_reports_need, installer_need,
};
use crate::need::{DetailLevel, Discovery, Need};
use crate::snapshot::{ClusterView, ObjectRow, Rows};

const INSTALLER_GROUP: &str = "installer.kyma-project.io";
const OPERATOR_GROUP: &str = "operator.kyma-project.io";
const RECONCILER_LABEL: &str = "reconciler.kyma-project.io/reconciliation-summary=true";

/// Pods of the installer.
fn installer_pods_need() -> Need {
    let pods = GroupResource::new("", "pods");
    Need::labelled_in_namespace(pods, KYMA_INSTALLER, "", DetailLevel::Full).with_fields(&[
        "metadata.deletionTimestamp",
        "metadata.labels.name",
        "spec.containers.image",
        "status.conditions.status",
        "status.conditions.type",
        "status.containerStatuses.name",
        "status.containerStatuses.state.waiting.message",
        "status.containerStatuses.state.waiting.reason",
        "status.initContainerStatuses.name",
        "status.initContainerStatuses.state.terminated.exitCode",
        "status.initContainerStatuses.state.terminated.reason",
        "status.initContainerStatuses.state.waiting.message",
        "status.initContainerStatuses.state.waiting.reason",
        "status.phase",
    ])
}

/// Its ReplicaSets, which show since when it has its image.
fn installer_replica_sets_need() -> Need {
    let sets = GroupResource::new("apps", "replicasets");
    Need::labelled_in_namespace(sets, KYMA_INSTALLER, "", DetailLevel::Full).with_fields(&[
        "metadata.creationTimestamp",
        "spec.template.spec.containers.image",
    ])
}

/// The Kyma resources of the lifecycle manager.
fn modules_need() -> Need {
    let kymas = GroupResource::new(OPERATOR_GROUP, "kymas");
    Need::objects(kymas, DetailLevel::Full).with_fields(&[
        "status.modules.name",
        "status.modules.state",
        "status.modules.version",
        "status.state",
    ])
}

pub(super) fn needs(discovery: &Discovery) -> Vec<Need> {
    let serves = |wanted: &str| {
        let mut groups = discovery.group_versions.iter();
        groups.any(|version| version.split('/').next() == Some(wanted))
    };
    let mut needs = Vec::new();
    if serves(INSTALLER_GROUP) {
        needs.extend([
            kyma::followed_installations_need(),
            installer_need(),
            installer_pods_need(),
            installer_replica_sets_need(),
        ]);
    }
    if serves(OPERATOR_GROUP) {
        needs.push(modules_need());
    }
    if crate::detect::serves_kyma(discovery) {
        needs.push(component_reports_need());
    }
    needs
}

pub(super) fn is_read(resource: &GroupResource, namespace: Option<&str>, labels: &str) -> bool {
    [INSTALLER_GROUP, OPERATOR_GROUP].contains(&resource.group.as_str())
        || namespace == Some(KYMA_INSTALLER)
        || labels == RECONCILER_LABEL
}

/// How far Kyma is. Newer generations come first: older ones leave objects behind.
pub(super) fn rollout(view: ClusterView<'_>) -> Option<PlatformRollout> {
    let rollout = modules(view)
        .or_else(|| components(view))
        .or_else(|| installation(view))?;
    let minor = rollout.release.as_ref().map(Release::minor);
    let era = minor.and_then(|minor| view.catalog.kyma.era(minor));
    Some(PlatformRollout {
        part_timeout: era.map_or(SignedDuration::ZERO, |era| {
            SignedDuration::from_secs(era.component_timeout_seconds.into())
        }),
        ..rollout
    })
}

fn platform(part: &'static str, phase: PlatformPhase) -> PlatformRollout {
    PlatformRollout::new(PlatformName::Kyma, part, phase)
}

/// Kyma 1. The state that the objects show right after an upgrade was applied is that of the release before.
fn installation(view: ClusterView<'_>) -> Option<PlatformRollout> {
    let installation = KymaInstallation::new(view)?;
    let installer = Installer::new(view);
    let total = installation.components.len();
    let release = installer.release.clone();
    let of_phase = |phase| PlatformRollout {
        release: release.clone(),
        total,
        shown_by: PlatformObject::of("Installation", installation.meta),
        ..platform("component", phase)
    };
    let why_failed = || {
        let (component, times) = installation
            .last_error
            .unwrap_or(("an unknown component", 1));
        let times = match times {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        let log = installation
            .last_log
            .map(first_line)
            .filter(|log| !log.is_empty());
        let log = log.map_or_else(String::new, |log| format!(": {log}"));
        format!("component {component} failed{times}{log}")
    };
    Some(match installation.progress {
        InstallerProgress::Failed => PlatformRollout {
            done: installation.turn().unwrap_or_default(),
            ..of_phase(PlatformPhase::Failed {
                why: format!(
                    "{}, and the installer has given up; once it is fixed: kubectl -n {} label installation/{} action=install --overwrite",
                    why_failed(),
                    installation.meta.namespace.as_deref().unwrap_or("default"),
                    installation.meta.name,
                ),
            })
        },
        InstallerProgress::Finished => match installer.waits_for(&installation) {
            Some(why) => of_phase(PlatformPhase::Pending {
                is_requested: false,
                why,
            }),
            None => PlatformRollout {
                done: total,
                ..of_phase(PlatformPhase::Settled)
            },
        },
        // What is left is the conditions: the installer writes them last.
        InstallerProgress::Working { .. }
            if installation.state == "Installed" && !installation.is_requested =>
        {
            PlatformRollout {
                done: total,
                ..of_phase(PlatformPhase::Working)
            }
        }
        InstallerProgress::Working { done, .. } => {
            let phase = match installation.state {
                "Error" => PlatformPhase::Retrying { why: why_failed() },
                "InProgress" => PlatformPhase::Working,
                _ => PlatformPhase::Pending {
                    is_requested: true,
                    why: match &installer.trouble {
                        Some((pod, why)) => format!("pod {}: {why}", pod.name),
                        None => "its installer has not begun; the status is that of the last run"
                            .to_owned(),
                    },
                },
            };
            let is_running =
                installation.state == "InProgress" && !installation.description.is_empty();
            PlatformRollout {
                done,
                current: is_running.then(|| installation.description.to_owned()),
                root: installer.trouble,
                ..of_phase(phase)
            }
        }
    })
}

/// The Deployment of Kyma's installer.
struct Installer {
    /// That of its image.
    release: Option<Release>,
    /// Whether there is none.
    is_missing: bool,
    /// Since when it has its image; `None` if that cannot be told.
    image_since: Option<Timestamp>,
    /// Whether its image is newer than all of its ReplicaSets.
    is_image_new: bool,
    /// Why its pod does not run.
    trouble: Option<(PlatformObject, String)>,
}

impl Installer {
    fn new(view: ClusterView<'_>) -> Self {
        let deployment = view.objects(&installer_need()).first();
        let image = deployment.and_then(|row| image(row, "/spec/template/spec/containers"));
        let sets = view.rows(&installer_replica_sets_need());
        let of_image = sets.map(Rows::objects).unwrap_or_default().iter();
        let of_image = of_image.filter(|row| {
            image.is_some() && self::image(row, "/spec/template/spec/containers") == image
        });
        let created = of_image.filter_map(|row| {
            let text = row
                .object
                .pointer("/metadata/creationTimestamp")?
                .as_str()?;
            text.parse::<Timestamp>().ok()
        });
        let image_since = created.max();
        let pods = view.objects(&installer_pods_need()).iter();
        let mut pods = pods.filter(|row| {
            row.object
                .pointer("/metadata/labels/name")
                .and_then(Value::as_str)
                == Some(KYMA_INSTALLER)
                && row.object.pointer("/metadata/deletionTimestamp").is_none()
                && self::image(row, "/spec/containers") == image
        });
        let is_read = view.rows(&installer_need()).is_some();
        Self {
            release: image.and_then(|image| ImageRef::new(image).release()),
            is_missing: is_read && deployment.is_none(),
            image_since,
            is_image_new: image.is_some() && sets.is_some() && image_since.is_none(),
            trouble: pods.find_map(trouble),
        }
    }

    /// Why what the Installation says is not of this installer; `None` if it is.
    fn waits_for(&self, installation: &KymaInstallation<'_>) -> Option<String> {
        if self.is_missing {
            return Some("there is no installer: the Deployment kyma-installer/kyma-installer does not exist".to_owned());
        }
        let run = installation.run_changed_at;
        let is_older = self
            .image_since
            .zip(run)
            // In whole seconds; a run takes longer than one.
            .is_some_and(|(image, run)| run <= image);
        (is_older || self.is_image_new).then(|| {
            "its installer was replaced and has not run since; nothing has set the label action=install".to_owned()
        })
    }
}

/// The first image.
fn image<'a>(row: &'a ObjectRow, containers: &str) -> Option<&'a str> {
    row.object
        .pointer(containers)?
        .get(0)?
        .get("image")?
        .as_str()
}

/// What keeps a pod from running: a container that waits for anything but its start, or an init container that failed.
fn trouble(pod: &ObjectRow) -> Option<(PlatformObject, String)> {
    let statuses = |field: &str| {
        let statuses = pod.object.pointer(&format!("/status/{field}"));
        statuses.and_then(Value::as_array).into_iter().flatten()
    };
    let mut all = statuses("initContainerStatuses").chain(statuses("containerStatuses"));
    let why = all.find_map(|status| {
        let name = status["name"].as_str().unwrap_or_default();
        let waiting = &status["state"]["waiting"];
        let reason = waiting["reason"].as_str().unwrap_or_default();
        let exit = status["state"]["terminated"]["exitCode"].as_i64();
        match (reason, exit) {
            ("" | "PodInitializing" | "ContainerCreating", None | Some(0)) => None,
            ("" | "PodInitializing" | "ContainerCreating", Some(code)) => {
                Some(format!("container {name} ended with exit code {code}"))
            }
            (reason, _) => {
                let message = waiting["message"].as_str().map(first_line);
                let message = message.filter(|message| !message.is_empty());
                let message = message.map_or_else(String::new, |message| format!(": {message}"));
                Some(format!("container {name}: {reason}{message}"))
            }
        }
    });
    Some((PlatformObject::of("Pod", &pod.meta), why?))
}

fn first_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

/// Kyma 2: nothing runs in the cluster, but each component reports its version and status. Reports of components that a release
/// dropped stay, so those at the release before are parts that may still have their turn.
fn components(view: ClusterView<'_>) -> Option<PlatformRollout> {
    let mut by_version: BTreeMap<Release, Vec<ComponentReport<'_>>> = BTreeMap::new();
    for report in kyma::component_reports(view)? {
        if let Ok(version) = report.version.parse() {
            by_version.entry(version).or_default().push(report);
        }
    }
    let mut versions = by_version.into_iter().rev();
    let (release, newest) = versions.next()?;
    let older = versions.next().map_or(0, |(_, reports)| reports.len());
    let in_status = |wanted: &str| newest.iter().find(|report| report.status == wanted);
    let (failed, running) = (in_status("error"), in_status("running"));
    let retried = in_status("failed");
    let phase = if let Some(report) = failed {
        PlatformPhase::Failed {
            why: format!(
                "component {} failed, and kyma deploy has given up",
                report.name
            ),
        }
    } else if let Some(report) = retried {
        PlatformPhase::Retrying {
            why: format!("component {} failed", report.name),
        }
    } else if running.is_some() {
        PlatformPhase::Working
    } else {
        PlatformPhase::Settled
    };
    let shown = failed.or(retried).or(running).or(newest.first())?;
    let done = newest.iter().filter(|report| report.status == "success");
    Some(PlatformRollout {
        release: Some(release),
        done: done.count(),
        total: newest.len() + older,
        is_final: older == 0,
        current: running.map(|report| report.name.to_owned()),
        shown_by: PlatformObject::of("ConfigMap", shown.meta),
        ..platform("component", phase)
    })
}

/// Modules: the lifecycle manager tries again what fails, and Warning waits for a person.
fn modules(view: ClusterView<'_>) -> Option<PlatformRollout> {
    let row = view.objects(&modules_need()).first()?;
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let status = row.object.get("status")?;
    let modules = status["modules"].as_array().into_iter().flatten();
    let modules: Vec<(String, String)> = modules
        .map(|module| (text(module, "name"), text(module, "state")))
        .collect();
    let in_state = |wanted: &[&str]| {
        let mut modules = modules.iter();
        modules.find(|(_, state)| wanted.contains(&state.as_str()))
    };
    let phase = if let Some((name, _)) = in_state(&["Error"]) {
        PlatformPhase::Retrying {
            why: format!("module {name} is in state Error"),
        }
    } else if let Some((name, _)) = in_state(&["Warning"]) {
        PlatformPhase::Held {
            why: format!(
                "module {name} is in state Warning: somebody has to act, its conditions say how"
            ),
        }
    } else if text(status, "state") == "Ready" {
        PlatformPhase::Settled
    } else {
        PlatformPhase::Working
    };
    let done = modules.iter().filter(|(_, state)| state == "Ready");
    Some(PlatformRollout {
        done: done.count(),
        total: modules.len(),
        current: in_state(&["Processing", "Deleting"]).map(|(name, _)| name.clone()),
        shown_by: PlatformObject::of("Kyma", &row.meta),
        ..platform("module", phase)
    })
}
