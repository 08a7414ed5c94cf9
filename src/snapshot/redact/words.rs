//! From words to pseudonyms.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::super::{Labels, Rows, Snapshot, Text, Uid};
use super::Key;
use super::known::Known;
use super::shapes::{
    MADE, MARK, each_part, is_camel, is_made, is_plain, is_template_hash, version,
};

/// What a label may be long.
const LONGEST: usize = 63;
/// What the name of an object may be long; nothing is looked for in what is longer.
const LONGEST_NAME: usize = 253;
/// What stands around names and addresses.
const OUTSIDE: &[char] = &[',', ';', '=', '"', '\'', '(', ')', '{', '}', '<', '>', '|'];
/// What else stands between names.
const BETWEEN: &[char] = &[
    '/', ':', '@', '?', '&', '#', '[', ']', '!', '*', '$', '^', '~', '\\', '`', '%',
];
/// Domains of Kubernetes in which everybody gives names.
const FREE: [&str; 2] = ["node-role.kubernetes.io", "node-restriction.kubernetes.io"];

/// Puts pseudonyms in the place of names.
pub(super) struct Words<'a> {
    pub(super) key: &'a Key,
    known: Known<'a>,
    /// Names that look like something else, such as a node `10`.
    misleading: HashSet<String>,
    /// Labels that many pods share.
    labels: RefCell<HashMap<Labels, Labels>>,
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
            labels: RefCell::default(),
        }
    }

    /// Labels of an object, or those that a selector wants.
    pub(super) fn labels(&self, labels: &Labels) -> Labels {
        if let Some(known) = self.labels.borrow().get(labels) {
            return known.clone();
        }
        let pair = |(key, value): (&str, &str)| -> (Text, Text) {
            (self.label(key).into(), self.text(value).into())
        };
        let new: Labels = labels.iter().map(pair).collect();
        self.labels.borrow_mut().insert(labels.clone(), new.clone());
        new
    }

    /// The pseudonym of a name, or itself where it is known.
    pub(super) fn word(&self, name: &str) -> String {
        if name.is_empty() || self.known.has(name) {
            return name.to_owned();
        }
        if name.len() > LONGEST_NAME {
            return self.pseudonym(name);
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
        versioned.unwrap_or_else(|| self.pseudonym(name))
    }

    /// A UID in the place of another.
    pub(super) fn uid(&self, uid: Uid) -> Uid {
        self.key.uid(uid)
    }

    fn pseudonym(&self, name: &str) -> String {
        format!("{MARK}{}", self.key.digits(name))
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
        let outer = |letter: char| letter.is_whitespace() || OUTSIDE.contains(&letter);
        let inner = |letter: char| BETWEEN.contains(&letter);
        each_part(text, outer, |part| {
            self.address(part)
                .unwrap_or_else(|| each_part(part, inner, |name| self.token(name)))
        })
    }

    /// An address of version 6, whose parts look like numbers, with what may stand around it.
    fn address(&self, text: &str) -> Option<String> {
        let (address, rest) = match text.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => text.find('/').map_or((text, ""), |at| text.split_at(at)),
        };
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        is_address.then(|| format!("{}{}", self.host(address), self.text(rest)))
    }

    fn token(&self, token: &str) -> String {
        let is_name = token.chars().any(char::is_alphanumeric);
        if !is_name || self.known.has(token) {
            return token.to_owned();
        }
        if self.misleading.contains(token) {
            return self.word(token);
        }
        if token.len() > LONGEST_NAME {
            return self.pseudonym(token);
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
                    && !FREE.contains(&domain)
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

    /// An image: of an add-on what is public stays, of any other nothing.
    pub(super) fn image(&self, image: &str) -> String {
        self.known.image(image).unwrap_or_else(|| self.word(image))
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
