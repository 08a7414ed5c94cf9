//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use super::{ApiUsageEvidence, WriteTrace, file};
use crate::catalog::{Catalog, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::{HelmReleaseRow, ManifestObject};

/// The claim of one object of the release's manifest, of any version; none for kinds that are not Kubernetes' own.
pub(super) fn helm_evidence(
    release: &HelmReleaseRow,
    object: &ManifestObject,
    catalog: &Catalog,
) -> Option<ApiUsageEvidence> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    let (api, key) = file::api_and_key(object, catalog)?;
    Some(ApiUsageEvidence {
        api,
        object: key,
        trace: WriteTrace::Helm,
        writer: Some(WriterKind::Helm),
        time: release.created_at,
        evidence: Evidence {
            source: EvidenceSource::Helm,
            detail: format!("{name} v{}", release.revision),
            writer: Some("helm".to_owned()),
            time: release.created_at,
            location: Some(object.location.clone()),
        },
        owner: Some(name),
    })
}
