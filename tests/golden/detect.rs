//! What is said of each kind of cluster: what of its report concerns detection.

use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use libtest_mimic::Trial;
use serde_json::json;

use crate::cluster::Cluster;
use crate::{CATALOG, case, golden};

const FOLDER: &str = "tests/fixtures/detect";

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(FOLDER, ".yaml").into_iter();
    let trial = |name: String| case("detect", &name.clone(), move || compare(&name));
    names.map(trial).collect()
}

fn compare(name: &str) {
    let report = report(&Cluster::load(golden::in_repository(&format!(
        "{FOLDER}/{name}.yaml"
    ))));
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

fn report(cluster: &Cluster) -> UpgradeReport {
    let snapshot = cluster.detection_snapshot(&CATALOG);
    let path = cluster.path(&CATALOG);
    let situation = CheckContext::new(&snapshot, &CATALOG, &path, snapshot.taken_at);
    let judgement = evaluate(&situation, &[], &Policy::default());
    UpgradeReport::new(&situation, &judgement)
}
