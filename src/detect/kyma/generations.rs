//! Which generation of Kyma runs, and what older ones left behind.

use std::collections::BTreeMap;

use super::super::rungs::Says;
use super::{
    Component, DetectedPlatform, Found, JsonRow, Look, NAME, Rung, Unmet, image, images,
    installations, installer, items, kymas, label, local, owned, place, settled, summaries, system,
    text,
};

/// Source: kyma-incubator/reconciler pkg/reconciler/service/labelsinterceptor.go.
const MANAGED_BY: &str = "reconciler.kyma-project.io/managed-by";
const ORIGIN: &str = "reconciler.kyma-project.io/origin-version";

/// Where releases of the installer were published.
const INSTALLER: &str = "eu.gcr.io/kyma-project/kyma-installer";

/// What was found, by generation.
pub(super) struct Generations<'a> {
    /// The Kyma object of lifecycle-manager.
    pub(super) modular: Option<&'a JsonRow>,
    /// Versions that the reconciler wrote, each with the number of its objects and where they were seen.
    pub(super) reconciled: Vec<(String, usize, &'static str)>,
    installer: Option<&'a JsonRow>,
    installations: &'a [JsonRow],
    /// Deployments in the system namespace without a mark of the reconciler.
    pub(super) lone: Vec<&'a JsonRow>,
}

impl<'a> Generations<'a> {
    pub(super) fn new(look: &Look<'a>) -> Self {
        let kymas = look.objects(&kymas());
        let is_own = |row: &&JsonRow| {
            row.meta.namespace.as_deref() == Some("kyma-system") && row.meta.name == "default"
        };
        let deployments = look.objects(&system());
        let reconciled = |row: &&JsonRow| label(&row.object, MANAGED_BY) == Some("reconciler");
        let versions = deployments.iter().filter(reconciled);
        let labels = count(versions.filter_map(|row| label(&row.object, ORIGIN)));
        let notes = look.objects(&summaries()).iter();
        let noted = count(notes.filter_map(|row| text(&row.object, "/data/version")));
        let by =
            |where_from| move |(version, number): (String, usize)| (version, number, where_from);
        Self {
            modular: kymas.iter().find(is_own),
            reconciled: labels
                .into_iter()
                .map(by("deployments in kyma-system by their origin-version"))
                .chain(
                    noted
                        .into_iter()
                        .map(by("components by the reconciler's notes")),
                )
                .collect(),
            installer: look.objects(&installer()).first(),
            installations: look.objects(&installations()),
            lone: deployments.iter().filter(|row| !reconciled(row)).collect(),
        }
    }

    /// Whether anything of Kyma 1 is there.
    pub(super) fn first(&self) -> bool {
        self.installer.is_some() || !self.installations.is_empty()
    }

    /// What an older generation left beside the one that runs.
    pub(super) fn left_behind(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let newer = self.modular.is_some() || !self.reconciled.is_empty();
        if newer && self.first() {
            remarks.push(
                "objects of Kyma 1 (its installer or an Installation) are still there beside the newer Kyma: the clean-up after the upgrade to 2.0 was not run"
                    .to_owned(),
            );
        }
        if self.modular.is_some() && !self.reconciled.is_empty() {
            remarks.push(
                "objects of Kyma 2 carry the reconciler's label beside the modules: they were not taken over or not removed"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Modules under lifecycle-manager: no release of Kyma as a whole.
    pub(super) fn modules(&self) -> DetectedPlatform {
        let mut evidence = Vec::new();
        let mut components = Vec::new();
        if let Some(kyma) = self.modular {
            let state = text(&kyma.object, "/status/state").unwrap_or("unknown");
            let channel = text(&kyma.object, "/spec/channel").unwrap_or("unknown");
            evidence.push(format!(
                "Kyma {} of lifecycle-manager: channel {channel}, state {state}",
                place(kyma)
            ));
            components.extend(items(&kyma.object, "/status/modules").filter_map(|module| {
                Some(Component {
                    name: owned(module, "/name")?,
                    version: owned(module, "/version"),
                    state: owned(module, "/state"),
                })
            }));
        }
        components.sort();
        DetectedPlatform {
            platform: NAME,
            version: None,
            evidence,
            variant: Some("modules".to_owned()),
            components,
        }
    }

    /// Kyma 2: the version that most objects carry. Objects of components that were dropped keep their old one.
    pub(super) fn second(&self, look: &Look<'_>, found: &mut Found) -> DetectedPlatform {
        let rungs: Vec<Rung> = self
            .reconciled
            .iter()
            .map(|(version, number, what)| {
                let seen = format!("{number} {what}: {version}");
                Rung::version(look.catalog, seen, NAME, version)
            })
            .collect();
        let mut platform = settled(&rungs, found);
        platform.variant = local::variant(look, &[], &mut platform.evidence);
        platform
    }

    /// Kyma 1, by its installer.
    pub(super) fn installer(&self, look: &Look<'_>, found: &mut Found) -> DetectedPlatform {
        let mut rungs: Vec<Rung> = self
            .installer
            .map(|row| installer_rung(look, row))
            .into_iter()
            .collect();
        if self.installer.is_none() {
            found.unmet.push(Unmet {
                what: "the release of Kyma".to_owned(),
                why: "the Deployment kyma-installer/kyma-installer, whose image names it, is gone while an Installation is there: an upgrade was stopped between deleting the old installer and applying the new one; the way from it is told by --local --from kyma=VERSION --to kyma=VERSION"
                    .to_owned(),
                rbac: None,
            });
        }
        for installation in self.installations {
            let state = text(&installation.object, "/status/state").unwrap_or("unknown");
            let at_work = label(&installation.object, "action").is_some();
            let at_work = if at_work {
                ", the installer is at work"
            } else {
                ""
            };
            let seen = format!(
                "Installation {}: state {state}{at_work}",
                place(installation)
            );
            rungs.push(Rung::new(seen, Says::Here));
        }
        let gaps = found.unmet.len();
        let mut platform = settled(&rungs, found);
        if self.installer.is_none() {
            // The better reason stands already.
            found.unmet.truncate(gaps);
        }
        platform.variant = local::variant(look, self.installations, &mut platform.evidence);
        platform
    }

    /// Modules that were installed one by one, by their managers' images.
    pub(super) fn lone_modules(&self, found: &mut Found) -> DetectedPlatform {
        let mut components: Vec<Component> = self
            .lone
            .iter()
            .map(|row| Component {
                name: row.meta.name.clone(),
                version: images(&row.object)
                    .find_map(|reference| image(reference).1)
                    .map(str::to_owned),
                state: None,
            })
            .collect();
        components.sort();
        found.unmet.push(Unmet {
            what: "the release of Kyma".to_owned(),
            why: "neither lifecycle-manager nor the reconciler nor the installer left a mark; what runs in kyma-system may be modules that were installed one by one"
                .to_owned(),
            rbac: None,
        });
        DetectedPlatform {
            platform: NAME,
            version: None,
            evidence: vec![format!("deployments in kyma-system: {}", self.lone.len())],
            variant: Some("modules".to_owned()),
            components,
        }
    }
}

/// What the image of the installer says. A tag counts only where releases were published: a fork may count on its own.
fn installer_rung(look: &Look<'_>, row: &JsonRow) -> Rung {
    let container = items(&row.object, "/spec/template/spec/containers")
        .find(|it| text(it, "/name") == Some("kyma-installer-container"))
        .or_else(|| items(&row.object, "/spec/template/spec/containers").next());
    let reference = container
        .and_then(|it| text(it, "/image"))
        .unwrap_or_default();
    let seen = format!("image of deployment {}: {reference}", place(row));
    match image(reference) {
        (INSTALLER, Some(tag)) => Rung::version(look.catalog, seen, NAME, tag),
        (INSTALLER, None) => Rung::new(seen, Says::Unknown("the image has no tag".to_owned())),
        _ => Rung::new(
            seen,
            Says::Unknown(format!("it does not come from {INSTALLER}")),
        ),
    }
}

/// Each text with the number of times it comes, the most frequent first.
fn count<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
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
