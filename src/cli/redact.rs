//! `--redact`: the key, and the note if it cannot be read.

use super::exit::CliError;
use super::source::RunInput;
use crate::catalog::Catalog;
use crate::snapshot::{RedactionKey, redact as redacted};

/// Replaces names by pseudonyms, before anything is evaluated, printed or saved.
pub(super) fn redact_input(input: &mut RunInput, catalog: &Catalog) -> Result<(), CliError> {
    let snapshot = &input.snapshot;
    let key = match RedactionKey::from_snapshot(snapshot) {
        Some(key) => key,
        None => {
            if snapshot.is_redacted {
                let note = "the snapshot is already redacted; its pseudonyms are kept";
                input.notes.push(note.to_owned());
            } else if !snapshot.clusters.is_empty() {
                // Not the address of the server: who guesses it could try out names.
                input.notes.push(
                    "note: the UID of namespace kube-system could not be read: pseudonyms are valid for this run only"
                        .to_owned(),
                );
            }
            random_key()?
        }
    };
    redacted(&mut input.snapshot, &key, catalog);
    Ok(())
}

fn random_key() -> Result<RedactionKey, CliError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        CliError::could_not_run(format!("cannot generate a key for --redact: {error}"))
    })?;
    Ok(RedactionKey::new(&secret))
}
