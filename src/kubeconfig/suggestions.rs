//! Names to suggest if a requested one does not exist.

use std::fmt;

use crate::text::ellipsize;

/// The names of a kubeconfig, or those nearest to the requested one, as the end of a sentence.
#[derive(Debug, Clone)]
pub struct Suggestions(String);

impl Suggestions {
    pub(super) fn new<'a>(asked: Option<&str>, names: impl Iterator<Item = &'a str>) -> Self {
        /// Kubeconfigs with hundreds of contexts are common.
        const SHOWN: usize = 10;
        const MAX_NAME_CHARS: usize = 120;
        let mut all: Vec<String> = names
            .map(|name| ellipsize(name, MAX_NAME_CHARS).into_owned())
            .collect();
        all.sort_unstable();
        let mut near: Vec<(usize, &String)> = all
            .iter()
            .filter_map(|name| Some((edit_distance(asked?, name)?, name)))
            .collect();
        near.sort();
        if all.is_empty() {
            return Self("; there is none".to_owned());
        }
        if !near.is_empty() {
            let near = quoted(near.into_iter().map(|(_, name)| name).take(3));
            return Self(format!("; did you mean {near}?"));
        }
        let mut text = format!("; known: {}", quoted(all.iter().take(SHOWN)));
        if all.len() > SHOWN {
            let more = all.len() - SHOWN;
            text.push_str(&format!(" and {more} more (kubectl config view shows all)"));
        }
        Self(text)
    }
}

impl fmt::Display for Suggestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The edit distance of two names, `None` if they have nothing in common.
fn edit_distance(asked: &str, name: &str) -> Option<usize> {
    let (asked, name) = (asked.to_lowercase(), name.to_lowercase());
    let length = asked.chars().count();
    if length >= 3 && name.contains(&asked) {
        return Some(1);
    }
    let distance = strsim::levenshtein(&asked, &name);
    (distance <= (length / 3).clamp(1, 3)).then_some(distance)
}
