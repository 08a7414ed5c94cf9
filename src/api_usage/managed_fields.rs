//! `metadata.managedFields`: who wrote through which version, and when.

use jiff::tz::TimeZone;

use super::{ApiUsageEvidence, ObjectKey, WriteTrace};
use crate::catalog::{Catalog, Gvk};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::FieldManager;

/// One claim for each entry, of every version: newer entries make older ones of the same manager stale.
pub(super) fn managed_fields_evidence<'a>(
    entries: &'a [FieldManager],
    owner: Option<&'a str>,
    kind: &'a str,
    key: &'a ObjectKey,
    catalog: &'a Catalog,
) -> impl Iterator<Item = ApiUsageEvidence> + 'a {
    entries.iter().map(move |entry| ApiUsageEvidence {
        api: Gvk::new(&entry.api_version, kind),
        object: key.clone(),
        trace: WriteTrace::ManagedFields {
            manager: entry.name.to_string(),
            is_subresource: !entry.subresource.is_empty(),
            is_apply: entry.is_apply,
            leaves: entry.leaves,
        },
        writer: catalog.field_managers.writer_kind(&entry.name),
        time: entry.time,
        owner: owner.map(str::to_owned),
        evidence: Evidence {
            source: EvidenceSource::ManagedFields,
            detail: describe_entry(entry),
            writer: Some(entry.name.to_string()),
            time: entry.time,
            location: None,
        },
    })
}

fn describe_entry(entry: &FieldManager) -> String {
    let manager = match &*entry.name {
        "" => "an unnamed manager",
        named => named,
    };
    let verb = if entry.is_apply { "applied" } else { "wrote" };
    let what = match &*entry.subresource {
        "" => "it",
        subresource => subresource,
    };
    let day = entry.time.map_or_else(String::new, |time| {
        format!(" on {}", time.to_zoned(TimeZone::UTC).date())
    });
    format!("{manager} {verb} {what} through {}{day}", entry.api_version)
}
