//! Which backup is the newest usable one.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BACKUP_RESOURCES, BackupStatus, newest_backup};
use crate::catalog::Catalog;
use crate::need::{ClusterId, Discovery, Freshness};
use crate::snapshot::{
    ClusterSnapshot, ClusterView, MetaRow, ObjectRow, ReadOutcome, ReadResult, Rows,
};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

const NOW: &str = "2025-06-10T12:00:00Z";

fn row(name: &str, object: Value) -> ObjectRow {
    ObjectRow {
        meta: MetaRow {
            name: name.to_owned(),
            ..MetaRow::default()
        },
        object,
    }
}

fn velero(name: &str, phase: &str, completed: &str, spec: Value) -> ObjectRow {
    let status = json!({"phase": phase, "completionTimestamp": completed, "expiration": "2025-07-01T00:00:00Z"});
    row(name, json!({"spec": spec, "status": status}))
}

fn etcd(name: &str, ready: bool, created: &str) -> ObjectRow {
    row(
        name,
        json!({"status": {"readyToUse": ready, "creationTime": created}}),
    )
}

/// Evaluates the newest backup among these; `None` if the API is not served.
fn with_newest<T>(
    backups: Option<Result<Vec<ObjectRow>, &str>>,
    snapshots: Option<Vec<ObjectRow>>,
    namespace: Option<&str>,
    f: impl FnOnce(BackupStatus<'_>) -> T,
) -> T {
    let catalog = Catalog::embedded().expect("the catalog");
    let served = [
        backups.is_some().then_some("velero.io/v1"),
        snapshots.is_some().then_some("k3s.cattle.io/v1"),
        Some("v1"),
    ];
    let answers = [backups, snapshots.map(Ok)];
    let readings = BACKUP_RESOURCES
        .iter()
        .zip(answers)
        .filter_map(|(records, answer)| {
            let need = records.need();
            let (outcome, rows) = match answer? {
                Ok(rows) => (ReadOutcome::Complete, rows),
                Err(why) => (
                    ReadOutcome::Failed {
                        why: why.to_owned(),
                    },
                    Vec::new(),
                ),
            };
            Some(ReadResult {
                target: need.target,
                detail_level: need.detail_level,
                freshness: Freshness::WatchCache,
                field_paths: need.field_paths,
                outcome,
                finished_at: at(NOW),
                rows: Rows::Objects(rows.into()),
                skipped_objects: Vec::new(),
                resource_version: None,
            })
        });
    let cluster = ClusterSnapshot {
        id: ClusterId("shop".to_owned()),
        context: None,
        server: String::new(),
        namespace: namespace.map(str::to_owned),
        ledger: readings.collect(),
        discovery: Discovery {
            git_version: "v1.30.0".parse().expect("a version"),
            emulation_version: None,
            group_versions: served.into_iter().flatten().map(str::to_owned).collect(),
        },
    };
    let view = ClusterView::new(&cluster, catalog);
    f(newest_backup(view, at(NOW)))
}

/// The name of the newest backup, `none` or `unknown`.
fn newest(
    backups: Option<Result<Vec<ObjectRow>, &str>>,
    snapshots: Option<Vec<ObjectRow>>,
    namespace: Option<&str>,
) -> String {
    with_newest(backups, snapshots, namespace, |status| match status {
        BackupStatus::Found(backup) => backup.meta.name.clone(),
        BackupStatus::None => "none".to_owned(),
        BackupStatus::Unknown { .. } => "unknown".to_owned(),
    })
}

#[test]
fn only_whole_completed_backups_count_and_the_newest_of_them() {
    let all = || json!({});
    let day = |day: &str| format!("2025-06-{day}T00:00:00Z");
    let old = || {
        velero(
            "old",
            "Completed",
            &day("01"),
            json!({"includedNamespaces": ["*"]}),
        )
    };
    for (what, other, expected) in [
        (
            "younger",
            velero("new", "Completed", &day("09"), all()),
            "new",
        ),
        (
            "failed in part",
            velero("new", "PartiallyFailed", &day("09"), all()),
            "old",
        ),
        (
            "at work",
            velero("new", "InProgress", &day("09"), all()),
            "old",
        ),
        (
            "of one namespace",
            velero(
                "new",
                "Completed",
                &day("09"),
                json!({"includedNamespaces": ["shop"]}),
            ),
            "old",
        ),
        (
            "of one kind",
            velero(
                "new",
                "Completed",
                &day("09"),
                json!({"includedResources": ["secrets"]}),
            ),
            "old",
        ),
        (
            "by label",
            velero(
                "new",
                "Completed",
                &day("09"),
                json!({"labelSelector": {"matchLabels": {}}}),
            ),
            "old",
        ),
        (
            "with lists that choose nothing",
            velero(
                "new",
                "Completed",
                &day("09"),
                json!({"includedNamespaces": [], "labelSelector": null, "orLabelSelectors": []}),
            ),
            "new",
        ),
        (
            "expired",
            row(
                "new",
                json!({"status": {"phase": "Completed", "completionTimestamp": day("09"), "expiration": day("10")}}),
            ),
            "old",
        ),
        ("of another shape", row("new", json!({"status": 7})), "old"),
    ] {
        let found = newest(Some(Ok(vec![old(), other])), None, None);
        assert_eq!(found, expected, "{what}");
    }
    let completed = with_newest(Some(Ok(vec![old()])), None, None, |status| match status {
        BackupStatus::Found(backup) => Some(backup.completed_at),
        BackupStatus::None | BackupStatus::Unknown { .. } => None,
    });
    assert_eq!(completed, Some(at("2025-06-01T00:00:00Z")));
}

#[test]
fn snapshots_of_etcd_count_where_they_are_ready() {
    let none = || Some(Ok(Vec::new()));
    let fresh = |ready| Some(vec![etcd("snap", ready, "2025-06-10T06:00:00Z")]);
    assert_eq!(newest(None, fresh(true), None), "snap");
    assert_eq!(newest(none(), fresh(true), None), "snap");
    assert_eq!(newest(None, fresh(false), None), "none");
}

#[test]
fn what_cannot_be_seen_is_not_missing() {
    let old = || velero("old", "Completed", "2025-06-01T00:00:00Z", json!({}));
    let fresh = || Some(vec![etcd("snap", true, "2025-06-10T06:00:00Z")]);
    // Velero without any is none; a distribution that records none may be backed up elsewhere.
    assert_eq!(newest(Some(Ok(Vec::new())), None, None), "none");
    assert_eq!(newest(None, Some(Vec::new()), None), "unknown");
    assert_eq!(newest(None, None, None), "unknown");
    // What was not read may be younger, unless what was read is young enough.
    assert_eq!(newest(Some(Err("refused")), None, None), "unknown");
    assert_eq!(newest(Some(Err("refused")), fresh(), None), "snap");
    // Velero's lie in a namespace of its own.
    assert_eq!(newest(Some(Ok(Vec::new())), None, Some("shop")), "unknown");
    assert_eq!(newest(Some(Ok(vec![old()])), None, Some("velero")), "old");
}
