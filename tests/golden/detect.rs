//! What is said of each kind of cluster: what of its report concerns detection.

use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use libtest_mimic::Trial;
use serde_json::json;

use crate::given::{FOLDER, Given};
use crate::{CATALOG, case, golden};

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(FOLDER, ".yaml").into_iter();
    let trial = |name: String| case("detect", &name.clone(), move || compare(&name));
    names.map(trial).collect()
}

fn compare(name: &str) {
    let report = report(&Given::load(name));
    let said = json!({
        "platforms": report.cluster.platforms[1..].iter().map(|platform| {
            serde_json::to_value(platform).expect("a value")
        }).collect::<Vec<_>>(),
        "topology": report.cluster.topology,
        "gaps": report.gaps,
        "remarks": report.remarks,
    });
    let text = serde_json::to_string_pretty(&said).expect("JSON");
    golden::compare(&format!("{FOLDER}/{name}.json"), &format!("{text}\n"));
}

fn report(given: &Given) -> UpgradeReport {
    let snapshot = given.snapshot(&CATALOG);
    let path =
        UpgradePath::for_kubernetes(Some(&given.kubernetes), None, &[], &CATALOG).expect("a path");
    let situation = CheckContext::new(&snapshot, &CATALOG, &path, snapshot.taken_at);
    let judgement = evaluate(&situation, &[], &Policy::default());
    UpgradeReport::new(&situation, &judgement)
}
