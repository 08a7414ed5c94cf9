//! Plans in every format: golden files to be read by people, and the schema.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::check::{CheckContext, Policy, evaluate};
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{PlanOptions, build};
use kubectl_upgrade::report::{
    OutputFormat, RenderOptions, UPGRADE_PLAN_SCHEMA, UPGRADE_REPORT_SCHEMA, UpgradePlan,
    render_plan,
};
use kubectl_upgrade::snapshot::{Snapshot, load};
use serde_json::Value;

use crate::command::{EXAMPLE, plan_program, text};
use crate::fixture::{Fixture, rules};
use crate::golden;

const FOLDER: &str = "tests/fixtures/plan-formats";

fn document(
    snapshot: &Snapshot,
    path: &UpgradePath,
    catalog: &Catalog,
    wishes: &PlanOptions,
) -> UpgradePlan {
    let situation = CheckContext::new(snapshot, catalog, path, snapshot.taken_at);
    let judgement = evaluate(&situation, rules(), &Policy::default());
    UpgradePlan::new(&situation, &build(&situation, &judgement, wishes))
}

/// The recorded shop, on its way over two hops.
pub(crate) fn shop() -> UpgradePlan {
    shop_to("1.26")
}

fn shop_to(minor: &str) -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = load(&golden::in_repository(EXAMPLE)).expect("the example");
    let survey = &snapshot.clusters[0].discovery;
    let to = format!("kubernetes={minor}").parse().expect("a target");
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[to], &catalog)
        .expect("a path");
    document(&snapshot, &path, &catalog, &PlanOptions::default())
}

/// A cluster in the middle of a hop, with windows.
pub(crate) fn half_way() -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = Fixture::load(&golden::in_repository(&format!("{FOLDER}/half-way.yaml")));
    let path = fixture.path(&catalog);
    let window = "Sat 22:00-04:00 Europe/Berlin";
    let wishes = PlanOptions {
        windows: vec![window.parse().expect("a window")],
        parallel: Some(2),
        ..PlanOptions::default()
    };
    document(&fixture.snapshot(&catalog, &path), &path, &catalog, &wishes)
}

pub(crate) fn shown(format: OutputFormat, plan: &UpgradePlan) -> String {
    render_plan(format, plan, &RenderOptions::default()).expect("a plan")
}

pub(crate) fn at(width: usize, plan: &UpgradePlan) -> String {
    let look = RenderOptions {
        width: Some(width),
        ..RenderOptions::default()
    };
    render_plan(OutputFormat::Table, plan, &look).expect("a plan")
}

#[test]
fn plans_read_well_at_80_and_200_columns() {
    for (name, plan) in [("shop-to-1.26", shop()), ("half-way", half_way())] {
        for width in [80, 200] {
            golden::compare(&format!("{FOLDER}/{name}.{width}.txt"), &at(width, &plan));
        }
    }
}

#[test]
fn plans_in_every_format() {
    for (name, plan) in [("shop-to-1.26", shop()), ("half-way", half_way())] {
        for (format, ending) in [
            (OutputFormat::Table, "txt"),
            (OutputFormat::Wide, "wide.txt"),
            (OutputFormat::Json, "json"),
            (OutputFormat::Markdown, "md"),
            (OutputFormat::Html, "html"),
        ] {
            let told = shown(format, &plan);
            golden::compare(&format!("{FOLDER}/{name}.{ending}"), &told);
        }
    }
}

#[test]
fn a_pipe_gets_a_line_for_each_fold() {
    let told = shown(OutputFormat::Table, &half_way());
    let done = told.lines().find(|line| line.contains("5 of 12 nodes"));
    let done = done.expect("the nodes that are done");
    assert!(
        done.contains("done") && done.contains("pool-a: a-01 a-02 a-03 a-04 ..."),
        "{told}"
    );
    assert_eq!(told.matches("-> ").count(), 1, "{told}");
    let bare = RenderOptions {
        show_headers: false,
        ..RenderOptions::default()
    };
    let told = render_plan(OutputFormat::Table, &half_way(), &bare).expect("a plan");
    assert!(
        !told.contains("STATE") && !told.contains(" → 1.25.16\n"),
        "{told}"
    );
}

/// The program, as it is called.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().expect("a folder");
    let output = plan_program(home.path()).args(args).output();
    let output = output.expect("the program runs");
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_program_prints_the_same_plan_each_time() {
    for format in ["table", "wide", "json", "yaml", "name", "markdown", "html"] {
        let args = ["--snapshot", EXAMPLE, "--to", "1.26", "-o", format];
        let (code, first, stderr) = run(&args);
        assert_eq!(code, Some(4), "plan made with gaps: {stderr}");
        assert_eq!(first, run(&args).1, "{format} is byte-identical");
        assert!(
            first.ends_with('\n') && !first.ends_with("\n\n"),
            "{format}: {first}"
        );
    }
    let (_, table, _) = run(&["--snapshot", EXAMPLE, "--to", "1.26", "--color", "always"]);
    assert!(table.contains("\u{1b}[31;1mblocked"), "{table}");
}

/// A file for a change request is never empty: where nothing leads to the target, it says so.
#[test]
fn without_a_path_a_page_says_what_is_missing() {
    let args = [
        "--local",
        "--from",
        "dkp=2.2.2",
        "--from",
        "kubernetes=1.23.7",
        "--to",
        "dkp=2.3.0",
        "--now",
        "2026-11-21T12:00:00Z",
        "-o",
    ];
    for (format, ending) in [("markdown", "md"), ("html", "html")] {
        let (code, stdout, stderr) = run(&[&args[..], &[format]].concat());
        assert_eq!(code, Some(3), "{stderr}");
        let why = stderr.trim_end().strip_prefix("error: ").expect("an error");
        assert!(why.contains("nearest reachable release"), "{stderr}");
        golden::compare(&format!("{FOLDER}/no-path.{ending}"), &stdout);
    }
    // On a terminal the error says it, and there is no id to name.
    for format in ["table", "wide", "name"] {
        let (code, stdout, stderr) = run(&[&args[..], &[format]].concat());
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
    }
}

#[test]
fn plans_fit_their_schema() {
    let schema: Value = serde_json::from_str(UPGRADE_PLAN_SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let fits = |what: &str, document: &Value| {
        let errors = validator.iter_errors(document);
        let errors: Vec<String> = errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{what}");
    };
    for (what, plan) in [("the shop", shop()), ("half-way", half_way())] {
        fits(what, &serde_json::to_value(&plan).expect("a value"));
    }
    for (args, code) in [
        (
            &[
                "--local",
                "--from",
                "kubernetes=1.16",
                "--to",
                "kubernetes=1.37",
            ][..],
            0,
        ),
        (&["--local", "--from", "kyma=1.10", "--to", "kyma=1.14"], 0),
        (&["--snapshot", EXAMPLE, "--to", "2.0"], 3),
    ] {
        let (told, stdout, stderr) = run(&[args, &["-o", "json"]].concat());
        assert_eq!(told, Some(code), "{args:?}: {stderr}");
        fits(
            &format!("{args:?}"),
            &serde_json::from_str(&stdout).expect("JSON"),
        );
    }
    // Near misses.
    let mut plan = serde_json::to_value(shop()).expect("a value");
    plan["steps"][0]["state"] = "finished".into();
    assert!(!validator.is_valid(&plan));
    let mut plan = serde_json::to_value(shop()).expect("a value");
    plan["summary"]
        .as_object_mut()
        .expect("a map")
        .remove("noWindow");
    assert!(!validator.is_valid(&plan));
}

#[test]
fn what_both_schemas_define_is_the_same() {
    let defs = |schema: &str| -> serde_json::Map<String, Value> {
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        schema["$defs"].as_object().expect("definitions").clone()
    };
    let (plan, report) = (defs(UPGRADE_PLAN_SCHEMA), defs(UPGRADE_REPORT_SCHEMA));
    let mut shared = 0;
    for (name, definition) in plan.iter().filter(|(name, _)| *name != "summary") {
        if let Some(other) = report.get(name) {
            assert_eq!(definition, other, "{name}");
            shared += 1;
        }
    }
    assert!(shared > 10, "{shared}");
}

/// The README shows the plan of the example, as a terminal of 100 columns does.
#[test]
fn the_readme_shows_a_plan() {
    let told = at(100, &shop_to("1.25"));
    let (tree, _) = told
        .split_once("\nIn the way\n")
        .expect("what is in the way");
    golden::shown("README.md", "The plan of the example", tree);
}

#[test]
fn the_golden_files_are_all_looked_at() {
    assert_eq!(golden::names(FOLDER).len(), 1 + 2 * 7 + 2);
}
