//! Text in Markdown (GitHub's dialect of CommonMark), so that it is read as it is and does nothing else: no markup, no HTML,
//! no links, no mentions.
//!
//! Texts come without line breaks and control characters; see [`terminal`](crate::report::terminal).

use askama::Template;

use super::{Link, MAX_OBJECTS};
use crate::report::options::RenderError;

/// A page of Markdown. Templates leave more than one empty line where a section has no items.
pub(crate) fn render_markdown(page: &impl Template) -> Result<String, RenderError> {
    let mut text = page.render()?;
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// Numbers of items of a list, from all that pages list to almost none.
const LIMITS: [usize; 5] = [MAX_OBJECTS, 30, 10, 3, 1];

/// Bytes of a page, below the 65,536 that GitHub accepts for a comment.
const MAX_BYTES: usize = 65_000;

/// What follows where a page was cut.
const CUT: &str = "\n\n**Cut here: a longer text is not accepted as a comment. `-o html` and `-o json` have everything.**\n";

/// A page whose lists are as long as they may be for it to be accepted as a comment; cut where even short ones are too long.
pub(crate) fn render_within_limits<T: Template>(
    page: impl Fn(usize) -> T,
) -> Result<String, RenderError> {
    let mut text = String::new();
    for limit in LIMITS {
        text = render_markdown(&page(limit))?;
        if text.len() <= MAX_BYTES {
            return Ok(text);
        }
    }
    let end = (0..=MAX_BYTES - CUT.len()).rev();
    let end = end.into_iter().find(|at| text.is_char_boundary(*at));
    let head = text.get(..end.unwrap_or_default()).unwrap_or_default();
    // Between two items or sections, so that nothing stays open.
    let end = head.rfind("\n- ").max(head.rfind("\n## "));
    let head = head.get(..end.unwrap_or_default()).unwrap_or_default();
    Ok(head.trim_end().to_owned() + CUT)
}

/// A text in the middle of a line.
pub(crate) fn text(text: &str) -> String {
    markdown_words(text, false)
}

/// A text in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    markdown_words(text, true)
}

fn markdown_words(text: &str, in_table: bool) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match is_autolinked(word) {
            // Renderers make links of addresses whether their letters are escaped or not, but not inside code.
            true if in_table => code(word).replace('|', "\\|"),
            true => code(word),
            false => escape_markdown(word),
        });
    let mut line = words.collect::<Vec<_>>().join(" ");
    // At the beginning of a line these would start a list or a heading.
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if line.starts_with(['-', '+', '=']) {
        line.insert(0, '\\');
    } else if digits > 0 && is_list_marker(&line[digits..]) {
        line.insert(digits, '\\');
    }
    line
}

fn is_list_marker(rest: &str) -> bool {
    let mut letters = rest.chars();
    matches!(letters.next(), Some('.' | ')')) && letters.next().is_none_or(char::is_whitespace)
}

fn is_autolinked(word: &str) -> bool {
    word.contains('@') || word.contains("://") || word.to_ascii_lowercase().contains("www.")
}

fn escape_markdown(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        if "\\`*_{}[]<>#|~&!$".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A text as code within a line.
pub(crate) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    match text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// Commands in a block that none of them can end, with an empty line above and below; nothing where there are none.
pub(crate) fn code_block(indent: usize, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let longest = lines.iter().map(|line| longest_run(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let indent = " ".repeat(indent);
    let lines = lines.iter().map(|line| format!("{indent}{line}\n"));
    let lines: String = lines.collect();
    format!("\n{indent}{fence}sh\n{lines}{indent}{fence}\n\n")
}

/// How many backticks follow each other at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// An address to follow, or only to see.
pub(crate) fn link(link: &Link) -> String {
    match link.is_safe {
        true => format!("<{}>", link.url),
        false => code(&link.url),
    }
}

#[cfg(test)]
mod tests {
    use super::{cell, code, code_block, text};

    #[test]
    fn nothing_becomes_markup() {
        for (from, to) in [
            ("plain, größe (a) 1.25", "plain, größe (a) 1.25"),
            (
                "<script>alert(1)</script>",
                "\\<script\\>alert(1)\\</script\\>",
            ),
            ("[a](javascript:b)", "\\[a\\](javascript:b)"),
            ("a_b *c* `d` ~e~", "a\\_b \\*c\\* \\`d\\` \\~e\\~"),
            ("&lt; $x$ #1 !a", "\\&lt; \\$x\\$ \\#1 \\!a"),
            (
                "see https://evil.example/x now",
                "see `https://evil.example/x` now",
            ),
            ("WWW.evil.example", "`WWW.evil.example`"),
            ("by eve@evil.example", "by `eve@evil.example`"),
            ("- a", "\\- a"),
            ("1. a", "1\\. a"),
            ("1.25 a", "1.25 a"),
            ("---", "\\---"),
            ("  a   b ", "a b"),
            ("a\\", "a\\\\"),
            ("", ""),
        ] {
            assert_eq!(text(from), to);
        }
        assert_eq!(cell("a|b"), "a\\|b");
        assert_eq!(cell("http://a|b"), "`http://a\\|b`");
    }

    #[test]
    fn code_ends_where_it_ends() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`a"), "`` `a ``");
        let block = code_block(2, &["a ```` b".to_owned()]);
        assert_eq!(block, "\n  `````sh\n  a ```` b\n  `````\n\n");
        assert_eq!(code_block(2, &[]), "");
    }
}
