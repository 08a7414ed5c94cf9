//! JSON and YAML, so that a value comes back as it went in and its text is harmless on the way.
//!
//! Both formats may carry characters that a terminal acts upon or that reorder what a person reads. Inside strings they can
//! be written as escapes, which is the same value for a program.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;

use super::options::RenderError;
use super::terminal;

/// Pretty, two spaces, with a line break at the end.
pub(super) fn to_json<T: Serialize>(document: &T) -> Result<String, RenderError> {
    Ok(escape_json(&serde_json::to_string_pretty(document)?))
}

/// In one line, with a line break at the end.
pub(super) fn to_json_line<T: Serialize>(document: &T) -> Result<String, RenderError> {
    Ok(escape_json(&serde_json::to_string(document)?))
}

/// The JSON with a line break at the end, and without characters that a terminal does not show.
fn escape_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    // Outside of strings JSON is ASCII, and its only control characters are the line breaks of pretty printing.
    for character in text.chars() {
        if is_harmless(character) {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('\n');
    out
}

/// One document, with a line break at the end.
pub(super) fn to_yaml<T: Serialize>(document: &T) -> Result<String, RenderError> {
    // Without block scalars each scalar stays on its line, in quotes where a reader could take it for something else.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(document, options)?;
    if text.chars().all(is_harmless) {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if line.chars().all(is_harmless) {
            out.push_str(line);
        } else {
            escape_scalar(&mut out, line);
        }
        out.push('\n');
    }
    Ok(out)
}

fn is_harmless(character: char) -> bool {
    character == '\n' || !terminal::is_unsafe(character)
}

/// A line of YAML with its scalar in double quotes, the only style that knows escapes.
fn escape_scalar(out: &mut String, line: &str) {
    let (head, scalar) = line.split_at(scalar_start(line));
    out.push_str(head);
    let inner = |quote| scalar.strip_prefix(quote)?.strip_suffix(quote);
    let text: Cow<'_, str> = if let Some(escaped) = inner('"') {
        escaped.into()
    } else if let Some(single) = inner('\'') {
        escape_backslashes(&single.replace("''", "'")).into()
    } else {
        escape_backslashes(scalar).into()
    };
    out.push('"');
    for character in text.chars() {
        if is_harmless(character) {
            out.push(character);
        } else {
            // YAML has no pairs of surrogates, so what lies beyond four digits takes eight.
            let _ = match u32::from(character) {
                code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            };
        }
    }
    out.push('"');
}

fn escape_backslashes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Where the scalar of a line begins: behind its indentation, dashes and key. Our keys are plain words.
fn scalar_start(line: &str) -> usize {
    let mut rest = line.trim_start_matches(' ');
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start_matches(' ');
    }
    let key = rest.find(|character: char| !character.is_ascii_alphanumeric());
    if let Some(value) = key.and_then(|end| rest[end..].strip_prefix(": ")) {
        rest = value;
    }
    line.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{is_harmless, to_json, to_yaml};

    fn round(value: &Value) {
        let text = to_json(value).expect("JSON");
        assert!(text.chars().all(is_harmless), "{text:?}");
        let back: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back, *value, "{text}");
        let text = to_yaml(value).expect("YAML");
        assert!(text.chars().all(is_harmless), "{text:?}");
        let back: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(back, *value, "{text}");
    }

    #[test]
    fn strings_stay_strings() {
        let words = [
            "",
            "~",
            "null",
            "on",
            "off",
            "yes",
            "No",
            "true",
            "1",
            "1.25",
            "1e3",
            "0x10",
            "012",
            "1:20",
            ".inf",
            "NaN",
            "2024-01-02",
            "2024-01-02T00:00:00Z",
            "<<",
            "=",
            "-",
            "- a",
            "? a",
            "a: b",
            "a:",
            ": a",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "[a]",
            "{a}",
            "'a'",
            "\"a\"",
            "a\\b",
            " a",
            "a ",
            "---",
            "...",
            "--- a",
            "one\ntwo\n",
            "\n\n",
            "a\r\nb",
            "a\tb",
            "\u{1b}[31m",
            "\0",
            "\u{7f}",
            "\u{9b}",
            "\u{85}",
            "\u{2028}",
            "\u{202e}abc",
            "a\\\u{202e}\"b\"",
            "it's \u{202e}",
            "'\u{202e}'",
            "\"\u{202e}",
            "a\u{202e}\n",
            "#\u{202e}",
            "\u{e0041}",
            "\u{feff}",
            "\u{fffe}",
            "a|b",
            "größe",
            "日本",
        ];
        for word in words {
            round(&json!({ "key": word, "list": [word, [word], {"key": word, "more": [word]}] }));
        }
    }

    #[test]
    fn long_strings_stay_whole() {
        round(&json!({ "name": "x ".repeat(1_000_000), "other": "\u{202e}".repeat(100_000) }));
    }

    proptest! {
        #![proptest_config(crate::mutate::cases(256))]

        #[test]
        fn whatever_goes_in_comes_out(
            texts in prop::collection::vec(any::<String>(), 0..4),
            map in prop::collection::btree_map("[a-zA-Z]{1,8}", any::<String>(), 0..4),
        ) {
            let map: BTreeMap<String, String> = map;
            round(&json!({ "texts": texts, "maps": [map] }));
        }
    }

    #[test]
    fn how_it_looks() {
        let value = json!({
            "apiVersion": "kubectl-upgrade/v1",
            "empty": [],
            "items": [{ "id": "a", "to": "1.25", "name": null, "note": "pod\u{202e}x: \"y\"" }, { "id": "b" }],
        });
        insta::assert_snapshot!(to_yaml(&value).expect("YAML"), @r#"
        apiVersion: kubectl-upgrade/v1
        empty: []
        items:
        - id: a
          name: null
          note: "pod\u202ex: \"y\""
          to: "1.25"
        - id: b
        "#);
        insta::assert_snapshot!(to_json(&value).expect("JSON"), @r#"
        {
          "apiVersion": "kubectl-upgrade/v1",
          "empty": [],
          "items": [
            {
              "id": "a",
              "name": null,
              "note": "pod\u202ex: \"y\"",
              "to": "1.25"
            },
            {
              "id": "b"
            }
          ]
        }
        "#);
    }
}
