//! `-o`: the formats that a command knows, and what its help says of each.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::report::OutputFormat;

/// What one writes, what that is, and what is said of it.
type FormatSpec = (&'static str, OutputFormat, &'static str);

/// Of the report.
pub(super) const REPORT_FORMATS: &[FormatSpec] = &[
    (
        "table",
        OutputFormat::Table,
        "One finding a line, then what to do",
    ),
    ("wide", OutputFormat::Wide, "One object a line"),
    ("json", OutputFormat::Json, "UpgradeReport"),
    ("yaml", OutputFormat::Yaml, "The same as YAML"),
    ("name", OutputFormat::Name, "Names of objects"),
    ("markdown", OutputFormat::Markdown, "To put into a ticket"),
    ("html", OutputFormat::Html, "A page to read and to print"),
];

/// Of a plan.
pub(super) const PLAN_FORMATS: &[FormatSpec] = &[
    (
        "table",
        OutputFormat::Table,
        "A tree; steps that are alike are told once",
    ),
    (
        "wide",
        OutputFormat::Wide,
        "Every step, with all that is known of it",
    ),
    ("json", OutputFormat::Json, "UpgradePlan"),
    ("yaml", OutputFormat::Yaml, "The same as YAML"),
    ("name", OutputFormat::Name, "Ids of steps"),
    (
        "markdown",
        OutputFormat::Markdown,
        "A runbook for a change request, with boxes to tick",
    ),
    (
        "html",
        OutputFormat::Html,
        "The same as a page of its own, to read and to print",
    ),
];

/// Of lists.
pub(super) const LIST_FORMATS: &[FormatSpec] = &[
    ("table", OutputFormat::Table, "A table"),
    ("json", OutputFormat::Json, "JSON"),
    ("yaml", OutputFormat::Yaml, "YAML"),
];

/// Takes one of these.
pub(super) fn format_parser(
    known: &'static [FormatSpec],
) -> impl TypedValueParser<Value = OutputFormat> {
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
