//! What a summary says, in facts and tables.

use jiff::SignedDuration;

use crate::api::v1::{
    DurationDoc, HoldDoc, NodePartDoc, NodeTimeDoc, PoolTimeDoc, SpanDoc, UpgradeSummary,
};
use crate::report::terminal::escape_line;
use crate::text::{human_duration, pluralize};

/// Nodes in the table of the slowest.
const SLOWEST: usize = 10;

/// Texts that are escaped for terminals and not yet encoded.
pub(super) struct SummaryView {
    pub(super) title: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) tables: Vec<SummaryTable>,
}

pub(super) struct SummaryTable {
    pub(super) title: &'static str,
    pub(super) header: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

impl SummaryTable {
    /// A table whose last columns are times.
    fn timed(title: &'static str, first: &[&'static str], rows: Vec<Vec<String>>) -> Self {
        Self {
            title,
            header: [first, &["Started", "Ended", "Duration"]].concat(),
            rows,
        }
    }
}

impl SummaryView {
    pub(super) fn new(summary: &UpgradeSummary) -> Self {
        let cluster = escape_line(&summary.cluster);
        let title = match &summary.goal {
            Some(goal) => format!("Upgrade of {cluster} to {}", escape_line(goal)),
            None => format!("Watch of {cluster}"),
        };
        let mut tables = vec![
            plan(summary),
            phases(summary),
            hops(summary),
            pools(summary),
        ];
        tables.extend([outages(summary), holds("Stalls", "S", &summary.stalls)]);
        tables.extend([
            holds("Blockers", "B", &summary.blockers),
            slowest(summary),
            nodes(summary),
        ]);
        tables.retain(|table| !table.rows.is_empty());
        Self {
            title,
            facts: facts(summary),
            tables,
        }
    }
}

fn facts(summary: &UpgradeSummary) -> Vec<(&'static str, String)> {
    let [started, ended, time] = times(&summary.span);
    let expected = summary.plan.as_ref();
    let expected = expected.and_then(|plan| range(plan.expected_seconds));
    let mut facts = vec![
        ("Outcome", summary.outcome.as_str().to_owned()),
        (
            "Nodes",
            format!("{} of {} done", summary.done, summary.total),
        ),
        ("Started", started),
        match summary.span.ended_at {
            Some(_) => ("Ended", ended),
            None => ("Watched until", summary.observed_until.clone()),
        },
        ("Duration", time),
        ("Expected by the plan", expected.unwrap_or_default()),
        ("Pods evicted", evictions(&summary.nodes)),
        ("Nodes not ready", unready(&summary.nodes)),
        (
            "API server away",
            match summary.outages.iter().filter_map(|span| span.seconds).sum() {
                0 => String::new(),
                seconds => duration(seconds),
            },
        ),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Only what was seen is counted, and what was not is said.
fn evictions(nodes: &[NodeTimeDoc]) -> String {
    let is_drained = |node: &&NodeTimeDoc| {
        let mut parts = node.parts.iter();
        parts.any(|part| part.part == NodePartDoc::Drain)
    };
    let drained: Vec<&NodeTimeDoc> = nodes.iter().filter(is_drained).collect();
    let observed: Vec<usize> = drained
        .iter()
        .filter_map(|node| node.evicted_pods)
        .collect();
    if drained.is_empty() {
        return String::new();
    }
    let (seen, all) = (observed.len(), drained.len());
    if seen == 0 {
        return format!(
            "not observed: the pods of none of {} were read",
            pluralize(all, "drained node")
        );
    }
    let pods: usize = observed.iter().sum();
    let rest = match all - seen {
        0 => String::new(),
        _ => format!(
            "; the pods of {} were not read",
            pluralize(all - seen, "other drained node")
        ),
    };
    let pods = match pods {
        0 => "none seen".to_owned(),
        pods => format!("at least {pods}"),
    };
    format!("{pods} from {}{rest}", pluralize(seen, "node"))
}

fn unready(nodes: &[NodeTimeDoc]) -> String {
    let times = nodes
        .iter()
        .filter_map(|node| part_seconds(node, NodePartDoc::NotReady));
    let times: Vec<u64> = times.collect();
    match times.iter().max() {
        None => String::new(),
        Some(most) => format!(
            "{}, {} in all, at most {} each",
            pluralize(times.len(), "node"),
            duration(times.iter().sum()),
            duration(*most)
        ),
    }
}

/// The steps that the plan expected something of, and what they took.
fn plan(summary: &UpgradeSummary) -> SummaryTable {
    let steps = summary.plan.iter().flat_map(|plan| &plan.steps);
    let rows = steps.map(|step| {
        let took = match (step.seconds, &step.started_at, &step.ended_at) {
            (Some(seconds), ..) => duration(seconds),
            (None, None, Some(end)) => format!("done at {end}; its beginning was not observed"),
            (None, Some(start), None) => format!("begun at {start}; its end was not observed"),
            (None, ..) => String::new(),
        };
        let expected = range(step.expected_seconds);
        let expected = expected.unwrap_or_else(|| "unknown".to_owned());
        vec![escape_line(&step.title).into_owned(), expected, took]
    });
    SummaryTable {
        title: "Plan",
        header: vec!["Step", "Expected", "Took"],
        rows: rows.collect(),
    }
}

fn phases(summary: &UpgradeSummary) -> SummaryTable {
    let phases = summary.phases.iter();
    let rows = phases.map(|phase| row(vec![phase.phase.as_str().to_owned()], &phase.span));
    SummaryTable::timed("Phases", &["Phase"], rows.collect())
}

fn hops(summary: &UpgradeSummary) -> SummaryTable {
    let rows = summary.hops.iter().map(|hop| {
        let cluster = escape_line(&hop.cluster).into_owned();
        row(
            vec![cluster, hop.version.clone(), hop.nodes.to_string()],
            &hop.span,
        )
    });
    SummaryTable::timed("Hops", &["Cluster", "To", "Nodes"], rows.collect())
}

/// The slowest first.
fn pools(summary: &UpgradeSummary) -> SummaryTable {
    let mut pools: Vec<&PoolTimeDoc> = summary.pools.iter().collect();
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.span.seconds));
    let rows = pools.into_iter().map(|pool| {
        let name = pool_name(pool.name.as_deref(), pool.control_plane);
        row(vec![name, pool.nodes.to_string()], &pool.span)
    });
    SummaryTable::timed("Pools", &["Pool", "Nodes"], rows.collect())
}

fn outages(summary: &UpgradeSummary) -> SummaryTable {
    let outages = summary.outages.iter().enumerate();
    let rows = outages.map(|(number, span)| row(vec![format!("O{}", number + 1)], span));
    SummaryTable::timed("Outages of the API server", &["Mark"], rows.collect())
}

/// Stalls or blockers.
fn holds(title: &'static str, mark: &str, holds: &[HoldDoc]) -> SummaryTable {
    let rows = holds.iter().enumerate().map(|(number, hold)| {
        let links = hold.chain.iter().map(|link| {
            let namespace = link.namespace.as_ref();
            let namespace = namespace.map_or_else(String::new, |name| format!("{name}/"));
            let kind = link.kind.to_lowercase();
            escape_line(&format!("{kind}/{namespace}{} {}", link.name, link.why)).into_owned()
        });
        let chain: Vec<String> = links.collect();
        let first = vec![
            format!("{mark}{}", number + 1),
            escape_line(&hold.message).into_owned(),
            escape_line(hold.cause.as_deref().unwrap_or("unknown")).into_owned(),
            chain.join(" → "),
        ];
        row(first, &hold.span)
    });
    SummaryTable::timed(
        title,
        &["Mark", "Held up by", "Cause", "Chain"],
        rows.collect(),
    )
}

fn slowest(summary: &UpgradeSummary) -> SummaryTable {
    let mut nodes: Vec<&NodeTimeDoc> = summary.nodes.iter().collect();
    nodes.retain(|node| node.span.seconds.is_some());
    nodes.sort_by_key(|node| std::cmp::Reverse(node.span.seconds));
    if nodes.len() <= SLOWEST {
        // All of them are below.
        nodes.clear();
    }
    let rows = nodes.into_iter().take(SLOWEST).map(|node| {
        let part = |part| part_seconds(node, part).map_or_else(String::new, duration);
        let name = escape_line(&node.name).into_owned();
        let pool = pool_name(node.pool.as_deref(), node.control_plane);
        let [drain, down] = [NodePartDoc::Drain, NodePartDoc::NotReady].map(part);
        row(vec![name, pool, drain, down], &node.span)
    });
    SummaryTable::timed(
        "Slowest nodes",
        &["Node", "Pool", "Drain", "Not ready"],
        rows.collect(),
    )
}

fn nodes(summary: &UpgradeSummary) -> SummaryTable {
    let rows = summary.nodes.iter().map(|node| {
        let removed = if node.removed { "yes" } else { "" };
        let evicted = node
            .evicted_pods
            .map_or_else(String::new, |pods| pods.to_string());
        let first = vec![
            escape_line(&node.name).into_owned(),
            pool_name(node.pool.as_deref(), node.control_plane),
            removed.to_owned(),
            node.passes.len().to_string(),
            evicted,
        ];
        row(first, &node.span)
    });
    SummaryTable::timed(
        "Nodes",
        &["Node", "Pool", "Removed", "Passes", "Pods evicted"],
        rows.collect(),
    )
}

fn pool_name(name: Option<&str>, is_control_plane: bool) -> String {
    match (name, is_control_plane) {
        (Some(name), _) => escape_line(name).into_owned(),
        (None, true) => "<control plane>".to_owned(),
        (None, false) => "<none>".to_owned(),
    }
}

/// How long a part of the work on a node took in all; `None` if there was none of it, or if it had not ended.
fn part_seconds(node: &NodeTimeDoc, part: NodePartDoc) -> Option<u64> {
    let parts = node.parts.iter().filter(|one| one.part == part);
    let seconds: Vec<u64> = parts.map(|one| one.span.seconds).collect::<Option<_>>()?;
    (!seconds.is_empty()).then(|| seconds.iter().sum())
}

fn row(first: Vec<String>, span: &SpanDoc) -> Vec<String> {
    [first, times(span).to_vec()].concat()
}

/// When it began, when it ended, and how long it took.
fn times(span: &SpanDoc) -> [String; 3] {
    [
        span.started_at.clone(),
        span.ended_at.clone().unwrap_or_default(),
        span.seconds.map_or_else(String::new, duration),
    ]
}

fn range(expected: DurationDoc) -> Option<String> {
    match (expected.low, expected.high) {
        (Some(low), Some(high)) if low == high => Some(duration(low)),
        (Some(low), Some(high)) => Some(format!("{} to {}", duration(low), duration(high))),
        (Some(low), None) => Some(format!("{} or more", duration(low))),
        (None, Some(high)) => Some(format!("at most {}", duration(high))),
        (None, None) => None,
    }
}

fn duration(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    human_duration(SignedDuration::from_secs(seconds))
}
