//! The runbook for a change request: steps with boxes to tick, and lines to sign.

use super::super::page::markdown::{
    code_span, finding_item, format_link, gap_item, markdown_cell, markdown_text, push_blank_line,
    push_code_block, push_section,
};
use super::heading::IRREVERSIBLE_NOTE;
use super::view::{
    GroupedStepView, HopView, NO_PLAN_HINT, NO_PLAN_PREFIX, PlanView, StepGroupView,
};
use crate::api::v1::UpgradePlan;

/// The plan as Markdown.
pub(super) fn plan_markdown(plan: &UpgradePlan) -> String {
    let page = PlanView::new(plan);
    let mut out = format!(
        "# {}\n\n{}\n\n",
        markdown_text(&page.title),
        markdown_text(&page.made)
    );
    if let Some(why) = &page.no_path {
        out.push_str(&format!(
            "**{NO_PLAN_PREFIX}** {}.\n\n{NO_PLAN_HINT}\n",
            markdown_text(why)
        ));
        return out;
    }
    out.push_str("| | |\n| --- | --- |\n");
    for (name, value) in &page.facts {
        out.push_str(&format!("| {name} | {} |\n", markdown_cell(value)));
    }
    push_overview(&mut out, &page);
    for hop in &page.hops {
        push_hop(&mut out, hop);
    }
    push_section(&mut out, page.findings_are, &page.findings, finding_item);
    push_section(&mut out, "Gaps", &page.gaps, gap_item);
    push_section(&mut out, "Remarks", &page.remarks, |remark| {
        format!("- {}\n", markdown_text(remark))
    });
    push_blank_line(&mut out);
    out.push_str(
        "## Sign-off\n\n| | Name | Date and time | Signature |\n| --- | --- | --- | --- |\n",
    );
    for who in page.sign_off {
        out.push_str(&format!("| {who} | | | |\n"));
    }
    out
}

/// Windows, and the hops with their counts.
fn push_overview(out: &mut String, page: &PlanView) {
    if !page.windows.is_empty() {
        push_blank_line(out);
        out.push_str(
            "## Windows\n\n| Window | Opens | Closes | Steps |\n| --- | --- | --- | --- |\n",
        );
    }
    for window in &page.windows {
        let cells = [&window.window, &window.start, &window.end].map(|cell| markdown_cell(cell));
        out.push_str(&format!("| {} | {} |\n", cells.join(" | "), window.steps));
    }
    if page.hops.is_empty() {
        return;
    }
    push_blank_line(out);
    out.push_str("## Hops\n\n");
    out.push_str("| | Hop | Steps | Done | Time left | Irreversible steps | Source |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for hop in &page.hops {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            hop.number,
            markdown_cell(&hop.title),
            hop.steps,
            hop.done,
            markdown_cell(&hop.takes),
            hop.no_return,
            markdown_cell(&hop.source),
        ));
    }
}

fn push_hop(out: &mut String, hop: &HopView) {
    push_blank_line(out);
    out.push_str(&format!(
        "## {}. {}\n",
        hop.number,
        markdown_text(&hop.title)
    ));
    for fold in &hop.folds {
        push_step_group(out, fold);
    }
}

fn checkbox_mark(is_done: bool) -> char {
    if is_done { 'x' } else { ' ' }
}

fn push_step_group(out: &mut String, fold: &StepGroupView) {
    const INDENT: usize = 2;
    let next = if fold.is_next { " — **next**" } else { "" };
    let progress = match fold.progress.as_str() {
        "" => String::new(),
        progress => format!(", {progress}"),
    };
    push_blank_line(out);
    out.push_str(&format!(
        "- [{}] **{}**{next}\n",
        checkbox_mark(fold.is_done),
        markdown_text(&fold.title)
    ));
    push_code_block(out, INDENT, &fold.commands);
    let mut say = |name: &str, value: &str| out.push_str(&format!("  - {name}: {value}\n"));
    say("State", &format!("{}{progress}", fold.state));
    say("Scope", &markdown_text(&fold.place));
    if !fold.is_done {
        say("Duration", &markdown_text(&fold.takes));
    }
    if fold.is_final {
        say("Note", &format!("**{IRREVERSIBLE_NOTE}**"));
    }
    for (name, value) in &fold.details {
        say(name, &markdown_text(value));
    }
    for gate in &fold.gates {
        say(
            "Blocked by",
            &format!("{}: {}", code_span(&gate.id), markdown_text(&gate.message)),
        );
    }
    for object in &fold.objects {
        say("Object", &code_span(object));
    }
    for url in &fold.links {
        say("See", &format_link(url));
    }
    fold.members
        .iter()
        .for_each(|one| push_grouped_step(out, one));
}

/// One node of several.
fn push_grouped_step(out: &mut String, member: &GroupedStepView) {
    out.push_str(&format!(
        "  - [{}] {}\n",
        checkbox_mark(member.is_done),
        code_span(&member.name)
    ));
    push_code_block(out, 4, &member.commands);
    for (name, value) in &member.details {
        out.push_str(&format!("    - {name}: {}\n", markdown_text(value)));
    }
}
