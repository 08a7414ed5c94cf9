//! The house as `src/lib.rs` draws it: which module imports which, files without circles, a name for one type alone.
//!
//! What is not so yet is listed below and tolerated. An entry whose reason is gone fails its test, so that the lists only
//! shrink.

mod names;
mod planted;
mod source;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use crate::golden;
use tree::{Tree, circles, entangled};

/// Each top-level module with those that it imports: all of them stand above it.
const MODULES: [(&str, &[&str]); 14] = [
    ("catalog", &[]),
    ("evidence", &[]),
    ("certificate", &[]),
    ("path", &["catalog"]),
    ("need", &["catalog", "path"]),
    ("snapshot", &["catalog", "certificate", "need"]),
    ("cluster", &["catalog", "certificate", "need", "snapshot"]),
    (
        "claims",
        &["catalog", "evidence", "need", "path", "snapshot"],
    ),
    // Of `claims` only what must be read to see the releases of Helm.
    ("detect", &["catalog", "claims", "need", "snapshot"]),
    (
        "check",
        &[
            "catalog",
            "certificate",
            "claims",
            "detect",
            "evidence",
            "need",
            "path",
            "snapshot",
        ],
    ),
    (
        "progress",
        &["catalog", "check", "detect", "need", "path", "snapshot"],
    ),
    (
        "plan",
        &[
            "catalog", "check", "detect", "need", "path", "progress", "snapshot",
        ],
    ),
    (
        "report",
        &[
            "catalog", "check", "detect", "evidence", "need", "path", "plan", "progress",
            "snapshot",
        ],
    ),
    (
        "cli",
        &[
            "catalog", "check", "cluster", "detect", "need", "path", "plan", "report", "snapshot",
        ],
    ),
];

/// Modules that hold what their own submodules import, and import from these themselves.
const ENTANGLED: [&str; 15] = [
    "catalog",
    "catalog::platform",
    "check",
    "cli",
    "cluster",
    "cluster::decode",
    "cluster::files",
    "cluster::kubeconfig",
    "cluster::manifest",
    "detect",
    "detect::kyma",
    "path",
    "plan",
    "report",
    "snapshot::redact",
];

/// Files that import one another in a circle, by the top-level module that they are of.
const CIRCLES: [&[&str]; 10] = [
    &[
        "check::baseline",
        "check::budget",
        "check::data",
        "check::finding",
        "check::judge",
        "check::pods",
        "check::policy",
        "check::situation",
        "check::waivers",
        "check::workload",
    ],
    &["cli::gather", "cli::pseudonyms"],
    &[
        "cluster::kubeconfig::choose",
        "cluster::kubeconfig::error",
        "cluster::kubeconfig::files",
    ],
    &["cluster::list", "cluster::pieces"],
    &["plan::addons", "plan::apis", "plan::expand"],
    &["report::advice", "report::aside", "report::table"],
    &["report::hazards", "report::rules"],
    &[
        "report::plan::document",
        "report::plan::fold",
        "report::plan::words",
    ],
    &["report::plan::table", "report::plan::wide"],
    &[
        "snapshot::pods",
        "snapshot::rows",
        "snapshot::shared",
        "snapshot::workloads",
    ],
];

fn tree() -> Tree {
    Tree::load(&golden::in_repository("src"))
}

/// Every import that the table does not allow, and every permission that nothing makes use of.
fn against(table: &[(&str, &[&str])], tree: &Tree) -> Vec<String> {
    let mut unused: BTreeSet<(&str, &str)> = table
        .iter()
        .flat_map(|(module, others)| others.iter().map(|other| (*module, *other)))
        .collect();
    let allowed = unused.clone();
    let mut wrong = Vec::new();
    let edges = tree.edges();
    for (file, others) in &edges {
        for other in others {
            let (Some(from), Some(to)) = (file.first(), other.first()) else {
                continue;
            };
            let pair = (from.as_str(), to.as_str());
            unused.remove(&pair);
            if from != to && !allowed.contains(&pair) {
                let (file, other) = (file.join("::"), other.join("::"));
                wrong.push(format!(
                    "{file} imports {other}, but {from} may not import {to}"
                ));
            }
        }
    }
    let unused = unused.into_iter();
    wrong.extend(unused.map(|(from, to)| {
        format!("{from} does not import {to}: take the permission out of MODULES")
    }));
    wrong
}

/// What is there and not tolerated, and what is tolerated and not there.
fn compare<T: Ord + std::fmt::Debug>(what: &str, list: &str, found: &BTreeSet<T>, known: &[T]) {
    assert!(known.is_sorted(), "{list} is sorted");
    let known: BTreeSet<&T> = known.iter().collect();
    let found: BTreeSet<&T> = found.iter().collect();
    let new = found.difference(&known);
    let new = new.map(|one| format!("{what}, which is new: {one:?}"));
    let gone = known.difference(&found);
    let gone = gone.map(|one| format!("gone or smaller now, narrow {list}: {one:?}"));
    let wrong: Vec<String> = new.chain(gone).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_top_level_module_has_its_row_below_those_that_it_imports() {
    let rows: BTreeSet<&str> = MODULES.iter().map(|(module, _)| *module).collect();
    assert_eq!(rows, tree().top_level());
    for (at, (module, others)) in MODULES.iter().enumerate() {
        let above: Vec<&str> = MODULES[..at].iter().map(|(module, _)| *module).collect();
        for other in *others {
            assert!(above.contains(other), "{module} stands above {other}");
        }
    }
}

#[test]
fn nothing_is_imported_against_the_arrow() {
    let wrong = against(&MODULES, &tree());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_a_module_do_not_import_one_another_in_a_circle() {
    let known = CIRCLES.map(|circle| Vec::from_iter(circle.iter().map(ToString::to_string)));
    let found = circles(&tree().edges());
    compare("a circle of imports", "CIRCLES", &found, &known);
}

#[test]
fn a_module_imports_from_its_submodules_or_they_from_it() {
    let known = ENTANGLED.map(str::to_owned);
    let found = entangled(&tree().edges());
    compare("imports both ways", "ENTANGLED", &found, &known);
}

#[test]
fn no_two_types_have_the_same_name() {
    let tree = tree();
    let twice: BTreeMap<&str, Vec<String>> = tree
        .types()
        .into_iter()
        .filter(|(_, modules)| modules.len() > 1)
        .collect();
    let found = twice
        .iter()
        .map(|(name, modules)| (*name, modules.len()))
        .collect();
    compare(
        "a name of several types",
        "names::SHARED",
        &found,
        &names::SHARED,
    );
}
