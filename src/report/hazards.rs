//! `explain` of hazards without a rule.

use super::options::RenderOptions;
use super::rules::EXPLAIN_WIDTH;
use super::wrap;
use crate::api::v1::RuleDoc;
use crate::rules::Hazard;

/// Everything about a hazard without a rule.
#[must_use]
pub fn explain_hazard(hazard: &Hazard, look: &RenderOptions) -> String {
    let styles = &look.styles;
    let doc = RuleDoc::from(hazard);
    let mut out = String::new();
    for (name, value) in [
        ("HAZARD:     ", doc.id.as_str()),
        ("SEVERITY:   ", &styles.severity(doc.severity)),
        ("APPLIES TO: ", &doc.applies_to),
        ("STATE:      ", doc.state.as_str()),
    ] {
        out.push_str(&format!("{}{value}\n", styles.heading(name)));
    }
    for (name, text) in [
        ("TITLE:", &doc.title),
        ("DETECTION:", &doc.detection),
        ("SOURCES:", &hazard.source.replace("; ", "\n")),
    ] {
        let text = wrap::wrap(text, "    ", EXPLAIN_WIDTH);
        out.push_str(&format!("\n{}\n{text}", styles.heading(name)));
    }
    out
}
