//! DKP: Kommander by its Helm release, its application or its operator; without it Konvoy by the marks it leaves on
//! Cluster API; DKP 1.8 by its add-ons; and clusters that a Kommander elsewhere looks after.

use super::cluster_api::ClusterApi;
use super::look::{Look, all, items, owned, place, serves, text};
use super::rungs::{Rung, Says, settle};
use super::{DetectedPlatform, Found};
use crate::catalog::{PlatformName, Release, Resource};
use crate::need::{Need, Survey};
use crate::snapshot::{JsonRow, Unmet};

const NAME: PlatformName = PlatformName::Dkp;

/// Groups of DKP end so.
const GROUPS: [&str; 2] = [".mesosphere.io", ".d2iq.io"];

/// Groups that are its own name.
const OWN: &str = "dkp.d2iq.io";

/// What detection of DKP came to.
#[derive(Debug, Default)]
pub(super) struct Dkp {
    pub(super) found: Found,
    /// What shows that Kommander, or DKP 1.8, runs here.
    pub(super) here: Vec<String>,
    /// What shows that a Kommander elsewhere delivers applications to this cluster.
    pub(super) delivered: Option<String>,
    /// Where they come from, if that is another place.
    pub(super) source: Option<String>,
}

fn helm_release() -> Need {
    let releases = Resource::new("helm.toolkit.fluxcd.io", "helmreleases");
    Need::named(releases, "kommander", "kommander")
}

fn app_deployment() -> Need {
    let apps = Resource::new("apps.kommander.d2iq.io", "appdeployments");
    Need::named(apps, "kommander", "kommander")
}

fn cores() -> Need {
    all(OWN, "kommandercores")
}

fn add_ons() -> Need {
    all("kubeaddons.mesosphere.io", "clusteraddons")
}

/// On the management cluster and on every cluster that it delivers to.
fn repository() -> Need {
    let repositories = Resource::new("source.toolkit.fluxcd.io", "gitrepositories");
    Need::named(repositories, "kommander-flux", "management")
}

pub(super) fn workspaces() -> Need {
    all("workspaces.kommander.mesosphere.io", "workspaces")
}

pub(super) fn projects() -> Need {
    all("workspaces.kommander.mesosphere.io", "projects")
}

pub(super) fn clusters() -> Need {
    all("kommander.mesosphere.io", "kommanderclusters")
}

pub(super) fn licenses() -> Need {
    all("kommander.mesosphere.io", "licenses")
}

/// What DKP is told by. Where Flux runs, one object tells whether it is Kommander's.
pub(super) fn needs(survey: &Survey) -> Vec<Need> {
    let mut needs = Vec::new();
    if serves(survey, "source.toolkit.fluxcd.io") {
        needs.push(repository());
    }
    if GROUPS.iter().any(|group| serves(survey, group)) {
        needs.extend([
            helm_release(),
            app_deployment(),
            cores(),
            add_ons(),
            workspaces(),
            projects(),
            clusters(),
            licenses(),
        ]);
    }
    // What is not served needs not be asked for.
    let served = |need: &Need| match &need.subject {
        crate::need::Subject::Objects { resource, .. } => serves(survey, &resource.group),
        crate::need::Subject::Url { .. } => true,
    };
    needs.retain(served);
    needs
}

/// Looks for DKP.
pub(super) fn detect(look: &Look<'_>, cluster_api: &ClusterApi) -> Dkp {
    let kommander = rungs(look);
    let objects = [
        ("KommanderClusters", clusters()),
        ("Workspaces", workspaces()),
    ];
    let objects = objects.into_iter().filter_map(|(what, need)| {
        let number = look.objects(&need).len();
        (number > 0).then(|| format!("{what}: {number}"))
    });
    let mut here: Vec<String> = kommander.iter().map(|rung| rung.seen.clone()).collect();
    here.extend(objects);
    let repository = look.objects(&repository()).first();
    let mut dkp = Dkp {
        delivered: repository.map(|row| format!("GitRepository {} is there", place(row))),
        source: repository.and_then(|row| owned(&row.object, "/spec/url")),
        ..Dkp::default()
    };
    if !here.is_empty() {
        dkp.management(look, kommander, cluster_api);
    } else if let Some(delivered) = dkp.delivered.clone() {
        dkp.unreleased(
            vec![delivered],
            "Kommander runs on the management cluster of this one, and only there its release is told",
        );
    } else if !cluster_api.konvoy.is_empty() {
        let mut evidence = cluster_api.konvoy.clone();
        evidence.extend(konvoy(look, cluster_api).map(|rung| rung.seen));
        dkp.unreleased(
            evidence,
            "Kommander, which names it, is not installed; the provider of Cluster API tells no more than the minor",
        );
    } else {
        dkp.leftovers(look);
    }
    dkp.here = here;
    dkp
}

impl Dkp {
    fn management(&mut self, look: &Look<'_>, kommander: Vec<Rung>, cluster_api: &ClusterApi) {
        let settled = settle(&kommander);
        let mut evidence = settled.evidence.clone();
        if let Some(rung) = konvoy(look, cluster_api) {
            evidence.push(rung.seen.clone());
            let both = settle(&[kommander.clone(), vec![rung.clone()]].concat());
            if both.conflicts.len() > settled.conflicts.len() {
                self.found.remarks.push(format!(
                    "Kommander and Konvoy differ ({}): the upgrade of DKP is half done",
                    rung.seen
                ));
            }
        }
        self.found.unmet.extend(settled.gap("DKP"));
        self.found.remarks.extend(settled.remark("DKP"));
        self.found.remarks.extend(in_flight(look));
        self.found.platform = Some(platform(settled.version, evidence));
    }

    fn unreleased(&mut self, evidence: Vec<String>, why: &str) {
        self.found.unmet.push(Unmet {
            what: "the release of DKP".to_owned(),
            why: why.to_owned(),
            rbac: None,
        });
        self.found.platform = Some(platform(None, evidence));
    }

    /// APIs alone make no DKP: custom resource definitions stay behind.
    fn leftovers(&mut self, look: &Look<'_>) {
        let served: Vec<&str> = GROUPS.iter().flat_map(|group| look.served(group)).collect();
        if !served.is_empty() {
            self.found.remarks.push(format!(
                "APIs of DKP are served ({}), but nothing of it was found: custom resource definitions were left behind",
                served.join(", ")
            ));
        }
    }
}

fn platform(version: Option<Release>, evidence: Vec<String>) -> DetectedPlatform {
    DetectedPlatform {
        platform: NAME,
        version,
        evidence,
        variant: None,
        components: Vec::new(),
    }
}

/// What speaks of Kommander's release, strongest first.
fn rungs(look: &Look<'_>) -> Vec<Rung> {
    let mut rungs = Vec::new();
    if let Some(row) = look.objects(&helm_release()).first() {
        rungs.push(helm_rung(look, row));
    }
    if let Some(row) = look.objects(&app_deployment()).first() {
        rungs.push(app_rung(look, row));
    }
    for row in look.objects(&cores()) {
        let at = format!("KommanderCore {}", row.meta.name);
        rungs.push(match text(&row.object, "/status/version") {
            Some(version) => {
                let seen = format!("status.version of {at}: {version}");
                Rung::version(look.catalog, seen, NAME, version)
            }
            None => Rung::new(format!("{at} has no status.version"), Says::Here),
        });
    }
    let add_ons = look.objects(&add_ons());
    if !add_ons.is_empty() {
        let seen = format!("ClusterAddons of kubeaddons: {}", add_ons.len());
        let why = "DKP 1.8 notes its release in cluster.yaml beside the cluster, not in it; the way from it is told by --local --from dkp=VERSION --to dkp=VERSION";
        // Left over after the upgrade to 2.1, when something newer speaks.
        let says = match rungs.is_empty() {
            true => Says::Unknown(why.to_owned()),
            false => Says::Here,
        };
        rungs.push(Rung::new(seen, says));
    }
    rungs
}

/// What Flux installed, which is what runs; what is wanted stands in the specification.
fn helm_rung(look: &Look<'_>, row: &JsonRow) -> Rung {
    let at = format!("HelmRelease {}", place(row));
    match applied(row) {
        Some(applied) => {
            let seen = format!("{at} applied {applied}");
            Rung::version(look.catalog, seen, NAME, applied)
        }
        None => Rung::new(
            format!("{at} has applied nothing"),
            Says::Unknown("Kommander was never installed by it successfully".to_owned()),
        ),
    }
}

/// The version of the chart that runs.
fn applied(row: &JsonRow) -> Option<&str> {
    // From its API v2 on Flux keeps a history, newest first, in the place of lastAppliedRevision.
    let history = items(&row.object, "/status/history")
        .find(|entry| text(entry, "/status") == Some("deployed"))
        .and_then(|entry| text(entry, "/chartVersion"));
    text(&row.object, "/status/lastAppliedRevision").or(history)
}

/// An upgrade of Kommander that was begun and is not through.
fn in_flight(look: &Look<'_>) -> Option<String> {
    let row = look.objects(&helm_release()).first()?;
    let wanted = text(&row.object, "/spec/chart/spec/version")?;
    let applied = applied(row)?;
    let plain = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
    (plain(wanted) != plain(applied)).then(|| {
        format!(
            "HelmRelease {} wants {wanted} and has applied {applied}: an upgrade of Kommander is under way or has failed",
            place(row)
        )
    })
}

/// The application's name carries its version, and that the release, though not always one alone.
fn app_rung(look: &Look<'_>, row: &JsonRow) -> Rung {
    let name = text(&row.object, "/spec/appRef/name").unwrap_or_default();
    let seen = format!("AppDeployment {}: {name}", place(row));
    let version = name.strip_prefix("kommander-").unwrap_or(name);
    let marks = look.catalog.custom.dkp_marks().iter();
    let releases: Vec<Release> = marks
        .filter(|mark| mark.mark == "kommander-app" && mark.value == version)
        .filter_map(|mark| mark.release.parse().ok())
        .collect();
    let says = match releases.is_empty() {
        true => Says::Unknown(format!("the catalog knows no release with {name}")),
        false => Says::OneOf(releases),
    };
    Rung::new(seen, says)
}

/// What the core provider says of Konvoy, which may differ from Kommander while an upgrade is half done.
fn konvoy(look: &Look<'_>, cluster_api: &ClusterApi) -> Option<Rung> {
    let core = cluster_api.core.as_ref()?;
    let plain = core.strip_prefix('v').unwrap_or(core);
    let marks = look.catalog.custom.dkp_marks().iter();
    let mark = marks
        .filter(|mark| mark.mark == "cluster-api")
        .find(|mark| plain.starts_with(&mark.value))?;
    let later = mark.release.ends_with('+');
    let minor = mark.release.trim_end_matches('+').parse().ok()?;
    let or_later = if later { " or later" } else { "" };
    let seen = format!("core provider of Cluster API {core}: Konvoy {minor}{or_later}");
    Some(Rung::new(seen, Says::Minor(minor, later)))
}
