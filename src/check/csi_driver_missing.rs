//! `csi-driver-missing`: volumes of a CSI driver that the cluster does not know.

use std::collections::BTreeMap;

use super::volumes::{csi_drivers, drivers_of, in_use, persistent_volumes, seen, whole};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "csi-driver-missing",
    severity: Severity::Warning,
    title: "A volume names a CSI driver that is missing",
    applies_to: "any",
    why: "No node can mount the volume: a pod that uses it and is moved by a drain does not start again.",
    how: "By spec.csi.driver of persistent volumes, where neither a CSIDriver nor a CSINode names the driver. Volumes that nobody has claimed, or whose claim is gone, are left out.",
    mend: "Install or repair the driver, or delete the volumes if nobody needs them any more.",
    reference: "https://kubernetes.io/docs/concepts/storage/volumes/#csi",
    sources: &[
        "kubernetes/api core/v1/types.go",
        "kubernetes/api storage/v1/types.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| {
            let mut needs = vec![persistent_volumes()];
            needs.extend(csi_drivers());
            needs
        },
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let catalog = situation.catalog;
    let mut found: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
    for picture in &situation.snapshot.clusters {
        let Some(drivers) = drivers_of(picture, catalog) else {
            continue;
        };
        for (api, row) in whole(picture, &persistent_volumes(), catalog) {
            let Some(driver) = row.object["spec"]["csi"]["driver"].as_str() else {
                continue;
            };
            if !drivers.contains(driver) && in_use(&row.object) {
                let evidence = seen(&format!("driver {driver}"), &row.object);
                let object = super::data::object(picture, &api, row, evidence);
                found.entry(driver).or_default().push(object);
            }
        }
    }
    let findings = found.into_iter().filter_map(|(driver, objects)| {
        let message = format!("no node and no object of the cluster knows the CSI driver {driver}");
        Finding::new(&RULE, Said::new(&RULE, driver, message, objects))
    });
    findings.collect()
}
