//! `-o`: the formats that a command knows, and what its help says of each.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::report::Format;

/// What one writes, what that is, and what is said of it.
type Known = (&'static str, Format, &'static str);

/// Of the report.
pub(super) const REPORT: &[Known] = &[
    (
        "table",
        Format::Table,
        "One finding a line, then what to do",
    ),
    ("wide", Format::Wide, "One object a line"),
    ("json", Format::Json, "UpgradeReport"),
    ("yaml", Format::Yaml, "The same as YAML"),
    ("name", Format::Name, "Names of objects"),
    ("markdown", Format::Markdown, "To put into a ticket"),
    ("html", Format::Html, "A page to read and to print"),
];

/// Of a plan.
pub(super) const PLAN: &[Known] = &[
    (
        "table",
        Format::Table,
        "A tree; steps that are alike are told once",
    ),
    (
        "wide",
        Format::Wide,
        "Every step, with all that is known of it",
    ),
    ("json", Format::Json, "UpgradePlan"),
    ("yaml", Format::Yaml, "The same as YAML"),
    ("name", Format::Name, "Ids of steps"),
    (
        "markdown",
        Format::Markdown,
        "A runbook for a change request, with boxes to tick",
    ),
    (
        "html",
        Format::Html,
        "The same as a page of its own, to read and to print",
    ),
];

/// Of lists.
pub(super) const LIST: &[Known] = &[
    ("table", Format::Table, "A table"),
    ("json", Format::Json, "JSON"),
    ("yaml", Format::Yaml, "YAML"),
];

/// Takes one of these.
pub(super) fn one_of(known: &'static [Known]) -> impl TypedValueParser<Value = Format> {
    let values = known
        .iter()
        .map(|(name, _, help)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).try_map(|chosen| {
        let mut known = known.iter();
        known
            .find(|(name, ..)| *name == chosen)
            .map(|(_, format, _)| *format)
            .ok_or("there is no such format")
    })
}
