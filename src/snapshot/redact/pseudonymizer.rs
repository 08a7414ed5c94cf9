//! Words to pseudonyms.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::super::{Rows, SharedLabels, SharedStr};
use super::allowlist::Allowlist;
use super::key::RedactionKey;
use super::token_kinds::{
    HASH_PSEUDONYM_PREFIX, PSEUDONYM_PREFIX, is_hash_pseudonym, is_plain_value, is_template_hash,
    is_upper_camel_case, map_parts, redact_version,
};

/// Maximum length of a label value.
const MAX_LABEL_LEN: usize = 63;
/// Maximum length of an object name; longer words are replaced as a whole.
const MAX_NAME_LEN: usize = 253;
/// Delimiters around names and addresses.
const OUTER_DELIMITERS: &[char] = &[',', ';', '=', '"', '\'', '(', ')', '{', '}', '<', '>', '|'];
/// Further delimiters between names.
const INNER_DELIMITERS: &[char] = &[
    '/', ':', '@', '?', '&', '#', '[', ']', '!', '*', '$', '^', '~', '\\', '`', '%',
];
/// Domains of Kubernetes in which users choose names.
const OPEN_DOMAINS: [&str; 2] = ["node-role.kubernetes.io", "node-restriction.kubernetes.io"];

/// Replaces names by pseudonyms.
pub(super) struct Pseudonymizer<'a> {
    pub(super) key: RedactionKey,
    allowlist: Allowlist<'a>,
    /// Names that look like values, such as a node `10`.
    value_like_names: HashSet<String>,
    /// Pseudonyms of labels, which many pods share.
    label_cache: RefCell<HashMap<SharedLabels, SharedLabels>>,
}

impl<'a> Pseudonymizer<'a> {
    pub(super) fn new(key: &RedactionKey, known: Allowlist<'a>) -> Self {
        Self {
            key: key.clone(),
            allowlist: known,
            value_like_names: HashSet::new(),
            label_cache: RefCell::default(),
        }
    }

    /// Takes note of names that look like something else, before the rows are redacted.
    pub(super) fn note_names(&mut self, rows: &Rows) {
        let mut note = |name: &str| {
            if is_plain_value(name) || redact_version(name, |_| None).is_some() {
                self.value_like_names.insert(name.to_owned());
            }
        };
        for row in rows.metadata() {
            note(&row.name);
            row.namespace.iter().for_each(|name| note(name));
        }
        rows.nodes().iter().for_each(|row| note(&row.name));
        for row in rows.pods() {
            note(&row.name);
            note(&row.namespace);
        }
    }

    /// Labels of an object or of a selector.
    pub(super) fn redact_labels(&self, labels: &SharedLabels) -> SharedLabels {
        if let Some(known) = self.label_cache.borrow().get(labels) {
            return known.clone();
        }
        let pair = |(key, value): (&str, &str)| -> (SharedStr, SharedStr) {
            (
                self.redact_label_key(key).into(),
                self.redact_text(value).into(),
            )
        };
        let new: SharedLabels = labels.iter().map(pair).collect();
        self.label_cache
            .borrow_mut()
            .insert(labels.clone(), new.clone());
        new
    }

    /// See [`Allowlist::is_override_of_kyma`].
    pub(super) fn is_override_of_kyma(&self, key: &str) -> bool {
        self.allowlist.is_override_of_kyma(key)
    }

    /// The pseudonym of a name, or the name itself if it is allowed.
    pub(super) fn redact_name(&self, name: &str) -> String {
        if name.is_empty() || self.allowlist.contains(name) {
            return name.to_owned();
        }
        if name.len() > MAX_NAME_LEN {
            return self.pseudonym_of(name);
        }
        for beginning in self.allowlist.name_prefixes() {
            match name.strip_prefix(beginning) {
                Some(rest) if !rest.is_empty() => {
                    return format!("{beginning}{}", self.redact_name(rest));
                }
                _ => {}
            }
        }
        if let Some(made) = self.redact_generated_name(name) {
            return made;
        }
        // `kommander-0.1.0`: a platform's application and its version.
        self.redact_versioned(name, |front| self.allowlist.contains(front))
            .unwrap_or_else(|| self.pseudonym_of(name))
    }

    /// A name with a version suffix, if the name is wanted.
    fn redact_versioned(&self, text: &str, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
        text.match_indices('-').find_map(|(at, _)| {
            let front = &text[..at];
            let version = redact_version(&text[at + 1..], |part| Some(self.redact_name(part)))?;
            is_wanted(front).then(|| format!("{}-{version}", self.redact_name(front)))
        })
    }

    fn pseudonym_of(&self, name: &str) -> String {
        format!("{PSEUDONYM_PREFIX}{}", self.key.hex_digest(name))
    }

    /// The name of a ReplicaSet: that of its Deployment and a hash of the template. Rules derive one from the other.
    fn redact_generated_name(&self, name: &str) -> Option<String> {
        let (front, hash) = name.rsplit_once('-')?;
        let hash = if is_hash_pseudonym(hash) {
            hash.to_owned()
        } else if is_template_hash(hash) {
            format!("{HASH_PSEUDONYM_PREFIX}{}", self.key.hex_digest(name))
        } else {
            return None;
        };
        let made = format!("{}-{hash}", self.redact_name(front));
        (made.len() <= MAX_LABEL_LEN).then_some(made)
    }

    /// A text with its names replaced; delimiters are kept.
    pub(super) fn redact_text(&self, text: &str) -> String {
        if text.parse::<Timestamp>().is_ok() || self.is_public_name(text) {
            return text.to_owned();
        }
        let outer = |letter: char| letter.is_whitespace() || OUTER_DELIMITERS.contains(&letter);
        let inner = |letter: char| INNER_DELIMITERS.contains(&letter);
        map_parts(text, outer, |part| {
            self.redact_ipv6(part)
                .unwrap_or_else(|| map_parts(part, inner, |name| self.redact_token(name)))
        })
    }

    /// An IPv6 address, whose parts look like numbers, with its brackets, port and path.
    fn redact_ipv6(&self, text: &str) -> Option<String> {
        let (address, rest) = match text.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => text.find('/').map_or((text, ""), |at| text.split_at(at)),
        };
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        is_address.then(|| format!("{}{}", self.redact_host(address), self.redact_text(rest)))
    }

    fn redact_token(&self, token: &str) -> String {
        let is_name = token.chars().any(char::is_alphanumeric);
        if !is_name || self.allowlist.contains(token) {
            return token.to_owned();
        }
        if self.value_like_names.contains(token) {
            return self.redact_name(token);
        }
        if token.len() > MAX_NAME_LEN {
            return self.pseudonym_of(token);
        }
        if is_plain_value(token) {
            return token.to_owned();
        }
        let version = redact_version(token, |part| Some(self.redact_name(part)));
        version.unwrap_or_else(|| self.redact_name(token))
    }

    /// `kubernetes.io/hostname`: a name in the domain of a public project.
    fn is_public_name(&self, text: &str) -> bool {
        let harmless = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        text.split_once('/').is_some_and(|(domain, name)| {
            self.allowlist.contains(text)
                || (self.allowlist.is_public_domain(domain)
                    && !OPEN_DOMAINS.contains(&domain)
                    && name.chars().all(harmless))
        })
    }

    /// The key of a label, an annotation, a taint or a finalizer.
    pub(super) fn redact_label_key(&self, key: &str) -> String {
        if self.allowlist.contains(key) {
            return key.to_owned();
        }
        self.redact_text(key)
    }

    /// Whether it is the key of a public label.
    pub(super) fn is_public_label(&self, key: &str) -> bool {
        self.is_public_name(key)
    }

    /// `group/version`.
    pub(super) fn redact_api_version(&self, text: &str) -> String {
        match text.split_once('/') {
            Some((group, version)) => {
                format!("{}/{}", self.redact_name(group), self.redact_name(version))
            }
            None => self.redact_name(text),
        }
    }

    /// A kind; those of public groups are public.
    pub(super) fn redact_kind(&self, api_version: &str, kind: &str) -> String {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if is_upper_camel_case(kind) && (!group.is_empty() && self.allowlist.contains(group)) {
            kind.to_owned()
        } else {
            self.redact_name(kind)
        }
    }

    /// The name of a field manager.
    pub(super) fn redact_field_manager(&self, name: &str) -> String {
        if self.allowlist.is_known_field_manager(name) {
            name.to_owned()
        } else {
            self.redact_name(name)
        }
    }

    /// `https://host:port/path`.
    pub(super) fn redact_server_url(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else {
            return self.redact_name(url);
        };
        let (address, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let port = address.rsplit_once(':').filter(|(_, port)| {
            !port.is_empty() && port.chars().all(|letter| letter.is_ascii_digit())
        });
        let (host, port) = match port {
            Some((host, port)) => (host, format!(":{port}")),
            None => (address, String::new()),
        };
        format!(
            "{scheme}://{}{port}{}",
            self.redact_host(host),
            self.redact_text(path)
        )
    }

    /// A host name or address; IPv6 addresses may be in brackets.
    pub(super) fn redact_host(&self, host: &str) -> String {
        self.redact_name(host.trim_start_matches('[').trim_end_matches(']'))
    }

    /// The manager of an object: `Kind/name`, or a tool and `namespace/name`.
    pub(super) fn redact_owner(&self, owner: &str) -> String {
        const TOOLS: [&str; 5] = [
            "flux kustomization ",
            "flux helmrelease ",
            "argo cd application ",
            "helm release ",
            "k3s addon ",
        ];
        let tool = TOOLS.iter().find(|tool| owner.starts_with(**tool));
        let tool = tool.copied().unwrap_or_default();
        let parts = owner[tool.len()..]
            .split('/')
            .map(|part| self.redact_name(part));
        format!("{tool}{}", parts.collect::<Vec<_>>().join("/"))
    }

    /// An image: of an add-on the public part is kept, of any other nothing.
    pub(super) fn redact_image(&self, image: &str) -> String {
        self.allowlist
            .public_image_part(image)
            .unwrap_or_else(|| self.redact_name(image))
    }

    /// A chart and its version, `cart-1.2.0`.
    pub(super) fn redact_chart(&self, chart: &str) -> String {
        self.redact_versioned(chart, |_| true)
            .unwrap_or_else(|| self.redact_name(chart))
    }

    /// The location of a manifest: a path, a document number and a line.
    pub(super) fn redact_location(&self, place: &str) -> String {
        let (path, document) = match place.rsplit_once(" document ") {
            Some((path, number)) if is_document_position(number) => {
                (path, format!(" document {number}"))
            }
            _ => (place, String::new()),
        };
        let path = map_parts(
            path,
            |letter| letter == '/',
            |name| match name.rsplit_once('.') {
                _ if !name.contains(char::is_alphanumeric) => name.to_owned(),
                Some((stem, ending @ ("yaml" | "yml" | "json" | "tpl" | "txt"))) => {
                    format!("{}.{ending}", self.redact_name(stem))
                }
                _ => self.redact_name(name),
            },
        );
        path + &document
    }

    /// The public words in the name of an operating system.
    pub(super) fn redact_os_image(&self, image: &str) -> String {
        let stays = |word: &&str| {
            self.allowlist.is_os_word(word)
                || is_plain_value(word)
                || redact_version(word, |_| None).is_some()
        };
        image.split(' ').filter(stays).collect::<Vec<_>>().join(" ")
    }
}

/// `2`, or `2, line 14`.
fn is_document_position(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once(", line ") {
        Some((number, line)) => is_number(number) && is_number(line),
        None => is_number(text),
    }
}
