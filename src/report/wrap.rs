//! Wrapped text, and suggestions for misspelt ids.

use console::measure_text_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Breaks a text between words so that no line is wider than `width` columns, including `indent`.
///
/// Lines that begin with a space are commands or lists and are kept as they are, as are words wider than a line.
pub(super) fn wrap(text: &str, indent: &str, width: usize) -> String {
    let options = Options::new(width.saturating_sub(measure_text_width(indent)).max(1))
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    let mut out = String::new();
    for paragraph in text.trim_end().lines() {
        let lines = match paragraph.starts_with(' ') || paragraph.is_empty() {
            true => vec![paragraph.trim_end().into()],
            false => textwrap::wrap(paragraph, &options),
        };
        for line in lines {
            if !line.is_empty() {
                out.push_str(indent);
                out.push_str(&line);
            }
            out.push('\n');
        }
    }
    out
}

/// Joins sections with an empty line between them; empty sections are omitted.
pub(super) fn join_sections(sections: &[String]) -> String {
    let mut out = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(section);
    }
    out
}

/// The candidate that was most likely meant: the first with the text as its prefix, otherwise the first of those with the
/// smallest edit distance; `None` if none is close.
pub(super) fn closest_match<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = text.trim().to_lowercase().replace('_', "-");
    // No identifier is longer, and the distance takes the product of both lengths.
    if text.is_empty() || text.len() > 100 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = if candidate.starts_with(&text) {
                0
            } else {
                strsim::levenshtein(&text, candidate)
            };
            // A third of the letters wrong may be a typo; more is another word.
            (distance * 3 <= candidate.chars().count()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{closest_match, wrap};

    #[test]
    fn lines_end_between_words() {
        let text = "one two three four\n\n  kubectl get pods --all-namespaces\nhttps://example.com/very/long";
        assert_eq!(
            wrap(text, "  ", 12),
            "  one two\n  three four\n\n    kubectl get pods --all-namespaces\n  https://example.com/very/long\n"
        );
        assert_eq!(wrap("", "  ", 12), "");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(wrap("日本語 日本語", "", 8), "日本語\n日本語\n");
        assert_eq!(wrap("日本語 a", "", 8), "日本語 a\n");
    }

    #[test]
    fn slips_find_what_was_meant() {
        let ids = ["api-deprecated", "api-removed", "psp-present"];
        for (text, meant) in [
            ("api-remove", Some("api-removed")),
            ("API_REMOVED", Some("api-removed")),
            ("api", Some("api-deprecated")),
            ("psp-presnet", Some("psp-present")),
            ("quota", None),
            ("", None),
        ] {
            assert_eq!(closest_match(text, ids), meant, "{text}");
        }
    }
}
