//! Add-ons whose release is not for the minor of a hop, as steps in their place; once upgraded they stay as long as the release
//! that was chosen is for the minors that follow.

use std::collections::BTreeMap;

use crate::catalog::addons::{Claim, Fit, Place, Row};
use crate::catalog::{Catalog, Minor, Phase, Release};
use crate::check::object_path;
use crate::detect::Installed;
use crate::progress::Condition;

use super::expand::{Draft, Now, Work};
use super::{Step, Takes, fill};

/// What is done to one installation, in hops of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct Move {
    /// Of the hops of Kubernetes.
    hop: usize,
    phase: Phase,
    at: Installed,
    /// What it is by then.
    from: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// To a release of these, which are for the minor before and after the hop.
    Bridge(String, Minor),
    /// To one of these, which are for the minor after it only; or where none is known, to any that is.
    Follow(Option<String>, Minor),
    /// Which release runs is not known.
    FindOut(String),
}

/// The moves of every installation along a way over these minors that begins at `from`.
pub(super) fn moves(
    installed: &[Installed],
    from: Option<Minor>,
    minors: &[Minor],
    catalog: &Catalog,
) -> Vec<Move> {
    // An add-on of several workloads is one installation.
    let mut one_each: BTreeMap<(&str, &str), &Installed> = BTreeMap::new();
    for it in installed.iter().filter(|it| it.place != Place::With) {
        let key = (it.component.as_str(), it.namespace.as_str());
        let known = one_each.entry(key).or_insert(it);
        if known.version.is_none() && it.version.is_some() {
            *known = it;
        }
    }
    let all = one_each.into_values();
    all.flat_map(|it| of_one(it, from, minors, catalog))
        .collect()
}

fn of_one(it: &Installed, from: Option<Minor>, minors: &[Minor], catalog: &Catalog) -> Vec<Move> {
    let addons = &catalog.addons;
    let a_move = |hop, phase, from: Option<String>, what| Move {
        hop,
        phase,
        at: it.clone(),
        from: from.unwrap_or_default(),
        what,
    };
    let Some(version) = &it.version else {
        let limited = addons
            .rows()
            .any(|row| row.component == it.component && row.strength != Claim::KubeadmDefault);
        let why = it.unknown.clone().unwrap_or_default();
        let needed = limited && !minors.is_empty();
        return needed
            .then(|| a_move(0, Phase::Before, None, What::FindOut(why)))
            .into_iter()
            .collect();
    };
    let mut moves = Vec::new();
    let mut chosen: Option<&Row> = None;
    let mut before = from;
    for (hop, minor) in minors.iter().enumerate() {
        let fit = match chosen {
            Some(row) => row.fits(*minor),
            None => addons.fits(&it.component, version, *minor),
        };
        if fit == Fit::No {
            let bridge = before.and_then(|before| {
                let rows = addons.bridging(&it.component, before, *minor);
                furthest(rows.into_iter(), version)
            });
            let late = it.place == Place::After;
            let (row, phase, what) = match bridge.filter(|_| !late) {
                Some(row) => {
                    let what = What::Bridge(row.versions.to_string(), *minor);
                    (Some(row), Phase::Before, what)
                }
                None => {
                    let rows = addons.rows().filter(|row| {
                        row.component == it.component && row.fits(*minor) == Fit::Yes
                    });
                    let row = furthest(rows, version);
                    let shown = row.map(|row| row.versions.to_string());
                    (row, Phase::After, What::Follow(shown, *minor))
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
fn furthest<'a>(rows: impl Iterator<Item = &'a Row>, version: &Release) -> Option<&'a Row> {
    let runs = (version.minor(), version.semver.patch);
    let ahead = rows.filter(|row| row.versions.newest() > runs);
    ahead.max_by_key(|row| {
        let lasts = row.kubernetes.newest;
        (lasts.is_none(), lasts, row.versions.newest())
    })
}

/// The steps of a hop that belong to this phase.
pub(super) fn steps(work: &Work<'_>, now: &Now<'_>, phase: Phase) -> Vec<Draft> {
    if !now.leg.is_kubernetes() {
        return Vec::new();
    }
    let here = work.addons.iter();
    here.filter(|it| it.hop == now.number && it.phase == phase)
        .map(|it| draft(work, now, it))
        .collect()
}

fn draft(work: &Work<'_>, now: &Now<'_>, it: &Move) -> Draft {
    let at = &it.at;
    let (title, done_when) = goal(it, now.leg.hop.minor);
    let object = object_path(at.kind, Some(&at.namespace), &at.name);
    let chart = at.chart.as_ref().map(|chart| format!("chart {chart}"));
    let owner = at.owner.clone().or(chart);
    let commands = match it.what {
        What::FindOut(_) => Vec::new(),
        _ => vec![work.here_command(&format!(
            "kubectl rollout status -n {} {}",
            fill::quoted(&at.namespace),
            fill::quoted(&object_path(at.kind, None, &at.name))
        ))],
    };
    let interrupts = match it.what {
        What::FindOut(_) => Vec::new(),
        _ => vec![format!("pods of {object} restart")],
    };
    Draft::from(Step {
        commands,
        interrupts,
        takes: Takes {
            basis: "it depends on how it was installed".to_owned(),
            ..Takes::default()
        },
        objects: vec![match owner {
            Some(owner) => format!("{object} ({owner})"),
            None => object,
        }],
        ..work.blank(
            now,
            &format!("addon-{}-{}", at.component, at.namespace),
            title,
            done_when,
        )
    })
}

/// What is done, and how to tell that it is; `hop` is the minor that the hop leads to.
fn goal(it: &Move, hop: Minor) -> (String, Condition) {
    let name = &it.at.title;
    let upgrade = format!("Upgrade {name} from {}", it.from);
    match &it.what {
        What::Bridge(versions, minor) => (
            format!(
                "{upgrade} to {versions}, which is for Kubernetes {minor} and the minor before"
            ),
            done(&it.at, *minor),
        ),
        What::Follow(Some(versions), minor) => (
            format!("{upgrade} to {versions}, which is for Kubernetes {minor}"),
            done(&it.at, *minor),
        ),
        What::Follow(None, minor) => (
            format!("{upgrade} to a release for Kubernetes {minor}; none is known here"),
            done(&it.at, *minor),
        ),
        What::FindOut(why) => (
            format!(
                "Find out which release of {name} runs, and whether it is for Kubernetes {hop}: {why}"
            ),
            Condition::ByHand,
        ),
    }
}

fn done(at: &Installed, minor: Minor) -> Condition {
    Condition::Addon {
        component: at.component.clone(),
        namespace: at.namespace.clone(),
        minor: minor.to_string(),
    }
}
