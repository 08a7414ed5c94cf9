//! Messages of parsers, in words for the person whose file it is.

use serde_json::error::Category;

use super::os_error_text;

/// What is wrong with JSON, and where: `it is not JSON (line 1, column 1)`.
#[must_use]
pub fn json_error_text(error: &serde_json::Error) -> String {
    let place = match (error.line(), error.column()) {
        (0, _) => String::new(),
        (line, column) => format!(" (line {line}, column {column})"),
    };
    let text = error.to_string();
    let text = text.find(" at line ").map_or(&*text, |end| &text[..end]);
    match error.classify() {
        Category::Eof if (error.line(), error.column()) == (1, 0) => "it is empty".to_owned(),
        Category::Eof => format!("it ends too early{place}"),
        Category::Syntax => format!("it is not JSON{place}"),
        Category::Data => format!("{}{place}", plain_words(text)),
        Category::Io => os_error_text(&std::io::Error::other(text)),
    }
}

/// What is wrong with YAML, and where: `expected a mapping (line 1, column 1)`.
#[must_use]
pub fn yaml_error_text(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.find(" at line ").map_or(text, |end| &text[..end]);
    let place = error.location();
    let place = place.map(|place| (place.line(), place.column()));
    match place {
        Some((1, 1)) if text == "unexpected end of input" => "it is empty".to_owned(),
        Some((line, column)) => {
            format!("{} (line {line}, column {column})", plain_words(text))
        }
        None => plain_words(text),
    }
}

/// Phrases of parsers that name types of Rust or events of a YAML stream, and what they mean.
const PHRASES: [(&str, &str); 8] = [
    ("expected mapping start", "expected a mapping"),
    ("expected sequence start", "expected a list"),
    ("expected string scalar", "expected text"),
    ("expected scalar", "expected a single value"),
    ("unexpected end of input", "it ends too early"),
    (
        "cannot deserialize null into string; use Option<String>",
        "expected text, found nothing",
    ),
    (
        ", set DuplicateKeyPolicy in Options if acceptable",
        "; remove one of them",
    ),
    ("a sequence", "a list"),
];

/// A message of a parser without what only its callers understand.
#[must_use]
pub fn plain_words(message: &str) -> String {
    let mut text = message.replace('`', "");
    for (phrase, meaning) in PHRASES {
        text = text.replace(phrase, meaning);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{json_error_text, yaml_error_text};

    #[derive(Debug, serde::Deserialize)]
    struct Cart {
        #[serde(rename = "items")]
        _items: Vec<String>,
    }

    #[test]
    fn errors_of_parsers_are_in_plain_words() {
        let json = |text: &str| {
            json_error_text(&serde_json::from_str::<Cart>(text).expect_err("an error"))
        };
        assert_eq!(json("cart"), "it is not JSON (line 1, column 1)");
        assert_eq!(json("{\n"), "it ends too early (line 2, column 0)");
        assert_eq!(json("{}"), "missing field items (line 1, column 2)");
        let items = "invalid type: integer 1, expected a list (line 1, column 10)";
        assert_eq!(json("{\"items\":1}"), items);
        let error = serde_json::from_value::<Cart>(Value::Null).expect_err("an error");
        assert_eq!(
            json_error_text(&error),
            "invalid type: null, expected struct Cart"
        );
        let yaml = |text: &str| {
            yaml_error_text(&serde_saphyr::from_str::<Cart>(text).expect_err("an error"))
        };
        assert_eq!(yaml("cart"), "expected a mapping (line 1, column 1)");
        assert_eq!(yaml("items: 1"), "expected a list (line 1, column 8)");
        assert_eq!(yaml(""), "it is empty");
        assert_eq!(json(""), "it is empty");
        assert_eq!(yaml("{}"), "missing field items (line 1, column 1)");
        let twice = yaml("items: []\nitems: []");
        assert!(twice.contains("; remove one of them (line 2, "), "{twice}");
    }
}
