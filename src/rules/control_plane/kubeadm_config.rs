//! `cp-kubeadm-config`: the next kubeadm cannot read the configuration that an old one left.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kube_system_object;
use crate::catalog::{Catalog, Minor};
use crate::facts::control_plane;
use crate::facts::control_plane::KubeadmConfig;
use crate::path::HopId;
use crate::rules::engine::manifests::{add_object, manifest_contents};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "cp-kubeadm-config",
    severity: Severity::Blocker,
    title: "kubeadm cannot read its configuration in the cluster",
    applies_to: Applicability::Computed(removed_versions),
    why: "kubeadm reads the ConfigMap kubeadm-config before it upgrades or joins a node. It supports only the newest versions of that configuration and stops at an older one.",
    detection: "By apiVersion of data.ClusterConfiguration in the ConfigMap kubeadm-config, against the first hop. Each kubeadm upgrade rewrites the configuration in its newest version, so later hops are not affected. In the same ConfigMap in files and Helm releases, which nothing rewrites, against the whole path. A configuration that is not valid YAML is a warning. Clusters that kubeadm did not create have no such ConfigMap.",
    remedy: "Convert it with `kubeadm config migrate` of the last kubeadm release that supports both versions, and update the ConfigMap with the result, before this hop.",
    reference: "https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-config/",
    sources: &[
        "kubernetes/sig-release releases/release-1.22/release-notes/release-notes-draft.md PR 101129",
        "kubernetes/sig-release releases/release-1.27/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.37/release-notes/release-notes-draft.md",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![control_plane::kubeadm_config_need()],
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

/// The minors that remove a version of the configuration, each with the version.
fn removed_versions(catalog: &Catalog) -> String {
    let rows = &catalog.control_plane_removals.kubeadm_config_versions;
    let removed = rows.iter().filter_map(|row| {
        let (_, version) = row.api_version.rsplit_once('/')?;
        Some(format!("{} {version}", row.removed_in?))
    });
    removed.collect::<Vec<_>>().join(", ")
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let need = control_plane::kubeadm_config_need();
    context
        .fact(|view| control_plane::kubeadm_configs(view, &need, "ClusterConfiguration"))
        .iter()
        .filter_map(|config| Finding::new(&RULE, draft_finding(context, config)?))
        .chain(in_manifests(context))
        .collect()
}

/// Findings about the same ConfigMap in manifests.
fn in_manifests(context: &CheckContext<'_>) -> Vec<Finding> {
    let versions = &context
        .catalog
        .control_plane_removals
        .kubeadm_config_versions;
    let mut found: BTreeMap<(&str, Minor), Vec<AffectedObject>> = BTreeMap::new();
    for content in manifest_contents(context) {
        let text = content.fields["data"]["ClusterConfiguration"].as_str();
        let document = text.and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
        let Some(document) = document.filter(|_| content.object.name == "kubeadm-config") else {
            continue;
        };
        let mut rows = versions.iter();
        let row = rows.find(|row| document["apiVersion"] == row.api_version.as_str());
        let removed = row.and_then(|row| Some((row.api_version.as_str(), row.removed_in?)));
        if let Some((version, removed)) =
            removed.filter(|(_, removed)| context.path.reaches(*removed))
        {
            let object = content.affected(format!("apiVersion {version}"));
            add_object(found.entry((version, removed)).or_default(), object);
        }
    }
    let findings = found
        .into_iter()
        .filter_map(|((version, removed), objects)| {
            let message = format!("{version} is not read by kubeadm {removed} and later");
            let draft = FindingDraft {
                hop: context.path.hop_into(removed),
                ..FindingDraft::new(&RULE, "manifests", message, objects)
            };
            Finding::new(&RULE, draft)
        });
    findings.collect()
}

fn draft_finding(context: &CheckContext<'_>, config: &KubeadmConfig<'_>) -> Option<FindingDraft> {
    let hop = context.path.kubernetes_hops().next()?;
    let text = config
        .document
        .as_ref()
        .map(|document| document["apiVersion"].as_str());
    let (severity, message, detail) = match text {
        None => (
            Severity::Warning,
            "ClusterConfiguration cannot be read: it is not a YAML mapping".to_owned(),
            "data.ClusterConfiguration is not a YAML mapping".to_owned(),
        ),
        Some(text) => {
            let versions = &context
                .catalog
                .control_plane_removals
                .kubeadm_config_versions;
            let row = versions
                .iter()
                .find(|row| Some(row.api_version.as_str()) == text)?;
            let removed = row.removed_in.filter(|removed| *removed <= hop.minor())?;
            (
                Severity::Blocker,
                format!(
                    "{} is not read by kubeadm {removed} and later",
                    row.api_version
                ),
                format!("apiVersion {}", row.api_version),
            )
        }
    };
    let object = kube_system_object(config.row, "v1", "ConfigMap", detail);
    Some(FindingDraft {
        severity,
        hop: Some(HopId::from(hop)),
        ..FindingDraft::new(
            &RULE,
            context.cluster?.id.to_string(),
            message,
            vec![object],
        )
    })
}
