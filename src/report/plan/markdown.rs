//! The runbook for a change request: steps with boxes to tick, and lines to sign.

use super::super::page::markdown::{blank, block, cell, code, finding, gap, link, list, text};
use super::UpgradePlan;
use super::table::NO_WAY_BACK;
use super::view::{FoldView, HopView, MemberView, NO_PLAN, Page, TRY_AGAIN};

/// The plan as Markdown.
pub(super) fn markdown(plan: &UpgradePlan) -> String {
    let page = Page::new(plan);
    let mut out = format!("# {}\n\n{}\n\n", text(&page.title), text(&page.made));
    if let Some(why) = &page.no_path {
        out.push_str(&format!("**{NO_PLAN}** {}.\n\n{TRY_AGAIN}\n", text(why)));
        return out;
    }
    out.push_str("| | |\n| --- | --- |\n");
    for (name, value) in &page.facts {
        out.push_str(&format!("| {name} | {} |\n", cell(value)));
    }
    overview(&mut out, &page);
    for hop in &page.hops {
        one_hop(&mut out, hop);
    }
    list(&mut out, page.findings_are, &page.findings, finding);
    list(&mut out, "Not looked at", &page.gaps, gap);
    list(&mut out, "Mind", &page.remarks, |remark| {
        format!("- {}\n", text(remark))
    });
    blank(&mut out);
    out.push_str(
        "## Sign-off\n\n| | Name | Date and time | Signature |\n| --- | --- | --- | --- |\n",
    );
    for who in page.sign_off {
        out.push_str(&format!("| {who} | | | |\n"));
    }
    out
}

/// Hops, how long they take, and from where no way leads back.
fn overview(out: &mut String, page: &Page) {
    if !page.windows.is_empty() {
        blank(out);
        out.push_str(
            "## Windows\n\n| Window | Opens | Closes | Steps |\n| --- | --- | --- | --- |\n",
        );
    }
    for window in &page.windows {
        let cells = [&window.window, &window.start, &window.end].map(|it| cell(it));
        out.push_str(&format!("| {} | {} |\n", cells.join(" | "), window.steps));
    }
    if page.hops.is_empty() {
        return;
    }
    blank(out);
    out.push_str("## Hops\n\n");
    out.push_str(
        "| | Hop | Steps | Done | Left takes | Points of no return | Why it is supported |\n",
    );
    out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for hop in &page.hops {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            hop.number,
            cell(&hop.title),
            hop.steps,
            hop.done,
            cell(&hop.takes),
            hop.no_return,
            cell(&hop.source),
        ));
    }
}

fn one_hop(out: &mut String, hop: &HopView) {
    blank(out);
    out.push_str(&format!("## {}. {}\n", hop.number, text(&hop.title)));
    for fold in &hop.folds {
        step(out, fold);
    }
}

fn tick(is_done: bool) -> char {
    if is_done { 'x' } else { ' ' }
}

fn step(out: &mut String, fold: &FoldView) {
    const INDENT: usize = 2;
    let next = if fold.is_next { " — **next**" } else { "" };
    let progress = match fold.progress.as_str() {
        "" => String::new(),
        progress => format!(", {progress}"),
    };
    blank(out);
    out.push_str(&format!(
        "- [{}] **{}**{next}\n",
        tick(fold.is_done),
        text(&fold.title)
    ));
    block(out, INDENT, &fold.commands);
    let mut say = |name: &str, value: &str| out.push_str(&format!("  - {name}: {value}\n"));
    say("State", &format!("{}{progress}", fold.state));
    say("Scope", &text(&fold.place));
    if !fold.is_done {
        say("Takes", &text(&fold.takes));
    }
    if fold.is_final {
        say("Way back", &format!("**{NO_WAY_BACK}**"));
    }
    for (name, value) in &fold.said {
        say(name, &text(value));
    }
    for gate in &fold.gates {
        say(
            "In the way",
            &format!("{}: {}", code(&gate.id), text(&gate.message)),
        );
    }
    for object in &fold.objects {
        say("Object", &code(object));
    }
    for url in &fold.links {
        say("See", &link(url));
    }
    fold.members.iter().for_each(|one| member(out, one));
}

/// One node of several.
fn member(out: &mut String, member: &MemberView) {
    out.push_str(&format!(
        "  - [{}] {}\n",
        tick(member.is_done),
        code(&member.name)
    ));
    block(out, 4, &member.commands);
    for (name, value) in &member.said {
        out.push_str(&format!("    - {name}: {}\n", text(value)));
    }
}
