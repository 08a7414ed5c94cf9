//! Plans in every format: what a pipe gets, and the schema.

use kubectl_upgrade::api::v1::{
    StepStateDoc, UPGRADE_PLAN_SCHEMA, UPGRADE_REPORT_SCHEMA, UpgradePlan,
};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_plan};
use serde_json::Value;

use crate::document::{half_way, plan_in, shop_plan};
use crate::program::{EXAMPLE, plan_without_a_path, run_plan, text};

#[test]
fn a_pipe_gets_a_line_for_each_fold() {
    let told = plan_in(OutputFormat::Table, &half_way());
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

#[test]
fn what_is_blocked_is_red_where_colour_is_asked_for() {
    let output = run_plan(&["--snapshot", EXAMPLE, "--to", "1.26", "--color", "always"]);
    let table = text(&output.stdout);
    assert!(table.contains("\u{1b}[31;1mblocked"), "{table}");
}

/// The error says it, and there is no id to name.
#[test]
fn without_a_path_a_terminal_gets_nothing_but_the_error() {
    for format in ["table", "wide", "name"] {
        let output = plan_without_a_path(format);
        let told = (output.status.code(), text(&output.stdout));
        assert_eq!(told, (Some(3), String::new()), "{}", text(&output.stderr));
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
    for (what, plan) in [("the shop", shop_plan("1.26")), ("half-way", half_way())] {
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
        (
            &[
                "--local",
                "--from",
                "dkp=2.2.2",
                "--from",
                "kubernetes=1.23.7",
                "--to",
                "dkp=2.3.0",
            ],
            3,
        ),
    ] {
        let output = run_plan(&[args, &["-o", "json"]].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        fits(
            &format!("{args:?}"),
            &serde_json::from_slice(&output.stdout).expect("JSON"),
        );
    }
    // Near misses.
    let mut plan = serde_json::to_value(shop_plan("1.26")).expect("a value");
    plan["steps"][0]["state"] = "finished".into();
    assert!(!validator.is_valid(&plan));
    let mut plan = serde_json::to_value(shop_plan("1.26")).expect("a value");
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
    let of_both = plan
        .iter()
        .filter(|(name, _)| *name != "summary" && report.contains_key(*name));
    let of_both: Vec<_> = of_both.collect();
    assert!(!of_both.is_empty());
    for (name, definition) in of_both {
        assert_eq!(definition, &report[name], "{name}");
    }
}

/// However large a plan is, its Markdown can be put into a comment, and is cut between two items.
#[test]
fn the_markdown_of_a_large_plan_fits_a_comment() {
    let mut plan = shop_plan("1.26");
    let step = plan.steps.iter().find(|step| step.scope.pool.is_some());
    let step = step.expect("a step of a node").clone();
    for at in 0..3000 {
        let mut step = step.clone();
        step.id = format!("{}-{at}", step.id);
        step.scope.name = format!("node-{at}");
        plan.steps.push(step);
    }
    let look = RenderOptions::default();
    let text = render_plan(OutputFormat::Markdown, &plan, &look).expect("a plan");
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(
        text.contains("more; `-o html` and `-o json` have all"),
        "{text}"
    );
    assert!(text.contains("## Sign-off"), "it was shortened, not cut");
    let html = render_plan(OutputFormat::Html, &plan, &look).expect("a plan");
    assert!(html.contains("node-2999"), "a page has every node");
    // Titles alone are too long.
    for at in 0..3000 {
        let mut step = step.clone();
        step.id = format!("{at}");
        step.shared.action = format!("{at}");
        plan.steps.push(step);
    }
    let text = render_plan(OutputFormat::Markdown, &plan, &look).expect("a plan");
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("**Cut here: "), "{text}");
    assert_eq!(text.matches("```").count() % 2, 0, "no block stays open");
}

/// The arrow is at what nobody can see as long as nothing shows that it was done.
#[test]
fn the_next_step_may_be_one_by_hand() {
    let marked = |plan: &UpgradePlan| -> String {
        let text = render_plan(OutputFormat::Table, plan, &RenderOptions::default());
        let text = text.expect("a plan");
        let line = text.lines().find(|line| line.starts_with("->"));
        line.expect("an arrow").to_owned()
    };
    let mut plan = shop_plan("1.25");
    assert!(marked(&plan).contains("Back up etcd"), "{}", marked(&plan));
    // The control plane cannot be taken back: the backup is past.
    let irreversible = plan.steps.iter_mut().find(|step| !step.reversible);
    let irreversible = irreversible.expect("the control plane");
    irreversible.state = StepStateDoc::Done;
    irreversible.evidence.clear();
    assert!(marked(&plan).contains("Back up etcd"), "nothing shows it");
    let irreversible = plan.steps.iter_mut().find(|step| !step.reversible);
    let irreversible = irreversible.expect("the control plane");
    irreversible.evidence = vec!["the API server runs 1.25.16".to_owned()];
    assert!(!marked(&plan).contains("Back up etcd"), "{}", marked(&plan));
    // Somebody is at work on a later step.
    let mut plan = shop_plan("1.25");
    let last = plan
        .steps
        .iter()
        .rposition(|step| step.state == StepStateDoc::Todo);
    plan.steps[last.expect("a step to do")].state = StepStateDoc::InProgress;
    assert!(!marked(&plan).contains("Back up etcd"), "{}", marked(&plan));
}
