//! `metadata.managedFields`: who wrote through which version, and when.

use super::{Claim, ObjectKey, Trace};
use crate::catalog::{Catalog, Gvk};
use crate::evidence::{Evidence, Source};
use crate::snapshot::{Manager, MetaRow};

/// One claim for each entry, of every version: newer entries make older ones of the same manager stale.
pub(super) fn claims<'a>(
    row: &'a MetaRow,
    kind: &'a str,
    key: &'a ObjectKey,
    catalog: &'a Catalog,
) -> impl Iterator<Item = Claim> + 'a {
    row.managers.iter().map(move |entry| Claim {
        api: Gvk::new(&entry.api_version, kind),
        object: key.clone(),
        trace: Trace::ManagedFields {
            manager: entry.manager.to_string(),
            subresource: !entry.subresource.is_empty(),
        },
        writer: catalog.writers.of(&entry.manager),
        time: entry.time,
        owner: row.owner.clone(),
        evidence: Evidence {
            source: Source::ManagedFields,
            detail: words(entry),
            writer: Some(entry.manager.to_string()),
            time: entry.time,
            location: None,
        },
    })
}

fn words(entry: &Manager) -> String {
    let manager = match &*entry.manager {
        "" => "an unnamed manager",
        named => named,
    };
    let verb = if entry.applied { "applied" } else { "wrote" };
    let what = match &*entry.subresource {
        "" => "it",
        subresource => subresource,
    };
    format!("{manager} {verb} {what} through {}", entry.api_version)
}
