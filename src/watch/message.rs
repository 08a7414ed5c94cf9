//! The sentences of events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::chains::WaitChain;
use super::event::EventScope;
use super::goal::UpgradeGoal;
use super::managed::{MachinePhase, ManagedRollout};
use super::nodes::{NodePhase, NodeState};
use super::object::EventObject;
use super::picture::{Picture, RolloutState, StaticPodCounts};
use super::plans::NodePlan;
use super::platform::{PlatformGoal, PlatformPhase, PlatformRollout};
use crate::catalog::Release;
use crate::text::pluralize;

/// Reasons of a deletion that people wait for, of v1beta2 and v1beta1. The others take seconds; a stall names them too.
const DRAIN_REASONS: [&str; 3] = ["DrainingNode", "WaitingForVolumeDetach", "DrainingFailed"];

/// A change: what it is about, and the sentence.
pub(super) type ScopedMessage = (EventScope, String);

/// The state. Unless all API servers are known, another one may show an upgrade.
pub(super) fn picture(picture: &Picture, are_servers_known: bool) -> String {
    let servers = versions(&picture.control_plane.api_servers);
    let count = picture.nodes.len();
    let excluded = match picture.nodes.virtual_count() {
        0 => String::new(),
        count => format!(", {} left out", pluralize(count, "virtual node")),
    };
    let Some(goal) = &picture.goal else {
        let managed = picture.managed.iter();
        let upgrading: Vec<&str> = managed
            .filter(|(_, rollout)| rollout.is_upgrading())
            .map(|(name, _)| name.as_str())
            .collect();
        if !upgrading.is_empty() {
            return format!("upgrade of managed clusters: {}", upgrading.join(", "));
        }
        let nodes = match count {
            0 => "no nodes".to_owned(),
            _ => format!("{} on the same minor", pluralize(count, "node")),
        };
        return match are_servers_known {
            true => {
                format!("nothing is being upgraded: API server {servers}, {nodes}{excluded}")
            }
            false => format!(
                "no upgrade found so far: API server {servers}, {nodes}{excluded}; another API server behind the same address \
                 may run another version"
            ),
        };
    };
    let done = picture.nodes.tally().upgraded;
    format!(
        "upgrade to {}: API server {servers}, {done} of {} upgraded{excluded}",
        goal.version(),
        pluralize(count, "node")
    )
}

/// What a platform is doing.
pub(super) fn platform_state(rollout: &PlatformRollout) -> String {
    let name = rollout.name();
    let parts = || pluralize(rollout.total, rollout.part);
    match &rollout.phase {
        PlatformPhase::Settled if rollout.done == rollout.total => {
            format!("{name} is installed: {}", parts())
        }
        PlatformPhase::Between { next } => {
            format!(
                "{name}: {} of {} done, {next} is next",
                rollout.done,
                parts()
            )
        }
        PlatformPhase::Settled => format!(
            "{name} is installed: {} of {}; the others are of the release before",
            rollout.done,
            parts()
        ),
        PlatformPhase::Pending { why, .. } => format!("{name} has not begun: {why}"),
        PlatformPhase::Working => {
            let current = rollout.current.iter();
            let current: String = current.map(|current| format!("{current}, ")).collect();
            format!("{name}: {current}{} of {} done", rollout.done, parts())
        }
        PlatformPhase::Retrying { why } => format!("{name}: {why}; it is tried again"),
        PlatformPhase::Held { why } | PlatformPhase::Failed { why } => format!("{name}: {why}"),
    }
}

/// What became of a platform. That it was given up or is installed, are events of their own.
pub(super) fn platform(
    before: Option<&PlatformRollout>,
    after: Option<&PlatformRollout>,
) -> Vec<String> {
    let after = after.filter(|after| Some(*after) != before);
    let text = after.and_then(|rollout| match rollout.phase {
        PlatformPhase::Failed { .. } => None,
        PlatformPhase::Settled if rollout.is_final => None,
        PlatformPhase::Settled => Some(format!(
            "{}: {} of {} done; it is finished unless more follows",
            rollout.name(),
            rollout.done,
            pluralize(rollout.total, rollout.part)
        )),
        _ => Some(platform_state(rollout)),
    });
    text.into_iter().collect()
}

/// The state of an upgrade of a platform.
pub(super) fn platform_picture(
    rollout: Option<&PlatformRollout>,
    goal: Option<&PlatformGoal>,
) -> String {
    let goal = goal.map(|goal| format!("upgrade to {}={}: ", goal.platform, goal.version));
    let state = rollout.map_or_else(
        || "it was not found in this cluster, or may not be read".to_owned(),
        platform_state,
    );
    let others = rollout
        .map(|rollout| &rollout.others[..])
        .unwrap_or_default();
    let others = match others {
        [] => String::new(),
        others => format!("; upgraded by their owners: {}", others.join(", ")),
    };
    format!("{}{state}{others}", goal.unwrap_or_default())
}

/// What the cluster shows of the time before the watch.
pub(super) fn history(finished: &[Timestamp]) -> String {
    match finished {
        [] => String::new(),
        [first, ..] => format!(
            ", {} since {}",
            finished.len(),
            first.strftime("%Y-%m-%d %H:%M:%SZ")
        ),
    }
}

/// `v1.36.2`, or `v1.36.2 and v1.37.0`.
fn versions(versions: &BTreeSet<Release>) -> String {
    let versions: Vec<String> = versions
        .iter()
        .map(|version| format!("v{version}"))
        .collect();
    match versions.is_empty() {
        true => "of an unknown version".to_owned(),
        false => versions.join(" and "),
    }
}

/// An upgrade that was found.
pub(super) fn goal(goal: &UpgradeGoal) -> String {
    format!("an upgrade to {} has begun", goal.version())
}

/// The versions of API servers.
pub(super) fn api_servers(running: &BTreeSet<Release>) -> String {
    format!("API server: {}", versions(running))
}

/// The components of which more static pods run a version than before.
pub(super) fn static_pods(
    before: Option<&StaticPodCounts>,
    after: Option<&StaticPodCounts>,
) -> Vec<String> {
    let Some(after) = after else {
        return Vec::new();
    };
    let risen = after.iter().filter(|(pod, count)| {
        let old = before.and_then(|before| before.get(pod).copied());
        **count > old.unwrap_or_default()
    });
    let messages = risen.filter_map(|((component, version), count)| {
        let of_component = after.iter().filter(|((name, _), _)| name == component);
        let total: usize = of_component.map(|(_, count)| count).sum();
        let version = version.as_ref()?;
        Some(format!("{component}: {count} of {total} at v{version}"))
    });
    messages.collect()
}

/// The rollouts that started, and those that are complete.
pub(super) fn rollouts(before: &[RolloutState], after: &[RolloutState]) -> Vec<String> {
    let name = |rollout: &RolloutState| format!("{}/{}", rollout.kind.to_lowercase(), rollout.name);
    let is_in = |rollouts: &[RolloutState], one: &RolloutState| {
        let mut rollouts = rollouts.iter();
        rollouts.any(|other| other.kind == one.kind && other.name == one.name)
    };
    let started = after.iter().filter(|rollout| !is_in(before, rollout));
    let started =
        started.map(|rollout| format!("{} is being rolled out: {}", name(rollout), rollout.why));
    let completed = before.iter().filter(|rollout| !is_in(after, rollout));
    let completed = completed.map(|rollout| format!("{} is rolled out", name(rollout)));
    started.chain(completed).collect()
}

/// What became of a node.
pub(super) fn node(
    name: &str,
    before: Option<&NodeState>,
    after: Option<&NodeState>,
    goal: Option<&UpgradeGoal>,
) -> Option<String> {
    match (before, after) {
        (None, None) => None,
        (Some(old), None) => Some(format!("node {name} was deleted; it ran {}", running(old))),
        (None, Some(new)) => Some(format!(
            "node {name} joined with {}, {}",
            running(new),
            phase(new, goal)
        )),
        (Some(old), Some(new)) if old.version > new.version && new.version.is_some() => {
            let (from, to) = (running(old), running(new));
            Some(format!("node {name} went back from {from} to {to}"))
        }
        (Some(old), Some(new)) if old.phase == new.phase => None,
        (Some(_), Some(new)) => Some(format!("node {name} {}", phase(new, goal))),
    }
}

/// `v1.37.0`.
fn running(node: &NodeState) -> String {
    match &node.version {
        Some(version) => format!("v{version}"),
        None => "a version that cannot be read".to_owned(),
    }
}

/// What a node is doing, to follow its name.
fn phase(node: &NodeState, goal: Option<&UpgradeGoal>) -> String {
    let version = running(node);
    match node.phase {
        NodePhase::Waiting => format!("is waiting at {version}"),
        NodePhase::Draining { pods_left: None } => "is cordoned".to_owned(),
        NodePhase::Draining { pods_left: Some(0) } => "is cordoned and drained".to_owned(),
        NodePhase::Draining {
            pods_left: Some(count),
        } => format!("is draining: {} left", pluralize(count, "pod")),
        NodePhase::Down => "is not ready".to_owned(),
        NodePhase::Joining => format!("runs {version} and is not ready yet"),
        NodePhase::Cordoned => format!("runs {version}, is ready and still cordoned"),
        NodePhase::Upgraded if goal.is_none() => "is ready".to_owned(),
        NodePhase::Upgraded => format!("is ready at {version}"),
        NodePhase::Unknown => format!("runs {version}"),
    }
}

/// What changed of the Plans.
pub(super) fn plans(
    before: &BTreeMap<String, NodePlan>,
    after: &BTreeMap<String, NodePlan>,
) -> Vec<String> {
    let mut messages = Vec::new();
    for (name, plan) in after {
        let Some(old) = before.get(name) else {
            messages.push(format!("plan {name} was created"));
            continue;
        };
        if old.version != plan.version
            && let Some(version) = &plan.version
        {
            messages.push(format!("plan {name} is to bring v{version}"));
        }
        if plan.done > old.done {
            messages.push(format!(
                "plan {name}: {} of {} nodes done",
                plan.done, plan.total
            ));
        }
        let started = plan.applying.difference(&old.applying);
        messages.extend(started.map(|node| format!("plan {name} is being applied to {node}")));
        if let Some(failure) = &plan.failure
            && old.failure != plan.failure
        {
            messages.push(format!("plan {name} does not go on: {failure}"));
        }
    }
    messages
}

/// What changed from one state of the managed clusters to the next.
pub(super) fn managed(
    before: &BTreeMap<String, ManagedRollout>,
    after: &BTreeMap<String, ManagedRollout>,
) -> Vec<ScopedMessage> {
    let mut changes = Vec::new();
    for (name, rollout) in after {
        let Some(old) = before.get(name) else {
            continue;
        };
        let mut say = |message: String| {
            changes.push((EventScope::Cluster(name.clone()), message));
        };
        let version = |version: &Option<Release>| {
            version.as_ref().map_or_else(
                || "an unknown version".to_owned(),
                |version| format!("v{version}"),
            )
        };
        if old.version != rollout.version {
            say(format!(
                "cluster {name}: target version is now {}",
                version(&rollout.version)
            ));
        }
        if old.control_plane_version != rollout.control_plane_version {
            let to = version(&rollout.control_plane_version);
            say(format!(
                "cluster {name}: target version of the control plane is now {to}"
            ));
        }
        machine_changes(old, rollout).into_iter().for_each(&mut say);
        if let Some(wait) = &rollout.waits_for
            && old.waits_for != rollout.waits_for
        {
            say(format!("cluster {name} waits: {wait}"));
        }
        if rollout.is_complete() && !old.is_complete() {
            let to = version(&rollout.version);
            say(format!(
                "cluster {name} runs {to} on all {} machines",
                rollout.machines.len()
            ));
        }
    }
    changes
}

fn machine_changes(before: &ManagedRollout, after: &ManagedRollout) -> Vec<String> {
    let mut messages = Vec::new();
    for name in before.machines.keys() {
        if !after.machines.contains_key(name) {
            messages.push(format!("machine {name} was deleted"));
        }
    }
    for (name, machine) in &after.machines {
        let old = before.machines.get(name);
        if old.is_some_and(|old| is_same(&old.phase, &machine.phase)) {
            continue;
        }
        let version = match &machine.version {
            Some(version) => format!("v{version}"),
            None => "an unknown version".to_owned(),
        };
        messages.extend(match &machine.phase {
            // Becoming old is the change of the goal, which has been said.
            MachinePhase::Old if old.is_some() => None,
            MachinePhase::Old => Some(format!("machine {name} was created with {version}")),
            MachinePhase::Joining => Some(format!("machine {name} joins with {version}")),
            MachinePhase::Upgraded => Some(format!("machine {name} is available at {version}")),
            MachinePhase::Leaving { reason, .. } if !DRAIN_REASONS.contains(&reason.as_str()) => {
                Some(format!("machine {name} is being deleted"))
            }
            MachinePhase::Leaving { reason, message } => Some(format!(
                "machine {name} is being deleted: {reason}{}{message}",
                if message.is_empty() { "" } else { ": " }
            )),
        });
    }
    messages
}

/// Whether a Machine does the same as before. The message of a deletion changes back and forth while nothing happens.
fn is_same(before: &MachinePhase, after: &MachinePhase) -> bool {
    use MachinePhase::Leaving;
    match (before, after) {
        (Leaving { reason: old, .. }, Leaving { reason: new, .. }) => {
            old == new || !DRAIN_REASONS.contains(&new.as_str())
        }
        _ => before == after,
    }
}

fn name(object: &EventObject) -> String {
    match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    }
}

/// What the upgrade waits for after a stall; `None` if nothing visible holds it up.
pub(super) fn stalled_on(chain: &[EventObject]) -> Option<String> {
    let names = chain.iter().map(|object| {
        format!(
            "{} {} {}",
            object.kind.to_lowercase(),
            name(object),
            object.why
        )
    });
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join("; "))
}

/// What holds the upgrade up.
pub(super) fn blocked(chain: &WaitChain) -> String {
    let links = stalled_on(&chain.links).unwrap_or_default();
    format!("blocked: {links}; see {}", chain.command)
}

/// The end of what held the upgrade up.
pub(super) fn unblocked(chain: &WaitChain) -> String {
    let of = |object: &EventObject| format!("{} {}", object.kind.to_lowercase(), name(object));
    let ends = [chain.links.first(), chain.links.last()];
    let mut ends: Vec<String> = ends.into_iter().flatten().map(of).collect();
    ends.dedup();
    format!(
        "no longer blocked, {}: {}",
        chain.cause.id(),
        ends.join(", ")
    )
}

/// How many nodes there are fewer than at the beginning, if any.
pub(super) fn fewer_nodes(missing: usize) -> Option<String> {
    (missing > 0).then(|| format!("{} fewer than at the beginning", pluralize(missing, "node")))
}

/// The end of an upgrade, and how many nodes there are fewer than at the beginning.
pub(super) fn finished(picture: &Picture, goal: &UpgradeGoal, missing: usize) -> String {
    let nodes = match picture.nodes.len() {
        1 => "the only node".to_owned(),
        count => format!("all {}", pluralize(count, "node")),
    };
    let fewer = fewer_nodes(missing).map_or_else(String::new, |text| format!("; {text}"));
    let newest = picture
        .control_plane
        .api_servers
        .iter()
        .map(Release::minor)
        .max();
    let versions = picture
        .nodes
        .iter()
        .filter_map(|(_, node)| node.version.as_ref());
    let ahead = versions.filter(|version| newest.is_some_and(|newest| version.minor() > newest));
    let ahead = match ahead.count() {
        0 => String::new(),
        count => format!(
            "; {} with a kubelet newer than the API server, which is not supported",
            pluralize(count, "node")
        ),
    };
    let mut servers = picture.control_plane.api_servers.iter();
    let newer = match servers.any(|version| goal.is_exceeded_by(version)) {
        true => " or newer",
        false => "",
    };
    format!(
        "the control plane and {nodes} run {}{newer}{fewer}{ahead}",
        goal.version()
    )
}
