//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use std::collections::{BTreeMap, BTreeSet};

use super::{ApiUsageEvidence, WriteTrace, file};
use crate::catalog::{Catalog, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::{
    ClusterSnapshot, HelmReleaseRow, HelmStorage, ManifestFiles, ManifestObject, ReadOutcome,
};

/// The revisions of each release that the next operations read ([`HelmReleaseRow::consulted`]), in the cluster and in files. A record of Helm 2 counts only if no newer Helm has the release.
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
        .flat_map(|revisions| HelmReleaseRow::consulted(revisions))
        .collect()
}

/// The claim of one object of the release's manifest, of any version; none for kinds that are not Kubernetes' own.
pub(super) fn helm_evidence(
    release: &HelmReleaseRow,
    object: &ManifestObject,
    catalog: &Catalog,
) -> Option<ApiUsageEvidence> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    let state = state_text(release);
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

/// What to say of a revision beside its number: nothing if it is deployed by a Helm of today.
fn state_text(release: &HelmReleaseRow) -> String {
    let generation = Some("Helm 2").filter(|_| release.storage == HelmStorage::Tiller);
    let status = match release.status.as_str() {
        "" => "without a status",
        status => status,
    };
    let is_deployed = release.status == "deployed" || release.is_labelled_deployed();
    let status = Some(status).filter(|_| !is_deployed);
    let is_settled = status.is_some() && !HelmReleaseRow::is_pending_status(&release.status);
    let none = Some("and none is deployed").filter(|_| is_settled);
    let parts: Vec<&str> = generation.into_iter().chain(status).chain(none).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    }
}
