//! The sentences of events.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{EventObject, EventScope};
use super::goal::UpgradeGoal;
use super::managed::{MachinePhase, ManagedRollout};
use super::picture::{NodePhase, NodeState, Picture};
use super::plans::NodePlan;
use crate::catalog::Release;
use crate::text::pluralize;

/// Reasons of a deletion that people wait for, of v1beta2 and v1beta1. The others take seconds; a stall names them too.
const DRAIN_REASONS: [&str; 3] = ["DrainingNode", "WaitingForVolumeDetach", "DrainingFailed"];

/// A change: what it is about, and the sentence.
pub(super) type ScopedMessage = (EventScope, String);

/// The first event of a watch.
pub(super) fn picture(picture: &Picture) -> String {
    let servers = versions(&picture.control_plane.api_servers);
    let count = picture.nodes.len();
    let excluded = match picture.virtual_nodes {
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
            return format!("upgrade of the managed {}", upgrading.join(", "));
        }
        return format!(
            "nothing is being upgraded: API server {servers}, {} on the same minor{excluded}",
            pluralize(count, "node")
        );
    };
    let done = picture.node_tally().upgraded;
    format!(
        "upgrade to {}: API server {servers}, {done} of {} upgraded{excluded}",
        goal.version(),
        pluralize(count, "node")
    )
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

/// What changed from one picture to the next, the control plane first.
pub(super) fn changes(before: &Picture, after: &Picture, cluster: &str) -> Vec<ScopedMessage> {
    let cluster = || EventScope::Cluster(cluster.to_owned());
    let mut changes: Vec<ScopedMessage> = Vec::new();
    if before.goal != after.goal
        && let Some(goal) = &after.goal
    {
        changes.push((
            cluster(),
            format!("an upgrade to {} has begun", goal.version()),
        ));
    }
    let (old, new) = (&before.control_plane, &after.control_plane);
    if old.api_servers != new.api_servers {
        let message = format!("API server: {}", versions(&new.api_servers));
        changes.push((cluster(), message));
    }
    changes.extend(static_pods(before, after).map(|message| (cluster(), message)));
    changes.extend(rollouts(before, after).map(|message| (cluster(), message)));
    changes.extend(nodes(before, after));
    changes.extend(managed(&before.managed, &after.managed));
    let plans = plans(&before.plans, &after.plans).into_iter();
    changes.extend(plans.map(|message| (cluster(), message)));
    changes
}

fn static_pods(before: &Picture, after: &Picture) -> impl Iterator<Item = String> {
    let old = before.control_plane.static_pods.clone().unwrap_or_default();
    let new = after.control_plane.static_pods.clone().unwrap_or_default();
    let totals = new.clone();
    let risen = new.into_iter().filter(move |(pod, count)| {
        let before = old.get(pod).copied().unwrap_or_default();
        *count > before
    });
    risen.filter_map(move |((component, version), count)| {
        let of_component = totals.iter().filter(|((name, _), _)| *name == component);
        let total: usize = of_component.map(|(_, count)| count).sum();
        Some(format!("{component}: {count} of {total} at v{}", version?))
    })
}

fn rollouts(before: &Picture, after: &Picture) -> impl Iterator<Item = String> {
    let name =
        |rollout: &super::RolloutState| format!("{}/{}", rollout.kind.to_lowercase(), rollout.name);
    let is_in = |rollouts: &[super::RolloutState], one: &super::RolloutState| {
        rollouts
            .iter()
            .any(|other| other.kind == one.kind && other.name == one.name)
    };
    let started = after.rollouts.iter();
    let started = started
        .filter(|rollout| !is_in(&before.rollouts, rollout))
        .map(|rollout| format!("{} is being rolled out: {}", name(rollout), rollout.why));
    let completed = before.rollouts.iter();
    let completed = completed
        .filter(|rollout| !is_in(&after.rollouts, rollout))
        .map(|rollout| format!("{} is rolled out", name(rollout)));
    started.chain(completed).collect::<Vec<_>>().into_iter()
}

fn nodes(before: &Picture, after: &Picture) -> Vec<ScopedMessage> {
    let goal = after.goal.as_ref();
    let mut changes = Vec::new();
    for (name, node) in &before.nodes {
        if !after.nodes.contains_key(name) {
            changes.push(node_change(
                name,
                format!("node {name} is gone, it ran {}", running(node)),
            ));
        }
    }
    for (name, node) in &after.nodes {
        let message = match before.nodes.get(name) {
            None => Some(format!(
                "node {name} joined with {}, {}",
                running(node),
                phase(node, goal)
            )),
            Some(old) => changed_node(name, old, node, goal),
        };
        changes.extend(message.map(|message| node_change(name, message)));
    }
    changes
}

fn node_change(name: &str, message: String) -> ScopedMessage {
    (EventScope::Node(name.to_owned()), message)
}

fn changed_node(
    name: &str,
    old: &NodeState,
    new: &NodeState,
    goal: Option<&UpgradeGoal>,
) -> Option<String> {
    if old.version > new.version && new.version.is_some() {
        let (from, to) = (running(old), running(new));
        return Some(format!("node {name} went back from {from} to {to}"));
    }
    if old.phase == new.phase {
        return None;
    }
    Some(format!("node {name} {}", phase(new, goal)))
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
        NodePhase::Waiting => format!("waits with {version}"),
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
fn plans(before: &BTreeMap<String, NodePlan>, after: &BTreeMap<String, NodePlan>) -> Vec<String> {
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
fn managed(
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
                "cluster {name} is to run {}",
                version(&rollout.version)
            ));
        }
        if old.control_plane_version != rollout.control_plane_version {
            let to = version(&rollout.control_plane_version);
            say(format!("cluster {name}: the control plane goes to {to}"));
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
            messages.push(format!("machine {name} is gone"));
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

/// What the upgrade waits for after a stall; `None` if nothing visible holds it up.
pub(super) fn stalled_on(chain: &[EventObject]) -> Option<String> {
    let names = chain.iter().map(|object| {
        let name = match &object.namespace {
            Some(namespace) => format!("{namespace}/{}", object.name),
            None => object.name.clone(),
        };
        format!("{} {name} {}", object.kind.to_lowercase(), object.why)
    });
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join("; "))
}
