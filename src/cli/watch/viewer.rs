//! Prints the events of a watch, and knows when it is over.

use super::args::WatchArgs;
use crate::api::v1;
use crate::cli::console::Console;
use crate::cli::exit::{CliError, Exit};
use crate::report::{self, EventFormat, RenderOptions};
use crate::watch::{EventKind, Observation, Picture, RecordingWriter, UpgradeWatch, WatchEvent};

/// A watch, its recording, and how its events are printed.
pub(super) struct Viewer {
    pub(super) watch: UpgradeWatch<'static>,
    recording: Option<RecordingWriter>,
    output: EventFormat,
    look: RenderOptions,
    is_once: bool,
}

impl Viewer {
    pub(super) fn new(
        flags: &WatchArgs,
        watch: UpgradeWatch<'static>,
        recording: Option<RecordingWriter>,
    ) -> Self {
        Self {
            watch,
            recording,
            output: flags.output,
            look: Console::render_options(flags.output_args),
            is_once: flags.once,
        }
    }

    /// Records an observation and prints the events that follow from it. Returns the exit code if the watch is over.
    pub(super) fn observe(&mut self, observation: &Observation) -> Result<Option<Exit>, CliError> {
        if let Some(recording) = &mut self.recording {
            recording
                .append(observation)
                .map_err(CliError::could_not_run)?;
        }
        for event in self.watch.observe(observation) {
            let printed = Console::print(&self.render(&event)?, Exit::Success);
            let picture = self.watch.picture();
            let is_idle = picture.is_some_and(Picture::is_idle);
            let is_over = match event.kind {
                EventKind::Finished => true,
                EventKind::Picture => self.is_once || is_idle,
                _ => false,
            };
            if is_over || printed != Exit::Success {
                return Ok(Some(printed));
            }
        }
        Ok(None)
    }

    fn render(&self, event: &WatchEvent) -> Result<String, CliError> {
        let document = v1::UpgradeEvent::new(event);
        report::render_event(&document, self.output, &self.look).map_err(CliError::could_not_run)
    }

    /// The exit code if the observations end before the upgrade does.
    pub(super) fn exit_at_end(&self) -> Exit {
        if self.watch.is_stalled() {
            Exit::Blocked
        } else {
            Exit::Incomplete
        }
    }
}
