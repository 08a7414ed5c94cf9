//! The page on what an upgrade took: its timeline, at scale and with hostile names.

use jiff::{SignedDuration, Timestamp};
use kubectl_upgrade::api::v1::{
    DurationDoc, EventObjectDoc, HoldDoc, NodePartDoc, NodePartTimeDoc, NodeTimeDoc, OutcomeDoc,
    PlanTimeDoc, PoolTimeDoc, SpanDoc, StepTimeDoc, UPGRADE_SUMMARY_SCHEMA, UpgradeSummary,
};
use kubectl_upgrade::report::{SummaryFormat, render_summary};

fn at(seconds: i64) -> String {
    let start: Timestamp = "2026-11-29T22:00:00Z".parse().expect("a time");
    format!("{:.3}", start + SignedDuration::from_secs(seconds))
}

fn span(from: i64, to: Option<i64>) -> SpanDoc {
    SpanDoc {
        started_at: at(from),
        ended_at: to.map(at),
        seconds: to.map(|to| u64::try_from(to - from).expect("later")),
    }
}

/// Nodes of a hundred pools, each a minute after the one before it.
fn summary(nodes: usize, name: &str) -> UpgradeSummary {
    let pool = |number: usize| Some(format!("{name}-pool-{}", number % 100));
    let node = |number: usize| {
        let start = 60 * i64::try_from(number).expect("few");
        let part = |part, from, to| NodePartTimeDoc {
            part,
            span: span(start + from, Some(start + to)),
        };
        NodeTimeDoc {
            name: format!("{name}-{number}"),
            pool: pool(number),
            control_plane: false,
            removed: false,
            evicted_pods: number.is_multiple_of(2).then_some(7),
            span: span(start, Some(start + 300)),
            passes: vec![span(start, Some(start + 300))],
            parts: vec![
                part(NodePartDoc::Drain, 0, 200),
                part(NodePartDoc::NotReady, 200, 300),
            ],
        }
    };
    let end = 60 * i64::try_from(nodes).expect("few") + 300;
    let held = |message: &str, from| HoldDoc {
        message: message.to_owned(),
        cause: Some("image-pull".to_owned()),
        chain: vec![EventObjectDoc {
            kind: "Pod".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
            why: "is not ready".to_owned(),
        }],
        span: span(from, Some(from + 100)),
    };
    UpgradeSummary {
        api_version: "kubectl-upgrade/v1".to_owned(),
        kind: "UpgradeSummary".to_owned(),
        cluster: name.to_owned(),
        cluster_uid: None,
        goal: Some("1.37".to_owned()),
        outcome: OutcomeDoc::Finished,
        span: span(0, Some(end)),
        observed_until: at(end),
        done: nodes,
        total: nodes,
        phases: Vec::new(),
        hops: Vec::new(),
        pools: (0..nodes.min(100))
            .map(|number| PoolTimeDoc {
                name: pool(number),
                control_plane: false,
                nodes: nodes / nodes.min(100),
                span: span(0, Some(end)),
            })
            .collect(),
        nodes: (0..nodes).map(node).collect(),
        outages: vec![span(100, Some(160))],
        stalls: vec![held("nothing has changed for 15m", 200)],
        blockers: vec![held(name, 220)],
        plan: Some(PlanTimeDoc {
            expected_seconds: DurationDoc {
                low: Some(600),
                high: Some(3600),
            },
            steps: vec![StepTimeDoc {
                id: "kubernetes-1.37/worker".to_owned(),
                title: format!("Upgrade {name}"),
                expected_seconds: DurationDoc {
                    low: Some(60),
                    high: Some(600),
                },
                started_at: Some(at(0)),
                ended_at: Some(at(300)),
                seconds: Some(300),
            }],
        }),
    }
}

fn html(summary: &UpgradeSummary) -> String {
    render_summary(summary, SummaryFormat::Html).expect("a page")
}

#[test]
fn a_row_of_the_timeline_is_a_node_or_a_pool_where_there_are_too_many() {
    let few = html(&summary(12, "gold"));
    assert_eq!(few.matches("drain: 3m20s from").count(), 12);
    for part in [
        "<title>outage: 60s from 22:01:40Z</title>",
        ">S1</text>",
        ">B1</text>",
        "A row for each node, in the order in which they were begun. Times are in UTC.",
        "10m to 60m",
        "at least 42 from 6 nodes; the pods of 6 other drained nodes were not read",
    ] {
        assert!(few.contains(part), "{part}: {few}");
    }
    let many = html(&summary(5000, "gold"));
    let timeline = many
        .split("<svg")
        .nth(1)
        .and_then(|rest| rest.split("</svg>").next());
    let timeline = timeline.expect("a timeline");
    assert!(timeline.len() < 1 << 20, "{}", timeline.len());
    assert!(timeline.contains("gold-pool-79") && !timeline.contains("gold-pool-80"));
    assert!(
        many.contains("All 5000 nodes would not fit. 20 rows not shown."),
        "it says so"
    );
}

#[test]
fn names_and_messages_are_text() {
    let hostile = "</title></svg><script>alert(1)</script>\u{1b}[2J\u{202e}";
    let page = html(&summary(3, hostile));
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert_eq!(page.matches("</svg>").count(), 1);
    let markdown = render_summary(&summary(3, hostile), SummaryFormat::Markdown).expect("text");
    assert!(
        markdown.contains("\\<script\\>") && !markdown.contains('\u{1b}'),
        "{markdown}"
    );
}

#[test]
fn a_summary_is_as_its_schema_says() {
    let schema = serde_json::from_str(UPGRADE_SUMMARY_SCHEMA).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let json = render_summary(&summary(3, "gold"), SummaryFormat::Json).expect("JSON");
    let json = serde_json::from_str(&json).expect("JSON");
    schema.validate(&json).expect("it is as the schema says");
}

#[test]
fn an_upgrade_that_has_not_ended_has_a_timeline_up_to_then() {
    let mut summary = summary(3, "gold");
    summary.outcome = OutcomeDoc::Stalled;
    summary.span = span(0, None);
    summary.nodes[2].span = span(120, None);
    summary.nodes[2].passes = vec![span(120, None)];
    summary.nodes[2].parts = vec![NodePartTimeDoc {
        part: NodePartDoc::Drain,
        span: span(120, None),
    }];
    summary.nodes.remove(0);
    let page = html(&summary);
    assert!(
        page.contains("<title>gold-2, drain: 6m from 22:02:00Z</title>"),
        "{page}"
    );
}
