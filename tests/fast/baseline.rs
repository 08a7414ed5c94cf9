//! An earlier report beside this one: what is new, what went away, what cannot be said.

use serde_json::json;

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::need::ClusterId;
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_report};
use kubectl_upgrade::rules::{Baseline, CheckContext, Policy, evaluate};
use kubectl_upgrade::snapshot::Snapshot;

use crate::cluster::{Cluster, rules};
use crate::golden;
use crate::policy::{Folder, fails, ids, printed, report};

#[test]
fn only_what_is_new_fails() {
    let folder = Folder::new();
    let (_, mut before, _) = report(&[]);
    let same = folder.write("same.json", &before.to_string());
    let (code, after, stderr) = report(&["--baseline", &same]);
    assert_eq!(
        (code, &after["verdict"]),
        (Some(0), &"blocked".into()),
        "it is what it is"
    );
    assert_eq!(after["resolved"], json!([]));
    assert_eq!(after["findings"][0]["objects"][0]["baseline"], "known");
    assert!(stderr.contains("exit code 0"), "{stderr}");
    let table = printed(&["--baseline", &same]);
    assert!(
        table.starts_with("Known from the baseline: 5 blockers"),
        "{table}"
    );
    assert!(table.contains("8 in the baseline"), "{table}");

    // The baseline lacks one of the objects.
    let psp = ids(&before)
        .iter()
        .position(|id| *id == "psp-present")
        .expect("psp");
    let mut less = before.clone();
    less["findings"]
        .as_array_mut()
        .expect("findings")
        .remove(psp);
    let less = folder.write("less.json", &less.to_string());
    let (code, after, _) = report(&["--baseline", &less]);
    assert_eq!(code, Some(3));
    assert_eq!(after["findings"][psp]["objects"][0]["baseline"], "new");

    // It had been milder then.
    let mut milder = before.clone();
    milder["findings"][psp]["severity"] = "warning".into();
    let milder = folder.write("milder.json", &milder.to_string());
    assert_eq!(
        report(&["--baseline", &milder]).0,
        Some(3),
        "what is worse is new"
    );

    // The baseline has one more, which is gone.
    let mut more = before["findings"][psp]["objects"][0].clone();
    more["name"] = "privileged".into();
    before["findings"][psp]["objects"]
        .as_array_mut()
        .expect("objects")
        .push(more);
    let more = folder.write("more.json", &before.to_string());
    let (code, after, _) = report(&["--baseline", &more]);
    assert_eq!(code, Some(0));
    assert_eq!(after["resolved"][0]["id"], "psp-present");
    assert_eq!(after["resolved"][0]["objects"][0]["name"], "privileged");
    assert_eq!(
        after["resolved"][0]["objects"].as_array().map(Vec::len),
        Some(1)
    );
    let table = printed(&["--baseline", &more]);
    golden::compare("tests/fixtures/example/baseline.txt", &table);
}

#[test]
fn what_was_not_looked_at_again_is_not_resolved() {
    let folder = Folder::new();
    let (_, mut before, _) = report(&[]);
    let removed = &mut before["findings"][0]["objects"];
    let mut more = removed[0].clone();
    more["name"] = "gone".into();
    removed.as_array_mut().expect("objects").push(more);
    let base = folder.write("base.json", &before.to_string());
    let resolved = |args: &[&str]| {
        let (_, report, _) = report(&[&["--baseline", &base], args].concat());
        let resolved = report["resolved"].as_array().map(Vec::len);
        (resolved.expect("a list"), report["remarks"].to_string())
    };
    assert_eq!(resolved(&[]), (1, "[]".to_owned()));
    let broken = folder.write("tabs.yaml", "a:\n\tb: c\n");
    for unseen in [
        &["-f", &broken][..],
        &["--skip", "api-removed"],
        &["--to", "1.24"],
    ] {
        let (resolved, remarks) = resolved(unseen);
        assert_eq!(resolved, 0, "{unseen:?}");
        assert!(
            remarks.contains("could not be inspected again"),
            "{unseen:?}: {remarks}"
        );
    }
    before["gaps"] = json!([{"what": "x", "why": "y", "cluster": null, "rules": [], "rbac": null}]);
    let base = folder.write("gaps.json", &before.to_string());
    let (_, after, _) = report(&["--baseline", &base]);
    assert!(
        after["remarks"]
            .to_string()
            .contains("the baseline has gaps")
    );
}

#[test]
fn what_is_no_baseline_is_1() {
    let folder = Folder::new();
    for (content, says) in [
        ("{}", "found no kind"),
        (
            "apiVersion: v1",
            "not an UpgradeReport as -o json prints it",
        ),
        (
            r#"{"apiVersion": "v1", "kind": "List"}"#,
            "found kind List of v1",
        ),
        (
            r#"{"apiVersion": "kubectl-upgrade/v2", "kind": "UpgradeReport"}"#,
            "newer than this program",
        ),
        (
            r#"{"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradeReport"}"#,
            "findings",
        ),
    ] {
        let file = folder.write("b.json", content);
        let stderr = fails(&["--baseline", &file], 1);
        assert!(
            stderr.contains(says) && stderr.contains("b.json"),
            "{stderr}"
        );
    }
}

#[test]
fn only_what_this_run_would_have_seen_again_is_resolved() {
    let catalog = Catalog::embedded().expect("the catalog");
    let file = |name: &str| {
        golden::in_repository(&format!("tests/fixtures/rules/pdb-nomatch/{name}.yaml"))
    };
    let (_, before) = Cluster::load(file("trigger")).evaluate(catalog, rules());
    let before =
        render_report(OutputFormat::Json, &before, &RenderOptions::default()).expect("JSON");
    let fixture = Cluster::load_patched(file("trigger"), file("near-miss"));
    let path = fixture.path(catalog);
    let resolved = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = fixture.snapshot(catalog, &path);
        change(&mut snapshot);
        let now = "2025-01-01T00:00:00Z".parse().expect("a time");
        let situation = CheckContext::new(&snapshot, catalog, &path, now);
        let policy = Policy {
            baseline: Some(Baseline::parse(&before).expect("a baseline")),
            ..Policy::default()
        };
        let judgement = evaluate(&situation, rules(), &policy);
        let unseen = format!("{:?}", judgement.remarks).contains("could not be inspected again");
        let ids = judgement
            .resolved_findings
            .iter()
            .map(|finding| finding.id.clone());
        (ids.filter(|id| id == "pdb-nomatch").count(), unseen)
    };
    assert_eq!(resolved(&|_| {}), (1, false));
    let namespace = |name: &'static str| {
        move |snapshot: &mut Snapshot| {
            snapshot.clusters[0].namespace = Some(name.to_owned());
        }
    };
    assert_eq!(resolved(&namespace("shop")).0, 1);
    assert_eq!(resolved(&namespace("other")), (0, true));
    let elsewhere = |snapshot: &mut Snapshot| {
        snapshot.clusters[0].id = ClusterId("other".to_owned());
    };
    assert_eq!(resolved(&elsewhere), (0, true));
    let unread = |snapshot: &mut Snapshot| snapshot.clusters[0].ledger.clear();
    assert_eq!(resolved(&unread), (0, true));
}
