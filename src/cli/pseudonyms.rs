//! `--redact`: the key, what must be read for it, and what is said where it cannot be.

use super::exit::Stop;
use super::gather::Gathered;
use crate::catalog::Catalog;
use crate::need::{Need, Selector, Subject};
use crate::snapshot::{Key, redact as redacted};

/// What must be read for the key; nothing where all namespaces are read anyhow.
pub(super) fn key(others: &[Need]) -> Option<Need> {
    let need = Key::need();
    let Subject::Objects { resource, .. } = &need.subject else {
        return Some(need);
    };
    let all = Subject::Objects {
        resource: resource.clone(),
        namespace: None,
        selector: Selector::default(),
    };
    let read = others
        .iter()
        .any(|other| other.subject == all && other.depth == need.depth);
    (!read).then_some(need)
}

/// Puts pseudonyms in the place of names, before anything is judged, told or saved.
pub(super) fn redact(gathered: &mut Gathered, catalog: &Catalog) -> Result<(), Stop> {
    let snapshot = &gathered.snapshot;
    let key = match Key::of(snapshot) {
        Some(key) => key,
        None => {
            if snapshot.redacted {
                let said = "the snapshot was redacted before: its pseudonyms stay as they are";
                gathered.notes.push(said.to_owned());
            } else if !snapshot.clusters.is_empty() {
                // Not the address of the server: whoever guesses it could try out names.
                gathered.notes.push(
                    "note: the UID of the namespace kube-system could not be read: the pseudonyms are of this run alone, the next one will have others"
                        .to_owned(),
                );
            }
            random()?
        }
    };
    redacted(&mut gathered.snapshot, &key, catalog);
    Ok(())
}

fn random() -> Result<Key, Stop> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        Stop::could_not_run(format!("a key for --redact: no random numbers: {error}"))
    })?;
    Ok(Key::new(&secret))
}
