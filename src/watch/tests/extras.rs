//! Steps of a plan, and warnings.

use super::*;

fn step(id: &str, condition: Option<CompletionCondition>) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        title: format!("do {id}"),
        condition,
    }
}

#[test]
fn the_steps_of_a_plan_are_ticked_off() {
    let goal = || VersionGoal {
        release: "1.37.0".parse().expect("a version"),
        any_patch: false,
    };
    let nodes = |nodes| {
        Some(CompletionCondition::Nodes {
            nodes,
            goal: goal(),
        })
    };
    let all = [("a", "old"), ("b", "old")];
    let mut watched = Watched {
        watch: UpgradeWatch::new(ClusterId("shop".to_owned()), catalog(), options()),
        observations: Vec::new(),
        events: Vec::new(),
    };
    watched.watch.follow_plan(vec![
        step("servers", Some(CompletionCondition::ApiServer(goal()))),
        step("a", nodes(NodeSet::Node("a".to_owned()))),
        step("pool", nodes(NodeSet::Pool(String::new()))),
        step("backup", Some(CompletionCondition::Manual)),
        step("proxy", Some(CompletionCondition::KubeProxy(goal()))),
        step("newer", None),
    ]);
    watched.see(0, server("v1.36.4"));
    watched.probe_all("v1.36.4");
    let first = watched.see(0, listed(&Need::nodes(), self::nodes(&all)));
    assert_eq!(
        first[0].1,
        "nothing is being upgraded: API server v1.36.4, 2 nodes on the same minor; plan: 0 of 6 steps done; 1 confirmed manually; 2 not followed, because a watch does not read what they depend on: \
         do proxy and 1 more"
    );
    let messages = |events: Vec<(EventKind, String)>| -> Vec<String> {
        let steps = events.into_iter().map(|(_, message)| message);
        steps
            .filter(|message| message.starts_with("step "))
            .collect()
    };
    assert_eq!(watched.probe(5, "v1.37.0").len(), 2, "one of two servers");
    let events = (10..18).flat_map(|second| watched.probe(second, "v1.37.0"));
    let events: Vec<_> = events.collect();
    assert_eq!(messages(events), ["step done: do servers"]);
    watched.change_node(20, "a", "old cordoned");
    let events = watched.probe(25, "v1.37.0");
    assert_eq!(
        messages(events),
        ["step begun: do a", "step begun: do pool"]
    );
    watched.change_node(30, "a", "new");
    assert_eq!(messages(watched.probe(35, "v1.37.0")), ["step done: do a"]);
    let last = watched.events.last().expect("an event").step.clone();
    assert_eq!(last.map(|step| step.id), Some("a".to_owned()));
    watched.change_node(40, "a", "old");
    assert_eq!(
        messages(watched.probe(45, "v1.37.0")),
        ["step no longer done: do a"]
    );
}

/// A list of one event of type Warning.
fn warning(kind: &str, name: &str, count: u64) -> Change {
    let object = json!({"regarding": {"kind": kind, "namespace": "shop", "name": name}, "reason": "FailedKillPod",
        "note": "call Ann", "deprecatedCount": count});
    let row = json!({"meta": {"name": "event-1"}, "object": object});
    let rows = Rows::Objects(Table::from(vec![
        serde_json::from_value(row).expect("an event"),
    ]));
    listed(&warnings_need(), rows)
}

#[test]
fn warnings_about_what_is_in_flight_are_events_once_and_no_progress() {
    let all = [("a", "old"), ("b", "old")];
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    assert_eq!(watched.see(5, warning("Node", "a", 1)), [], "not in flight");
    watched.change_node(10, "a", "old cordoned");
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    watched.see(11, listed(&pods_on_node_need("a"), Rows::Pods(pods)));
    assert_eq!(watched.see(12, warning("Pod", "other", 1)), []);
    let expected = "node a: warning: pod/shop/web FailedKillPod: call Ann".to_owned();
    assert_eq!(
        watched.see(13, warning("Pod", "web", 1)),
        [(EventKind::Progress, expected)]
    );
    assert_eq!(
        watched.see(14, warning("Pod", "web", 9)),
        [],
        "the same again"
    );
    let lines: Vec<String> = watched.watch.warnings("a").collect();
    assert_eq!(lines, ["pod/shop/web FailedKillPod (9 times): call Ann"]);
    let stalled = watched.probe(12 + 15 * 60, "v1.37.0");
    assert_eq!(stalled[0].0, EventKind::Stall, "a warning is no progress");
    watched.change_node(2000, "a", "new");
    assert_eq!(watched.watch.warnings("a").count(), 0);
}

#[test]
fn events_that_may_not_be_read_are_a_gap_that_is_said_once() {
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    let refused = || {
        let Change::List(mut result) = warning("Node", "a", 1) else {
            panic!("another change");
        };
        result.outcome = ReadOutcome::Forbidden {
            why: "events.events.k8s.io is forbidden".to_owned(),
            rbac: PolicyRule::allow_list("events.k8s.io", "events", None),
        };
        Change::List(result)
    };
    let message = "warnings about nodes and pods are not shown: events.events.k8s.io is forbidden";
    assert_eq!(
        watched.see(1, refused()),
        [(EventKind::Progress, message.to_owned())]
    );
    assert_eq!(watched.see(2, refused()), []);
}

#[test]
fn a_redacted_warning_has_no_note() {
    let mut observation = Observation {
        at: at(0),
        change: warning("Pod", "web", 3),
    };
    let mut redactor = Redactor::new(&RedactionKey::new(b"uid"), catalog());
    redact_observation(&mut observation, &mut redactor);
    let text = serde_json::to_string(&observation).expect("JSON");
    assert!(
        !text.contains("Ann") && !text.contains("shop") && !text.contains("web"),
        "{text}"
    );
    assert!(text.contains(&redactor.redact_name("web")) && text.contains("FailedKillPod"));
}

#[test]
fn a_summary_has_a_row_for_each_minor_of_a_chain() {
    let (mut watched, _) = watched(catalog(), Some("1.38"), "v1.36.4", &[("a", "old")]);
    let mut builder = SummaryBuilder::default();
    let mut count = 0;
    let mut add = |watched: &Watched<'_>| {
        builder.add(&watched.watch, &watched.events[count..]);
        count = watched.events.len();
    };
    add(&watched);
    for second in 10..20 {
        watched.probe(second, "v1.37.0");
        add(&watched);
    }
    watched.change_node(30, "a", "new");
    add(&watched);
    for second in 40..50 {
        watched.probe(second, "v1.38.0");
        add(&watched);
    }
    let hops = builder.finish(&watched.watch, at(60)).hops;
    let hops = hops.iter().map(|hop| {
        let span = (hop.span.started_at, hop.span.ended_at);
        (hop.version.to_string(), hop.nodes, span)
    });
    assert_eq!(
        hops.collect::<Vec<_>>(),
        [
            ("1.37".to_owned(), 1, (at(10), Some(at(40)))),
            ("1.38".to_owned(), 0, (at(40), None))
        ]
    );
}
