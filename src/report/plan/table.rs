//! The plan as a tree for people: hops, below them steps, those that are alike in one line; below it what stands in the way,
//! what was not seen, and what is left.

use super::super::grid::grid;
use super::super::narrow::width;
use super::super::prose::{apart, wrap};
use super::super::{Look, advice, aside, terminal};
use super::fold::{self, Fold, HopFolds};
use super::{StepDoc, UpgradePlan, foot, wide, words};
use crate::plan::State;

const HEADER: [&str; 5] = ["STATE", "STEP", "SCOPE", "TAKES", "NOTE"];
/// What stands before the step to do next, and before all others.
pub(super) const NEXT: &str = "-> ";
const NOT_NEXT: &str = "   ";
/// So many nodes of a line are named; fewer where that makes a line fit.
pub(super) const NAMED: [usize; 3] = [4, 2, 0];
/// What says that no way leads back.
pub(super) const NO_WAY_BACK: &str = "no way back";
/// What says that a step fits into no opening that is left.
pub(super) const NO_WINDOW: &str = "fits no window";

/// The whole plan as text. `all` tells every step, with all that is known of it.
pub(super) fn table(plan: &UpgradePlan, look: &Look, all: bool) -> String {
    let hops = fold::hops(plan);
    let next = fold::next(plan);
    let steps = match all {
        true => wide::steps(plan, &hops, next, look),
        false => tree(plan, &hops, next, look),
    };
    apart(&[
        steps,
        foot::in_the_way(plan, look, all),
        foot::windows(plan, look),
        advice::gaps(&plan.gaps, look, all),
        aside::remarks(&plan.remarks, look),
        foot::summary(plan, look),
    ])
}

fn tree(plan: &UpgradePlan, hops: &[HopFolds<'_>], next: Option<&StepDoc>, look: &Look) -> String {
    let rows = |named: usize| -> Vec<Row> {
        let folds = hops.iter().flat_map(|hop| &hop.folds);
        folds
            .map(|fold| Row::new(plan, fold, next, named, look))
            .collect()
    };
    let in_columns = |rows: &[Row]| {
        let cells = rows.iter().map(|row| row.cells(look)).collect();
        grid(look.headers.then_some(&HEADER), cells)
    };
    let fits = |lines: &[String]| {
        let mut lines = lines.iter();
        look.width
            .is_none_or(|limit| lines.all(|line| width(line) + NEXT.len() <= limit))
    };
    let tried = NAMED
        .iter()
        .map(|named| rows(*named))
        .map(|rows| (in_columns(&rows), rows));
    let fitting = tried.into_iter().find(|(lines, _)| fits(lines));
    let narrow = look.width.filter(|_| fitting.is_none());
    let (mut lines, rows) = fitting.unwrap_or_else(|| (Vec::new(), rows(NAMED[0])));
    let header = (look.headers && !lines.is_empty()).then(|| lines.remove(0));
    let mut out = String::new();
    if let Some(header) = header {
        advice::push(&mut out, 0, &format!("{NOT_NEXT}{header}"));
    }
    let (mut rows, mut lines) = (rows.iter(), lines.iter());
    let mut before = None;
    for hop in hops {
        if look.headers {
            heading(&mut out, hop, before, look);
            before = hop.edge.map(|edge| edge.source.as_str());
        }
        for (fold, row) in hop.folds.iter().zip(rows.by_ref()) {
            match (narrow, lines.next()) {
                (None, Some(line)) => advice::push(&mut out, 0, &format!("{}{line}", row.mark())),
                (limit, _) => out.push_str(&row.narrow(look, limit.unwrap_or(usize::MAX))),
            }
            if row.is_next {
                out.push_str(&what_to_do(plan, fold, look));
            }
        }
    }
    out
}

/// `Kubernetes 1.24.17 → 1.25.16`, and below it why that is supported, unless that was said of the hop before.
pub(super) fn heading(out: &mut String, hop: &HopFolds<'_>, before: Option<&str>, look: &Look) {
    if !out.is_empty() {
        out.push('\n');
    }
    advice::push(out, 0, &look.styles.heading(&words::hop(hop)));
    let source = hop.edge.map(|edge| edge.source.as_str());
    if let Some(source) = source.filter(|source| Some(*source) != before) {
        let by = wrap(
            &format!("by {}", advice::prose(source)),
            "",
            look.prose() - NOT_NEXT.len(),
        );
        for line in by.lines() {
            advice::push(out, NOT_NEXT.len(), &look.styles.aside(line));
        }
    }
}

/// One line of the tree.
struct Row {
    is_next: bool,
    state: String,
    title: String,
    place: String,
    takes: String,
    note: String,
}

impl Row {
    fn new(
        plan: &UpgradePlan,
        fold: &Fold<'_>,
        next: Option<&StepDoc>,
        named: usize,
        look: &Look,
    ) -> Self {
        let is_next = next.is_some_and(|next| fold.steps.iter().any(|step| step.id == next.id));
        let title = terminal::cell(&fold.title()).into_owned();
        Self {
            is_next,
            state: state(fold, look),
            title,
            place: words::places(fold, named),
            takes: match fold.state() {
                State::Done => String::new(),
                _ => words::takes(fold.takes(plan.summary.parallel)),
            },
            note: note(plan, fold),
        }
    }

    fn mark(&self) -> &'static str {
        if self.is_next { NEXT } else { NOT_NEXT }
    }

    /// A part of the title as it is shown.
    fn titled(&self, text: &str, look: &Look) -> String {
        match self.is_next {
            true => look.styles.heading(text),
            false => text.to_owned(),
        }
    }

    fn cells(&self, look: &Look) -> Vec<String> {
        let note = match self.note.is_empty() {
            true => String::new(),
            false => look.styles.careful(&self.note),
        };
        let title = self.titled(&self.title, look);
        vec![
            self.state.clone(),
            title,
            self.place.clone(),
            self.takes.clone(),
            note,
        ]
    }

    /// The same on a few lines that fit.
    fn narrow(&self, look: &Look, limit: usize) -> String {
        let indent = " ".repeat(NEXT.len() + "blocked".len() + NEXT.len());
        let head = format!("{}{}", self.mark(), self.state);
        let title = wrap(&self.title, &indent, limit);
        let mut out = String::new();
        for (at, line) in title.lines().enumerate() {
            let text = self.titled(line.trim_start(), look);
            let left = match at {
                0 => format!(
                    "{head}{}",
                    " ".repeat(indent.len().saturating_sub(width(&head)))
                ),
                _ => indent.clone(),
            };
            advice::push(&mut out, 0, &format!("{left}{text}"));
        }
        let takes = match self.takes.as_str() {
            "unknown" => "unknown length".to_owned(),
            "" => String::new(),
            takes => format!("takes {takes}"),
        };
        let rest = [&self.place, &takes, &self.note].map(String::as_str);
        let rest: Vec<&str> = rest.into_iter().filter(|cell| !cell.is_empty()).collect();
        for line in wrap(&rest.join(" · "), "", limit - indent.len()).lines() {
            advice::push(&mut out, indent.len(), &look.styles.aside(line));
        }
        out
    }
}

/// The state, and how many of how many where that says more.
pub(super) fn state(fold: &Fold<'_>, look: &Look) -> String {
    let word = look.styles.state(fold.state());
    match (&fold.steps[..], fold.first().progress) {
        ([_], Some(progress)) if progress.total > 1 => {
            format!("{word} {}/{}", progress.done, progress.total)
        }
        _ => word,
    }
}

fn note(plan: &UpgradePlan, fold: &Fold<'_>) -> String {
    if fold.state() == State::Done {
        return String::new();
    }
    let mut said = Vec::new();
    if fold.steps.iter().any(|step| !step.reversible) {
        said.push(NO_WAY_BACK.to_owned());
    }
    let misfits = &plan.summary.no_window;
    if fold.steps.iter().any(|step| misfits.contains(&step.id)) {
        said.push(NO_WINDOW.to_owned());
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
fn what_to_do(plan: &UpgradePlan, fold: &Fold<'_>, look: &Look) -> String {
    const INDENT: usize = 6;
    let step = fold.first();
    let mut out = String::new();
    let told = |text: &str| wrap(&advice::prose(text), &" ".repeat(INDENT), look.prose());
    if fold.steps.len() > 1 {
        out.push_str(&told(&format!("{} is next:", step.scope.name)));
    }
    for command in &step.commands {
        advice::push(&mut out, INDENT, &words::command(command));
    }
    for object in step.objects.iter().take(advice::SHOWN) {
        advice::push(&mut out, INDENT, &terminal::line(object));
    }
    advice::more(&mut out, INDENT, step.objects.len(), advice::SHOWN);
    if step.commands.is_empty() && step.objects.is_empty() {
        for link in step.links.iter().take(1) {
            advice::push(&mut out, INDENT, &format!("see {}", terminal::line(link)));
        }
    }
    let mut rules: Vec<&str> = foot::gates(plan, step)
        .map(|finding| finding.id.as_str())
        .collect();
    rules.dedup();
    if !rules.is_empty() {
        out.push_str(&told(&format!("in the way: {}", rules.join(", "))));
    }
    out.push_str(&told(&format!("done when {}", step.done_when.text)));
    out
}
