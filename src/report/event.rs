//! Lines of `upgrade-watch`.

use super::styles::Styles;
use super::terminal::escape_line;
use crate::api::v1::{EventTypeDoc, UpgradeEvent};
use crate::text::human_duration;
use jiff::SignedDuration;

/// An event in one line: time of day in UTC, nodes done of all, the message, and the time that is left if it is known.
#[must_use]
pub fn event_line(event: &UpgradeEvent, styles: &Styles) -> String {
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

/// An event as a line of JSON.
///
/// # Errors
/// If a value cannot be encoded.
pub fn event_json(event: &UpgradeEvent) -> Result<String, RenderError> {
    let line = serde_json::to_string(event)?;
    Ok(format!("{line}\n"))
}
