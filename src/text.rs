//! Text helpers that every module may use.

pub mod names;
pub mod parsers;

use std::borrow::Cow;
use std::fmt;

use jiff::SignedDuration;

/// `namespace/name`, or the name alone for cluster-scoped objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl NamespacedName {
    /// An empty namespace counts as none.
    #[must_use]
    pub fn new(namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Whether a text matches a pattern in which `*` matches any characters.
#[must_use]
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // The leftmost place for each piece leaves most for those behind it, so no other needs to be tried.
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    text.ends_with(tail)
}

/// A message of the operating system without its code, `(os error 2)`.
#[must_use]
pub fn strip_os_code(text: &str) -> &str {
    text.find(" (os error").map_or(text, |end| &text[..end])
}

/// The message of an I/O error, without its code and in lower case.
#[must_use]
pub fn os_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let mut letters = strip_os_code(&text).chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// A number and its noun: `1 gap`, `0 gaps`, `2 gaps`. For nouns with a regular plural.
#[must_use]
pub fn pluralize(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// `a`, `a and 2 more`: the first of a number of things.
#[must_use]
pub fn first_and_more(first: &str, number: usize) -> String {
    match number {
        0 | 1 => first.to_owned(),
        number => format!("{first} and {} more", number - 1),
    }
}

/// `kind Pod of v1`, `no kind`: what a document says that it is.
#[must_use]
pub fn kind_text(kind: &str, api_version: &str) -> String {
    match (kind, api_version) {
        ("", _) => "no kind".to_owned(),
        (kind, "") => format!("kind {kind} without an apiVersion"),
        (kind, api_version) => format!("kind {kind} of {api_version}"),
    }
}

/// At most this many characters of a text.
#[must_use]
pub fn truncate(text: &str, max_chars: usize) -> &str {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// [`truncate`], with `…` appended to a text that was cut.
#[must_use]
pub fn ellipsize(text: &str, max_chars: usize) -> Cow<'_, str> {
    match truncate(text, max_chars) {
        kept if kept.len() < text.len() => Cow::Owned(format!("{kept}…")),
        kept => Cow::Borrowed(kept),
    }
}

/// A duration in two units at most: `90s`, `4m10s`, `3h20m`, `2d3h`, `400d`, `2y30d`.
///
/// Source: k8s.io/apimachinery pkg/util/duration `HumanDuration`.
#[must_use]
pub fn human_duration(duration: SignedDuration) -> String {
    // Go cuts towards zero: anything less than two seconds in the future is still a difference between clocks.
    let seconds = duration.as_secs();
    match seconds {
        ..-1 => return "<invalid>".to_owned(),
        -1 => return "0s".to_owned(),
        0..120 => return format!("{seconds}s"),
        _ => {}
    }
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    if minutes < 10 {
        two_units(minutes, 'm', seconds % 60, 's')
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two_units(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        two_units(days, 'd', hours % 24, 'h')
    } else if years < 2 {
        format!("{days}d")
    } else if years < 8 {
        two_units(years, 'y', days % 365, 'd')
    } else {
        format!("{years}y")
    }
}

/// Two units, the second only where there is some of it.
fn two_units(first: i64, unit: char, second: i64, smaller: char) -> String {
    if second == 0 {
        format!("{first}{unit}")
    } else {
        format!("{first}{unit}{second}{smaller}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{NamespacedName, ellipsize, first_and_more, human_duration, pluralize, truncate};

    #[test]
    fn only_one_is_singular() {
        assert_eq!(pluralize(0, "gap"), "0 gaps");
        assert_eq!(pluralize(1, "gap"), "1 gap");
        assert_eq!(pluralize(2, "gap"), "2 gaps");
    }

    #[test]
    fn one_needs_no_count() {
        assert_eq!(first_and_more("a", 1), "a");
        assert_eq!(first_and_more("a", 3), "a and 2 more");
    }

    #[test]
    fn text_is_cut_at_characters() {
        assert_eq!(truncate("äöü", 2), "äö");
        assert_eq!(truncate("äöü", 3), "äöü");
        assert_eq!(ellipsize("äöü", 2), "äö…");
        assert_eq!(ellipsize("äöü", 3), "äöü");
    }

    #[test]
    fn cluster_scoped_objects_have_no_slash() {
        let shown = |namespace| NamespacedName::new(namespace, "a").to_string();
        assert_eq!(shown(Some("shop")), "shop/a");
        assert_eq!(shown(Some("")), "a");
        assert_eq!(shown(None), "a");
    }

    /// The table of apimachinery's own test, and the borders between its rules.
    #[test]
    fn durations_read_as_in_kubectl() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        const YEAR: i64 = 365 * DAY;
        for (seconds, text) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (1, "1s"),
            (70, "70s"),
            (119, "119s"),
            (2 * MINUTE, "2m"),
            (2 * MINUTE + 10, "2m10s"),
            (9 * MINUTE + 59, "9m59s"),
            (10 * MINUTE + 59, "10m"),
            (179 * MINUTE, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 10 * MINUTE, "3h10m"),
            (7 * HOUR + 59 * MINUTE, "7h59m"),
            (8 * HOUR + 30 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (49 * HOUR, "2d1h"),
            (2 * DAY, "2d"),
            (7 * DAY + 23 * HOUR, "7d23h"),
            (8 * DAY + HOUR, "8d"),
            (2 * YEAR - DAY, "729d"),
            (2 * YEAR, "2y"),
            (2 * YEAR + DAY, "2y1d"),
            (8 * YEAR - 1, "7y364d"),
            (8 * YEAR, "8y"),
            (8 * YEAR + 364 * DAY, "8y"),
        ] {
            assert_eq!(human_duration(SignedDuration::from_secs(seconds)), text);
        }
        assert_eq!(
            human_duration(SignedDuration::new(-1, -999_999_999)),
            "0s",
            "less than two seconds ahead"
        );
    }
}
