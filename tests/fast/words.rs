//! Words that a user reads: findings are sentences, and errors have none of the words of libraries.

use std::fs;
use std::path::Path;

use crate::cluster::rules;
use crate::program::{EXAMPLE, run, run_plan, text};

/// Standard output and standard error of a check.
fn check(args: &[&str]) -> (String, String) {
    let output = run(args);
    (text(&output.stdout), text(&output.stderr))
}

/// Standard error of a check that must fail.
#[track_caller]
fn error(args: &[&str]) -> String {
    let (stdout, stderr) = check(args);
    assert_eq!(stdout, "", "{args:?}");
    stderr
}

/// All golden files below a directory.
fn golden_texts(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            None if path.is_dir() => golden_texts(&path, found),
            Some("txt") => found.push(fs::read_to_string(path).expect("a text")),
            _ => {}
        }
    }
}

/// Whether a message has no subject: `selects no pods`, `is not ready`, `1 node not ready`.
fn is_fragment(message: &str) -> bool {
    // Nouns, which look like verbs.
    const NOUNS: [&str; 7] = [
        "pods", "its", "kubelets", "calls", "writes", "requests", "nodes",
    ];
    const VERBS: [&str; 7] = ["can", "cannot", "may", "will", "must", "failed", "needs"];
    let first = message.split(' ').next().unwrap_or_default();
    let is_word = first.chars().all(|letter| letter.is_ascii_lowercase());
    let looks_like_verb = first.ends_with('s') && !NOUNS.contains(&first);
    is_word && (looks_like_verb || VERBS.contains(&first))
}

#[test]
fn messages_of_findings_are_sentences() {
    for (message, fragment) in [
        ("selects no pods", true),
        ("is not valid", true),
        ("will refuse every eviction", true),
        ("its next upgrade is refused", false),
        ("policy/v1beta1 is removed in 1.25", false),
        ("writes wait for it", false),
    ] {
        assert_eq!(is_fragment(message), fragment, "{message}");
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut texts = Vec::new();
    golden_texts(&fixtures, &mut texts);
    let mut seen = 0;
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Some((id, message)) = line.split_once(": ") else {
            continue;
        };
        if rules().iter().any(|rule| rule.id == id) {
            // With several clusters, the name of one comes first.
            let message = message
                .split_once(": ")
                .map_or(message, |(cluster, rest)| match cluster.contains(' ') {
                    true => message,
                    false => rest,
                });
            assert!(!is_fragment(message), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn errors_have_no_words_of_libraries() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let snapshot = fs::read(EXAMPLE).expect("the example");
    let cut = file("cut.snapshot", &snapshot[..snapshot.len() / 2]);
    let plain = file("notes.txt", b"hello\n");
    let open = file("open.json", b"{\"apiVersion\":");
    let empty = file("empty", b"");
    let other = file(
        "other.yaml",
        b"apiVersion: kubectl-upgrade/v1\nkind: UpgradeWaivers\nwaivers: []\n",
    );
    let list = file(
        "list.yaml",
        b"apiVersion: kubectl-upgrade/v1\nkind: Waivers\nwaivers: none\n",
    );
    for (args, says) in [
        (
            &["--snapshot", &plain][..],
            "is not a snapshot of kubectl upgrade-check: make one with --save-snapshot",
        ),
        (
            &["--snapshot", &cut],
            "is damaged or was cut off: it ends too early; save it again",
        ),
        (
            &["--snapshot", EXAMPLE, "--baseline", &plain],
            "it is not JSON (line 1, column 1)",
        ),
        (
            &["--snapshot", EXAMPLE, "--baseline", &open],
            "it ends too early (line 1, column 14)",
        ),
        (
            &["--snapshot", EXAMPLE, "--baseline", &empty],
            "as -o json prints it: it is empty",
        ),
        (
            &["--snapshot", EXAMPLE, "--waivers", &plain],
            "expected a mapping (line 1, column 1)",
        ),
        (
            &["--snapshot", EXAMPLE, "--waivers", &list],
            "expected a list (line 3, column 10)",
        ),
        (
            &["--snapshot", EXAMPLE, "--waivers", &other],
            "expected kind Waivers of kubectl-upgrade/v1, found kind UpgradeWaivers of kubectl-upgrade/v1",
        ),
        (
            &["--kubeconfig", &plain],
            "cannot be parsed: expected a mapping",
        ),
        (&["-v", "x"], "expected a whole number from 0 to 255"),
        (
            &["--context", "shop", "rules"],
            "flags of 'rules' follow it: ",
        ),
    ] {
        let shown = error(args);
        assert!(shown.contains(says), "{says}: {shown}");
        for word in [
            "EOF",
            "deflate",
            "gzip",
            "Option<",
            "`",
            "os error",
            "digit found",
        ] {
            assert!(!shown.contains(word), "{word}: {shown}");
        }
    }
}

/// What would choose a cluster is refused where none is read.
#[test]
fn flags_of_a_cluster_are_refused_without_one() {
    let local = ["--local", "--to", "1.25", "-f", "examples"];
    for flags in [
        &["-n", "shop"][..],
        &["--context", "shop"],
        &["--server", "https://shop.example"],
        &["--as", "cart"],
    ] {
        let shown = error(&[&local, flags].concat());
        assert!(shown.contains("'--local' cannot be used with"), "{shown}");
    }
    let shown = error(&["--snapshot", EXAMPLE, "--context", "shop"]);
    assert!(shown.contains("cannot be used with '--context"), "{shown}");
    // They may be in every call of a wrapper, and change nothing.
    let (shown, _) = check(&["--snapshot", EXAMPLE, "--kubeconfig", "none", "-A"]);
    assert!(shown.contains("blocked: "), "{shown}");
}

#[test]
fn a_rule_is_explained_for_one_kind() {
    let explain = |args: &[&str]| check(&[&["explain"], args].concat());
    let (shown, _) = explain(&["api-removed", "ingress"]);
    let says = "Ingress of extensions/v1beta1 is removed in 1.22; use networking.k8s.io/v1\n";
    assert!(shown.contains(says), "{shown}");
    assert!(
        shown.contains("spec.rules[].http.paths[].pathType is required"),
        "{shown}"
    );
    assert!(!shown.contains("FlowSchema"), "{shown}");
    let (shown, _) = explain(&["api-removed", "deployments"]);
    assert!(
        shown.contains("Deployment of extensions/v1beta1"),
        "{shown}"
    );
    for args in [["api-removed", "Cart"], ["pdb-zero", "Ingress"]] {
        let (_, shown) = explain(&args);
        let says = format!("{} has nothing to say of kind {} alone", args[0], args[1]);
        assert!(shown.contains(&says), "{shown}");
    }
    // The remedy of a finding names the command that lists all of its fields.
    let (shown, _) = check(&["--snapshot", EXAMPLE]);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("'kubectl upgrade-check explain api-removed HorizontalPodAutoscaler'"),
        "{shown}"
    );
}

/// A summary has what the table has of the baseline, waivers and remarks.
#[test]
fn a_summary_marks_what_is_new_and_known() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("report.json");
    let (report, _) = check(&["--snapshot", EXAMPLE, "-o", "json", "--skip", "psp-present"]);
    fs::write(&path, report).expect("a file");
    let baseline = path.display().to_string();
    let waivers = directory.path().join("waivers.yaml");
    let waiver = |rule: &str, objects: &str| {
        format!(
            "- {{rule: {rule}, objects: [\"{objects}\"], owner: shop, reason: later, expires: 2999-12-31}}\n"
        )
    };
    let head = "apiVersion: kubectl-upgrade/v1\nkind: Waivers\nwaivers:\n";
    let lines = waiver("pdb-nomatch", "*") + &waiver("api-removed", "cart/*");
    fs::write(&waivers, head.to_owned() + &lines).expect("a file");
    let waivers = waivers.display().to_string();
    let (shown, _) = check(&[
        "--snapshot",
        EXAMPLE,
        "-q",
        "-o",
        "summary",
        "--baseline",
        &baseline,
        "--waivers",
        &waivers,
    ]);
    for says in [
        "blocker (new)   psp-present   1 ",
        "Known from the baseline: 4 blockers, 1 warning, 2 notes; -o wide lists them\n",
        "the waiver of api-removed for cart/* by shop matches no finding",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    assert!(!shown.contains("node-mixed"), "{shown}");
    // A star alone is every object.
    assert!(!shown.contains("waiver of pdb-nomatch"), "{shown}");
}

/// A rule is a test case; what fails the run is a failure, and a gap an error.
#[test]
fn junit_has_a_case_for_each_rule() {
    let junit = |args: &[&str]| {
        let output = run(&[&["-q", "-o", "junit"], args].concat());
        (text(&output.stdout), output.status.code())
    };
    let (shown, code) = junit(&["--snapshot", EXAMPLE, "--fail-on", "warning"]);
    assert_eq!(code, Some(3));
    for says in [
        " failures=\"4\" errors=\"0\">\n",
        "name=\"k8s-eol\"><failure message=\"warning: Kubernetes 1.24 has been out of upstream support since 2023-07-28\">",
        "name=\"pdb-nomatch\"></testcase>\n",
        "  cronjob/shop/cart-nightly   helm release shop/cart v1 on 2026-11-30\n",
        "timestamp=\"2026-11-30T07:56:53Z\"",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    assert_eq!(shown.matches("<failure ").count(), 4, "one in each case");
    let (shown, _) = junit(&["--snapshot", EXAMPLE, "--fail-on", "never"]);
    assert!(shown.contains("failures=\"0\" errors=\"0\""), "{shown}");
    // Names of objects are text.
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.yaml");
    let odd = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: \"]]><x a=\\\"&\\u0007\"}\n---\nkind: Pod\n";
    fs::write(&path, odd).expect("a file");
    let path = path.display().to_string();
    let (shown, _) = junit(&["--local", "--to", "1.25", "-f", &path]);
    assert!(
        shown.contains("poddisruptionbudget/]]&gt;&lt;x a=&quot;&amp;^G"),
        "{shown}"
    );
    assert!(shown.contains("<error message=\""), "{shown}");
}

/// The last line of a plan says that it cannot be carried out yet.
#[test]
fn the_last_line_of_a_plan_says_that_it_is_blocked() {
    let plan = |args: &[&str]| {
        let shown = text(&run_plan(args).stdout);
        shown.lines().last().unwrap_or_default().to_owned()
    };
    let line = plan(&["--snapshot", EXAMPLE]);
    assert!(
        line.contains(", 2 done; 2 blocked by 5 findings; time left: "),
        "{line}"
    );
    let line = plan(&["--local", "--from", "1.24", "--to", "1.25"]);
    assert!(!line.contains("blocked"), "{line}");
}

/// A line of several nodes says why each is in it.
#[test]
fn a_step_of_several_nodes_says_why() {
    let shown = text(&run_plan(&["--snapshot", EXAMPLE]).stdout);
    let says = "pool-b-1: runs kubelet 1.23.17 · pool-c-1: runs kubelet 1.22.17\n";
    assert_eq!(shown.matches(says).count(), 1, "{shown}");
}

/// What makes a cluster follows from the platform on the path.
#[test]
fn a_plan_of_dkp_without_a_cluster_has_the_steps_of_konvoy() {
    let plan = |from: &str, to: &str| {
        let args = ["--local", "--from", from, "--to", to, "-o", "wide"];
        text(&run_plan(&args).stdout)
    };
    let shown = plan("dkp=2.1.1", "dkp=2.3");
    assert!(shown.contains("dkp update controlplane"), "{shown}");
    assert!(!shown.contains("kubeadm upgrade"), "{shown}");
    assert!(!plan("1.21", "1.22").contains("dkp update"));
}
