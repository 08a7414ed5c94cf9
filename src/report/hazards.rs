//! Hazards that no rule looks at: `rules --all`, and what `explain` says of them.

use serde::Serialize;

use super::rules::{EXPLAIN_WIDTH, RuleDoc};
use super::{RenderOptions, wrap};
use crate::catalog::PlatformName;
use crate::rules::{CoverageState, Hazard};

/// Whether a hazard is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleState {
    /// It is.
    Checked,
    /// Not yet.
    Planned,
    /// The API does not show it.
    Invisible,
}

impl RuleState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Planned => "planned",
            Self::Invisible => "invisible",
        }
    }
}

impl RuleDoc {
    /// A hazard without a rule, in short.
    pub(super) fn from_hazard(hazard: &Hazard) -> Self {
        let (state, how) = match hazard.state {
            CoverageState::Planned => (RuleState::Planned, "Not checked yet."),
            CoverageState::Invisible => (RuleState::Invisible, hazard.manual_check.as_str()),
        };
        Self {
            id: hazard.id.clone(),
            severity: hazard.severity,
            title: hazard.title.clone(),
            platforms: vec![PlatformName::Kubernetes.to_string()],
            applies_to: hazard.applies_to.clone(),
            is_visible: state != RuleState::Invisible,
            state,
            detection: how.to_owned(),
        }
    }
}

/// What there is to say of a hazard without a rule.
#[must_use]
pub fn explain_hazard(hazard: &Hazard, look: &RenderOptions) -> String {
    let styles = &look.styles;
    let doc = RuleDoc::from_hazard(hazard);
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
        ("HOW IT IS DETECTED:", &doc.detection),
        ("SOURCES:", &hazard.source.replace("; ", "\n")),
    ] {
        let text = wrap::wrap(text, "    ", EXPLAIN_WIDTH);
        out.push_str(&format!("\n{}\n{text}", styles.heading(name)));
    }
    out
}
