//! Backups of the cluster, and which one is the newest.
//!
//! Only complete backups count: a completed Velero backup that excludes nothing, or an etcd snapshot that k3s or RKE2
//! reports as ready. A CronJob that looks like a backup does not count.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, MetaRow};

/// Older backups are too old to begin an upgrade with.
pub(crate) const MAX_BACKUP_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The newest backup of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BackupStatus<'a> {
    /// The newest usable one, whatever its age.
    Found(Backup<'a>),
    /// The cluster records backups, and none is usable.
    None,
    /// Whether there is a backup cannot be determined.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// A usable backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backup<'a> {
    /// When it was completed.
    pub(crate) completed_at: Timestamp,
    /// The object that records it.
    pub(crate) meta: &'a MetaRow,
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
}

impl Backup<'_> {
    /// Whether it is recent enough to begin an upgrade with.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.completed_at) <= MAX_BACKUP_AGE
    }
}

/// A kind that records backups.
struct BackupResource {
    group: &'static str,
    plural: &'static str,
    api_version: &'static str,
    kind: &'static str,
    /// Whether its objects are namespaced.
    is_namespaced: bool,
    /// Whether a cluster that serves it is expected to have backups; not if the distribution installs it by default.
    implies_backups: bool,
    /// The fields that the completion is computed from.
    fields: &'static [&'static str],
    /// When a backup was completed; `None` if it is not usable.
    completion_time: fn(&Value, Timestamp) -> Option<Timestamp>,
}

const BACKUP_RESOURCES: [BackupResource; 2] = [
    BackupResource {
        group: "velero.io",
        plural: "backups",
        api_version: "velero.io/v1",
        kind: "Backup",
        is_namespaced: true,
        implies_backups: true,
        fields: &[
            "spec.includedNamespacedResources",
            "spec.includedNamespaces",
            "spec.includedResources",
            "spec.labelSelector[]",
            "spec.orLabelSelectors[]",
            "status.completionTimestamp",
            "status.expiration",
            "status.phase",
        ],
        completion_time: velero_completion,
    },
    BackupResource {
        group: "k3s.cattle.io",
        plural: "etcdsnapshotfiles",
        api_version: "k3s.cattle.io/v1",
        kind: "ETCDSnapshotFile",
        is_namespaced: false,
        implies_backups: false,
        fields: &["status.creationTime", "status.error[]", "status.readyToUse"],
        completion_time: etcd_snapshot_completion,
    },
];

/// All kinds that record backups.
pub(crate) fn backup_needs() -> impl Iterator<Item = Need> {
    BACKUP_RESOURCES.iter().map(BackupResource::need)
}

/// The newest backup of a cluster.
pub(crate) fn newest_backup(view: ClusterView<'_>, now: Timestamp) -> BackupStatus<'_> {
    let mut newest: Option<Backup<'_>> = None;
    let mut unread = Vec::new();
    let mut is_recorded = false;
    for resource in &BACKUP_RESOURCES {
        let rows = match view.cluster.rows_for(&resource.need(), view.catalog) {
            Ok(None) => continue,
            Ok(Some(rows)) => rows.objects(),
            Err(missing) => {
                unread.push(format!("{}: {}", missing.what, missing.why));
                continue;
            }
        };
        // With one namespace read, backups in others are unknown.
        match &view.cluster.namespace {
            Some(namespace) if resource.is_namespaced && rows.is_empty() => {
                unread.push(format!("{} outside {namespace}", resource.plural));
            }
            _ => is_recorded |= resource.implies_backups || !rows.is_empty(),
        }
        let backups = rows.iter().filter_map(|row| {
            Some(Backup {
                completed_at: (resource.completion_time)(&row.object, now)?,
                meta: &row.meta,
                api_version: resource.api_version,
                kind: resource.kind,
            })
        });
        for backup in backups {
            if newest.is_none_or(|other| other.completed_at < backup.completed_at) {
                newest = Some(backup);
            }
        }
    }
    match newest {
        Some(backup) if unread.is_empty() || backup.is_fresh(now) => BackupStatus::Found(backup),
        // A backup that was not read may be newer.
        _ if !unread.is_empty() => BackupStatus::Unknown {
            reason: unread.join("; "),
        },
        _ if is_recorded => BackupStatus::None,
        _ => BackupStatus::Unknown {
            reason: "the cluster records no backups: neither Velero nor etcd snapshots of k3s or RKE2 are in use".to_owned(),
        },
    }
}

impl BackupResource {
    fn need(&self) -> Need {
        Need::objects(
            GroupResource::new(self.group, self.plural),
            DetailLevel::Full,
        )
        .with_fields(self.fields)
    }
}

fn timestamp_at(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer)?.as_str()?.parse().ok()
}

/// Velero marks a backup completed only if nothing in it failed. A backup of selected namespaces, resources or labels does
/// not restore a cluster.
fn velero_completion(backup: &Value, now: Timestamp) -> Option<Timestamp> {
    let spec = &backup["spec"];
    let all = |field: &str| match spec[field].as_array() {
        Some(names) => names.is_empty() || names.iter().any(|name| name == "*"),
        None => true,
    };
    let chosen = [
        "includedNamespaces",
        "includedResources",
        "includedNamespacedResources",
    ];
    let whole = chosen.into_iter().all(all)
        && spec["labelSelector"].is_null()
        && spec["orLabelSelectors"]
            .as_array()
            .is_none_or(Vec::is_empty);
    let expired = timestamp_at(backup, "/status/expiration").is_some_and(|end| end < now);
    let done = backup["status"]["phase"] == "Completed";
    timestamp_at(backup, "/status/completionTimestamp").filter(|_| whole && done && !expired)
}

fn etcd_snapshot_completion(snapshot: &Value, _now: Timestamp) -> Option<Timestamp> {
    let status = &snapshot["status"];
    let ready = status["readyToUse"] == true && status["error"].is_null();
    timestamp_at(snapshot, "/status/creationTime").filter(|_| ready)
}
