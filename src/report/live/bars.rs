//! Bars.

use super::line::{Tone, ToneLine};

const DONE: &str = "█";
const SETTLING: &str = "▒";
const LEFT: &str = "░";

/// Adds a bar of this width: what is done, what is about to be, and the rest. Only what is complete fills it, and whatever has
/// begun shows.
pub(super) fn push_bar(
    line: &mut ToneLine,
    width: usize,
    done: usize,
    settling: usize,
    all: usize,
) {
    let columns = |count: usize| match (count, all) {
        (0, _) | (_, 0) => 0,
        (count, all) if count >= all => width,
        (count, all) => (count * width / all).clamp(1, width.saturating_sub(1)),
    };
    let full = columns(done);
    let begun = columns(done + settling)
        .max(full + usize::from(settling > 0))
        .min(width);
    line.push(Tone::Success, DONE.repeat(full));
    line.push(Tone::Warning, SETTLING.repeat(begun - full));
    line.push(Tone::Muted, LEFT.repeat(width - begun));
}
