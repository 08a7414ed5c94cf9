//! Plans in every format: golden files to be read by people, the schema, and strings that would do something.

use std::fs;
use std::sync::OnceLock;

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::check::{Gap, Policy, Situation, judge};
use kubectl_upgrade::path::Path;
use kubectl_upgrade::plan::{Wishes, plan};
use kubectl_upgrade::report::{
    Format, Look, Styles, UPGRADE_PLAN_SCHEMA, UPGRADE_REPORT_SCHEMA, UpgradePlan, render_plan,
    terminal,
};
use kubectl_upgrade::snapshot::{Snapshot, load};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use crate::command::{EXAMPLE, plan_program, text};
use crate::fixture::{Fixture, rules};
use crate::golden;

const FOLDER: &str = "tests/fixtures/plans";

const FORMATS: [Format; 7] = [
    Format::Table,
    Format::Wide,
    Format::Json,
    Format::Yaml,
    Format::Name,
    Format::Markdown,
    Format::Html,
];

fn document(snapshot: &Snapshot, path: &Path, catalog: &Catalog, wishes: &Wishes) -> UpgradePlan {
    let situation = Situation::new(snapshot, catalog, path, snapshot.taken_at);
    let judgement = judge(&situation, rules(), &Policy::default());
    UpgradePlan::new(&situation, &plan(&situation, &judgement, wishes))
}

/// The recorded shop, on its way over two hops.
fn shop() -> UpgradePlan {
    shop_to("1.26")
}

fn shop_to(minor: &str) -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = load(&golden::in_repository(EXAMPLE)).expect("the example");
    let survey = &snapshot.clusters[0].survey;
    let to = format!("kubernetes={minor}").parse().expect("a target");
    let path = Path::find(Some(&survey.git_version), None, &[to], &catalog).expect("a path");
    document(&snapshot, &path, &catalog, &Wishes::default())
}

/// A cluster in the middle of a hop, with windows.
fn half_way() -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = Fixture::load(&golden::in_repository(&format!("{FOLDER}/half-way.yaml")));
    let path = fixture.path(&catalog);
    let window = "Sat 22:00-04:00 Europe/Berlin";
    let wishes = Wishes {
        windows: vec![window.parse().expect("a window")],
        parallel: Some(2),
        ..Wishes::default()
    };
    document(&fixture.snapshot(&catalog, &path), &path, &catalog, &wishes)
}

fn shown(format: Format, plan: &UpgradePlan) -> String {
    render_plan(format, plan, &Look::default()).expect("a plan")
}

fn at(width: usize, plan: &UpgradePlan) -> String {
    let look = Look {
        width: Some(width),
        ..Look::default()
    };
    render_plan(Format::Table, plan, &look).expect("a plan")
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
            (Format::Table, "txt"),
            (Format::Wide, "wide.txt"),
            (Format::Json, "json"),
            (Format::Markdown, "md"),
            (Format::Html, "html"),
        ] {
            let told = shown(format, &plan);
            golden::compare(&format!("{FOLDER}/{name}.{ending}"), &told);
        }
    }
}

#[test]
fn a_pipe_gets_a_line_for_each_fold() {
    let told = shown(Format::Table, &half_way());
    let done = told.lines().find(|line| line.contains("5 of 12 nodes"));
    let done = done.expect("the nodes that are done");
    assert!(
        done.contains("done") && done.contains("pool-a: a-01 a-02 a-03 a-04 ..."),
        "{told}"
    );
    assert_eq!(told.matches("-> ").count(), 1, "{told}");
    let bare = Look {
        headers: false,
        ..Look::default()
    };
    let told = render_plan(Format::Table, &half_way(), &bare).expect("a plan");
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

/// What somebody would write who wants to be more than a name.
pub(crate) const HOSTILE: [&str; 9] = [
    "\u{1b}[31m\u{1b}]8;;http://x\u{7}\r\n\u{9b}2J\u{202e}\u{2066}\u{200b}\nplan: nothing is left\t\0",
    "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" x=\"' onfocus='alert(1)",
    "```\n# a\n~~~~\n````` b ``c`",
    "| a | b |\n| - | - |",
    "[a](javascript:alert(1)) ![b](http://evil.example) <http://evil.example> www.evil.example x@evil.example",
    "- [x] **a** _b_ ~~c~~ $d$ &lt;e&gt; \\",
    "javascript:alert(1)",
    "{{ page.title }}{% for a in b %}&amp;#60;",
];

/// Puts a text into every field that is not ours.
fn poison(plan: &mut UpgradePlan, text: &str) {
    let some = || Some(text.to_owned());
    let many = || vec![text.to_owned(); 2];
    let cluster = &mut plan.cluster;
    (cluster.context, cluster.server, cluster.namespace) = (some(), some(), some());
    (cluster.kubernetes_version, cluster.provider) = (some(), some());
    for hop in &mut plan.path {
        hop.source = text.to_owned();
    }
    for step in &mut plan.steps {
        step.id.push_str(text);
        step.scope.name = text.to_owned();
        step.scope.pool = step.scope.pool.as_ref().map(|_| text.to_owned());
        step.title = format!("Drain {text}");
        step.commands = many();
        step.done_when.text = text.to_owned();
        step.basis = text.to_owned();
        (step.interrupts, step.links, step.objects) = (many(), many(), many());
    }
    for finding in &mut plan.findings {
        (finding.id, finding.message) = (text.to_owned(), text.to_owned());
        (finding.remedy, finding.reference) = (text.to_owned(), text.to_owned());
        for object in &mut finding.objects {
            (object.kind, object.name) = (text.to_owned(), text.to_owned());
            for evidence in &mut object.evidence {
                evidence.detail = text.to_owned();
            }
        }
    }
    for window in &mut plan.windows {
        window.window = text.to_owned();
    }
    plan.gaps = vec![Gap {
        what: text.to_owned(),
        why: text.to_owned(),
        cluster: None,
        rules: many(),
        rbac: None,
    }];
    plan.remarks = many();
}

fn poisoned(text: &str) -> [UpgradePlan; 2] {
    static PLANS: OnceLock<[UpgradePlan; 2]> = OnceLock::new();
    let mut plans = PLANS.get_or_init(|| [shop(), half_way()]).clone();
    plans.iter_mut().for_each(|plan| poison(plan, text));
    plans
}

/// Nothing but what is seen, and line breaks.
#[track_caller]
fn harmless(what: &str, text: &str) {
    let raw = |letter: &char| *letter != '\n' && terminal::is_unsafe(*letter);
    assert_eq!(text.chars().find(raw), None, "{what}");
}

#[test]
fn hostile_strings_are_harmless_in_every_format() {
    for word in HOSTILE {
        for plan in poisoned(word) {
            for format in FORMATS {
                harmless(&format!("{word:?} as {format:?}"), &shown(format, &plan));
            }
            let narrow = at(60, &plan);
            harmless(word, &narrow);
            let ends = |line: &str| line.starts_with("plan: nothing");
            assert!(!narrow.lines().any(ends), "{narrow}");
            let value = serde_json::to_value(&plan).expect("a value");
            let json: Value = serde_json::from_str(&shown(Format::Json, &plan)).expect("JSON");
            let yaml: Value = serde_saphyr::from_str(&shown(Format::Yaml, &plan)).expect("YAML");
            assert_eq!((&json, &yaml), (&value, &value), "names come through whole");
        }
    }
    // With colours of our own, nothing else is coloured.
    let [plan, _] = poisoned(HOSTILE[0]);
    let look = Look {
        styles: Styles::colored(),
        ..Look::default()
    };
    let colored = render_plan(Format::Table, &plan, &look).expect("a plan");
    let codes = ["31;1", "32;1", "33", "2", "1", "0"];
    let plain = codes.iter().fold(colored, |text, code| {
        text.replace(&format!("\u{1b}[{code}m"), "")
    });
    harmless("coloured", &plain);
}

#[test]
fn texts_without_end_are_cut() {
    let long = "x ".repeat(20_000);
    for plan in poisoned(&long) {
        for format in [Format::Table, Format::Wide, Format::Markdown, Format::Html] {
            let told = shown(format, &plan);
            assert!(told.len() < 2_000_000, "{format:?}: {}", told.len());
            // Half a command would be another command.
            assert!(!told.contains(&"x ".repeat(2_000)), "{format:?}");
        }
    }
}

/// The tags of a page, in order, attributes included.
pub(crate) fn tags(page: &str) -> Vec<&str> {
    let parts = page.split('<').skip(1);
    parts
        .map(|part| part.split('>').next().unwrap_or_default())
        .collect()
}

#[test]
fn no_string_becomes_html() {
    let [one, two] = poisoned("x").map(|plan| shown(Format::Html, &plan));
    for word in HOSTILE {
        let [first, second] = poisoned(word).map(|plan| shown(Format::Html, &plan));
        assert_eq!(tags(&first), tags(&one), "{word:?}");
        assert_eq!(tags(&second), tags(&two), "{word:?}");
    }
    let page = shown(Format::Html, &shop());
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";
    assert!(page.contains(policy), "{page}");
    for tag in tags(&page) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(
            !["script", "img", "link", "iframe", "form", "object"].contains(&name),
            "{tag}"
        );
        assert!(!tag.contains(" src=") && !tag.contains(" on"), "{tag}");
        let address = tag.split_once("href=\"").map(|(_, rest)| rest);
        let ours = |it: &str| it.starts_with("https://") || it.starts_with('#');
        assert!(address.is_none_or(ours), "{tag}");
    }
    let style = page
        .split("<style>")
        .nth(1)
        .and_then(|rest| rest.split("</style>").next());
    assert!(
        style.is_some_and(|css| !css.contains("url(") && !css.contains("@import")),
        "{page}"
    );
}

/// What a reader of Markdown makes of a text: its blocks and links, and words in bold.
pub(crate) fn structure(markdown: &str) -> Vec<String> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let told = Parser::new_ext(markdown, options).filter_map(|event| match event {
        Event::Text(_) | Event::Code(_) | Event::SoftBreak => None,
        Event::Start(Tag::CodeBlock(kind)) => Some(format!("code {kind:?}")),
        other => Some(format!("{other:?}")),
    });
    told.collect()
}

#[test]
fn no_string_becomes_markup() {
    let [one, two] = poisoned("x").map(|plan| shown(Format::Markdown, &plan));
    assert!(
        structure(&one)
            .iter()
            .any(|event| event == "TaskListMarker(false)")
    );
    for word in HOSTILE {
        let [first, second] = poisoned(word).map(|plan| shown(Format::Markdown, &plan));
        assert_eq!(structure(&first), structure(&one), "{word:?}\n{first}");
        assert_eq!(structure(&second), structure(&two), "{word:?}\n{second}");
    }
    let blocks = structure(&shown(Format::Markdown, &shop()));
    let links = blocks.iter().filter(|event| event.contains("Link {"));
    let ours = |event: &String| {
        event.contains("https://kubernetes.io/") || event.contains("https://github.com/kubernetes/")
    };
    assert!(
        links.clone().count() > 5 && links.clone().all(ours),
        "{blocks:?}"
    );
}

/// The README shows the plan of the example, as a terminal of 100 columns does.
#[test]
fn the_readme_shows_a_plan() {
    const BEGINS: &str = "made by `UPDATE=1 cargo test --test fast`. -->\n```text\n";
    let page = fs::read_to_string(golden::in_repository("README.md")).expect("the page");
    let (before, rest) = page.split_once(BEGINS).expect("the place of the plan");
    let (_, after) = rest.split_once("```\n").expect("its end");
    let told = at(100, &shop_to("1.25"));
    let (tree, _) = told
        .split_once("\nIn the way\n")
        .expect("what is in the way");
    golden::compare("README.md", &format!("{before}{BEGINS}{tree}```\n{after}"));
}

#[test]
fn the_golden_files_are_all_looked_at() {
    let files = fs::read_dir(golden::in_repository(FOLDER)).expect("the folder");
    assert_eq!(files.count(), 1 + 2 * 7);
}
