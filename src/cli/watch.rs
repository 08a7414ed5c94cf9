//! `kubectl upgrade-watch`: follows an upgrade, live or from a recording.

mod args;
mod follow;
mod viewer;

pub(super) use args::WatchSubcommand;
pub use args::{WatchArgs, WatchCommand};

use jiff::{SignedDuration, Timestamp};

use super::exit::{CliError, Exit};
use super::log::init_logging;
use crate::catalog::{Catalog, PlatformName};
use crate::path::UpgradeTarget;
use crate::watch::{Recording, UpgradeGoal, UpgradeWatch, WatchOptions};
use viewer::Viewer;

/// Runs the watch.
pub(super) fn run(flags: &WatchArgs, catalog: &'static Catalog) -> Result<Exit, CliError> {
    init_logging(&flags.log, false);
    let options = WatchOptions {
        goal: flags.to.as_ref().map(goal).transpose()?,
        stall_after: SignedDuration::try_from(flags.stall_after).map_err(CliError::usage)?,
    };
    match &flags.replay {
        Some(file) => {
            let recording = Recording::open(file).map_err(CliError::could_not_run)?;
            replay(flags, catalog, options, recording)
        }
        None => follow::follow(flags, catalog, options),
    }
}

fn goal(target: &UpgradeTarget) -> Result<UpgradeGoal, CliError> {
    match target.platform {
        None | Some(PlatformName::Kubernetes) => Ok(UpgradeGoal::Given(target.version.clone())),
        Some(platform) => Err(CliError::usage(format!(
            "--to {platform}={}: upgrade-watch follows Kubernetes only; use --to VERSION",
            target.version
        ))),
    }
}

fn replay(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    recording: Recording,
) -> Result<Exit, CliError> {
    let watch = UpgradeWatch::new(recording.header.cluster.clone(), catalog, options);
    let mut viewer = Viewer::new(flags, watch, None);
    let mut last: Option<Timestamp> = None;
    for observation in recording {
        let observation = observation.map_err(CliError::could_not_run)?;
        if let (Some(speed), Some(last)) = (flags.speed, last) {
            let gap = observation
                .at
                .duration_since(last)
                .max(SignedDuration::ZERO);
            std::thread::sleep(gap.unsigned_abs() / speed);
        }
        last = Some(observation.at);
        if let Some(exit) = viewer.observe(&observation)? {
            return Ok(exit);
        }
    }
    Ok(viewer.exit_at_end())
}
