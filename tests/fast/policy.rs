//! What the user asks for: which rules speak, what counts, what is waived, what is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::cluster::rules;
use crate::golden;
use crate::program::{run, text, with_example};

/// The rules that these tests are about: more rules may come, and the example may lack what they read.
const THESE: &str = "api-deprecated,api-removed,crd-v1beta1,k8s-eol,node-kubelet-too-new,node-kubelet-too-old,\
    patch-behind,pdb-nomatch,psp-present";

fn run_on_these(args: &[&str]) -> Output {
    let choice: &[&str] = match args.contains(&"--only") {
        true => &[],
        false => &["--only", THESE],
    };
    run(&with_example(&[args, choice].concat()))
}

/// What a run on the example prints, without the number of rules that were left out.
pub(crate) fn printed(args: &[&str]) -> String {
    let shown = text(&run_on_these(args).stdout);
    let skipped = rules().len() - THESE.split(',').count();
    let words = match skipped {
        1 => "; 1 rule skipped".to_owned(),
        _ => format!("; {skipped} rules skipped"),
    };
    shown.replace(&words, "")
}

/// A run on the example: its code, its report, what it said on stderr.
pub(crate) fn report(args: &[&str]) -> (Option<i32>, Value, String) {
    let output = run_on_these(&[args, &["-o", "json"]].concat());
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("no report: {}", text(&output.stderr)));
    let schema = golden::in_repository("src/api/v1/schema/upgrade-report.schema.json");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(schema).expect("the schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&report), "{report:#}");
    (output.status.code(), report, text(&output.stderr))
}

pub(crate) fn fails(args: &[&str], code: i32) -> String {
    let output = run(&with_example(args));
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    text(&output.stderr)
}

pub(crate) fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| finding["id"].as_str().expect("an id"))
        .collect()
}

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("a file");
        shown(&self.path(name))
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn rules_are_chosen_and_left_out() {
    let all = rules().len();
    let (code, only, _) = report(&["--only", "api-removed,k8s-eol", "--only", "psp-present"]);
    assert_eq!(code, Some(3));
    assert_eq!(
        ids(&only),
        [
            "api-removed",
            "api-removed",
            "api-removed",
            "psp-present",
            "k8s-eol"
        ]
    );
    assert_eq!(only["summary"]["rulesEvaluated"], 3);
    assert_eq!(only["summary"]["skipped"], all - 3);

    let (code, without, _) = report(&[
        "--skip",
        "api-removed, psp-present",
        "--skip",
        "node-kubelet-too-old",
    ]);
    let these = THESE.split(',').count();
    assert_eq!(without["summary"]["skipped"], all - these + 3);
    assert!(!ids(&without).contains(&"api-removed"));
    assert_eq!(
        (code, &without["verdict"]),
        (Some(0), &"ready".into()),
        "{without:#}"
    );
    let table = run(&with_example(&["--skip", "api-removed"]));
    assert!(text(&table.stdout).contains("1 rule skipped"));

    assert!(fails(&["--only", "api-remove"], 2).contains("did you mean api-removed?"));
    assert!(fails(&["--skip", "pdb-no-match"], 2).contains("did you mean pdb-nomatch?"));
    assert!(fails(&["--only", "kubectl-exec-syntax"], 2).contains("the API does not expose it"));
    assert!(fails(&["--only", "k8s-eol", "--skip", "k8s-eol"], 2).contains("exclude every rule"));
}

#[test]
fn what_skipped_rules_need_is_not_read() {
    let rbac = |args: &[&str]| {
        let args = [&["rbac", "--local", "--from", "1.24", "--to", "1.25"], args].concat();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(rbac(&[]).contains("podsecuritypolicies"));
    assert!(!rbac(&["--only", "node-kubelet-too-old"]).contains("podsecuritypolicies"));
    assert!(
        !rbac(&["--skip", "psp-present,api-removed,api-deprecated"])
            .contains("podsecuritypolicies")
    );
}

#[test]
fn the_line_moves_and_the_verdict_stays() {
    let calm = ["--skip", "api-removed,psp-present,node-kubelet-too-old"];
    for (line, blocked, ready) in [
        ("blocker", 3, 0),
        ("warning", 3, 3),
        ("note", 3, 3),
        ("never", 0, 0),
    ] {
        let (code, all, stderr) = report(&["--fail-on", line]);
        assert_eq!(
            (code, &all["verdict"]),
            (Some(blocked), &"blocked".into()),
            "{line}"
        );
        assert_eq!(stderr.contains("exit code 0"), line == "never", "{stderr}");
        let (code, some, stderr) = report(&[&calm[..], &["--fail-on", line]].concat());
        assert_eq!(
            (code, &some["verdict"]),
            (Some(ready), &"ready".into()),
            "{line}"
        );
        assert_eq!(stderr.contains("exit code 3"), ready == 3, "{stderr}");
    }
    assert!(fails(&["--fail-on", "never", "--no-such-flag"], 2).contains("--no-such-flag"));
    fails(&["--fail-on", "never", "-f", "no-such-file.yaml"], 1);
    let folder = Folder::new();
    let broken = folder.write("tabs.yaml", "a:\n\tb: c\n");
    let gap = ["--fail-on", "never", "-f", &broken];
    assert_eq!(report(&gap).0, Some(4), "a gap stays a gap");
    assert_eq!(report(&[&gap[..], &["--allow-gaps"]].concat()).0, Some(0));
}

/// A waiver of every blocker of the example until this day.
fn waivers(rules: &[&str], objects: &str, expires: &str) -> String {
    let mut file = "apiVersion: kubectl-upgrade/v1\nkind: Waivers\nwaivers:\n".to_owned();
    for rule in rules {
        file.push_str(&format!(
            "- rule: {rule}\n  objects: ['{objects}']\n  owner: shop-team\n  reason: moves with the next release\n  expires: {expires}\n"
        ));
    }
    file
}

const BLOCKERS: [&str; 3] = ["api-removed", "node-kubelet-too-old", "psp-present"];

#[test]
fn what_is_waived_stays_visible_and_blocks_no_more() {
    let folder = Folder::new();
    let (_, before, _) = report(&[]);
    let file = folder.write("w.yaml", &waivers(&BLOCKERS, "*/*/*", "2999-12-31"));
    let (code, after, stderr) = report(&["--waivers", &file]);
    assert_eq!(
        (code, &after["verdict"]),
        (Some(0), &"ready".into()),
        "{after:#}"
    );
    assert_eq!(ids(&before), ids(&after), "nothing is hidden");
    assert_eq!(after["summary"]["waived"], before["summary"]["blockers"]);
    assert_eq!(after["summary"]["blockers"], 0);
    assert_eq!(
        after["findings"][0]["objects"][0]["waiver"],
        json!({"owner": "shop-team", "reason": "moves with the next release", "expires": "2999-12-31"})
    );
    assert!(!stderr.contains("expired"), "{stderr}");
    let table = printed(&["--waivers", &file]);
    golden::compare("tests/fixtures/example/waived.txt", &table);
    let names = printed(&["--waivers", &file, "-o", "name"]);
    assert!(!names.contains("podsecuritypolicy"), "{names}");
    assert!(
        names.contains("horizontalpodautoscaler.autoscaling/search"),
        "{names}"
    );
    let wide = printed(&["--waivers", &file, "-o", "wide"]);
    assert!(wide.contains("blocker (waived)"), "{wide}");

    let some = folder.write(
        "some.yaml",
        &waivers(
            &["psp-present"],
            "PodSecurityPolicy/restricted",
            "2999-12-31",
        ),
    );
    let (code, some, _) = report(&["--waivers", &some]);
    assert_eq!(code, Some(3));
    assert_eq!(some["summary"]["waived"], 1);
}

#[test]
fn an_expired_waiver_says_so_and_does_not_count_whatever_the_reports_clock_is() {
    let folder = Folder::new();
    let file = folder.write("w.yaml", &waivers(&BLOCKERS, "*/*/*", "2020-12-31"));
    let (code, after, stderr) = report(&["--waivers", &file, "--now", "2020-01-01T00:00:00Z"]);
    assert_eq!((code, &after["verdict"]), (Some(3), &"blocked".into()));
    assert_eq!(after["summary"]["waived"], 0);
    assert_eq!(after["findings"][0]["objects"][0]["waiver"], Value::Null);
    let says = "the waiver of psp-present for */*/* by shop-team expired on 2020-12-31";
    assert!(stderr.contains(says), "{stderr}");
    assert!(after["remarks"].to_string().contains(says), "{after:#}");
    let table = printed(&["-q", "--waivers", &file]);
    assert!(table.contains(says), "{table}");
}

#[test]
fn a_file_of_waivers_that_cannot_be_meant_is_1_and_says_where() {
    let folder = Folder::new();
    let good = waivers(&["psp-present"], "*/*/*", "2999-12-31");
    for (from, to, says) in [
        (
            "psp-present",
            "psp-presnt",
            "line 4, column 9: no rule named \"psp-presnt\"; did you mean psp-present?",
        ),
        ("2999-12-31", "31.12.2999", "line 8, column 12"),
        ("owner", "ower", "line 6, column 3"),
        (
            "Waivers",
            "RuleSet",
            "expected kind Waivers of kubectl-upgrade/v1, found kind RuleSet",
        ),
    ] {
        let file = folder.write("w.yaml", &good.replacen(from, to, 1));
        let stderr = fails(&["--waivers", &file], 1);
        assert!(
            stderr.contains(says) && stderr.contains("w.yaml"),
            "{stderr}"
        );
    }
    assert!(fails(&["--waivers", "no-such-file"], 1).contains("no-such-file"));
}

#[test]
fn the_waivers_of_the_page_are_some() {
    let page = fs::read_to_string(golden::in_repository("docs/check.md")).expect("the page");
    let (_, rest) = page.split_once("```yaml\n").expect("a block");
    let (block, _) = rest.split_once("```").expect("an end");
    let file = Folder::new();
    let path = file.write("waivers.yaml", block);
    let (code, _, _) = report(&["--waivers", &path]);
    assert_eq!(code, Some(3), "other blockers are left");
}
