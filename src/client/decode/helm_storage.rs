//! Helm's records as they come in lists of Secrets and ConfigMaps.
//!
//! Everything else in a Secret is dropped here: no value leaves this module but the names and versions that the manifest
//! of a release holds.

use std::collections::BTreeMap;

use prost::Message;

use super::meta::{ObjectMeta, Time};
use crate::catalog::Catalog;
use crate::manifests;
use crate::manifests::helm;
use crate::snapshot::{HelmReleaseRow, HelmStorage, SkippedObject};

/// Tags of k8s.io/api core/v1/generated.proto; a ConfigMap has the same two.
#[derive(Clone, PartialEq, Message)]
struct HelmStorageObject {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    data: BTreeMap<String, Vec<u8>>,
}

/// Adds the release that a Secret or ConfigMap records; what cannot be understood comes back as faults.
pub(in crate::client) fn collect_release(
    message: &[u8],
    storage: HelmStorage,
    catalog: &Catalog,
    rows: &mut Vec<HelmReleaseRow>,
) -> Vec<SkippedObject> {
    let keeper = match HelmStorageObject::decode(message) {
        Ok(keeper) => keeper,
        Err(error) => return vec![skipped_object("a Helm release record", &error)],
    };
    let metadata = keeper.metadata.unwrap_or_default();
    let place = metadata.namespaced_name();
    let what = format!("Helm release record {}", manifests::truncate_name(&place));
    let Some(payload) = keeper.data.get("release") else {
        return vec![skipped_object(&what, &"it has no key \"release\"")];
    };
    let created = metadata.creation_timestamp.and_then(Time::to_timestamp);
    match helm::decode_record(payload, storage, created, catalog) {
        // The server selects by label; the record itself has the last word.
        Ok(release) if !release.is_deployed() => Vec::new(),
        Ok(release) => {
            rows.push(release.row);
            release.skipped_objects
        }
        Err(error) => vec![skipped_object(&what, &error)],
    }
}

fn skipped_object(what: &str, why: &dyn std::fmt::Display) -> SkippedObject {
    SkippedObject {
        what: what.to_owned(),
        why: why.to_string(),
    }
}
