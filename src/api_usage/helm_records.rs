//! What is read of Helm's records: the contents of the revisions that Helm may start from, and of all others the metadata.

use std::collections::BTreeMap;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, ListSelector, Need, ReadRequest, ReadTarget, read_plan};
use crate::snapshot::{ClusterView, HelmReleaseRow, MetaRow, MissingData, ReadOutcome, Rows};

const HELM_TYPE: &str = "type=helm.sh/release.v1";
const OTHER_TYPE: &str = "type!=helm.sh/release.v1";

/// Revisions of Helm releases with the label of deployed ones, in Secrets and ConfigMaps.
#[must_use]
pub fn helm_release_needs() -> [Need; 2] {
    let labels = "owner=helm,status=deployed";
    [
        records("secrets", labels, HELM_TYPE),
        records("configmaps", labels, ""),
    ]
}

/// Every revision that the next operation of Helm may start from, wherever it is kept: the contents of those labelled as
/// deployed and of those of Helm 2, and the metadata of all others, of which [`follow_up_requests`] read what Helm reads.
#[must_use]
pub fn helm_record_needs() -> Vec<Need> {
    let mut needs = helm_release_needs().to_vec();
    needs.extend([
        records("secrets", "owner=helm,status=deployed", OTHER_TYPE),
        records("configmaps", "OWNER=TILLER", ""),
    ]);
    needs.extend(other_records_needs());
    needs
}

/// Metadata of the records whose label does not say that they are deployed. Helm finds records by their labels, not by
/// the type of the Secret; records without labels are listed as well, because Helm does not find them.
#[must_use]
pub fn other_records_needs() -> [Need; 3] {
    let labels = "owner=helm,status!=deployed";
    [
        records("secrets", "status!=deployed", HELM_TYPE),
        records("secrets", labels, OTHER_TYPE),
        records("configmaps", labels, ""),
    ]
    .map(|need| Need {
        detail_level: DetailLevel::Metadata,
        ..need
    })
}

/// The need for deployed revisions in the same resource, of a need for other records that Helm may start from: where both
/// are refused, one gap reports it.
#[must_use]
pub fn deployed_releases_need(need: &Need) -> Option<Need> {
    let ReadTarget::Objects { resource, .. } = &need.target else {
        return None;
    };
    let is_record = helm_record_needs().contains(need);
    let mut deployed = helm_release_needs().into_iter();
    deployed.find(|deployed| {
        let is_same =
            matches!(&deployed.target, ReadTarget::Objects { resource: of, .. } if of == resource);
        is_record && is_same && deployed.target != need.target
    })
}

/// The requests for the newest revision of each release whose newest one is not labelled as deployed: whether Helm starts
/// from it depends on its contents.
#[must_use]
pub fn follow_up_requests(view: ClusterView<'_>) -> Vec<ReadRequest> {
    let needs: Vec<Need> = newest_records(view)
        .iter()
        .filter(|record| record.release.is_some())
        .map(|record| record.need.clone())
        .collect();
    read_plan(&needs, &view.cluster.discovery, view.catalog, None)
}

/// Releases whose newest revision was not read, and records of which Helm does not know to which release they belong.
#[must_use]
pub fn unread_releases(view: ClusterView<'_>) -> Vec<MissingData> {
    let records = newest_records(view).into_iter();
    records
        .filter_map(|record| {
            let why = match record.release {
                None => "it lacks the label owner=helm or name, by which Helm finds the records of a release; it was not read".to_owned(),
                Some(_) => record.unread_reason(view)?,
            };
            let namespace = record.row.namespace.as_deref().unwrap_or_default();
            let revision = record.revision.map(|revision| format!(" v{revision}"));
            Some(MissingData {
                what: match record.release {
                    Some(release) => format!(
                        "helm release {namespace}/{release}{}",
                        revision.unwrap_or_default()
                    ),
                    None => format!("Helm release record {}", record.row.namespaced_name()),
                },
                why,
                rbac: None,
            })
        })
        .collect()
}

/// A record that is newer than what was read of its release.
struct RecordToRead<'a> {
    row: &'a MetaRow,
    /// The release, as its label names it; `None` if it has no such label.
    release: Option<&'a str>,
    /// The revision, as its label or its name has it.
    revision: Option<u64>,
    /// Whether its label says that an operation has not ended.
    is_pending: bool,
    /// The need for its contents.
    need: Need,
}

impl RecordToRead<'_> {
    /// Why its contents are unknown; `None` if they were read, it was deleted meanwhile, or it is a gap by itself.
    fn unread_reason(&self, view: ClusterView<'_>) -> Option<String> {
        let mut ledger = view.cluster.ledger.iter();
        let reading = ledger.find(|reading| reading.target == self.need.target);
        match reading.map(|reading| (&reading.outcome, &reading.skipped_objects)) {
            Some((ReadOutcome::Complete, skipped)) => {
                skipped.first().map(|skipped| skipped.why.clone())
            }
            Some((ReadOutcome::NotServed, _)) => None,
            Some((ReadOutcome::Forbidden { why, .. } | ReadOutcome::Failed { why }, _)) => {
                Some(why.clone())
            }
            None => Some("its newest revision was not read; take a new snapshot".to_owned()),
        }
    }
}

/// The newest record of each release whose newest record is not labelled as deployed, the one before a pending one, and those
/// of which the revision or the release is unknown.
fn newest_records(view: ClusterView<'_>) -> Vec<RecordToRead<'_>> {
    let deployed = newest_deployed(view);
    let mut newest: BTreeMap<_, RecordToRead<'_>> = BTreeMap::new();
    for need in other_records_needs() {
        let ReadTarget::Objects { resource, .. } = &need.target else {
            continue;
        };
        for row in view.rows(&need).into_iter().flat_map(Rows::metadata) {
            let record = RecordToRead::new(row, resource);
            let namespace = row.namespace.as_deref().unwrap_or_default();
            let release = record.release.unwrap_or_default();
            let known = deployed.get(&(namespace, release)).copied();
            if record.revision.is_some() && known >= record.revision {
                continue;
            }
            let is_single = record.release.is_none() || record.revision.is_none();
            let name = is_single.then_some(row.name.as_str());
            let key = (namespace, release, name, record.is_pending);
            let is_older = newest
                .get(&key)
                .is_some_and(|other| other.revision >= record.revision);
            if !is_older {
                newest.insert(key, record);
            }
        }
    }
    let settled = |record: &RecordToRead<'_>| {
        let namespace = record.row.namespace.as_deref().unwrap_or_default();
        let key = (namespace, record.release.unwrap_or_default(), None, false);
        newest.get(&key).and_then(|other| other.revision)
    };
    let is_old: Vec<_> = newest
        .iter()
        .filter(|(_, record)| record.is_pending && record.revision < settled(record))
        .map(|(key, _)| *key)
        .collect();
    newest.retain(|key, _| !is_old.contains(key));
    newest.into_values().collect()
}

/// The newest revision of each release that is labelled as deployed, by namespace and name.
fn newest_deployed(view: ClusterView<'_>) -> BTreeMap<(&str, &str), u64> {
    let mut newest = BTreeMap::new();
    let readings = view.cluster.ledger.iter();
    let rows = readings.flat_map(|reading| reading.rows.helm_releases());
    for row in rows.filter(|row| row.is_labelled_deployed()) {
        let revision = newest
            .entry((row.namespace.as_str(), row.release.as_str()))
            .or_default();
        *revision = row.revision.max(*revision);
    }
    newest
}

impl<'a> RecordToRead<'a> {
    fn new(row: &'a MetaRow, resource: &GroupResource) -> Self {
        let label = |name: &str| row.helm_labels.get(name).map(String::as_str);
        let suffix = row.name.rsplit_once(".v").map(|(_, revision)| revision);
        let revision = label("version").or(suffix);
        let namespace = row.namespace.as_deref().unwrap_or_default();
        Self {
            row,
            release: label("name"),
            is_pending: label("status").is_some_and(HelmReleaseRow::is_pending_status),
            revision: revision.and_then(|revision| revision.parse().ok()),
            need: Need {
                detail_level: DetailLevel::Typed,
                ..Need::single_object(resource.clone(), namespace, &row.name)
            },
        }
    }
}

fn records(plural: &str, labels: &str, fields: &str) -> Need {
    let selector = ListSelector {
        labels: labels.to_owned(),
        fields: fields.to_owned(),
    };
    Need::selected(GroupResource::new("", plural), selector, DetailLevel::Typed)
}
