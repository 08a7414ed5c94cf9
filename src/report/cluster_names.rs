//! Names of clusters in the texts of a run over several.

use crate::api::v1::{FindingDoc, GapDoc};

/// Puts the name of the cluster before the text of a finding.
pub(super) fn name_finding_cluster(finding: &mut FindingDoc) {
    if let Some(cluster) = finding.cluster() {
        finding.message = format!("{cluster}: {}", finding.message);
    }
}

/// Puts the name of the cluster before the text of a gap, unless it has it.
pub(super) fn name_gap_cluster(gap: &mut GapDoc) {
    if let Some(cluster) = gap
        .cluster
        .as_ref()
        .filter(|id| !gap.what.contains(id.as_str()))
    {
        gap.what = format!("{cluster}: {}", gap.what);
    }
}
