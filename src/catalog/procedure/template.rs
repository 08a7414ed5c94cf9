//! `kubectl drain {node}`: text with names in it that a cluster fills in.

use serde::{Deserialize, Deserializer};

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?}: a name is written {{name}}, in letters; braces that belong to none are written twice"
)]
pub struct NoTemplate(pub String);

/// Text with names in braces; `{{` and `}}` stand for braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When a brace is left open, or what it holds is no name.
    pub fn parse(text: &str) -> Result<Self, NoTemplate> {
        let wrong = || NoTemplate(text.to_owned());
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
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Name(name.to_owned()));
            rest = after;
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The names in it, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with each name replaced by its value; a name without one stays in its braces.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Name(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        });
        parts.collect()
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn names_are_filled_in() {
        let template = Template::parse("kubectl drain {node} # {pool}").expect("a template");
        assert_eq!(template.names().collect::<Vec<_>>(), ["node", "pool"]);
        let filled = template.fill(|name| (name == "node").then(|| "a-1".to_owned()));
        assert_eq!(filled, "kubectl drain a-1 # {pool}");
        let plain = Template::parse("kubectl get nodes").expect("a template");
        assert_eq!(plain.fill(|_| None), "kubectl get nodes");
        let json = Template::parse("-p '{{\"version\":\"v{to}\"}}'").expect("a template");
        let filled = json.fill(|_| Some("1.25.3".to_owned()));
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
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
