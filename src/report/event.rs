//! Lines of `upgrade-watch`.

use jiff::SignedDuration;

use super::columns::format_columns;
use super::encode;
use super::options::{EventFormat, RenderError, RenderOptions};
use super::styles::Styles;
use super::terminal::{escape_cell, escape_line};
use crate::api::v1::{DurationDoc, EventTypeDoc, PoolDoc, UpgradeEvent, UpgradeProgressDoc};
use crate::text::human_duration;

/// An event as text, or as one line of JSON.
///
/// # Errors
/// If a value cannot be encoded.
pub fn render_event(
    event: &UpgradeEvent,
    format: EventFormat,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    if format == EventFormat::Json {
        return encode::to_json_line(event);
    }
    let progress = progress_text(&event.progress);
    let mut lines = vec![event_line(event, &progress, &look.styles)];
    let rows = event.pools.iter().map(pool_row).collect();
    let header = look.show_headers.then_some(&POOL_COLUMNS[..]);
    lines.extend(format_columns(header, rows));
    Ok(lines.join("\n") + "\n")
}

const POOL_COLUMNS: [&str; 4] = ["POOL", "NODES", "DONE", "SETTLING"];

/// The name of a pool in a cell.
pub(super) fn pool_name(pool: &PoolDoc) -> String {
    match (&pool.name, pool.control_plane) {
        (Some(name), _) => escape_cell(name).into_owned(),
        (None, true) => "<control plane>".to_owned(),
        (None, false) => "<none>".to_owned(),
    }
}

fn pool_row(pool: &PoolDoc) -> Vec<String> {
    let counts = [pool.nodes, pool.done, pool.settling];
    std::iter::once(pool_name(pool))
        .chain(counts.map(|count| count.to_string()))
        .collect()
}

/// `13/40 (2m45s to 9m19s left)  `: nodes done of all, and the time that is left if it is known.
fn progress_text(progress: &UpgradeProgressDoc) -> String {
    let left = progress.eta_seconds.and_then(time_left);
    let left = left.map_or_else(String::new, |left| format!(" ({left})"));
    format!("{}/{}{left}  ", progress.done, progress.total)
}

/// Time of day in UTC, the progress, and the message.
pub(super) fn event_line(event: &UpgradeEvent, progress: &str, styles: &Styles) -> String {
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let line = format!("{time}Z  {progress}{}", escape_line(&event.message));
    match event.event_type {
        EventTypeDoc::Stall
        | EventTypeDoc::Blocker
        | EventTypeDoc::Outage
        | EventTypeDoc::Failed => styles.warning(&line),
        _ => line,
    }
}

/// `2m45s to 9m19s left`.
pub(super) fn time_left(range: DurationDoc) -> Option<String> {
    let duration = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        human_duration(SignedDuration::from_secs(seconds))
    };
    let (low, high) = (duration(range.low?), duration(range.high?));
    Some(match low == high {
        true => format!("about {low} left"),
        false => format!("{low} to {high} left"),
    })
}
