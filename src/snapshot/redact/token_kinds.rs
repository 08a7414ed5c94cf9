//! Words that are not names, and pseudonyms.

/// Prefix of pseudonyms.
pub(super) const PSEUDONYM_PREFIX: &str = "name-";
/// Number of hexadecimal digits: among half a million names, one cluster in two thousand has a collision.
const PSEUDONYM_DIGITS: usize = 12;
/// Prefix of the pseudonym of a hash.
pub(super) const HASH_PSEUDONYM_PREFIX: &str = "x";
/// Units of quantities and of times.
const UNITS: [&str; 17] = [
    "", "s", "m", "h", "d", "ms", "us", "ns", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "Pi",
];
/// Suffixes of versions of distributions.
const VERSION_SUFFIXES: [&str; 15] = [
    "alpha", "beta", "rc", "eks", "gke", "k3s", "rke", "rke2r", "vmware", "d2iq", "build", "dev",
    "debian", "ubuntu", "dirty",
];

/// A text with each part replaced; delimiters are kept.
pub(super) fn map_parts(
    text: &str,
    apart: impl Fn(char) -> bool,
    replace: impl Fn(&str) -> String,
) -> String {
    let mut shown = String::new();
    for part in text.split_inclusive(&apart) {
        let name = part.strip_suffix(&apart).unwrap_or(part);
        shown.push_str(&replace(name));
        shown.push_str(&part[name.len()..]);
    }
    shown
}

/// The part of a reason that contains no names.
pub(super) fn redact_reason(text: &str) -> String {
    const LEFT_OUT: &str = "more is left out by --redact";
    const TOLD: [&str; 7] = [
        "no manifest was read",
        "is forbidden",
        "was refused",
        "Gave up",
        "Unable to connect to the server",
        "You must be logged in to the server",
        "The answer is not that of a Kubernetes API server",
    ];
    if text.ends_with(LEFT_OUT) {
        return text.to_owned();
    }
    let answer = text
        .strip_prefix("Error from server (")
        .and_then(|rest| rest.split_once(')'))
        .filter(|(reason, _)| is_upper_camel_case(reason))
        .map(|(reason, _)| format!("Error from server ({reason})"));
    let told = || TOLD.iter().find(|told| text.contains(**told));
    match answer.or_else(|| told().map(|told| (*told).to_owned())) {
        Some(told) => format!("{told}; {LEFT_OUT}"),
        None => format!("it failed; {LEFT_OUT}"),
    }
}

/// Whether it is UpperCamelCase, like kinds and reasons; names of objects cannot be.
pub(super) fn is_upper_camel_case(word: &str) -> bool {
    word.len() <= 63
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// `v1`, `v2beta1`.
pub(super) fn is_api_version(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('v') else {
        return false;
    };
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let maturity = rest.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let has_number = word.len() > rest.len() + 1;
    has_number && word.len() <= 12 && (rest.is_empty() || matches!(maturity, "alpha" | "beta"))
}

/// Whether it is a pseudonym already.
pub(super) fn is_pseudonym(word: &str) -> bool {
    word.strip_prefix(PSEUDONYM_PREFIX)
        .is_some_and(is_pseudonym_digits)
}

/// Whether it is the pseudonym of a hash.
pub(super) fn is_hash_pseudonym(hash: &str) -> bool {
    hash.strip_prefix(HASH_PSEUDONYM_PREFIX)
        .is_some_and(is_pseudonym_digits)
}

fn is_pseudonym_digits(digits: &str) -> bool {
    let digit = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    digits.len() == PSEUDONYM_DIGITS && digits.bytes().all(digit)
}

/// Whether it is the hash of a pod template: a number of 32 bits in a safe alphabet.
///
/// Source: kubernetes/apimachinery pkg/util/rand/rand.go (SafeEncodeString); decimal digits map to these ten characters.
pub(super) fn is_template_hash(hash: &str) -> bool {
    (4..=10).contains(&hash.len()) && hash.bytes().all(|byte| b"456789bcdf".contains(&byte))
}

/// Whether it is a boolean, a small number, a quantity or a duration.
pub(super) fn is_plain_value(word: &str) -> bool {
    if matches!(
        word,
        "true" | "false" | "True" | "False" | "Unknown" | "null"
    ) {
        return true;
    }
    let mut rest = word;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let digits = rest.len() - unit.len();
        let letters = unit.find(|letter: char| !letter.is_ascii_alphabetic());
        let (unit, next) = unit.split_at(letters.unwrap_or(unit.len()));
        if digits == 0 || digits > 6 || !UNITS.contains(&unit) {
            return false;
        }
        rest = next;
    }
    !word.is_empty()
}

/// A version: two or three numbers and suffixes of distributions. `other` replaces an unknown suffix; if it returns `None`,
/// the word is not a version.
pub(super) fn redact_version(word: &str, other: impl Fn(&str) -> Option<String>) -> Option<String> {
    let plain = word.strip_prefix('v').unwrap_or(word);
    let end = plain.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (numbers, suffix) = plain.split_at(end.unwrap_or(plain.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 6;
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
        return None;
    }
    let mut shown = word[..word.len() - suffix.len()].to_owned();
    if suffix.is_empty() {
        return Some(shown);
    }
    if !suffix.starts_with(['-', '+', '_']) {
        return None;
    }
    let apart = |letter: char| matches!(letter, '-' | '+' | '_' | '.');
    for part in suffix.split_inclusive(apart) {
        let name = part.trim_end_matches(apart);
        let front = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let is_commit = |text: &str| {
            text.len() >= 6
                && text.bytes().all(|byte| byte.is_ascii_hexdigit())
                && text.bytes().any(|byte| byte.is_ascii_digit())
        };
        if front.is_empty()
            || VERSION_SUFFIXES.contains(&front)
            || VERSION_SUFFIXES.contains(&name)
            || is_commit(name)
        {
            shown.push_str(name);
        } else {
            shown.push_str(&other(name)?);
        }
        shown.push_str(&part[name.len()..]);
    }
    Some(shown)
}
