//! `--redact`: the key, and the note if it cannot be read.

use super::exit::CliError;
use crate::catalog::Catalog;
use crate::snapshot::{RedactionKey, Snapshot, redact};

/// Replaces names by pseudonyms, before anything is evaluated, printed or saved. Returns a note about the pseudonyms, if there
/// is something to say.
pub(super) fn redact_snapshot(
    snapshot: &mut Snapshot,
    catalog: &Catalog,
) -> Result<Option<String>, CliError> {
    let mut note = None;
    let key = match RedactionKey::from_snapshot(snapshot) {
        Some(key) => key,
        None => {
            if snapshot.is_redacted {
                note = Some("the snapshot is already redacted; its pseudonyms are kept");
            } else if !snapshot.clusters.is_empty() {
                // Not keyed by the address of the server: whoever guesses it could try out names.
                note = Some(
                    "note: the UID of namespace kube-system could not be read: pseudonyms are valid for this run only",
                );
            }
            random_key()?
        }
    };
    redact(snapshot, &key, catalog);
    Ok(note.map(str::to_owned))
}

/// A key that no other run has.
pub(super) fn random_key() -> Result<RedactionKey, CliError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        CliError::could_not_run(format!("cannot generate a key for --redact: {error}"))
    })?;
    Ok(RedactionKey::new(&secret))
}
