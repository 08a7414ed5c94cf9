//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use std::collections::{BTreeMap, BTreeSet};

use super::{ApiUsageEvidence, WriteTrace, file};
use crate::catalog::{Catalog, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::{
    ClusterSnapshot, HelmReleaseRow, HelmStorage, ManifestFiles, ManifestObject, ReadOutcome,
};

/// The revision of each release that the next operation starts from ([`HelmReleaseRow::current`]), in the cluster and in
/// files. A record of Helm 2 counts only if no newer Helm has the release.
#[must_use]
pub fn current_releases<'s>(
    cluster: Option<&'s ClusterSnapshot>,
    files: &'s ManifestFiles,
) -> Vec<&'s HelmReleaseRow> {
    let readings = cluster.into_iter().flat_map(|cluster| &cluster.ledger);
    let complete = readings.filter(|reading| reading.outcome == ReadOutcome::Complete);
    let read = complete.flat_map(|reading| reading.rows.helm_releases());
    let mut all = current_of_each(files.helm_releases.iter());
    all.extend(current_of_each(read));
    let of_tiller = |row: &HelmReleaseRow| row.storage == HelmStorage::Tiller;
    let names = all.iter().filter(|row| !of_tiller(row));
    let names: BTreeSet<&str> = names.map(|row| row.release.as_str()).collect();
    all.retain(|row| !of_tiller(row) || !names.contains(row.release.as_str()));
    all
}

fn current_of_each<'s>(rows: impl Iterator<Item = &'s HelmReleaseRow>) -> Vec<&'s HelmReleaseRow> {
    let mut releases: BTreeMap<_, Vec<&HelmReleaseRow>> = BTreeMap::new();
    for row in rows {
        releases.entry(row.release_key()).or_default().push(row);
    }
    let releases = releases.values();
    releases
        .filter_map(|revisions| HelmReleaseRow::current(revisions))
        .collect()
}

/// The claim of one object of the release's manifest, of any version; none for kinds that are not Kubernetes' own.
pub(super) fn helm_evidence(
    release: &HelmReleaseRow,
    object: &ManifestObject,
    catalog: &Catalog,
) -> Option<ApiUsageEvidence> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    let is_deployed = release.status == "deployed" || release.is_labelled_deployed();
    let state = match (is_deployed, release.storage) {
        (false, _) => format!(" ({}, and none is deployed)", release.status),
        (true, HelmStorage::Tiller) => " (Helm 2)".to_owned(),
        (true, _) => String::new(),
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
