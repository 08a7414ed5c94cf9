//! How far a cluster has come: one typed condition, one answer, for plans, gates and watching alike.
//!
//! A [`Condition`] names what is to be so, with the names of this cluster in it; [`progress()`] says how far it is from that,
//! from what was seen alone. What was not seen is [`Progress::Unknown`], never done.

mod machines;

use serde::{Deserialize, Serialize};

use crate::catalog::addons::Fit;
use crate::catalog::{Minor, PlatformName, Reach, Release, Resource, Wanted};
use crate::check::backup::{self, Backup};
use crate::check::{Finding, Severity, Situation, control_plane};
use crate::detect::{self, Detected, Installed, in_control_plane, pool};
use crate::need::{Need, Survey};
use crate::path::HopRef;
use crate::snapshot::{NodeRow, Picture};

/// What is to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Condition {
    /// Nothing in the cluster shows it.
    ByHand,
    /// A backup was completed within so many seconds.
    Backup {
        /// How old it may be.
        within_seconds: u64,
    },
    /// The API server that answers has the release.
    ApiServer(Goal),
    /// The API server emulates the minor.
    Emulation {
        /// Which one.
        minor: String,
    },
    /// Components of the control plane have the release.
    ControlPlane {
        /// On this node only.
        node: Option<String>,
        /// What they must be.
        #[serde(flatten)]
        goal: Goal,
    },
    /// The KubeadmControlPlane has the release on all of its machines.
    ControlPlaneObject {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What it must be.
        #[serde(flatten)]
        goal: Goal,
    },
    /// The MachineDeployment has the release on all of its machines.
    MachineDeployment {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What it must be.
        #[serde(flatten)]
        goal: Goal,
    },
    /// Nodes have the release, are ready and take pods.
    Nodes {
        /// Which ones.
        #[serde(flatten)]
        of: Nodes,
        /// What their kubelets must be.
        #[serde(flatten)]
        goal: Goal,
    },
    /// No blocker is left that holds already or bites at this hop.
    NoBlockers {
        /// Which hop.
        hop: HopRef,
    },
    /// Findings are gone.
    Gone {
        /// Their fingerprints.
        fingerprints: Vec<String>,
    },
    /// An add-on runs in a release that is for the minor, and its rollout is done.
    Addon {
        /// Its name in the catalog.
        component: String,
        /// Where it runs.
        namespace: String,
        /// The minor of Kubernetes.
        minor: String,
    },
    /// kube-proxy has the release.
    KubeProxy(Goal),
    /// A platform has the release.
    Platform {
        /// Which platform.
        platform: PlatformName,
        /// Which release.
        release: String,
    },
}

/// A release to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// `1.25.16`.
    pub release: String,
    /// Whether any patch of its minor will do.
    pub any_patch: bool,
}

/// A set of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Nodes {
    /// One of them.
    Node(String),
    /// The workers of a pool; of none where it is empty.
    Pool(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is so.
    Done,
    /// Part of it is.
    Doing {
        /// So many.
        done: usize,
        /// Of so many.
        of: usize,
    },
    /// It is not so.
    Todo,
    /// It could not be seen.
    Unknown,
    /// It cannot be seen: a person knows.
    ByHand,
}

impl Goal {
    /// The release of a hop.
    #[must_use]
    pub fn new(release: &str, reach: Reach) -> Self {
        Self {
            release: release.to_owned(),
            any_patch: reach == Reach::Minor,
        }
    }

    /// Whether this version, as somebody wrote it, is the release or a later one; none where it is no version.
    fn reached(&self, version: &str) -> Option<bool> {
        let version: Release = version.parse().ok()?;
        match self.release.parse::<Wanted>().ok()? {
            Wanted::Release(release) if !self.any_patch => Some(version.semver >= release.semver),
            // A minor alone stands where no patch of it is known.
            wanted => Some(version.minor() >= wanted.minor()),
        }
    }
}

impl Progress {
    /// So many of so many.
    fn of(done: usize, all: usize) -> Self {
        match (done, all) {
            (_, 0) => Self::Unknown,
            (0, _) => Self::Todo,
            (done, of) if done < of => Self::Doing { done, of },
            _ => Self::Done,
        }
    }
}

/// The DaemonSet kube-proxy.
fn kube_proxy() -> Need {
    let resource = Resource::new("apps", "daemonsets");
    Need::named(resource, "kube-system", "kube-proxy")
}

/// What conditions look at, on a server that serves this.
#[must_use]
pub fn needs(survey: &Survey) -> Vec<Need> {
    let mut needs = detect::needs(survey);
    needs.extend([control_plane::pods(), kube_proxy()]);
    if detect::serves_cluster_api(survey) {
        needs.push(detect::machine_deployments());
    }
    needs.extend(detect::addons::needs());
    needs.extend(backup::needs());
    needs
}

/// The workers of a pool; those of none where its name is empty.
pub fn workers<'a>(
    situation: &'a Situation<'_>,
    picture: &'a Picture,
    name: &'a str,
) -> Option<impl Iterator<Item = &'a NodeRow>> {
    let catalog = situation.catalog;
    let rows = picture.read(&detect::nodes(), catalog).ok()??;
    let workers = rows.nodes().iter().filter(|node| !in_control_plane(node));
    Some(workers.filter(move |node| pool(catalog, node) == name))
}

/// How far a cluster of the snapshot is from a condition: a pure function of its arguments. Findings are those of the same
/// situation.
#[must_use]
pub fn progress(
    condition: &Condition,
    situation: &Situation<'_>,
    (picture, detected): (&Picture, &Detected),
    findings: &[Finding],
) -> Progress {
    let known = |reached: Option<bool>| match reached {
        Some(true) => Progress::Done,
        Some(false) => Progress::Todo,
        None => Progress::Unknown,
    };
    match condition {
        Condition::ByHand => Progress::ByHand,
        Condition::Backup { within_seconds } => backup(situation, *within_seconds),
        Condition::Addon {
            component,
            namespace,
            minor,
        } => addon(situation, detected, (component, namespace), minor),
        Condition::ApiServer(goal) => known(goal.reached(&detected.kubernetes.raw)),
        Condition::Emulation { minor } => {
            let minor = minor.parse().ok();
            known(minor.map(|minor: Minor| detected.effective_minor >= minor))
        }
        Condition::ControlPlane { node, goal } => {
            components(situation, picture, node.as_deref(), goal)
        }
        Condition::ControlPlaneObject {
            namespace,
            name,
            goal,
        } => machines::control_plane(situation, picture, (namespace, name), goal),
        Condition::MachineDeployment {
            namespace,
            name,
            goal,
        } => machines::deployment(situation, picture, (namespace, name), goal),
        Condition::Nodes { of, goal } => nodes(situation, picture, of, goal),
        Condition::NoBlockers { hop } => {
            let mut blockers = findings.iter().filter(|finding| blocks(finding, hop));
            known(Some(blockers.next().is_none()))
        }
        Condition::Gone { fingerprints } => {
            let is_there = |finding: &&Finding| fingerprints.contains(&finding.fingerprint);
            known(Some(findings.iter().find(is_there).is_none()))
        }
        Condition::KubeProxy(goal) => known(kube_proxy_at(situation, picture, goal)),
        Condition::Platform { platform, release } => {
            let version = detected
                .platform(*platform)
                .and_then(|it| it.version.as_ref());
            let release: Option<Release> = release.parse().ok();
            known(version.zip(release).map(|(it, to)| it.semver >= to.semver))
        }
    }
}

/// The newest backup, where the cluster records any.
fn backup(situation: &Situation<'_>, within_seconds: u64) -> Progress {
    match backup::newest(situation) {
        Backup::Found { at, .. } => {
            let age = situation.now.duration_since(at).as_secs();
            match u64::try_from(age).is_ok_and(|age| age > within_seconds) {
                true => Progress::Todo,
                false => Progress::Done,
            }
        }
        Backup::None => Progress::Todo,
        Backup::CannotTell { .. } => Progress::ByHand,
    }
}

fn addon(
    situation: &Situation<'_>,
    detected: &Detected,
    (component, namespace): (&str, &str),
    minor: &str,
) -> Progress {
    let Ok(minor) = minor.parse() else {
        return Progress::Unknown;
    };
    let is_it = |it: &&Installed| it.component == component && it.namespace == namespace;
    let parts: Vec<&Installed> = detected.addons.iter().filter(is_it).collect();
    let known = parts.iter().filter_map(|it| it.version.as_ref());
    let addons = &situation.catalog.addons;
    let fits: Vec<Fit> = known
        .map(|version| addons.fits(component, version, minor))
        .collect();
    if fits.is_empty() || fits.contains(&Fit::Unknown) {
        return Progress::Unknown;
    }
    let done = fits.iter().filter(|fit| **fit == Fit::Yes).count();
    match Progress::of(done, fits.len()) {
        Progress::Done
            if parts
                .iter()
                .any(|it| it.status.updated < it.status.replicas) =>
        {
            Progress::Doing {
                done: 0,
                of: fits.len(),
            }
        }
        other => other,
    }
}

/// Whether a finding stands in the way of a hop.
#[must_use]
pub fn blocks(finding: &Finding, hop: &HopRef) -> bool {
    finding.severity == Severity::Blocker && finding.hop.as_ref().is_none_or(|bites| bites == hop)
}

/// Static pods of the control plane. Where none is seen, as of a managed one, nothing can be said.
fn components(
    situation: &Situation<'_>,
    picture: &Picture,
    node: Option<&str>,
    goal: &Goal,
) -> Progress {
    let members = control_plane::members(situation);
    let here: Vec<Option<bool>> = members
        .iter()
        .filter(|member| member.picture.id == picture.id)
        .filter(|member| node.is_none_or(|node| member.node() == Some(node)))
        .map(|member| goal.reached(&member.release()?.raw))
        .collect();
    if here.contains(&None) {
        return Progress::Unknown;
    }
    let done = here.iter().filter(|reached| **reached == Some(true));
    Progress::of(done.count(), here.len())
}

fn nodes(situation: &Situation<'_>, picture: &Picture, of: &Nodes, goal: &Goal) -> Progress {
    let Ok(Some(rows)) = picture.read(&detect::nodes(), situation.catalog) else {
        return Progress::Unknown;
    };
    let all: Vec<&NodeRow> = match of {
        Nodes::Node(name) => rows
            .nodes()
            .iter()
            .filter(|node| node.name == *name)
            .collect(),
        Nodes::Pool(name) => match workers(situation, picture, name) {
            Some(workers) => workers.collect(),
            None => return Progress::Unknown,
        },
    };
    let at: Vec<Option<bool>> = all
        .iter()
        .map(|node| goal.reached(&node.kubelet_version))
        .collect();
    if at.contains(&None) {
        return Progress::Unknown;
    }
    let at_work = |node: &NodeRow| {
        let ready = node.condition("Ready");
        ready.is_some_and(|ready| ready.status == "True") && !node.unschedulable
    };
    let done = all
        .iter()
        .zip(&at)
        .filter(|(node, reached)| **reached == Some(true) && at_work(node));
    // A node that was taken out of service, or has its kubelet but is not back, is under way.
    let begun = all
        .iter()
        .zip(&at)
        .any(|(node, reached)| *reached == Some(true) || node.unschedulable);
    match Progress::of(done.count(), all.len()) {
        Progress::Todo if begun => Progress::Doing {
            done: 0,
            of: all.len(),
        },
        other => other,
    }
}

fn kube_proxy_at(situation: &Situation<'_>, picture: &Picture, goal: &Goal) -> Option<bool> {
    let rows = picture.read(&kube_proxy(), situation.catalog).ok()??;
    let containers = rows
        .json()
        .first()?
        .object
        .pointer("/spec/template/spec/containers");
    let image = containers?.get(0)?.get("image")?.as_str()?;
    goal.reached(&control_plane::release_of(image)?.raw)
}
