//! Templates such as `kubectl drain {node}`.

use serde::{Deserialize, Deserializer};

/// A malformed template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?}: a name is written {{name}}, in letters; braces that belong to none are written twice"
)]
pub struct ParseTemplateError(pub String);

/// Text with `{name}` placeholders; `{{` and `}}` are literal braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate(Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Literal(String),
    Placeholder(String),
}

impl TextTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// If a brace is not closed or does not contain a name.
    pub fn parse(text: &str) -> Result<Self, ParseTemplateError> {
        let wrong = || ParseTemplateError(text.to_owned());
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
                plain.push_str(&brace[..1]);
                rest = after;
                continue;
            }
            let name = brace
                .strip_prefix('{')
                .and_then(|name| name.split_once('}'));
            let (name, after) = name.ok_or_else(wrong)?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return Err(wrong());
            }
            parts.push(TemplatePart::Literal(std::mem::take(&mut plain)));
            parts.push(TemplatePart::Placeholder(name.to_owned()));
            rest = after;
        }
        plain.push_str(rest);
        parts.push(TemplatePart::Literal(plain));
        Ok(Self(parts))
    }

    /// The placeholder names, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            TemplatePart::Placeholder(name) => Some(name.as_str()),
            TemplatePart::Literal(_) => None,
        })
    }

    /// Replaces placeholders by their values; a placeholder without a value stays.
    pub fn render(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let parts = self.0.iter().map(|part| match part {
            TemplatePart::Literal(text) => text.clone(),
            TemplatePart::Placeholder(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        });
        parts.collect()
    }
}

impl<'de> Deserialize<'de> for TextTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::TextTemplate;

    #[test]
    fn names_are_filled_in() {
        let template = TextTemplate::parse("kubectl drain {node} # {pool}").expect("a template");
        assert_eq!(
            template.placeholders().collect::<Vec<_>>(),
            ["node", "pool"]
        );
        let filled = template.render(|name| (name == "node").then(|| "a-1".to_owned()));
        assert_eq!(filled, "kubectl drain a-1 # {pool}");
        let plain = TextTemplate::parse("kubectl get nodes").expect("a template");
        assert_eq!(plain.render(|_| None), "kubectl get nodes");
        let json = TextTemplate::parse("-p '{{\"version\":\"v{to}\"}}'").expect("a template");
        let filled = json.render(|_| Some("1.25.3".to_owned()));
        assert_eq!(filled, "-p '{\"version\":\"v1.25.3\"}'");
    }

    #[test]
    fn braces_that_are_no_names_are_errors() {
        for text in [
            "{",
            "}",
            "{}",
            "{a b}",
            "a } b {c}",
            "{a",
            "'{\"spec\":1}'",
            "{a}}",
        ] {
            assert!(TextTemplate::parse(text).is_err(), "{text}");
        }
    }
}
