//! Prints the events of a watch, and knows when it is over.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::args::WatchArgs;
use super::keys::KeyAction;
use super::notify::Notifier;
use super::redaction::Redaction;
use super::screen::Screen;
use super::summary::SummaryFile;
use crate::api::v1::{self, FollowedPlan};
use crate::catalog::Catalog;
use crate::cli::console::Console;
use crate::cli::exit::{CliError, Exit};
use crate::need::Need;
use crate::report::{self, EventFormat, RenderOptions};
use crate::snapshot::Uid;
use crate::text::human_duration;
use crate::watch::{
    EventKind, Observation, RecordingError, RecordingWriter, UpgradePhase, UpgradeWatch,
    WatchEvent, trim,
};

/// How often a view is redrawn while nothing changes: ages grow.
pub(super) const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// A watch, its recording, and how its events are printed.
pub(super) struct Viewer {
    pub(super) watch: UpgradeWatch<'static>,
    pub(super) redaction: Option<Redaction>,
    recording: Option<RecordingWriter>,
    summary: Option<SummaryFile>,
    /// `None` if events are printed as lines.
    screen: Option<Screen>,
    notifier: Option<Notifier>,
    catalog: &'static Catalog,
    output: EventFormat,
    look: RenderOptions,
    is_once: bool,
    is_replay: bool,
}

impl Viewer {
    /// # Errors
    /// If the summary cannot be written where it should be.
    pub(super) fn new(
        flags: &WatchArgs,
        catalog: &'static Catalog,
        watch: UpgradeWatch<'static>,
        recording: Option<RecordingWriter>,
        redaction: Option<Redaction>,
        (uid, plan): (Option<Uid>, Option<FollowedPlan>),
    ) -> Result<Self, CliError> {
        let has_lines = flags.plain || flags.once || flags.output == EventFormat::Json;
        let output_args = flags.output_args;
        // The UID is the key of pseudonyms.
        let uid = uid.filter(|_| redaction.is_none());
        let summary = flags.summary.as_deref();
        let summary = summary.map(|path| SummaryFile::new(path, uid, plan));
        let summary = summary.transpose()?;
        Ok(Self {
            watch,
            redaction,
            recording,
            summary,
            screen: (!has_lines).then(|| Screen::new(output_args)).flatten(),
            notifier: flags.notify.then(Notifier::new).flatten(),
            catalog,
            output: flags.output,
            look: Console::render_options(flags.output_args),
            is_once: flags.once,
            is_replay: flags.replay.is_some(),
        })
    }

    /// Records an observation and prints the events that follow from it. Returns the exit code if the watch is over.
    pub(super) fn observe(
        &mut self,
        mut observation: Observation,
    ) -> Result<Option<Exit>, CliError> {
        let has_plans = self.watch.has_plans();
        trim(&mut observation.change, self.catalog, has_plans);
        if let Some(redaction) = &mut self.redaction {
            redaction.redact(&mut observation);
        }
        let Some(events) = self.watch.take(&observation) else {
            return Ok(None);
        };
        self.record(|recording| recording.append(&observation));
        if let Some(summary) = &mut self.summary {
            summary.add(&self.watch, &events, observation.at);
        }
        let mut over = None;
        for event in events {
            let printed = self.print(&event)?;
            if let Some(notifier) = &self.notifier {
                notifier.notify(self.watch.cluster_name(), &event);
            }
            if event.kind == EventKind::Failed {
                over = Some(Exit::Blocked);
                break;
            }
            let is_over = match event.kind {
                EventKind::Finished => true,
                EventKind::Picture => self.is_once || self.watch.is_idle() && !self.is_replay,
                _ => false,
            };
            if is_over || printed != Exit::Success {
                over = Some(printed);
                break;
            }
        }
        self.draw(observation.at, over.is_some())?;
        // In a replay without pauses nothing else looks for keys.
        while let Some(key) = self.screen.as_mut().and_then(Screen::pressed_key) {
            over = over.or(self.act(key)?);
        }
        Ok(over)
    }

    fn print(&mut self, event: &WatchEvent) -> Result<Exit, CliError> {
        match &mut self.screen {
            Some(screen) => {
                screen.add(v1::UpgradeEvent::new(event), self.watch.is_stalled());
                Ok(Exit::Success)
            }
            None => Ok(Console::print(&self.render(event)?, Exit::Success)),
        }
    }

    /// For every second in which nothing may happen: draws the view, and writes out what was recorded.
    pub(super) fn tick(&mut self, now: Timestamp) -> Result<(), CliError> {
        self.record(|recording| recording.flush(now));
        self.draw(now, false)
    }

    /// Draws the view, if there is one.
    pub(super) fn draw(&mut self, now: Timestamp, is_last: bool) -> Result<(), CliError> {
        match &mut self.screen {
            Some(screen) => screen
                .draw(&self.watch, now, is_last)
                .map_err(terminal_error),
            None => Ok(()),
        }
    }

    /// Waits for a key.
    pub(super) async fn next_key(&mut self) -> KeyAction {
        match &mut self.screen {
            Some(screen) => screen.next_key().await,
            None => std::future::pending().await,
        }
    }

    /// Does what a key asks for. Returns the exit code if it ends the watch.
    pub(super) fn act(&mut self, key: KeyAction) -> Result<Option<Exit>, CliError> {
        match &mut self.screen {
            Some(screen) => screen.act(key).map_err(terminal_error),
            None => Ok(None),
        }
    }

    /// The nodes whose pods are to be read, by their real names.
    pub(super) fn draining_nodes(&self) -> BTreeSet<String> {
        let nodes = self.watch.draining_nodes();
        match &self.redaction {
            Some(redaction) => {
                let names = nodes.iter().filter_map(|node| redaction.node_name(node));
                names.map(str::to_owned).collect()
            }
            None => nodes.clone(),
        }
    }

    /// What is to be listed to find out what the upgrade waits for. Lists that are named by a pseudonym cannot be read.
    pub(super) fn wanted_needs(&self) -> Vec<Need> {
        let needs = self.watch.wanted_needs().iter();
        let needs = needs.filter(|need| self.redaction.is_none() || !need.names_anything());
        needs.cloned().collect()
    }

    /// A recording that cannot be written does not end the watch.
    fn record(&mut self, write: impl FnOnce(&mut RecordingWriter) -> Result<(), RecordingError>) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        if let Err(error) = write(recording) {
            // Also with --quiet: what was asked for is missing.
            Console::default().note(&format!("warning: the recording ends here: {error}"));
            self.recording = None;
        }
    }

    fn render(&self, event: &WatchEvent) -> Result<String, CliError> {
        let document = v1::UpgradeEvent::new(event);
        report::render_event(&document, self.output, &self.look).map_err(CliError::could_not_run)
    }

    /// Says how far the upgrade is when the time is over.
    pub(super) fn note_timeout(&self, timeout: Duration) {
        let time = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
        let state = match self.watch.progress(Timestamp::now()).phase {
            _ if self.watch.outage().is_some() => "the API server is away",
            _ if self.watch.is_stalled() => "the upgrade is stalled",
            UpgradePhase::Waiting => "no upgrade has begun",
            _ => "the upgrade is in progress",
        };
        Console::default().note(&format!(
            "note: --timeout {} is over: {state}",
            human_duration(time)
        ));
    }

    /// The exit code if the observations end before the upgrade does.
    pub(super) fn exit_at_end(&self) -> Exit {
        if self.watch.is_idle() {
            Exit::Success
        } else if self.watch.is_stalled() {
            Exit::Blocked
        } else {
            Exit::Incomplete
        }
    }
}

fn terminal_error(error: std::io::Error) -> CliError {
    CliError::could_not_run(format!("cannot write to the terminal: {error}"))
}

impl Drop for Viewer {
    /// However the watch ends: finished, given up or interrupted.
    fn drop(&mut self) {
        if let Some(summary) = &self.summary {
            summary.write(&self.watch);
        }
    }
}
