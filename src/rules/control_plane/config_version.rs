//! `cp-config-version`: configuration files of a version that their component no longer reads.

use std::collections::BTreeMap;

use crate::api_usage::helm_record_needs;
use crate::catalog::{Catalog, Minor};
use crate::rules::engine::manifests::{add_object, manifest_contents};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "cp-config-version",
    severity: Severity::Blocker,
    title: "A configuration file is of a version that its component no longer reads",
    applies_to: Applicability::Computed(removed_versions),
    why: "A component does not start, and kubeadm stops, if the configuration file that it is given is of an unknown version.",
    detection: "By apiVersion of audit policies and of configurations of kube-scheduler and kubeadm in files and Helm releases, in ConfigMaps, Secrets and encoded files of Cluster API too, against the catalog. Files on nodes are not visible.",
    remedy: "Change the file to the replacement, with `kubeadm config migrate` for those of kubeadm, before this hop.",
    reference: "https://kubernetes.io/docs/reference/config-api/",
    sources: &[
        "kubernetes/kubernetes CHANGELOG/CHANGELOG-1.24.md, 1.28 and 1.29",
        "kubernetes/apiserver pkg/audit/policy/reader.go",
    ],
    kind: RuleKind::Code {
        needs: |_| helm_record_needs(),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

/// A version that goes: its component, when, and what replaces it.
type Removal<'a> = (&'a str, Minor, &'a str);

/// The versions that go.
fn removals(catalog: &Catalog) -> BTreeMap<&str, Removal<'_>> {
    let removals = &catalog.control_plane_removals;
    let rows = removals.config_versions.iter();
    let rows = rows.map(|row| {
        let removal = (
            row.component.as_str(),
            row.removed_in,
            row.replacement.as_str(),
        );
        (row.api_version.as_str(), removal)
    });
    let of_kubeadm = removals.kubeadm_config_versions.iter().filter_map(|row| {
        let removal = ("kubeadm", row.removed_in?, row.replacement.as_deref()?);
        Some((row.api_version.as_str(), removal))
    });
    rows.chain(of_kubeadm).collect()
}

fn removed_versions(catalog: &Catalog) -> String {
    let minors: std::collections::BTreeSet<Minor> = removals(catalog)
        .values()
        .map(|(_, removed, _)| *removed)
        .collect();
    let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
    minors.join(", ")
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let removals = removals(context.catalog);
    let mut found: BTreeMap<&str, Vec<AffectedObject>> = BTreeMap::new();
    for content in manifest_contents(context) {
        let row = removals.get_key_value(content.object.api_version.as_str());
        if let Some((version, _)) =
            row.filter(|(_, (_, removed, _))| context.path.reaches(*removed))
        {
            let object = content.affected(format!("apiVersion {version}"));
            add_object(found.entry(version).or_default(), object);
        }
    }
    let findings = found.into_iter().filter_map(|(version, objects)| {
        let (component, removed, replacement) = removals.get(version)?;
        let message =
            format!("{version} is not read by {component} {removed} and later; use {replacement}");
        let draft = FindingDraft {
            hop: context.path.hop_into(*removed),
            ..FindingDraft::new(&RULE, version, message, objects)
        };
        Finding::new(&RULE, draft)
    });
    findings.collect()
}
