//! A plan, for people and for programs: a file for each format over one document.

mod footer;
mod group;
mod heading;
mod html;
mod table;
mod text;
mod view;
mod wide;

use super::options::{OutputFormat, RenderError, RenderOptions};
use super::page::markdown::render_markdown;
use super::{encode, terminal};
use crate::api::v1::UpgradePlan;

/// A plan in the wanted format, with a line break at the end unless it is empty.
///
/// # Errors
/// See [`RenderError`].
pub fn render_plan(
    format: OutputFormat,
    plan: &UpgradePlan,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    match format {
        OutputFormat::Table => Ok(table::plan_table(plan, look, false)),
        OutputFormat::Wide => Ok(table::plan_table(plan, look, true)),
        OutputFormat::Json => encode::to_json(plan),
        OutputFormat::Yaml => encode::to_yaml(plan),
        OutputFormat::Name => Ok(plan
            .steps
            .iter()
            .map(|step| format!("{}\n", terminal::escape_line(&step.id)))
            .collect()),
        OutputFormat::Markdown => render_markdown(&view::PlanView::new(plan)),
        OutputFormat::Html => html::plan_html(plan),
    }
}
