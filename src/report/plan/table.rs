//! The table of `upgrade-plan`: hops, below them one line per group of steps; then blockers, gaps and the summary.

use console::measure_text_width;

use super::super::columns::format_columns;
use super::super::options::RenderOptions;
use super::super::wrap::{join_sections, wrap};
use super::super::{clusters, notices, remedies, terminal};
use super::group;
use super::group::{HopGroups, StepGroup};
use super::heading::{IRREVERSIBLE_NOTE, NEXT_MARK, NO_MARK, NO_WINDOW_NOTE, push_hop_heading};
use super::{footer, text, wide};
use crate::api::v1::{ScopeLevelDoc, StepDoc, StepStateDoc, UpgradePlan};
use crate::text::pluralize;

const HEADER: [&str; 5] = ["STATE", "STEP", "SCOPE", "DURATION", "NOTE"];
/// Numbers of nodes named in a line, the first that makes the line fit.
pub(super) const NODE_NAME_LIMITS: [usize; 3] = [4, 2, 0];
/// The whole plan. `all` prints every step with all its details.
pub(super) fn plan_table(plan: &UpgradePlan, look: &RenderOptions, all: bool) -> String {
    let hops = group::group_by_hop(plan);
    let next = group::next_step(plan);
    let steps = match all {
        true => wide::detailed_steps(plan, &hops, next, look),
        false => step_tree(plan, &hops, next, look),
    };
    join_sections(&[
        clusters::clusters_section(&plan.clusters, look),
        steps,
        footer::blocking_findings(plan, look),
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
            .map(|group| PlanRow::new(plan, group, next, named, look))
            .collect()
    };
    let in_columns = |rows: &[PlanRow]| {
        let cells = rows.iter().map(|row| row.cells(look)).collect();
        format_columns(look.show_headers.then_some(&HEADER), cells)
    };
    let fits = |lines: &[String]| {
        let mut lines = lines.iter();
        look.width.is_none_or(|limit| {
            lines.all(|line| measure_text_width(line) + NEXT_MARK.len() <= limit)
        })
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
        for (group, row) in hop.groups.iter().zip(rows.by_ref()) {
            match (narrow, lines.next()) {
                (None, Some(line)) => {
                    remedies::push_indented(&mut out, 0, &format!("{}{line}", row.next_mark()))
                }
                (limit, _) => out.push_str(&row.stacked(look, limit.unwrap_or(usize::MAX))),
            }
            match row.is_next {
                true => out.push_str(&next_step_details(plan, group, look)),
                false => out.push_str(&node_lines(group, row.names_nodes, look)),
            }
        }
    }
    out
}

/// One line of the tree.
struct PlanRow {
    is_next: bool,
    state: String,
    title: String,
    scope: String,
    /// Whether the scope has the names of its nodes.
    names_nodes: bool,
    duration: String,
    note: String,
}

impl PlanRow {
    fn new(
        plan: &UpgradePlan,
        group: &StepGroup<'_>,
        next: Option<&StepDoc>,
        named: usize,
        look: &RenderOptions,
    ) -> Self {
        let is_next = next.is_some_and(|next| group.steps.iter().any(|step| step.id == next.id));
        let title = terminal::escape_cell(group.title()).into_owned();
        Self {
            is_next,
            state: state_cell(group, look),
            title,
            scope: text::format_scopes(group, named),
            names_nodes: named > 0 || group.steps.len() < 2,
            duration: match group.state() {
                StepStateDoc::Done => String::new(),
                _ => text::format_duration(group.duration(plan.summary.parallel)),
            },
            note: note_cell(plan, group),
        }
    }

    fn next_mark(&self) -> &'static str {
        if self.is_next { NEXT_MARK } else { NO_MARK }
    }

    /// A part of the title, styled.
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

    /// The row on several lines.
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
                    " ".repeat(indent.len().saturating_sub(measure_text_width(&head)))
                ),
                _ => indent.clone(),
            };
            remedies::push_indented(&mut out, 0, &format!("{left}{text}"));
        }
        let duration = match self.duration.as_str() {
            "" => String::new(),
            duration => format!("duration {duration}"),
        };
        let rest = [&self.scope, &duration, &self.note].map(String::as_str);
        let rest: Vec<&str> = rest.into_iter().filter(|cell| !cell.is_empty()).collect();
        for line in wrap(&rest.join(" · "), "", limit - indent.len()).lines() {
            remedies::push_indented(&mut out, indent.len(), &look.styles.muted(line));
        }
        out
    }
}

/// The state, with the progress of a step that counts several machines.
pub(super) fn state_cell(group: &StepGroup<'_>, look: &RenderOptions) -> String {
    let word = look.styles.state(group.state());
    match (&group.steps[..], group.first.progress) {
        ([_], Some(progress)) if progress.total > 1 => {
            format!("{word} {}/{}", progress.done, progress.total)
        }
        _ => word,
    }
}

fn note_cell(plan: &UpgradePlan, group: &StepGroup<'_>) -> String {
    if group.state() == StepStateDoc::Done {
        return String::new();
    }
    let mut notes = Vec::new();
    if group.steps.iter().any(|step| !step.reversible) {
        notes.push(IRREVERSIBLE_NOTE.to_owned());
    }
    let unscheduled = &plan.summary.no_window;
    if group
        .steps
        .iter()
        .any(|step| unscheduled.contains(&step.id))
    {
        notes.push(NO_WINDOW_NOTE.to_owned());
    }
    let mut gates: Vec<&String> = group.steps.iter().flat_map(|step| &step.gates).collect();
    gates.sort_unstable();
    gates.dedup();
    if !gates.is_empty() {
        notes.push(format!("blocked by {}", pluralize(gates.len(), "finding")));
    }
    notes.join(", ")
}

/// Why nodes are in a group of steps that is not done, or at least their names.
fn node_lines(group: &StepGroup<'_>, are_named: bool, look: &RenderOptions) -> String {
    const INDENT: usize = 13;
    let is_of_nodes = group.first.scope.level == ScopeLevelDoc::Node;
    let mut out = String::new();
    if !is_of_nodes || group.state() == StepStateDoc::Done {
        return out;
    }
    // Nodes with the same reason share it.
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for step in &group.steps {
        let name = step.scope.name.as_str();
        let mut evidence = step.evidence.iter();
        let reason = evidence.find_map(|text| text.strip_prefix(name)?.strip_prefix(' '));
        let reason = reason.unwrap_or_default();
        match by_reason.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((reason, vec![name])),
        }
    }
    let lines = by_reason.iter().map(|(reason, names)| {
        let first = names.iter().take(NODE_NAME_LIMITS[0]);
        let mut listed = first.copied().collect::<Vec<_>>().join(" ");
        if names.len() > NODE_NAME_LIMITS[0] {
            listed.push_str(&format!(" and {} more", names.len() - NODE_NAME_LIMITS[0]));
        }
        match (*reason, are_named && by_reason.len() == 1) {
            ("", true) => String::new(),
            ("", false) => listed,
            (reason, true) if names.len() == 1 => format!("{listed} {reason}"),
            (reason, true) => format!("each {reason}"),
            (reason, false) => format!("{listed}: {reason}"),
        }
    });
    let lines: Vec<String> = lines.map(|line| remedies::escape_prose(&line)).collect();
    let width = look.prose_width().max(look.width.unwrap_or_default());
    for line in wrap(&lines.join(" · "), "", width - INDENT).lines() {
        remedies::push_indented(&mut out, INDENT, &look.styles.muted(line));
    }
    out
}

/// Details of the step to do next: commands, blockers and its completion condition.
fn next_step_details(plan: &UpgradePlan, group: &StepGroup<'_>, look: &RenderOptions) -> String {
    const INDENT: usize = 6;
    let step = group.first;
    let mut out = String::new();
    let wrapped = |text: &str| {
        wrap(
            &remedies::escape_prose(text),
            &" ".repeat(INDENT),
            look.prose_width(),
        )
    };
    if group.steps.len() > 1 {
        out.push_str(&wrapped(&format!("{} is next:", step.scope.name)));
    }
    for evidence in &step.evidence {
        out.push_str(&wrapped(evidence));
    }
    for command in &step.commands {
        remedies::push_indented(&mut out, INDENT, &text::escape_command(command));
    }
    for object in step.objects.iter().take(remedies::MAX_LISTED) {
        remedies::push_indented(&mut out, INDENT, &terminal::escape_line(object));
    }
    remedies::push_more_hint(&mut out, INDENT, step.objects.len(), remedies::MAX_LISTED);
    // Without a command to run, the pages that say what to do.
    if step.commands.iter().all(|command| command.starts_with('#')) && step.objects.is_empty() {
        for link in &step.links {
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
        out.push_str(&wrapped(&format!("blocked by: {}", rules.join(", "))));
    }
    out.push_str(&wrapped(&format!("done when {}", step.done_when.text)));
    out
}
