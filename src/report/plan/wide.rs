//! Every step, with all that is known of it.

use super::super::narrow::width;
use super::super::prose::wrap;
use super::super::{Look, advice};
use super::fold::HopFolds;
use super::foot::{gates, opens};
use super::table::{NEXT, NO_WAY_BACK, NO_WINDOW, heading};
use super::{StepDoc, UpgradePlan, words};

/// Where what is said of a step begins.
const INDENT: usize = 3;
/// Where it goes on behind its label.
const LABEL: usize = 13;
/// The longest word for a state, and a gap.
const STATE: usize = 10;

/// The steps of each hop, one below the other.
pub(super) fn steps(
    plan: &UpgradePlan,
    hops: &[HopFolds<'_>],
    next: Option<&StepDoc>,
    look: &Look,
) -> String {
    let mut out = String::new();
    let mut before = None;
    for hop in hops {
        heading(&mut out, hop, before, look);
        before = hop.edge.map(|edge| edge.source.as_str());
        for step in plan.steps.iter().filter(|step| step.hop == *hop.to) {
            out.push('\n');
            let is_next = next.is_some_and(|next| next.id == step.id);
            one(&mut out, plan, step, is_next, look);
        }
    }
    out
}

fn one(out: &mut String, plan: &UpgradePlan, step: &StepDoc, is_next: bool, look: &Look) {
    let mark = if is_next { NEXT } else { "   " };
    let progress = step.progress.map(|it| format!(" {}/{}", it.done, it.total));
    let state = look.styles.state(step.state) + &progress.unwrap_or_default();
    let gap = " ".repeat(STATE.saturating_sub(width(&state)).max(1));
    let title = look.styles.heading(&advice::prose(&step.title));
    advice::push(out, 0, &format!("{mark}{state}{gap}{title}"));
    let mut said = Said { out, look };
    said.of("id", &[step.id.as_str()]);
    said.of("scope", &[words::place(step)]);
    let takes = words::takes(step.duration_seconds);
    said.of("takes", &[format!("{takes} ({})", step.basis)]);
    said.of("window", &opens(plan, &[step]));
    if plan.summary.no_window.contains(&step.id) {
        said.label("window", &look.styles.careful(NO_WINDOW));
    }
    if !step.reversible {
        said.label("way back", &look.styles.careful(NO_WAY_BACK));
    }
    for (at, command) in step.commands.iter().enumerate() {
        // Never wrapped: it is there to be copied.
        said.label(
            if at == 0 { "commands" } else { "" },
            &words::command(command),
        );
    }
    said.of("done when", &[step.done_when.text.as_str()]);
    said.of("interrupts", &step.interrupts);
    let gates = gates(plan, step).map(|finding| format!("{}: {}", finding.id, finding.message));
    said.of("in the way", &gates.collect::<Vec<_>>());
    said.of("objects", &step.objects);
    said.of("see", &step.links);
}

/// What is said of one step.
struct Said<'a> {
    out: &'a mut String,
    look: &'a Look,
}

impl Said<'_> {
    /// Texts behind one label, each on lines of its own.
    fn of<T: AsRef<str>>(&mut self, label: &str, texts: &[T]) {
        let mut label = label;
        for text in texts {
            let text = advice::prose(text.as_ref());
            let lines = wrap(&text, "", self.look.prose() - INDENT - LABEL);
            for line in lines.lines() {
                self.label(label, line);
                label = "";
            }
        }
    }

    fn label(&mut self, label: &str, text: &str) {
        let label = format!("{label:LABEL$}");
        let line = format!("{}{text}", self.look.styles.aside(&label));
        advice::push(self.out, INDENT, line.trim_end());
    }
}
