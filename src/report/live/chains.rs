//! What the upgrade is stuck on: a line for each link.

use super::StuckChain;
use super::line::{Tone, ToneLine, wrapped};
use crate::api::v1::EventObjectDoc;
use crate::report::terminal::escape_line;
use crate::text::{human_duration, pluralize};

/// Chains that are shown while sections are folded.
const FOLDED: usize = 3;

pub(super) fn lines(chains: &[StuckChain], is_folded: bool, width: usize) -> Vec<ToneLine> {
    if chains.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![ToneLine::new(Tone::Heading, "STUCK")];
    let limit = if is_folded { FOLDED } else { usize::MAX };
    for chain in chains.iter().take(limit) {
        push_chain(&mut lines, chain, width);
    }
    let more = chains.len().saturating_sub(limit);
    if more > 0 {
        let text = format!("+ {}", pluralize(more, "more chain"));
        lines.push(ToneLine::new(Tone::Warning, text));
    }
    lines
}

fn push_chain(lines: &mut Vec<ToneLine>, chain: &StuckChain, width: usize) {
    let since = chain.since.map_or_else(String::new, |since| {
        format!(" (for {})", human_duration(since))
    });
    let cause = format!("{}{since}", escape_line(&chain.cause));
    lines.extend(wrapped(Tone::Warning, &cause, width, ["! ", "  "]));
    for (depth, link) in chain.links.iter().enumerate() {
        let depth = depth.min(6);
        let first = match depth {
            0 => "  ".to_owned(),
            _ => format!("  {}└ ", "  ".repeat(depth - 1)),
        };
        let indent = " ".repeat(2 + 2 * depth);
        lines.extend(wrapped(
            Tone::Plain,
            &link_text(link),
            width,
            [&first, &indent],
        ));
    }
    for (label, text) in [
        ("  show: ", &chain.command),
        ("  what to do: ", &chain.advice),
    ] {
        if !text.is_empty() {
            let text = escape_line(text);
            lines.extend(wrapped(Tone::Muted, &text, width, [label, "    "]));
        }
    }
}

/// `pod/shop/web is still there`.
fn link_text(link: &EventObjectDoc) -> String {
    let namespace = link.namespace.as_deref();
    let namespace = namespace.map_or_else(String::new, |name| format!("{}/", escape_line(name)));
    let kind = link.kind.to_lowercase();
    let (kind, name, why) = (
        escape_line(&kind),
        escape_line(&link.name),
        escape_line(&link.why),
    );
    format!("{kind}/{namespace}{name} {why}")
        .trim_end()
        .to_owned()
}
