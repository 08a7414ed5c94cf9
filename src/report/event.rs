//! Lines of `upgrade-watch`.

use jiff::SignedDuration;

use super::columns::format_columns;
use super::encode;
use super::options::{EventFormat, RenderError, RenderOptions};
use super::styles::Styles;
use super::terminal::{escape_cell, escape_line};
use crate::api::v1::{DurationDoc, EventTypeDoc, PoolDoc, UpgradeEvent};
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
    let mut lines = vec![event_line(event, &look.styles)];
    let rows = event.pools.iter().map(pool_row).collect();
    let header = look.show_headers.then_some(&POOL_COLUMNS[..]);
    lines.extend(format_columns(header, rows));
    Ok(lines.join("\n") + "\n")
}

const POOL_COLUMNS: [&str; 4] = ["POOL", "NODES", "DONE", "SETTLING"];

fn pool_row(pool: &PoolDoc) -> Vec<String> {
    let name = match (&pool.name, pool.control_plane) {
        (Some(name), _) => escape_cell(name).into_owned(),
        (None, true) => "<control plane>".to_owned(),
        (None, false) => "<none>".to_owned(),
    };
    let counts = [pool.nodes, pool.done, pool.settling];
    std::iter::once(name)
        .chain(counts.map(|count| count.to_string()))
        .collect()
}

/// Time of day in UTC, nodes done of all, the time that is left if it is known, and the message.
fn event_line(event: &UpgradeEvent, styles: &Styles) -> String {
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let progress = &event.progress;
    let left = progress.eta_seconds.and_then(time_left);
    let line = format!(
        "{time}Z  {}/{}{}  {}",
        progress.done,
        progress.total,
        left.unwrap_or_default(),
        escape_line(&event.message)
    );
    match event.event_type {
        EventTypeDoc::Stall | EventTypeDoc::Outage | EventTypeDoc::Failed => styles.warning(&line),
        _ => line,
    }
}

/// ` (2m45s to 9m19s left)`.
fn time_left(range: DurationDoc) -> Option<String> {
    let duration = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        human_duration(SignedDuration::from_secs(seconds))
    };
    let (low, high) = (duration(range.low?), duration(range.high?));
    Some(match low == high {
        true => format!(" (about {low} left)"),
        false => format!(" ({low} to {high} left)"),
    })
}
