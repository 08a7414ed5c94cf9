//! Rules and hazards to `RuleList`.

use super::super::{API_VERSION, RuleDoc, RuleList, RuleStateDoc};
use super::ToDoc;
use crate::catalog::{Catalog, PlatformName};
use crate::rules::{CoverageState, Hazard, Rule};

impl RuleList {
    /// Rules, and hazards without one, sorted by id.
    #[must_use]
    pub fn new(rules: &[&Rule], hazards: &[Hazard], catalog: &Catalog) -> Self {
        let rules = rules.iter().map(|rule| RuleDoc::from_rule(rule, catalog));
        let mut items: Vec<RuleDoc> = rules.collect();
        items.extend(hazards.iter().map(RuleDoc::from));
        items.sort_by(|a, b| a.id.cmp(&b.id));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "RuleList".to_owned(),
            items,
        }
    }
}

impl RuleDoc {
    /// A rule.
    #[must_use]
    pub fn from_rule(rule: &Rule, catalog: &Catalog) -> Self {
        Self {
            id: rule.id.to_owned(),
            severity: rule.severity.to_doc(),
            title: rule.title.to_owned(),
            platforms: vec![PlatformName::Kubernetes.to_string()],
            applies_to: rule.applies_to.describe(catalog),
            is_visible: true,
            state: RuleStateDoc::Checked,
            detection: rule.detection.to_owned(),
        }
    }
}

impl From<&Hazard> for RuleDoc {
    fn from(hazard: &Hazard) -> Self {
        let (state, detection) = match hazard.state {
            CoverageState::Planned => (RuleStateDoc::Planned, "Not checked yet."),
            CoverageState::Invisible => (RuleStateDoc::Invisible, hazard.manual_check.as_str()),
        };
        Self {
            id: hazard.id.clone(),
            severity: hazard.severity.to_doc(),
            title: hazard.title.clone(),
            platforms: vec![PlatformName::Kubernetes.to_string()],
            applies_to: hazard.applies_to.clone(),
            is_visible: state != RuleStateDoc::Invisible,
            state,
            detection: detection.to_owned(),
        }
    }
}
