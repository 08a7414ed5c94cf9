//! `--redact` of a watch.

use std::collections::HashMap;

use super::super::redact::random_key;
use crate::catalog::Catalog;
use crate::cli::console::Console;
use crate::cli::exit::CliError;
use crate::need::ClusterId;
use crate::snapshot::{RedactionKey, Redactor, Rows, Uid};
use crate::watch::{Change, Observation, RecordingHeader, redact_observation};

/// What replaces names, and finds the nodes again whose pods are to be read.
pub(super) struct Redaction {
    redactor: Redactor<'static>,
    nodes: HashMap<String, String>,
}

impl Redaction {
    /// The same pseudonyms as `upgrade-check --redact`; without the UID of the cluster they are valid for this run only.
    pub(super) fn new(
        uid: Option<Uid>,
        catalog: &'static Catalog,
        console: Console,
    ) -> Result<Self, CliError> {
        let key = match uid {
            Some(uid) => RedactionKey::new(uid.to_string().as_bytes()),
            None => {
                console.note(
                    "note: the UID of namespace kube-system could not be read: pseudonyms are valid for this run only",
                );
                random_key()?
            }
        };
        Ok(Self {
            redactor: Redactor::new(&key, catalog),
            nodes: HashMap::new(),
        })
    }

    pub(super) fn redact(&mut self, observation: &mut Observation) {
        let rows = match &observation.change {
            Change::List(result) => Some(&result.rows),
            Change::Apply { rows, .. } => Some(rows),
            _ => None,
        };
        for node in rows.map(Rows::nodes).unwrap_or_default() {
            let pseudonym = self.redactor.redact_name(&node.name);
            self.nodes.insert(pseudonym, node.name.clone());
        }
        redact_observation(observation, &mut self.redactor);
    }

    /// The name of a node by its pseudonym.
    pub(super) fn node_name(&self, pseudonym: &str) -> Option<&str> {
        self.nodes.get(pseudonym).map(String::as_str)
    }

    pub(super) fn cluster_id(&self, id: &ClusterId) -> ClusterId {
        self.redactor.redact_cluster_id(id)
    }

    /// The header of a redacted recording. The UID is the key of the pseudonyms and is left out.
    pub(super) fn header(&self, mut header: RecordingHeader) -> RecordingHeader {
        header.cluster = self.cluster_id(&header.cluster);
        header.uid = None;
        header.is_redacted = true;
        header
    }
}
