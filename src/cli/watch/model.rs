//! What the live view shows of a watch.

use jiff::Timestamp;

use crate::api::v1::{EventObjectDoc, PoolDoc, UpgradeEvent};
use crate::report::{InFlightRow, LiveView, PhaseRow, StuckChain};
use crate::text::pluralize;
use crate::watch::{
    InFlight, MachinePhase, ManagedRollout, NodePhase, NodeState, Picture, PlatformPhase,
    PlatformRollout, Progress, UpgradePhase, UpgradeWatch, WaitChain,
};

/// Nodes and machines that are looked up for the view: more than can be followed by eye.
const MAX_IN_FLIGHT: usize = 200;
/// Warnings that are shown of each of them.
const MAX_NOTES: usize = 2;

/// The view at a time; `None` before the first picture. `stall` is the event that says what the upgrade is stalled on.
#[must_use]
pub fn live_view(
    watch: &UpgradeWatch<'_>,
    now: Timestamp,
    stall: Option<&UpgradeEvent>,
    events: Vec<UpgradeEvent>,
) -> Option<LiveView> {
    let picture = watch.picture()?;
    let mut event = UpgradeEvent::new(&watch.picture_event(now)?);
    if picture.goal.is_none() && !picture.managed.is_empty() {
        event.pools = picture.managed.iter().map(managed_pool).collect();
    }
    let mut in_flight = in_flight(watch, picture, now);
    let more_nodes = watch.in_flight().len().saturating_sub(MAX_IN_FLIGHT);
    let more_in_flight = more_nodes + in_flight.len().saturating_sub(MAX_IN_FLIGHT);
    in_flight.truncate(MAX_IN_FLIGHT);
    let mut chains: Vec<StuckChain> = watch
        .chains()
        .iter()
        .map(|chain| stuck_chain(chain, now))
        .collect();
    if let Some(stall) = stall.filter(|_| chains.is_empty()) {
        chains.push(stalled(stall, now));
    }
    let progress = watch.progress(now);
    let outage = watch.outage();
    Some(LiveView {
        elapsed: progress
            .started_at
            .map(|started| now.duration_since(started)),
        outage: outage.map(|outage| (outage.kind.lasting(), now.duration_since(outage.since))),
        chains,
        plan: watch.plan_progress(),
        phases: phases(picture, &progress, &event.pools),
        picture: event,
        control_plane: control_plane(picture),
        more_in_flight,
        in_flight,
        events,
        notes: Vec::new(),
    })
}

fn stuck_chain(chain: &WaitChain, now: Timestamp) -> StuckChain {
    let links = chain.links.iter().map(|link| EventObjectDoc {
        kind: link.kind.clone(),
        namespace: link.namespace.clone(),
        name: link.name.clone(),
        why: link.why.clone(),
    });
    StuckChain {
        cause: chain.cause.id().to_owned(),
        since: Some(now.duration_since(chain.since)),
        links: links.collect(),
        command: chain.command.clone(),
        advice: chain.advice().to_owned(),
    }
}

/// A stall whose cause is not among the chains.
fn stalled(stall: &UpgradeEvent, now: Timestamp) -> StuckChain {
    let since: Option<Timestamp> = stall.time.parse().ok();
    let wait = stall.wait.clone();
    let (command, advice) = wait.map_or_else(Default::default, |wait| (wait.command, wait.advice));
    StuckChain {
        cause: match stall.chain.is_empty() {
            true => format!("stalled: {}", stall.message),
            // The chain says it.
            false => "stalled".to_owned(),
        },
        since: since.map(|since| now.duration_since(since)),
        links: stall.chain.clone(),
        command,
        advice,
    }
}

/// The phases of an upgrade of this cluster, or the machines of the clusters that are upgraded from here; none if nothing is.
fn phases(picture: &Picture, progress: &Progress, pools: &[PoolDoc]) -> Vec<PhaseRow> {
    let is_of_platform = progress.phase == UpgradePhase::Platform;
    // While a platform is upgraded, its parts are what the progress counts.
    let counts = match is_of_platform && picture.goal.is_some() {
        true => pools.iter().fold((0, 0), |(done, all), pool| {
            (done + pool.done, all + pool.nodes)
        }),
        false => (progress.done, progress.total),
    };
    let nodes = |name: &str| PhaseRow {
        name: name.to_owned(),
        done: Some(counts),
        status: match progress.phase {
            UpgradePhase::Finished => "done".to_owned(),
            UpgradePhase::Nodes => "running".to_owned(),
            _ => String::new(),
        },
    };
    let platform = picture.platform.iter();
    let platform = platform.filter(|platform| is_of_platform || platform.is_upgrading());
    let mut rows: Vec<PhaseRow> = platform.map(platform_row).collect();
    let Some(goal) = &picture.goal else {
        if rows.is_empty() && progress.phase != UpgradePhase::Waiting {
            let is_managed = !picture.managed.is_empty();
            rows.push(nodes(if is_managed { "machines" } else { "parts" }));
        }
        return rows;
    };
    let pods = picture.control_plane.static_pods.iter().flatten();
    let (mut done, mut all) = (0, 0);
    for ((_, version), count) in pods {
        all += count;
        let is_reached = version
            .as_ref()
            .is_some_and(|version| goal.is_reached_by(version));
        done += if is_reached { *count } else { 0 };
    }
    let mut servers = picture.control_plane.api_servers.iter();
    let is_done = servers.all(|version| goal.is_reached_by(version)) && done == all;
    let control_plane = PhaseRow {
        name: "control plane".to_owned(),
        done: (all > 0).then_some((done, all)),
        status: if is_done { "done" } else { "running" }.to_owned(),
    };
    let rollouts = picture.rollouts.len();
    let addons = PhaseRow {
        name: "add-ons".to_owned(),
        done: None,
        status: match rollouts {
            0 if !is_done => "waiting".to_owned(),
            0 => "no rollout in kube-system is incomplete".to_owned(),
            count => format!("{} incomplete in kube-system", pluralize(count, "rollout")),
        },
    };
    rows.extend([control_plane, addons, nodes("nodes")]);
    rows
}

fn platform_row(platform: &PlatformRollout) -> PhaseRow {
    let current = platform.current.as_ref();
    PhaseRow {
        name: platform.name(),
        done: (platform.total > 0).then_some((platform.done, platform.total)),
        status: match &platform.phase {
            PlatformPhase::Pending { why, .. }
            | PlatformPhase::Retrying { why }
            | PlatformPhase::Held { why }
            | PlatformPhase::Failed { why } => why.clone(),
            PlatformPhase::Between { next } => format!("{next} is next"),
            _ => current.cloned().unwrap_or_default(),
        },
    }
}

fn control_plane(picture: &Picture) -> Vec<[String; 3]> {
    let servers = picture.control_plane.api_servers.iter();
    let servers = servers.map(|version| {
        [
            "API server".to_owned(),
            format!("v{version}"),
            String::new(),
        ]
    });
    let pods = picture.control_plane.static_pods.iter().flatten();
    let pods = pods.map(|((component, version), count)| {
        let version = version.as_ref();
        let version = version.map_or_else(|| "<unknown>".to_owned(), |one| format!("v{one}"));
        [(*component).to_owned(), version, pluralize(*count, "pod")]
    });
    let rollouts = picture.rollouts.iter().map(|rollout| {
        let name = format!("{}/{}", rollout.kind.to_lowercase(), rollout.name);
        [name, rollout.why.clone(), String::new()]
    });
    let others = picture
        .platform
        .iter()
        .flat_map(|platform| &platform.others);
    let others = others.map(|other| ["others upgrade".to_owned(), other.clone(), String::new()]);
    servers.chain(pods).chain(rollouts).chain(others).collect()
}

/// The machines of a managed cluster.
fn managed_pool((name, rollout): (&String, &ManagedRollout)) -> PoolDoc {
    let count = |phase: MachinePhase| {
        let machines = rollout.machines.values();
        machines.filter(|machine| machine.phase == phase).count()
    };
    PoolDoc {
        name: Some(name.clone()),
        control_plane: false,
        nodes: rollout.machines.len(),
        done: count(MachinePhase::Upgraded),
        settling: count(MachinePhase::Joining),
    }
}

fn in_flight(watch: &UpgradeWatch<'_>, picture: &Picture, now: Timestamp) -> Vec<InFlightRow> {
    let mut flights: Vec<(&String, &InFlight)> = watch.in_flight().iter().collect();
    flights.sort_by_key(|(_, flight)| flight.since);
    let nodes = flights.into_iter().take(MAX_IN_FLIGHT);
    let nodes = nodes.filter_map(|(name, flight)| {
        let node = picture.nodes.get(name)?;
        Some(InFlightRow {
            name: name.clone(),
            pool: node.pool.clone(),
            status: node_status(node, flight),
            evicted: evicted(node, flight),
            since: Some(now.duration_since(flight.since)),
            notes: watch.warnings(name).take(MAX_NOTES).collect(),
        })
    });
    let machines = picture.managed.iter().flat_map(|(cluster, rollout)| {
        let machines = rollout.machines.iter();
        machines.filter_map(move |(name, machine)| {
            let (status, note) = match &machine.phase {
                MachinePhase::Old | MachinePhase::Upgraded => return None,
                MachinePhase::Joining => ("joining".to_owned(), None),
                MachinePhase::Leaving { reason, message } => {
                    (format!("being deleted: {reason}"), Some(message.clone()))
                }
            };
            Some(InFlightRow {
                name: name.clone(),
                pool: cluster.clone(),
                status,
                evicted: None,
                since: None,
                notes: note.filter(|note| !note.is_empty()).into_iter().collect(),
            })
        })
    });
    nodes.chain(machines).collect()
}

fn node_status(node: &NodeState, flight: &InFlight) -> String {
    let version = node.version.as_ref();
    let version = version.map_or_else(String::new, |version| format!(", v{version}"));
    match node.phase {
        NodePhase::Draining { pods_left: None } => "cordoned".to_owned(),
        NodePhase::Draining { pods_left: Some(0) } => "drained".to_owned(),
        NodePhase::Draining {
            pods_left: Some(left),
        } => {
            let all = flight.pods.unwrap_or(left);
            format!("draining: {left} of {all} pods left")
        }
        NodePhase::Down => format!("not ready{version}"),
        NodePhase::Joining => format!("not ready yet{version}"),
        NodePhase::Cordoned => format!("still cordoned{version}"),
        NodePhase::Waiting | NodePhase::Upgraded | NodePhase::Unknown => String::new(),
    }
}

fn evicted(node: &NodeState, flight: &InFlight) -> Option<(usize, usize)> {
    let left = node.pods_left()?;
    let all = flight.pods.unwrap_or(left).max(left);
    (all > 0).then_some((all - left, all))
}
