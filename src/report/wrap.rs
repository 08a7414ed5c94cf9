//! Prose in lines of bounded width.

/// Breaks a text between words so that no line is wider than `width` characters, each behind `indent`.
///
/// Lines that begin with a space are commands or lists and stay as they are, as do words that are wider than a line.
pub(super) fn wrap(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    for paragraph in text.trim_end().lines() {
        if paragraph.starts_with(' ') || paragraph.is_empty() {
            push_line(&mut out, indent, paragraph.trim_end());
            continue;
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let room = width.saturating_sub(indent.len());
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                push_line(&mut out, indent, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        push_line(&mut out, indent, &line);
    }
    out
}

/// One below the other with an empty line between them; those that are empty are left out.
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

fn push_line(out: &mut String, indent: &str, line: &str) {
    if !line.is_empty() {
        out.push_str(indent);
        out.push_str(line);
    }
    out.push('\n');
}

/// The candidate that was most likely meant: one that begins like the text, or else the nearest by edits, if it is near at
/// all. The first of several.
pub(super) fn closest_match<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = text.trim().to_lowercase().replace('_', "-");
    if text.is_empty() {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = if candidate.starts_with(&text) {
                0
            } else {
                edit_distance(&text, candidate)
            };
            // A third of the letters wrong is still a slip; more is another word.
            (distance * 3 <= candidate.chars().count()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance: letters to put in, take out or change.
fn edit_distance(from: &str, to: &str) -> usize {
    // Nothing that a person meant to be an identifier is longer; a row of the table for each letter would cost.
    let from: Vec<char> = from.chars().take(100).collect();
    let to: Vec<char> = to.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{closest_match, edit_distance, wrap};

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
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("same", "same", 0),
        ] {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
            assert_eq!(edit_distance(b, a), expected, "{b} {a}");
        }
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
