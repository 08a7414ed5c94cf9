//! Whole situations, told for a narrow and for a wide terminal: golden files to be read by people.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::check::{CheckContext, Policy, evaluate};
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::report::{OutputFormat, RenderOptions, UpgradeReport, render_report};
use kubectl_upgrade::snapshot::load;

use crate::fixture::{Fixture, rules};
use crate::golden;

const FOLDER: &str = "tests/fixtures/situations";

/// Compares what is told for both widths, and that no line of the narrow one is wider than it must be.
fn compare(name: &str, report: &UpgradeReport) {
    for width in [80, 160] {
        let look = RenderOptions {
            width: Some(width),
            ..RenderOptions::default()
        };
        let text = render_report(OutputFormat::Table, report, &look).expect("a table");
        golden::compare(&format!("{FOLDER}/{name}.{width}.txt"), &text);
    }
}

#[test]
fn situations_read_well_at_80_and_160_columns() {
    let catalog = Catalog::embedded().expect("the catalog");
    let files = golden::names(FOLDER);
    let names = files.iter().filter_map(|file| file.strip_suffix(".yaml"));
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let fixture = Fixture::load(&golden::in_repository(&format!("{FOLDER}/{name}.yaml")));
        let (_, report) = fixture.judge(&catalog, rules());
        compare(name, &report);
    }
}

#[test]
fn the_recorded_shop_reads_well_at_80_and_160_columns() {
    compare("shop-to-1.25", &shop());
}

/// The README shows the findings of the example and the verdict, as a terminal of 100 columns does.
#[test]
fn the_readme_shows_a_report() {
    let look = RenderOptions {
        width: Some(100),
        ..RenderOptions::default()
    };
    let told = render_report(OutputFormat::Table, &shop(), &look).expect("a table");
    let (findings, rest) = told.split_once("\nWhat to do\n").expect("what to do");
    let verdict = rest.lines().last().expect("the verdict");
    let text = format!("{findings}\n…\n\n{verdict}\n");
    golden::shown("README.md", "The report of the example", &text);
}

fn shop() -> UpgradeReport {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = load(&golden::in_repository("examples/shop.snapshot")).expect("the example");
    let survey = &snapshot.clusters[0].discovery;
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[], &catalog)
        .expect("a path");
    let situation = CheckContext::new(&snapshot, &catalog, &path, snapshot.taken_at);
    UpgradeReport::new(
        &situation,
        &evaluate(&situation, rules(), &Policy::default()),
    )
}
