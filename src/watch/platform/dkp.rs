//! DKP: Kommander, the platform applications of each workspace and project, and the clusters that Konvoy made, as the
//! management cluster has them. Attached clusters are upgraded by others and do not count.
//!
//! Source: fluxcd/helm-controller v0.22.2 api/v2beta1/condition_types.go, controllers/helmrelease_controller.go;
//! mesosphere/kommander-applications services; DKP 2.3 documentation, "Upgrade Kommander", "Upgrade Konvoy".

use jiff::SignedDuration;
use serde_json::Value;

use super::rollout::{PlatformGoal, PlatformObject, PlatformPhase, PlatformRollout};
use crate::catalog::{GroupResource, PlatformName, PlatformRelease, Release, VersionSpec};
use crate::detect::{self, DetectedCluster};
use crate::facts::capi;
use crate::facts::dkp::{
    self, AppOrigin, Application, AttachedCluster, DkpEstate, KOMMANDER, KonvoyCluster,
};
use crate::need::{DetailLevel, Discovery, Need};
use crate::snapshot::{ClusterView, ObjectRow};

/// Groups of Kommander end so.
const GROUP_SUFFIXES: [&str; 2] = [".mesosphere.io", ".d2iq.io"];
/// Groups of Flux.
const FLUX_SUFFIX: &str = ".toolkit.fluxcd.io";
/// How long Helm may take for an application: the time-out of Kommander's core applications.
const APPLICATION_TIMEOUT: SignedDuration = SignedDuration::from_mins(20);
/// What a HelmRelease says that is not tried again.
const EXHAUSTED: &str = "retries exhausted";
/// Reasons of a Ready that is not True while nothing is wrong.
const PROGRESS_REASONS: [&str; 4] = [
    "Progressing",
    "ProgressingWithRetry",
    "DependencyNotReady",
    "Unknown",
];

fn helm_releases_need() -> Need {
    flux_need(
        "helm",
        "helmreleases",
        &[
            "spec.chart.spec.version",
            "spec.suspend",
            "status.lastAppliedRevision",
            "status.lastAttemptedRevision",
        ],
    )
}

fn kustomizations_need() -> Need {
    flux_need("kustomize", "kustomizations", &["spec.suspend"])
}

fn flux_need(controller: &str, plural: &str, fields: &[&str]) -> Need {
    let resource = GroupResource::new(&format!("{controller}{FLUX_SUFFIX}"), plural);
    let conditions = [
        "metadata.generation",
        "status.conditions.message",
        "status.conditions.reason",
        "status.conditions.status",
        "status.conditions.type",
        "status.observedGeneration",
    ];
    Need::objects(resource, DetailLevel::Full).with_fields(&[fields, &conditions].concat())
}

/// Everything that the estate is made of.
pub(super) fn needs(discovery: &Discovery) -> Vec<Need> {
    let estate = dkp::needs(discovery);
    if estate.is_empty() {
        return Vec::new();
    }
    let mut needs = detect::needs(discovery);
    needs.extend(estate);
    needs.extend([
        helm_releases_need(),
        kustomizations_need(),
        capi::machine_deployments_need(),
    ]);
    needs
}

pub(super) fn is_read(resource: &GroupResource) -> bool {
    let group = resource.group.as_str();
    group.ends_with(FLUX_SUFFIX)
        || GROUP_SUFFIXES.iter().any(|suffix| group.ends_with(suffix))
        || resource == &GroupResource::new("cluster.x-k8s.io", "machinedeployments")
}

/// How far one part is.
enum DkpPartState {
    Done,
    Todo,
    Working(String),
    Failing(String),
}

/// A part of DKP.
struct DkpPart {
    name: String,
    shown_by: PlatformObject,
    state: DkpPartState,
}

/// How far DKP is on its way to the release of the goal, or else to the one that Kommander is set to.
pub(super) fn rollout(
    view: ClusterView<'_>,
    goal: Option<&PlatformGoal>,
) -> Option<PlatformRollout> {
    let kommander = helm_release(view, KOMMANDER, KOMMANDER)?;
    let platform = view.catalog.platform(PlatformName::Dkp)?;
    let set = kommander.object.pointer("/spec/chart/spec/version");
    let set = set
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Release>().ok());
    let row = |wanted: &Release| {
        platform
            .releases()
            .iter()
            .find(|row| row.release == *wanted)
    };
    let wanted = match goal.map(|goal| &goal.version) {
        Some(VersionSpec::Release(release)) => release.clone(),
        Some(VersionSpec::Minor(minor)) => {
            let of_minor = platform
                .releases()
                .iter()
                .filter(|row| row.release.minor() == *minor);
            of_minor.map(|row| row.release.clone()).max()?
        }
        None => set.clone()?,
    };
    let detected = DetectedCluster::new(view.cluster, view.catalog);
    let estate = DkpEstate::new(view, &detected);
    let is_set = set.is_some_and(|set| set.semver >= wanted.semver);
    let mut parts = vec![DkpPart {
        name: "Kommander".to_owned(),
        shown_by: PlatformObject::of("HelmRelease", &kommander.meta),
        state: match is_set {
            true => helm_state(kommander),
            false => DkpPartState::Todo,
        },
    }];
    let applications = estate
        .of_origin(AppOrigin::Platform)
        .filter(|one| one.app != KOMMANDER);
    parts.extend(applications.filter_map(|one| application(view, one, &wanted)));
    let kubernetes = row(&wanted).and_then(|row: &PlatformRelease| row.bundled_kubernetes.clone());
    if let Some(kubernetes) = kubernetes {
        let clusters = estate.management.iter().chain(&estate.managed);
        parts.extend(clusters.map(|one| cluster(one, &kubernetes)));
    }
    Some(PlatformRollout {
        release: Some(wanted),
        others: estate.attached.iter().map(attached).collect(),
        is_upgrade: goal.is_some() || !matches!(parts[0].state, DkpPartState::Done),
        ..summary(view, &parts)
    })
}

/// `logistics/partner v1.20.9`.
fn attached(one: &AttachedCluster) -> String {
    let version = one.reported.as_deref().unwrap_or("of an unknown version");
    format!("{}/{} {version}", one.namespace, one.name)
}

/// What is failing comes first, then what is being done, then what is next.
fn summary(view: ClusterView<'_>, parts: &[DkpPart]) -> PlatformRollout {
    let done = parts
        .iter()
        .filter(|part| matches!(part.state, DkpPartState::Done))
        .count();
    let failing = parts.iter().find_map(|part| match &part.state {
        DkpPartState::Failing(why) => Some((part, why)),
        _ => None,
    });
    let working = parts.iter().find_map(|part| match &part.state {
        DkpPartState::Working(why) => Some((part, why)),
        _ => None,
    });
    let next = parts
        .iter()
        .find(|part| matches!(part.state, DkpPartState::Todo));
    let kustomization = failing_kustomization(view, parts);
    let (phase, shown) = match (failing, kustomization, working, next) {
        (Some((part, why)), ..) => (
            match why.contains(EXHAUSTED) {
                true => PlatformPhase::Held {
                    why: format!("{}: {why}", part.name),
                },
                false => PlatformPhase::Retrying {
                    why: format!("{}: {why}", part.name),
                },
            },
            Some(part.shown_by.clone()),
        ),
        (None, Some((object, why)), ..) => (PlatformPhase::Retrying { why }, Some(object)),
        (None, None, Some((part, _)), _) => (PlatformPhase::Working, Some(part.shown_by.clone())),
        (None, None, None, Some(part)) => (
            PlatformPhase::Between {
                next: part.name.clone(),
            },
            Some(part.shown_by.clone()),
        ),
        (None, None, None, None) => (PlatformPhase::Settled, None),
    };
    PlatformRollout {
        done,
        total: parts.len(),
        current: working.map(|(part, why)| format!("{}: {why}", part.name)),
        shown_by: shown.unwrap_or_default(),
        // An application that was just changed looks ready until Flux has seen it.
        is_final: false,
        part_timeout: APPLICATION_TIMEOUT,
        ..PlatformRollout::new(PlatformName::Dkp, "part", phase)
    }
}

fn helm_release<'v>(view: ClusterView<'v>, namespace: &str, name: &str) -> Option<&'v ObjectRow> {
    let mut rows = view.objects(&helm_releases_need()).iter();
    rows.find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace))
}

/// A platform application; `None` if the release says nothing of it. Where its HelmRelease is in another cluster, its
/// AppDeployment is all that is known.
fn application(view: ClusterView<'_>, one: &Application, wanted: &Release) -> Option<DkpPart> {
    let version = view.catalog.dkp.platform_app_version(&one.app, wanted)?;
    let of = match (&one.project, &one.workspace) {
        (Some(project), _) => format!(" of project {project}"),
        (None, Some(workspace)) => format!(" of workspace {workspace}"),
        (None, None) => String::new(),
    };
    let release = helm_release(view, &one.namespace, &one.app);
    let state = match (dkp::is_at_least(&one.version, version), release) {
        (false, _) => DkpPartState::Todo,
        (true, Some(release)) => helm_state(release),
        (true, None) => DkpPartState::Done,
    };
    Some(DkpPart {
        name: format!("application {}{of}", one.app),
        shown_by: PlatformObject {
            kind: if release.is_some() {
                "HelmRelease"
            } else {
                "AppDeployment"
            },
            namespace: Some(one.namespace.clone()),
            name: match release {
                Some(release) => release.meta.name.clone(),
                None => one.name.clone(),
            },
        },
        state,
    })
}

/// A cluster that Konvoy made: at the Kubernetes of the release, with all its machines.
fn cluster(one: &KonvoyCluster, kubernetes: &VersionSpec) -> DkpPart {
    let is_reached = one.oldest.as_ref().is_some_and(|version| match kubernetes {
        VersionSpec::Release(wanted) => version.semver >= wanted.semver,
        VersionSpec::Minor(minor) => version.minor() >= *minor,
    });
    DkpPart {
        name: format!("cluster {}/{}", one.namespace, one.name),
        shown_by: PlatformObject {
            kind: "Cluster",
            namespace: Some(one.namespace.clone()),
            name: one.name.clone(),
        },
        state: match (is_reached, one.is_rolling) {
            (_, true) => DkpPartState::Working("machines are being replaced".to_owned()),
            (true, false) => DkpPartState::Done,
            (false, false) => DkpPartState::Todo,
        },
    }
}

/// What a HelmRelease does, by its condition Ready. What is suspended is left as it is on purpose.
fn helm_state(row: &ObjectRow) -> DkpPartState {
    let text = |pointer: &str| row.object.pointer(pointer).and_then(Value::as_str);
    if is_suspended(row) {
        return DkpPartState::Done;
    }
    if !is_observed(row) {
        return DkpPartState::Working("Flux has not seen the change".to_owned());
    }
    let wanted = text("/spec/chart/spec/version");
    let applied = text("/status/lastAppliedRevision");
    let attempted = text("/status/lastAttemptedRevision");
    match ready(row) {
        Some(("True", ..)) if attempted.is_some() && attempted != applied || applied.is_none() => {
            DkpPartState::Working("it is being upgraded".to_owned())
        }
        Some(("True", ..))
            if wanted.is_some_and(|wanted| is_version(wanted) && applied != Some(wanted)) =>
        {
            DkpPartState::Working("it is being upgraded".to_owned())
        }
        Some(("True", ..)) => DkpPartState::Done,
        Some((_, reason, message)) if is_failure(reason, message) => {
            DkpPartState::Failing(message.to_owned())
        }
        Some((_, _, message)) => DkpPartState::Working(message.to_owned()),
        None => DkpPartState::Working("Flux has not begun".to_owned()),
    }
}

/// Whether a chart version names one version: ranges are resolved by Flux.
fn is_version(text: &str) -> bool {
    text.parse::<Release>().is_ok()
}

fn is_failure(reason: &str, message: &str) -> bool {
    message.contains(EXHAUSTED) || !PROGRESS_REASONS.contains(&reason)
}

fn is_suspended(row: &ObjectRow) -> bool {
    row.object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true)
}

fn is_observed(row: &ObjectRow) -> bool {
    let number = |pointer: &str| row.object.pointer(pointer).and_then(Value::as_i64);
    number("/metadata/generation").is_none_or(|generation| {
        number("/status/observedGeneration").is_some_and(|observed| observed >= generation)
    })
}

/// Status, reason and message of the condition Ready.
fn ready(row: &ObjectRow) -> Option<(&str, &str, &str)> {
    let conditions = row.object.pointer("/status/conditions")?.as_array()?;
    let mut conditions = conditions.iter();
    let ready = conditions.find(|one| one["type"] == "Ready")?;
    let text = |field: &str| ready[field].as_str().unwrap_or_default();
    Some((text("status"), text("reason"), text("message")))
}

/// A Kustomization of Kommander or of one of its namespaces that fails.
fn failing_kustomization(
    view: ClusterView<'_>,
    parts: &[DkpPart],
) -> Option<(PlatformObject, String)> {
    let mut rows = view.objects(&kustomizations_need()).iter();
    let is_ours = |row: &&ObjectRow| {
        let namespace = row.meta.namespace.as_deref();
        namespace == Some("kommander-flux")
            || parts
                .iter()
                .any(|part| part.shown_by.namespace.as_deref() == namespace)
    };
    rows.find_map(|row| {
        let (status, reason, message) =
            ready(row).filter(|_| is_ours(&row) && !is_suspended(row))?;
        (status == "False" && is_failure(reason, message)).then(|| {
            let object = PlatformObject::of("Kustomization", &row.meta);
            let why = format!("kustomization {}: {message}", row.meta.namespaced_name());
            (object, why)
        })
    })
}
