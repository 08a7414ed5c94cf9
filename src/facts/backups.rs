//! `backup-missing`: no backup of the cluster that is young enough to begin with; and which one there is.
//!
//! Only what says of itself that it is whole counts: a completed backup of Velero that leaves out no namespace by choice, a
//! snapshot of etcd that k3s or RKE2 says is ready. A CronJob that looks like a backup is none.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::catalog::{Catalog, GroupResource};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::{ClusterSnapshot, ObjectRow};

/// A backup that is older is none to begin an upgrade with.
const MAX_BACKUP_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "backup-missing",
    severity: Severity::Warning,
    title: "There is no recent backup of the cluster",
    why: "No control plane component can be downgraded to an earlier minor. If a hop fails, only a backup leads back, to the time at which it was taken.",
    detection: "By Velero backups that are completed, not expired, and include all namespaces and resources, and by etcd snapshots that k3s and RKE2 report as ready. The newest is older than 24 hours, or there is none. Clusters that serve neither API, or on which k3s or RKE2 has never recorded a snapshot, are left out: backups may be taken outside the API.",
    remedy: "Take a backup, and test that it can be restored, before the first hop.",
    reference: "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#backing-up-an-etcd-cluster",
    sources: &[
        "vmware-tanzu/velero pkg/apis/velero/v1/backup_types.go",
        "k3s-io/api k3s.cattle.io/v1/types.go",
    ],
    kind: RuleKind::Code {
        needs: |asking| match asking.path.hops.is_empty() {
            true => Vec::new(),
            false => backup_needs().collect(),
        },
        evaluate,
    },
    ..Rule::DEFAULT
};

/// What is known of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupStatus {
    /// The newest one, whatever its age.
    Found {
        /// When it was complete.
        completed_at: Timestamp,
        /// What shows it.
        evidence: Evidence,
        /// The object that records it.
        object: Box<AffectedObject>,
    },
    /// Backups are recorded here, and no usable one is.
    None,
    /// Whether there is one cannot be seen from here.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// Objects that record backups.
struct BackupResource {
    group: &'static str,
    plural: &'static str,
    api_version: &'static str,
    kind: &'static str,
    /// Whether they live in namespaces.
    is_namespaced: bool,
    /// Whether their being served means that backups are made by it: not so where it comes with the distribution.
    implies_backups: bool,
    /// The fields that the completion is computed from.
    fields: &'static [&'static str],
    /// When a backup was complete; none where it is not usable.
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

/// What shows backups, where it is served at all.
pub(crate) fn backup_needs() -> impl Iterator<Item = Need> {
    BACKUP_RESOURCES.iter().map(BackupResource::need)
}

/// The newest backup of the cluster that the way begins at: a pure function of the situation.
#[must_use]
pub fn newest_backup(situation: &CheckContext<'_>) -> BackupStatus {
    match situation.cluster {
        Some(picture) => cluster_backup(picture, situation.catalog, situation.now),
        None => BackupStatus::Unknown {
            reason: "no cluster was looked at".to_owned(),
        },
    }
}

/// The newest backup of a cluster.
fn cluster_backup(picture: &ClusterSnapshot, catalog: &Catalog, now: Timestamp) -> BackupStatus {
    let mut newest: Option<(Timestamp, AffectedObject)> = None;
    let mut unseen = Vec::new();
    let mut recorded = false;
    for records in &BACKUP_RESOURCES {
        let rows = match picture.rows_for(&records.need(), catalog) {
            Ok(None) => continue,
            Ok(Some(rows)) => rows.objects(),
            Err(unmet) => {
                unseen.push(format!("{}: {}", unmet.what, unmet.why));
                continue;
            }
        };
        // Where only one namespace was looked at, those of another one are not seen.
        match &picture.namespace {
            Some(namespace) if records.is_namespaced && rows.is_empty() => {
                unseen.push(format!("{} outside {namespace}", records.plural));
            }
            _ => recorded |= records.implies_backups || !rows.is_empty(),
        }
        for row in rows {
            let at = (records.completion_time)(&row.object, now);
            if let Some(at) = at.filter(|at| newest.as_ref().is_none_or(|(then, _)| then < at)) {
                newest = Some((at, records.object(row, at)));
            }
        }
    }
    match newest {
        Some((at, object)) if unseen.is_empty() || is_fresh(at, now) => BackupStatus::Found {
            completed_at: at,
            evidence: object.evidence.first().cloned().unwrap_or_else(|| completion_evidence(at)),
            object: Box::new(object),
        },
        // What was not seen may be younger.
        _ if !unseen.is_empty() => BackupStatus::Unknown {
            reason: unseen.join("; "),
        },
        _ if recorded => BackupStatus::None,
        _ => BackupStatus::Unknown {
            reason: "nothing that records backups is in use here: neither Velero nor etcd snapshots of k3s or RKE2".to_owned(),
        },
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) <= MAX_BACKUP_AGE
}

fn completion_evidence(at: Timestamp) -> Evidence {
    Evidence {
        time: Some(at),
        ..Evidence::new(EvidenceSource::Status, format!("completed {at:.0}"))
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

    fn object(&self, row: &ObjectRow, at: Timestamp) -> AffectedObject {
        AffectedObject::new(
            self.api_version,
            self.kind,
            &row.meta,
            completion_evidence(at),
        )
    }
}

fn timestamp_at(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer)?.as_str()?.parse().ok()
}

/// Velero marks a backup completed only where nothing in it failed. One that was told to take in some namespaces or
/// resources only, or those with a label, brings no cluster back.
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

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    if situation.path.hops.is_empty() {
        return Vec::new();
    }
    let findings = situation.cluster.into_iter().filter_map(|picture| {
        let (message, object) = match cluster_backup(picture, situation.catalog, situation.now) {
            BackupStatus::Found {
                completed_at: at,
                object,
                ..
            } if !is_fresh(at, situation.now) => {
                ("the newest backup is older than 24 hours", *object)
            }
            BackupStatus::None => {
                let evidence = Evidence::new(
                    EvidenceSource::Status,
                    "no usable backup among those recorded",
                );
                let object = AffectedObject::cluster(picture, evidence);
                (
                    "no completed backup of the whole cluster is recorded",
                    object,
                )
            }
            BackupStatus::Found { .. } | BackupStatus::Unknown { .. } => return None,
        };
        let said = FindingDraft {
            // Others may be made where the API does not show them.
            confidence: Confidence::Likely,
            ..FindingDraft::new(&RULE, picture.id.to_string(), message, vec![object])
        };
        Finding::new(&RULE, said)
    });
    findings.collect()
}
