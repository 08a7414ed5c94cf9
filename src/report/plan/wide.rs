//! Every step with all its details.

use console::measure_text_width;

use super::super::options::RenderOptions;
use super::super::remedies;
use super::super::wrap::wrap;
use super::footer::{gating_findings, window_starts};
use super::group::HopGroups;
use super::heading::{IRREVERSIBLE_NOTE, NEXT_MARK, NO_WINDOW_NOTE, push_hop_heading};
use super::text;
use crate::api::v1::{StepDoc, UpgradePlan};

/// Indent of the details of a step.
const INDENT: usize = 3;
/// Width of their labels.
const LABEL_WIDTH: usize = 13;
/// The longest word for a state, and a gap.
const STATE_WIDTH: usize = 10;

/// The steps of each hop, one below the other.
pub(super) fn detailed_steps(
    plan: &UpgradePlan,
    hops: &[HopGroups<'_>],
    next: Option<&StepDoc>,
    look: &RenderOptions,
) -> String {
    let mut out = String::new();
    let mut before = None;
    for hop in hops {
        push_hop_heading(&mut out, hop, before, look);
        before = hop.path_hop.map(|edge| edge.source.as_str());
        for step in hop.steps {
            out.push('\n');
            let is_next = next.is_some_and(|next| next.id == step.id);
            push_step(&mut out, plan, step, is_next, look);
        }
    }
    out
}

fn push_step(
    out: &mut String,
    plan: &UpgradePlan,
    step: &StepDoc,
    is_next: bool,
    look: &RenderOptions,
) {
    let mark = if is_next { NEXT_MARK } else { "   " };
    let progress = step
        .progress
        .map(|progress| format!(" {}/{}", progress.done, progress.total));
    let state = look.styles.state(step.state) + &progress.unwrap_or_default();
    let gap = " ".repeat(
        STATE_WIDTH
            .saturating_sub(measure_text_width(&state))
            .max(1),
    );
    let title = look.styles.heading(&remedies::escape_prose(&step.title));
    remedies::push_indented(out, 0, &format!("{mark}{state}{gap}{title}"));
    let mut details = DetailWriter { out, look };
    details.write_wrapped("id", &[step.id.as_str()]);
    details.write_wrapped("scope", &[text::format_scope(step)]);
    let duration = text::format_duration(step.duration_seconds);
    details.write_wrapped("duration", &[format!("{duration} ({})", step.basis)]);
    details.write_wrapped("window", &window_starts(plan, &[step]));
    if plan.summary.no_window.contains(&step.id) {
        details.write_line("window", &look.styles.warning(NO_WINDOW_NOTE));
    }
    if !step.reversible {
        details.write_line("note", &look.styles.warning(IRREVERSIBLE_NOTE));
    }
    for (at, command) in step.commands.iter().enumerate() {
        // Never wrapped: it is there to be copied.
        details.write_line(
            if at == 0 { "commands" } else { "" },
            &text::escape_command(command),
        );
    }
    details.write_wrapped("done when", &[step.done_when.text.as_str()]);
    details.write_wrapped("evidence", &step.evidence);
    details.write_wrapped("interrupts", &step.interrupts);
    let gates =
        gating_findings(plan, step).map(|finding| format!("{}: {}", finding.id, finding.message));
    details.write_wrapped("blocked by", &gates.collect::<Vec<_>>());
    details.write_wrapped("objects", &step.objects);
    details.write_wrapped("see", &step.links);
}

/// Writes the details of a step.
struct DetailWriter<'a> {
    out: &'a mut String,
    look: &'a RenderOptions,
}

impl DetailWriter<'_> {
    /// Texts behind one label, each wrapped.
    fn write_wrapped<T: AsRef<str>>(&mut self, label: &str, texts: &[T]) {
        let mut label = label;
        for text in texts {
            let text = remedies::escape_prose(text.as_ref());
            let lines = wrap(&text, "", self.look.prose_width() - INDENT - LABEL_WIDTH);
            for line in lines.lines() {
                self.write_line(label, line);
                label = "";
            }
        }
    }

    fn write_line(&mut self, label: &str, text: &str) {
        let label = format!("{label:LABEL_WIDTH$}");
        let line = format!("{}{text}", self.look.styles.muted(&label));
        remedies::push_indented(self.out, INDENT, line.trim_end());
    }
}
