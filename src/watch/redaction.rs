//! Observations with pseudonyms instead of names.

use serde_json::Value;

use super::needs::{NODE_SELECTOR, Part};
use super::observation::{Change, Observation};
use super::warnings::trim_warning;
use crate::need::ReadTarget;
use crate::snapshot::{Redactor, Rows};

/// Replaces names by pseudonyms and drops free text, before the observation is folded: events and recording have none then.
pub fn redact_observation(observation: &mut Observation, redactor: &mut Redactor<'_>) {
    match &mut observation.change {
        Change::Discovery(discovery) => redactor.redact_discovery(discovery),
        Change::Probe { .. } => {}
        Change::List(result) if Part::of(&result.target) == Part::Warnings => {
            redact_warnings(&mut result.rows, redactor);
        }
        Change::Apply { target, rows } if Part::of(target) == Part::Warnings => {
            redact_warnings(rows, redactor);
        }
        Change::List(result) => {
            redactor.redact_result(result);
            redact_target(&mut result.target, redactor);
        }
        Change::Apply { target, rows } => {
            redactor.redact_rows(target, rows);
            redact_target(target, redactor);
        }
        Change::Delete {
            target,
            namespace,
            name,
            uid,
        } => {
            *namespace = redactor.redact_name(namespace);
            *name = redactor.redact_name(name);
            *uid = uid.map(|uid| redactor.redact_uid(uid));
            redact_target(target, redactor);
        }
        Change::Outage { why, .. } => *why = redactor.redact_reason(why),
    }
}

/// Of an event its kind, reason and count stay.
fn redact_warnings(rows: &mut Rows, redactor: &Redactor<'_>) {
    let Rows::Objects(events) = rows else {
        return;
    };
    let is_word = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric());
    for event in events.iter_mut() {
        let mut object = trim_warning(&event.object);
        for (pointer, is_name) in [
            ("/regarding/kind", false),
            ("/regarding/namespace", true),
            ("/regarding/name", true),
            ("/reason", false),
        ] {
            if let Some(Value::String(text)) = object.pointer_mut(pointer)
                && (is_name || !is_word(text))
            {
                *text = redactor.redact_name(text);
            }
        }
        object["note"] = Value::String(String::new());
        event.meta.name = redactor.redact_name(&event.meta.name);
        event.meta.namespace = None;
        event.meta.uid = None;
        event.object = object;
    }
}

/// The pods of a node are selected by its name; all other names in targets are written in this program.
fn redact_target(target: &mut ReadTarget, redactor: &Redactor<'_>) {
    if let ReadTarget::Objects { selector, .. } = target
        && let Some(node) = selector.fields.strip_prefix(NODE_SELECTOR)
    {
        selector.fields = format!("{NODE_SELECTOR}{}", redactor.redact_name(node));
    }
}
