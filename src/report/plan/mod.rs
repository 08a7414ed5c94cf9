//! A plan, for people and for programs: a file for each format over one document.

mod footer;
mod group;
mod heading;
mod html;
mod table;
mod text;
mod view;
mod wide;

use std::borrow::Cow;

use super::options::{OutputFormat, RenderError, RenderOptions};
use super::page::markdown::render_within_limits;
use super::{cluster_names, encode, terminal};
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
    let plan = &with_cluster_names(plan, format);
    match format {
        OutputFormat::Table
        | OutputFormat::Summary
        | OutputFormat::Csv
        | OutputFormat::Junit
        | OutputFormat::Waivers => Ok(table::plan_table(plan, look, false)),
        OutputFormat::Wide => Ok(table::plan_table(plan, look, true)),
        OutputFormat::Json => encode::to_json(plan),
        OutputFormat::Yaml => encode::to_yaml(plan),
        OutputFormat::Name => Ok(plan
            .steps
            .iter()
            .map(|step| format!("{}\n", terminal::escape_line(&step.id)))
            .collect()),
        OutputFormat::Markdown => render_within_limits(|limit| view::PlanView::new(plan, limit)),
        OutputFormat::Html => html::plan_html(plan),
    }
}

/// The plan with the name of the cluster before the text of each finding and gap; the same plan if it has one cluster, and
/// for programs.
fn with_cluster_names(plan: &UpgradePlan, format: OutputFormat) -> Cow<'_, UpgradePlan> {
    let is_document = matches!(format, OutputFormat::Json | OutputFormat::Yaml);
    if is_document || plan.clusters.len() < 2 {
        return Cow::Borrowed(plan);
    }
    let mut plan = plan.clone();
    plan.findings
        .iter_mut()
        .for_each(cluster_names::name_finding_cluster);
    plan.gaps
        .iter_mut()
        .for_each(cluster_names::name_gap_cluster);
    Cow::Owned(plan)
}
