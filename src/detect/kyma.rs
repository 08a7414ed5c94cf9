//! Kyma: modules, Kyma 2 by the labels of its reconciler, Kyma 1 by the image of its installer.
//!
//! `version` of an Installation is never looked at: release artifacts carry a constant or a template there.
//! Source: kyma-project/kyma installation/scripts/release-generate-kyma-installer-artifacts.sh.

mod generations;
mod local;

use super::look::{Look, all, image, images, items, label, owned, place, serves, text};
use super::rungs::{Rung, settle};
use super::{Component, DetectedPlatform, Found};
use crate::catalog::{PlatformName, Resource};
use crate::need::{Depth, Need, Selector, Survey};
use crate::snapshot::{JsonRow, Unmet};

const GROUPS: &str = "kyma-project.io";
const NAME: PlatformName = PlatformName::Kyma;

fn kymas() -> Need {
    all("operator.kyma-project.io", "kymas")
}

fn installations() -> Need {
    all("installer.kyma-project.io", "installations")
}

fn installer() -> Need {
    Need::named(
        Resource::new("apps", "deployments"),
        "kyma-installer",
        "kyma-installer",
    )
}

/// All Deployments of the system namespace: those of the reconciler carry its label, those of lone modules none.
fn system() -> Need {
    Need::selected_in(
        Resource::new("apps", "deployments"),
        "kyma-system",
        "",
        Depth::Whole,
    )
}

/// What the reconciler notes of each component.
fn summaries() -> Need {
    Need::selected(
        Resource::new("", "configmaps"),
        Selector {
            labels: "reconciler.kyma-project.io/reconciliation-summary=true".to_owned(),
            fields: String::new(),
        },
        Depth::Whole,
    )
}

/// What Kyma is told by.
pub(super) fn needs(survey: &Survey) -> Vec<Need> {
    if !serves(survey, GROUPS) {
        return Vec::new();
    }
    let mut needs = vec![kymas(), installations(), installer(), system(), summaries()];
    needs.extend(local::needs());
    needs
}

/// Looks for Kyma, the newest generation first: older ones leave objects behind.
pub(super) fn detect(look: &Look<'_>) -> Found {
    let served = look.served(GROUPS);
    if served.is_empty() {
        return Found::default();
    }
    let generations = generations::Generations::new(look);
    let mut found = Found::default();
    found.remarks.extend(generations.left_behind());
    let platform = if generations.modular.is_some() {
        generations.modules()
    } else if !generations.reconciled.is_empty() {
        generations.second(look, &mut found)
    } else if generations.first() {
        generations.installer(look, &mut found)
    } else if !generations.lone.is_empty() {
        generations.lone_modules(&mut found)
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

fn settled(rungs: &[Rung], found: &mut Found) -> DetectedPlatform {
    let settled = settle(rungs);
    found.unmet.extend(settled.gap("Kyma"));
    found.remarks.extend(settled.remark("Kyma"));
    DetectedPlatform {
        platform: NAME,
        version: settled.version,
        evidence: settled.evidence,
        variant: None,
        components: Vec::new(),
    }
}
