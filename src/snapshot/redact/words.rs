//! From words to pseudonyms.

use std::collections::HashSet;

use jiff::Timestamp;

use super::super::{Rows, Snapshot};
use super::Key;
use super::known::Known;

/// What every pseudonym begins with.
const MARK: &str = "name-";
/// How many hexadecimal digits follow: of half a million names no two meet but once in two thousand clusters.
const DIGITS: usize = 12;
/// What the pseudonym of a hash begins with.
const MADE: &str = "x";
/// What a label may be long.
const LONGEST: usize = 63;
/// What stands between names.
const BETWEEN: &[char] = &[
    '/', ':', '@', '=', ',', ';', '?', '&', '#', '"', '\'', '(', ')', '[', ']', '{', '}', '<', '>',
    '|', '!', '*', '$', '^', '~', '\\', '`', '%',
];
/// Units of quantities and of times.
const UNITS: [&str; 17] = [
    "", "s", "m", "h", "d", "ms", "us", "ns", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "Pi",
];
/// What distributions put behind a version.
const EDITIONS: [&str; 15] = [
    "alpha", "beta", "rc", "eks", "gke", "k3s", "rke", "rke2r", "vmware", "d2iq", "build", "dev",
    "debian", "ubuntu", "dirty",
];

/// Puts pseudonyms in the place of names.
pub(super) struct Words<'a> {
    key: &'a Key,
    known: Known<'a>,
    /// Names that look like something else, such as a node `10`.
    misleading: HashSet<String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(key: &'a Key, known: Known<'a>, snapshot: &Snapshot) -> Self {
        let readings = snapshot.clusters.iter().flat_map(|it| &it.readings);
        let mut misleading = HashSet::new();
        let mut note = |name: &str| {
            if is_plain(name) || version(name, |_| None).is_some() {
                misleading.insert(name.to_owned());
            }
        };
        for reading in readings {
            for row in reading.rows.meta() {
                note(&row.name);
                row.namespace.iter().for_each(|name| note(name));
            }
            match &reading.rows {
                Rows::Nodes(rows) => rows.iter().for_each(|row| note(&row.name)),
                Rows::Pods(rows) => rows.iter().for_each(|row| {
                    note(&row.name);
                    note(&row.namespace);
                }),
                _ => {}
            }
        }
        Self {
            key,
            known,
            misleading,
        }
    }

    /// The pseudonym of a name, or itself where it is known.
    pub(super) fn word(&self, name: &str) -> String {
        if name.is_empty() || self.known.has(name) {
            return name.to_owned();
        }
        for beginning in self.known.beginnings() {
            match name.strip_prefix(beginning) {
                Some(rest) if !rest.is_empty() => return format!("{beginning}{}", self.word(rest)),
                _ => {}
            }
        }
        if let Some(made) = self.made(name) {
            return made;
        }
        // `kommander-0.1.0`: an application of a platform with its version.
        let versioned = name.match_indices('-').find_map(|(at, _)| {
            let (front, rest) = (&name[..at], &name[at + 1..]);
            let version = version(rest, |part| Some(self.word(part)))?;
            self.known.has(front).then(|| format!("{front}-{version}"))
        });
        versioned.unwrap_or_else(|| format!("{MARK}{}", self.key.digits(name)))
    }

    /// The name of what a Deployment has made: that of the Deployment and a hash of its template. Rules go from one to the
    /// other by it.
    fn made(&self, name: &str) -> Option<String> {
        let (front, hash) = name.rsplit_once('-')?;
        let hash = if is_made(hash) {
            hash.to_owned()
        } else if is_template_hash(hash) {
            format!("{MADE}{}", self.key.digits(name))
        } else {
            return None;
        };
        let made = format!("{}-{hash}", self.word(front));
        (made.len() <= LONGEST).then_some(made)
    }

    /// A text with the names in it replaced, and what stands between them as it was.
    pub(super) fn text(&self, text: &str) -> String {
        if text.parse::<Timestamp>().is_ok() || self.is_public(text) {
            return text.to_owned();
        }
        let apart = |letter: char| letter.is_whitespace() || BETWEEN.contains(&letter);
        let mut shown = String::new();
        for part in text.split_inclusive(apart) {
            let name = part.trim_end_matches(apart);
            shown.push_str(&self.token(name));
            shown.push_str(&part[name.len()..]);
        }
        shown
    }

    fn token(&self, token: &str) -> String {
        let is_name = token.chars().any(char::is_alphanumeric);
        if !is_name || self.known.has(token) {
            return token.to_owned();
        }
        if self.misleading.contains(token) {
            return self.word(token);
        }
        if is_plain(token) {
            return token.to_owned();
        }
        let version = version(token, |part| Some(self.word(part)));
        version.unwrap_or_else(|| self.word(token))
    }

    /// `kubernetes.io/hostname`: a name that a public project has given within its domain.
    fn is_public(&self, text: &str) -> bool {
        let harmless = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        text.split_once('/').is_some_and(|(domain, name)| {
            self.known.has(text)
                || (self.known.gives_names(domain)
                    && domain != "node-role.kubernetes.io"
                    && name.chars().all(harmless))
        })
    }

    /// The key of a label, an annotation, a taint or a finalizer.
    pub(super) fn label(&self, key: &str) -> String {
        if self.known.has(key) {
            return key.to_owned();
        }
        self.text(key)
    }

    /// Whether it is the key of a public label.
    pub(super) fn is_public_label(&self, key: &str) -> bool {
        self.is_public(key)
    }

    /// `group/version`.
    pub(super) fn api_version(&self, text: &str) -> String {
        match text.split_once('/') {
            Some((group, version)) => format!("{}/{}", self.word(group), self.word(version)),
            None => self.word(text),
        }
    }

    /// A kind; those of public groups are public.
    pub(super) fn kind(&self, api_version: &str, kind: &str) -> String {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if is_camel(kind) && (!group.is_empty() && self.known.has(group)) {
            kind.to_owned()
        } else {
            self.word(kind)
        }
    }

    /// The name of a field manager.
    pub(super) fn manager(&self, name: &str) -> String {
        if self.known.writes(name) {
            name.to_owned()
        } else {
            self.word(name)
        }
    }

    /// `https://host:port/path`.
    pub(super) fn server(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else {
            return self.word(url);
        };
        let (address, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let port = address.rsplit_once(':').filter(|(_, port)| {
            !port.is_empty() && port.chars().all(|letter| letter.is_ascii_digit())
        });
        let (host, port) = match port {
            Some((host, port)) => (host, format!(":{port}")),
            None => (address, String::new()),
        };
        format!("{scheme}://{}{port}{}", self.host(host), self.text(path))
    }

    /// A host by name or address; one of version 6 may stand in brackets.
    pub(super) fn host(&self, host: &str) -> String {
        self.word(host.trim_start_matches('[').trim_end_matches(']'))
    }

    /// Who looks after an object: `Kind/name`, or a tool and `namespace/name`.
    pub(super) fn owner(&self, owner: &str) -> String {
        const TOOLS: [&str; 4] = [
            "flux kustomization ",
            "flux helmrelease ",
            "argo cd application ",
            "helm release ",
        ];
        let tool = TOOLS.iter().find(|tool| owner.starts_with(**tool));
        let tool = tool.copied().unwrap_or_default();
        let parts = owner[tool.len()..].split('/').map(|part| self.word(part));
        format!("{tool}{}", parts.collect::<Vec<_>>().join("/"))
    }

    /// A chart and its version, `cart-1.2.0`.
    pub(super) fn chart(&self, chart: &str) -> String {
        let split = chart.match_indices('-').find_map(|(at, _)| {
            let version = version(&chart[at + 1..], |part| Some(self.word(part)))?;
            Some(format!("{}-{version}", self.word(&chart[..at])))
        });
        split.unwrap_or_else(|| self.word(chart))
    }

    /// Where a manifest stands: a path, and which document of it.
    pub(super) fn location(&self, place: &str) -> String {
        let (path, document) = match place.rsplit_once(" document ") {
            Some((path, number)) if number.chars().all(|digit| digit.is_ascii_digit()) => {
                (path, format!(" document {number}"))
            }
            _ => (place, String::new()),
        };
        let parts: Vec<String> = path.split('/').map(|part| self.file(part)).collect();
        format!("{}{document}", parts.join("/"))
    }

    fn file(&self, name: &str) -> String {
        const FIXED: [&str; 9] = [
            "",
            ".",
            "..",
            "-",
            "stdin",
            "templates",
            "crds",
            "charts",
            "hooks",
        ];
        const ENDINGS: [&str; 5] = ["yaml", "yml", "json", "tpl", "txt"];
        if FIXED.contains(&name) {
            return name.to_owned();
        }
        match name.rsplit_once('.') {
            Some((stem, ending)) if ENDINGS.contains(&ending) => {
                format!("{}.{ending}", self.word(stem))
            }
            _ => self.word(name),
        }
    }

    /// The name of an operating system: what of it is public.
    pub(super) fn system(&self, image: &str) -> String {
        let stays = |word: &&str| {
            self.known.of_system(word) || is_plain(word) || version(word, |_| None).is_some()
        };
        image.split(' ').filter(stays).collect::<Vec<_>>().join(" ")
    }
}

/// Why something could not be seen, as far as it is told without names.
pub(super) fn reason(text: &str) -> String {
    const LEFT_OUT: &str = "more is left out by --redact";
    const TOLD: [&str; 6] = [
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
        .filter(|(reason, _)| is_camel(reason))
        .map(|(reason, _)| format!("Error from server ({reason})"));
    let told = || TOLD.iter().find(|told| text.contains(**told));
    match answer.or_else(|| told().map(|told| (*told).to_owned())) {
        Some(told) => format!("{told}; {LEFT_OUT}"),
        None => format!("it failed; {LEFT_OUT}"),
    }
}

/// One word that begins with a capital, as kinds and reasons do and no name of an object can.
pub(super) fn is_camel(word: &str) -> bool {
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

/// What another redaction, or an earlier one, has made.
pub(super) fn is_pseudonym(word: &str) -> bool {
    word.strip_prefix(MARK).is_some_and(are_digits)
}

/// What it has made of a hash.
fn is_made(hash: &str) -> bool {
    hash.strip_prefix(MADE).is_some_and(are_digits)
}

fn are_digits(digits: &str) -> bool {
    let digit = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    digits.len() == DIGITS && digits.bytes().all(digit)
}

/// The hash of a template: a number of 32 bits, digit by digit in other letters.
///
/// Source: kubernetes/apimachinery pkg/util/rand/rand.go (SafeEncodeString), of which decimal digits reach these ten.
fn is_template_hash(hash: &str) -> bool {
    (4..=10).contains(&hash.len()) && hash.bytes().all(|byte| b"456789bcdf".contains(&byte))
}

/// Truth, a small number, a quantity, a time span.
fn is_plain(word: &str) -> bool {
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

/// A version: two or three numbers and what distributions put behind them. `other` says what becomes of parts that are
/// none of theirs; where it says nothing, the word is no version.
fn version(word: &str, other: impl Fn(&str) -> Option<String>) -> Option<String> {
    let plain = word.strip_prefix('v').unwrap_or(word);
    let end = plain.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (numbers, suffix) = plain.split_at(end.unwrap_or(plain.len()));
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 6;
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(|part| is_number(&part)) {
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
            || EDITIONS.contains(&front)
            || EDITIONS.contains(&name)
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
