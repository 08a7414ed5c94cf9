//! Label selectors as the API server evaluates them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::snapshot::label_requirement_holds;

/// A label selector; without requirements it selects everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WebhookLabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<SelectorRequirement>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SelectorRequirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

/// The labels of an object.
pub(crate) type LabelMap = BTreeMap<String, String>;

impl WebhookLabelSelector {
    /// Whether it selects an object with exactly these labels.
    pub(crate) fn matches(&self, labels: &LabelMap) -> bool {
        self.matches_present(labels).unwrap_or(false) && self.is_decided_by(labels, false)
    }

    /// Whether it selects every object that has these labels, whatever others it has.
    pub(crate) fn matches_any_superset(&self, labels: &LabelMap) -> bool {
        self.matches_present(labels).unwrap_or(false) && self.is_decided_by(labels, true)
    }

    /// Whether all requirements on labels that are there hold.
    fn matches_present(&self, labels: &LabelMap) -> Option<bool> {
        for (key, value) in &self.match_labels {
            if labels.get(key)? != value {
                return Some(false);
            }
        }
        for requirement in &self.match_expressions {
            let value = labels.get(&requirement.key).map(String::as_str);
            let is_listed = |value: &str| requirement.values.iter().any(|one| one == value);
            if !label_requirement_holds(&requirement.operator, value, is_listed)? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether labels that are not there leave the answer as it is.
    fn is_decided_by(&self, labels: &LabelMap, others_possible: bool) -> bool {
        !others_possible
            || self
                .match_expressions
                .iter()
                .all(|requirement| labels.contains_key(&requirement.key))
    }
}

#[cfg(test)]
mod tests {
    use super::{LabelMap, WebhookLabelSelector};

    fn selector(json: &str) -> WebhookLabelSelector {
        serde_json::from_str(json).expect("a selector")
    }

    fn labels(pairs: &[(&str, &str)]) -> LabelMap {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn selectors_select_as_the_server_does() {
        let shop = labels(&[("app", "shop")]);
        let none = labels(&[]);
        for (text, of_shop, of_none) in [
            ("{}", true, true),
            (r#"{"matchLabels":{"app":"shop"}}"#, true, false),
            (r#"{"matchLabels":{"app":"x"}}"#, false, false),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"In","values":["shop"]}]}"#,
                true,
                false,
            ),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["shop"]}]}"#,
                false,
                true,
            ),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"Exists"}]}"#,
                true,
                false,
            ),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}"#,
                false,
                true,
            ),
        ] {
            assert_eq!(selector(text).matches(&shop), of_shop, "{text}");
            assert_eq!(selector(text).matches(&none), of_none, "{text}");
        }
    }

    #[test]
    fn a_label_that_may_be_there_decides_nothing() {
        let shop = labels(&[("app", "shop")]);
        let out = r#"{"matchExpressions":[{"key":"ignore","operator":"DoesNotExist"}]}"#;
        assert!(selector(out).matches(&shop));
        assert!(!selector(out).matches_any_superset(&shop));
        assert!(selector(r#"{"matchLabels":{"app":"shop"}}"#).matches_any_superset(&shop));
    }
}
