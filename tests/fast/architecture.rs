//! The house as `src/lib.rs` draws it: which module imports which, files without circles, a name for one type alone.
//!
//! What is not so yet is listed below and tolerated. An entry whose reason is gone fails its test, so that the lists only
//! shrink.

mod planted;
mod source;
mod tree;

use std::collections::BTreeSet;

use crate::golden;
use tree::{Tree, circles, entangled};

/// Each top-level module with those that it imports: all of them stand above it.
const MODULES: [(&str, &[&str]); 21] = [
    ("text", &[]),
    ("catalog", &["text"]),
    ("evidence", &[]),
    ("x509", &[]),
    ("path", &["catalog"]),
    ("need", &["catalog", "path"]),
    ("snapshot", &["catalog", "need", "x509", "text"]),
    ("manifests", &["catalog", "snapshot", "text"]),
    ("kubeconfig", &["x509", "text"]),
    (
        "client",
        &[
            "catalog",
            "kubeconfig",
            "manifests",
            "need",
            "snapshot",
            "text",
        ],
    ),
    (
        "api_usage",
        &["catalog", "evidence", "need", "path", "snapshot"],
    ),
    (
        "detect",
        &["api_usage", "catalog", "need", "snapshot", "text"],
    ),
    (
        "facts",
        &["catalog", "detect", "need", "snapshot", "text", "x509"],
    ),
    (
        "rules",
        &[
            "api_usage",
            "catalog",
            "detect",
            "evidence",
            "facts",
            "need",
            "path",
            "snapshot",
            "text",
        ],
    ),
    (
        "fleet",
        &[
            "catalog", "detect", "evidence", "need", "path", "rules", "snapshot",
        ],
    ),
    (
        "conditions",
        &[
            "catalog", "detect", "facts", "need", "path", "rules", "snapshot", "text",
        ],
    ),
    (
        "plan",
        &[
            "catalog",
            "conditions",
            "detect",
            "facts",
            "fleet",
            "need",
            "path",
            "rules",
            "snapshot",
            "text",
        ],
    ),
    (
        "watch",
        &[
            "catalog",
            "conditions",
            "detect",
            "facts",
            "need",
            "snapshot",
            "text",
        ],
    ),
    (
        "api",
        &[
            "catalog",
            "conditions",
            "detect",
            "evidence",
            "fleet",
            "need",
            "path",
            "plan",
            "rules",
            "text",
            "watch",
        ],
    ),
    (
        "report",
        &["api", "catalog", "need", "plan", "rules", "text"],
    ),
    (
        "cli",
        &[
            "api",
            "catalog",
            "client",
            "detect",
            "fleet",
            "kubeconfig",
            "manifests",
            "need",
            "path",
            "plan",
            "report",
            "rules",
            "snapshot",
            "text",
            "watch",
        ],
    ),
];

/// Imports against the arrow that are still there. The list only shrinks.
const UPWARD: [(&str, &str); 0] = [];

/// Modules that hold what their own submodules import, and import from these themselves.
const ENTANGLED: [&str; 2] = ["detect", "detect::kyma"];

/// Files that import one another in a circle, by the top-level module that they are of.
const CIRCLES: [&[&str]; 0] = [];

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
            let is_tolerated = UPWARD.contains(&(*module, *other));
            assert!(
                above.contains(other) || is_tolerated,
                "{module} stands above {other}"
            );
        }
    }
}

#[test]
fn nothing_is_imported_against_the_arrow() {
    let wrong = against(&MODULES, &tree());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn types_of_documents_import_no_internal_type() {
    let edges = tree().edges();
    let of_types = |file: &&Vec<String>| {
        file.first().is_some_and(|module| module == "api")
            && !file.iter().any(|name| name == "convert")
    };
    let (mut files, mut wrong) = (0, Vec::new());
    for (file, others) in edges.iter().filter(|(file, _)| of_types(file)) {
        files += 1;
        wrong.extend(
            others
                .iter()
                .filter(|other| !matches!(other[0].as_str(), "api" | "catalog"))
                .map(|other| (file, other)),
        );
    }
    assert!(files > 3 && wrong.is_empty(), "{wrong:?}");
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
    let types = tree.types();
    let shared: Vec<_> = types
        .iter()
        .filter(|(_, modules)| modules.len() > 1)
        .collect();
    assert!(shared.is_empty(), "{shared:#?}");
}
