//! A plan, for people and for programs: a file for each format over one document.

mod document;
mod fold;
mod foot;
mod html;
mod markdown;
mod table;
mod view;
mod wide;
mod words;

pub use document::{
    ConditionDoc, DurationDoc, PlanSummary, ScopeDoc, StepDoc, UpgradePlan, WindowDoc,
};

use super::{Format, Look, RenderError, encode, terminal};

/// The JSON Schema (draft 2020-12) of [`UpgradePlan`].
pub const UPGRADE_PLAN_SCHEMA: &str = include_str!("../schema/upgrade-plan.schema.json");

/// A plan in the wanted format, with a line break at the end unless it is empty.
///
/// # Errors
/// See [`RenderError`].
pub fn render_plan(format: Format, plan: &UpgradePlan, look: &Look) -> Result<String, RenderError> {
    match format {
        Format::Table => Ok(table::table(plan, look, false)),
        Format::Wide => Ok(table::table(plan, look, true)),
        Format::Json => encode::json(plan),
        Format::Yaml => encode::yaml(plan),
        Format::Name => Ok(plan
            .steps
            .iter()
            .map(|step| format!("{}\n", terminal::line(&step.id)))
            .collect()),
        Format::Markdown => Ok(markdown::markdown(plan)),
        Format::Html => html::html(plan),
    }
}
