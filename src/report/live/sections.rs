//! The sections of the view, from the summary to the latest events.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::bars::push_bar;
use super::chains;
use super::line::{Tone, ToneLine, cell, column, wrapped};
use super::{InFlightRow, LiveView};
use crate::api::v1::{EventTypeDoc, PhaseDoc, PoolDoc};
use crate::report::event::{pool_name, time_left};
use crate::report::terminal::{escape_cell, escape_line};
use crate::text::{human_duration, pluralize};

/// Rows of a section that are shown while it is folded.
const FOLDED_POOLS: usize = 8;
const FOLDED_NODES: usize = 6;
const FOLDED_NOTES: usize = 4;
/// The fewest events that are shown if there are as many.
const MIN_EVENTS: usize = 5;
/// Space between columns.
const GAP: &str = "  ";

/// The summary, and what must not be missed.
pub(super) fn heading(view: &LiveView, width: usize) -> Vec<ToneLine> {
    let picture = &view.picture;
    let name = escape_line(&picture.scope.name);
    let headline = format!("{name}: {}", escape_line(&picture.message));
    let mut lines = wrapped(Tone::Heading, &headline, width, ["", "  "]);
    let progress = &picture.progress;
    // Where nothing is upgraded, nothing is to be done.
    if progress.phase != PhaseDoc::Waiting || progress.done != progress.total {
        let (done, total) = (progress.done, progress.total);
        let mut parts = vec![
            progress.phase.as_str().to_owned(),
            format!("{done}/{total}  {}%", progress.percent),
        ];
        parts.extend(
            view.elapsed
                .map(|time| format!("{} elapsed", human_duration(time))),
        );
        if let Some(left) = progress.eta_seconds.and_then(time_left) {
            parts.push(format!("{left}, by {}", progress.basis));
        }
        lines.extend(wrapped(Tone::Plain, &parts.join(GAP), width, ["", "  "]));
    }
    if let Some(plan) = &view.plan {
        lines.extend(wrapped(Tone::Plain, &escape_line(plan), width, ["", "  "]));
    }
    if let Some((what, away)) = view.outage {
        let away = human_duration(away);
        let age = i64::try_from(picture.age).map_or(SignedDuration::MAX, SignedDuration::from_secs);
        let age = human_duration(age);
        let text = format!("! {what} {away}: this is the state of {age} ago");
        lines.extend(wrapped(Tone::Warning, &text, width, ["", "  "]));
    }
    lines
}

/// What follows the heading. With `room`, events fill it.
pub(super) fn body(
    view: &LiveView,
    is_folded: bool,
    width: usize,
    room: Option<usize>,
) -> Vec<ToneLine> {
    let sections = [
        phases(view, width),
        chains::lines(&view.chains, is_folded, width),
        pools(&view.picture.pools, is_folded, width),
        in_flight(view, is_folded, width),
        control_plane(view, width),
        notes(view, is_folded, width),
    ];
    let mut lines = Vec::new();
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        lines.extend(section);
        lines.push(ToneLine::default());
    }
    let limit = room.map_or(usize::MAX, |room| room.saturating_sub(lines.len() + 1));
    let limit = if is_folded {
        limit.max(MIN_EVENTS)
    } else {
        usize::MAX
    };
    lines.extend(events(view, limit, width));
    lines
}

fn phases(view: &LiveView, width: usize) -> Vec<ToneLine> {
    let bar = (width / 4).clamp(10, 40);
    let names = column(
        view.phases.iter().map(|phase| phase.name.as_str()),
        width / 4,
    );
    let rows = view.phases.iter().map(|phase| {
        let mut line = ToneLine::new(Tone::Plain, cell(&escape_cell(&phase.name), names) + GAP);
        if let Some((done, all)) = phase.done {
            push_bar(&mut line, bar, done, 0, all);
            let count = cell(&format!("{done}/{all}"), 11);
            line.push(Tone::Plain, format!("{GAP}{count}{GAP}"));
        }
        line.push(Tone::Plain, escape_cell(&phase.status));
        line.cut(width)
    });
    with_heading("PHASES", rows.collect())
}

/// Pools that are not done come first if there are too many to show all.
fn pools(pools: &[PoolDoc], is_folded: bool, width: usize) -> Vec<ToneLine> {
    let is_done = |pool: &PoolDoc| pool.done == pool.nodes;
    let mut shown: Vec<&PoolDoc> = pools.iter().collect();
    if shown.len() > FOLDED_POOLS {
        shown.sort_by_key(|pool| is_done(pool));
    }
    let left = shown.iter().filter(|pool| !is_done(pool)).count();
    let limit = match is_folded && shown.len() > FOLDED_POOLS {
        true if left == 0 => FOLDED_POOLS,
        true => left.min(FOLDED_POOLS),
        false => shown.len(),
    };
    let hidden = shown.split_off(limit);
    let names: Vec<String> = shown.iter().map(|pool| pool_name(pool)).collect();
    let name_width = column(names.iter().map(String::as_str), width / 3);
    let bar = (width / 4).clamp(10, 40);
    let rows = shown.iter().zip(&names).map(|(pool, name)| {
        let mut line = ToneLine::new(Tone::Plain, cell(name, name_width) + GAP);
        push_bar(&mut line, bar, pool.done, pool.settling, pool.nodes);
        let count = format!("{}/{}", pool.done, pool.nodes);
        line.push(Tone::Plain, format!("{GAP}{}", cell(&count, 11)));
        if is_done(pool) {
            line.push(Tone::Success, format!("{GAP}done"));
        } else if pool.settling > 0 {
            line.push(Tone::Plain, format!("{GAP}{} settling", pool.settling));
        }
        line.cut(width)
    });
    let mut lines = with_heading("POOLS", rows.collect());
    let finished = hidden.iter().filter(|pool| is_done(pool)).count();
    for (count, noun) in [
        (hidden.len() - finished, "more pool"),
        (finished, "finished pool"),
    ] {
        lines.extend(folded(count, noun));
    }
    lines
}

fn in_flight(view: &LiveView, is_folded: bool, width: usize) -> Vec<ToneLine> {
    let limit = if is_folded { FOLDED_NODES } else { usize::MAX };
    let rows: Vec<&InFlightRow> = view.in_flight.iter().take(limit).collect();
    let names: Vec<Cow<'_, str>> = rows.iter().map(|row| escape_cell(&row.name)).collect();
    let pool = |row: &&InFlightRow| match row.pool.is_empty() {
        true => "<none>".to_owned(),
        false => escape_cell(&row.pool).into_owned(),
    };
    let pools: Vec<String> = rows.iter().map(pool).collect();
    let name_width = column(names.iter().map(Cow::as_ref), width / 3);
    let pool_width = column(pools.iter().map(String::as_str), width / 5);
    let bar = (width / 8).clamp(6, 20);
    let mut lines = Vec::new();
    for ((row, name), pool) in rows.iter().zip(&names).zip(&pools) {
        let text = format!(
            "{}{GAP}{}{GAP}",
            cell(name, name_width),
            cell(pool, pool_width)
        );
        let mut line = ToneLine::new(Tone::Plain, text);
        if let Some((evicted, all)) = row.evicted {
            push_bar(&mut line, bar, evicted, 0, all);
            line.push(Tone::Plain, GAP);
        }
        line.push(Tone::Plain, escape_cell(&row.status));
        if let Some(since) = row.since {
            let since = format!("{GAP}for {}", human_duration(since));
            let used = console::measure_text_width(&since);
            line = line.cut(width.saturating_sub(used));
            line.push(Tone::Muted, since);
        }
        lines.push(line.cut(width));
        let notes = row.notes.iter();
        let notes =
            notes.map(|note| ToneLine::new(Tone::Warning, format!("  ! {}", escape_line(note))));
        lines.extend(notes.map(|line| line.cut(width)));
    }
    let has_nodes = view.in_flight.iter().any(|row| row.since.is_some());
    let noun = if has_nodes {
        "more node"
    } else {
        "more machine"
    };
    let hidden = view.in_flight.len() - rows.len();
    lines.extend(folded(view.more_in_flight + hidden, noun));
    with_heading("IN FLIGHT", lines)
}

fn control_plane(view: &LiveView, width: usize) -> Vec<ToneLine> {
    let cells = |at: usize| view.control_plane.iter().map(move |row| row[at].as_str());
    let [names, versions] = [0, 1].map(|at| column(cells(at), width / 2));
    let rows = view.control_plane.iter().map(|[name, version, pods]| {
        let (name, version) = (escape_cell(name), escape_cell(version));
        let mut text = format!("{}{GAP}{}", cell(&name, names), cell(&version, versions));
        if !pods.is_empty() {
            text += &format!("{GAP}{}", escape_cell(pods));
        }
        ToneLine::new(Tone::Plain, text.trim_end()).cut(width)
    });
    with_heading("CONTROL PLANE", rows.collect())
}

fn notes(view: &LiveView, is_folded: bool, width: usize) -> Vec<ToneLine> {
    let limit = if is_folded { FOLDED_NOTES } else { usize::MAX };
    let first = view.notes.len().saturating_sub(limit);
    let notes = view.notes[first..].iter();
    let lines: Vec<ToneLine> = notes
        .flat_map(|note| wrapped(Tone::Plain, note, width, ["", "  "]))
        .collect();
    let mut lines = with_heading("NOTES", lines);
    lines.extend(folded(first, "earlier note"));
    lines
}

/// The latest first.
fn events(view: &LiveView, limit: usize, width: usize) -> Vec<ToneLine> {
    let events = view.events.iter().rev().take(limit);
    let rows = events.map(|event| {
        let time = event.time.get(11..19).unwrap_or(&event.time);
        let message = escape_line(&event.message);
        let (mark, tone) = match event.event_type {
            EventTypeDoc::Stall
            | EventTypeDoc::Blocker
            | EventTypeDoc::Outage
            | EventTypeDoc::Failed => ("! ", Tone::Warning),
            EventTypeDoc::Finished => ("", Tone::Success),
            _ => ("", Tone::Plain),
        };
        ToneLine::new(tone, format!("{time}Z  {mark}{message}")).cut(width)
    });
    with_heading("LATEST EVENTS", rows.collect())
}

fn with_heading(title: &str, rows: Vec<ToneLine>) -> Vec<ToneLine> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = ToneLine::new(Tone::Heading, title);
    std::iter::once(heading).chain(rows).collect()
}

fn folded(count: usize, noun: &str) -> Option<ToneLine> {
    (count > 0).then(|| ToneLine::new(Tone::Muted, format!("+ {}", pluralize(count, noun))))
}
