//! Redaction: replaces names in a snapshot by pseudonyms, so that reports and saved snapshots can be passed on.
//!
//! It is a pure function of a snapshot and a key that runs before detection and rules, which therefore work on pseudonyms
//! without knowing. Anything that is not recognized is replaced, never kept.
//!
//! * **Names** of namespaces, objects, nodes, users, hosts, labels, charts and files, and of API groups and kinds that are
//!   not public, become `name-` and twelve hexadecimal digits of a keyed SHA-256. Equal names have equal pseudonyms everywhere,
//!   so that selectors still match, references still resolve and findings can be joined.
//! * **Known names** are kept: those of the catalog, of Kubernetes, and those that a [`Need`](crate::need::Need) selects.
//! * **Values** are kept where no name is expected: versions, numbers, quantities, times, booleans.
//! * **Free text** is removed: messages, annotations, the server's errors.
//!
//! The key is the UID of the namespace kube-system, which cannot be guessed and is the same in every run. A redacted
//! snapshot does not contain it. Redaction is idempotent: the pseudonym of a pseudonym is itself.

mod allowlist;
mod key;
mod object;
mod pseudonymizer;
mod rows;
mod token_kinds;

pub use key::RedactionKey;

use super::{ClusterSnapshot, ManifestFiles, MissingData, ReadOutcome, Snapshot};
use crate::catalog::Catalog;
use crate::need::ClusterId;
use allowlist::Allowlist;
use pseudonymizer::Pseudonymizer;
use token_kinds::redact_reason;

/// Replaces names by pseudonyms, and removes free text.
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
        // Without a context, the id of a cluster is the address of its server.
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
