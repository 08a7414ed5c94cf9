//! What must not look finished, and what must not look like an outage.

use super::*;
use crate::watch::needs::system_workloads_need;

fn delete_node(name: &str) -> Change {
    Change::Delete {
        target: Need::nodes().target,
        namespace: String::new(),
        name: name.to_owned(),
        uid: None,
    }
}

#[test]
fn an_upgrade_is_not_finished_before_the_replacements_of_deleted_nodes_have_joined() {
    let all = [("a", "old"), ("b", "new")];
    let (mut replaced, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    let events = replaced.see(10, delete_node("a"));
    assert!(events.iter().all(|(kind, _)| *kind != EventKind::Finished));
    assert!(replaced.probe(60, "v1.37.0").is_empty());
    let events = replaced.change_node(120, "c", "new");
    let finished = (
        EventKind::Finished,
        "the control plane and all 2 nodes run 1.37".to_owned(),
    );
    assert_eq!(events.last(), Some(&finished));
}

#[test]
fn a_cluster_that_shrank_is_finished_after_a_while_but_never_without_nodes() {
    let all = [("a", "old"), ("b", "new")];
    let (mut shrunk, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    shrunk.see(10, delete_node("a"));
    assert_eq!(
        shrunk.probe(10 + 301, "v1.37.0"),
        [(
            EventKind::Finished,
            "the control plane and the only node run 1.37; 1 node fewer than at the beginning"
                .to_owned()
        )]
    );
    let (mut empty, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    empty.see(10, delete_node("a"));
    let later = empty.probe(10 + 600, "v1.37.0");
    assert!(later.iter().all(|(kind, _)| *kind != EventKind::Finished));
}

#[test]
fn nodes_that_are_refused_during_a_watch_are_out_of_sight_and_no_stall() {
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    let refused = || {
        let Change::List(mut result) = listed(&Need::nodes(), nodes(&[])) else {
            panic!("another change");
        };
        result.outcome = ReadOutcome::Forbidden {
            why: "nodes is forbidden".to_owned(),
            rbac: PolicyRule::allow_list("", "nodes", None),
        };
        Change::List(result)
    };
    assert_eq!(
        watched.see(10, refused()),
        [(
            EventKind::Outage,
            "nodes cannot be read any more: nodes is forbidden".to_owned()
        )]
    );
    assert_eq!(watched.see(20, refused()), []);
    assert_eq!(watched.probe(3600, "v1.37.0"), [], "no stall");
    let back = watched.see(3610, listed(&Need::nodes(), nodes(&[("a", "old")])));
    assert_eq!(back[0].0, EventKind::Back);
    assert_eq!(watched.change_node(3620, "a", "new").len(), 2);
}

#[test]
fn a_stream_that_is_still_open_ends_no_outage() {
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    let why = "You must be logged in to the server".to_owned();
    let outage = watched.see(
        10,
        Change::Outage {
            why,
            is_unauthorized: false,
        },
    );
    assert_eq!(outage[0].0, EventKind::Outage);
    let events = watched.change_node(12, "a", "old cordoned");
    assert!(events.iter().all(|(kind, _)| *kind == EventKind::Progress));
    assert_eq!(watched.probe(20, "v1.37.0")[0].0, EventKind::Back);
}

#[test]
fn a_target_below_what_runs_is_said_to_be_exceeded() {
    let (_, first) = watched(catalog(), Some("1.35"), "v1.37.0", &[("a", "new")]);
    let text = "the control plane and the only node run 1.35 or newer";
    assert_eq!(first.last(), Some(&(EventKind::Finished, text.to_owned())));
}

#[test]
fn lists_that_are_refused_are_said_in_the_first_picture() {
    let (mut watched, _) = unread(catalog(), Some("1.37"), "v1.37.0");
    let need = system_workloads_need("daemonsets");
    let Change::List(mut result) = listed(&need, Rows::Workloads(Table::default())) else {
        panic!("another change");
    };
    result.outcome = ReadOutcome::Forbidden {
        why: "no".to_owned(),
        rbac: PolicyRule::allow_list("apps", "daemonsets", Some("kube-system")),
    };
    watched.see(0, Change::List(result));
    let first = watched.see(0, listed(&Need::nodes(), nodes(&[("a", "old")])));
    let part = "; not shown, because they may not be listed: daemonsets.apps in kube-system";
    assert!(first[0].1.ends_with(part), "{first:?}");
}

/// A watch that joined behind a load balancer: one API server has answered.
fn probed_once(goal: Option<&str>, version: &str) -> Watched<'static> {
    let goal = goal.map(|goal| UpgradeGoal::Given(goal.parse().expect("a version")));
    let options = WatchOptions {
        platform: None,
        goal,
        stall_after: STALL_AFTER,
    };
    let mut watched = Watched {
        watch: UpgradeWatch::new(ClusterId("shop".to_owned()), catalog(), options),
        observations: Vec::new(),
        events: Vec::new(),
    };
    watched.see(0, server(version));
    watched
}

/// The same, of a cluster with these nodes.
fn behind_a_load_balancer(
    goal: Option<&str>,
    version: &str,
    all: &[(&str, &str)],
) -> Watched<'static> {
    let mut watched = probed_once(goal, version);
    watched.see(0, listed(&Need::nodes(), nodes(all)));
    watched
}

fn kinds(events: &[(EventKind, String)]) -> Vec<EventKind> {
    events.iter().map(|(kind, _)| *kind).collect()
}

#[test]
fn one_api_server_of_several_does_not_show_that_nothing_is_being_upgraded() {
    let mut idle = behind_a_load_balancer(None, "v1.36.4", &[("a", "old")]);
    assert_eq!(
        idle.events[0].message,
        "no upgrade found so far: API server v1.36.4, 1 node on the same minor; another API server behind the same address may \
         run another version"
    );
    assert!(!idle.watch.is_idle() && idle.watch.awaits_probes());
    for second in 1..7 {
        assert_eq!(idle.probe(second, "v1.36.4"), []);
    }
    assert_eq!(
        idle.probe(7, "v1.36.4"),
        [(
            EventKind::Picture,
            "nothing is being upgraded: API server v1.36.4, 1 node on the same minor".to_owned()
        )]
    );
    assert!(idle.watch.is_idle() && !idle.watch.awaits_probes());
    assert_eq!(idle.probe(8, "v1.36.4"), [], "once");

    let mut begun = behind_a_load_balancer(None, "v1.36.4", &[("a", "old")]);
    let events = begun.probe(1, "v1.37.0");
    assert_eq!(events[0].1, "an upgrade to 1.37 has begun");
    let later = (2..20).flat_map(|second| begun.probe(second, "v1.37.0"));
    assert!(
        later
            .into_iter()
            .all(|(kind, _)| kind == EventKind::Progress)
    );

    let empty = behind_a_load_balancer(None, "v1.36.4", &[]);
    assert!(
        empty.events[0]
            .message
            .contains("API server v1.36.4, no nodes;")
    );
}

#[test]
fn static_pods_show_all_api_servers_unless_one_of_their_versions_is_unknown() {
    for (image, is_known) in [
        ("registry.k8s.io/kube-apiserver:v1.36.4", true),
        ("registry.example/kube-apiserver:stable", false),
    ] {
        let mut watched = probed_once(None, "v1.36.4");
        let pod = |name: &str, image: &str| {
            json!({"meta": {"name": name, "namespace": "kube-system"}, "object": {
                "metadata": {"labels": {"component": "kube-apiserver"}, "annotations": {"kubernetes.io/config.mirror": "1"}},
                "spec": {"containers": [{"name": "kube-apiserver", "image": image}]}}})
        };
        let pods = [
            pod("kube-apiserver-1", "registry.k8s.io/kube-apiserver:v1.36.4"),
            pod("kube-apiserver-2", image),
        ];
        let rows = pods.map(|pod| serde_json::from_value(pod).expect("a pod"));
        let need = crate::facts::control_plane::control_plane_pods_need();
        watched.see(0, listed(&need, Rows::Objects(Table::from_iter(rows))));
        let first = watched.see(0, listed(&Need::nodes(), nodes(&[("a", "old")])));
        assert_eq!(
            first[0].1.starts_with("nothing is being upgraded"),
            is_known,
            "{}",
            first[0].1
        );
    }
}

#[test]
fn an_upgrade_is_not_finished_while_another_api_server_may_be_older() {
    let mut watched = behind_a_load_balancer(Some("1.37"), "v1.37.0", &[("a", "new")]);
    assert!(watched.watch.awaits_probes());
    assert_eq!(kinds(&watched.probe(1, "v1.36.4")), [EventKind::Progress]);
    for second in 2..9 {
        assert_eq!(watched.probe(second, "v1.37.0"), []);
    }
    assert_eq!(
        kinds(&watched.probe(9, "v1.37.0")),
        [EventKind::Progress, EventKind::Finished]
    );
    let why = "connection refused".to_owned();
    watched.see(
        10,
        Change::Outage {
            why,
            is_unauthorized: false,
        },
    );
    let back = watched.probe(20, "v1.37.0");
    assert_eq!(kinds(&back), [EventKind::Back], "it stays finished");
}

#[test]
fn a_node_that_goes_back_and_forth_makes_no_progress() {
    let all = [("a", "new"), ("b", "old")];
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    let mut stalls = 0;
    for minute in 1..40 {
        let state = if minute % 2 == 0 {
            "new"
        } else {
            "new not-ready"
        };
        let events = watched.change_node(minute * 60, "a", state);
        assert!(
            !kinds(&events).contains(&EventKind::Recovered),
            "{events:?}"
        );
        stalls += kinds(&events)
            .iter()
            .filter(|kind| **kind == EventKind::Stall)
            .count();
    }
    assert_eq!(stalls, 1);
    // The same states at a newer version are news, and so is a drain that goes on slowly.
    let events = watched.change_node(2400, "b", "old cordoned");
    assert_eq!(kinds(&events), [EventKind::Recovered, EventKind::Progress]);
    for (count, minute) in [(3, 50), (2, 60), (1, 70)] {
        let pods = (0..count).map(|number| {
            let pod = json!({"namespace": "shop", "name": format!("web-{number}"), "node": "b"});
            serde_json::from_value(pod).expect("a pod")
        });
        let pods = Rows::Pods(pods.collect());
        let events = watched.see(minute * 60, listed(&pods_on_node_need("b"), pods));
        assert!(!kinds(&events).contains(&EventKind::Stall), "{events:?}");
    }
}

#[test]
fn refused_credentials_are_no_silence_of_the_api_server() {
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    let outage = |is_unauthorized| Change::Outage {
        why: "why".to_owned(),
        is_unauthorized,
    };
    let message = |events: Vec<(EventKind, String)>| {
        events.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(
        message(watched.see(10, outage(false))),
        ["the API server does not answer: why"]
    );
    assert_eq!(
        message(watched.see(20, outage(true))),
        ["there are no valid credentials for the API server: why"]
    );
    assert_eq!(watched.see(30, outage(false)), [], "one line for each kind");
    assert_eq!(
        message(watched.probe(60, "v1.37.0")),
        ["the credentials are valid again after 60s, outage 1"]
    );
}
