//! From the procedures of each hop to steps with this cluster's own names.

use crate::catalog::{Action, Each, Gates, Minor, Phase};
use crate::check::{Finding, Situation};
use crate::detect::Detected;
use crate::path::HopRef;
use crate::progress::{Condition, Progress, Seen};
use crate::snapshot::Picture;

use super::course::{Course, Leg};
use super::drain::{Drain, Drains};
use super::layout::{Layout, Pool, here};
use super::pools::{Moves, moves};
use super::{Step, addons, apis, state};

/// A step that is still to be told how far it is.
pub(super) struct Draft {
    pub(super) step: Step,
    pub(super) implied: bool,
    /// Whether somebody holds it back on purpose.
    pub(super) is_held: bool,
    /// Whether it is judged by the cluster as it is now, which tells nothing of a hop that is not next.
    pub(super) is_of_now: bool,
}

/// Nothing is known of it but the step.
impl From<Step> for Draft {
    fn from(step: Step) -> Self {
        Self {
            step,
            implied: false,
            is_held: false,
            is_of_now: false,
        }
    }
}

/// What steps of every hop are made from.
pub(super) struct Work<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) findings: &'a [Finding],
    pub(super) here: Option<(&'a Picture, &'a Detected)>,
    seen: Option<Seen<'a>>,
    pub(super) layout: Layout,
    pub(super) drains: Drains,
    /// For each pool of the layout.
    pub(super) moves: Vec<Moves>,
    /// What is done to add-ons.
    pub(super) addons: Vec<addons::Move>,
    /// How many nodes of a pool at a time, where somebody asked for it.
    pub(super) parallel: Option<u32>,
}

/// One hop of them.
pub(super) struct Now<'a> {
    pub(super) leg: &'a Leg<'a>,
    pub(super) hop: HopRef,
    /// Whether it is the first of the plan.
    pub(super) is_first: bool,
    /// The release that nodes get: that of the hop, unless they catch up.
    pub(super) release: &'a str,
    /// Of the hops of Kubernetes.
    pub(super) number: usize,
}

/// Where a step is done.
pub(super) enum Place<'a> {
    Cluster,
    ControlPlaneNode(&'a str),
    Pool(&'a Pool),
    Worker(&'a Pool, &'a str),
}

/// The steps of all hops, and what must be known of them.
pub(super) fn steps<'a>(
    situation: &'a Situation<'a>,
    findings: &'a [Finding],
    course: &'a Course<'a>,
    parallel: Option<u32>,
) -> (Vec<Step>, Vec<String>) {
    let work = Work::new(situation, findings, course, parallel);
    let mut steps = Vec::new();
    let mut number = 0;
    let mut is_next = true;
    for (at, leg) in course.legs.iter().enumerate() {
        let now = Now {
            leg,
            hop: HopRef::from(&leg.hop),
            is_first: at == 0,
            release: &leg.hop.to,
            number,
        };
        let drafts = work.hop(&now);
        let told = work.told(drafts, is_next);
        let settled = |step: &Step| {
            matches!(step.done_when, Condition::ByHand) || step.state == super::State::Done
        };
        is_next &= told.iter().all(settled);
        steps.extend(told);
        number += usize::from(leg.is_kubernetes());
    }
    let remarks = match number {
        0 => Vec::new(),
        _ => work.layout.held(),
    };
    (steps, remarks)
}

impl<'a> Work<'a> {
    fn new(
        situation: &'a Situation<'a>,
        findings: &'a [Finding],
        course: &Course<'_>,
        parallel: Option<u32>,
    ) -> Self {
        let here = here(situation);
        let layout = Layout::new(situation);
        let drains = here.map(|(picture, _)| Drains::new(situation, picture, findings));
        let legs = || course.legs.iter().filter(|leg| leg.is_kubernetes());
        let minors: Vec<Minor> = legs().map(|leg| leg.hop.minor).collect();
        let procedures = legs().flat_map(|leg| &leg.procedures);
        let kubelets = procedures.filter_map(|procedure| procedure.kubelets.as_ref());
        let mut limits = kubelets.map(|kubelets| {
            let limit = kubelets.at_most.unwrap_or(u8::MAX);
            kubelets.may_lag.then_some(limit)
        });
        let at_most = limits.try_fold(u8::MAX, |least, limit| Some(least.min(limit?)));
        let server = here.map(|(_, detected)| detected.effective_minor);
        let moves = |pool: &Pool| {
            let oldest = pool.oldest.as_ref().map(crate::catalog::Release::minor);
            let oldest = oldest.or(situation.path.from);
            moves(oldest, server, &minors, at_most, situation.catalog)
        };
        let installed = here.map(|(_, detected)| detected.addons.as_slice());
        let addons = addons::moves(
            installed.unwrap_or_default(),
            server,
            &minors,
            situation.catalog,
        );
        Self {
            addons,
            situation,
            findings,
            here,
            seen: here.map(|here| Seen::new(situation, here, findings)),
            drains: drains.unwrap_or_default(),
            moves: layout.pools.iter().map(moves).collect(),
            layout,
            parallel,
        }
    }

    /// The steps of one hop, in their order.
    fn hop(&self, now: &Now<'_>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        if now.leg.procedures.is_empty() {
            drafts.extend(apis::steps(self, now));
            drafts.push(self.by_its_guide(now));
            return drafts;
        }
        for phase in [
            Phase::Prepare,
            Phase::Before,
            Phase::ControlPlane,
            Phase::After,
            Phase::Nodes,
            Phase::Finish,
        ] {
            let pools = self.moving(now);
            drafts.extend(self.phase(now, phase, &pools));
            match phase {
                Phase::Prepare => drafts.extend(self.catching_up(now)),
                Phase::Before => {
                    drafts.extend(apis::steps(self, now));
                    drafts.extend(addons::steps(self, now, phase));
                }
                Phase::After => drafts.extend(addons::steps(self, now, phase)),
                _ => {}
            }
        }
        drafts
    }

    /// Pools that move in this hop.
    fn moving(&self, now: &Now<'_>) -> Vec<&Pool> {
        let pools = self.layout.pools.iter().zip(&self.moves);
        let pools = pools.filter(|(_, moves)| moves.at.get(now.number) == Some(&true));
        pools.map(|(pool, _)| pool).collect()
    }

    /// Pools that would be too old for the first hop are brought to what the API server is now.
    fn catching_up(&self, now: &Now<'_>) -> Vec<Draft> {
        let Some((_, detected)) = self
            .here
            .filter(|_| now.number == 0 && now.leg.is_kubernetes())
        else {
            return Vec::new();
        };
        let pools = self.layout.pools.iter().zip(&self.moves);
        let pools: Vec<&Pool> = pools
            .filter(|(_, moves)| moves.catches_up)
            .map(|(pool, _)| pool)
            .collect();
        let release = detected.kubernetes.plain();
        let now = Now {
            release: &release,
            hop: now.hop.clone(),
            ..*now
        };
        self.phase(&now, Phase::Nodes, &pools)
    }

    fn phase(&self, now: &Now<'_>, phase: Phase, pools: &[&Pool]) -> Vec<Draft> {
        let actions = now
            .leg
            .procedures
            .iter()
            .flat_map(|procedure| &procedure.steps);
        let actions = actions.filter(|action| {
            action.phase == phase
                && action.hops.contains(now.leg.hop.minor)
                && (!action.crossing || now.leg.crosses())
        });
        let ours = &self.layout.control_plane;
        let mut drafts = Vec::new();
        for action in actions {
            let nodes: &[String] = match action.each {
                Each::FirstControlPlaneNode => ours.get(..1).unwrap_or_default(),
                Each::OtherControlPlaneNodes => ours.get(1..).unwrap_or_default(),
                Each::ControlPlaneNodes => ours,
                Each::Once => {
                    drafts.push(self.draft(now, action, &Place::Cluster));
                    continue;
                }
                Each::Pool | Each::Node => {
                    drafts.extend(self.of_pools(now, action, pools));
                    continue;
                }
            };
            let place = nodes.iter().map(|node| Place::ControlPlaneNode(node));
            drafts.extend(place.map(|place| self.draft(now, action, &place)));
        }
        drafts
    }

    fn of_pools(&self, now: &Now<'_>, action: &Action, pools: &[&Pool]) -> Vec<Draft> {
        let made = |pool: &&&Pool| action.made_by.is_none_or(|maker| maker == pool.maker);
        let places = pools
            .iter()
            .filter(made)
            .flat_map(|pool| match action.each {
                Each::Node => pool
                    .nodes
                    .iter()
                    .map(|node| Place::Worker(pool, node))
                    .collect(),
                _ => vec![Place::Pool(pool)],
            });
        places
            .map(|place| self.draft(now, action, &place))
            .collect()
    }

    /// A hop of a platform whose procedure is not in the catalog.
    fn by_its_guide(&self, now: &Now<'_>) -> Draft {
        let hop = &now.leg.hop;
        let name = hop.platform.parse().ok();
        let platform = name.and_then(|name| self.situation.catalog.platform(name));
        let title = platform.map_or(hop.platform.as_str(), |platform| &platform.title);
        let from = hop.from.as_deref().map(|from| format!(" from {from}"));
        let done_when = name.map_or(Condition::ByHand, |platform| Condition::Platform {
            platform,
            release: hop.to.clone(),
        });
        let title = format!(
            "Upgrade {title}{} to {}, as its guide says",
            from.unwrap_or_default(),
            hop.to
        );
        Draft::from(Step {
            gates: self.gates(now, &Gates::Hop, &Drain::default()),
            reversible: false,
            links: self.of_hop(now),
            ..self.blank(now, "upgrade", title, done_when)
        })
    }

    /// The steps of a hop, with how far each of them is.
    fn told(&self, drafts: Vec<Draft>, is_next: bool) -> Vec<Step> {
        let mut later_is_begun = false;
        let mut steps: Vec<Step> = drafts
            .into_iter()
            .rev()
            .map(|draft| {
                let mut step = draft.step;
                let seen = self.seen(&step.done_when, draft.is_of_now && !is_next);
                let progress = match seen {
                    Progress::Done | Progress::Doing { .. } => seen,
                    _ if draft.implied && later_is_begun => Progress::Done,
                    _ => seen,
                };
                later_is_begun |=
                    matches!(progress, Progress::Done | Progress::Doing { .. }) && !draft.is_of_now;
                let is_gated = draft.is_held || !step.gates.is_empty();
                (step.state, step.progress) = state(progress, is_gated);
                step
            })
            .collect();
        steps.reverse();
        steps
    }

    fn seen(&self, condition: &Condition, is_too_early: bool) -> Progress {
        match (&self.seen, condition) {
            (_, Condition::ByHand) => Progress::ByHand,
            (None, _) => Progress::Todo,
            (Some(_), Condition::NoBlockers { .. }) if is_too_early => Progress::Todo,
            (Some(seen), condition) => seen.progress(condition),
        }
    }
}
