//! `backup-missing`: no backup of the cluster that is young enough to begin with; and which one there is.
//!
//! Only what says of itself that it is whole counts: a completed backup of Velero that leaves out no namespace by choice, a
//! snapshot of etcd that k3s or RKE2 says is ready. A CronJob that looks like a backup is none.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Catalog, Resource};
use crate::evidence::{Confidence, Evidence, Source};
use crate::need::{Depth, Need};
use crate::snapshot::{JsonRow, Picture};

/// A backup that is older is none to begin an upgrade with.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "backup-missing",
    severity: Severity::Warning,
    title: "There is no recent backup of the cluster",
    applies_to: "any",
    why: "No component of the control plane can go back to an earlier minor: where a hop goes wrong, only a backup leads back, and it leads back to the hour at which it was made.",
    how: "By the backups of Velero that are completed, not expired, and take in all namespaces and resources; and by the snapshots of etcd that k3s and RKE2 say are ready. The newest is older than 24 hours, or there is none. Nothing is said where neither is served, nor where k3s or RKE2 has never recorded a snapshot: backups may be made where the API does not show them.",
    mend: "Make a backup, and see that it can be restored, before the first hop.",
    reference: "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#backing-up-an-etcd-cluster",
    sources: &[
        "vmware-tanzu/velero pkg/apis/velero/v1/backup_types.go",
        "k3s-io/api k3s.cattle.io/v1/types.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |asking| match asking.path.hops.is_empty() {
            true => Vec::new(),
            false => needs().collect(),
        },
        evaluate,
    },
};

/// What is known of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backup {
    /// The newest one, whatever its age.
    Found {
        /// When it was complete.
        at: Timestamp,
        /// What shows it.
        evidence: Evidence,
        /// The object that records it.
        object: Box<Object>,
    },
    /// Backups are recorded here, and no usable one is.
    None,
    /// Whether there is one cannot be seen from here.
    CannotTell {
        /// Why not.
        why: String,
    },
}

/// Objects that record backups.
struct Records {
    group: &'static str,
    plural: &'static str,
    api_version: &'static str,
    kind: &'static str,
    /// Whether they live in namespaces.
    namespaced: bool,
    /// Whether their being served means that backups are made by it: not so where it comes with the distribution.
    means_it: bool,
    /// When a backup was complete; none where it is not usable.
    completed: fn(&Value, Timestamp) -> Option<Timestamp>,
}

const RECORDS: [Records; 2] = [
    Records {
        group: "velero.io",
        plural: "backups",
        api_version: "velero.io/v1",
        kind: "Backup",
        namespaced: true,
        means_it: true,
        completed: velero,
    },
    Records {
        group: "k3s.cattle.io",
        plural: "etcdsnapshotfiles",
        api_version: "k3s.cattle.io/v1",
        kind: "ETCDSnapshotFile",
        namespaced: false,
        means_it: false,
        completed: etcd,
    },
];

/// What shows backups, where it is served at all.
pub(crate) fn needs() -> impl Iterator<Item = Need> {
    RECORDS.iter().map(Records::need)
}

/// The newest backup of the cluster that the way begins at: a pure function of the situation.
#[must_use]
pub fn newest(situation: &Situation<'_>) -> Backup {
    match situation.snapshot.clusters.first() {
        Some(picture) => of(picture, situation.catalog, situation.now),
        None => Backup::CannotTell {
            why: "no cluster was looked at".to_owned(),
        },
    }
}

/// The newest backup of a cluster.
fn of(picture: &Picture, catalog: &Catalog, now: Timestamp) -> Backup {
    let mut newest: Option<(Timestamp, Object)> = None;
    let mut unseen = Vec::new();
    let mut recorded = false;
    for records in &RECORDS {
        let rows = match picture.read(&records.need(), catalog) {
            Ok(None) => continue,
            Ok(Some(rows)) => rows.json(),
            Err(unmet) => {
                unseen.push(format!("{}: {}", unmet.what, unmet.why));
                continue;
            }
        };
        // Where only one namespace was looked at, those of another one are not seen.
        match &picture.namespace {
            Some(namespace) if records.namespaced && rows.is_empty() => {
                unseen.push(format!("{} outside {namespace}", records.plural));
            }
            _ => recorded |= records.means_it || !rows.is_empty(),
        }
        for row in rows {
            let at = (records.completed)(&row.object, now);
            if let Some(at) = at.filter(|at| newest.as_ref().is_none_or(|(then, _)| then < at)) {
                newest = Some((at, records.object(picture, row, at)));
            }
        }
    }
    match newest {
        Some((at, object)) if unseen.is_empty() || is_fresh(at, now) => Backup::Found {
            at,
            evidence: object.evidence.first().cloned().unwrap_or_else(|| seen(at)),
            object: Box::new(object),
        },
        // What was not seen may be younger.
        _ if !unseen.is_empty() => Backup::CannotTell {
            why: unseen.join("; "),
        },
        _ if recorded => Backup::None,
        _ => Backup::CannotTell {
            why: "nothing that records backups is in use here: neither Velero nor etcd snapshots of k3s or RKE2".to_owned(),
        },
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) <= FRESH
}

fn seen(at: Timestamp) -> Evidence {
    Evidence {
        time: Some(at),
        ..Evidence::new(Source::Status, format!("completed {at:.0}"))
    }
}

impl Records {
    fn need(&self) -> Need {
        Need::objects(Resource::new(self.group, self.plural), Depth::Whole)
    }

    fn object(&self, picture: &Picture, row: &JsonRow, at: Timestamp) -> Object {
        Object::new(picture, self.api_version, self.kind, &row.meta, seen(at))
    }
}

fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    object.pointer(pointer)?.as_str()?.parse().ok()
}

/// Velero marks a backup completed only where nothing in it failed. One that was told to take in some namespaces or
/// resources only, or those with a label, brings no cluster back.
fn velero(backup: &Value, now: Timestamp) -> Option<Timestamp> {
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
    let expired = time(backup, "/status/expiration").is_some_and(|end| end < now);
    let done = backup["status"]["phase"] == "Completed";
    time(backup, "/status/completionTimestamp").filter(|_| whole && done && !expired)
}

fn etcd(snapshot: &Value, _now: Timestamp) -> Option<Timestamp> {
    let status = &snapshot["status"];
    let ready = status["readyToUse"] == true && status["error"].is_null();
    time(snapshot, "/status/creationTime").filter(|_| ready)
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    if situation.path.hops.is_empty() {
        return Vec::new();
    }
    let findings = situation.snapshot.clusters.iter().filter_map(|picture| {
        let (message, object) = match of(picture, situation.catalog, situation.now) {
            Backup::Found { at, object, .. } if !is_fresh(at, situation.now) => {
                ("the newest backup is older than 24 hours", *object)
            }
            Backup::None => {
                let evidence =
                    Evidence::new(Source::Status, "no usable backup among those recorded");
                let object = Object::cluster(picture, evidence);
                (
                    "no completed backup of the whole cluster is recorded",
                    object,
                )
            }
            Backup::Found { .. } | Backup::CannotTell { .. } => return None,
        };
        let said = Said {
            // Others may be made where the API does not show them.
            confidence: Confidence::Likely,
            ..Said::new(&RULE, picture.id.to_string(), message, vec![object])
        };
        Finding::new(&RULE, said)
    });
    findings.collect()
}

#[cfg(test)]
mod tests;
