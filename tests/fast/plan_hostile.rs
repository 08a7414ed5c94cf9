//! Plans full of strings that would do something: in no format do they.

use std::sync::OnceLock;

use kubectl_upgrade::api::v1::{GapDoc, UpgradePlan};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, Styles, render_plan, terminal};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use crate::document::{half_way, plan_at, plan_in, shop_plan};

const FORMATS: [OutputFormat; 7] = [
    OutputFormat::Table,
    OutputFormat::Wide,
    OutputFormat::Json,
    OutputFormat::Yaml,
    OutputFormat::Name,
    OutputFormat::Markdown,
    OutputFormat::Html,
];

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
    plan.gaps = vec![GapDoc {
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
    let mut plans = PLANS
        .get_or_init(|| [shop_plan("1.26"), half_way()])
        .clone();
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
                harmless(&format!("{word:?} as {format:?}"), &plan_in(format, &plan));
            }
            let narrow = plan_at(60, &plan);
            harmless(word, &narrow);
            let ends = |line: &str| line.starts_with("plan: nothing");
            assert!(!narrow.lines().any(ends), "{narrow}");
            let value = serde_json::to_value(&plan).expect("a value");
            let json: Value =
                serde_json::from_str(&plan_in(OutputFormat::Json, &plan)).expect("JSON");
            let yaml: Value =
                serde_saphyr::from_str(&plan_in(OutputFormat::Yaml, &plan)).expect("YAML");
            assert_eq!((&json, &yaml), (&value, &value), "names come through whole");
        }
    }
    // With colours of our own, nothing else is coloured.
    let [plan, _] = poisoned(HOSTILE[0]);
    let look = RenderOptions {
        styles: Styles::colored(),
        ..RenderOptions::default()
    };
    let colored = render_plan(OutputFormat::Table, &plan, &look).expect("a plan");
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
        for format in [
            OutputFormat::Table,
            OutputFormat::Wide,
            OutputFormat::Markdown,
            OutputFormat::Html,
        ] {
            let told = plan_in(format, &plan);
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
    let [one, two] = poisoned("x").map(|plan| plan_in(OutputFormat::Html, &plan));
    for word in HOSTILE {
        let [first, second] = poisoned(word).map(|plan| plan_in(OutputFormat::Html, &plan));
        assert_eq!(tags(&first), tags(&one), "{word:?}");
        assert_eq!(tags(&second), tags(&two), "{word:?}");
    }
    let page = plan_in(OutputFormat::Html, &shop_plan("1.26"));
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
    let [one, two] = poisoned("x").map(|plan| plan_in(OutputFormat::Markdown, &plan));
    assert!(
        structure(&one)
            .iter()
            .any(|event| event == "TaskListMarker(false)")
    );
    for word in HOSTILE {
        let [first, second] = poisoned(word).map(|plan| plan_in(OutputFormat::Markdown, &plan));
        assert_eq!(structure(&first), structure(&one), "{word:?}\n{first}");
        assert_eq!(structure(&second), structure(&two), "{word:?}\n{second}");
    }
    let blocks = structure(&plan_in(OutputFormat::Markdown, &shop_plan("1.26")));
    let links = blocks.iter().filter(|event| event.contains("Link {"));
    let ours = |event: &String| {
        event.contains("https://kubernetes.io/") || event.contains("https://github.com/kubernetes/")
    };
    let links: Vec<&String> = links.collect();
    assert!(
        !links.is_empty() && links.into_iter().all(ours),
        "{blocks:?}"
    );
}
