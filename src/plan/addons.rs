//! Steps for add-ons that are incompatible with the minor of a hop. The release chosen for one hop is kept as long as it supports
//! the minors that follow.

use std::collections::BTreeMap;

use super::draft::{HopContext, StepDraft, StepTarget};
use super::step::Step;
use super::template;
use crate::catalog::addons::{Compatibility, CompatibilityRange, SupportLevel, UpgradeOrder};
use crate::catalog::{Catalog, DurationEstimate, HopPhase, Minor, Release};
use crate::conditions::CompletionCondition;
use crate::detect::InstalledAddon;
use crate::rules::object_path;

/// What is done to one installation at one hop.
#[derive(Debug, Clone)]
pub(super) struct AddonUpgrade {
    /// Index among the hops of Kubernetes.
    hop_index: usize,
    phase: HopPhase,
    addon: InstalledAddon,
    /// The release before, or the range of releases that an earlier hop chose.
    from_version: String,
    action: AddonAction,
}

#[derive(Debug, Clone)]
enum AddonAction {
    /// To a release of this range, which supports the minors before and after the hop.
    UpgradeBefore(String, Minor),
    /// To a release of this range, which supports only the minor after the hop; none if the catalog has no such release.
    UpgradeAfter(Option<String>, Minor),
    /// Its release is unknown, for this reason.
    DetermineVersion(String),
}

/// The upgrades of every installation on a path from the minor `from` over `minors`.
pub(super) fn addon_upgrades(
    installed: &[InstalledAddon],
    from: Option<Minor>,
    minors: &[Minor],
    catalog: &Catalog,
) -> Vec<AddonUpgrade> {
    // An add-on of several workloads is one installation.
    let mut installations: BTreeMap<(&str, &str), &InstalledAddon> = BTreeMap::new();
    for addon in installed {
        if addon.upgrade_order == UpgradeOrder::WithControlPlane {
            continue;
        }
        let key = (addon.component.as_str(), addon.namespace.as_str());
        let installation = installations.entry(key).or_insert(addon);
        if installation.version.is_none() && addon.version.is_some() {
            *installation = addon;
        }
    }
    let installations = installations.into_values();
    installations
        .flat_map(|addon| match &addon.version {
            Some(version) => upgrades_of_addon(addon, version, from, minors, catalog),
            None => determine_version(addon, minors, catalog)
                .into_iter()
                .collect(),
        })
        .collect()
}

/// An add-on of unknown release whose compatibility is limited.
fn determine_version(
    addon: &InstalledAddon,
    minors: &[Minor],
    catalog: &Catalog,
) -> Option<AddonUpgrade> {
    let is_limited = catalog.addons.ranges().any(|range| {
        range.component == addon.component && range.support_level != SupportLevel::KubeadmDefault
    });
    let reason = addon.unknown_version_reason.clone().unwrap_or_default();
    (is_limited && !minors.is_empty()).then(|| AddonUpgrade {
        hop_index: 0,
        phase: HopPhase::BeforeControlPlane,
        addon: addon.clone(),
        from_version: String::new(),
        action: AddonAction::DetermineVersion(reason),
    })
}

fn upgrades_of_addon(
    addon: &InstalledAddon,
    version: &Release,
    from: Option<Minor>,
    minors: &[Minor],
    catalog: &Catalog,
) -> Vec<AddonUpgrade> {
    let addons = &catalog.addons;
    let mut upgrades = Vec::new();
    let mut chosen: Option<&CompatibilityRange> = None;
    let mut before = from;
    for (hop_index, minor) in minors.iter().enumerate() {
        let previous = before.replace(*minor);
        let compatibility = match chosen {
            Some(range) => range.compatibility(*minor),
            None => addons.compatibility(&addon.component, version, *minor),
        };
        if compatibility != Compatibility::Incompatible {
            continue;
        }
        let is_late = addon.upgrade_order == UpgradeOrder::AfterControlPlane;
        let bridge = previous.filter(|_| !is_late).and_then(|previous| {
            let ranges = addons.bridging_ranges(&addon.component, previous, *minor);
            longest_supported(ranges.into_iter(), version)
        });
        let (range, phase, action) = if let Some(range) = bridge {
            let action = AddonAction::UpgradeBefore(range.versions.to_string(), *minor);
            (Some(range), HopPhase::BeforeControlPlane, action)
        } else {
            let ranges = addons.ranges().filter(|range| {
                range.component == addon.component
                    && range.compatibility(*minor) == Compatibility::Compatible
            });
            let range = longest_supported(ranges, version);
            let versions = range.map(|range| range.versions.to_string());
            let action = AddonAction::UpgradeAfter(versions, *minor);
            (range, HopPhase::AfterControlPlane, action)
        };
        upgrades.push(AddonUpgrade {
            hop_index,
            phase,
            addon: addon.clone(),
            from_version: chosen
                .map_or_else(|| version.to_string(), |range| range.versions.to_string()),
            action,
        });
        chosen = range.or(chosen);
    }
    upgrades
}

/// Of the ranges that are not older than the running release, the one that supports Kubernetes longest; of equal ones the newest.
fn longest_supported<'a>(
    ranges: impl Iterator<Item = &'a CompatibilityRange>,
    version: &Release,
) -> Option<&'a CompatibilityRange> {
    let running = (version.minor(), version.semver.patch);
    let newer = ranges.filter(|range| range.versions.newest_key() > running);
    newer.max_by_key(|range| {
        let newest = range.kubernetes.newest;
        (newest.is_none(), newest, range.versions.newest_key())
    })
}

/// The steps of one phase of a hop.
pub(super) fn addon_steps(
    upgrades: &[AddonUpgrade],
    hop: &HopContext<'_>,
    phase: HopPhase,
) -> Vec<StepDraft> {
    let upgrades = upgrades.iter().filter(|upgrade| {
        hop.hop_plan.is_kubernetes()
            && upgrade.hop_index == hop.kubernetes_hop_index
            && upgrade.phase == phase
    });
    upgrades
        .map(|upgrade| draft_addon_step(hop, upgrade))
        .collect()
}

fn draft_addon_step(hop: &HopContext<'_>, upgrade: &AddonUpgrade) -> StepDraft {
    let addon = &upgrade.addon;
    let (title, done_when) = title_and_condition(upgrade, hop.hop_plan.hop.minor());
    let object = object_path(addon.kind, Some(&addon.namespace), &addon.name);
    let chart = addon.chart.as_ref().map(|chart| format!("chart {chart}"));
    let owner = addon.owner.clone().or(chart);
    let action = format!("addon-{}-{}", addon.component, addon.namespace);
    let mut step = Step {
        duration: DurationEstimate::unknown("depends on how it was installed"),
        objects: vec![match owner {
            Some(owner) => format!("{object} ({owner})"),
            None => object.clone(),
        }],
        ..hop.step_skeleton(&action, &StepTarget::Cluster, title, done_when)
    };
    if !matches!(upgrade.action, AddonAction::DetermineVersion(_)) {
        step.commands = vec![hop.kubectl_command(&format!(
            "kubectl rollout status -n {} {}",
            template::shell_quoted(&addon.namespace),
            template::shell_quoted(&object_path(addon.kind, None, &addon.name))
        ))];
        step.interrupts = vec![format!("pods of {object} restart")];
    }
    StepDraft::from(step)
}

/// The title of a step of a hop to the minor `hop`, and when it counts as done.
fn title_and_condition(upgrade: &AddonUpgrade, hop: Minor) -> (String, CompletionCondition) {
    let addon = &upgrade.addon;
    let condition = |minor: &Minor| CompletionCondition::Addon {
        component: addon.component.clone(),
        namespace: addon.namespace.clone(),
        minor: *minor,
    };
    let name = &addon.title;
    let title = format!("Upgrade {name} from {}", upgrade.from_version);
    match &upgrade.action {
        AddonAction::UpgradeBefore(versions, minor) => (
            format!(
                "{title} to {versions}, which supports Kubernetes {minor} and the minor before"
            ),
            condition(minor),
        ),
        AddonAction::UpgradeAfter(Some(versions), minor) => (
            format!("{title} to {versions}, which supports Kubernetes {minor}"),
            condition(minor),
        ),
        AddonAction::UpgradeAfter(None, minor) => (
            format!("{title} to a release that supports Kubernetes {minor}; the catalog has none"),
            condition(minor),
        ),
        AddonAction::DetermineVersion(reason) => (
            format!(
                "Determine which release of {name} runs, and whether it supports Kubernetes {hop}: {reason}"
            ),
            CompletionCondition::Manual,
        ),
    }
}
