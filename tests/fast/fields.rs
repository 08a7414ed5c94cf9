//! How fields change between API versions, against what the types of upstream's modules have.

use std::collections::BTreeSet;

use kubectl_upgrade::catalog::{Catalog, FieldChange, FieldFate, Gvk};
use serde::Deserialize;

use crate::golden;

/// A difference between an API and its replacement, from `make lifecycle`.
#[derive(Debug, Deserialize)]
struct Difference {
    from: String,
    to: String,
    change: String,
    field: String,
}

/// Rows about fields that the types have in both versions, or have in a module before the oldest that is read.
const NOT_IN_THE_TYPES: [&str; 4] = [
    // Only true is refused.
    "apiextensions.k8s.io/v1beta1 CustomResourceDefinition spec.preserveUnknownFields",
    // In 0.31 and 0.32, not in the last module with the version.
    "resource.k8s.io/v1alpha3 ResourceClaim spec.controller",
    "resource.k8s.io/v1alpha3 ResourceClaimTemplate spec.spec.controller",
    // In v1 its parent is a type of another package.
    "storagemigration.k8s.io/v1alpha1 StorageVersionMigration spec.resource.version",
];

fn differences() -> Vec<Difference> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_path(golden::in_repository("tests/fixtures/upstream-fields.tsv"))
        .expect("the table")
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("differences")
}

fn api(text: &str) -> Gvk {
    text.parse().expect("group/version/Kind")
}

/// Whether two paths are the same, or one is a part of the other.
fn overlap(a: &str, b: &str) -> bool {
    let is_below = |path: &str, parent: &str| {
        path.strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    is_below(a, b) || is_below(b, a)
}

fn explains(row: &FieldChange, difference: &Difference) -> bool {
    let field = difference.field.as_str();
    match (difference.change.as_str(), row.fate) {
        ("gone", FieldFate::Move | FieldFate::Drop) => overlap(&row.field, field),
        ("required", FieldFate::Require) => row.field == field,
        ("required", FieldFate::Move) => {
            let parent = row.into.rsplit_once('.').map_or("", |(parent, _)| parent);
            let beside = row
                .value
                .split_once(':')
                .map(|(name, _)| format!("{parent}.{name}"));
            overlap(&row.into, field) || beside.as_deref() == Some(field)
        }
        _ => false,
    }
}

#[test]
fn each_field_that_a_replacement_lacks_or_requires_has_a_row() {
    let catalog = Catalog::embedded().expect("the catalog");
    let silent: Vec<Difference> = differences()
        .into_iter()
        .filter(|difference| {
            let (from, to) = (api(&difference.from), api(&difference.to));
            let mut rows = catalog.field_changes(&from, &to);
            !rows.any(|row| explains(row, difference))
        })
        .collect();
    assert!(
        silent.is_empty(),
        "no row of field-changes.tsv: {silent:#?}"
    );
}

#[test]
fn a_row_about_a_field_that_moves_or_ends_is_confirmed_by_the_types() {
    let catalog = Catalog::embedded().expect("the catalog");
    let differences = differences();
    let mut unconfirmed = BTreeSet::new();
    for row in &catalog.field_changes {
        assert!(!row.source.is_empty(), "{row:?}");
        assert_eq!(row.into.is_empty(), row.fate != FieldFate::Move, "{row:?}");
        for from in row.apis() {
            let found = catalog.apis.find(&from);
            assert!(found.is_some_and(|api| api.removed.is_some()), "{row:?}");
            let mut others = differences.iter();
            let confirmed =
                others.any(|difference| api(&difference.from) == from && explains(row, difference));
            if !confirmed && matches!(row.fate, FieldFate::Move | FieldFate::Drop) {
                unconfirmed.insert(format!("{from} {}", row.field));
            }
        }
    }
    let expected: BTreeSet<String> = NOT_IN_THE_TYPES.map(str::to_owned).into();
    assert_eq!(unconfirmed, expected);
}
