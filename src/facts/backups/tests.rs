//! Which backup is the newest usable one.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BACKUP_RESOURCES, BackupStatus, newest_backup};
use crate::catalog::Catalog;
use crate::need::{ClusterId, Discovery, Freshness};
use crate::path::UpgradePath;
use crate::rules::CheckContext;
use crate::snapshot::{
    ClusterSnapshot, ManifestFiles, MetaRow, ObjectRow, ReadOutcome, ReadResult, Rows, Snapshot,
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

/// What is known where these are served; none where they are not.
fn told(
    backups: Option<Result<Vec<ObjectRow>, &str>>,
    snapshots: Option<Vec<ObjectRow>>,
    namespace: Option<&str>,
) -> BackupStatus {
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
    let picture = ClusterSnapshot {
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
    let snapshot = Snapshot {
        taken_at: at(NOW),
        clusters: vec![picture],
        files: ManifestFiles::default(),
        is_redacted: false,
    };
    let running = "1.30.0".parse().expect("a version");
    let path = UpgradePath::for_kubernetes(Some(&running), None, &[], &catalog).expect("a path");
    newest_backup(&CheckContext::new(&snapshot, &catalog, &path, at(NOW)))
}

/// The name of the backup, or what else is known.
fn word(backup: &BackupStatus) -> &str {
    match backup {
        BackupStatus::Found { object, .. } => &object.name,
        BackupStatus::None => "none",
        BackupStatus::Unknown { .. } => "cannot tell",
    }
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
        let found = told(Some(Ok(vec![old(), other])), None, None);
        assert_eq!(word(&found), expected, "{what}");
    }
    let found = told(Some(Ok(vec![old()])), None, None);
    let BackupStatus::Found {
        completed_at: when,
        evidence,
        ..
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!(when, at("2025-06-01T00:00:00Z"));
    assert_eq!(evidence.detail, "completed 2025-06-01T00:00:00Z");
}

#[test]
fn snapshots_of_etcd_count_where_they_are_ready() {
    let none = || Some(Ok(Vec::new()));
    let fresh = |ready| Some(vec![etcd("snap", ready, "2025-06-10T06:00:00Z")]);
    assert_eq!(word(&told(None, fresh(true), None)), "snap");
    assert_eq!(word(&told(none(), fresh(true), None)), "snap");
    assert_eq!(word(&told(None, fresh(false), None)), "none");
}

#[test]
fn what_cannot_be_seen_is_not_missing() {
    let old = || velero("old", "Completed", "2025-06-01T00:00:00Z", json!({}));
    let fresh = || Some(vec![etcd("snap", true, "2025-06-10T06:00:00Z")]);
    // Velero without any is none; a distribution that records none may be backed up elsewhere.
    assert_eq!(word(&told(Some(Ok(Vec::new())), None, None)), "none");
    assert_eq!(word(&told(None, Some(Vec::new()), None)), "cannot tell");
    assert_eq!(word(&told(None, None, None)), "cannot tell");
    // What was not read may be younger, unless what was read is young enough.
    assert_eq!(word(&told(Some(Err("refused")), None, None)), "cannot tell");
    assert_eq!(word(&told(Some(Err("refused")), fresh(), None)), "snap");
    // Velero's lie in a namespace of its own.
    assert_eq!(
        word(&told(Some(Ok(Vec::new())), None, Some("shop"))),
        "cannot tell"
    );
    assert_eq!(
        word(&told(Some(Ok(vec![old()])), None, Some("velero"))),
        "old"
    );
}
