//! What a change costs, and what is not worth one.

use super::*;

#[test]
fn a_change_of_a_node_costs_one_node_of_five_thousand() {
    let mut watched = large();
    let probes = watched.probe(1, "v1.37.0");
    assert_eq!((probes, watched.visited()), (Vec::new(), 0));
    for (number, description) in [
        "old cordoned",
        "new not-ready cordoned",
        "new cordoned",
        "new",
    ]
    .into_iter()
    .enumerate()
    {
        let seconds = 10 + i64::try_from(number).expect("a small number");
        let events = watched.change_node(seconds, "node-2500", description);
        assert_eq!(events.len(), 1, "{description}");
        let visited = watched.visited();
        assert!(visited <= 3, "{description}: {visited} nodes");
    }
    assert_eq!(watched.watch.progress(at(20)).done, 1);
    let pod = json!({"namespace": "shop", "name": "web", "node": "node-0001"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    watched.change_node(30, "node-0001", "old cordoned");
    watched.visited();
    watched.see(
        31,
        listed(&pods_on_node_need("node-0001"), Rows::Pods(pods)),
    );
    assert!(watched.visited() <= 3);
}

#[test]
fn what_says_nothing_new_is_neither_an_event_nor_recorded() {
    let mut watched = large();
    let apply = |description: &str| Observation {
        at: at(10),
        change: Change::Apply {
            target: Need::nodes().target,
            rows: nodes(&[("node-0001", description)]),
        },
    };
    assert_eq!(watched.watch.take(&apply("old")), None);
    assert_eq!(watched.visited(), 0);
    assert!(watched.watch.take(&apply("old cordoned")).is_some());
    let delete = Change::Delete {
        target: Need::nodes().target,
        namespace: String::new(),
        name: "node-9999".to_owned(),
        uid: None,
    };
    let unknown = Observation {
        at: at(20),
        change: delete,
    };
    assert_eq!(watched.watch.take(&unknown), None);
}

#[test]
fn a_heartbeat_is_trimmed_to_nothing() {
    let heartbeat = |time: &str| {
        json!({"name": "a", "kubeletVersion": "v1.36.4", "labels": {"zone": time, "node.kubernetes.io/instance-group": "a"},
            "conditions": [{"type": "MemoryPressure", "status": time}, {"type": "Ready", "status": "True", "reason": time}],
            "taints": [time], "cluster": time})
    };
    let trimmed = |time: &str| {
        let row: NodeRow = serde_json::from_value(heartbeat(time)).expect("a node");
        let mut change = Change::Apply {
            target: Need::nodes().target,
            rows: Rows::Nodes(Table::from(vec![row])),
        };
        trim(&mut change, catalog(), false);
        change
    };
    assert_eq!(trimmed("1"), trimmed("2"));
    let Change::Apply { rows, .. } = trimmed("1") else {
        panic!("another change");
    };
    let node = &rows.nodes()[0];
    assert_eq!(node.labels.len(), 1, "that of its pool");
    assert_eq!(node.conditions[0].status, "True");
}

#[test]
fn the_pods_of_a_node_are_dropped_when_it_no_longer_drains() {
    let catalog = catalog();
    let (mut watched, _) = watched(
        catalog,
        Some("1.37"),
        "v1.37.0",
        &[("a", "old"), ("b", "old")],
    );
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = || {
        let pod = serde_json::from_value(pod.clone()).expect("a pod");
        listed(&pods_on_node_need("a"), Rows::Pods(Table::from(vec![pod])))
    };
    assert_eq!(watched.see(5, pods()), [], "it does not drain");
    watched.change_node(10, "a", "old cordoned");
    assert_eq!(watched.see(11, pods()).len(), 1);
    let left = |watched: &Watched<'_>| {
        let picture = watched.watch.picture().expect("a picture");
        picture
            .nodes
            .get("a")
            .and_then(crate::watch::NodeState::pods_left)
    };
    assert_eq!(left(&watched), Some(1));
    watched.change_node(12, "a", "old");
    watched.change_node(13, "a", "old cordoned");
    assert_eq!(left(&watched), None, "read again");
}

#[test]
fn a_drain_is_not_an_event_for_each_pod_and_yet_no_stall() {
    let all = [("a", "old"), ("b", "old")];
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    watched.change_node(0, "a", "old cordoned");
    let pods = |count: usize| {
        let pods = (0..count).map(|number| {
            let pod = json!({"namespace": "shop", "name": format!("web-{number}"), "node": "a"});
            serde_json::from_value(pod).expect("a pod")
        });
        listed(&pods_on_node_need("a"), Rows::Pods(pods.collect()))
    };
    let mut events = 0;
    for second in 1..=30 {
        let left = usize::try_from(30 - second).expect("a small number");
        events += watched.see(second, pods(left)).len();
    }
    assert_eq!(events, 4, "three times in 30 seconds, and the end");
    let last = watched.events.last().expect("an event");
    assert_eq!(last.message, "node a is cordoned and drained");
    assert!(watched.probe(29 + 15 * 60, "v1.37.0").is_empty());
}
