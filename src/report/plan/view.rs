//! The plan for Markdown and HTML: every text escaped for terminals and limited in length, not yet encoded.

use askama::Template;

use super::super::page::markdown::{cell, code, code_block, link, text as markdown};
use super::super::page::{
    FindingView, GapView, Link, MAX_OBJECTS, MAX_UNFOLDED, SourceView, cluster_facts, escape_all,
    escape_plain, generated_line,
};
use super::super::{clusters, scope, terminal};
use super::group;
use super::group::{HopGroups, StepGroup};
use super::heading::{IRREVERSIBLE_NOTE, NO_WINDOW_NOTE};
use super::{footer, table, text};
use crate::api::v1::{FindingDoc, ScopeLevelDoc, StepDoc, StepStateDoc, UpgradePlan, WindowDoc};
use crate::text::pluralize;

/// Begins a page without a plan; the reason follows.
pub(super) const NO_PLAN_PREFIX: &str = "No plan:";
/// Follows the reason.
pub(super) const NO_PLAN_HINT: &str =
    "No steps were planned. Run the command again with a reachable target.";

/// The whole plan.
#[derive(Template)]
#[template(path = "plan.md")]
pub(super) struct PlanView {
    pub(super) title: String,
    /// When the plan was made, and by which program.
    pub(super) made: String,
    /// Counts and time left.
    pub(super) summary: String,
    /// Why no path leads to the target; then the page has nothing else.
    pub(super) no_path: Option<String>,
    /// The table at the top.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) clusters: Vec<Vec<String>>,
    pub(super) hops: Vec<HopView>,
    pub(super) findings: Vec<FindingView>,
    pub(super) findings_are: &'static str,
    pub(super) gaps: Vec<GapView>,
    pub(super) windows: Vec<WindowView>,
    pub(super) remarks: Vec<String>,
    /// Lines of the sign-off table.
    pub(super) sign_off: [&'static str; 4],
}

/// A maintenance window.
pub(super) struct WindowView {
    pub(super) window: String,
    pub(super) start: String,
    pub(super) end: String,
    /// How many, and whether they are known to fit.
    pub(super) steps: String,
}

/// A hop.
pub(super) struct HopView {
    pub(super) number: usize,
    pub(super) title: String,
    /// Why it is supported.
    pub(super) source: SourceView,
    pub(super) steps: usize,
    pub(super) done: usize,
    /// Estimated time left.
    pub(super) takes: String,
    /// Number of irreversible steps left.
    pub(super) no_return: usize,
    pub(super) folds: Vec<StepGroupView>,
}

/// A group of steps.
pub(super) struct StepGroupView {
    pub(super) state: &'static str,
    /// Of a step in progress: `3 of 5`.
    pub(super) progress: String,
    pub(super) is_done: bool,
    pub(super) is_next: bool,
    pub(super) is_final: bool,
    pub(super) title: String,
    pub(super) place: String,
    pub(super) takes: String,
    /// Details that all steps share.
    pub(super) details: Vec<(&'static str, String)>,
    /// The findings that block it.
    pub(super) gates: Vec<GateView>,
    pub(super) objects: Vec<String>,
    pub(super) links: Vec<Link>,
    /// Of a group of one step.
    pub(super) commands: Vec<String>,
    /// The steps of a larger group.
    pub(super) members: Vec<GroupedStepView>,
    /// How many of them are left out.
    pub(super) more_members: usize,
}

/// A finding, as a step names it.
pub(super) struct GateView {
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) message: String,
}

/// A step of a group.
pub(super) struct GroupedStepView {
    pub(super) name: String,
    pub(super) is_done: bool,
    pub(super) commands: Vec<String>,
    /// Details in which it differs from the others.
    pub(super) details: Vec<(&'static str, String)>,
}

impl PlanView {
    /// With at most `limit` items in a list.
    pub(super) fn new(plan: &UpgradePlan, limit: usize) -> Self {
        let next = group::next_step(plan);
        let hops = group::group_by_hop(plan);
        let hops = hops.iter().enumerate();
        let made = generated_line(&plan.metadata);
        let (title, made) = match &plan.no_path {
            Some(_) => ("no supported path".to_owned(), made),
            None => (
                scope::several_clusters(&plan.clusters)
                    .unwrap_or_else(|| scope::scope_phrase(&plan.cluster, &plan.path)),
                made + " Step states are as of then.",
            ),
        };
        Self {
            title: format!("Upgrade plan: {title}"),
            made,
            no_path: plan.no_path.as_deref().map(escape_plain),
            summary: footer::summary_parts(plan).join("; "),
            facts: plan_facts(plan),
            clusters: clusters::cluster_rows(&plan.clusters),
            hops: hops
                .map(|(at, hop)| HopView::new(plan, at + 1, hop, (next, limit)))
                .collect(),
            findings: FindingView::numbered(&plan.findings, limit),
            findings_are: "Blocking findings",
            gaps: plan.gaps.iter().map(GapView::new).collect(),
            windows: plan.windows.iter().map(WindowView::new).collect(),
            remarks: escape_all(&plan.remarks),
            sign_off: [
                "Prepared by",
                "Approved by",
                "Carried out by",
                "Verified by",
            ],
        }
    }
}

fn plan_facts(plan: &UpgradePlan) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if plan.clusters.len() <= 1 {
        let context = plan.cluster.context.as_ref();
        facts.extend(context.map(|context| ("Context", escape_plain(context))));
        facts.extend(cluster_facts(&plan.cluster));
    }
    let summary = &plan.summary;
    facts.push(("Steps", format!("{}, {} done", summary.steps, summary.done)));
    if summary.done < summary.steps {
        facts.push(("Time left", footer::remaining_phrase(plan)));
        let mut at_a_time = format!(
            "{} per pool at a time",
            pluralize(summary.parallel as usize, "node")
        );
        if plan
            .steps
            .iter()
            .any(|step| step.scope.level == ScopeLevelDoc::Pool)
        {
            at_a_time.push_str("; steps that upgrade a whole pool state their own");
        }
        facts.push(("Parallelism", at_a_time));
    }
    let points = summary.points_of_no_return.len();
    facts.push(("Irreversible steps left", points.to_string()));
    facts.push(("Gaps", summary.gaps.to_string()));
    facts
}

impl WindowView {
    fn new(window: &WindowDoc) -> Self {
        Self {
            window: escape_plain(&window.window),
            start: text::window_time(&window.start, window),
            end: text::window_time(&window.end, window),
            steps: footer::with_proof(window.steps.len().to_string(), window),
        }
    }
}

impl HopView {
    fn new(
        plan: &UpgradePlan,
        number: usize,
        hop: &HopGroups<'_>,
        (next, limit): (Option<&StepDoc>, usize),
    ) -> Self {
        let steps = || hop.groups.iter().flat_map(|group| &group.steps);
        let left = steps().filter(|step| step.state != StepStateDoc::Done);
        Self {
            number,
            title: text::hop_title(hop),
            source: SourceView::new(hop.path_hop.map_or("", |edge| edge.source.as_str())),
            steps: steps().count(),
            done: steps()
                .filter(|step| step.state == StepStateDoc::Done)
                .count(),
            takes: text::remaining_duration(hop, plan.summary.parallel),
            no_return: left.filter(|step| !step.reversible).count(),
            folds: hop
                .groups
                .iter()
                .map(|group| StepGroupView::new(plan, group, (next, limit)))
                .collect(),
        }
    }
}

impl StepGroupView {
    fn new(
        plan: &UpgradePlan,
        group: &StepGroup<'_>,
        (next, limit): (Option<&StepDoc>, usize),
    ) -> Self {
        // A page for people names every node; only what must be short leaves some out.
        let max_members = match limit {
            MAX_OBJECTS => usize::MAX,
            limit => limit,
        };
        let first = group.first;
        let is_alone = group.steps.len() == 1;
        let gates: Vec<&str> = group
            .steps
            .iter()
            .flat_map(|step| &step.gates)
            .map(String::as_str)
            .collect();
        let findings = plan.findings.iter().enumerate();
        let gates = findings.filter(|(_, finding)| gates.contains(&finding.fingerprint.as_str()));
        let of_all =
            |(name, text): &StepDetail| Some((*name, escape_plain(&group.common_text(text)?)));
        let common = STEP_DETAILS.iter().filter_map(of_all);
        let own: Vec<&StepDetail> = STEP_DETAILS
            .iter()
            .filter(|one| of_all(one).is_none())
            .collect();
        let takes = group.duration(plan.summary.parallel);
        Self {
            state: group.state().as_str(),
            progress: match (is_alone, first.progress) {
                (true, Some(progress)) if progress.total > 1 => {
                    format!("{} of {}", progress.done, progress.total)
                }
                _ => String::new(),
            },
            is_done: group.state() == StepStateDoc::Done,
            is_next: next.is_some_and(|next| group.steps.iter().any(|step| step.id == next.id)),
            is_final: group.steps.iter().any(|step| !step.reversible),
            title: escape_plain(group.title()),
            place: text::format_scopes(group, table::NODE_NAME_LIMITS[0]),
            takes: text::format_duration(takes),
            details: std::iter::once(("Done when", escape_plain(group.done_when())))
                .chain(common)
                .filter(|(_, text)| !text.is_empty())
                .chain(window_detail(plan, group))
                .collect(),
            gates: gates
                .map(|(at, finding)| GateView::new(at + 1, finding))
                .collect(),
            objects: object_lines(first, limit),
            links: first.links.iter().map(|url| Link::new(url)).collect(),
            commands: match is_alone {
                true => open_commands(first),
                false => Vec::new(),
            },
            members: match is_alone {
                true => Vec::new(),
                false => group
                    .steps
                    .iter()
                    .take(max_members)
                    .map(|step| GroupedStepView::new(step, &own))
                    .collect(),
            },
            more_members: match is_alone {
                true => 0,
                false => group.steps.len().saturating_sub(max_members),
            },
        }
    }
}

/// When steps may run, if there are windows.
fn window_detail(plan: &UpgradePlan, group: &StepGroup<'_>) -> Option<(&'static str, String)> {
    let mut windows = footer::window_starts(plan, &group.steps);
    let unscheduled = &plan.summary.no_window;
    if group
        .steps
        .iter()
        .any(|step| unscheduled.contains(&step.id))
    {
        windows.push(NO_WINDOW_NOTE.to_owned());
    }
    (!windows.is_empty()).then(|| ("Window", windows.join(", ")))
}

/// A detail of a step: its label and text.
type StepDetail = (&'static str, fn(&StepDoc) -> String);

/// The details of steps, if not empty.
const STEP_DETAILS: [StepDetail; 3] = [
    ("Basis", |step| step.basis.clone()),
    ("Evidence", |step| step.evidence.join("; ")),
    ("Interrupts", |step| step.interrupts.join("; ")),
];

impl GroupedStepView {
    fn new(step: &StepDoc, own: &[&StepDetail]) -> Self {
        let details = own
            .iter()
            .map(|(name, text)| (*name, escape_plain(&text(step))));
        Self {
            name: terminal::escape_cell(&step.scope.name).into_owned(),
            is_done: step.state == StepStateDoc::Done,
            commands: open_commands(step),
            details: details.filter(|(_, text)| !text.is_empty()).collect(),
        }
    }
}

/// A step that is done needs no commands.
fn open_commands(step: &StepDoc) -> Vec<String> {
    let is_open = step.state != StepStateDoc::Done;
    let commands = step.commands.iter().filter(|_| is_open);
    commands
        .map(|command| text::escape_command(command))
        .collect()
}

fn object_lines(step: &StepDoc, limit: usize) -> Vec<String> {
    let shown = step.objects.iter().take(limit);
    let mut objects: Vec<String> = shown
        .map(|object| terminal::escape_line(object).into_owned())
        .collect();
    if let Some(more @ 1..) = step.objects.len().checked_sub(limit) {
        objects.push(format!("and {more} more"));
    }
    objects
}

impl GateView {
    fn new(number: usize, finding: &FindingDoc) -> Self {
        Self {
            number,
            id: escape_plain(&finding.id),
            message: escape_plain(&finding.message),
        }
    }
}
