//! The README shows what the programs tell of the example.

use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_report};

use crate::document::{plan_at, shop_plan, shop_report};
use crate::golden;

/// The README shows the findings of the example and the verdict, as a terminal of 100 columns does.
#[test]
fn the_readme_shows_a_report() {
    let look = RenderOptions {
        width: Some(100),
        ..RenderOptions::default()
    };
    let told = render_report(OutputFormat::Table, &shop_report(), &look).expect("a table");
    let (findings, rest) = told.split_once("\nWhat to do\n").expect("what to do");
    let verdict = rest.lines().last().expect("the verdict");
    let text = format!("{findings}\n…\n\n{verdict}\n");
    golden::shown("README.md", "The report of the example", &text);
}

/// The README shows the plan of the example, as a terminal of 100 columns does.
#[test]
fn the_readme_shows_a_plan() {
    let told = plan_at(100, &shop_plan("1.25"));
    let (tree, _) = told
        .split_once("\nBlocking findings\n")
        .expect("blocking findings");
    golden::shown("README.md", "The plan of the example", tree);
}

/// The README shows lines of a golden file, from a drain that hangs to the next machine.
#[test]
fn the_readme_shows_a_watch() {
    let file = golden::in_repository("tests/fixtures/watch/cluster-api-drain-hangs.txt");
    let events = std::fs::read_to_string(file).expect("the golden file");
    let lines = events.lines();
    let lines = lines.skip_while(|line| !line.contains("DrainingNode"));
    let text: String = lines.take(6).map(|line| format!("{line}\n")).collect();
    golden::shown("README.md", "A watch", &text);
}
