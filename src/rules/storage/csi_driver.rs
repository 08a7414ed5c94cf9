//! `csi-driver-missing`: volumes of a CSI driver that the cluster does not know.

use std::collections::BTreeMap;

use super::in_tree::{
    csi_driver_needs, installed_csi_drivers, is_in_use, objects_with_gvk, persistent_volumes_need,
    volume_evidence,
};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// Where a volume names its driver.
const DRIVER_FIELD: &str = "spec.csi.driver";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "csi-driver-missing",
    severity: Severity::Warning,
    title: "A volume uses a CSI driver that is missing",
    why: "No node can mount the volume. A pod that uses it does not start again after a drain.",
    detection: "By spec.csi.driver of PersistentVolumes, if neither a CSIDriver nor a CSINode lists the driver. Volumes without a claim, or whose claim is deleted, are left out.",
    remedy: "Install or repair the driver, or delete the volumes if they are no longer needed.",
    reference: "https://kubernetes.io/docs/concepts/storage/volumes/#csi",
    sources: &[
        "kubernetes/api core/v1/types.go",
        "kubernetes/api storage/v1/types.go",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            let mut needs = vec![persistent_volumes_need(DRIVER_FIELD)];
            needs.extend(csi_driver_needs());
            needs
        },
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<&str, Vec<AffectedObject>> = BTreeMap::new();

    let Some(view) = context.view() else {
        return Vec::new();
    };
    let Some(drivers) = installed_csi_drivers(view) else {
        return Vec::new();
    };
    for (api, row) in objects_with_gvk(view, &persistent_volumes_need(DRIVER_FIELD)) {
        let Some(driver) = row.object["spec"]["csi"]["driver"].as_str() else {
            continue;
        };
        if !drivers.contains(driver) && is_in_use(&row.object) {
            let evidence = volume_evidence(&format!("driver {driver}"), &row.object);
            let object = crate::rules::engine::data_rule::object_from_row(&api, row, evidence);
            found.entry(driver).or_default().push(object);
        }
    }

    let findings = found.into_iter().filter_map(|(driver, objects)| {
        let message =
            format!("the CSI driver {driver} is not installed: no CSIDriver or CSINode lists it");
        Finding::new(&RULE, FindingDraft::new(&RULE, driver, message, objects))
    });
    findings.collect()
}
