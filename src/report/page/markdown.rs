//! Text in Markdown (GitHub's dialect of CommonMark), so that it is read as it is and does nothing else: no markup, no HTML,
//! no links, no mentions.
//!
//! Texts come without line breaks and control characters; see [`terminal`](crate::report::terminal).

use super::{FindingView, GapView, Link};

/// A text in the middle of a line.
pub(in crate::report) fn markdown_text(text: &str) -> String {
    markdown_words(text, false)
}

/// A text in a cell of a table.
pub(in crate::report) fn markdown_cell(text: &str) -> String {
    markdown_words(text, true)
}

fn markdown_words(text: &str, in_table: bool) -> String {
    let words = text
        .split_whitespace()
        .map(|word| match is_autolinked(word) {
            // Renderers make links of addresses whether their letters are escaped or not, but not inside code.
            true if in_table => code_span(word).replace('|', "\\|"),
            true => code_span(word),
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
pub(in crate::report) fn code_span(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    match text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// An empty line, unless there is one.
pub(in crate::report) fn push_blank_line(out: &mut String) {
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
}

/// Commands in a block that none of them can end, with an empty line above and below.
pub(in crate::report) fn push_code_block(out: &mut String, indent: usize, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    push_blank_line(out);
    let longest = lines.iter().map(|line| longest_run(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let indent = " ".repeat(indent);
    out.push_str(&format!("{indent}{fence}sh\n"));
    for line in lines {
        out.push_str(&format!("{indent}{line}\n"));
    }
    out.push_str(&format!("{indent}{fence}\n"));
    push_blank_line(out);
}

/// How many backticks follow each other at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// A heading and items below it; nothing where there is none.
pub(in crate::report) fn push_section<T>(
    out: &mut String,
    heading: &str,
    items: &[T],
    told: impl Fn(&T) -> String,
) {
    if items.is_empty() {
        return;
    }
    push_blank_line(out);
    out.push_str(&format!("## {heading}\n\n"));
    items.iter().for_each(|item| out.push_str(&told(item)));
}

/// An address to follow, or only to see.
pub(in crate::report) fn format_link(link: &Link) -> String {
    match link.is_safe {
        true => format!("<{}>", link.url),
        false => code_span(&link.url),
    }
}

/// A finding as an item of a list.
pub(in crate::report) fn finding_item(finding: &FindingView) -> String {
    let hop = match finding.hop.as_str() {
        "" => String::new(),
        hop => format!(", at {}", markdown_text(hop)),
    };
    let mut out = format!(
        "- **{}** {}{hop}: {}\n  - {}\n",
        finding.severity,
        code_span(&finding.id),
        markdown_text(&finding.message),
        markdown_text(&finding.remedy)
    );
    for (object, evidence) in &finding.objects {
        out.push_str(&format!("  - {}", code_span(object)));
        if !evidence.is_empty() {
            out.push_str(&format!(" — {}", markdown_text(evidence)));
        }
        out.push('\n');
    }
    if finding.more > 0 {
        out.push_str(&format!("  - and {} more\n", finding.more));
    }
    if let Some(url) = &finding.reference {
        out.push_str(&format!("  - See {}\n", format_link(url)));
    }
    out
}

/// A gap as an item of a list.
pub(in crate::report) fn gap_item(gap: &GapView) -> String {
    let mut out = format!("- {}: {}\n", code_span(&gap.what), markdown_text(&gap.why));
    for (name, value) in [("Fix", &gap.fix), ("Not fully checked", &gap.rules)] {
        if !value.is_empty() {
            out.push_str(&format!("  - {name}: {}\n", markdown_text(value)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{code_span, markdown_cell, markdown_text, push_code_block};

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
            assert_eq!(markdown_text(from), to);
        }
        assert_eq!(markdown_cell("a|b"), "a\\|b");
        assert_eq!(markdown_cell("http://a|b"), "`http://a\\|b`");
    }

    #[test]
    fn code_ends_where_it_ends() {
        assert_eq!(code_span("a"), "`a`");
        assert_eq!(code_span("a``b"), "```a``b```");
        assert_eq!(code_span("`a"), "`` `a ``");
        let mut out = String::new();
        push_code_block(&mut out, 2, &["a ```` b".to_owned()]);
        assert_eq!(out, "\n  `````sh\n  a ```` b\n  `````\n\n");
        out.clear();
        push_code_block(&mut out, 2, &[]);
        assert_eq!(out, "");
    }
}
