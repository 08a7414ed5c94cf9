//! Kyma: modules, Kyma 2 by the labels of its reconciler, Kyma 1 by the image of its installer.
//!
//! `version` of an Installation is ignored: release artifacts carry a constant or a template there.
//! Source: kyma-project/kyma installation/scripts/release-generate-kyma-installer-artifacts.sh.

mod generations;
mod local;

use super::version_evidence::{VersionEvidence, resolve_version};
use super::view::{
    container_images, items_at, label_of, list_need, serves_group_suffix, str_at, string_at,
};
use super::{DetectedPlatform, Detection, PlatformComponent};
use crate::catalog::{GroupResource, PlatformName};
use crate::need::{DetailLevel, Discovery, ListSelector, Need};
use crate::snapshot::{ClusterView, MissingData, ObjectRow};

const GROUP_SUFFIX: &str = "kyma-project.io";
const PLATFORM: PlatformName = PlatformName::Kyma;

fn kymas_need() -> Need {
    list_need(
        "operator.kyma-project.io",
        "kymas",
        &[
            "spec.channel",
            "status.modules.name",
            "status.modules.state",
            "status.modules.version",
            "status.state",
        ],
    )
}

fn installations_need() -> Need {
    list_need(
        "installer.kyma-project.io",
        "installations",
        &["metadata.labels", "spec.components.name", "status.state"],
    )
}

fn installer_need() -> Need {
    Need::single_object(
        GroupResource::new("apps", "deployments"),
        "kyma-installer",
        "kyma-installer",
    )
    .with_fields(&[
        "spec.template.spec.containers.image",
        "spec.template.spec.containers.name",
    ])
}

/// All Deployments of the system namespace: those of the reconciler carry its label, those of lone modules none.
fn system_deployments_need() -> Need {
    Need::labelled_in_namespace(
        GroupResource::new("apps", "deployments"),
        "kyma-system",
        "",
        DetailLevel::Full,
    )
    .with_fields(&["metadata.labels", "spec.template.spec.containers.image"])
}

/// What the reconciler notes of each component.
fn reconciler_summaries_need() -> Need {
    Need::selected(
        GroupResource::new("", "configmaps"),
        ListSelector::by_labels("reconciler.kyma-project.io/reconciliation-summary=true"),
        DetailLevel::Full,
    )
    .with_fields(&["data.version"])
}

/// Whether a server has APIs of Kyma.
pub(crate) fn serves_kyma(survey: &Discovery) -> bool {
    serves_group_suffix(survey, GROUP_SUFFIX)
}

/// What Kyma is detected from.
pub(crate) fn needs(survey: &Discovery) -> Vec<Need> {
    if !serves_kyma(survey) {
        return Vec::new();
    }
    let mut needs = vec![
        kymas_need(),
        installations_need(),
        installer_need(),
        system_deployments_need(),
        reconciler_summaries_need(),
    ];
    needs.extend(local::needs());
    needs
}

/// Looks for Kyma, the newest generation first: older ones leave objects behind.
pub(super) fn detect(look: &ClusterView<'_>) -> Detection {
    let served = look.served_group_versions(GROUP_SUFFIX);
    if served.is_empty() {
        return Detection::default();
    }
    let generations = generations::KymaGenerations::new(look);
    let mut found = Detection::default();
    found.remarks.extend(generations.leftover_remarks());
    let platform = if generations.modular_kyma.is_some() {
        generations.modular_platform()
    } else if !generations.reconciler_versions.is_empty() {
        generations.kyma2_platform(look, &mut found)
    } else if generations.has_kyma1() {
        generations.kyma1_platform(look, &mut found)
    } else if !generations.unreconciled_deployments.is_empty() {
        generations.standalone_modules_platform(&mut found)
    } else {
        found.remarks.push(format!(
            "APIs of Kyma are served ({}), but nothing of it runs: custom resource definitions were left behind",
            served.join(", ")
        ));
        return found;
    };
    found.platform = Some(platform);
    found
}

fn platform_from_evidence(rungs: &[VersionEvidence], found: &mut Detection) -> DetectedPlatform {
    let settled = resolve_version(rungs);
    found.missing.extend(settled.gap("Kyma"));
    found.remarks.extend(settled.conflict_remark("Kyma"));
    DetectedPlatform {
        name: PLATFORM,
        version: settled.version,
        evidence: settled.evidence,
        variant: None,
        components: Vec::new(),
    }
}
