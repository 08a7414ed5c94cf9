//! `kubectl upgrade-watch`: follows an upgrade, live or from a recording.

mod args;
mod follow;
mod keys;
mod model;
mod notify;
mod plan;
mod redaction;
mod screen;
mod sources;
mod summary;
mod suspend;
mod viewer;

pub use args::{WatchArgs, WatchCommand};
pub use model::live_view;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use super::console::Console;
use super::exit::{CliError, Exit};
use super::log::init_logging;
use super::session::run_until_shutdown;
use crate::api::v1::FollowedPlan;
use crate::catalog::{Catalog, PlatformName};
use crate::path::{UpgradePath, UpgradeTarget};
use crate::text::names::WATCH;
use crate::watch::{PlannedStep, PlatformGoal, Recording, UpgradeGoal, UpgradeWatch, WatchOptions};
use plan::{planned_steps, read_plan_file};
use redaction::Redaction;
use viewer::{REDRAW_EVERY, Viewer};

/// Runs the watch.
pub(super) fn run(flags: &WatchArgs, catalog: &'static Catalog) -> Result<Exit, CliError> {
    init_logging(&flags.log, flags.redact);
    let plan = flags.plan.as_deref().map(read_plan_file).transpose()?;
    let (goal, platform) = match &flags.to {
        Some(target) => goal(target, catalog)?,
        None => (plan.as_ref().and_then(FollowedPlan::goal), None),
    };
    let options = WatchOptions {
        goal,
        platform,
        stall_after: SignedDuration::try_from(flags.stall_after).map_err(CliError::usage)?,
    };
    match &flags.replay {
        Some(file) => {
            let recording = Recording::open(file).map_err(CliError::could_not_run)?;
            let name = recording.header.cluster.0.as_str();
            let steps = planned_steps(flags, plan.as_ref(), &[name], recording.header.uid)?;
            replay(flags, catalog, options, steps, plan, recording)
        }
        None => follow::follow(flags, catalog, options, plan),
    }
}

/// # Errors
/// If the target is a platform that is not followed, or a version that was never published: the watch would never end.
fn goal(
    target: &UpgradeTarget,
    catalog: &Catalog,
) -> Result<(Option<UpgradeGoal>, Option<PlatformGoal>), CliError> {
    let version = target.version.clone();
    let platform = target.platform.unwrap_or(PlatformName::Kubernetes);
    let goals = match platform {
        PlatformName::Kubernetes => (Some(UpgradeGoal::Given(version.clone())), None),
        PlatformName::Kyma | PlatformName::Dkp => {
            let version = version.clone();
            (None, Some(PlatformGoal { platform, version }))
        }
        PlatformName::ClusterApi => {
            return Err(CliError::usage(format!(
                "--to {platform}={version}: {WATCH} follows Kubernetes, DKP and Kyma; use --to VERSION, --to dkp=VERSION or --to kyma=VERSION"
            )));
        }
    };
    let target = UpgradeTarget {
        platform: Some(platform),
        version,
    };
    UpgradePath::for_kubernetes(None, None, &[target], catalog).map_err(CliError::usage)?;
    Ok(goals)
}

fn replay(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    steps: Vec<PlannedStep>,
    plan: Option<FollowedPlan>,
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
    let mut watch = UpgradeWatch::new(id, catalog, options);
    watch.follow_plan(steps);
    let uid = header.uid.filter(|_| !header.is_redacted);
    let viewer = Viewer::new(flags, catalog, watch, None, redaction, (uid, plan))?;
    run_until_shutdown(replay_all(flags, recording, viewer))
}

async fn replay_all(
    flags: &WatchArgs,
    mut recording: Recording,
    mut viewer: Viewer,
) -> Result<Exit, CliError> {
    let mut last: Option<Timestamp> = None;
    for observation in recording.by_ref() {
        let observation = observation.map_err(CliError::could_not_run)?;
        let at = observation.at;
        if let (Some(speed), Some(last)) = (flags.speed, last)
            && let Some(exit) = wait_in_replay(&mut viewer, last, at, speed).await?
        {
            return Ok(exit);
        }
        last = Some(at);
        if let Some(exit) = viewer.observe(observation)? {
            return Ok(exit);
        }
    }
    if let Some(last) = last {
        viewer.draw(last, true)?;
    }
    if recording.is_cut_off() {
        // Also with --quiet: what was asked for is missing.
        Console::default().note(
            "note: the recording has no end: the watch still runs or was killed, or the file was cut off; what came after its last complete line is missing",
        );
    }
    if viewer.watch.picture().is_none() {
        return Err(CliError::could_not_run(
            "the recording ends before the first list of nodes: the file is truncated, or the watch was interrupted",
        ));
    }
    Ok(viewer.exit_at_end())
}

/// Waits until it is time for the next observation; ages grow meanwhile. Returns the exit code if a key ends the watch.
async fn wait_in_replay(
    viewer: &mut Viewer,
    last: Timestamp,
    next: Timestamp,
    speed: u32,
) -> Result<Option<Exit>, CliError> {
    let gap = next.duration_since(last).max(SignedDuration::ZERO);
    let started = Instant::now();
    let end = started + gap.unsigned_abs() / speed;
    loop {
        tokio::select! {
            () = sleep_until(end) => return Ok(None),
            () = sleep(REDRAW_EVERY) => {
                let passed = SignedDuration::try_from(started.elapsed() * speed);
                viewer.draw(last + passed.unwrap_or_default().min(gap), false)?;
            }
            key = viewer.next_key() => {
                if let Some(exit) = viewer.act(key)? {
                    return Ok(Some(exit));
                }
            }
        }
    }
}
