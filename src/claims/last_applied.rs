//! Annotations in which kubectl and kapp keep what they applied last.

use super::{Claim, ObjectKey, Trace};
use crate::catalog::{Gvk, Writer};
use crate::evidence::{Evidence, Source};
use crate::snapshot::MetaRow;

/// kapp's annotation; any other is kubectl's.
const KAPP: &str = "kapp.k14s.io/original";

/// One claim for each annotation, of every version.
pub(super) fn claims<'a>(row: &'a MetaRow, key: &'a ObjectKey) -> impl Iterator<Item = Claim> + 'a {
    row.applied.iter().map(move |applied| {
        let (writer, name) = if *applied.annotation == *KAPP {
            (Writer::Kapp, "kapp")
        } else {
            (Writer::KubectlApply, "kubectl apply")
        };
        Claim {
            api: Gvk::new(&applied.api_version, &applied.kind),
            object: key.clone(),
            trace: Trace::LastApplied,
            writer: Some(writer),
            time: None,
            owner: row.owner.clone(),
            evidence: Evidence {
                source: Source::LastApplied,
                detail: format!("{}: {}", applied.annotation, applied.api_version),
                writer: Some(name.to_owned()),
                time: None,
                location: None,
            },
        }
    })
}
