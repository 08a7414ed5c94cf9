//! One screen of `upgrade-watch`: what `kubectl get` would show of an upgrade.

use console::{measure_text_width, truncate_str};
use jiff::SignedDuration;

use super::columns::format_columns;
use super::event::{event_line, time_left};
use super::options::RenderOptions;
use super::terminal::{escape_cell, escape_line};
use crate::api::v1::{PhaseDoc, PoolDoc, UpgradeEvent};
use crate::text::{human_duration, pluralize};

/// What is on the screen.
#[derive(Debug)]
pub struct WatchScreen {
    /// The state as an event of type `picture`.
    pub picture: UpgradeEvent,
    /// What has been missing, `The API server has not answered for`, and for how long; `None` if nothing is.
    pub outage: Option<(&'static str, SignedDuration)>,
    /// What the upgrade is stalled on; `None` if it is not.
    pub stall: Option<String>,
    /// How far the plan is; `None` without one.
    pub plan: Option<String>,
    /// Parts of the control plane: what, which version, how many.
    pub control_plane: Vec<[String; 3]>,
    /// Nodes and machines in flight, the longest first.
    pub in_flight: Vec<InFlightRow>,
    /// How many more of them there are.
    pub more_in_flight: usize,
    /// The last events, oldest first.
    pub events: Vec<UpgradeEvent>,
}

/// A node or machine in flight.
#[derive(Debug)]
pub struct InFlightRow {
    /// Its name.
    pub name: String,
    /// Its pool; empty without one.
    pub pool: String,
    /// What it is doing.
    pub status: String,
    /// For how long; `None` if that is unknown.
    pub since: Option<SignedDuration>,
    /// What is reported of it, such as the last warning; empty lines are left out.
    pub notes: Vec<String>,
}

/// The fewest lines that a section with many rows gets.
const MIN_ROWS: usize = 3;

/// The lines of a screen of this height, none of them wider than the terminal.
#[must_use]
pub fn render_screen(screen: &WatchScreen, look: &RenderOptions, height: usize) -> Vec<String> {
    let mut sections = vec![heading(screen, look)];
    sections.push(control_plane(screen));
    let fixed: usize = sections.iter().map(|section| section.len() + 1).sum();
    let left = height.saturating_sub(fixed + 1);
    sections.push(pools(&screen.picture.pools, (left / 3).max(MIN_ROWS)));
    sections.push(in_flight(screen, (left / 3).max(MIN_ROWS)));
    let used: usize = sections.iter().map(|section| section.len() + 1).sum();
    let left = height.saturating_sub(used + 1).max(MIN_ROWS);
    sections.push(events(screen, look, left));
    let mut lines = Vec::new();
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(section);
    }
    let room = height.saturating_sub(1).max(1);
    if lines.len() > room {
        let hidden = lines.len() + 1 - room;
        lines.truncate(room - 1);
        lines.extend(and_more(hidden, "line"));
    }
    let fit = |line: String| match look.width {
        Some(width) if measure_text_width(&line) > width => {
            truncate_str(&line, width, "…").into_owned()
        }
        _ => line,
    };
    lines.into_iter().map(fit).collect()
}

fn heading(screen: &WatchScreen, look: &RenderOptions) -> Vec<String> {
    let picture = &screen.picture;
    let styles = &look.styles;
    let name = escape_line(&picture.scope.name);
    let headline = format!("{name}: {}", escape_line(&picture.message));
    let progress = &picture.progress;
    let mut line = format!(
        "{}  {}/{}  {}%",
        progress.phase.as_str(),
        progress.done,
        progress.total,
        progress.percent
    );
    if let Some(left) = progress.eta_seconds.and_then(time_left) {
        line += &format!("  {left}, by {}", progress.basis);
    }
    let mut lines = vec![styles.heading(&headline)];
    // Where nothing is upgraded, nothing is to be done.
    let is_idle = progress.phase == PhaseDoc::Waiting && progress.done == progress.total;
    lines.extend((!is_idle).then_some(line));
    lines.extend(screen.plan.clone());
    if let Some((what, away)) = screen.outage {
        let away = human_duration(away);
        let age = u32::try_from(picture.age).map_or(0, i64::from);
        let age = human_duration(SignedDuration::from_secs(age));
        lines.push(styles.warning(&format!("{what} {away}: this is the state of {age} ago")));
    }
    if let Some(stall) = &screen.stall {
        lines.push(styles.warning(&format!("Stalled: {}", escape_line(stall))));
    }
    lines
}

fn control_plane(screen: &WatchScreen) -> Vec<String> {
    let cell = |text: &String| escape_cell(text).into_owned();
    let rows = screen.control_plane.iter();
    let rows = rows.map(|row| row.iter().map(cell).collect());
    format_columns(Some(&["CONTROL PLANE", "VERSION", "PODS"]), rows.collect())
}

/// Pools that are not done come first if there is no room for all.
fn pools(pools: &[PoolDoc], limit: usize) -> Vec<String> {
    let mut shown: Vec<&PoolDoc> = pools.iter().collect();
    if shown.len() > limit {
        shown.sort_by_key(|pool| pool.done == pool.nodes);
    }
    let more = shown.len().saturating_sub(limit);
    shown.truncate(limit);
    let row = |pool: &PoolDoc| {
        let old = pool.nodes - pool.done - pool.settling;
        let counts = [pool.nodes, pool.done, pool.settling, old];
        let counts = counts.map(|count| count.to_string());
        std::iter::once(super::event::pool_name(pool))
            .chain(counts)
            .collect()
    };
    let rows = shown.into_iter().map(row).collect();
    let header = ["POOL", "NODES", "DONE", "SETTLING", "OLD"];
    let mut lines = format_columns(Some(&header), rows);
    lines.extend(and_more(more, "pool"));
    lines
}

/// At most this many lines, if there are any rows the header, a row and the number of the others.
fn in_flight(screen: &WatchScreen, limit: usize) -> Vec<String> {
    let mut left = limit.saturating_sub(2);
    let fits = |(index, row): &(usize, &InFlightRow)| {
        let lines = 1 + row.notes.len();
        let is_first = *index == 0;
        let fits = lines <= left || is_first;
        left = left.saturating_sub(lines);
        fits
    };
    let shown = screen.in_flight.iter().enumerate().take_while(fits);
    let shown: Vec<&InFlightRow> = shown.map(|(_, row)| row).collect();
    let row = |row: &&InFlightRow| {
        let pool = match row.pool.is_empty() {
            true => "<none>".into(),
            false => escape_cell(&row.pool),
        };
        vec![
            escape_cell(&row.name).into_owned(),
            pool.into_owned(),
            escape_cell(&row.status).into_owned(),
            row.since.map_or_else(String::new, human_duration),
        ]
    };
    let rows = shown.iter().map(row).collect();
    let table = format_columns(Some(&["NODE", "POOL", "STATUS", "FOR"]), rows);
    let mut table = table.into_iter();
    let mut lines: Vec<String> = table.by_ref().take(1).collect();
    for (line, row) in table.zip(&shown) {
        lines.push(line);
        let notes = row.notes.iter();
        lines.extend(notes.map(|note| format!("  {}", escape_line(note))));
    }
    let hidden = screen.in_flight.len() - shown.len();
    let has_nodes = screen.in_flight.iter().any(|row| row.since.is_some());
    let noun = if has_nodes { "node" } else { "machine" };
    lines.extend(and_more(screen.more_in_flight + hidden, noun));
    lines
}

fn and_more(count: usize, noun: &str) -> Option<String> {
    (count > 0).then(|| format!("and {} more", pluralize(count, noun)))
}

fn events(screen: &WatchScreen, look: &RenderOptions, limit: usize) -> Vec<String> {
    let first = screen.events.len().saturating_sub(limit);
    let events = screen.events[first..].iter();
    events
        .map(|event| event_line(event, "", &look.styles))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{InFlightRow, WatchScreen, render_screen};
    use crate::api::v1::{
        API_VERSION, DurationDoc, EventScopeDoc, EventTypeDoc, PhaseDoc, PoolDoc, UpgradeEvent,
        UpgradeProgressDoc,
    };
    use crate::report::{RenderOptions, Styles};

    fn event(kind: EventTypeDoc, message: &str) -> UpgradeEvent {
        UpgradeEvent {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeEvent".to_owned(),
            time: "2026-11-30T02:04:05.000Z".to_owned(),
            event_type: kind,
            scope: EventScopeDoc {
                level: "cluster".to_owned(),
                name: "shop".to_owned(),
            },
            message: message.to_owned(),
            objects: Vec::new(),
            progress: UpgradeProgressDoc {
                done: 13,
                total: 40,
                percent: 32,
                phase: PhaseDoc::Nodes,
                started_at: None,
                eta_seconds: Some(DurationDoc {
                    low: Some(165),
                    high: Some(559),
                }),
                basis: "13 finished nodes in 8m".to_owned(),
            },
            pools: Vec::new(),
            chain: Vec::new(),
            wait: None,
            step: None,
            age: 42,
        }
    }

    fn screen(pools: usize) -> WatchScreen {
        let mut picture = event(
            EventTypeDoc::Picture,
            "upgrade to 1.37: API server v1.37.0, 13 of 40 nodes upgraded",
        );
        picture.pools = (0..pools)
            .map(|number| PoolDoc {
                name: Some(format!("pool-{number}")),
                control_plane: false,
                nodes: 4,
                done: if number == 0 { 4 } else { 1 },
                settling: 0,
            })
            .collect();
        WatchScreen {
            picture,
            outage: Some((
                "The API server has not answered for",
                SignedDuration::from_secs(37),
            )),
            stall: None,
            plan: None,
            control_plane: vec![["API server".into(), "v1.37.0".into(), String::new()]],
            in_flight: vec![InFlightRow {
                name: "a\u{1b}[2J".to_owned(),
                pool: String::new(),
                status: "draining: 12 of 30 pods".to_owned(),
                since: Some(SignedDuration::from_mins(4)),
                notes: vec!["FailedMount pod/web (x3): no such volume".to_owned()],
            }],
            more_in_flight: 3,
            events: (0..40)
                .map(|number| event(EventTypeDoc::Progress, &format!("event {number}")))
                .collect(),
        }
    }

    #[test]
    fn a_screen_has_a_heading_tables_and_the_last_events() {
        let lines = render_screen(&screen(2), &RenderOptions::default(), 20);
        insta::assert_snapshot!(lines.join("\n"), @r"
        shop: upgrade to 1.37: API server v1.37.0, 13 of 40 nodes upgraded
        nodes  13/40  32%  2m45s to 9m19s left, by 13 finished nodes in 8m
        The API server has not answered for 37s: this is the state of 42s ago

        CONTROL PLANE   VERSION   PODS
        API server      v1.37.0

        POOL     NODES   DONE   SETTLING   OLD
        pool-0   4       4      0          0
        pool-1   4       1      0          3

        NODE     POOL     STATUS                    FOR
        a^[[2J   <none>   draining: 12 of 30 pods   4m
          FailedMount pod/web (x3): no such volume
        and 3 nodes more

        02:04:05Z  event 37
        02:04:05Z  event 38
        02:04:05Z  event 39
        ");
    }

    #[test]
    fn it_fits_any_terminal() {
        for width in [1, 10, 20, 40, 80, 200] {
            for height in [1, 2, 5, 10, 24, 60] {
                let look = RenderOptions {
                    styles: Styles::new(true),
                    width: Some(width),
                    ..RenderOptions::default()
                };
                let lines = render_screen(&screen(30), &look, height);
                assert!(lines.len() < height.max(2), "{width} x {height}");
                for line in &lines {
                    let columns = console::measure_text_width(line);
                    assert!(columns <= width, "{width} x {height}: {line}");
                    assert!(!line.contains("\u{1b}[2J"));
                }
            }
        }
    }

    #[test]
    fn whatever_is_left_out_is_counted() {
        let mut screen = screen(2);
        screen.more_in_flight = 0;
        screen.in_flight = (0..10)
            .map(|number| InFlightRow {
                name: format!("node-{number}"),
                pool: String::new(),
                status: "draining: 12 of 30 pods left".to_owned(),
                since: Some(SignedDuration::from_mins(4)),
                notes: vec!["FailedMount".to_owned(), "Unhealthy".to_owned()],
            })
            .collect();
        for height in [24, 30, 40, 60] {
            let lines = render_screen(&screen, &RenderOptions::default(), height);
            let is_row = |line: &&String| line.starts_with("node-");
            let shown = lines.iter().filter(is_row).count();
            assert!(shown < 10 || height == 60, "{lines:#?}");
            let rest = crate::text::pluralize(10 - shown, "node");
            let says_so = lines.contains(&format!("and {rest} more"));
            assert!(says_so || shown == 10, "{lines:#?}");
            let table = lines.iter().filter(|line| line.starts_with("  ")).count();
            assert_eq!(table, 2 * shown, "each with its warnings");
        }
        let lines = render_screen(&screen, &RenderOptions::default(), 12);
        assert_eq!(lines.len(), 11);
        assert!(
            lines[10].starts_with("and ") && lines[10].ends_with(" lines more"),
            "{lines:#?}"
        );
    }

    #[test]
    fn pools_that_are_done_are_left_out_first() {
        let lines = render_screen(&screen(30), &RenderOptions::default(), 30).join("\n");
        assert!(!lines.contains("pool-0 "), "{lines}");
        assert!(lines.contains("pool-1 "), "{lines}");
        assert!(
            lines.contains("more\n") || lines.contains("pools more"),
            "{lines}"
        );
    }
}
