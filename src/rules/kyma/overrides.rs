//! Rules on overrides of Kyma, by their keys: values are not read.

use std::collections::{BTreeMap, BTreeSet};

use super::{UPGRADE_PAGE, from_minor, minor_hops, needs_of_hops};
use crate::catalog::{GroupResource, RenamedOverride};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::facts::kyma::{self, KymaOverrides};
use crate::need::{Need, NeedContext};
use crate::path::HopId;
use crate::rules::engine::manifests::manifest_contents;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// `kyma-override-renamed`: overrides that the new release does not read any more.
pub(crate) const RENAMED: Rule = Rule {
    id: "kyma-override-renamed",
    severity: Severity::Blocker,
    title: "An override of Kyma has another name in the new release",
    why: "An override that no chart reads is ignored without a word: the component falls back to its default, or cannot be installed.",
    detection: "By the keys of ConfigMaps and Secrets in kyma-installer with the label installer=overrides; their values are not read. A rename that a guide demands before the upgrade is a blocker. Renames that follow from a comparison of the charts of two releases are only possible.",
    remedy: "Add the override under its new name before the upgrade, and remove the old one afterwards.",
    reference: "https://github.com/kyma-project/kyma/blob/release-1.24/docs/kyma/05-03-overrides.md",
    sources: &[
        "kyma-project/kyma docs/migration-guides",
        "kyma-project/kyma resources/*/values.yaml, tags 1.0.0 to 2.20.0",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_renamed,
    },
    ..Rule::DEFAULT
};

fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    needs_of_hops(context, kyma::overrides_needs())
}

fn evaluate_renamed(context: &CheckContext<'_>) -> Vec<Finding> {
    let overrides = context.fact(kyma::overrides);
    let table = &context.catalog.kyma;
    let mut findings = Vec::new();
    for hop in minor_hops(context.path) {
        let hop_id = HopId::from(hop);
        let rows = table.renamed_overrides.iter();
        let rows: Vec<&RenamedOverride> = rows.filter(|row| row.to == hop.minor()).collect();
        let mut found: BTreeMap<(bool, bool), Vec<AffectedObject>> = BTreeMap::new();
        for one in &overrides {
            for key in &one.keys {
                let row = rows.iter().find(|row| row.matches(one.component, key));
                if let Some(row) = row {
                    let detail = format!("{key}: now {}", row.new);
                    let group = (row.blocks, row.published);
                    found.entry(group).or_default().push(object(one, detail));
                }
            }
        }
        for ((blocks, is_published), objects) in found {
            let objects = merged(objects);
            let draft = FindingDraft {
                severity: match blocks {
                    true => Severity::Blocker,
                    false => Severity::Warning,
                },
                confidence: match is_published {
                    true => Confidence::Certain,
                    false => Confidence::Possible,
                },
                hop: Some(hop_id.clone()),
                ..FindingDraft::new(
                    &RENAMED,
                    if is_published {
                        "published"
                    } else {
                        "compared"
                    },
                    format!("Kyma {} does not read it under this name", hop.to),
                    objects,
                )
            };
            findings.extend(Finding::new(&RENAMED, draft));
        }
        let had_installer = from_minor(hop).is_some_and(|minor| table.has_installer(minor));
        if had_installer && !table.has_installer(hop.minor()) {
            let objects = overrides.iter().map(|one| {
                let prefix = one.component.map(|name| format!("{name}."));
                let prefix = prefix.unwrap_or_default();
                let keys = one.keys.iter().map(|key| format!("{prefix}{key}"));
                object(one, keys.collect::<Vec<_>>().join(", "))
            });
            let draft = FindingDraft {
                severity: Severity::Warning,
                hop: Some(hop_id),
                remedy: "Write them into a file, component.key as nested keys, and pass it to kyma deploy with --values-file at this and each later upgrade: nothing is remembered in the cluster.".to_owned(),
                ..FindingDraft::new(
                    &RENAMED,
                    "values-file",
                    format!("Kyma {} reads no overrides from the cluster", hop.to),
                    objects.collect(),
                )
            };
            findings.extend(Finding::new(&RENAMED, draft));
        }
    }
    findings
}

fn object(overrides: &KymaOverrides<'_>, detail: String) -> AffectedObject {
    let evidence = Evidence::new(EvidenceSource::Spec, detail);
    AffectedObject::new("v1", overrides.kind, overrides.meta, evidence)
}

/// One object for each ConfigMap or Secret, with all that was found of it.
fn merged(objects: Vec<AffectedObject>) -> Vec<AffectedObject> {
    let mut merged = Vec::new();
    for object in objects {
        crate::rules::engine::manifests::add_object(&mut merged, object);
    }
    merged
}

/// `kyma-config-local`: overrides that a configuration for local installations lacks.
pub(crate) const CONFIG_LOCAL: Rule = Rule {
    id: "kyma-config-local",
    severity: Severity::Warning,
    title: "An override of the cluster is not in the configuration about to be applied",
    why: "The configuration of the new release replaces the ConfigMaps and Secrets with overrides. What is not in it can be lost, and the next installation goes on without it.",
    detection: "By comparing the keys of ConfigMaps and Secrets with the label installer=overrides in files given with -f, such as kyma-config-local.yaml, with those of the cluster. Values are not compared.",
    remedy: "Merge them into the file before it is applied. kubectl diff -f shows values too.",
    reference: UPGRADE_PAGE,
    sources: &["kyma-project/kyma release-1.14 docs/kyma/04-10-upgrade.md"],
    reads_files: true,
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_config,
    },
    ..Rule::DEFAULT
};

fn evaluate_config(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(hop) = super::hops(context.path).next() else {
        return Vec::new();
    };
    let overrides = context.fact(kyma::overrides);
    let contents = manifest_contents(context);
    let objects = contents.iter().filter_map(|content| {
        let file = content.object;
        let is_override = content.fields["metadata"]["labels"]["installer"] == "overrides";
        let is_here = file.namespace.as_deref() == Some(kyma::KYMA_INSTALLER);
        let of_kind = ["configmaps", "secrets"]
            .iter()
            .any(|plural| content.is_of(&GroupResource::new("", plural), context));
        if content.release.is_some() || !(is_override && is_here && of_kind) {
            return None;
        }
        let mut live = overrides.iter();
        let live = live.find(|one| one.kind == file.kind && one.meta.name == file.name)?;
        let given = kyma::keys_at(content.fields);
        let missing: BTreeSet<&str> = live.keys.difference(&given).copied().collect();
        let new: BTreeSet<&str> = given.difference(&live.keys).copied().collect();
        let list = |keys: &BTreeSet<&str>| keys.iter().copied().collect::<Vec<_>>().join(", ");
        let mut detail = format!("only in the cluster: {}", list(&missing));
        if !new.is_empty() {
            detail += &format!("; only in the file: {}", list(&new));
        }
        (!missing.is_empty()).then(|| content.affected(detail))
    });
    let draft = FindingDraft {
        hop: Some(HopId::from(hop)),
        ..FindingDraft::new(
            &CONFIG_LOCAL,
            CONFIG_LOCAL.id,
            "the cluster has overrides that this file has not",
            objects.collect(),
        )
    };
    Finding::new(&CONFIG_LOCAL, draft).into_iter().collect()
}
