//! Full objects: redacts every string by its field.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::pseudonymizer::Pseudonymizer;
use super::token_kinds::is_upper_camel_case;
use crate::catalog::keys;
use crate::snapshot::in_cluster_service;
use crate::x509;

/// Maps whose keys are labels.
const LABEL_MAP_FIELDS: [&str; 5] = [
    "labels",
    "matchLabels",
    "selector",
    "nodeSelector",
    "stringData",
];
/// Fields of free text.
const FREE_TEXT_FIELDS: [&str; 2] = ["message", "certificate"];
/// Annotations whose value is a number that rules read.
const NUMERIC_ANNOTATIONS: [&str; 1] = [keys::CAPI_UPGRADE_CONCURRENCY];
/// Labels whose value is the name of an object.
const NAME_VALUED_LABELS: [&str; 1] = [keys::CAPI_DEPLOYMENT_NAME];
/// Phrases in messages that rules look for.
const KEPT_PHRASES: [&str; 1] = ["no matches for kind"];
/// Fields whose values are enums of an API, such as `Ready`.
const API_WORD_FIELDS: [&str; 23] = [
    "type",
    "status",
    "reason",
    "phase",
    "state",
    "operator",
    "action",
    "effect",
    "strategy",
    "scope",
    "operations",
    "verbs",
    "failurePolicy",
    "matchPolicy",
    "sideEffects",
    "reinvocationPolicy",
    "reclaimPolicy",
    "volumeBindingMode",
    "unhealthyPodEvictionPolicy",
    "dkpLevel",
    "completionMode",
    "channel",
    "restartPolicy",
];
/// Operations of an admission request.
const ADMISSION_OPERATIONS: [&str; 4] = ["CONNECT", "CREATE", "DELETE", "UPDATE"];
/// Words of the conditions of webhooks that are evaluated without a request.
const EXPRESSION_WORDS: [&str; 10] = [
    "",
    "false",
    "group",
    "in",
    "namespace",
    "operation",
    "request",
    "resource",
    "subResource",
    "true",
];
/// From this number of words on, a string is free text.
const FREE_TEXT_MIN_WORDS: usize = 4;

impl Pseudonymizer<'_> {
    /// A whole object.
    pub(super) fn redact_object(&self, object: &mut Value) {
        self.redact_value("", object);
    }

    fn redact_value(&self, field: &str, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => *text = self.redact_string(field, text),
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.redact_value(field, item)),
            Value::Object(fields) => self.redact_fields(field, fields),
        }
    }

    fn redact_fields(&self, field: &str, fields: &mut Map<String, Value>) {
        let group = ["apiVersion", "apiGroup", "group"]
            .iter()
            .find_map(|name| fields.get(*name)?.as_str())
            .map(|text| match text.contains('/') {
                true => text.to_owned(),
                false => format!("{text}/"),
            })
            .unwrap_or_default();
        let labels = LABEL_MAP_FIELDS.contains(&field) || field.ends_with("Labels");
        let is_labels = labels && fields.values().all(Value::is_string);
        // Flags of a component in the configuration of kubeadm.
        let are_flags = field == "extraArgs";
        let is_flag_pair = are_flags && fields.contains_key("value");
        let is_flag = |text: &str| {
            text.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase())
        };
        // The names of a custom resource that was listed: its rows keep the kind too.
        let plural = fields.get("plural").and_then(Value::as_str);
        let is_listed =
            field == "names" && plural.is_some_and(|plural| self.redact_name(plural) == plural);
        let old = std::mem::take(fields);
        for (name, mut value) in old {
            // The UID of kube-system is the key.
            if name == "uid" {
                continue;
            }
            if field == "annotations" || field.ends_with("Annotations") {
                // Rules read which annotations exist, and the values of a few.
                if self.is_public_label(&name) {
                    let stays = NUMERIC_ANNOTATIONS.contains(&name.as_str());
                    let text = value.as_str().filter(|text| {
                        matches!(*text, "true" | "false") || stays && is_small_number(text)
                    });
                    let text = text.unwrap_or_default().to_owned();
                    fields.insert(name, Value::String(text));
                }
                continue;
            }
            match &mut value {
                Value::String(text) if is_labels && NAME_VALUED_LABELS.contains(&name.as_str()) => {
                    *text = self.redact_name(text);
                }
                Value::String(text) if is_flag_pair && name == "name" && is_flag(text) => {}
                Value::String(text) if is_labels => *text = self.redact_text(text),
                Value::String(text) if field == "data" => *text = self.redact_yaml(text),
                Value::String(text) if is_listed && name == "kind" && is_upper_camel_case(text) => {
                }
                Value::String(text) if name == "kind" => *text = self.redact_kind(&group, text),
                _ => self.redact_value(&name, &mut value),
            }
            let is_field =
                |letter: char| letter.is_ascii_alphanumeric() || (are_flags && letter == '-');
            // Of overrides, only the keys were read.
            let is_override = field == "data" && value.is_null() && self.is_override_of_kyma(&name);
            let stays = is_override || !is_labels && name.chars().all(is_field);
            fields.insert(
                if stays {
                    name
                } else {
                    self.redact_label_key(&name)
                },
                value,
            );
        }
    }

    fn redact_string(&self, field: &str, text: &str) -> String {
        match field {
            _ if FREE_TEXT_FIELDS.contains(&field) => {
                let said = KEPT_PHRASES.iter().find(|phrase| text.contains(**phrase));
                said.map_or_else(String::new, |said| (*said).to_owned())
            }
            _ if API_WORD_FIELDS.contains(&field) && is_api_word(text) => text.to_owned(),
            "name" | "namespace" | "nodeName" | "namespaceName" | "generateName" => {
                self.redact_name(text)
            }
            "host" => self.redact_host(text),
            "expression" => self.redact_expression(text),
            "url" => match in_cluster_service(text) {
                Some((namespace, name, port)) => {
                    let (name, namespace) = (self.redact_name(&name), self.redact_name(&namespace));
                    format!("https://{name}.{namespace}.svc:{port}")
                }
                None => self.redact_text(text),
            },
            "key" => self.redact_label_key(text),
            "apiVersion" | "apiGroup" | "group" => self.redact_api_version(text),
            "caBundle" => redact_ca_bundle(text),
            "command" | "args" => self.redact_argument(text),
            _ if text.split_whitespace().count() >= FREE_TEXT_MIN_WORDS => String::new(),
            _ => self.redact_text(text),
        }
    }

    /// An expression in CEL, of which the literals are names; empty if it has any word but those that can be evaluated.
    fn redact_expression(&self, text: &str) -> String {
        let mut quote = None;
        let mut is_known = !text.contains("//") && !text.contains('\\');
        let parts = text.split_inclusive(['\'', '"']).map(|part| {
            let bare = part.trim_end_matches(['\'', '"']);
            let end = &part[bare.len()..];
            let is_literal = quote.is_some();
            let mut words = bare.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            is_known &= is_literal || words.all(|word| EXPRESSION_WORDS.contains(&word));
            // A quote of the other kind is part of the literal.
            match quote {
                Some(open) if end == open => quote = None,
                None if !end.is_empty() => quote = Some(end),
                _ => {}
            }
            match is_literal && !ADMISSION_OPERATIONS.contains(&bare) {
                true => format!("{}{end}", self.redact_name(bare)),
                false => part.to_owned(),
            }
        });
        let redacted: String = parts.collect();
        if is_known { redacted } else { String::new() }
    }

    /// An argument of a command, or the words of a script; names of flags are kept.
    pub(super) fn redact_argument(&self, text: &str) -> String {
        if text.contains(char::is_whitespace) {
            let words = text.split_inclusive(is_word_end).map(|word| {
                let bare = word.trim_end_matches(is_word_end);
                format!("{}{}", self.redact_argument(bare), &word[bare.len()..])
            });
            return words.collect();
        }
        if let Some(variable) = text.strip_prefix('$') {
            return format!("${}", self.redact_text(variable));
        }
        let Some(flag) = text.strip_prefix("--") else {
            let is_short_flag = text.starts_with('-') && text.len() <= MAX_SHORT_FLAGS;
            return match is_short_flag {
                true => text.to_owned(),
                false => self.redact_text(text),
            };
        };
        match flag.split_once('=') {
            Some((flag, value)) => format!("--{flag}={}", self.redact_text(value)),
            None => text.to_owned(),
        }
    }

    /// A YAML document in a ConfigMap, as JSON, which is YAML too.
    fn redact_yaml(&self, text: &str) -> String {
        match serde_saphyr::from_str::<Value>(text) {
            Ok(mut document @ Value::Object(_)) => {
                self.redact_object(&mut document);
                document.to_string()
            }
            _ => self.redact_text(text),
        }
    }
}

/// Maximum length of a group of one-letter flags: `-ec`.
const MAX_SHORT_FLAGS: usize = 4;

/// Whether a word of a shell script ends here.
fn is_word_end(letter: char) -> bool {
    letter.is_whitespace() || ";&|()<>\"'\\`".contains(letter)
}

/// A number of at most three digits.
fn is_small_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// An ASCII word, such as a value of an enum.
fn is_api_word(text: &str) -> bool {
    text.len() <= 63 && text.chars().all(|letter| letter.is_ascii_alphabetic())
}

/// Keeps only the dates of certificates, which name hosts.
fn redact_ca_bundle(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let pem = STANDARD.decode(text).unwrap_or_default();
    let dates = x509::redact_pem(&pem);
    // A bundle without a certificate is kept as one.
    STANDARD.encode(if dates.is_empty() { "\n" } else { &dates })
}
