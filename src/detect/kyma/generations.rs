//! Which generation of Kyma runs, and what older ones left behind.

use crate::catalog::ImageRef;
use std::collections::BTreeMap;

use super::super::version_evidence::VersionClaim;
use super::{
    ClusterView, DetectedPlatform, Detection, MissingData, ObjectRow, PLATFORM, PlatformComponent,
    VersionEvidence, container_images, installations_need, installer_need, items_at, kymas_need,
    label_of, local, platform_from_evidence, reconciler_summaries_need, str_at, string_at,
    system_deployments_need,
};

/// Source: kyma-incubator/reconciler pkg/reconciler/service/labelsinterceptor.go.
const MANAGED_BY_LABEL: &str = "reconciler.kyma-project.io/managed-by";
const ORIGIN_VERSION_LABEL: &str = "reconciler.kyma-project.io/origin-version";

/// Where releases of the installer were published.
const INSTALLER_IMAGE: &str = "eu.gcr.io/kyma-project/kyma-installer";

/// What was found, by generation.
pub(super) struct KymaGenerations<'a> {
    /// The Kyma object of lifecycle-manager.
    pub(super) modular_kyma: Option<&'a ObjectRow>,
    /// Versions that the reconciler wrote, each with the number of its objects and where they were seen.
    pub(super) reconciler_versions: Vec<(String, usize, &'static str)>,
    installer: Option<&'a ObjectRow>,
    installations: &'a [ObjectRow],
    /// Deployments in the system namespace without a mark of the reconciler.
    pub(super) unreconciled_deployments: Vec<&'a ObjectRow>,
}

impl<'a> KymaGenerations<'a> {
    pub(super) fn new(look: &ClusterView<'a>) -> Self {
        let kymas = look.objects(&kymas_need());
        let is_own = |row: &&ObjectRow| {
            row.meta.namespace.as_deref() == Some("kyma-system") && row.meta.name == "default"
        };
        let deployments = look.objects(&system_deployments_need());
        let reconciled =
            |row: &&ObjectRow| label_of(&row.object, MANAGED_BY_LABEL) == Some("reconciler");
        let versions = deployments.iter().filter(reconciled);
        let labels = count_by_frequency(
            versions.filter_map(|row| label_of(&row.object, ORIGIN_VERSION_LABEL)),
        );
        let notes = look.objects(&reconciler_summaries_need()).iter();
        let noted =
            count_by_frequency(notes.filter_map(|row| str_at(&row.object, "/data/version")));
        let by =
            |where_from| move |(version, number): (String, usize)| (version, number, where_from);
        Self {
            modular_kyma: kymas.iter().find(is_own),
            reconciler_versions: labels
                .into_iter()
                .map(by("deployments in kyma-system by their origin-version"))
                .chain(
                    noted
                        .into_iter()
                        .map(by("components by the reconciler's notes")),
                )
                .collect(),
            installer: look.objects(&installer_need()).first(),
            installations: look.objects(&installations_need()),
            unreconciled_deployments: deployments.iter().filter(|row| !reconciled(row)).collect(),
        }
    }

    /// Whether anything of Kyma 1 is there.
    pub(super) fn has_kyma1(&self) -> bool {
        self.installer.is_some() || !self.installations.is_empty()
    }

    /// What an older generation left beside the one that runs.
    pub(super) fn leftover_remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let newer = self.modular_kyma.is_some() || !self.reconciler_versions.is_empty();
        if newer && self.has_kyma1() {
            remarks.push(
                "objects of Kyma 1 (its installer or an Installation) are still there beside the newer Kyma: the clean-up after the upgrade to 2.0 was not run"
                    .to_owned(),
            );
        }
        if self.modular_kyma.is_some() && !self.reconciler_versions.is_empty() {
            remarks.push(
                "objects of Kyma 2 carry the reconciler's label beside the modules: they were not taken over or not removed"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Modules under lifecycle-manager: no release of Kyma as a whole.
    pub(super) fn modular_platform(&self) -> DetectedPlatform {
        let mut evidence = Vec::new();
        let mut components = Vec::new();
        if let Some(kyma) = self.modular_kyma {
            let state = str_at(&kyma.object, "/status/state").unwrap_or("unknown");
            let channel = str_at(&kyma.object, "/spec/channel").unwrap_or("unknown");
            evidence.push(format!(
                "Kyma {} of lifecycle-manager: channel {channel}, state {state}",
                kyma.meta.namespaced_name()
            ));
            components.extend(
                items_at(&kyma.object, "/status/modules").filter_map(|module| {
                    Some(PlatformComponent {
                        name: string_at(module, "/name")?,
                        version: string_at(module, "/version"),
                        state: string_at(module, "/state"),
                    })
                }),
            );
        }
        components.sort();
        DetectedPlatform {
            name: PLATFORM,
            version: None,
            evidence,
            variant: Some("modules".to_owned()),
            components,
        }
    }

    /// Kyma 2: the version that most objects carry. Objects of components that were dropped keep their old one.
    pub(super) fn kyma2_platform(
        &self,
        look: &ClusterView<'_>,
        found: &mut Detection,
    ) -> DetectedPlatform {
        let rungs: Vec<VersionEvidence> = self
            .reconciler_versions
            .iter()
            .map(|(version, number, what)| {
                let seen = format!("{number} {what}: {version}");
                VersionEvidence::from_version(look.catalog, seen, PLATFORM, version)
            })
            .collect();
        let mut platform = platform_from_evidence(&rungs, found);
        platform.variant = local::detect_variant(look, &[], &mut platform.evidence);
        platform
    }

    /// Kyma 1, by its installer.
    pub(super) fn kyma1_platform(
        &self,
        look: &ClusterView<'_>,
        found: &mut Detection,
    ) -> DetectedPlatform {
        let mut rungs: Vec<VersionEvidence> = self
            .installer
            .map(|row| installer_evidence(look, row))
            .into_iter()
            .collect();
        if self.installer.is_none() {
            found.missing.push(MissingData {
                what: "the release of Kyma".to_owned(),
                why: "the Deployment kyma-installer/kyma-installer, whose image names the release, does not exist although an Installation does: an upgrade was stopped between deleting the old installer and applying the new one; state the release with --from kyma=VERSION"
                    .to_owned(),
                rbac: None,
            });
        }
        for installation in self.installations {
            let state = str_at(&installation.object, "/status/state").unwrap_or("unknown");
            let at_work = label_of(&installation.object, "action").is_some();
            let at_work = if at_work {
                ", the installer is at work"
            } else {
                ""
            };
            let seen = format!(
                "Installation {}: state {state}{at_work}",
                installation.meta.namespaced_name()
            );
            rungs.push(VersionEvidence::new(seen, VersionClaim::PresenceOnly));
        }
        let gaps = found.missing.len();
        let mut platform = platform_from_evidence(&rungs, found);
        if self.installer.is_none() {
            // A better reason was recorded before.
            found.missing.truncate(gaps);
        }
        platform.variant = local::detect_variant(look, self.installations, &mut platform.evidence);
        platform
    }

    /// Modules that were installed one by one, by their managers' images.
    pub(super) fn standalone_modules_platform(&self, found: &mut Detection) -> DetectedPlatform {
        let mut components: Vec<PlatformComponent> = self
            .unreconciled_deployments
            .iter()
            .map(|row| PlatformComponent {
                name: row.meta.name.clone(),
                version: container_images(&row.object)
                    .find_map(|reference| ImageRef::new(reference).tag)
                    .map(str::to_owned),
                state: None,
            })
            .collect();
        components.sort();
        found.missing.push(MissingData {
            what: "the release of Kyma".to_owned(),
            why: "neither lifecycle-manager nor the reconciler nor the installer left a mark; what runs in kyma-system may be modules that were installed one by one"
                .to_owned(),
            rbac: None,
        });
        DetectedPlatform {
            name: PLATFORM,
            version: None,
            evidence: vec![format!(
                "deployments in kyma-system: {}",
                self.unreconciled_deployments.len()
            )],
            variant: Some("modules".to_owned()),
            components,
        }
    }
}

/// What the image of the installer says. A tag counts only where releases were published, or in a copy of it: a fork may
/// count on its own.
fn installer_evidence(look: &ClusterView<'_>, row: &ObjectRow) -> VersionEvidence {
    let mut containers = items_at(&row.object, "/spec/template/spec/containers");
    let container = containers
        .clone()
        .find(|container| str_at(container, "/name") == Some("kyma-installer-container"))
        .or_else(|| containers.next());
    let reference = container
        .and_then(|container| str_at(container, "/image"))
        .unwrap_or_default();
    let place = row.meta.namespaced_name();
    let mut description = format!("image of deployment {place}: {reference}");
    let image = ImageRef::new(reference);
    let unknown = |why: String| VersionClaim::Unknown(why);
    match (image.mirror_of(INSTALLER_IMAGE), image.tag) {
        (Some(mirror), Some(tag)) => {
            if !mirror.is_empty() {
                description += &format!(" (likely: a copy in the registry {mirror})");
            }
            VersionEvidence::from_version(look.catalog, description, PLATFORM, tag)
        }
        (Some(_), None) => {
            VersionEvidence::new(description, unknown("the image has no tag".to_owned()))
        }
        (None, _) => {
            let why = format!("it does not come from {INSTALLER_IMAGE} or a copy of it");
            VersionEvidence::new(description, unknown(why))
        }
    }
}

/// Each text with the number of times it comes, the most frequent first.
fn count_by_frequency<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(text, number)| (text.to_owned(), number))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| newer_first(&a.0, &b.0)));
    counts
}

fn newer_first(a: &str, b: &str) -> std::cmp::Ordering {
    let parse = |text: &str| text.parse::<crate::catalog::Release>().ok();
    parse(b).cmp(&parse(a)).then_with(|| a.cmp(b))
}
