//! DKP: Kommander by its Helm release, its application or its operator; without it Konvoy by the marks it leaves on
//! Cluster API; DKP 1.8 by its add-ons; and clusters that a Kommander elsewhere looks after.

use super::cluster_api::CapiDetection;
use super::version_evidence::{VersionClaim, VersionEvidence, resolve_version};
use super::view::{items_at, list_need, serves_group_suffix, str_at, string_at};
use super::{DetectedPlatform, Detection};
use crate::catalog::{GroupResource, PlatformName, Release};
use crate::need::{Discovery, Need};
use crate::snapshot::{ClusterView, MissingData, ObjectRow};

const PLATFORM: PlatformName = PlatformName::Dkp;

/// Groups of DKP end so.
const GROUP_SUFFIXES: [&str; 2] = [".mesosphere.io", ".d2iq.io"];

/// Groups that are its own name.
const DKP_GROUP: &str = "dkp.d2iq.io";

/// What detection of DKP came to.
#[derive(Debug, Default)]
pub(super) struct DkpDetection {
    pub(super) detection: Detection,
    /// What shows that Kommander, or DKP 1.8, runs here.
    pub(super) kommander_evidence: Vec<String>,
    /// What shows that a Kommander elsewhere delivers applications to this cluster.
    pub(super) attachment_evidence: Option<String>,
    /// Where they come from, if that is another place.
    pub(super) source_url: Option<String>,
}

fn helm_release_need() -> Need {
    let releases = GroupResource::new("helm.toolkit.fluxcd.io", "helmreleases");
    Need::single_object(releases, "kommander", "kommander").with_fields(&[
        "spec.chart.spec.version",
        "status.history.chartVersion",
        "status.history.status",
        "status.lastAppliedRevision",
    ])
}

fn app_deployment_need() -> Need {
    let apps = GroupResource::new("apps.kommander.d2iq.io", "appdeployments");
    Need::single_object(apps, "kommander", "kommander").with_fields(&["spec.appRef.name"])
}

fn kommander_cores_need() -> Need {
    list_need(DKP_GROUP, "kommandercores", &["status.version"])
}

fn cluster_addons_need() -> Need {
    list_need("kubeaddons.mesosphere.io", "clusteraddons", &[])
}

/// On the management cluster and on every cluster that it delivers to.
fn git_repository_need() -> Need {
    let repositories = GroupResource::new("source.toolkit.fluxcd.io", "gitrepositories");
    Need::single_object(repositories, "kommander-flux", "management").with_fields(&["spec.url"])
}

pub(super) fn workspaces_need() -> Need {
    list_need(
        "workspaces.kommander.mesosphere.io",
        "workspaces",
        &["spec.namespaceName", "status.namespaceRef.name"],
    )
}

pub(super) fn projects_need() -> Need {
    list_need(
        "workspaces.kommander.mesosphere.io",
        "projects",
        &[
            "spec.namespaceName",
            "spec.workspaceRef.name",
            "status.namespaceRef.name",
        ],
    )
}

pub(super) fn kommander_clusters_need() -> Need {
    list_need(
        "kommander.mesosphere.io",
        "kommanderclusters",
        &[
            "spec.clusterRef.capiCluster",
            "status.kubernetesVersion",
            "status.phase",
            "status.type",
        ],
    )
}

pub(super) fn licenses_need() -> Need {
    list_need("kommander.mesosphere.io", "licenses", &["status.dkpLevel"])
}

/// What DKP is detected from. If Flux runs, one object shows whether it belongs to Kommander.
pub(super) fn needs(survey: &Discovery) -> Vec<Need> {
    let mut needs = Vec::new();
    if serves_group_suffix(survey, "source.toolkit.fluxcd.io") {
        needs.push(git_repository_need());
    }
    if GROUP_SUFFIXES
        .iter()
        .any(|group| serves_group_suffix(survey, group))
    {
        needs.extend([
            helm_release_need(),
            app_deployment_need(),
            kommander_cores_need(),
            cluster_addons_need(),
            workspaces_need(),
            projects_need(),
            kommander_clusters_need(),
            licenses_need(),
        ]);
    }
    // What is not served needs not be asked for.
    let served = |need: &Need| match &need.target {
        crate::need::ReadTarget::Objects { resource, .. } => {
            serves_group_suffix(survey, &resource.group)
        }
        crate::need::ReadTarget::NonResourceUrl { .. } => true,
    };
    needs.retain(served);
    needs
}

/// Whether add-ons of DKP 1.8 run here.
pub(crate) fn runs_kubeaddons(look: ClusterView<'_>) -> bool {
    !look.objects(&cluster_addons_need()).is_empty()
}

/// Looks for DKP.
pub(super) fn detect(look: &ClusterView<'_>, cluster_api: &CapiDetection) -> DkpDetection {
    let kommander = version_evidence(look);
    let objects = [
        ("KommanderClusters", kommander_clusters_need()),
        ("Workspaces", workspaces_need()),
    ];
    let objects = objects.into_iter().filter_map(|(what, need)| {
        let number = look.objects(&need).len();
        (number > 0).then(|| format!("{what}: {number}"))
    });
    let mut here: Vec<String> = kommander
        .iter()
        .map(|rung| rung.description.clone())
        .collect();
    here.extend(objects);
    let repository = look.objects(&git_repository_need()).first();
    let mut dkp = DkpDetection {
        attachment_evidence: repository
            .map(|row| format!("GitRepository {} is there", row.meta.namespaced_name())),
        source_url: repository.and_then(|row| string_at(&row.object, "/spec/url")),
        ..DkpDetection::default()
    };
    if !here.is_empty() {
        dkp.detect_kommander(look, kommander, cluster_api);
    } else if let Some(delivered) = dkp.attachment_evidence.clone() {
        dkp.set_unknown_release(
            vec![delivered],
            "Kommander runs on the management cluster of this one, and only there its release is told",
        );
    } else if !cluster_api.konvoy_hints.is_empty() {
        let mut evidence = cluster_api.konvoy_hints.clone();
        evidence.extend(konvoy_evidence(look, cluster_api).map(|rung| rung.description));
        dkp.set_unknown_release(
            evidence,
            "Kommander, which names it, is not installed; the provider of Cluster API tells no more than the minor",
        );
    } else {
        dkp.note_leftover_apis(look);
    }
    dkp.kommander_evidence = here;
    dkp
}

impl DkpDetection {
    fn detect_kommander(
        &mut self,
        look: &ClusterView<'_>,
        kommander: Vec<VersionEvidence>,
        cluster_api: &CapiDetection,
    ) {
        let settled = resolve_version(&kommander);
        let mut evidence = settled.evidence.clone();
        if let Some(rung) = konvoy_evidence(look, cluster_api) {
            evidence.push(rung.description.clone());
            let both = resolve_version(&[kommander.clone(), vec![rung.clone()]].concat());
            if both.conflicts.len() > settled.conflicts.len() {
                self.detection.remarks.push(format!(
                    "Kommander and Konvoy differ ({}): the upgrade of DKP is half done",
                    rung.description
                ));
            }
        }
        self.detection.missing.extend(settled.gap("DKP"));
        self.detection
            .remarks
            .extend(settled.conflict_remark("DKP"));
        self.detection
            .remarks
            .extend(unfinished_upgrade_remark(look));
        self.detection.platform = Some(dkp_platform(settled.version, evidence));
    }

    fn set_unknown_release(&mut self, evidence: Vec<String>, why: &str) {
        self.detection.missing.push(MissingData {
            what: "the release of DKP".to_owned(),
            why: why.to_owned(),
            rbac: None,
        });
        self.detection.platform = Some(dkp_platform(None, evidence));
    }

    /// APIs alone make no DKP: custom resource definitions stay behind.
    fn note_leftover_apis(&mut self, look: &ClusterView<'_>) {
        let served: Vec<&str> = GROUP_SUFFIXES
            .iter()
            .flat_map(|group| look.served_group_versions(group))
            .collect();
        if !served.is_empty() {
            self.detection.remarks.push(format!(
                "APIs of DKP are served ({}), but nothing of it was found: custom resource definitions were left behind",
                served.join(", ")
            ));
        }
    }
}

fn dkp_platform(version: Option<Release>, evidence: Vec<String>) -> DetectedPlatform {
    DetectedPlatform {
        name: PLATFORM,
        version,
        evidence,
        variant: None,
        components: Vec::new(),
    }
}

/// Evidence of Kommander's release, strongest first.
fn version_evidence(look: &ClusterView<'_>) -> Vec<VersionEvidence> {
    let mut rungs = Vec::new();
    if let Some(row) = look.objects(&helm_release_need()).first() {
        rungs.push(helm_release_evidence(look, row));
    }
    if let Some(row) = look.objects(&app_deployment_need()).first() {
        rungs.push(app_deployment_evidence(look, row));
    }
    for row in look.objects(&kommander_cores_need()) {
        let at = format!("KommanderCore {}", row.meta.name);
        rungs.push(match str_at(&row.object, "/status/version") {
            Some(version) => {
                let seen = format!("status.version of {at}: {version}");
                VersionEvidence::from_version(look.catalog, seen, PLATFORM, version)
            }
            None => VersionEvidence::new(
                format!("{at} has no status.version"),
                VersionClaim::PresenceOnly,
            ),
        });
    }
    let add_ons = look.objects(&cluster_addons_need());
    if !add_ons.is_empty() {
        let seen = format!("ClusterAddons of kubeaddons: {}", add_ons.len());
        let why = "DKP 1.8 notes its release in cluster.yaml beside the cluster, not in it; state the release with --from dkp=VERSION";
        // Left over after the upgrade to 2.1, if there is newer evidence.
        let says = match rungs.is_empty() {
            true => VersionClaim::Unknown(why.to_owned()),
            false => VersionClaim::PresenceOnly,
        };
        rungs.push(VersionEvidence::new(seen, says));
    }
    rungs
}

/// What Flux installed, which is running; the specification has what is wanted.
fn helm_release_evidence(look: &ClusterView<'_>, row: &ObjectRow) -> VersionEvidence {
    let at = format!("HelmRelease {}", row.meta.namespaced_name());
    match applied_chart_version(row) {
        Some(applied) => {
            let seen = format!("{at} applied {applied}");
            VersionEvidence::from_version(look.catalog, seen, PLATFORM, applied)
        }
        None => VersionEvidence::new(
            format!("{at} has applied nothing"),
            VersionClaim::Unknown("Kommander was never installed by it successfully".to_owned()),
        ),
    }
}

/// The version of the chart that runs.
fn applied_chart_version(row: &ObjectRow) -> Option<&str> {
    // From its API v2 on Flux keeps a history, newest first, in the place of lastAppliedRevision.
    let history = items_at(&row.object, "/status/history")
        .find(|entry| str_at(entry, "/status") == Some("deployed"))
        .and_then(|entry| str_at(entry, "/chartVersion"));
    str_at(&row.object, "/status/lastAppliedRevision").or(history)
}

/// An upgrade of Kommander that was begun and is not through.
fn unfinished_upgrade_remark(look: &ClusterView<'_>) -> Option<String> {
    let row = look.objects(&helm_release_need()).first()?;
    let wanted = str_at(&row.object, "/spec/chart/spec/version")?;
    let applied = applied_chart_version(row)?;
    let plain = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
    (plain(wanted) != plain(applied)).then(|| {
        format!(
            "HelmRelease {} wants {wanted} and has applied {applied}: an upgrade of Kommander is under way or has failed",
            row.meta.namespaced_name()
        )
    })
}

/// The application's name carries its version, and that the release, though not always one alone.
fn app_deployment_evidence(look: &ClusterView<'_>, row: &ObjectRow) -> VersionEvidence {
    let name = str_at(&row.object, "/spec/appRef/name").unwrap_or_default();
    let seen = format!("AppDeployment {}: {name}", row.meta.namespaced_name());
    let version = name.strip_prefix("kommander-").unwrap_or(name);
    let marks = look.catalog.custom_apis.dkp_version_hints().iter();
    let releases: Vec<Release> = marks
        .filter(|mark| mark.kind == "kommander-app" && mark.value == version)
        .filter_map(|mark| mark.release.parse().ok())
        .collect();
    let says = match releases.is_empty() {
        true => VersionClaim::Unknown(format!("the catalog knows no release with {name}")),
        false => VersionClaim::OneOf(releases),
    };
    VersionEvidence::new(seen, says)
}

/// What the core provider says of Konvoy, which may differ from Kommander while an upgrade is half done.
fn konvoy_evidence(look: &ClusterView<'_>, cluster_api: &CapiDetection) -> Option<VersionEvidence> {
    let core = cluster_api.core_provider_version.as_ref()?;
    let plain = core.strip_prefix('v').unwrap_or(core);
    let marks = look.catalog.custom_apis.dkp_version_hints().iter();
    let mark = marks
        .filter(|mark| mark.kind == "cluster-api")
        .find(|mark| plain.starts_with(&mark.value))?;
    let later = mark.release.ends_with('+');
    let minor = mark.release.trim_end_matches('+').parse().ok()?;
    let or_later = if later { " or later" } else { "" };
    let seen = format!("core provider of Cluster API {core}: Konvoy {minor}{or_later}");
    Some(VersionEvidence::new(
        seen,
        VersionClaim::Minor(minor, later),
    ))
}
