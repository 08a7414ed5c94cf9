//! What an upgrade waits for when nothing changes any more.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chains::{WaitCause, WaitChain};
use super::event::EventObject;
use super::managed::MachinePhase;
use super::message;
use super::nodes::NodePhase;
use super::picture::{Picture, pods_to_evict};
use crate::snapshot::ClusterView;
use crate::text::human_duration;

/// The node that has been draining longest and its oldest pod, or else a node that does not become ready, or else a
/// rollout.
pub(super) fn wait_chain(
    picture: &Picture,
    view: ClusterView<'_>,
    draining_since: &BTreeMap<String, Timestamp>,
    at: Timestamp,
) -> Option<WaitChain> {
    let wait = |cause, links: Vec<EventObject>| {
        let last = links.last()?;
        let kind = last.kind.to_lowercase();
        let namespace = last.namespace.as_ref();
        let namespace = namespace.map_or_else(String::new, |name| format!(" -n {name}"));
        Some(WaitChain {
            cause,
            command: format!("kubectl describe {kind} {}{namespace}", last.name),
            links,
            since: at,
        })
    };
    let node = |name: &str, why: String| EventObject::new("Node", None, name, why);
    let longest = draining_since.iter().min_by_key(|(_, since)| **since);
    if let Some((name, since)) = longest {
        let why = format!(
            "has been cordoned for {}",
            human_duration(at.duration_since(*since))
        );
        let mut pods: Vec<_> = pods_to_evict(view, name).into_iter().flatten().collect();
        pods.sort_by_key(|pod| {
            (
                pod.ready_transition_time,
                &*pod.namespace,
                pod.name.as_str(),
            )
        });
        let pod = pods.first().map(|pod| {
            let why = match pod.deletion_timestamp {
                Some(_) => "is being deleted",
                None => "is still there",
            };
            EventObject::new("Pod", Some(&pod.namespace), &pod.name, why)
        });
        let links = std::iter::once(node(name, why)).chain(pod).collect();
        return wait(WaitCause::NotEvicted, links);
    }
    let stuck = picture
        .nodes
        .iter()
        .find_map(|(name, state)| match state.phase {
            NodePhase::Joining => Some((
                WaitCause::NodeNotReady,
                node(name, "runs the new version and is not ready".to_owned()),
            )),
            NodePhase::Down => Some((
                WaitCause::NodeNotReady,
                node(name, "is not ready".to_owned()),
            )),
            NodePhase::Cordoned => Some((
                WaitCause::NodeCordoned,
                node(
                    name,
                    "runs the new version and is still cordoned".to_owned(),
                ),
            )),
            _ => None,
        });
    let stuck = stuck
        .or_else(|| Some((WaitCause::Platform, platform(picture)?)))
        .or_else(|| Some((WaitCause::Plan, planned(picture)?)))
        .or_else(|| managed(picture));
    let rollout = picture.rollouts.first().map(|rollout| {
        let object = EventObject::new(
            rollout.kind,
            Some("kube-system"),
            &rollout.name,
            &rollout.why,
        );
        (WaitCause::Rollout, object)
    });
    let (cause, object) = stuck.or(rollout)?;
    wait(cause, vec![object])
}

/// What shows that a platform is being upgraded.
fn platform(picture: &Picture) -> Option<EventObject> {
    let rollout = picture.platform.as_ref().filter(|one| one.is_upgrading())?;
    let object = &rollout.shown_by;
    let text = message::platform_state(rollout);
    Some(EventObject::new(
        object.kind,
        object.namespace.as_deref(),
        &object.name,
        text,
    ))
}

/// A Plan whose Job failed, or one that is being applied.
fn planned(picture: &Picture) -> Option<EventObject> {
    let plan = |name: &str, why: String| {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        EventObject::new("Plan", Some(namespace), name, why)
    };
    let mut plans = picture.plans.iter();
    let failed = plans.find_map(|(name, one)| {
        let failure = one.failure.as_ref()?;
        Some(plan(name, format!("does not go on: {failure}")))
    });
    failed.or_else(|| {
        let mut plans = picture.plans.iter();
        let (name, one) = plans.find(|(_, one)| !one.applying.is_empty())?;
        let nodes = one.applying.iter().map(String::as_str);
        let nodes = nodes.collect::<Vec<_>>().join(", ");
        Some(plan(name, format!("is being applied to {nodes}")))
    })
}

/// A Machine that is being deleted, or else what Cluster or control plane wait for, or else a new Machine that does not become
/// available, or else what the topology says.
fn managed(picture: &Picture) -> Option<(WaitCause, EventObject)> {
    let object = |kind: &str, cluster: &str, name: Option<&str>, why: String| {
        let (namespace, cluster) = cluster.split_once('/').unwrap_or(("", cluster));
        EventObject::new(kind, Some(namespace), name.unwrap_or(cluster), why)
    };
    let rollouts = || picture.managed.iter();
    let machines = || {
        rollouts().flat_map(|(cluster, rollout)| {
            let machines = rollout.machines.iter();
            machines.map(move |(name, machine)| (cluster, name.as_str(), machine))
        })
    };
    let leaving = machines().find_map(|(cluster, name, machine)| match &machine.phase {
        MachinePhase::Leaving { reason, message } => {
            let why = format!("is being deleted: {reason}: {message}");
            let machine = object("Machine", cluster, Some(name), why);
            Some((WaitCause::MachineDeletion, machine))
        }
        _ => None,
    });
    let waiting = || {
        rollouts().find_map(|(cluster, rollout)| {
            let wait = rollout.waits_for.as_ref()?;
            let cluster = object("Cluster", cluster, None, format!("waits: {wait}"));
            Some((WaitCause::ControlPlaneWaits, cluster))
        })
    };
    let joining = || {
        let mut machines = machines();
        let (cluster, name, _) =
            machines.find(|(_, _, machine)| machine.phase == MachinePhase::Joining)?;
        let why = "runs the new version and is not available".to_owned();
        let machine = object("Machine", cluster, Some(name), why);
        Some((WaitCause::MachineNode, machine))
    };
    let unreconciled = || {
        let mut rollouts = rollouts();
        let (cluster, rollout) = rollouts.find(|(_, rollout)| !rollout.topology.is_empty())?;
        let cluster = object("Cluster", cluster, None, rollout.topology.clone());
        Some((WaitCause::TopologyFails, cluster))
    };
    leaving
        .or_else(waiting)
        .or_else(joining)
        .or_else(unreconciled)
}
