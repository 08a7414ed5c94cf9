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

use super::{
    ClusterSnapshot, ManifestFiles, MissingData, ReadOutcome, ReadResult, Rows, Snapshot, Uid,
    UnreadCluster,
};
use crate::catalog::Catalog;
use crate::need::{ClusterId, Discovery, ReadTarget};
use allowlist::Allowlist;
use pseudonymizer::Pseudonymizer;
use token_kinds::redact_reason;

/// Field selector of one object, before its name.
const ONE_OBJECT: &str = "metadata.name=";

/// Replaces names by pseudonyms, and removes free text.
pub fn redact(snapshot: &mut Snapshot, key: &RedactionKey, catalog: &Catalog) {
    let known = Allowlist::new(catalog, snapshot.clusters.iter().flat_map(|it| &it.ledger));
    let mut words = Pseudonymizer::new(key, known);
    for reading in snapshot.clusters.iter().flat_map(|it| &it.ledger) {
        words.note_names(&reading.rows);
    }
    for cluster in &mut snapshot.clusters {
        words.redact_cluster(cluster);
    }
    for cluster in &mut snapshot.unread {
        words.redact_unread(cluster);
    }
    words.redact_files(&mut snapshot.files);
    snapshot.is_redacted = true;
}

/// The same for what is read piece by piece. A pseudonym is that of a snapshot with the same key.
pub struct Redactor<'a>(Pseudonymizer<'a>);

impl<'a> Redactor<'a> {
    /// A redactor with this key.
    #[must_use]
    pub fn new(key: &RedactionKey, catalog: &'a Catalog) -> Self {
        Self(Pseudonymizer::new(key, Allowlist::new(catalog, [])))
    }

    /// The pseudonym of a name, or the name itself if it is public.
    #[must_use]
    pub fn redact_name(&self, name: &str) -> String {
        self.0.redact_name(name)
    }

    /// The pseudonym of a cluster, which is called after its context or the URL of its API server.
    #[must_use]
    pub fn redact_cluster_id(&self, id: &ClusterId) -> ClusterId {
        ClusterId(match id.0.contains("://") {
            true => self.0.redact_server_url(&id.0),
            false => self.0.redact_name(&id.0),
        })
    }

    /// The pseudonym of a cluster that a management cluster calls `namespace/name`.
    #[must_use]
    pub fn redact_managed_id(&self, id: &ClusterId) -> ClusterId {
        self.0.redact_managed_id(id)
    }

    /// A cluster that was not read.
    pub fn redact_unread(&self, cluster: &mut UnreadCluster) {
        self.0.redact_unread(cluster);
    }

    /// A UID in the place of another.
    #[must_use]
    pub fn redact_uid(&self, uid: Uid) -> Uid {
        self.0.key.pseudonymize_uid(uid)
    }

    /// Why something could not be read, as far as it says so without names.
    #[must_use]
    pub fn redact_reason(&self, why: &str) -> String {
        redact_reason(why)
    }

    /// The API versions that a server offers.
    pub fn redact_discovery(&self, discovery: &mut Discovery) {
        self.0.redact_discovery(discovery);
    }

    /// Rows of this target.
    pub fn redact_rows(&mut self, target: &ReadTarget, rows: &mut Rows) {
        self.0.note_names(rows);
        self.0.redact_rows(target, rows);
    }

    /// A read.
    pub fn redact_result(&mut self, result: &mut ReadResult) {
        self.0.note_names(&result.rows);
        self.0.redact_result(result);
    }
}

impl Pseudonymizer<'_> {
    fn redact_discovery(&self, discovery: &mut Discovery) {
        let served = std::mem::take(&mut discovery.group_versions);
        let served = served.iter().map(|it| self.redact_api_version(it));
        discovery.group_versions = served.collect();
    }

    fn redact_cluster(&self, cluster: &mut ClusterSnapshot) {
        let server = self.redact_server_url(&cluster.server);
        // Without a context, the id of a cluster is the address of its server.
        cluster.id = match &cluster.context {
            _ if cluster.id.0 == cluster.server => ClusterId(server.clone()),
            Some(_) => ClusterId(self.redact_name(&cluster.id.0)),
            None => self.redact_managed_id(&cluster.id),
        };
        cluster.context = cluster.context.take().map(|name| self.redact_name(&name));
        cluster.server = server;
        cluster.namespace = cluster.namespace.take().map(|name| self.redact_name(&name));
        self.redact_discovery(&mut cluster.discovery);
        for reading in &mut cluster.ledger {
            self.redact_result(reading);
        }
    }

    /// As the objects of the management cluster have its namespace and name.
    fn redact_managed_id(&self, id: &ClusterId) -> ClusterId {
        let parts = id.0.split('/').map(|part| self.redact_name(part));
        ClusterId(parts.collect::<Vec<_>>().join("/"))
    }

    fn redact_unread(&self, cluster: &mut UnreadCluster) {
        let has_context = cluster.context.is_some();
        for id in std::iter::once(&mut cluster.id).chain(&mut cluster.same_as) {
            *id = match has_context {
                true => ClusterId(self.redact_name(&id.0)),
                false => self.redact_managed_id(id),
            };
        }
        cluster.context = cluster.context.take().map(|name| self.redact_name(&name));
        if cluster.same_as.is_none() {
            cluster.why = redact_reason(&cluster.why);
        }
        if let Some(rbac) = &mut cluster.rbac {
            rbac.namespace = rbac.namespace.take().map(|name| self.redact_name(&name));
            for name in &mut rbac.resource_names {
                *name = self.redact_name(name);
            }
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

    fn redact_result(&self, reading: &mut ReadResult) {
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
        let unknown = files.unknown_apis.iter_mut();
        let gaps = unknown.map(|unknown| &mut unknown.gap);
        for MissingData { what, why, rbac: _ } in files.gaps.iter_mut().chain(gaps) {
            *what = self.redact_location(what);
            *why = redact_reason(why);
        }
    }
}

#[cfg(test)]
mod tests;
