//! The plan as a page of its own: no script, nothing from elsewhere.

use askama::Template;

use super::UpgradePlan;
use super::table::NO_WAY_BACK;
use super::view::{NO_PLAN, Page, TRY_AGAIN};
use crate::report::RenderError;

/// The template. Whatever it puts in is encoded.
#[derive(Template)]
#[template(path = "plan.html", whitespace = "minimize")]
struct PlanPage {
    page: Page,
    no_way_back: &'static str,
    no_plan: &'static str,
    try_again: &'static str,
}

/// The plan as HTML.
pub(super) fn html(plan: &UpgradePlan) -> Result<String, RenderError> {
    let page = PlanPage {
        page: Page::new(plan),
        no_way_back: NO_WAY_BACK,
        no_plan: NO_PLAN,
        try_again: TRY_AGAIN,
    };
    // Templates lose their last line break.
    Ok(page.render()? + "\n")
}
