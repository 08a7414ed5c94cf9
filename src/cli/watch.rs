//! `kubectl upgrade-watch`: follows an upgrade, live or from a recording.

mod args;
mod follow;
mod redaction;
mod viewer;

pub use args::{WatchArgs, WatchCommand};

use jiff::{SignedDuration, Timestamp};

use super::console::Console;
use super::exit::{CliError, Exit};
use super::log::init_logging;
use crate::catalog::{Catalog, PlatformName};
use crate::path::{UpgradePath, UpgradeTarget};
use crate::watch::{Recording, UpgradeGoal, UpgradeWatch, WatchOptions};
use redaction::Redaction;
use viewer::Viewer;

/// Runs the watch.
pub(super) fn run(flags: &WatchArgs, catalog: &'static Catalog) -> Result<Exit, CliError> {
    init_logging(&flags.log, false);
    let options = WatchOptions {
        goal: flags
            .to
            .as_ref()
            .map(|target| goal(target, catalog))
            .transpose()?,
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

/// # Errors
/// If the target is another platform, or a version that was never published: the watch would never end.
fn goal(target: &UpgradeTarget, catalog: &Catalog) -> Result<UpgradeGoal, CliError> {
    let version = target.version.clone();
    if let Some(platform) = target
        .platform
        .filter(|name| *name != PlatformName::Kubernetes)
    {
        return Err(CliError::usage(format!(
            "--to {platform}={version}: upgrade-watch follows Kubernetes only; use --to VERSION"
        )));
    }
    let target = UpgradeTarget {
        platform: Some(PlatformName::Kubernetes),
        version: version.clone(),
    };
    UpgradePath::for_kubernetes(None, None, &[target], catalog).map_err(CliError::usage)?;
    Ok(UpgradeGoal::Given(version))
}

fn replay(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    recording: Recording,
) -> Result<Exit, CliError> {
    let header = &recording.header;
    // A pseudonym is its own pseudonym, whatever the key.
    let redaction = match flags.redact && !header.is_redacted {
        true => Some(Redaction::new(
            header.uid,
            catalog,
            Console::new(&flags.log),
        )?),
        false => None,
    };
    let id = match &redaction {
        Some(redaction) => redaction.cluster_id(&header.cluster),
        None => header.cluster.clone(),
    };
    let watch = UpgradeWatch::new(id, catalog, options);
    let mut viewer = Viewer::new(flags, catalog, watch, None, redaction);
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
        if let Some(exit) = viewer.observe(observation)? {
            return Ok(exit);
        }
    }
    if viewer.watch.picture().is_none() {
        return Err(CliError::could_not_run(
            "the recording ends before the nodes were read: it was cut off, or the watch was",
        ));
    }
    Ok(viewer.exit_at_end())
}
