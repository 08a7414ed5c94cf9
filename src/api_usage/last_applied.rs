//! Annotations in which kubectl and kapp keep what they applied last.

use super::{ApiUsageEvidence, ObjectKey, WriteTrace};
use crate::catalog::{Gvk, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::LastApplied;

/// kapp's annotation; any other is kubectl's.
const KAPP_ANNOTATION: &str = "kapp.k14s.io/original";

/// One claim for each annotation, of every version.
pub(super) fn last_applied_evidence<'a>(
    annotations: &'a [LastApplied],
    owner: Option<&'a str>,
    key: &'a ObjectKey,
) -> impl Iterator<Item = ApiUsageEvidence> + 'a {
    annotations.iter().map(move |applied| {
        let (writer, name) = if *applied.annotation == *KAPP_ANNOTATION {
            (WriterKind::Kapp, "kapp")
        } else {
            (WriterKind::KubectlApply, "kubectl apply")
        };
        ApiUsageEvidence {
            api: Gvk::new(&applied.api_version, &applied.kind),
            object: key.clone(),
            trace: WriteTrace::LastApplied {
                is_unowned: applied.unowned,
            },
            writer: Some(writer),
            time: None,
            owner: owner.map(str::to_owned),
            evidence: Evidence {
                source: EvidenceSource::LastApplied,
                detail: format!("{}: {}", applied.annotation, applied.api_version),
                writer: Some(name.to_owned()),
                time: None,
                location: None,
            },
        }
    })
}
