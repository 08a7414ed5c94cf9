//! The flag: what the program prints and saves.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::need::{DetailLevel, Freshness, ReadTarget};
use kubectl_upgrade::snapshot::{
    MetaRow, ObjectRow, ReadOutcome, ReadResult, RedactionKey, Rows, load, save,
};
use serde_json::{Value, json};

use super::{example, words_in};
use crate::program::{run, text};

/// Names of the example that must not be told.
const NAMES: [&str; 3] = ["cart", "shop", "checkout"];

fn tells_no_name(text: &str) {
    let mut words = super::words(text);
    let told = words.find(|word| NAMES.contains(word));
    assert_eq!(told, None, "{text}");
}

/// The example without the UID of its cluster, as of a user who may not read namespaces.
fn without_uid(folder: &std::path::Path) -> String {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut snapshot = example(catalog).snapshot;
    let ledger = &mut snapshot.clusters[0].ledger;
    ledger.retain(|reading| {
        let ReadTarget::Objects { resource, .. } = &reading.target else {
            return true;
        };
        resource.plural != "namespaces"
    });
    let file = folder.join("x.snapshot");
    save(&snapshot, &file).expect("a file");
    file.display().to_string()
}

/// The example with the UID of its cluster, as newer snapshots have it.
fn with_uid(folder: &std::path::Path) -> String {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut snapshot = example(catalog).snapshot;
    let finished_at = snapshot.taken_at;
    snapshot.clusters[0].merge(vec![ReadResult {
        target: RedactionKey::need().target,
        detail_level: DetailLevel::Full,
        freshness: Freshness::WatchCache,
        field_paths: RedactionKey::need().field_paths,
        outcome: ReadOutcome::Complete,
        finished_at,
        rows: Rows::Objects(
            vec![ObjectRow {
                meta: MetaRow {
                    name: "kube-system".to_owned(),
                    ..MetaRow::default()
                },
                object: json!({"metadata": {"uid": "3b241101-e2bb-4255-8caf-4136c566a962"}}),
            }]
            .into(),
        ),
        skipped_objects: Vec::new(),
        resource_version: None,
    }]);
    let path = folder.join("with-uid.snapshot");
    save(&snapshot, &path).expect("a file");
    path.to_string_lossy().into_owned()
}

#[test]
fn every_format_is_redacted_and_so_is_what_is_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let given = with_uid(folder.path());
    let saved = folder.path().join("redacted.snapshot");
    let to = saved.to_string_lossy().into_owned();
    for format in ["table", "wide", "json", "yaml", "name"] {
        let args = ["--snapshot", &given, "--redact", "-o", format];
        let plain = run(&["--snapshot", &given, "-o", format]);
        let first = run(&[&args[..], &["--save-snapshot", &to]].concat());
        assert_eq!(first.status.code(), plain.status.code(), "{format}");
        assert!(text(&first.stdout).contains("name-"), "{format}");
        tells_no_name(&text(&first.stdout));
        tells_no_name(&text(&first.stderr));
        // The key is that of the cluster.
        assert_eq!(run(&args).stdout, first.stdout, "{format}");
        // What was saved says the same, and a second redaction changes nothing.
        let again = run(&["--snapshot", &to, "-o", format]);
        assert_eq!(text(&again.stdout), text(&first.stdout), "{format}");
        let twice = run(&["--snapshot", &to, "--redact", "-o", format]);
        assert_eq!(text(&twice.stdout), text(&first.stdout), "{format}");
    }
    let snapshot = load(&saved).expect("a snapshot");
    assert!(snapshot.is_redacted);
    assert!(
        RedactionKey::from_cluster(&snapshot.clusters[0]).is_none(),
        "the key is not in it"
    );
    let words = words_in(&snapshot);
    assert!(NAMES.iter().all(|name| !words.contains(*name)), "{words:?}");
}

#[test]
fn plans_are_redacted_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let given = with_uid(folder.path());
    let plan = |args: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_kubectl-upgrade-plan"))
            .env_clear()
            .args(["--snapshot", &given])
            .args(args)
            .output()
            .expect("the program runs")
    };
    for format in ["table", "wide", "json", "yaml", "name"] {
        let plain = plan(&["-o", format]);
        let output = plan(&["-o", format, "--redact"]);
        assert_eq!(output.status.code(), plain.status.code(), "{format}");
        assert!(!output.stdout.is_empty(), "{format}");
        tells_no_name(&text(&output.stdout));
        tells_no_name(&text(&output.stderr));
    }
}

#[test]
fn without_the_uid_pseudonyms_are_of_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let given = without_uid(folder.path());
    let run = || run(&["--snapshot", &given, "--redact", "-o", "json"]);
    let (one, two) = (run(), run());
    assert!(
        text(&one.stderr).contains("kube-system"),
        "{}",
        text(&one.stderr)
    );
    assert_ne!(one.stdout, two.stdout, "the keys are random");
    tells_no_name(&text(&one.stdout));
    let report: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    let remarks = report["remarks"].to_string();
    assert!(remarks.contains("pseudonyms"), "{remarks}");
}

#[test]
fn manifests_lose_their_names_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("checkout");
    std::fs::create_dir(&place).expect("a folder");
    let budget = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart, namespace: shop}\n";
    std::fs::write(place.join("cart.yaml"), format!("{budget}---\n{budget}")).expect("a file");
    std::fs::write(place.join("shop.yaml"), "a: [").expect("a file");
    let path = place.to_string_lossy().into_owned();
    for format in ["table", "wide", "json", "yaml", "name"] {
        let args = ["--local", "--to", "1.25", "-f", &path, "-o", format];
        let plain = run(&args);
        assert!(text(&plain.stdout).contains("cart"), "{format}");
        let output = run(&[&args[..], &["--redact"]].concat());
        assert_eq!(output.status.code(), plain.status.code(), "{format}");
        tells_no_name(&text(&output.stdout));
        tells_no_name(&text(&output.stderr));
    }
}
