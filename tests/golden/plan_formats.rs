//! Plans in every format: to be read by people.

use std::collections::BTreeSet;

use kubectl_upgrade::api::v1::UpgradePlan;
use kubectl_upgrade::plan::PlanOptions;
use kubectl_upgrade::report::OutputFormat;
use libtest_mimic::Trial;

use crate::cluster::Cluster;
use crate::document::{PLAN_FORMATS as FOLDER, document, half_way, plan_at, plan_in, shop_plan};
use crate::program::{plan_without_a_path, text};
use crate::variants::load_kyma;
use crate::{CATALOG, case, golden, variant};

/// A golden file, and what makes it.
type Case = (String, Box<dyn FnOnce() -> String + Send>);

pub(crate) fn trials() -> Vec<Trial> {
    let cases = cases();
    let files: BTreeSet<String> = cases.iter().map(|(file, _)| file.clone()).collect();
    let all = case(
        "plan_formats",
        "every_golden_file_has_its_test",
        move || {
            let names = golden::names(FOLDER).into_iter();
            let golden = names.filter(|name| !name.ends_with(".yaml"));
            assert_eq!(golden.collect::<BTreeSet<_>>(), files);
        },
    );
    let trials = cases.into_iter().map(|(file, tell)| {
        case("plan_formats", &file.clone(), move || {
            golden::compare(&format!("{FOLDER}/{file}"), &tell());
        })
    });
    trials.chain([all]).collect()
}

/// Each format once, by the plan that shows more of it: the shop is blocked, the other is half done. How they fit their
/// schema is tested with `fast`.
fn cases() -> Vec<Case> {
    let shop = |format| move || plan_in(format, &shop_plan("1.26"));
    let half_done = |format| move || plan_in(format, &half_way());
    let mut cases: Vec<Case> = vec![
        (
            "shop-to-1.26.80.txt".into(),
            Box::new(|| plan_at(80, &shop_plan("1.26"))),
        ),
        (
            "half-way.80.txt".into(),
            Box::new(|| plan_at(80, &half_way())),
        ),
        (
            "shop-to-1.26.txt".into(),
            Box::new(shop(OutputFormat::Table)),
        ),
        (
            "half-way.wide.txt".into(),
            Box::new(half_done(OutputFormat::Wide)),
        ),
        (
            "shop-to-1.26.json".into(),
            Box::new(shop(OutputFormat::Json)),
        ),
        (
            "shop-to-1.26.md".into(),
            Box::new(shop(OutputFormat::Markdown)),
        ),
        (
            "dkp.md".into(),
            Box::new(|| plan_in(OutputFormat::Markdown, &dkp_plan())),
        ),
        (
            "kyma-1-13.md".into(),
            Box::new(|| plan_in(OutputFormat::Markdown, &kyma_plan("cluster-1-13"))),
        ),
        (
            "kyma-local.md".into(),
            Box::new(|| plan_in(OutputFormat::Markdown, &kyma_plan("local-1-14+config"))),
        ),
        (
            "kyma-1-24.md".into(),
            Box::new(|| plan_in(OutputFormat::Markdown, &kyma_plan("cluster-1-24"))),
        ),
        (
            "half-way.html".into(),
            Box::new(half_done(OutputFormat::Html)),
        ),
    ];
    for (format, ending) in [("markdown", "md"), ("html", "html")] {
        let tell = || page_without_a_path(format);
        cases.push((format!("no-path.{ending}"), Box::new(tell)));
    }
    cases
}

/// The runbook of a cluster of Kyma.
fn kyma_plan(name: &str) -> UpgradePlan {
    runbook(&load_kyma(name))
}

/// The runbook of a management cluster of DKP.
fn dkp_plan() -> UpgradePlan {
    runbook(&variant::load("dkp"))
}

fn runbook(fixture: &Cluster) -> UpgradePlan {
    let path = fixture.path(&CATALOG);
    let snapshot = fixture.snapshot(&CATALOG, &path);
    document(&snapshot, &path, &CATALOG, &PlanOptions::default())
}

/// A file for a change request is never empty: where nothing leads to the target, it says so.
fn page_without_a_path(format: &str) -> String {
    let output = plan_without_a_path(format);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    let why = stderr.trim_end().strip_prefix("error: ").expect("an error");
    assert!(why.contains("nearest reachable release"), "{stderr}");
    text(&output.stdout)
}
