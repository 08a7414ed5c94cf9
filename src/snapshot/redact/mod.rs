//! Redaction: a snapshot in which names are pseudonyms, so that what is told and what is saved can be handed on.
//!
//! It is a function of a snapshot and a key, done before anything is judged: detection, rules and every format work on
//! pseudonyms, and none of them has to know. Whatever is not understood is replaced, never kept.
//!
//! * **Names** of namespaces, objects, nodes, users, hosts, labels, charts, files, of API groups and kinds that are not
//!   public, become `name-` and twelve hexadecimal digits: the beginning of SHA-256 over a key and the name. The same name
//!   has the same pseudonym wherever it stands and whatever it names, so that selectors still select, references still
//!   lead somewhere and findings can be joined. Which kind of name it is says its place.
//! * **Known names** stay: those of the catalog, of Kubernetes itself, and those that a [`Need`] asks for by name.
//! * **Shapes** that are no names stay outside of the places of names: versions, numbers, quantities, times, truth.
//! * **Free text** is dropped: messages, annotations, the server's words.
//!
//! The key is the UID of the namespace kube-system, as nobody can guess it and every run on the cluster finds it again. It
//! is not in a redacted snapshot. A pseudonym is its own pseudonym: what was redacted once stays as it is.

mod allowlist;
mod object;
mod pseudonymizer;
mod rows;
mod token_kinds;

use sha2::{Digest, Sha256};

use super::{ClusterSnapshot, KUBE_SYSTEM, ManifestFiles, MissingData, ReadOutcome, Snapshot, Uid};
use crate::catalog::{Catalog, GroupResource};
use crate::need::{ClusterId, DetailLevel, ListSelector, Need, ReadTarget};
use allowlist::Allowlist;
use pseudonymizer::Pseudonymizer;
use token_kinds::redact_reason;

/// Without it nobody can try out which name a pseudonym stands for.
#[derive(Clone)]
pub struct RedactionKey([u8; 64]);

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl RedactionKey {
    /// What must be seen for the key of a cluster.
    #[must_use]
    pub fn need() -> Need {
        let selector = ListSelector {
            labels: String::new(),
            fields: format!("metadata.name={KUBE_SYSTEM}"),
        };
        Need::selected(namespaces_resource(), selector, DetailLevel::Full)
            .with_fields(&["metadata.uid"])
    }

    /// A key from what only few know, or nobody.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; 64];
        // A whole block of SHA-256, so that no name can take the place of a part of the key.
        key[..32].copy_from_slice(&Sha256::digest(secret));
        Self(key)
    }

    /// The key of the first cluster of a snapshot; none where its UID was not read.
    #[must_use]
    pub fn from_snapshot(snapshot: &Snapshot) -> Option<Self> {
        let readings = &snapshot.clusters.first()?.ledger;
        let of_namespaces = readings.iter().filter(|reading| {
            matches!(&reading.target, ReadTarget::Objects { resource, .. } if *resource == namespaces_resource())
        });
        let rows = of_namespaces.flat_map(|reading| reading.rows.objects());
        let mut system = rows.filter(|row| row.meta.name == KUBE_SYSTEM);
        let uid = system.find_map(|row| {
            // Older snapshots have it in the object alone.
            let held = row.object["metadata"]["uid"].as_str().map(str::to_owned);
            let uid = row.meta.uid.filter(|uid| !uid.is_pseudonym());
            held.or_else(|| uid.map(|uid| uid.to_string()))
        });
        let uid = uid.filter(|uid| !uid.is_empty())?;
        Some(Self::new(uid.as_bytes()))
    }

    /// A UID that stands for another: references to it still lead somewhere.
    fn pseudonymize_uid(&self, uid: Uid) -> Uid {
        if uid.is_pseudonym() {
            return uid;
        }
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update("uid ")
            .chain_update(uid.to_string())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Uid::new_pseudonym(bytes)
    }

    /// The beginning of what the key makes of a name, in hexadecimal digits.
    fn hex_digest(&self, name: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(name)
            .finalize();
        digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Field selector of one object, before its name.
const ONE_OBJECT: &str = "metadata.name=";

fn namespaces_resource() -> GroupResource {
    GroupResource::new("", "namespaces")
}

/// Puts pseudonyms in the place of names, and drops free text.
pub fn redact(snapshot: &mut Snapshot, key: &RedactionKey, catalog: &Catalog) {
    let known = Allowlist::new(catalog, snapshot);
    let words = Pseudonymizer::new(key, known, snapshot);
    for picture in &mut snapshot.clusters {
        words.redact_cluster(picture);
    }
    words.redact_files(&mut snapshot.files);
    snapshot.is_redacted = true;
}

impl Pseudonymizer<'_> {
    fn redact_cluster(&self, picture: &mut ClusterSnapshot) {
        let server = self.redact_server_url(&picture.server);
        // Without a context a cluster goes by the address of its server.
        picture.id = ClusterId(match picture.id.0 == picture.server {
            true => server.clone(),
            false => self.redact_name(&picture.id.0),
        });
        picture.context = picture.context.take().map(|name| self.redact_name(&name));
        picture.server = server;
        picture.namespace = picture.namespace.take().map(|name| self.redact_name(&name));
        let served = std::mem::take(&mut picture.discovery.group_versions);
        picture.discovery.group_versions = served
            .iter()
            .map(|it| self.redact_api_version(it))
            .collect();
        for reading in &mut picture.ledger {
            if reading.is_of_one_helm_record() {
                self.redact_record_target(&mut reading.target);
            }
            match &mut reading.outcome {
                ReadOutcome::Complete | ReadOutcome::NotServed => {}
                ReadOutcome::Failed { why } => *why = redact_reason(why),
                ReadOutcome::Forbidden { why, rbac } => {
                    *why = redact_reason(why);
                    rbac.namespace = rbac.namespace.take().map(|name| self.redact_name(&name));
                }
            }
            for fault in &mut reading.skipped_objects {
                fault.what = self.redact_text(&fault.what);
                fault.why = redact_reason(&fault.why);
            }
            self.redact_rows(&reading.target, &mut reading.rows);
        }
    }

    /// The namespace and name of a record of Helm that was read by itself.
    fn redact_record_target(&self, target: &mut ReadTarget) {
        let ReadTarget::Objects {
            namespace,
            selector,
            ..
        } = target
        else {
            return;
        };
        *namespace = namespace.take().map(|name| self.redact_name(&name));
        if let Some(name) = selector.fields.strip_prefix(ONE_OBJECT) {
            selector.fields = format!("{ONE_OBJECT}{}", self.redact_name(name));
        }
    }

    fn redact_files(&self, files: &mut ManifestFiles) {
        for object in &mut files.objects {
            self.redact_manifest(object);
        }
        for counted in &mut files.api_counts {
            counted.kind = self.redact_kind(&counted.api_version, &counted.kind);
            counted.api_version = self.redact_api_version(&counted.api_version);
        }
        for release in &mut files.helm_releases {
            self.redact_helm_release(release);
        }
        for MissingData { what, why, rbac: _ } in &mut files.gaps {
            *what = self.redact_location(what);
            *why = redact_reason(why);
        }
    }
}

#[cfg(test)]
mod tests;
