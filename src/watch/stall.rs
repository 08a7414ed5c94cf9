//! What an upgrade waits for when nothing changes any more.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::event::EventObject;
use super::managed::MachinePhase;
use super::nodes::NodePhase;
use super::picture::{Picture, pods_to_evict};
use crate::snapshot::ClusterView;
use crate::text::human_duration;

/// The node that has been draining longest and its oldest pod, or else a node that does not become ready, or else a
/// rollout.
pub(super) fn chain(
    picture: &Picture,
    view: ClusterView<'_>,
    draining_since: &BTreeMap<String, Timestamp>,
    at: Timestamp,
) -> Vec<EventObject> {
    let node = |name: &str, why: String| EventObject {
        kind: "Node",
        namespace: None,
        name: name.to_owned(),
        why,
    };
    let longest = draining_since.iter().min_by_key(|(_, since)| **since);
    if let Some((name, since)) = longest {
        let why = format!(
            "is cordoned for {}",
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
        let pod = pods.first().map(|pod| EventObject {
            kind: "Pod",
            namespace: Some(pod.namespace.to_string()),
            name: pod.name.clone(),
            why: match pod.deletion_timestamp {
                Some(_) => "is being deleted".to_owned(),
                None => "is still there".to_owned(),
            },
        });
        return std::iter::once(node(name, why)).chain(pod).collect();
    }
    let stuck = picture
        .nodes
        .iter()
        .find_map(|(name, state)| match state.phase {
            NodePhase::Joining => Some(node(
                name,
                "runs the new version and is not ready".to_owned(),
            )),
            NodePhase::Down => Some(node(name, "is not ready".to_owned())),
            NodePhase::Cordoned => Some(node(
                name,
                "runs the new version and is still cordoned".to_owned(),
            )),
            _ => None,
        });
    let machines = picture.managed.iter().flat_map(|(cluster, rollout)| {
        let namespace = cluster.split('/').next().unwrap_or_default();
        rollout
            .machines
            .iter()
            .map(move |(name, machine)| (namespace, name, machine))
    });
    let leaving = machines.filter_map(|(namespace, name, machine)| match &machine.phase {
        MachinePhase::Leaving { reason, message } => Some(EventObject {
            kind: "Machine",
            namespace: Some(namespace.to_owned()),
            name: name.clone(),
            why: format!("is being deleted: {reason}: {message}"),
        }),
        _ => None,
    });
    let stuck = stuck.or(leaving.into_iter().next());
    let rollout = picture.rollouts.first().map(|rollout| EventObject {
        kind: rollout.kind,
        namespace: Some("kube-system".to_owned()),
        name: rollout.name.clone(),
        why: rollout.why.clone(),
    });
    stuck.or(rollout).into_iter().collect()
}
