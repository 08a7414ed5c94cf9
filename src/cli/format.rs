//! `-o`: the formats of each command and their help.

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};

use crate::report::{EventFormat, OutputFormat};

/// Name, format and help.
type FormatSpec = (&'static str, OutputFormat, &'static str);

/// Formats of a report.
pub(super) const REPORT_FORMATS: &[FormatSpec] = &[
    (
        "table",
        OutputFormat::Table,
        "One finding per line, then the remedies",
    ),
    ("wide", OutputFormat::Wide, "One object per line"),
    ("json", OutputFormat::Json, "UpgradeReport"),
    ("yaml", OutputFormat::Yaml, "The same as YAML"),
    (
        "summary",
        OutputFormat::Summary,
        "One rule per line, on one screen",
    ),
    (
        "name",
        OutputFormat::Name,
        "Object names, for xargs -L1 kubectl get",
    ),
    ("csv", OutputFormat::Csv, "One object per record"),
    ("junit", OutputFormat::Junit, "One test case per rule"),
    (
        "waivers",
        OutputFormat::Waivers,
        "A waivers file to fill in, for all that is open",
    ),
    ("markdown", OutputFormat::Markdown, "For tickets"),
    ("html", OutputFormat::Html, "Standalone printable page"),
];

/// Formats of a plan.
pub(super) const PLAN_FORMATS: &[FormatSpec] = &[
    (
        "table",
        OutputFormat::Table,
        "Steps by hop; steps of a pool in one line",
    ),
    ("wide", OutputFormat::Wide, "Every step with all details"),
    ("json", OutputFormat::Json, "UpgradePlan"),
    ("yaml", OutputFormat::Yaml, "The same as YAML"),
    ("name", OutputFormat::Name, "Step ids"),
    (
        "markdown",
        OutputFormat::Markdown,
        "A runbook for change requests, with checkboxes",
    ),
    (
        "html",
        OutputFormat::Html,
        "The runbook as a standalone page",
    ),
];

/// Formats of lists.
pub(super) const LIST_FORMATS: &[FormatSpec] = &[
    ("table", OutputFormat::Table, "A table"),
    ("json", OutputFormat::Json, "JSON"),
    ("yaml", OutputFormat::Yaml, "YAML"),
];

/// Parses one of these.
pub(super) fn format_parser(
    formats: &'static [FormatSpec],
) -> impl TypedValueParser<Value = OutputFormat> {
    let values = formats
        .iter()
        .map(|(name, _, help)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).try_map(|chosen| {
        let mut formats = formats.iter();
        formats
            .find(|(name, ..)| *name == chosen)
            .map(|(_, format, _)| *format)
            .ok_or("unknown format")
    })
}

/// Parses the format of events.
pub(super) fn event_format_parser() -> impl TypedValueParser<Value = EventFormat> {
    let values = [
        PossibleValue::new("text").help("One line per event"),
        PossibleValue::new("json").help("One UpgradeEvent per line"),
    ];
    PossibleValuesParser::new(values).map(|chosen| match chosen.as_str() {
        "json" => EventFormat::Json,
        _ => EventFormat::Text,
    })
}

/// Parses a number in a range.
pub(super) fn number_in<T>(least: u32, most: u32) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<u32> + Clone + Send + Sync + 'static,
{
    StringValueParser::new().try_map(move |text| {
        let number = text
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| match most {
            u32::MAX => format!("expected a whole number from {least}"),
            _ => format!("expected a whole number from {least} to {most}"),
        })
    })
}
