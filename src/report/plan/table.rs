//! The plan as a tree for people: hops, below them steps, those that are alike in one line; below it what stands in the way,
//! what was not seen, and what is left.

use super::super::columns::format_columns;
use super::super::stacked::visible_width;
use super::super::wrap::{join_sections, wrap};
use super::super::{RenderOptions, notices, remedies, terminal};
use super::group;
use super::group::{HopGroups, StepGroup};
use super::{footer, text, wide};
use crate::api::v1::{StepDoc, StepStateDoc, UpgradePlan};

const HEADER: [&str; 5] = ["STATE", "STEP", "SCOPE", "TAKES", "NOTE"];
/// What stands before the step to do next, and before all others.
pub(super) const NEXT_MARK: &str = "-> ";
const NO_MARK: &str = "   ";
/// So many nodes of a line are named; fewer where that makes a line fit.
pub(super) const NODE_NAME_LIMITS: [usize; 3] = [4, 2, 0];
/// What says that no way leads back.
pub(super) const IRREVERSIBLE_NOTE: &str = "no way back";
/// What says that a step fits into no opening that is left.
pub(super) const NO_WINDOW_NOTE: &str = "fits no window";

/// The whole plan as text. `all` tells every step, with all that is known of it.
pub(super) fn plan_table(plan: &UpgradePlan, look: &RenderOptions, all: bool) -> String {
    let hops = group::group_by_hop(plan);
    let next = group::next_step(plan);
    let steps = match all {
        true => wide::detailed_steps(plan, &hops, next, look),
        false => step_tree(plan, &hops, next, look),
    };
    join_sections(&[
        steps,
        footer::blocking_findings(plan, look, all),
        footer::windows_section(plan, look),
        remedies::gaps_section(&plan.gaps, look, all),
        notices::remarks_section(&plan.remarks, look),
        footer::summary_line(plan, look),
    ])
}

fn step_tree(
    plan: &UpgradePlan,
    hops: &[HopGroups<'_>],
    next: Option<&StepDoc>,
    look: &RenderOptions,
) -> String {
    let rows = |named: usize| -> Vec<PlanRow> {
        let folds = hops.iter().flat_map(|hop| &hop.groups);
        folds
            .map(|fold| PlanRow::new(plan, fold, next, named, look))
            .collect()
    };
    let in_columns = |rows: &[PlanRow]| {
        let cells = rows.iter().map(|row| row.cells(look)).collect();
        format_columns(look.show_headers.then_some(&HEADER), cells)
    };
    let fits = |lines: &[String]| {
        let mut lines = lines.iter();
        look.width
            .is_none_or(|limit| lines.all(|line| visible_width(line) + NEXT_MARK.len() <= limit))
    };
    let tried = NODE_NAME_LIMITS
        .iter()
        .map(|named| rows(*named))
        .map(|rows| (in_columns(&rows), rows));
    let fitting = tried.into_iter().find(|(lines, _)| fits(lines));
    let narrow = look.width.filter(|_| fitting.is_none());
    let (mut lines, rows) = fitting.unwrap_or_else(|| (Vec::new(), rows(NODE_NAME_LIMITS[0])));
    let header = (look.show_headers && !lines.is_empty()).then(|| lines.remove(0));
    let mut out = String::new();
    if let Some(header) = header {
        remedies::push_indented(&mut out, 0, &format!("{NO_MARK}{header}"));
    }
    let (mut rows, mut lines) = (rows.iter(), lines.iter());
    let mut before = None;
    for hop in hops {
        if look.show_headers {
            push_hop_heading(&mut out, hop, before, look);
            before = hop.path_hop.map(|edge| edge.source.as_str());
        }
        for (fold, row) in hop.groups.iter().zip(rows.by_ref()) {
            match (narrow, lines.next()) {
                (None, Some(line)) => {
                    remedies::push_indented(&mut out, 0, &format!("{}{line}", row.next_mark()))
                }
                (limit, _) => out.push_str(&row.stacked(look, limit.unwrap_or(usize::MAX))),
            }
            if row.is_next {
                out.push_str(&next_step_details(plan, fold, look));
            }
        }
    }
    out
}

/// `Kubernetes 1.24.17 → 1.25.16`, and below it why that is supported, unless that was said of the hop before.
pub(super) fn push_hop_heading(
    out: &mut String,
    hop: &HopGroups<'_>,
    before: Option<&str>,
    look: &RenderOptions,
) {
    if !out.is_empty() {
        out.push('\n');
    }
    remedies::push_indented(out, 0, &look.styles.heading(&text::hop_title(hop)));
    let source = hop.path_hop.map(|edge| edge.source.as_str());
    if let Some(source) = source.filter(|source| Some(*source) != before) {
        let by = wrap(
            &format!("by {}", remedies::escape_prose(source)),
            "",
            look.prose_width() - NO_MARK.len(),
        );
        for line in by.lines() {
            remedies::push_indented(out, NO_MARK.len(), &look.styles.muted(line));
        }
    }
}

/// One line of the tree.
struct PlanRow {
    is_next: bool,
    state: String,
    title: String,
    scope: String,
    duration: String,
    note: String,
}

impl PlanRow {
    fn new(
        plan: &UpgradePlan,
        fold: &StepGroup<'_>,
        next: Option<&StepDoc>,
        named: usize,
        look: &RenderOptions,
    ) -> Self {
        let is_next = next.is_some_and(|next| fold.steps.iter().any(|step| step.id == next.id));
        let title = terminal::escape_cell(&fold.title()).into_owned();
        Self {
            is_next,
            state: state_cell(fold, look),
            title,
            scope: text::format_scopes(fold, named),
            duration: match fold.state() {
                StepStateDoc::Done => String::new(),
                _ => text::format_duration(fold.duration(plan.summary.parallel)),
            },
            note: note_cell(plan, fold),
        }
    }

    fn next_mark(&self) -> &'static str {
        if self.is_next { NEXT_MARK } else { NO_MARK }
    }

    /// A part of the title as it is shown.
    fn style_title(&self, text: &str, look: &RenderOptions) -> String {
        match self.is_next {
            true => look.styles.heading(text),
            false => text.to_owned(),
        }
    }

    fn cells(&self, look: &RenderOptions) -> Vec<String> {
        let note = match self.note.is_empty() {
            true => String::new(),
            false => look.styles.warning(&self.note),
        };
        let title = self.style_title(&self.title, look);
        vec![
            self.state.clone(),
            title,
            self.scope.clone(),
            self.duration.clone(),
            note,
        ]
    }

    /// The same on a few lines that fit.
    fn stacked(&self, look: &RenderOptions, limit: usize) -> String {
        let indent = " ".repeat(NEXT_MARK.len() + "blocked".len() + NEXT_MARK.len());
        let head = format!("{}{}", self.next_mark(), self.state);
        let title = wrap(&self.title, &indent, limit);
        let mut out = String::new();
        for (at, line) in title.lines().enumerate() {
            let text = self.style_title(line.trim_start(), look);
            let left = match at {
                0 => format!(
                    "{head}{}",
                    " ".repeat(indent.len().saturating_sub(visible_width(&head)))
                ),
                _ => indent.clone(),
            };
            remedies::push_indented(&mut out, 0, &format!("{left}{text}"));
        }
        let takes = match self.duration.as_str() {
            "unknown" => "unknown length".to_owned(),
            "" => String::new(),
            takes => format!("takes {takes}"),
        };
        let rest = [&self.scope, &takes, &self.note].map(String::as_str);
        let rest: Vec<&str> = rest.into_iter().filter(|cell| !cell.is_empty()).collect();
        for line in wrap(&rest.join(" · "), "", limit - indent.len()).lines() {
            remedies::push_indented(&mut out, indent.len(), &look.styles.muted(line));
        }
        out
    }
}

/// The state, and how many of how many where that says more.
pub(super) fn state_cell(fold: &StepGroup<'_>, look: &RenderOptions) -> String {
    let word = look.styles.state(fold.state());
    match (&fold.steps[..], fold.first().progress) {
        ([_], Some(progress)) if progress.total > 1 => {
            format!("{word} {}/{}", progress.done, progress.total)
        }
        _ => word,
    }
}

fn note_cell(plan: &UpgradePlan, fold: &StepGroup<'_>) -> String {
    if fold.state() == StepStateDoc::Done {
        return String::new();
    }
    let mut said = Vec::new();
    if fold.steps.iter().any(|step| !step.reversible) {
        said.push(IRREVERSIBLE_NOTE.to_owned());
    }
    let misfits = &plan.summary.no_window;
    if fold.steps.iter().any(|step| misfits.contains(&step.id)) {
        said.push(NO_WINDOW_NOTE.to_owned());
    }
    let mut gates: Vec<&String> = fold.steps.iter().flat_map(|step| &step.gates).collect();
    gates.sort_unstable();
    gates.dedup();
    if !gates.is_empty() {
        said.push(format!("{} in the way", gates.len()));
    }
    said.join(", ")
}

/// Below the step to do next: its commands, and how to tell that it is done.
fn next_step_details(plan: &UpgradePlan, fold: &StepGroup<'_>, look: &RenderOptions) -> String {
    const INDENT: usize = 6;
    let step = fold.first();
    let mut out = String::new();
    let told = |text: &str| {
        wrap(
            &remedies::escape_prose(text),
            &" ".repeat(INDENT),
            look.prose_width(),
        )
    };
    if fold.steps.len() > 1 {
        out.push_str(&told(&format!("{} is next:", step.scope.name)));
    }
    for command in &step.commands {
        remedies::push_indented(&mut out, INDENT, &text::escape_command(command));
    }
    for object in step.objects.iter().take(remedies::MAX_LISTED) {
        remedies::push_indented(&mut out, INDENT, &terminal::escape_line(object));
    }
    remedies::push_more_hint(&mut out, INDENT, step.objects.len(), remedies::MAX_LISTED);
    if step.commands.is_empty() && step.objects.is_empty() {
        for link in step.links.iter().take(1) {
            remedies::push_indented(
                &mut out,
                INDENT,
                &format!("see {}", terminal::escape_line(link)),
            );
        }
    }
    let mut rules: Vec<&str> = footer::gating_findings(plan, step)
        .map(|finding| finding.id.as_str())
        .collect();
    rules.dedup();
    if !rules.is_empty() {
        out.push_str(&told(&format!("in the way: {}", rules.join(", "))));
    }
    out.push_str(&told(&format!("done when {}", step.done_when.text)));
    out
}
