//! From what was seen of a cluster to how far it is from a condition.

use std::collections::HashMap;

use super::{Condition, Goal, Nodes, Progress, blocks, machines};
use crate::catalog::addons::Fit;
use crate::catalog::{Minor, Release};
use crate::check::backup::{self, Backup};
use crate::check::control_plane::{self, Member};
use crate::check::{Finding, Situation};
use crate::detect::{self, Detected, Installed, in_control_plane, pool};
use crate::snapshot::{NodeRow, Picture};

/// One cluster of a snapshot, made ready for many conditions: thousands of steps each ask for a node by its name.
pub struct Seen<'a> {
    situation: &'a Situation<'a>,
    picture: &'a Picture,
    detected: &'a Detected,
    findings: &'a [Finding],
    /// None where they could not be read.
    nodes: Option<&'a [NodeRow]>,
    by_name: HashMap<&'a str, &'a NodeRow>,
    members: Vec<Member<'a>>,
}

impl<'a> Seen<'a> {
    /// A cluster of this situation, with the findings of the same situation.
    #[must_use]
    pub fn new(
        situation: &'a Situation<'a>,
        (picture, detected): (&'a Picture, &'a Detected),
        findings: &'a [Finding],
    ) -> Self {
        let rows = picture.read(&detect::nodes(), situation.catalog);
        let nodes = rows.ok().flatten().map(|rows| rows.nodes());
        let by_name = nodes.unwrap_or_default().iter();
        let mut members = control_plane::members(situation);
        members.retain(|member| member.picture.id == picture.id);
        Self {
            situation,
            picture,
            detected,
            findings,
            nodes,
            by_name: by_name.map(|node| (node.name.as_str(), node)).collect(),
            members,
        }
    }

    /// How far the cluster is from a condition.
    #[must_use]
    pub fn progress(&self, condition: &Condition) -> Progress {
        let (situation, picture, detected) = (self.situation, self.picture, self.detected);
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
            Condition::ControlPlane { node, goal } => self.components(node.as_deref(), goal),
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
            Condition::Nodes { of, goal } => self.nodes(of, goal),
            Condition::NoBlockers { hop } => {
                let mut blockers = self.findings.iter().filter(|finding| blocks(finding, hop));
                known(Some(blockers.next().is_none()))
            }
            Condition::Gone { fingerprints } => {
                let is_there = |finding: &&Finding| fingerprints.contains(&finding.fingerprint);
                known(Some(self.findings.iter().find(is_there).is_none()))
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

    /// Static pods of the control plane. Where none is seen, as of a managed one, nothing can be said.
    fn components(&self, node: Option<&str>, goal: &Goal) -> Progress {
        let here: Vec<Option<bool>> = self
            .members
            .iter()
            .filter(|member| node.is_none_or(|node| member.node() == Some(node)))
            .map(|member| goal.reached(&member.release()?.raw))
            .collect();
        if here.contains(&None) {
            return Progress::Unknown;
        }
        let done = here.iter().filter(|reached| **reached == Some(true));
        Progress::of(done.count(), here.len())
    }

    fn nodes(&self, of: &Nodes, goal: &Goal) -> Progress {
        let Some(nodes) = self.nodes else {
            return Progress::Unknown;
        };
        let all: Vec<&NodeRow> = match of {
            Nodes::Node(name) => self
                .by_name
                .get(name.as_str())
                .copied()
                .into_iter()
                .collect(),
            Nodes::Pool(name) => nodes
                .iter()
                .filter(|node| !in_control_plane(node))
                .filter(|node| pool(self.situation.catalog, node) == name)
                .collect(),
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

fn kube_proxy_at(situation: &Situation<'_>, picture: &Picture, goal: &Goal) -> Option<bool> {
    let need = control_plane::kube_proxy();
    let rows = picture.read(&need, situation.catalog).ok()??;
    let image = control_plane::first_image(rows.json().first()?)?;
    goal.reached(&control_plane::release_of(image)?.raw)
}
