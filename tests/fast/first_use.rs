//! What a new user meets first: counts, scopes, exit codes and mistakes on the command line.

use std::fs;

use tempfile::TempDir;

use crate::program::{EXAMPLE, program, run, run_plan, text};

const BUDGET: &str =
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: cart, namespace: shop}\n";

/// Standard output of a check and its exit code.
fn check(args: &[&str]) -> (String, Option<i32>) {
    let output = run(args);
    (text(&output.stdout), output.status.code())
}

/// The last line of a check of the example with these flags, and its exit code.
fn verdict(args: &[&str]) -> (String, Option<i32>) {
    let (shown, code) = check(&[&["--snapshot", EXAMPLE, "-q"], args].concat());
    (shown.lines().last().unwrap_or_default().to_owned(), code)
}

/// Standard error of a run that must fail with this code.
#[track_caller]
fn error(args: &[&str], code: i32) -> String {
    let output = run(args);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    shown
}

fn file(name: &str, content: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(name);
    fs::write(&path, content).expect("a file");
    let path = path.display().to_string();
    (directory, path)
}

#[test]
fn the_verdict_counts_what_was_checked() {
    let (_directory, path) = file("cart.yaml", BUDGET);
    let (shown, code) = check(&["--local", "--to", "1.25", "-f", &path]);
    assert_eq!(
        shown,
        "ready: 1 manifest checked (no cluster, to 1.25.16)\n"
    );
    assert_eq!(code, Some(0));
    let (line, _) = verdict(&["--only", "node-mixed"]);
    assert!(line.contains("; 1 rule, "), "{line}");
    assert!(line.contains(" objects read (context test, "), "{line}");
    // Nothing at all is no answer.
    let empty = tempfile::tempdir().expect("a directory");
    let empty = empty.path().display().to_string();
    assert_eq!(check(&["--local", "--to", "1.25", "-f", &empty]).1, Some(4));
    error(&["--local", "--to", "1.25"], 2);
}

#[test]
fn the_verdict_explains_the_exit_code() {
    let (line, code) = verdict(&["--only", "node-mixed", "--fail-on", "note"]);
    assert!(
        line.starts_with("ready: 1 note (2 objects); ")
            && line.contains("; exit code 3: 1 finding at or above --fail-on note;"),
        "{line}"
    );
    assert_eq!(code, Some(3));
    let (line, code) = verdict(&["--fail-on", "never"]);
    assert!(line.contains("; exit code 0: --fail-on never;"), "{line}");
    assert_eq!(code, Some(0));
    let report = text(&run(&["--snapshot", EXAMPLE, "-o", "json"]).stdout);
    let (_directory, path) = file("report.json", &report);
    let (line, code) = verdict(&["--baseline", &path]);
    assert!(
        line.contains("; exit code 0: all blockers are in the baseline;"),
        "{line}"
    );
    assert_eq!(code, Some(0));
    // Where it follows from the verdict, it needs no explanation.
    assert!(!verdict(&[]).0.contains("exit code"));
}

#[test]
fn what_the_baseline_has_is_one_line() {
    let report = text(&run(&["--snapshot", EXAMPLE, "-o", "json"]).stdout);
    let (_directory, path) = file("report.json", &report);
    let (shown, _) = check(&["--snapshot", EXAMPLE, "-q", "--baseline", &path]);
    assert!(
        shown.starts_with(
            "Known from the baseline: 5 blockers, 1 warning, 3 notes; -o wide lists them\n"
        ),
        "{shown}"
    );
    assert!(!shown.contains("What to do"), "{shown}");
    let (wide, _) = check(&[
        "--snapshot",
        EXAMPLE,
        "-q",
        "-o",
        "wide",
        "--baseline",
        &path,
    ]);
    assert!(wide.contains("blocker (known)"), "{wide}");
}

/// What `-o name` prints is what waivers take, and a waiver that matches nothing says so.
#[test]
fn names_are_those_of_waivers() {
    let (names, _) = check(&["--snapshot", EXAMPLE, "-q", "-o", "name"]);
    assert!(
        names.contains("horizontalpodautoscaler.autoscaling/web -n shop\n"),
        "{names}"
    );
    let stub = text(&run(&["--snapshot", EXAMPLE, "-o", "waivers"]).stdout);
    let (_directory, path) = file("stub.yaml", &stub);
    let refused = error(&["--snapshot", EXAMPLE, "--waivers", &path], 1);
    assert!(
        refused.contains("says nothing") || refused.contains("is no day"),
        "{refused}"
    );
    let filled = stub
        .replace("owner: \"\"", "owner: shop")
        .replace("reason: \"\"", "reason: accepted")
        .replace("expires: \"\"", "expires: 2999-12-31");
    let (_directory, path) = file("waivers.yaml", &filled);
    let (line, code) = verdict(&["--waivers", &path]);
    assert!(
        line.starts_with("ready: nothing found; 9 waived; "),
        "{line}"
    );
    assert_eq!(code, Some(0));
    let slip = filled.replace(
        "\"psp-present\"\n  objects:\n  - \"podsecuritypolicy.policy/restricted\"",
        "\"psp-present\"\n  objects:\n  - \"podsecuritypolicy.policy/restrcited\"",
    );
    assert_ne!(slip, filled);
    let (_directory, path) = file("waivers.yaml", &slip);
    let (shown, code) = check(&["--snapshot", EXAMPLE, "-q", "--waivers", &path]);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("the waiver of psp-present for podsecuritypolicy.policy/restrcited by shop matches no finding"),
        "{shown}"
    );
    assert_eq!(code, Some(3));
    // A rule that did not run cannot tell.
    let (shown, _) = check(&[
        "--snapshot",
        EXAMPLE,
        "-q",
        "--waivers",
        &path,
        "--skip",
        "psp-present",
    ]);
    assert!(!shown.contains("restrcited"), "{shown}");
}

#[test]
fn rules_are_selected_by_patterns() {
    let (line, _) = verdict(&["--only", "node-*"]);
    assert!(
        line.starts_with("blocked: 1 blocker (1 object), 1 note (2 objects); "),
        "{line}"
    );
    let (line, _) = verdict(&["--skip", "api-*,psp-present,node-kubelet-*"]);
    assert!(line.starts_with("ready: "), "{line}");
    let unknown = error(&["--snapshot", EXAMPLE, "--skip", "volume-*"], 2);
    assert!(unknown.contains("no rule named \"volume-*\""), "{unknown}");
}

/// A rule by itself sees what it sees in a whole run.
#[test]
fn a_deprecated_api_needs_no_other_rule() {
    let plan = |only: &str| {
        let shown = check(&[
            "rbac", "--local", "--from", "1.24", "--to", "1.25", "--only", only,
        ]);
        shown.0
    };
    assert!(plan("api-deprecated").contains("- horizontalpodautoscalers\n"));
    assert!(!plan("pdb-nomatch").contains("- horizontalpodautoscalers\n"));
}

#[test]
fn namespaces_are_left_out_and_counted() {
    let (shown, _) = check(&["--snapshot", EXAMPLE, "-q", "--skip-namespace", "sho*"]);
    assert!(!shown.contains("/shop/"), "{shown}");
    assert!(
        shown.contains("--skip-namespace sho*: 4 objects of findings left out"),
        "{shown}"
    );
    assert!(
        shown.contains("horizontalpodautoscaler/search/search"),
        "{shown}"
    );
}

#[test]
fn a_label_of_namespaces_names_owners() {
    let label = ["--owner-label", "kubernetes.io/metadata.name"];
    let args = [&["--snapshot", EXAMPLE, "-q", "-o", "csv"], &label[..]].concat();
    let (shown, _) = check(&args);
    assert!(
        shown.contains(",HorizontalPodAutoscaler,search,search,search,"),
        "{shown}"
    );
    // Cluster-scoped objects keep theirs.
    assert!(
        shown.contains(",PodSecurityPolicy,,restricted,,"),
        "{shown}"
    );
}

#[test]
fn what_passed_is_listed_on_request() {
    let (shown, _) = check(&[
        "--snapshot",
        EXAMPLE,
        "-q",
        "--show-passed",
        "--only",
        "node-*",
    ]);
    let (_, passed) = shown.split_once("\nPassed\n").expect("what passed");
    assert!(passed.contains("node-notready"), "{shown}");
    assert!(!passed.contains("node-mixed"), "{shown}");
    let (shown, _) = check(&["--snapshot", EXAMPLE, "-q", "--only", "node-*"]);
    assert!(!shown.contains("Passed"), "{shown}");
}

#[test]
fn one_role_is_printed() {
    let role = |args: &[&str]| check(&[&["rbac", "--snapshot", EXAMPLE], args].concat()).0;
    let all = role(&[]);
    assert_eq!(
        all.matches("kind: ClusterRole\nmetadata:").count(),
        1,
        "{all}"
    );
    assert!(all.contains("  - secrets\n"), "{all}");
    let fewer = role(&["--no-secrets"]);
    assert_eq!(
        fewer.matches("kind: ClusterRole\nmetadata:").count(),
        1,
        "{fewer}"
    );
    assert!(!fewer.contains("  - secrets\n"), "{fewer}");
}

#[test]
fn mistakes_are_answered_in_words() {
    for (args, code, says) in [
        (
            &["--max-in-flight", "0"][..],
            2,
            "expected a whole number from 1 to 64",
        ),
        (&["--chunk-size", "0"], 2, "expected a whole number from 1"),
        (
            &["--now", "soon"],
            2,
            "expected a time such as 2026-12-05T22:00:00Z",
        ),
        (
            &["--snapshot", "/nowhere/x"],
            1,
            "cannot be read: no such file or directory\n",
        ),
        (
            &["--waivers", "/nowhere/x"],
            1,
            "/nowhere/x: no such file or directory\n",
        ),
        (
            &[
                "--local",
                "--to",
                "1.25",
                "-f",
                "https://shop.example/x.yaml",
            ],
            1,
            "URLs are not read",
        ),
        (
            &["-l", "app=cart"],
            2,
            "tip: objects are not selected by labels",
        ),
        (
            &["--watch"],
            2,
            "tip: 'kubectl upgrade-watch' follows an upgrade",
        ),
        (
            &["-o", "jsonpath={.verdict}"],
            2,
            "tip: pipe '-o json' into jq",
        ),
        (
            &["--snapshot", EXAMPLE, "-n", "typo"],
            2,
            "the snapshot was not taken of this namespace alone",
        ),
    ] {
        let shown = error(args, code);
        assert!(shown.contains(says), "{says}: {shown}");
        assert!(!shown.contains("os error"), "{shown}");
    }
}

#[test]
fn a_far_target_is_one_line() {
    let (line, _) = verdict(&["--to", "1.99"]);
    assert!(line.contains(" → … 72 releases … → "), "{line}");
    let (line, _) = verdict(&["--to", "1.37"]);
    assert!(!line.contains('…'), "{line}");
}

/// Standard output of a plan of the example.
fn plan(args: &[&str]) -> String {
    text(&run_plan(&[&["--snapshot", EXAMPLE, "--to", "1.25"], args].concat()).stdout)
}

#[test]
fn a_plan_says_what_to_do_with_what() {
    let shown = plan(&[]);
    for says in [
        "Move horizontalpodautoscaler/shop/web to autoscaling/v2 ",
        "Fix podsecuritypolicy/restricted: PodSecurityPolicy is removed in 1.25; nothing replaces it ",
        "-> by-hand   Back up etcd, application objects and volumes",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    for format in ["wide", "markdown", "html", "json"] {
        let shown = plan(&["-o", format]);
        let between =
            "# now upgrade the kubelet of pool-b-1 to 1.24.17, or replace the machine; then:";
        let at = |text: &str| {
            shown
                .find(text)
                .unwrap_or_else(|| panic!("{format}: {text}"))
        };
        assert!(at("drain pool-b-1") < at(between), "{format}");
        assert!(at(between) < at("uncordon pool-b-1"), "{format}");
        assert!(shown.contains("pool-c-1 runs kubelet 1.22.17"), "{format}");
    }
}

#[test]
fn windows_are_in_their_own_time_zone() {
    let window = ["--window", "Sat 22:00-04:00 Europe/Berlin"];
    for format in ["table", "markdown", "html"] {
        let shown = plan(&[&window[..], &["-o", format]].concat());
        assert!(
            shown.contains("Sat 2026-12-05 22:00 CET"),
            "{format}: {shown}"
        );
    }
    assert!(plan(&[&window[..], &["-o", "json"]].concat()).contains("2026-12-05T21:00:00Z"));
}

/// `-k` checks what kubectl renders, and says so where kubectl fails.
#[cfg(unix)]
#[test]
fn a_kustomization_is_rendered_by_kubectl() {
    use std::os::unix::fs::PermissionsExt;

    let script = format!(
        "#!/bin/sh\ntest \"$2\" != broken || {{ echo no such >&2; exit 1; }}\ncat <<END\n{BUDGET}END\n"
    );
    let (directory, kubectl) = file("kubectl", &script.replace("policy/v1", "policy/v1beta1"));
    fs::set_permissions(kubectl, fs::Permissions::from_mode(0o755)).expect("an executable");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let run = |what: &str| {
        let mut program = program(directory.path());
        program.args(["--local", "--to", "1.25", "-k", what]);
        program.env("PATH", &path).output().expect("the program")
    };
    let rendered = run("overlay");
    let shown = text(&rendered.stdout);
    assert_eq!(rendered.status.code(), Some(3), "{shown}");
    assert!(
        shown.contains("poddisruptionbudget/shop/cart   kubectl kustomize"),
        "{shown}"
    );
    let broken = run("broken");
    assert_eq!(broken.status.code(), Some(1));
    let shown = text(&broken.stderr);
    assert!(
        shown.contains("-k broken: kubectl kustomize failed: no such"),
        "{shown}"
    );
}

#[test]
fn a_saved_snapshot_is_described() {
    let directory = tempfile::tempdir().expect("a directory");
    let saved = directory.path().join("shop.snapshot").display().to_string();
    let args = [
        "--snapshot",
        EXAMPLE,
        "--save-snapshot",
        &saved,
        "-o",
        "name",
    ];
    let shown = text(&run(&args).stderr);
    assert!(shown.contains(&format!("saved {saved} (")), "{shown}");
    assert!(shown.contains(" kB, 69 objects)\n"), "{shown}");
    assert!(!text(&run(&[&args[..], &["-q"]].concat()).stderr).contains("saved"));
}

/// Rules that inspect a cluster say nothing about manifests, so neither an answer nor a pass rests on them.
#[test]
fn rules_that_looked_at_nothing_are_no_answer() {
    let (_directory, path) = file("cart.yaml", BUDGET);
    let local = ["--local", "--to", "1.25", "-f", &path];
    let (shown, code) = check(&[&local[..], &["--only", "node-notready,cp-readyz"]].concat());
    assert_eq!(code, Some(4));
    assert!(shown.contains("they inspect a cluster"), "{shown}");
    let (shown, code) = check(&[&local[..], &["--only", "api-removed"]].concat());
    assert_eq!(code, Some(0), "{shown}");
    let (shown, _) = check(&[&local[..], &["--show-passed"]].concat());
    assert!(shown.contains("api-removed"), "{shown}");
    assert!(
        !shown.contains("node-notready") && !shown.contains("dkp-"),
        "{shown}"
    );
}

/// What `helm template 2>&1` leaves when it fails half-way.
#[test]
fn a_message_within_a_manifest_is_a_gap() {
    let glued = format!("{BUDGET}Error: Kubernetes cluster unreachable\n");
    let (_directory, path) = file("cart.yaml", &glued);
    let (shown, code) = check(&["--local", "--to", "1.25", "-f", &path]);
    assert_eq!(code, Some(4));
    assert!(shown.contains("a field \"Error\""), "{shown}");
    let data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cart}\ndata: {Error: none}\n";
    let (_directory, path) = file("cart.yaml", data);
    assert_eq!(check(&["--local", "--to", "1.25", "-f", &path]).1, Some(0));
}

/// Each file that has the object must change.
#[test]
fn an_object_in_two_files_names_both() {
    let (directory, path) = file("a.yaml", &BUDGET.replace("policy/v1", "policy/v1beta1"));
    fs::copy(&path, directory.path().join("b.yaml")).expect("a copy");
    let directory = directory.path().display().to_string();
    let (shown, code) = check(&["--local", "--to", "1.25", "-f", &directory]);
    assert_eq!(code, Some(3));
    assert!(
        shown.contains("a.yaml") && shown.contains("b.yaml"),
        "{shown}"
    );
}

/// What kustomize makes of it is another API than that of the base.
#[test]
fn a_patch_of_an_api_version_is_a_gap() {
    let (directory, _path) = file("cart.yaml", BUDGET);
    let kustomization = directory.path().join("kustomization.yaml");
    let patch = |path: &str, value: &str| {
        format!(
            "resources: [cart.yaml]\npatches:\n- target: {{kind: PodDisruptionBudget}}\n  patch: |-\n    - op: replace\n      path: {path}\n      value: {value}\n"
        )
    };
    let directory = directory.path().display().to_string();
    let arguments = ["--local", "--to", "1.29", "-f", &directory];
    fs::write(&kustomization, patch("/apiVersion", "policy/v1beta1")).expect("a file");
    let (shown, code) = check(&arguments);
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("changes apiVersion or kind"), "{shown}");
    fs::write(&kustomization, patch("/spec/minAvailable", "1")).expect("a file");
    assert_eq!(check(&arguments).1, Some(0));
}

/// The current directory is a tree like one with a name.
#[test]
fn sources_are_found_in_the_current_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let apps = directory.path().join("apps");
    fs::create_dir(&apps).expect("a directory");
    fs::write(
        directory.path().join("apps.yaml"),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {path: ./apps}\n",
    )
    .expect("a file");
    fs::write(
        apps.join("cart.yaml"),
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: cart}\n",
    )
    .expect("a file");
    let check = |path: &str| {
        let mut command = program(directory.path());
        let command = command.args(["--local", "--to", "1.29", "-f", path]);
        let output = command.current_dir(directory.path()).output();
        output.expect("a check").status.code()
    };
    assert_eq!((check("."), check("apps.yaml")), (Some(0), Some(4)));
}
