//! From a judgement to text: a file for each format over one document. Nothing is decided here.
//!
//! | file | holds |
//! |---|---|
//! | `document` | [`UpgradeReport`], the types behind `-o json` and `-o yaml` |
//! | `schema/` | the JSON Schema of that document |
//! | `plan/` | [`UpgradePlan`], and what is told of plans |
//! | `encode` | JSON and YAML of any document |
//! | `table`, `advice`, `aside` | the table, and what stands below it |
//! | `name` | `-o name` |
//! | `rules`, `hazards` | `rules` and `explain` |
//! | `rbac` | `rbac` |
//! | `catalog` | `catalog` |
//! | `terminal`, `styles` | escaping, ages, colour |
//! | `grid`, `prose` | columns and wrapped lines |
//! | `page/` | Markdown and HTML; the templates are in `templates/` |

mod catalog;
mod columns;
mod document;
mod encode;
mod hazards;
mod name;
mod notices;
mod page;
mod plan;
mod platforms;
mod rbac;
mod remedies;
mod rules;
mod stacked;
mod styles;
mod table;
pub mod terminal;
mod wrap;

pub use catalog::{CatalogSummary, MinorDoc, MinorRangeDoc, PlatformReleases, render_catalog};
pub use document::{
    API_VERSION, BaselineDoc, CHECK_TOOL, CatalogDoc, ClusterDoc, DocumentMetadata, FindingDoc,
    HopDoc, ObjectDoc, ToolDoc, UpgradeReport, WaiverDoc,
};
pub use hazards::{RuleState, explain_hazard};
pub use plan::{
    ConditionDoc, DurationDoc, PlanSummary, ScopeDoc, StepDoc, UPGRADE_PLAN_SCHEMA, UpgradePlan,
    WindowDoc, render_plan,
};
pub use platforms::{ComponentDoc, PlatformDoc};
pub use rbac::{RbacSubject, render_rbac};
pub use rules::{RuleDoc, RuleList, UnknownRule, explain_rule, render_rules};
pub use styles::{ColorChoice, Styles, wants_color};

/// The JSON Schema (draft 2020-12) of [`UpgradeReport`].
pub const UPGRADE_REPORT_SCHEMA: &str = include_str!("schema/upgrade-report.schema.json");

/// What `-o` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// A finding a line, and what to do.
    #[default]
    Table,
    /// More columns, and an object a line.
    Wide,
    /// The document as JSON.
    Json,
    /// The document as YAML.
    Yaml,
    /// `kind.group/name`, an object a line.
    Name,
    /// To put into a ticket or a change request. Lists of what is known have no such form and are tables.
    Markdown,
    /// A page of its own. Lists of what is known have no such form and are tables.
    Html,
}

/// How text for people looks.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions {
    /// Colours.
    pub styles: Styles,
    /// Whether tables have headers.
    pub show_headers: bool,
    /// Columns of the terminal: a wider table is told in lines below one another. None where nobody is looking, as in a
    /// pipe, where a row stays one line.
    pub width: Option<usize>,
}

impl RenderOptions {
    /// How wide a line of prose may be.
    fn prose_width(&self) -> usize {
        const WIDEST: usize = 100;
        const NARROWEST: usize = 40;
        self.width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
    }
}

impl Default for RenderOptions {
    /// Plain, with headers.
    fn default() -> Self {
        Self {
            styles: Styles::default(),
            show_headers: true,
            width: None,
        }
    }
}

/// A document that could not be written down. Cannot happen with the documents of this module, whose keys are all strings;
/// it is an error all the same, so that it would be seen.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// As JSON.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// As YAML.
    #[error("the result cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// As HTML.
    #[error("the result cannot be written as HTML")]
    Html(#[from] askama::Error),
}

/// A report in the wanted format, with a line break at the end unless it is empty.
///
/// # Errors
/// See [`RenderError`].
pub fn render_report(
    format: OutputFormat,
    report: &UpgradeReport,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    match format {
        OutputFormat::Table => Ok(table::report_table(report, look, false)),
        OutputFormat::Markdown => Ok(page::check_markdown(report)),
        OutputFormat::Html => page::report_html(report),
        OutputFormat::Wide => Ok(table::report_table(report, look, true)),
        OutputFormat::Json => encode::to_json(report),
        OutputFormat::Yaml => encode::to_yaml(report),
        OutputFormat::Name => Ok(name::object_names(report)),
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
