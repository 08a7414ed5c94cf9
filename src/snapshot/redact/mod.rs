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

mod known;
mod object;
mod rows;
mod shapes;
mod words;

use sha2::{Digest, Sha256};

use super::{Files, Outcome, Picture, Snapshot, Uid, Unmet};
use crate::catalog::{Catalog, Resource};
use crate::need::{ClusterId, Depth, Need, Selector, Subject};
use known::Known;
use shapes::reason;
use words::Words;

/// The namespace whose UID stands for the cluster: it is there from the first start on and cannot be deleted.
pub(super) const KUBE_SYSTEM: &str = "kube-system";

/// Without it nobody can try out which name a pseudonym stands for.
#[derive(Clone)]
pub struct Key([u8; 64]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// What must be seen for the key of a cluster.
    #[must_use]
    pub fn need() -> Need {
        let selector = Selector {
            labels: String::new(),
            fields: format!("metadata.name={KUBE_SYSTEM}"),
        };
        Need::selected(namespaces(), selector, Depth::Whole)
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
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let readings = &snapshot.clusters.first()?.readings;
        let of_namespaces = readings.iter().filter(|reading| {
            matches!(&reading.subject, Subject::Objects { resource, .. } if *resource == namespaces())
        });
        let mut rows = of_namespaces.flat_map(|reading| reading.rows.json());
        let uid = rows.find_map(|row| {
            let is_system = row.meta.name == KUBE_SYSTEM;
            let uid = row.object["metadata"]["uid"].as_str();
            uid.filter(|uid| is_system && !uid.is_empty())
        });
        uid.map(|uid| Self::new(uid.as_bytes()))
    }

    /// A UID that stands for another: references to it still lead somewhere.
    fn uid(&self, uid: Uid) -> Uid {
        if uid.is_made_up() {
            return uid;
        }
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update("uid ")
            .chain_update(uid.to_string())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Uid::made_up(bytes)
    }

    /// The beginning of what the key makes of a name, in hexadecimal digits.
    fn digits(&self, name: &str) -> String {
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

fn namespaces() -> Resource {
    Resource::new("", "namespaces")
}

/// Puts pseudonyms in the place of names, and drops free text.
pub fn redact(snapshot: &mut Snapshot, key: &Key, catalog: &Catalog) {
    let known = Known::new(catalog, snapshot);
    let words = Words::new(key, known, snapshot);
    for picture in &mut snapshot.clusters {
        words.picture(picture);
    }
    words.files(&mut snapshot.files);
    snapshot.redacted = true;
}

impl Words<'_> {
    fn picture(&self, picture: &mut Picture) {
        let server = self.server(&picture.server);
        // Without a context a cluster goes by the address of its server.
        picture.id = ClusterId(match picture.id.0 == picture.server {
            true => server.clone(),
            false => self.word(&picture.id.0),
        });
        picture.context = picture.context.take().map(|name| self.word(&name));
        picture.server = server;
        picture.namespace = picture.namespace.take().map(|name| self.word(&name));
        let served = std::mem::take(&mut picture.survey.group_versions);
        picture.survey.group_versions = served.iter().map(|it| self.api_version(it)).collect();
        for reading in &mut picture.readings {
            match &mut reading.outcome {
                Outcome::Complete | Outcome::NotServed => {}
                Outcome::Failed { why } => *why = reason(why),
                Outcome::Refused { why, rbac } => {
                    *why = reason(why);
                    rbac.namespace = rbac.namespace.take().map(|name| self.word(&name));
                }
            }
            for fault in &mut reading.faults {
                fault.what = self.text(&fault.what);
                fault.why = reason(&fault.why);
            }
            self.rows(&reading.subject, &mut reading.rows);
        }
    }

    fn files(&self, files: &mut Files) {
        for object in &mut files.objects {
            self.manifest(object);
        }
        for counted in &mut files.others {
            counted.kind = self.kind(&counted.api_version, &counted.kind);
            counted.api_version = self.api_version(&counted.api_version);
        }
        for release in &mut files.releases {
            self.helm(release);
        }
        for Unmet { what, why, rbac: _ } in &mut files.gaps {
            *what = self.location(what);
            *why = reason(why);
        }
    }
}

#[cfg(test)]
mod tests;
