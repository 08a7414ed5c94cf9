//! What may stand on one line of a document that is skimmed.

/// Longer keys need not be on one line with their colon; 1024 is the limit.
const MAX_KEY_BYTES: usize = 256;

/// Flow collections within one another.
const MAX_FLOW_DEPTH: usize = 8;

/// Texts that are not what they seem to be, in lower case.
const NON_STRING_SCALARS: [&str; 14] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity", "t", "f",
];

/// What stands behind a key, or behind the sign of an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    /// Nothing: it is on the lines below, or null.
    OnLinesBelow,
    /// The head of a block scalar.
    BlockScalar,
    /// Plain text, which may go on.
    PlainScalar,
    /// All of it.
    Complete,
}

/// Whether a line is an item of a list.
pub(super) fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// The key at the beginning of a line, and what stands behind its colon.
pub(super) fn split_key(content: &str) -> Option<(&str, &str)> {
    let (key, rest) = match split_quoted(content) {
        Some((key, _)) if key.contains(['\\', '\'']) => return None,
        Some(parts) => parts,
        None => content.split_at(content.find(|c: char| !is_key_char(c))?),
    };
    let rest = rest.strip_prefix(':')?;
    let fits = !key.is_empty() && key.len() <= MAX_KEY_BYTES && !key.starts_with('-');
    (fits && (rest.is_empty() || rest.starts_with(' '))).then_some((key, rest))
}

fn is_key_char(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '/' | '-')
}

/// What stands behind a key or the sign of an item, if its form is certain.
pub(super) fn classify_value(rest: &str) -> Option<ValueForm> {
    let rest = rest.trim_matches(' ');
    if rest.is_empty() || rest.starts_with('#') {
        return Some(ValueForm::OnLinesBelow);
    }
    if let Some(head) = rest.strip_prefix(['|', '>']) {
        let head = head.strip_prefix(['+', '-']).unwrap_or(head);
        return is_line_end(head).then_some(ValueForm::BlockScalar);
    }
    let behind = if rest.starts_with(['"', '\'']) {
        split_quoted(rest)?.1
    } else if rest.starts_with(['{', '[']) {
        after_flow_collection(rest, MAX_FLOW_DEPTH)?
    } else {
        return classify_plain(rest);
    };
    is_line_end(behind).then_some(ValueForm::Complete)
}

/// The text behind a key, if it is certain to be one and which.
pub(super) fn scalar_text(rest: &str) -> Option<&str> {
    let rest = rest.trim_matches(' ');
    if let Some((text, behind)) = split_quoted(rest) {
        return (is_line_end(behind) && !text.contains(['\\', '\''])).then_some(text);
    }
    let plain = rest.starts_with(|first: char| first.is_ascii_alphabetic())
        && rest.chars().all(is_key_char)
        && !NON_STRING_SCALARS
            .iter()
            .any(|other| rest.eq_ignore_ascii_case(other));
    plain.then_some(rest)
}

/// Whether nothing follows but a comment.
fn is_line_end(behind: &str) -> bool {
    let rest = behind.trim_start_matches(' ');
    rest.is_empty() || rest.starts_with('#') && rest.len() < behind.len()
}

/// Plain text behind a key, or a line that goes on with it.
pub(super) fn classify_plain(text: &str) -> Option<ValueForm> {
    let mut letters = text.chars();
    let begins = match (letters.next()?, letters.next()) {
        ('-', Some('-')) => true,
        ('-' | ':', second) => second?.is_ascii_alphanumeric(),
        (first, _) => first.is_ascii_alphanumeric() || "_/.$(<+=~^\\;".contains(first),
    };
    let (text, value) = match text.split_once(" #") {
        Some((text, _)) => (text, ValueForm::Complete),
        None => (text, ValueForm::PlainScalar),
    };
    // A colon would make a key of it.
    let certain = begins && !text.trim_end_matches(' ').ends_with(':') && !text.contains(": ");
    certain.then_some(value)
}

/// The inside of quotes that begin a text, as it is written, and what is behind them.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(['"', '\''])?;
    let end = if text.starts_with('"') {
        double_quote_end(inner)?
    } else {
        single_quote_end(inner)?
    };
    Some((&inner[..end], &inner[end + 1..]))
}

/// Where double quotes end.
fn double_quote_end(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => {
                // Others have a form of their own.
                matches!(bytes.get(at + 1)?, b'\\' | b'"' | b'n' | b't' | b'r' | b'/')
                    .then_some(())?;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// Where single quotes end; two in a row are one within.
fn single_quote_end(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut at = 0;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at),
            _ => at += 1,
        }
    }
}

/// What is behind a flow collection that begins a text: `{cpu: 100m}`, `["a", b]`.
fn after_flow_collection(text: &str, depth: usize) -> Option<&str> {
    let depth = depth.checked_sub(1)?;
    let (is_map, end) = if text.starts_with('{') {
        (true, '}')
    } else {
        (false, ']')
    };
    let mut rest = text[1..].trim_start_matches(' ');
    if let Some(behind) = rest.strip_prefix(end) {
        return Some(behind);
    }
    loop {
        if is_map {
            let (_, behind) = split_key(rest)?;
            rest = behind.strip_prefix(' ')?.trim_start_matches(' ');
        }
        rest = after_flow_value(rest, depth)?.trim_start_matches(' ');
        if let Some(behind) = rest.strip_prefix(end) {
            return Some(behind);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(' ');
    }
}

/// What is behind a value within a flow collection.
fn after_flow_value(text: &str, depth: usize) -> Option<&str> {
    if text.starts_with(['{', '[']) {
        return after_flow_collection(text, depth);
    }
    if text.starts_with(['"', '\'']) {
        return Some(split_quoted(text)?.1);
    }
    let end = text.find(|c: char| !is_key_char(c))?;
    let option = text.trim_start_matches('-');
    let begins = option.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    // Behind it the comma or the end must stand: the caller sees to that.
    begins.then(|| &text[end..])
}
