//! `--redact`: the key, and the note if it cannot be read.

use super::exit::CliError;
use super::source::RunInput;
use crate::catalog::Catalog;
use crate::snapshot::{RedactionKey, redact as redacted};

/// Puts pseudonyms in the place of names, before anything is judged, told or saved.
pub(super) fn redact_input(input: &mut RunInput, catalog: &Catalog) -> Result<(), CliError> {
    let snapshot = &input.snapshot;
    let key = match RedactionKey::from_snapshot(snapshot) {
        Some(key) => key,
        None => {
            if snapshot.is_redacted {
                let note = "the snapshot was redacted before: its pseudonyms stay as they are";
                input.notes.push(note.to_owned());
            } else if !snapshot.clusters.is_empty() {
                // Not the address of the server: whoever guesses it could try out names.
                input.notes.push(
                    "note: the UID of the namespace kube-system could not be read: the pseudonyms are of this run alone, the next one will have others"
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
        CliError::could_not_run(format!("a key for --redact: no random numbers: {error}"))
    })?;
    Ok(RedactionKey::new(&secret))
}
