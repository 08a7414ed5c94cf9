//! The plan as a page of its own: no script, nothing from elsewhere.

use askama::Template;

use super::heading::IRREVERSIBLE_NOTE;
use super::view::{NO_PLAN_HINT, NO_PLAN_PREFIX, PlanView};
use crate::api::v1::UpgradePlan;
use crate::report::options::RenderError;
use crate::report::page::MAX_OBJECTS;

/// The template. Whatever it puts in is encoded.
#[derive(Template)]
#[template(path = "plan.html", whitespace = "minimize")]
struct PlanPage {
    page: PlanView,
}

/// The plan as HTML.
pub(super) fn plan_html(plan: &UpgradePlan) -> Result<String, RenderError> {
    let page = PlanPage {
        page: PlanView::new(plan, MAX_OBJECTS),
    };
    // Templates lose their last line break.
    Ok(page.render()? + "\n")
}
