//! The screen of a watch on a terminal, which is redrawn in place.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use console::Term;
use jiff::Timestamp;

use super::suspend::Continued;
use crate::api::v1::{PoolDoc, UpgradeEvent};
use crate::cli::args::OutputArgs;
use crate::cli::console::Console;
use crate::report::{InFlightRow, WatchScreen, render_screen};
use crate::watch::{
    InFlight, MachinePhase, ManagedRollout, NodePhase, NodeState, Picture, UpgradeWatch,
};

/// Events that are kept: more than a screen shows.
const MAX_EVENTS: usize = 50;
/// Nodes and machines that are looked up for a screen: more than it shows.
const MAX_IN_FLIGHT: usize = 50;
/// Warnings that are shown of each of them.
const MAX_NOTES: usize = 2;
/// The shortest time between two drawings: faster changes cannot be read.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// A screen, drawn below what was on the terminal before, which stays.
pub(super) struct Screen {
    terminal: Term,
    output: OutputArgs,
    events: VecDeque<UpgradeEvent>,
    stall: Option<String>,
    /// Lines that are on the terminal, and its size when they were drawn.
    drawn: usize,
    continued: Continued,
    size: (u16, u16),
    last: Option<Instant>,
}

impl Screen {
    /// `None` if stdout is not a terminal that can be redrawn.
    pub(super) fn new(output: OutputArgs) -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb" || name.is_empty());
        let terminal = Term::buffered_stdout();
        if !terminal.is_term() || is_dumb && cfg!(unix) {
            return None;
        }
        Some(Self {
            size: terminal.size(),
            terminal,
            output,
            events: VecDeque::new(),
            stall: None,
            drawn: 0,
            continued: Continued::watch(),
            last: None,
        })
    }

    /// Adds an event, to be shown with the next drawing.
    pub(super) fn add(&mut self, event: UpgradeEvent, stall: Option<String>) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.stall = stall;
    }

    /// Draws the state, unless it was drawn just before; the last drawing is always made.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) fn draw(
        &mut self,
        watch: &UpgradeWatch<'_>,
        now: Timestamp,
        is_last: bool,
    ) -> io::Result<()> {
        let is_soon = self.last.is_some_and(|last| last.elapsed() < MIN_INTERVAL);
        if is_soon && !is_last {
            return Ok(());
        }
        let (Some(picture), Some(event)) = (watch.picture(), watch.picture_event(now)) else {
            return Ok(());
        };
        let mut event = UpgradeEvent::new(&event);
        if picture.goal.is_none() && !picture.managed.is_empty() {
            event.pools = picture.managed.iter().map(managed_pool).collect();
        }
        let mut in_flight = in_flight(watch, picture, now);
        let more_nodes = watch.in_flight().len().saturating_sub(MAX_IN_FLIGHT);
        let more_in_flight = more_nodes + in_flight.len().saturating_sub(MAX_IN_FLIGHT);
        in_flight.truncate(MAX_IN_FLIGHT);
        let screen = WatchScreen {
            picture: event,
            outage: watch
                .outage()
                .map(|outage| (outage.kind.lasting(), now.duration_since(outage.since))),
            stall: self.stall.clone(),
            plan: watch.plan_progress(),
            control_plane: control_plane(picture),
            more_in_flight,
            in_flight,
            events: self.events.iter().cloned().collect(),
        };
        self.last = Some(Instant::now());
        self.replace(&screen)
    }

    fn replace(&mut self, screen: &WatchScreen) -> io::Result<()> {
        let size = self.terminal.size();
        let look = Console::render_options(self.output);
        let lines = render_screen(screen, &look, usize::from(size.0));
        if self.continued.take() {
            // The shell has written below it.
            self.drawn = 0;
        }
        if self.drawn == 0 {
            self.terminal.hide_cursor()?;
        } else if size == self.size {
            self.terminal.move_cursor_up(self.drawn)?;
            self.terminal.clear_to_end_of_screen()?;
        } else {
            // The old lines may have been wrapped: how far up they reach is unknown.
            self.terminal.clear_screen()?;
        }
        for line in &lines {
            self.terminal.write_line(line)?;
        }
        self.drawn = lines.len();
        self.size = size;
        self.terminal.flush()
    }
}

impl Drop for Screen {
    /// Also when Ctrl-C or a panic ends the watch.
    fn drop(&mut self) {
        if self.drawn > 0 {
            let _ = self.terminal.show_cursor();
            let _ = self.terminal.flush();
        }
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
        [(*component).to_owned(), version, count.to_string()]
    });
    let rollouts = picture.rollouts.iter().map(|rollout| {
        let name = format!("{}/{}", rollout.kind.to_lowercase(), rollout.name);
        [name, rollout.why.clone(), String::new()]
    });
    servers.chain(pods).chain(rollouts).collect()
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
