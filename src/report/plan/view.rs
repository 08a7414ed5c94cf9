//! The plan as pages tell it, Markdown and HTML alike: every text harmless and of bounded length, none of it encoded yet.

use super::super::page::{FindingView, GapView, Link, OBJECTS, cluster_facts, made, plain};
use super::super::{FindingDoc, advice, terminal};
use super::fold::{self, Fold, HopFolds};
use super::{StepDoc, UpgradePlan, WindowDoc, foot, table, words};
use crate::plan::{Level, State};

/// What a page begins with where no path leads to the target: the reason follows.
pub(super) const NO_PLAN: &str = "There is no plan:";
/// And how it goes on.
pub(super) const TRY_AGAIN: &str =
    "Nothing was planned. Make the plan again for a release that can be reached.";

/// The whole plan.
pub(super) struct Page {
    pub(super) title: String,
    /// When and by what it was made.
    pub(super) made: String,
    /// Why there is no path to the target, and then nothing else; none where there is one.
    pub(super) no_path: Option<String>,
    /// What to know before all else: names and what is said of them.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) hops: Vec<HopView>,
    pub(super) findings: Vec<FindingView>,
    pub(super) findings_are: &'static str,
    pub(super) gaps: Vec<GapView>,
    pub(super) windows: Vec<WindowView>,
    pub(super) remarks: Vec<String>,
    /// Who signs.
    pub(super) sign_off: [&'static str; 4],
}

/// An opening of a window.
pub(super) struct WindowView {
    pub(super) window: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) steps: usize,
}

/// A hop.
pub(super) struct HopView {
    pub(super) number: usize,
    pub(super) title: String,
    /// Why it is supported.
    pub(super) source: String,
    pub(super) steps: usize,
    pub(super) done: usize,
    /// How long what is left of it takes.
    pub(super) takes: String,
    /// Points of no return that are left.
    pub(super) no_return: usize,
    pub(super) folds: Vec<FoldView>,
}

/// Steps that are alike.
pub(super) struct FoldView {
    pub(super) state: &'static str,
    /// Of a step under way: so many of so many.
    pub(super) progress: String,
    pub(super) is_done: bool,
    pub(super) is_next: bool,
    pub(super) is_final: bool,
    pub(super) title: String,
    pub(super) place: String,
    pub(super) takes: String,
    /// What all of them have in common.
    pub(super) said: Vec<(&'static str, String)>,
    /// What stands in the way.
    pub(super) gates: Vec<GateView>,
    pub(super) objects: Vec<String>,
    pub(super) links: Vec<Link>,
    /// Of a step that stands alone.
    pub(super) commands: Vec<String>,
    /// The single steps, where there are several.
    pub(super) members: Vec<MemberView>,
}

/// A finding, as a step names it.
pub(super) struct GateView {
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) message: String,
}

/// One of several steps that are alike.
pub(super) struct MemberView {
    pub(super) name: String,
    pub(super) is_done: bool,
    pub(super) commands: Vec<String>,
    /// In what it differs.
    pub(super) said: Vec<(&'static str, String)>,
}

impl Page {
    pub(super) fn new(plan: &UpgradePlan) -> Self {
        let next = fold::next(plan);
        let hops = fold::hops(plan);
        let hops = hops.iter().enumerate();
        let made = made(&plan.metadata);
        let (title, made) = match &plan.no_path {
            Some(_) => ("no supported path".to_owned(), made),
            None => (
                advice::scope(&plan.cluster, &plan.path),
                made + " How far steps are is what the cluster showed then.",
            ),
        };
        Self {
            title: format!("Upgrade plan: {title}"),
            made,
            no_path: plan.no_path.as_deref().map(plain),
            facts: facts(plan),
            hops: hops
                .map(|(at, hop)| HopView::new(plan, at + 1, hop, next))
                .collect(),
            findings: FindingView::all(&plan.findings),
            findings_are: "In the way",
            gaps: plan.gaps.iter().map(GapView::new).collect(),
            windows: plan.windows.iter().map(WindowView::new).collect(),
            remarks: plan.remarks.iter().map(|remark| plain(remark)).collect(),
            sign_off: [
                "Prepared by",
                "Approved by",
                "Carried out by",
                "Verified by",
            ],
        }
    }
}

fn facts(plan: &UpgradePlan) -> Vec<(&'static str, String)> {
    let context = plan.cluster.context.as_ref();
    let mut facts = Vec::from_iter(context.map(|context| ("Context", plain(context))));
    facts.extend(cluster_facts(&plan.cluster));
    let summary = &plan.summary;
    facts.push(("Steps", format!("{}, {} done", summary.steps, summary.done)));
    if summary.done < summary.steps {
        facts.push(("What is left", foot::left(plan)));
        let mut at_a_time = format!(
            "{} of a pool at a time",
            terminal::count(summary.parallel as usize, "node")
        );
        if plan
            .steps
            .iter()
            .any(|step| step.scope.level == Level::Pool)
        {
            at_a_time.push_str("; of pools that are one step, as many as it says");
        }
        facts.push(("Reckoned with", at_a_time));
    }
    let points = summary.points_of_no_return.len();
    facts.push(("Points of no return ahead", points.to_string()));
    facts.push(("Not looked at", terminal::count(summary.gaps, "gap")));
    facts
}

impl WindowView {
    fn new(window: &WindowDoc) -> Self {
        Self {
            window: plain(&window.window),
            start: plain(&window.start),
            end: plain(&window.end),
            steps: window.steps.len(),
        }
    }
}

impl HopView {
    fn new(plan: &UpgradePlan, number: usize, hop: &HopFolds<'_>, next: Option<&StepDoc>) -> Self {
        let steps = || hop.folds.iter().flat_map(|fold| &fold.steps);
        let left = steps().filter(|step| step.state != State::Done);
        Self {
            number,
            title: words::hop(hop),
            source: hop.edge.map(|edge| plain(&edge.source)).unwrap_or_default(),
            steps: steps().count(),
            done: steps().filter(|step| step.state == State::Done).count(),
            takes: words::sum(hop, plan.summary.parallel),
            no_return: left.filter(|step| !step.reversible).count(),
            folds: hop
                .folds
                .iter()
                .map(|fold| FoldView::new(plan, fold, next))
                .collect(),
        }
    }
}

impl FoldView {
    fn new(plan: &UpgradePlan, fold: &Fold<'_>, next: Option<&StepDoc>) -> Self {
        let first = fold.first();
        let is_alone = fold.steps.len() == 1;
        let gates: Vec<&str> = fold
            .steps
            .iter()
            .flat_map(|step| &step.gates)
            .map(String::as_str)
            .collect();
        let findings = plan.findings.iter().enumerate();
        let gates = findings.filter(|(_, finding)| gates.contains(&finding.fingerprint.as_str()));
        let of_all = |(name, said): &Said| Some((*name, plain(&fold.common(said)?)));
        let common = SAID.iter().filter_map(of_all);
        let own: Vec<&Said> = SAID.iter().filter(|one| of_all(one).is_none()).collect();
        let takes = fold.takes(plan.summary.parallel);
        Self {
            state: fold.state().word(),
            progress: match (is_alone, first.progress) {
                (true, Some(it)) if it.total > 1 => format!("{} of {}", it.done, it.total),
                _ => String::new(),
            },
            is_done: fold.state() == State::Done,
            is_next: next.is_some_and(|next| fold.steps.iter().any(|step| step.id == next.id)),
            is_final: fold.steps.iter().any(|step| !step.reversible),
            title: plain(&fold.title()),
            place: words::places(fold, table::NAMED[0]),
            takes: words::takes(takes),
            said: common
                .filter(|(_, said)| !said.is_empty())
                .chain(window(plan, fold))
                .collect(),
            gates: gates
                .map(|(at, finding)| GateView::new(at + 1, finding))
                .collect(),
            objects: objects(first),
            links: first.links.iter().map(|url| Link::new(url)).collect(),
            commands: match is_alone {
                true => commands(first),
                false => Vec::new(),
            },
            members: match is_alone {
                true => Vec::new(),
                false => fold
                    .steps
                    .iter()
                    .map(|step| MemberView::new(step, &own))
                    .collect(),
            },
        }
    }
}

/// When steps may run, where windows were asked for.
fn window(plan: &UpgradePlan, fold: &Fold<'_>) -> Option<(&'static str, String)> {
    let mut said: Vec<String> = foot::opens(plan, &fold.steps)
        .into_iter()
        .map(plain)
        .collect();
    let misfits = &plan.summary.no_window;
    if fold.steps.iter().any(|step| misfits.contains(&step.id)) {
        said.push(table::NO_WINDOW.to_owned());
    }
    (!said.is_empty()).then(|| ("Window", said.join(", ")))
}

/// What is said of a step, with its name.
type Said = (&'static str, fn(&StepDoc) -> String);

/// What is said of every step where there is something to say.
const SAID: [Said; 3] = [
    ("Done when", |step| step.done_when.text.clone()),
    ("Basis", |step| step.basis.clone()),
    ("Interrupts", |step| step.interrupts.join("; ")),
];

impl MemberView {
    fn new(step: &StepDoc, own: &[&Said]) -> Self {
        let said = own.iter().map(|(name, said)| (*name, plain(&said(step))));
        Self {
            name: terminal::cell(&step.scope.name).into_owned(),
            is_done: step.state == State::Done,
            commands: commands(step),
            said: said.filter(|(_, said)| !said.is_empty()).collect(),
        }
    }
}

/// What is done needs none any more.
fn commands(step: &StepDoc) -> Vec<String> {
    let is_open = step.state != State::Done;
    let commands = step.commands.iter().filter(|_| is_open);
    commands.map(|command| words::command(command)).collect()
}

fn objects(step: &StepDoc) -> Vec<String> {
    let shown = step.objects.iter().take(OBJECTS);
    let mut objects: Vec<String> = shown
        .map(|object| terminal::line(object).into_owned())
        .collect();
    if let Some(more @ 1..) = step.objects.len().checked_sub(OBJECTS) {
        objects.push(format!("and {more} more"));
    }
    objects
}

impl GateView {
    fn new(number: usize, finding: &FindingDoc) -> Self {
        Self {
            number,
            id: plain(&finding.id),
            message: plain(&finding.message),
        }
    }
}
