//! `--redact`: the key, and the note if it cannot be read.

use super::exit::CliError;
use crate::snapshot::{ClusterSnapshot, RedactionKey};

/// The key of the pseudonyms of a run, that of its first cluster, and a note about it if there is something to say.
pub(super) fn redaction_key(
    first: Option<&ClusterSnapshot>,
    is_redacted: bool,
) -> Result<(RedactionKey, Option<String>), CliError> {
    if let Some(key) = first.and_then(RedactionKey::from_cluster) {
        return Ok((key, None));
    }
    let note = match first {
        _ if is_redacted => Some("the snapshot is already redacted; its pseudonyms are kept"),
        // Not keyed by the address of the server: whoever guesses it could try out names.
        Some(_) => Some(
            "note: the UID of namespace kube-system could not be read: pseudonyms are valid for this run only",
        ),
        None => None,
    };
    Ok((random_key()?, note.map(str::to_owned)))
}

/// A key that no other run has.
pub(super) fn random_key() -> Result<RedactionKey, CliError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        CliError::could_not_run(format!("cannot generate a key for --redact: {error}"))
    })?;
    Ok(RedactionKey::new(&secret))
}
