//! Text from a cluster on its way to a terminal.
//!
//! Names, messages and annotations are written by whoever may write to the cluster. On a terminal they must neither move
//! the cursor nor look like something else, so everything that is not plainly visible is spelled out, as kubectl does it
//! (kubernetes/cli-runtime: pkg/printers/terminal.go) and for a few more characters than kubectl knows of.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::text::truncate;

/// How many characters of a text are printed before it is cut: more than the longest name that Kubernetes allows, with its
/// kind and namespace, and far less than what would bury the rest of a table.
pub const MAX_CHARS: usize = 400;

/// What marks a text that was cut.
const TRUNCATION_MARK: &str = "...";

/// One line of any text: nothing in it breaks the line, moves the cursor or hides. At most [`MAX_CHARS`] characters of it.
#[must_use]
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape_truncated(text, MAX_CHARS)
}

/// The whole of a text as one line, such as a message on stderr: what [`escape_line()`] spells out, with no limit.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_truncated(text, usize::MAX)
}

/// [`escape_line()`] with a limit of its own, in characters of the text.
#[must_use]
pub fn escape_truncated(text: &str, limit: usize) -> Cow<'_, str> {
    let kept = truncate(text, limit);
    let cut = kept.len() < text.len();
    if !cut && !kept.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(kept.len() + TRUNCATION_MARK.len());
    for character in kept.chars() {
        push_escaped(&mut out, character);
    }
    if cut {
        out.push_str(TRUNCATION_MARK);
    }
    Cow::Owned(out)
}

/// A cell of a table: [`escape_line()`] of the text up to its first line break or form feed, with `...` where more follows.
#[must_use]
pub fn escape_cell(text: &str) -> Cow<'_, str> {
    match text.find(['\n', '\r', '\u{c}']) {
        Some(end) => Cow::Owned(format!("{}{TRUNCATION_MARK}", escape_line(&text[..end]))),
        None => escape_line(text),
    }
}

/// Whether a character does something to a terminal, or to the reader, other than being seen in its place.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

/// Characters that reorder, join, break or hide text without being seen: U+202E and its relatives.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Caret notation: ESC is ^[, as in kubectl, and DEL is ^?.
        '\0'..='\u{1f}' | '\u{7f}' => {
            out.push('^');
            out.extend(char::from_u32(u32::from(character) ^ 0x40));
        }
        other if is_unsafe(other) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(other));
        }
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_CHARS, escape, escape_cell, escape_line, is_unsafe};

    #[test]
    fn what_moves_a_cursor_or_hides_is_spelled_out() {
        for (text, shown) in [
            ("plain, größe, 日本", "plain, größe, 日本"),
            ("\u{1b}[31mred\u{1b}[0m", "^[[31mred^[[0m"),
            ("a\rb", "a\\rb"),
            ("a\nb\tc", "a\\nb\\tc"),
            ("\0\u{7}\u{7f}", "^@^G^?"),
            ("\u{9b}31m", "\\u009b31m"),
            ("pod\u{202e}gpj", "pod\\u202egpj"),
            ("\u{2066}\u{200b}\u{feff}", "\\u2066\\u200b\\ufeff"),
            ("tag\u{e0041}", "tag\\ue0041"),
        ] {
            assert_eq!(escape_line(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_cell_ends_with_its_line() {
        for (text, shown) in [
            ("one", "one"),
            ("one\ntwo", "one..."),
            ("one\r\ntwo", "one..."),
            ("one\u{c}two", "one..."),
            ("\n", "..."),
            ("a\u{b}b", "a^Kb"),
        ] {
            assert_eq!(escape_cell(text), shown, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(2_000_000);
        let shown = escape_line(&long);
        assert_eq!(shown.chars().count(), MAX_CHARS + 3);
        assert!(shown.ends_with("ä..."));
        let fits = "ä".repeat(MAX_CHARS);
        assert_eq!(escape_line(&fits), fits);
        assert_eq!(escape(&long), long);
        assert_eq!(escape("a\nb"), "a\\nb");
    }

    proptest! {
        #![proptest_config(crate::mutate::cases(256))]

        #[test]
        fn nothing_unsafe_comes_out(text in any::<String>()) {
            prop_assert!(!escape_line(&text).chars().any(is_unsafe));
            prop_assert!(!escape_cell(&text).chars().any(is_unsafe));
        }
    }
}
