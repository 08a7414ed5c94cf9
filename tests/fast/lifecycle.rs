//! Our table of APIs against what upstream's own modules say, in both directions.
//!
//! `make lifecycle` reads the markers again; `upstream-exceptions.tsv` says where we know better, why, and how we know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kubectl_upgrade::catalog::{Api, Catalog, Gvk, Minor};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::golden;

/// What the newest module that has a type says of it.
#[derive(Debug, Deserialize)]
struct Upstream {
    group: String,
    version: String,
    kind: String,
    introduced: Option<Minor>,
    deprecated: Option<Minor>,
    removed: Option<Minor>,
    replacement: String,
    first_seen: Minor,
    seen_in: Minor,
}

/// Where our table differs on purpose.
#[derive(Debug, Deserialize)]
struct Exception {
    group: String,
    version: String,
    kind: String,
    field: String,
    ours: String,
    theirs: String,
    why: String,
    source: String,
}

/// What differs: the API, the field, our word, theirs.
type Difference = (String, String, String, String);

fn table<T: DeserializeOwned>(path: &str) -> Vec<T> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_path(golden::in_repository(path))
        .expect("the table")
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn gvk(group: &str, version: &str, kind: &str) -> Gvk {
    let group = if group == "core" { "" } else { group };
    Gvk {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
    }
}

fn upstream() -> BTreeMap<Gvk, Upstream> {
    let rows: Vec<Upstream> = table("tests/fixtures/upstream-lifecycle.tsv");
    assert!(!rows.is_empty());
    rows.into_iter()
        .map(|row| (gvk(&row.group, &row.version, &row.kind), row))
        .collect()
}

fn text(minor: Option<Minor>) -> String {
    minor.map(|minor| minor.to_string()).unwrap_or_default()
}

/// The minors of the first and of the last modules that were read.
fn span(upstream: &BTreeMap<Gvk, Upstream>) -> (Minor, Minor) {
    let first = upstream.values().map(|row| row.first_seen).min();
    let last = upstream.values().map(|row| row.seen_in).max();
    (first.expect("rows"), last.expect("rows"))
}

/// What a marker says and we do not. A replacement may be a later version than the one that upstream names: then the
/// same kind in the same group is meant.
fn denied(api: &Api, marker: &Upstream) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, ours: Option<Minor>, theirs: Option<Minor>| {
        if theirs.is_some() && ours != theirs {
            let field = field.to_owned();
            found.push((api.gvk().to_string(), field, text(ours), text(theirs)));
        }
    };
    compare("introduced", Some(api.introduced), marker.introduced);
    compare("deprecated", api.deprecated, marker.deprecated);
    compare("removed", api.removed, marker.removed);
    let ours = api.replacement.as_ref();
    let theirs: Option<Gvk> = marker.replacement.parse().ok();
    let home = |gvk: &Gvk| (gvk.group.clone(), gvk.kind.clone());
    if theirs.is_some() && ours.map(home) != theirs.as_ref().map(home) {
        let ours = ours.map(|gvk| format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind));
        found.push((
            api.gvk().to_string(),
            "replacement".to_owned(),
            ours.unwrap_or_default(),
            marker.replacement.clone(),
        ));
    }
    found
}

/// What we say and no marker does, from the first minor on that has markers. A type that a module does not have any more
/// says by that when it went.
fn unconfirmed(
    api: &Api,
    marker: Option<&Upstream>,
    (first, last): (Minor, Minor),
) -> Vec<Difference> {
    let gone = match marker {
        Some(marker) => Some(marker.seen_in.next()).filter(|minor| *minor <= last),
        None => Some(first),
    };
    let deprecated = (
        "deprecated",
        api.deprecated,
        marker.and_then(|marker| marker.deprecated),
        false,
    );
    let removed = (
        "removed",
        api.removed,
        marker.and_then(|marker| marker.removed),
        gone == api.removed,
    );
    [deprecated, removed]
        .into_iter()
        .filter(|(_, ours, theirs, seen)| {
            ours.is_some_and(|ours| ours >= first) && theirs.is_none() && !seen
        })
        .map(|(field, ours, _, _)| {
            let field = field.to_owned();
            (api.gvk().to_string(), field, text(ours), String::new())
        })
        .collect()
}

#[test]
fn our_table_differs_from_upstreams_markers_only_where_we_say_why() {
    let catalog = Catalog::embedded().expect("the catalog");
    let upstream = upstream();
    let span = span(&upstream);
    let mut differences = BTreeSet::new();
    for api in catalog.apis.iter() {
        let marker = upstream.get(&api.gvk());
        differences.extend(marker.iter().flat_map(|marker| denied(api, marker)));
        differences.extend(unconfirmed(api, marker, span));
    }
    let exceptions: Vec<Exception> = table("tests/fixtures/upstream-exceptions.tsv");
    let mut excepted = BTreeSet::new();
    for row in exceptions {
        assert!(!row.why.is_empty() && !row.source.is_empty(), "{row:?}");
        let api = gvk(&row.group, &row.version, &row.kind).to_string();
        let fresh = excepted.insert((api, row.field, row.ours, row.theirs));
        assert!(fresh, "an exception stands there twice");
    }
    let silent: Vec<_> = differences.difference(&excepted).collect();
    assert!(silent.is_empty(), "no exception explains {silent:#?}");
    let stale: Vec<_> = excepted.difference(&differences).collect();
    assert!(stale.is_empty(), "no difference any more: {stale:#?}");
}

#[test]
fn a_type_with_an_end_has_a_row_and_one_that_vanished_is_removed() {
    let catalog = Catalog::embedded().expect("the catalog");
    let upstream = upstream();
    let (first, last) = span(&upstream);
    for (gvk, marker) in &upstream {
        let Some(api) = catalog.apis.find(gvk) else {
            // Options of requests, and references inside other objects.
            let lives_on = marker.removed.is_none() && marker.seen_in == last;
            assert!(lives_on, "{gvk} has no row");
            continue;
        };
        if marker.seen_in < last {
            let gone = marker.seen_in.next();
            let removed = api.removed.is_some_and(|removed| removed <= gone);
            assert!(removed, "{gvk} is gone from the module in {gone}");
        }
        if marker.first_seen > first {
            assert_eq!(api.introduced, marker.first_seen, "{gvk}");
        }
    }
}

/// What the generator reads must not fall behind what the table of releases knows.
#[test]
fn markers_of_the_newest_release_were_read() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (_, last) = span(&upstream());
    let newest = catalog
        .kubernetes_releases
        .newest_known()
        .expect("releases");
    assert_eq!(
        last, newest.minor,
        "raise `newest` in tests/lifecycle/main.go"
    );
    let generator = fs::read_to_string(golden::in_repository("tests/lifecycle/main.go"));
    assert!(
        generator
            .expect("it")
            .contains(&format!("newest     = {}", last.minor))
    );
}

/// A feature gate in upstream's reference list of the newest minors.
#[derive(Debug, Deserialize)]
struct UpstreamGate {
    gate: String,
    introduced: Minor,
    locked_since: Option<Minor>,
    locked_value: Option<bool>,
    seen_in: Minor,
}

/// In both directions: a gate that upstream locks or removes has a row, and a row that is not removed is upstream's.
#[test]
fn feature_gates_are_those_of_upstreams_reference_list() {
    let catalog = Catalog::embedded().expect("the catalog");
    let rows: Vec<UpstreamGate> = table("tests/fixtures/upstream-gates.tsv");
    let newest = catalog
        .kubernetes_releases
        .newest_known()
        .expect("releases");
    let last = rows.iter().map(|row| row.seen_in).max().expect("gates");
    assert_eq!(last, newest.minor, "run make lifecycle");
    let first = rows.iter().map(|row| row.seen_in).min().expect("gates");
    for theirs in &rows {
        let removed = (theirs.seen_in < last).then_some(last);
        let name = &theirs.gate;
        match catalog.control_plane_removals.feature_gate(name) {
            None => assert!(
                theirs.locked_since.or(removed).is_none(),
                "{name} has no row"
            ),
            Some(ours) => {
                assert_eq!(ours.locked_since, theirs.locked_since, "{name}");
                assert_eq!(ours.locked_value, theirs.locked_value, "{name}");
                assert_eq!(ours.removed_in, removed, "{name}");
                // Deprecated gates are listed from 1.0 on, for the behaviour before them.
                let is_dated = theirs.introduced > "1.0".parse().expect("a minor");
                assert!(!is_dated || ours.introduced == theirs.introduced, "{name}");
            }
        }
    }
    let upstream: BTreeSet<&String> = rows.iter().map(|row| &row.gate).collect();
    for ours in &catalog.control_plane_removals.feature_gates {
        let is_alive = ours.removed_in.is_none_or(|removed| removed > first);
        assert!(
            !is_alive || upstream.contains(&ours.name),
            "{} is no gate of {first} or {last}",
            ours.name
        );
    }
}
