//! The timeline of a summary: a row for each node, or for each pool where there are too many nodes, as shapes of an SVG.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::api::v1::{NodePartDoc, NodeTimeDoc, SpanDoc, UpgradeSummary};
use crate::report::terminal::escape_line;
use crate::text::{ellipsize, human_duration, pluralize};

/// With more nodes, a row is a pool.
const MAX_NODES: usize = 80;
/// Rows beyond are counted.
const MAX_ROWS: usize = 80;
/// Units of the SVG: the column of names, the time, the height of the axis and of a row.
const NAMES: f64 = 180.0;
const TIME: f64 = 800.0;
const AXIS: f64 = 44.0;
const ROW: f64 = 18.0;
/// Characters of a name that fit its column.
const MAX_NAME: usize = 24;
/// Slices of the row of a pool.
const SLICES: usize = 100;
/// Distances between ticks, in seconds.
const STEPS: [i64; 14] = [
    1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400,
];
const MAX_TICKS: i64 = 8;

/// The shapes.
pub(super) struct Timeline {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Where the axis ends and rows begin.
    pub(super) top: f64,
    pub(super) ticks: Vec<Tick>,
    /// Outages, stalls and blockers, over all rows.
    pub(super) bands: Vec<Shape>,
    pub(super) rows: Vec<TimelineRow>,
    /// What the rows are, and how many are left out.
    pub(super) caption: String,
    pub(super) is_by_pool: bool,
}

pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) label: String,
}

/// A rectangle from `x` on.
pub(super) struct Shape {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) class: &'static str,
    /// The share of the color, in percent.
    pub(super) opacity: usize,
    /// What is shown beside it; empty if nothing is.
    pub(super) label: String,
    pub(super) title: String,
}

pub(super) struct TimelineRow {
    pub(super) y: f64,
    pub(super) name: String,
    pub(super) shapes: Vec<Shape>,
}

/// The time that is shown.
#[derive(Clone, Copy)]
struct Axis {
    start: Timestamp,
    end: Timestamp,
}

impl Axis {
    fn x(self, at: Timestamp) -> f64 {
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
        let whole = seconds(self.start, self.end).max(1.0);
        NAMES + TIME * (seconds(self.start, at) / whole).clamp(0.0, 1.0)
    }

    /// From and to; what has not ended lasts until the end.
    fn span(self, span: &SpanDoc) -> Option<(Timestamp, Timestamp)> {
        let start = span.started_at.parse().ok()?;
        let end = span
            .ended_at
            .as_ref()
            .map_or(Some(self.end), |end| end.parse().ok())?;
        Some((start, end))
    }

    fn shape(self, span: &SpanDoc, class: &'static str, label: &str, what: &str) -> Option<Shape> {
        let (start, end) = self.span(span)?;
        let lasted = human_duration(end.duration_since(start));
        let x = self.x(start);
        Some(Shape {
            x,
            // Whatever was, shows.
            width: (self.x(end) - x).max(1.5),
            class,
            opacity: 100,
            label: label.to_owned(),
            title: format!("{what}: {lasted} from {}", time_of_day(start, true)),
        })
    }

    fn ticks(self) -> Vec<Tick> {
        let whole = self.end.duration_since(self.start).as_secs().max(1);
        let step = STEPS.into_iter().find(|step| whole / step < MAX_TICKS);
        let step = step.unwrap_or(whole / MAX_TICKS + 1);
        let first = self.start.as_second().div_euclid(step) * step;
        let times = (0..=MAX_TICKS + 1).map(|number| first + number * step);
        let times = times.filter_map(|second| Timestamp::from_second(second).ok());
        let times = times.filter(|at| *at >= self.start && *at <= self.end);
        let tick = |at| Tick {
            x: self.x(at),
            label: time_of_day(at, step < 60),
        };
        times.map(tick).collect()
    }
}

fn time_of_day(at: Timestamp, has_seconds: bool) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime(if has_seconds { "%H:%M:%SZ" } else { "%H:%MZ" })
        .to_string()
}

/// The timeline; `None` if there is nothing to show.
pub(super) fn timeline(summary: &UpgradeSummary) -> Option<Timeline> {
    let observed: Timestamp = summary.observed_until.parse().ok()?;
    let end = summary
        .span
        .ended_at
        .as_ref()
        .and_then(|end| end.parse().ok());
    let nodes = summary
        .nodes
        .iter()
        .filter_map(|node| node.span.started_at.parse().ok());
    let start: Timestamp = summary.span.started_at.parse().ok()?;
    let axis = Axis {
        start: nodes.fold(start, Timestamp::min),
        end: end.unwrap_or(observed),
    };
    let is_by_pool = summary.nodes.len() > MAX_NODES;
    let mut rows = match is_by_pool {
        true => pool_rows(summary, axis),
        false => summary
            .nodes
            .iter()
            .map(|node| node_row(node, axis))
            .collect(),
    };
    if rows.is_empty() {
        return None;
    }
    let hidden = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    for (number, row) in rows.iter_mut().enumerate() {
        row.y = AXIS + ROW * number as f64;
    }
    let what = match is_by_pool {
        true => format!(
            "A row for each pool: the darker, the more of its nodes were worked on. All {} would not fit.",
            pluralize(summary.nodes.len(), "node")
        ),
        false => "A row for each node, in the order in which they were begun.".to_owned(),
    };
    let hidden = match hidden {
        0 => String::new(),
        more => format!(" {} not shown.", pluralize(more, "row")),
    };
    Some(Timeline {
        width: NAMES + TIME + 10.0,
        height: AXIS + ROW * rows.len() as f64 + 6.0,
        top: AXIS,
        ticks: axis.ticks(),
        bands: bands(summary, axis),
        rows,
        caption: format!("{what}{hidden} Times are in UTC."),
        is_by_pool,
    })
}

/// With the marks that the tables below have as well.
fn bands(summary: &UpgradeSummary, axis: Axis) -> Vec<Shape> {
    let outages = summary
        .outages
        .iter()
        .enumerate()
        .filter_map(|(number, span)| {
            axis.shape(span, "outage", &format!("O{}", number + 1), "outage")
        });
    let stalls = summary
        .stalls
        .iter()
        .enumerate()
        .filter_map(|(number, stall)| {
            let what = format!("stall: {}", escape_line(&stall.message));
            axis.shape(&stall.span, "stall", &format!("S{}", number + 1), &what)
        });
    let blockers = summary
        .blockers
        .iter()
        .enumerate()
        .filter_map(|(number, blocker)| {
            let what = format!("blocker: {}", escape_line(&blocker.message));
            axis.shape(&blocker.span, "blocked", &format!("B{}", number + 1), &what)
        });
    outages.chain(stalls).chain(blockers).collect()
}

fn row(name: &str, shapes: Vec<Shape>) -> TimelineRow {
    TimelineRow {
        y: 0.0,
        name: ellipsize(&escape_line(name), MAX_NAME).into_owned(),
        shapes,
    }
}

fn node_row(node: &NodeTimeDoc, axis: Axis) -> TimelineRow {
    let name = escape_line(&node.name);
    let parts = node.parts.iter().filter_map(|part| {
        let (class, what) = match part.part {
            NodePartDoc::Drain => ("drain", "drain"),
            NodePartDoc::NotReady => ("down", "not ready"),
            NodePartDoc::Cordoned => ("cordoned", "cordoned"),
        };
        axis.shape(&part.span, class, "", &format!("{name}, {what}"))
    });
    row(&node.name, parts.collect())
}

/// How many nodes of each pool were worked on at a time.
fn pool_rows(summary: &UpgradeSummary, axis: Axis) -> Vec<TimelineRow> {
    let whole = axis.end.duration_since(axis.start).as_secs_f64();
    let slice_of = |at: Timestamp| {
        let passed = at.duration_since(axis.start).as_secs_f64() / whole.max(1.0);
        ((passed * SLICES as f64) as usize).min(SLICES - 1)
    };
    let rows = summary.pools.iter().map(|pool| {
        let mut counts = [0_usize; SLICES];
        let is_of_pool = |node: &&NodeTimeDoc| {
            node.pool == pool.name && node.control_plane == pool.control_plane
        };
        for node in summary.nodes.iter().filter(is_of_pool) {
            let spans = node.passes.iter().filter_map(|pass| axis.span(pass));
            for (start, end) in spans {
                counts[slice_of(start)..=slice_of(end).max(slice_of(start))]
                    .iter_mut()
                    .for_each(|count| *count += 1);
            }
        }
        let most = counts.iter().max().copied().unwrap_or(0).max(1);
        let width = TIME / SLICES as f64;
        let step = whole / SLICES as f64;
        let slices = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let slices = slices.map(|(number, count)| {
            let from = SignedDuration::from_secs_f64(step * number as f64);
            Shape {
                x: NAMES + width * number as f64,
                width,
                class: "drain",
                opacity: 25 + 75 * count / most,
                label: String::new(),
                title: format!(
                    "{} at {}",
                    pluralize(*count, "node"),
                    time_of_day(axis.start + from, false)
                ),
            }
        });
        let name = match (&pool.name, pool.control_plane) {
            (Some(name), _) => name.as_str(),
            (None, true) => "<control plane>",
            (None, false) => "<none>",
        };
        row(name, slices.collect())
    });
    rows.collect()
}
