//! Lines of `upgrade-watch`.

use jiff::SignedDuration;

use super::columns::format_columns;
use super::encode;
use super::options::{EventFormat, RenderError, RenderOptions};
use super::styles::Styles;
use super::terminal::{escape_cell, escape_line};
use crate::api::v1::{EventTypeDoc, PoolDoc, UpgradeEvent};
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

/// Time of day in UTC, nodes done of all, the message, and the time that is left if it is known.
fn event_line(event: &UpgradeEvent, styles: &Styles) -> String {
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let progress = &event.progress;
    let mut line = format!(
        "{time}Z  {}/{}  {}",
        progress.done,
        progress.total,
        escape_line(&event.message)
    );
    if let Some(left) = progress.eta_seconds
        && let (Some(low), Some(high)) = (left.low, left.high)
    {
        let duration = |seconds: u64| {
            human_duration(SignedDuration::from_secs(
                i64::try_from(seconds).unwrap_or(i64::MAX),
            ))
        };
        line.push_str(&match duration(low) == duration(high) {
            true => format!(" (about {} left)", duration(low)),
            false => format!(" ({} to {} left)", duration(low), duration(high)),
        });
    }
    match event.event_type {
        EventTypeDoc::Stall | EventTypeDoc::Outage => styles.warning(&line),
        _ => line,
    }
}
