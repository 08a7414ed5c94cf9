//! The README and the pages in `docs/` show what the programs print, and every command that they show is a valid one.

mod commands;

use kubectl_upgrade::report::{OutputFormat, RenderOptions, Styles, render_report};

use crate::document::{plan_at, shop_plan, shop_report};
use crate::{golden, picture};

/// The report of the example.
fn report(format: OutputFormat, look: RenderOptions) -> String {
    render_report(format, &shop_report(), &look).expect("a table")
}

/// The README shows the findings of the example, a rule in each line, and the verdict.
#[test]
fn the_readme_shows_a_summary() {
    let shown = report(OutputFormat::Summary, RenderOptions::default());
    golden::shown("README.md", "The summary of the example", &shown);
}

/// The picture of the README is the report in colors, as a terminal of 100 columns shows it.
#[test]
fn the_readme_has_a_picture() {
    let look = RenderOptions {
        styles: Styles::colored(),
        width: Some(100),
        ..RenderOptions::default()
    };
    let shown = report(OutputFormat::Table, look);
    let (findings, _) = shown.split_once("What to do").expect("what to do");
    let (_, verdict) = shown.trim_end().rsplit_once("\n\n").expect("the verdict");
    let findings = findings.trim_end_matches(|letter: char| letter != '\n');
    let screen = format!(
        "$ kubectl upgrade-check\n{}\n\n…\n\n{verdict}\n",
        findings.trim_end()
    );
    golden::compare(
        "docs/img/check.svg",
        &picture::svg("kubectl upgrade-check", &screen, 100),
    );
}

/// The README shows the first steps of the plan of the example, as a terminal of 100 columns does, and the last line.
#[test]
fn the_readme_shows_a_plan() {
    let shown = plan_at(100, &shop_plan("1.25"));
    const FIRST: usize = 11;
    let first: Vec<&str> = shown.lines().take(FIRST).collect();
    let (_, last) = shown.trim_end().rsplit_once("\n\n").expect("the last line");
    let text = format!("{}\n…\n\n{last}\n", first.join("\n"));
    golden::shown("README.md", "The plan of the example", &text);
}
