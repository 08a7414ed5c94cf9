//! Label selectors as the API server evaluates them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A label selector; without requirements it selects everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Selector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Requirement>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

impl Selector {
    /// Whether it selects an object with exactly these labels.
    pub(super) fn selects(&self, labels: &Labels) -> bool {
        self.holds(labels).unwrap_or(false) && self.decides_unknown(labels, false)
    }

    /// Whether it selects every object that has these labels, whatever others it has.
    pub(super) fn selects_whatever_else(&self, labels: &Labels) -> bool {
        self.holds(labels).unwrap_or(false) && self.decides_unknown(labels, true)
    }

    /// Whether all requirements on labels that are there hold.
    fn holds(&self, labels: &Labels) -> Option<bool> {
        for (key, value) in &self.match_labels {
            if labels.get(key)? != value {
                return Some(false);
            }
        }
        for requirement in &self.match_expressions {
            let value = labels.get(&requirement.key);
            let listed = |value: &String| requirement.values.contains(value);
            let holds = match requirement.operator.as_str() {
                "In" => listed(value?),
                "Exists" => value.is_some(),
                "NotIn" => value.is_none_or(|value| !listed(value)),
                "DoesNotExist" => value.is_none(),
                _ => return None,
            };
            if !holds {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether labels that are not there leave the answer as it is.
    fn decides_unknown(&self, labels: &Labels, others_possible: bool) -> bool {
        !others_possible
            || self
                .match_expressions
                .iter()
                .all(|requirement| labels.contains_key(&requirement.key))
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, Selector};

    fn selector(json: &str) -> Selector {
        serde_json::from_str(json).expect("a selector")
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
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
            assert_eq!(selector(text).selects(&shop), of_shop, "{text}");
            assert_eq!(selector(text).selects(&none), of_none, "{text}");
        }
    }

    #[test]
    fn a_label_that_may_be_there_decides_nothing() {
        let shop = labels(&[("app", "shop")]);
        let out = r#"{"matchExpressions":[{"key":"ignore","operator":"DoesNotExist"}]}"#;
        assert!(selector(out).selects(&shop));
        assert!(!selector(out).selects_whatever_else(&shop));
        assert!(selector(r#"{"matchLabels":{"app":"shop"}}"#).selects_whatever_else(&shop));
    }
}
