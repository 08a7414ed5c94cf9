//! Cuts a text into documents before anything is parsed, so that a broken document does not lose the others.
//!
//! This is sound because `---` and `...` in the first column always mark a document: no scalar, block or quoted, may
//! hold them there.

use crate::text::truncate;

/// Characters of a name or path in locations and messages: more than Kubernetes and file systems allow.
pub(super) const MAX_NAME: usize = 1000;

/// The beginning of a name of any length.
pub(crate) fn truncate_name(name: &str) -> &str {
    truncate(name, MAX_NAME)
}

/// One document of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawDocument<'a> {
    /// The document with the comments and directives above it.
    pub(super) text: &'a str,
    /// Its first line within the whole text, counted from 1.
    pub(super) first_line: usize,
}

impl<'a> RawDocument<'a> {
    /// The template that Helm names at the top of what it rendered: `# Source: cart/templates/pdb.yaml`.
    pub(super) fn template_path(&self) -> Option<&'a str> {
        self.text
            .lines()
            .take_while(|line| !has_content(line))
            .find_map(|line| line.strip_prefix("# Source: "))
            .map(str::trim)
            .filter(|source| !source.is_empty())
    }

    /// The line within the whole text on which its content begins.
    pub(super) fn content_line(&self) -> usize {
        let begins = self.text.lines().position(has_content);
        self.first_line + begins.unwrap_or_default()
    }

    /// The line within the whole text on which a field with this value is, or the field at all; otherwise the first.
    pub(super) fn line_of(&self, field: &str, value: Option<&str>) -> usize {
        let is_field = |line: &str| is_line_of_field(line, field);
        let has_value = |line: &str| value.is_none_or(|value| line.contains(value));
        let mut lines = self.text.lines();
        let found = lines.position(|line| is_field(line) && has_value(line));
        let found = found.or_else(|| self.text.lines().position(is_field));
        self.first_line + found.unwrap_or_default()
    }
}

/// Whether a line begins with a field, in YAML or JSON.
pub(super) fn is_line_of_field(line: &str, field: &str) -> bool {
    let content = line.trim_start_matches([' ', '-', '"', '{', ',']);
    let rest = content.strip_prefix(field);
    rest.is_some_and(|rest| rest.trim_start_matches(['"', ' ']).starts_with(':'))
}

/// The documents of a text that hold anything besides comments.
pub(super) fn split_documents(text: &str) -> Vec<RawDocument<'_>> {
    let mut chunks = Vec::new();
    let mut start = (0, 1);
    let mut offset = 0;
    let mut content = false;
    let mut marked = false;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let end = offset + line.len();
        if let Some(rest) = after_marker(line, "---") {
            if content {
                chunks.push(raw_document(text, start, offset));
            }
            // Directives and comments above the first marker belong to the document that it opens.
            if content || marked {
                start = (offset, number);
            }
            content = has_content(rest);
            marked = true;
        } else if after_marker(line, "...").is_some() {
            if content {
                chunks.push(raw_document(text, start, offset));
            }
            start = (end, number + 1);
            content = false;
            marked = false;
        } else {
            let directive = !marked && !content && line.starts_with('%');
            content = content || !directive && has_content(line);
        }
        offset = end;
    }
    if content {
        chunks.push(raw_document(text, start, offset));
    }
    chunks
}

fn raw_document(text: &str, (start, line): (usize, usize), end: usize) -> RawDocument<'_> {
    RawDocument {
        text: &text[start..end],
        first_line: line,
    }
}

/// What follows a marker on its line; none if the line is no marker.
fn after_marker<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    line.strip_prefix(marker)
        .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is anything else than blank, a comment or a bare marker.
fn has_content(line: &str) -> bool {
    let rest = after_marker(line, "---").unwrap_or(line).trim();
    !rest.is_empty() && !rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(usize, &str)> {
        split_documents(text)
            .into_iter()
            .map(|chunk| (chunk.first_line, chunk.text))
            .collect()
    }

    #[test]
    fn documents_keep_their_lines() {
        assert_eq!(
            split("# licence\n---\na: 1\n--- # next\nb: 2\n---\n---\n# only a comment\n---\nc: 3"),
            [
                (1, "# licence\n---\na: 1\n"),
                (4, "--- # next\nb: 2\n"),
                (9, "---\nc: 3"),
            ]
        );
    }

    #[test]
    fn directives_stay_with_their_document() {
        assert_eq!(
            split("%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n"),
            [(1, "%YAML 1.2\n---\na: 1\n"), (5, "%YAML 1.2\n---\nb: 2\n"),]
        );
    }

    #[test]
    fn only_whole_markers_in_the_first_column_split() {
        let text = "a: |\n  ---\n  x\nb: ----\n---x: 1\n";
        assert_eq!(split(text), [(1, text)]);
        assert_eq!(
            split("a: 1\r\n---\r\nb: 2\r\n"),
            [(1, "a: 1\r\n"), (2, "---\r\nb: 2\r\n")]
        );
        assert_eq!(split("--- {a: 1}\n---\tb\n").len(), 2);
    }

    #[test]
    fn nothing_holds_no_document() {
        for text in [
            "",
            "\n\n",
            "# a\n---\n# b\n",
            "---\n---\n...\n",
            "%YAML 1.2\n",
        ] {
            assert_eq!(split(text), [], "{text:?}");
        }
    }

    #[test]
    fn the_template_is_read_from_the_top_only() {
        let source = |text| split_documents(text)[0].template_path();
        assert_eq!(
            source("---\n# Source: cart/templates/a.yaml\r\na: 1\n"),
            Some("cart/templates/a.yaml")
        );
        assert_eq!(source("---\na: 1\n# Source: cart/templates/a.yaml\n"), None);
        assert_eq!(source("# Source: \na: 1\n"), None);
    }
}
