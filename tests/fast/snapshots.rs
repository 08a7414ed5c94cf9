//! Saved snapshots: what is read back is what was written, and what is no snapshot is told apart.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use kubectl_upgrade::snapshot::{ApiCount, Snapshot, SnapshotError, SnapshotProblem, load, save};

use crate::cluster::{Cluster, rules};
use crate::golden;
use crate::mutate::{cases, damaged, damaged_text};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::rules::{Baseline, CheckContext, Policy, evaluate};
use proptest::prelude::*;

fn example() -> PathBuf {
    golden::in_repository("examples/shop.snapshot")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn load_bytes(bytes: &[u8]) -> Result<(), SnapshotError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.snapshot");
    fs::write(&path, bytes).expect("a file");
    load(&path).map(drop)
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.snapshot");
    let snapshot = load(&example()).expect("the example");
    save(&snapshot, &copy).expect("a file");
    assert_eq!(load(&copy).expect("the copy"), snapshot);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_snapshot_cut_anywhere_is_damaged() {
    let whole = fs::read(example()).expect("the example");
    for end in (10..whole.len()).step_by(37).chain([whole.len() - 1]) {
        let error = load_bytes(&whole[..end]).expect_err("it is cut");
        assert!(
            matches!(error.problem, SnapshotProblem::Damaged(_)),
            "cut at {end}: {error}"
        );
        assert!(error.to_string().contains("save it again"), "{error}");
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let mut bytes = fs::read(example()).expect("the example");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let error = load_bytes(&bytes).expect_err("it is damaged");
    assert!(
        matches!(error.problem, SnapshotProblem::Damaged(_)),
        "{error}"
    );
}

#[test]
fn alien_and_newer_files_are_told_apart() {
    let pod = gzip(r#"{"apiVersion":"v1","kind":"Pod","format":1,"toolVersion":""}"#);
    let newer = gzip(
        r#"{"apiVersion":"kubectl-upgrade/v1","kind":"Snapshot","format":99,"toolVersion":"9.0.0"} {"unheard":"of"}"#,
    );
    for (bytes, says) in [
        (b"".to_vec(), "empty"),
        (b"apiVersion: v1".to_vec(), "make one with --save-snapshot"),
        (gzip("hello"), "header"),
        (gzip("{}"), "header"),
        (pod, "Pod"),
        (newer, "9.0.0"),
    ] {
        let error = load_bytes(&bytes).expect_err("it is no snapshot of ours");
        assert!(error.to_string().contains(says), "{error}");
    }
    let missing = load(&golden::in_repository("no-such.snapshot")).expect_err("not there");
    assert!(
        missing.to_string().contains("no-such.snapshot"),
        "{missing}"
    );
}

#[test]
fn an_old_file_survives_when_the_new_one_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = load(&example()).expect("the example");
    let nowhere = folder.path().join("no/such/folder/x.snapshot");
    let error = save(&snapshot, &nowhere).expect_err("no folder");
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_pipe_a_pipe() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let snapshot = load(&example()).expect("the example");

    fs::write(path("file"), "old").expect("a file");
    symlink(path("file"), path("link")).expect("a link");
    save(&snapshot, &path("link")).expect("saved");
    assert!(path("link").is_symlink());
    assert_eq!(load(&path("file")).expect("where it leads to"), snapshot);

    // What would happen to /dev/null, too, if it were renamed over.
    let made = Command::new("mkfifo").arg(path("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    let other = path("pipe");
    let reader = std::thread::spawn(move || fs::read(other).expect("bytes"));
    save(&snapshot, &path("pipe")).expect("saved");
    let kind = fs::symlink_metadata(path("pipe")).expect("it is there");
    assert!(kind.file_type().is_fifo());
    let bytes = reader.join().expect("no panic");
    assert!(load_bytes(&bytes).is_ok());
}

const SMALL: &str = "
kubernetes: 1.24.17
to: '1.25'
now: 2023-01-01T00:00:00Z
refused: [pods]
objects:
- apiVersion: v1
  kind: Node
  metadata: {name: a}
  status: {nodeInfo: {kubeletVersion: v1.24.17}, conditions: [{type: Ready, status: 'True'}]}
- apiVersion: policy/v1
  kind: PodDisruptionBudget
  metadata:
    name: a
    namespace: x
    managedFields: [{manager: m, operation: Update, apiVersion: policy/v1beta1, time: 2022-01-01T00:00:00Z}]
";

#[test]
fn manifests_that_were_only_counted_are_a_gap_once_something_is_known_against_them() {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = Cluster::parse(SMALL, "small");
    let path = fixture.path(catalog);
    let mut snapshot = fixture.snapshot(catalog, &path);
    let counted = |api_version: &str, kind: &str, objects| ApiCount {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        count: objects,
    };
    let gaps_of = |snapshot: &Snapshot| {
        let now = snapshot.taken_at;
        let situation = CheckContext::new(snapshot, catalog, &path, now);
        let judgement = evaluate(&situation, rules(), &Policy::default());
        let gaps = judgement.gaps.into_iter();
        let gaps: Vec<_> = gaps.filter(|gap| gap.what.contains("in files")).collect();
        (gaps, judgement.summary.objects_read)
    };
    snapshot.files.files_read = 2;
    // As a catalog that knows no end of these APIs would have left it.
    snapshot.files.api_counts = vec![
        counted("apps/v1", "Deployment", 500),
        counted("policy/v1beta1", "PodSecurityPolicy", 3),
    ];
    let (gaps, read) = gaps_of(&snapshot);
    let [gap] = &gaps[..] else {
        panic!("one gap: {gaps:?}");
    };
    assert_eq!(
        gap.what,
        "policy/v1beta1 PodSecurityPolicy in files (3 read)"
    );
    assert!(gap.rules.contains(&"psp-present".to_owned()), "{gap:?}");
    assert!(gap.rules.contains(&"api-removed".to_owned()), "{gap:?}");
    snapshot.files.api_counts.pop();
    let (gaps, less) = gaps_of(&snapshot);
    assert_eq!((gaps.len(), less), (0, read - 3));
}

#[test]
fn no_damage_to_a_snapshot_or_a_baseline_panics() {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = Cluster::parse(SMALL, "small");
    let snapshot = fixture.snapshot(catalog, &fixture.path(catalog));
    let header =
        r#"{"apiVersion":"kubectl-upgrade/v1","kind":"Snapshot","format":1,"toolVersion":"0.1.0"}"#;
    let whole = format!(
        "{header}\n{}\n",
        serde_json::to_string(&snapshot).expect("JSON")
    );
    load_bytes(&gzip(&whole)).expect("a snapshot");
    let (_, report) = fixture.evaluate(catalog, rules());
    let report = serde_json::to_string_pretty(&report).expect("JSON");
    Baseline::parse(&report).expect("a baseline");

    fn run<T: std::fmt::Debug>(damaged: impl Strategy<Value = T>, test: impl Fn(T)) {
        let mut runner = proptest::test_runner::TestRunner::new(cases(96));
        let ran = runner.run(&damaged, |value| {
            test(value);
            Ok(())
        });
        ran.expect("no damage panics");
    }
    run(damaged_text(&[&whole]), |text| {
        let _ = load_bytes(&gzip(&text));
    });
    run(damaged(vec![gzip(&whole)]), |bytes| {
        let _ = load_bytes(&bytes);
    });
    run(damaged_text(&[&report]), |text| {
        let _ = Baseline::parse(&text);
    });
}
