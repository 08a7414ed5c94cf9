//! Whole situations, told for a narrow and for a wide terminal: to be read by people.

use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_report};
use libtest_mimic::Trial;

use crate::cluster::{Cluster, rules};
use crate::document::shop_report;
use crate::{CATALOG, case, golden};

const FOLDER: &str = "tests/fixtures/situations";

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(FOLDER, ".yaml").into_iter();
    let fixtures = names.map(|name| {
        case("situations", &name.clone(), move || {
            let fixture = Cluster::load(golden::in_repository(&format!("{FOLDER}/{name}.yaml")));
            compare(&name, &fixture.evaluate(&CATALOG, rules()).1);
        })
    });
    let shop = case("situations", "shop-to-1.25", || {
        compare("shop-to-1.25", &shop_report());
    });
    fixtures.chain([shop]).collect()
}

/// Compares what is told for both widths, and that no line is wider than it must be.
fn compare(name: &str, report: &UpgradeReport) {
    for width in [80, 160] {
        let look = RenderOptions {
            width: Some(width),
            ..RenderOptions::default()
        };
        let text = render_report(OutputFormat::Table, report, &look).expect("a table");
        golden::compare(&format!("{FOLDER}/{name}.{width}.txt"), &text);
        let (_, verdict) = text.rsplit_once("\n\n").expect("a verdict");
        let verdict = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(verdict.contains("(context "), "{verdict}");
        for line in text.lines().filter(|line| line.chars().count() > width) {
            assert!(is_left_whole(line), "{name} at {width} columns: {line}");
        }
    }
}

/// What is not broken however narrow the terminal is: commands, words, and links with the word before them.
fn is_left_whole(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [_] | ["See", _] => true,
        _ => words[0] == "kubectl",
    }
}
