//! Reports and plans of the recorded shop, and of a cluster in the middle of a hop.

use kubectl_upgrade::api::v1::{UpgradePlan, UpgradeReport};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{PlanOptions, build};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_plan};
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use kubectl_upgrade::snapshot::{Snapshot, load};

use super::cluster::{Cluster, rules};
use super::golden;
use super::program::EXAMPLE;

/// Where plans are in every format.
pub(crate) const PLAN_FORMATS: &str = "tests/fixtures/plan-formats";

pub(crate) fn document(
    snapshot: &Snapshot,
    path: &UpgradePath,
    catalog: &Catalog,
    wishes: &PlanOptions,
) -> UpgradePlan {
    let situation = CheckContext::new(snapshot, catalog, path, snapshot.taken_at);
    let judgement = evaluate(&situation, rules(), &Policy::default());
    UpgradePlan::new(&situation, &build(&situation, &judgement, wishes))
}

/// The plan of the recorded shop, on its way to a minor.
pub(crate) fn shop_plan(minor: &str) -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = load(&golden::in_repository(EXAMPLE)).expect("the example");
    let survey = &snapshot.clusters[0].discovery;
    let to = format!("kubernetes={minor}").parse().expect("a target");
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[to], catalog)
        .expect("a path");
    document(&snapshot, &path, catalog, &PlanOptions::default())
}

/// A cluster in the middle of a hop, with windows.
pub(crate) fn half_way() -> UpgradePlan {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = Cluster::load(golden::in_repository(&format!(
        "{PLAN_FORMATS}/half-way.yaml"
    )));
    let path = fixture.path(catalog);
    let window = "Sat 22:00-04:00 Europe/Berlin";
    let wishes = PlanOptions {
        windows: vec![window.parse().expect("a window")],
        parallel: Some(2),
        ..PlanOptions::default()
    };
    document(&fixture.snapshot(catalog, &path), &path, catalog, &wishes)
}

/// A plan in a format, as a pipe gets it.
pub(crate) fn plan_in(format: OutputFormat, plan: &UpgradePlan) -> String {
    render_plan(format, plan, &RenderOptions::default()).expect("a plan")
}

/// A plan on a terminal so wide.
pub(crate) fn plan_at(width: usize, plan: &UpgradePlan) -> String {
    let look = RenderOptions {
        width: Some(width),
        ..RenderOptions::default()
    };
    render_plan(OutputFormat::Table, plan, &look).expect("a plan")
}

/// The report of the recorded shop, on its next hop.
pub(crate) fn shop_report() -> UpgradeReport {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = load(&golden::in_repository(EXAMPLE)).expect("the example");
    let survey = &snapshot.clusters[0].discovery;
    let path =
        UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[], catalog).expect("a path");
    let situation = CheckContext::new(&snapshot, catalog, &path, snapshot.taken_at);
    UpgradeReport::new(
        &situation,
        &evaluate(&situation, rules(), &Policy::default()),
    )
}
