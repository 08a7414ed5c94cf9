//! Every command of the pages: ours are parsed by the real command line, those on examples run, others are listed.

use std::fs;

use clap::{CommandFactory, Parser};
use kubectl_upgrade::cli::{CheckCommand, PlanCommand, WatchCommand};

use crate::golden;
use crate::program::{EXAMPLE, plan_program, program, run, run_plan, text};

/// Pages that people write; the others are made from the code.
const PAGES: [&str; 13] = [
    "README.md",
    "docs/architecture.md",
    "docs/check.md",
    "docs/facts.md",
    "docs/fleet.md",
    "docs/install.md",
    "docs/neighbors.md",
    "docs/pipelines.md",
    "docs/plan.md",
    "docs/platforms.md",
    "docs/redaction.md",
    "docs/release.md",
    "docs/watch.md",
];

/// Commands that no test runs, by how they begin, and why.
const OTHERS: [(&str, &str); 15] = [
    ("make install", "tests/fast/install.rs, elsewhere"),
    ("make uninstall", "tests/fast/install.rs, elsewhere"),
    ("make control-plane", "make test begins with it"),
    (
        "make release",
        "takes minutes; tests/real/krew packs what it packs",
    ),
    ("kubectl krew", "tests/real/krew, with an index of its own"),
    ("cargo test", "a test"),
    ("UPDATE=1 cargo test", "a test"),
    ("docker run", "the image is built where a release is"),
    ("ln -s", "tests/real/krew, elsewhere"),
    (
        "source <(kubectl upgrade-check completion",
        "tests/real/krew",
    ),
    ("BASE_URL=", "tests/fast/krew.rs, with a mirror of its own"),
    (
        "helm template ./chart",
        "the chart stands for one of the reader's",
    ),
    ("git -C", "git's own"),
    ("kubectl apply -f -", "kubectl's own"),
    ("xargs -L1 kubectl get", "kubectl's own"),
];

/// The commands of a page, without comments.
fn commands(page: &str) -> Vec<String> {
    let page = fs::read_to_string(golden::in_repository(page)).expect("the page");
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect()
}

/// The words of a command, without quotes, redirections and comments.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in command.chars() {
        let last = words.last_mut().expect("a word");
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (' ', None) => words.push(String::new()),
            _ => last.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    let end = words.iter().position(|word| word == ">" || word == "#");
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// Whether one of our programs takes these words, named as kubectl names them.
fn parse(words: &[String]) -> Option<Result<(), clap::Error>> {
    let plugin = words.get(1).filter(|_| words[0] == "kubectl")?;
    let words = &words[1..];
    Some(match plugin.as_str() {
        "upgrade-check" => CheckCommand::try_parse_from(words).map(|_| ()),
        "upgrade-plan" => PlanCommand::try_parse_from(words).map(|_| ()),
        "upgrade-watch" => WatchCommand::try_parse_from(words).map(|_| ()),
        _ => return None,
    })
}

/// `cargo run --bin kubectl-upgrade-plan -- ARGS` as kubectl runs it.
fn as_plugin(command: &str) -> String {
    let Some(rest) = command.strip_prefix("cargo run") else {
        return command.to_owned();
    };
    let (bin, args) = rest.split_once(" -- ").expect("arguments");
    let plugin = bin.trim().strip_prefix("--bin kubectl-");
    format!("kubectl {} {args}", plugin.unwrap_or("upgrade-check"))
}

#[test]
fn every_command_of_the_pages_is_a_valid_one() {
    let mut tested = 0;
    for page in PAGES {
        for command in commands(page) {
            for part in as_plugin(&command).split(" | ") {
                let words = words(part);
                match parse(&words) {
                    Some(Ok(())) => tested += 1,
                    Some(Err(error)) => panic!("{page}: {command}: {error}"),
                    None => assert!(
                        OTHERS.iter().any(|(other, _)| part.starts_with(other)),
                        "{page}: no test knows {command:?}"
                    ),
                }
            }
        }
    }
    assert!(tested > 40, "{tested}");
}

/// Each command on an example runs and answers.
#[test]
fn every_command_on_an_example_answers() {
    let mut ran = 0;
    for command in PAGES.into_iter().flat_map(commands) {
        let words = words(&as_plugin(&command));
        let is_example = words.iter().any(|word| word.starts_with("examples/"));
        let args: Vec<&str> = words.iter().skip(2).map(String::as_str).collect();
        let output = match words[1].as_str() {
            "upgrade-check" if is_example => run(&args),
            "upgrade-plan" if is_example => run_plan(&args),
            _ => continue,
        };
        ran += 1;
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 3 | 4)),
            "{command}: {}",
            text(&output.stderr)
        );
        assert!(!output.stdout.is_empty(), "{command}");
    }
    assert!(ran >= 4, "{ran}");
}

/// Each command for a cluster runs on that of the example, with the files that the pages name.
#[test]
fn every_command_answers_on_the_example() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: cart}\n";
    let waivers = "apiVersion: kubectl-upgrade/v1\nkind: Waivers\nwaivers: []\n";
    let platforms = ["kyma", "dkp"];
    let example = |words: &[String]| {
        let targets = |platform: &&&str| {
            let prefix = format!("{platform}=");
            words.iter().any(|word| word.starts_with(&prefix))
        };
        let platform = platforms.iter().find(targets).unwrap_or(&"shop");
        golden::in_repository(&format!("examples/{platform}.snapshot"))
    };
    fs::create_dir(path("deploy")).expect("a directory");
    fs::write(path("deploy/cart.yaml"), budget).expect("a file");
    fs::write(path("waivers.yaml"), waivers).expect("a file");
    let node = r#"{"pool": null, "passes": [{"seconds": 60}]}"#;
    let measured = format!(
        r#"{{"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradeSummary", "cluster": "test", "goal": "1.24", "outcome": "finished",
        "span": {{"endedAt": "2026-11-29T03:00:00Z"}}, "phases": [], "pools": [], "nodes": [{node}, {node}, {node}]}}"#
    );
    fs::write(path("last.json"), measured).expect("a file");
    fs::copy(example(&[]), path("shop.snapshot")).expect("a copy");
    let report = run(&["--snapshot", EXAMPLE, "-o", "json"]).stdout;
    fs::write(path("yesterday.json"), report).expect("a file");
    // Several clusters are of tests/real/fleet, a kustomization needs kubectl, and durations an upgrade.
    let elsewhere = [
        "--context",
        "--contexts",
        "--clusters",
        "-k",
        "completion",
        "--durations",
    ];
    let mut ran = 0;
    for command in PAGES.into_iter().flat_map(commands) {
        let words = words(command.split(" | ").next().unwrap_or_default());
        let is_elsewhere = |word: &String| elsewhere.contains(&word.as_str());
        if words[0] != "kubectl" || words.iter().any(is_elsewhere) {
            continue;
        }
        let mut program = match words[1].as_str() {
            "upgrade-check" => program(directory.path()),
            "upgrade-plan" => plan_program(directory.path()),
            _ => continue,
        };
        let of_no_cluster = ["--local", "--snapshot", "rules", "explain", "catalog"];
        let reads = |word: &String| of_no_cluster.contains(&word.as_str());
        program.current_dir(directory.path()).args(&words[2..]);
        if !words.iter().any(reads) {
            program.arg("--snapshot").arg(example(&words));
        }
        let output = program.output().expect("the program runs");
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 3 | 4)) && !output.stdout.is_empty(),
            "{command}: {code:?} {}",
            text(&output.stderr)
        );
        ran += 1;
    }
    assert!(ran > 30, "{ran}");
}

/// Every block of output says which test made it.
#[test]
fn every_output_of_the_pages_is_compared() {
    for page in PAGES {
        let whole = fs::read_to_string(golden::in_repository(page)).expect("the page");
        let mut before = "";
        for part in whole.split("```text\n") {
            let is_first = part.as_ptr() == whole.as_ptr();
            assert!(
                is_first
                    || before
                        .trim_end()
                        .ends_with("`UPDATE=1 cargo test --test fast`. -->"),
                "{page}: an output that no test makes: {part:.60}"
            );
            before = part;
        }
    }
}

/// The commands have no flag that two of them mean differently.
#[test]
fn short_flags_mean_the_same_everywhere() {
    let flags = |command: clap::Command| -> Vec<(char, String)> {
        let args = command.get_arguments();
        args.filter_map(|arg| Some((arg.get_short()?, arg.get_long()?.to_owned())))
            .collect()
    };
    let [check, plan, watch] = [
        CheckCommand::command(),
        PlanCommand::command(),
        WatchCommand::command(),
    ]
    .map(flags);
    for (short, long) in plan.iter().chain(&watch) {
        let other = check.iter().find(|(letter, _)| letter == short);
        assert!(
            other.is_none_or(|(_, name)| name == long),
            "-{short} --{long}"
        );
    }
}
