//! Add-ons whose release is not for the minor of a hop, as steps in their place; once upgraded they stay as long as the release
//! that was chosen is for the minors that follow.

use std::collections::BTreeMap;

use crate::catalog::addons::{Compatibility, CompatibilityRange, SupportLevel, UpgradeOrder};
use crate::catalog::{Catalog, HopPhase, Minor, Release};
use crate::conditions::CompletionCondition;
use crate::detect::InstalledAddon;
use crate::rules::object_path;

use super::builder::{HopContext, PlanBuilder, StepDraft};
use super::{DurationEstimate, Step, template};

/// What is done to one installation, in hops of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct AddonUpgrade {
    /// Of the hops of Kubernetes.
    hop_index: usize,
    phase: HopPhase,
    addon: InstalledAddon,
    /// What it is by then.
    from_version: String,
    action: AddonAction,
}

#[derive(Debug, Clone)]
enum AddonAction {
    /// To a release of these, which are for the minor before and after the hop.
    UpgradeBefore(String, Minor),
    /// To one of these, which are for the minor after it only; or where none is known, to any that is.
    UpgradeAfter(Option<String>, Minor),
    /// Which release runs is not known.
    DetermineVersion(String),
}

/// The moves of every installation along a way over these minors that begins at `from`.
pub(super) fn addon_upgrades(
    installed: &[InstalledAddon],
    from: Option<Minor>,
    minors: &[Minor],
    catalog: &Catalog,
) -> Vec<AddonUpgrade> {
    // An add-on of several workloads is one installation.
    let mut one_each: BTreeMap<(&str, &str), &InstalledAddon> = BTreeMap::new();
    for it in installed
        .iter()
        .filter(|it| it.upgrade_order != UpgradeOrder::WithControlPlane)
    {
        let key = (it.component.as_str(), it.namespace.as_str());
        let known = one_each.entry(key).or_insert(it);
        if known.version.is_none() && it.version.is_some() {
            *known = it;
        }
    }
    let all = one_each.into_values();
    all.flat_map(|it| upgrades_of_addon(it, from, minors, catalog))
        .collect()
}

fn upgrades_of_addon(
    it: &InstalledAddon,
    from: Option<Minor>,
    minors: &[Minor],
    catalog: &Catalog,
) -> Vec<AddonUpgrade> {
    let addons = &catalog.addons;
    let a_move = |hop, phase, from: Option<String>, what| AddonUpgrade {
        hop_index: hop,
        phase,
        addon: it.clone(),
        from_version: from.unwrap_or_default(),
        action: what,
    };
    let Some(version) = &it.version else {
        let limited = addons.ranges().any(|row| {
            row.component == it.component && row.support_level != SupportLevel::KubeadmDefault
        });
        let why = it.unknown_version_reason.clone().unwrap_or_default();
        let needed = limited && !minors.is_empty();
        return needed
            .then(|| {
                a_move(
                    0,
                    HopPhase::BeforeControlPlane,
                    None,
                    AddonAction::DetermineVersion(why),
                )
            })
            .into_iter()
            .collect();
    };
    let mut moves = Vec::new();
    let mut chosen: Option<&CompatibilityRange> = None;
    let mut before = from;
    for (hop, minor) in minors.iter().enumerate() {
        let fit = match chosen {
            Some(row) => row.compatibility(*minor),
            None => addons.compatibility(&it.component, version, *minor),
        };
        if fit == Compatibility::Incompatible {
            let bridge = before.and_then(|before| {
                let rows = addons.bridging_ranges(&it.component, before, *minor);
                longest_supported(rows.into_iter(), version)
            });
            let late = it.upgrade_order == UpgradeOrder::AfterControlPlane;
            let (row, phase, what) = match bridge.filter(|_| !late) {
                Some(row) => {
                    let what = AddonAction::UpgradeBefore(row.versions.to_string(), *minor);
                    (Some(row), HopPhase::BeforeControlPlane, what)
                }
                None => {
                    let rows = addons.ranges().filter(|row| {
                        row.component == it.component
                            && row.compatibility(*minor) == Compatibility::Compatible
                    });
                    let row = longest_supported(rows, version);
                    let shown = row.map(|row| row.versions.to_string());
                    (
                        row,
                        HopPhase::AfterControlPlane,
                        AddonAction::UpgradeAfter(shown, *minor),
                    )
                }
            };
            let from = chosen.map_or_else(|| version.to_string(), |row| row.versions.to_string());
            moves.push(a_move(hop, phase, Some(from), what));
            chosen = row.or(chosen);
        }
        before = Some(*minor);
    }
    moves
}

/// Of rows that are not behind what runs, the one that lasts longest; of equal ones the newest.
fn longest_supported<'a>(
    rows: impl Iterator<Item = &'a CompatibilityRange>,
    version: &Release,
) -> Option<&'a CompatibilityRange> {
    let runs = (version.minor(), version.semver.patch);
    let ahead = rows.filter(|row| row.versions.newest_key() > runs);
    ahead.max_by_key(|row| {
        let lasts = row.kubernetes.newest;
        (lasts.is_none(), lasts, row.versions.newest_key())
    })
}

/// The steps of a hop that belong to this phase.
pub(super) fn addon_steps(
    work: &PlanBuilder<'_>,
    now: &HopContext<'_>,
    phase: HopPhase,
) -> Vec<StepDraft> {
    if !now.hop_plan.is_kubernetes() {
        return Vec::new();
    }
    let here = work.addon_upgrades.iter();
    here.filter(|it| it.hop_index == now.kubernetes_hop_index && it.phase == phase)
        .map(|it| draft_addon_step(work, now, it))
        .collect()
}

fn draft_addon_step(work: &PlanBuilder<'_>, now: &HopContext<'_>, it: &AddonUpgrade) -> StepDraft {
    let at = &it.addon;
    let (title, done_when) = title_and_condition(it, now.hop_plan.hop.minor());
    let object = object_path(at.kind, Some(&at.namespace), &at.name);
    let chart = at.chart.as_ref().map(|chart| format!("chart {chart}"));
    let owner = at.owner.clone().or(chart);
    let commands = match it.action {
        AddonAction::DetermineVersion(_) => Vec::new(),
        _ => vec![work.kubectl_command(&format!(
            "kubectl rollout status -n {} {}",
            template::shell_quoted(&at.namespace),
            template::shell_quoted(&object_path(at.kind, None, &at.name))
        ))],
    };
    let interrupts = match it.action {
        AddonAction::DetermineVersion(_) => Vec::new(),
        _ => vec![format!("pods of {object} restart")],
    };
    StepDraft::from(Step {
        commands,
        interrupts,
        duration: DurationEstimate {
            basis: "it depends on how it was installed".to_owned(),
            ..DurationEstimate::default()
        },
        objects: vec![match owner {
            Some(owner) => format!("{object} ({owner})"),
            None => object,
        }],
        ..work.step_skeleton(
            now,
            &format!("addon-{}-{}", at.component, at.namespace),
            title,
            done_when,
        )
    })
}

/// What is done, and how to tell that it is; `hop` is the minor that the hop leads to.
fn title_and_condition(it: &AddonUpgrade, hop: Minor) -> (String, CompletionCondition) {
    let name = &it.addon.title;
    let upgrade = format!("Upgrade {name} from {}", it.from_version);
    match &it.action {
        AddonAction::UpgradeBefore(versions, minor) => (
            format!(
                "{upgrade} to {versions}, which is for Kubernetes {minor} and the minor before"
            ),
            addon_condition(&it.addon, *minor),
        ),
        AddonAction::UpgradeAfter(Some(versions), minor) => (
            format!("{upgrade} to {versions}, which is for Kubernetes {minor}"),
            addon_condition(&it.addon, *minor),
        ),
        AddonAction::UpgradeAfter(None, minor) => (
            format!("{upgrade} to a release for Kubernetes {minor}; none is known here"),
            addon_condition(&it.addon, *minor),
        ),
        AddonAction::DetermineVersion(why) => (
            format!(
                "Find out which release of {name} runs, and whether it is for Kubernetes {hop}: {why}"
            ),
            CompletionCondition::Manual,
        ),
    }
}

fn addon_condition(at: &InstalledAddon, minor: Minor) -> CompletionCondition {
    CompletionCondition::Addon {
        component: at.component.clone(),
        namespace: at.namespace.clone(),
        minor,
    }
}
