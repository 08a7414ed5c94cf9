//! Observations with pseudonyms instead of names.

use super::needs::NODE_SELECTOR;
use super::observation::{Change, Observation};
use crate::need::ReadTarget;
use crate::snapshot::Redactor;

/// Replaces names by pseudonyms and drops free text, before the observation is folded: events and recording have none then.
pub fn redact_observation(observation: &mut Observation, redactor: &mut Redactor<'_>) {
    match &mut observation.change {
        Change::Discovery(discovery) => redactor.redact_discovery(discovery),
        Change::Probe { .. } => {}
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
        Change::Outage { why } => *why = redactor.redact_reason(why),
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
