//! What exactly, in what order: from a path to steps, each with its state as the cluster shows it.
//!
//! | file | holds |
//! |---|---|
//! | `course` | the hops, the one that is under way first |
//! | `layout` | nodes of the control plane and pools, in the order in which they go |
//! | `machines` | the objects of Cluster API that the cluster is made from |
//! | `pools` | at which hops each pool moves |
//! | `rolling` | how many machines of a pool go at a time, by what it says itself |
//! | `sequence` | in what order a topology upgrades its pools, and what holds them back |
//! | `drain` | what draining a node meets |
//! | `draft` | one step of a procedure, with this cluster's own names |
//! | `expand` | from a procedure of the catalog to the steps of a hop |
//! | `addons` | add-ons that are not for the minor of a hop |
//! | `apis` | APIs that go, as steps before their hop |
//! | `window` | maintenance windows, and when they open |
//! | `schedule` | which steps fit into them |
//! | `fill` | names and commands with this cluster's own words in them |
//!
//! A plan is a pure function of a situation, its findings and what was wished. A step's state is read from the cluster, never
//! from a file that we keep: asked half-way, the same question shows what is done.

mod addons;
mod apis;
mod course;
mod draft;
mod drain;
mod expand;
mod fill;
mod layout;
mod machines;
mod pools;
mod rolling;
mod schedule;
mod sequence;
mod window;

pub use schedule::{Schedule, Slot};
pub use window::{NotAWindow, Window};

use crate::check::{Finding, Gap, Judgement, Situation};
use crate::need::{ClusterId, Need, Survey};
use crate::path::{Hop, HopRef};
use crate::progress::{self, Condition, Progress};

/// What a person wants of a plan.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// How many nodes of a pool at a time; none for as many as the pool itself says, and one where it says nothing.
    pub parallel: Option<u32>,
    /// Leave out what is done.
    pub only_remaining: bool,
    /// When steps may run that interrupt somebody; none for any time.
    pub windows: Vec<Window>,
}

/// The whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In order; the first may be one that is under way.
    pub hops: Vec<Hop>,
    /// In order.
    pub steps: Vec<Step>,
    /// The findings that gate steps, in the order of the judgement.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What else must be known.
    pub remarks: Vec<String>,
    /// Steps that were left out because they are done.
    pub done_before: usize,
    /// How many nodes of a pool at a time durations are reckoned with, where its nodes are steps of their own. A pool that is
    /// one step has it in the basis of its duration.
    pub parallel: u32,
    /// The windows that are used; empty where none was asked for.
    pub schedule: Schedule,
}

/// Something that a person or a pipeline does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Stable: the same for the same hop, action and place.
    pub id: String,
    /// In which hop.
    pub hop: HopRef,
    /// Where.
    pub scope: Scope,
    /// What is done, without a full stop.
    pub title: String,
    /// How far it is.
    pub state: State,
    /// Of a step under way: so many of so many.
    pub progress: Option<(usize, usize)>,
    /// In order, for a shell; a line that begins with `#` says where the next ones run.
    pub commands: Vec<String>,
    /// Fingerprints of the findings that must be out of the way.
    pub gates: Vec<String>,
    /// How to tell that it is done.
    pub done_when: Condition,
    /// How long it takes.
    pub takes: Takes,
    /// Who is interrupted.
    pub interrupts: Vec<String>,
    /// Whether there is a way back.
    pub reversible: bool,
    /// Pages for people.
    pub links: Vec<String>,
    /// What it is about: objects to be changed, and by whom.
    pub objects: Vec<String>,
}

/// How long a step takes, in seconds. What was neither published nor observed is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Takes {
    /// At least.
    pub low: Option<u64>,
    /// At most.
    pub high: Option<u64>,
    /// On what basis.
    pub basis: String,
}

/// Where a step runs. Ordered from far to near.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All clusters.
    Fleet,
    /// The management cluster.
    Management,
    /// A workspace of DKP.
    Workspace,
    /// A project of DKP.
    Project,
    /// A cluster.
    Cluster,
    /// A pool of nodes.
    Pool,
    /// A node.
    Node,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// What kind of place.
    pub level: Level,
    /// Which one.
    pub name: String,
    /// Of a node that is a worker: its pool.
    pub pool: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The cluster shows that it is done.
    Done,
    /// It is under way.
    Doing,
    /// It is to be done.
    Todo,
    /// It is to be done, and something stands in its way.
    Blocked,
    /// The cluster does not show it: a person knows.
    ByHand,
    /// It could not be seen.
    Unknown,
}

impl State {
    /// As documents write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Doing => "doing",
            Self::Todo => "todo",
            Self::Blocked => "blocked",
            Self::ByHand => "by-hand",
            Self::Unknown => "unknown",
        }
    }
}

impl Level {
    /// As documents write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Management => "management",
            Self::Workspace => "workspace",
            Self::Project => "project",
            Self::Cluster => "cluster",
            Self::Pool => "pool",
            Self::Node => "node",
        }
    }
}

/// What is left of a plan takes so long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// As far as it is known, with so many nodes of a pool at a time as was wished.
    pub seconds: Takes,
    /// Steps of which it is not known how long they take at most.
    pub unknown: usize,
}

impl Plan {
    /// Steps that are not done.
    pub fn left(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.state != State::Done)
    }

    /// How many steps are done, those that were left out included.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done_before + self.steps.len() - self.left().count()
    }

    /// How long what is left takes. Workers of a pool go side by side.
    #[must_use]
    pub fn takes(&self) -> Left {
        let mut left = Left::default();
        let (mut low, mut high) = (0, 0);
        for step in self.left() {
            let by = side_by_side(step.scope.pool.as_deref(), self.parallel);
            low += step.takes.low.unwrap_or_default().div_ceil(by);
            match step.takes.high {
                Some(seconds) => high += seconds.div_ceil(by),
                None => left.unknown += 1,
            }
        }
        left.seconds.low = Some(low);
        left.seconds.high = Some(high);
        left
    }
}

/// With how many others of its kind a step goes together, itself included: workers of a pool, so many as was wished. Of a pool
/// that is one step it is in the duration already.
#[must_use]
pub fn side_by_side(pool: Option<&str>, parallel: u32) -> u64 {
    pool.map_or(1, |_| u64::from(parallel.max(1)))
}

/// What a plan looks at beyond what rules look at, on a server that serves this.
#[must_use]
pub fn needs(survey: &Survey) -> Vec<Need> {
    let mut needs = progress::needs(survey);
    needs.extend(drain::needs());
    needs.extend(layout::needs());
    needs.sort();
    needs.dedup();
    needs
}

/// Makes a plan of a judged situation. Of several clusters, the first is planned for; without one, names stand for themselves.
#[must_use]
pub fn plan(situation: &Situation<'_>, judgement: &Judgement, wishes: &Wishes) -> Plan {
    let course = course::course(situation);
    let (mut steps, held) = expand::steps(situation, &judgement.findings, &course, wishes.parallel);
    let done_before = match wishes.only_remaining {
        true => {
            let all = steps.len();
            steps.retain(|step| step.state != State::Done);
            all - steps.len()
        }
        false => 0,
    };
    let gates = |finding: &&Finding| {
        let mut steps = steps.iter();
        steps.any(|step| step.gates.contains(&finding.fingerprint))
    };
    let findings = judgement.findings.iter().filter(gates).cloned().collect();
    let mut remarks = judgement.remarks.clone();
    remarks.extend(course.remarks);
    remarks.extend(held);
    remarks.extend(narrowed(situation));
    let parallel = wishes.parallel.unwrap_or(1).max(1);
    let schedule = match wishes.windows.is_empty() {
        true => Schedule::default(),
        false => schedule::schedule(&steps, &wishes.windows, parallel, situation.now),
    };
    remarks.extend(misfits(&schedule));
    Plan {
        schedule,
        hops: course.legs.into_iter().map(|leg| leg.hop).collect(),
        findings,
        gaps: gaps(situation, judgement),
        remarks,
        done_before,
        parallel,
        steps,
    }
}

/// What a plan of one namespace cannot know.
fn narrowed(situation: &Situation<'_>) -> Option<String> {
    let namespace = situation.snapshot.clusters.first()?.namespace.as_ref()?;
    Some(format!(
        "only the namespace {namespace} was looked at: what drains meet elsewhere, and what blocks there, is not in this plan"
    ))
}

/// Steps that fit no window, to be said aloud.
fn misfits(schedule: &Schedule) -> impl Iterator<Item = String> {
    let misfits = schedule.misfits.iter();
    misfits.map(|id| format!("{id} fits into no window that is left"))
}

/// What rules could not see, and what only the plan looks at.
fn gaps(situation: &Situation<'_>, judgement: &Judgement) -> Vec<Gap> {
    let mut gaps = judgement.gaps.clone();
    for picture in &situation.snapshot.clusters {
        for need in needs(&picture.survey) {
            let Err(unmet) = picture.read(&need, situation.catalog) else {
                continue;
            };
            let told =
                |gap: &Gap| gap.what == unmet.what && gap.cluster == Some(picture.id.clone());
            if !gaps.iter().any(told) {
                gaps.push(Gap {
                    what: unmet.what,
                    why: unmet.why,
                    cluster: Some(picture.id.clone()),
                    rules: Vec::new(),
                    rbac: unmet.rbac,
                });
            }
        }
    }
    gaps.sort();
    gaps
}

/// The state of a step: how far it is, and whether something stands in its way.
fn state(progress: Progress, is_gated: bool) -> (State, Option<(usize, usize)>) {
    match progress {
        Progress::Done => (State::Done, None),
        Progress::Doing { done, of } => (State::Doing, Some((done, of))),
        Progress::Todo | Progress::Unknown | Progress::ByHand if is_gated => (State::Blocked, None),
        Progress::Todo => (State::Todo, None),
        Progress::Unknown => (State::Unknown, None),
        Progress::ByHand => (State::ByHand, None),
    }
}

/// The cluster that is planned for, as steps name it.
fn cluster_name(id: Option<&ClusterId>) -> String {
    id.map_or_else(|| fill::CLUSTER.to_owned(), ToString::to_string)
}
