//! Helm's records as they come in lists of Secrets and ConfigMaps.
//!
//! Everything else in a Secret is dropped here: no value leaves this module but the names and versions that the manifest
//! of a release holds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prost::Message;
use serde::{Deserialize, Deserializer};

use super::encoded_object::EncodedObject;
use super::meta::{ObjectMeta, Time};
use crate::catalog::Catalog;
use crate::manifests;
use crate::manifests::helm;
use crate::manifests::helm_record::HelmRecord;
use crate::snapshot::{HelmReleaseRow, HelmStorage, MissingData, Table};

/// Tags of k8s.io/api core/v1/generated.proto; a ConfigMap has the same two.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HelmStorageObject {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    #[serde(deserialize_with = "text_values")]
    data: BTreeMap<String, Vec<u8>>,
}

/// A record may expand to many times its size: one is unpacked at a time, however many lists come in.
static UNPACKING: Mutex<()> = Mutex::new(());

/// Values as they are written: JSON has those of a Secret in base64.
fn text_values<'de, D: Deserializer<'de>>(json: D) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(json)?.into_iter();
    Ok(texts.map(|(key, text)| (key, text.into_bytes())).collect())
}

/// Adds the release that a Secret or ConfigMap records; what cannot be understood comes back as faults.
pub(in crate::client) fn collect_release(
    object: EncodedObject<'_>,
    is_secret: bool,
    catalog: &Catalog,
    rows: &mut Table<HelmReleaseRow>,
) -> Vec<MissingData> {
    let is_base64 = is_secret && matches!(object, EncodedObject::Json(_));
    let stored: HelmStorageObject = match object.decode() {
        Ok(stored) => stored,
        // The error may quote a value of the Secret.
        Err(_) => {
            return vec![skipped_object(
                "a Helm release record",
                &"it cannot be decoded",
            )];
        }
    };
    let metadata = stored.metadata.unwrap_or_default();
    let place = metadata.namespaced_name().to_string();
    let what = format!("Helm release record {}", manifests::truncate_name(&place));
    let Some(payload) = stored.data.into_iter().find(|(key, _)| key == "release") else {
        return vec![skipped_object(&what, &"it has no key \"release\"")];
    };
    let payload = match is_base64 {
        true => helm::decode_secret_data(payload.1),
        false => Ok(payload.1),
    };
    let label = |name: &str| metadata.labels.get(name).cloned();
    let storage = match (is_secret, label("OWNER").as_deref()) {
        (true, _) => HelmStorage::Secret,
        (false, Some("TILLER")) => HelmStorage::Tiller,
        (false, _) => HelmStorage::ConfigMap,
    };
    let release = payload.and_then(|payload| {
        let _turn = UNPACKING.lock().unwrap_or_else(PoisonError::into_inner);
        let record = HelmRecord {
            storage,
            created: metadata.creation_timestamp.and_then(Time::to_timestamp),
            status: label("status").or_else(|| label("STATUS")),
            payload,
        };
        record.decode(catalog)
    });
    match release {
        Ok(release) => {
            rows.push(release.row);
            release.skipped_objects
        }
        Err(error) => vec![skipped_object(&what, &error)],
    }
}

fn skipped_object(what: &str, why: &dyn std::fmt::Display) -> MissingData {
    MissingData {
        what: what.to_owned(),
        why: why.to_string(),
        rbac: None,
    }
}
