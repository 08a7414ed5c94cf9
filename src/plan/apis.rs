//! What must be mended before a hop, as steps: objects of an API that goes, and all else that blocks there.

use crate::check::Severity;

use super::expand::{Draft, Now, Work};

/// Pools that are too old have steps of their own: they catch up.
const HAS_STEPS: &str = "node-kubelet-too-old";

/// A step for each blocker that bites at this hop, in the order of the findings.
pub(super) fn steps(work: &Work<'_>, now: &Now<'_>) -> Vec<Draft> {
    let here = work.findings.iter().filter(|finding| {
        finding.severity == Severity::Blocker
            && finding.hop.as_ref() == Some(&now.hop)
            && finding.id != HAS_STEPS
    });
    here.map(|finding| work.of_finding(now, finding)).collect()
}
