//! `--redact`: the key, the need it rests on, and notes about it.

use super::exit::CliError;
use super::source::RunInput;
use crate::catalog::Catalog;
use crate::need::{ListSelector, Need, ReadTarget};
use crate::snapshot::{RedactionKey, redact as redacted};

/// The need of the key; `None` if another need covers it.
pub(super) fn redaction_key_need(others: &[Need]) -> Option<Need> {
    let need = RedactionKey::need();
    let ReadTarget::Objects { resource, .. } = &need.target else {
        return Some(need);
    };
    let all = ReadTarget::Objects {
        resource: resource.clone(),
        namespace: None,
        selector: ListSelector::default(),
    };
    let read = others
        .iter()
        .any(|other| other.target == all && other.detail_level == need.detail_level);
    (!read).then_some(need)
}

/// Replaces names by pseudonyms, before anything is evaluated, printed or saved.
pub(super) fn redact_input(gathered: &mut RunInput, catalog: &Catalog) -> Result<(), CliError> {
    let snapshot = &gathered.snapshot;
    let key = match RedactionKey::from_snapshot(snapshot) {
        Some(key) => key,
        None => {
            if snapshot.is_redacted {
                let said = "the snapshot is already redacted; its pseudonyms are kept";
                gathered.notes.push(said.to_owned());
            } else if !snapshot.clusters.is_empty() {
                // Not the address of the server: who guesses it could try out names.
                gathered.notes.push(
                    "note: the UID of namespace kube-system could not be read: pseudonyms are valid for this run only"
                        .to_owned(),
                );
            }
            random_key()?
        }
    };
    redacted(&mut gathered.snapshot, &key, catalog);
    Ok(())
}

fn random_key() -> Result<RedactionKey, CliError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        CliError::could_not_run(format!("cannot generate a key for --redact: {error}"))
    })?;
    Ok(RedactionKey::new(&secret))
}
