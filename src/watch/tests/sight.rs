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
    let outage = watched.see(10, Change::Outage { why });
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
