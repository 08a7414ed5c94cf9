//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use std::collections::BTreeSet;

use super::{ApiUsageEvidence, WriteTrace, file};
use crate::catalog::{Catalog, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::{
    ClusterSnapshot, HelmReleaseRow, HelmStorage, ManifestFiles, ManifestObject, ReadOutcome,
};

/// The revision of each release that the next operation starts from. A failed one counts only if none is deployed, and a
/// record of Helm 2 only if no newer Helm has the release.
#[must_use]
pub fn current_releases<'s>(
    cluster: Option<&'s ClusterSnapshot>,
    files: &'s ManifestFiles,
) -> Vec<&'s HelmReleaseRow> {
    let readings = cluster.into_iter().flat_map(|cluster| &cluster.ledger);
    let complete = readings.filter(|reading| reading.outcome == ReadOutcome::Complete);
    let read = complete.flat_map(|reading| reading.rows.helm_releases());
    let all: Vec<&HelmReleaseRow> = files.helm_releases.iter().chain(read).collect();
    let of_tiller = |row: &HelmReleaseRow| row.storage == HelmStorage::Tiller;
    let deployed = all.iter().filter(|row| !row.failed);
    let deployed: BTreeSet<_> = deployed.map(|row| row.release_key()).collect();
    let names = all.iter().filter(|row| !of_tiller(row));
    let names: BTreeSet<&str> = names.map(|row| row.release.as_str()).collect();
    let is_current = |row: &&HelmReleaseRow| {
        let is_replaced = row.failed && deployed.contains(&row.release_key());
        let is_migrated = of_tiller(row) && names.contains(row.release.as_str());
        !is_replaced && !is_migrated
    };
    all.iter().copied().filter(is_current).collect()
}

/// The claim of one object of the release's manifest, of any version; none for kinds that are not Kubernetes' own.
pub(super) fn helm_evidence(
    release: &HelmReleaseRow,
    object: &ManifestObject,
    catalog: &Catalog,
) -> Option<ApiUsageEvidence> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    let state = match (release.failed, release.storage) {
        (true, _) => " (failed, and none is deployed)",
        (false, HelmStorage::Tiller) => " (Helm 2)",
        (false, _) => "",
    };
    let (api, key) = file::api_and_key(object, catalog)?;
    Some(ApiUsageEvidence {
        api,
        object: key,
        trace: WriteTrace::Helm,
        writer: Some(WriterKind::Helm),
        time: release.created_at,
        evidence: Evidence {
            source: EvidenceSource::Helm,
            detail: format!("{name} v{}{state}", release.revision),
            writer: Some("helm".to_owned()),
            time: release.created_at,
            location: Some(object.location.clone()),
        },
        owner: Some(name),
    })
}
