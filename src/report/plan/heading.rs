//! Headings of hops, and the marks and notes of steps, in tables.

use super::super::options::RenderOptions;
use super::super::remedies;
use super::super::wrap::wrap;
use super::group::HopGroups;
use super::text;

/// Marks the step to do next.
pub(super) const NEXT_MARK: &str = "-> ";
pub(super) const NO_MARK: &str = "   ";
/// Note of a step that cannot be undone.
pub(super) const IRREVERSIBLE_NOTE: &str = "irreversible";
/// Note of a step that fits no remaining window.
pub(super) const NO_WINDOW_NOTE: &str = "fits no window";

/// `Kubernetes 1.24.17 → 1.25.16`, and below it the source, unless the hop before has the same.
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
            &format!("source: {}", remedies::escape_prose(source)),
            "",
            look.prose_width() - NO_MARK.len(),
        );
        for line in by.lines() {
            remedies::push_indented(out, NO_MARK.len(), &look.styles.muted(line));
        }
    }
}
