//! Helm's release records: what a release applied, from the one place that remembers it.
//!
//! Helm keeps each revision as JSON, gzipped, in base64, in a Secret or a ConfigMap. A record also holds the chart and the
//! values of the release, which may be secret: the parser skips them, they are never kept. No error quotes a record.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use prost::Message;
use serde::Deserialize;

use super::decoder::{DecodeBudget, Origin, decode_with_budget};
use super::documents::truncate_name;
use super::helm_record::HelmRecord;
use crate::catalog::{Catalog, Gvk};
use crate::snapshot::{HelmReleaseRow, HelmStorage, ManifestObject, MissingData};

/// Maximum size of a decompressed record, in MiB. The API server stores at most about 1.5 MiB, which expands to about 20.
const MAX_MIB: u64 = 64;

/// Size in bytes that most decompressed records stay below.
const TYPICAL_RECORD_BYTES: usize = 4 << 20;

/// The longest name that Kubernetes has. Those of Helm's releases have 53 characters at most.
const MAX_NAME: usize = 253;

/// Gzip, with its only compression method. Records of the first releases of Helm are not compressed.
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// One revision of a release.
#[derive(Debug)]
pub(crate) struct HelmRelease {
    /// What the release applied.
    pub(crate) row: HelmReleaseRow,
    /// Documents of its manifest that cannot be decoded.
    pub(crate) skipped_objects: Vec<MissingData>,
}

impl HelmRecord {
    /// Decodes a revision. Where its label and the record differ, that is an entry of [`HelmRelease::skipped_objects`].
    /// Objects without a namespace get that of the release unless the catalog knows that they have none.
    ///
    /// # Errors
    /// If it is damaged, no record of Helm, or too large.
    pub(crate) fn decode(&self, catalog: &Catalog) -> Result<HelmRelease, HelmError> {
        let mut release = decode_record(self, catalog)?;
        let label = self.status.as_ref().map(|label| match self.storage {
            HelmStorage::Tiller => label.to_ascii_lowercase(),
            HelmStorage::Secret | HelmStorage::ConfigMap => label.clone(),
        });
        let row = &mut release.row;
        row.label = label
            .filter(|label| *label != row.status)
            .map(|label| truncate_name(&label).to_owned());
        if let Some(label) = &row.label {
            let HelmReleaseRow {
                namespace,
                release: name,
                revision,
                ..
            } = &row;
            release.skipped_objects.push(MissingData {
                what: format!("helm release {namespace}/{name} v{revision}"),
                why: format!(
                    "its label says {}, the record itself {}; of the newest revision Helm goes by the record, of others by the label",
                    or_nothing(label),
                    or_nothing(&row.status)
                ),
                rbac: None,
            });
        }
        Ok(release)
    }
}

fn or_nothing(status: &str) -> &str {
    match status {
        "" => "nothing",
        status => status,
    }
}

/// Why a record cannot be decoded. The caller names the record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelmError {
    /// Not base64.
    #[error("the Helm record is not valid base64")]
    Base64(#[source] base64::DecodeError),
    /// Incomplete or damaged gzip.
    #[error("the Helm record cannot be unpacked: its gzip data is damaged or cut short")]
    Gzip(#[source] io::Error),
    /// A decompression bomb, or more than an API server stores.
    #[error(
        "the Helm record expands to more than {MAX_MIB} MiB, the most that is unpacked of one record"
    )]
    TooLarge,
    /// A name that no release can have.
    #[error("the Helm record names a release or namespace with more than {MAX_NAME} characters")]
    NameTooLong,
    /// Not a record. The parser's message is dropped, since it may quote the record.
    #[error(
        "the Helm record is not the JSON that Helm 3 writes (line {line}, column {column} of it)"
    )]
    Json {
        /// Line of the unpacked record.
        line: usize,
        /// Column of that line.
        column: usize,
    },
    /// Not a record of Helm 2.
    #[error("the Helm record is not the message that Helm 2 writes")]
    Tiller,
}

/// Removes the layer of base64 that Kubernetes puts around the data of a Secret in JSON and YAML.
///
/// # Errors
/// If it is not base64.
pub(crate) fn decode_secret_data(data: impl AsRef<[u8]>) -> Result<Vec<u8>, HelmError> {
    decode_base64(data.as_ref())
}

fn decode_record(record: &HelmRecord, catalog: &Catalog) -> Result<HelmRelease, HelmError> {
    let compressed = decode_base64(&record.payload)?;
    let parsed: HelmReleaseJson = if record.storage == HelmStorage::Tiller {
        parse_tiller_record(&compressed)?
    } else if compressed.starts_with(&GZIP_MAGIC) {
        parse_record(MultiGzDecoder::new(compressed.as_slice()))?
    } else {
        parse_record(compressed.as_slice())?
    };
    let namespace = parsed.namespace.as_deref().unwrap_or_default();
    if parsed.name.len() > MAX_NAME || namespace.len() > MAX_NAME {
        return Err(HelmError::NameTooLong);
    }
    Ok(release_from_record(parsed, record, catalog))
}

/// Keeps of each release the revisions between which Helm chooses ([`HelmReleaseRow::consulted`]): the newest one, the newest
/// whose label says that it is deployed, and without such a one the newest that is not pending. Sorted by namespace,
/// release and revision.
pub(crate) fn newest_revisions(mut rows: Vec<HelmReleaseRow>) -> Vec<HelmReleaseRow> {
    rows.sort_by(|a, b| (a.release_key(), a.revision).cmp(&(b.release_key(), b.revision)));
    let releases = rows.chunk_by(|a, b| a.release_key() == b.release_key());
    let is_kept: Vec<bool> = releases
        .flat_map(|revisions| {
            let newest =
                |is_wanted: fn(&HelmReleaseRow) -> bool| revisions.iter().rposition(is_wanted);
            let deployed = newest(HelmReleaseRow::is_labelled_deployed);
            let settled = newest(|row| !HelmReleaseRow::is_pending_status(&row.status));
            let kept = [revisions.len().checked_sub(1), deployed.or(settled)];
            (0..revisions.len()).map(move |at| kept.contains(&Some(at)))
        })
        .collect();
    let mut is_kept = is_kept.into_iter();
    rows.retain(|_| is_kept.next().unwrap_or_default());
    rows
}

/// The decoded fields of a record. Charts, values and notes are skipped.
#[derive(Deserialize)]
struct HelmReleaseJson {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    version: u64,
    #[serde(default)]
    info: Option<HelmReleaseInfo>,
    #[serde(default)]
    chart: Option<HelmChart>,
    #[serde(default)]
    manifest: Option<String>,
    #[serde(default)]
    hooks: Option<Vec<HelmHook>>,
}

#[derive(Deserialize)]
struct HelmReleaseInfo {
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct HelmChart {
    #[serde(default)]
    metadata: Option<HelmChartMetadata>,
}

#[derive(Deserialize)]
struct HelmChartMetadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

#[derive(Deserialize)]
struct HelmHook {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    manifest: Option<String>,
}

/// A record of Helm 2. Tags of helm/helm v2 _proto/hapi/release/release.proto.
#[derive(Clone, PartialEq, Message)]
struct TillerRelease {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    info: Option<TillerInfo>,
    #[prost(message, optional, tag = "3")]
    chart: Option<TillerChart>,
    #[prost(string, tag = "5")]
    manifest: String,
    #[prost(message, repeated, tag = "6")]
    hooks: Vec<TillerHook>,
    #[prost(int32, tag = "7")]
    version: i32,
    #[prost(string, tag = "8")]
    namespace: String,
}

#[derive(Clone, PartialEq, Message)]
struct TillerInfo {
    #[prost(message, optional, tag = "1")]
    status: Option<TillerStatus>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct TillerStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TillerChart {
    #[prost(message, optional, tag = "1")]
    metadata: Option<TillerChartMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TillerChartMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "4")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct TillerHook {
    #[prost(string, tag = "3")]
    path: String,
    #[prost(string, tag = "4")]
    manifest: String,
}

/// The statuses of Helm 2 in the words of its labels, by their codes in hapi/release/status.proto.
const TILLER_STATUSES: [&str; 9] = [
    "unknown",
    "deployed",
    "deleted",
    "superseded",
    "failed",
    "deleting",
    "pending_install",
    "pending_upgrade",
    "pending_rollback",
];

fn parse_tiller_record(compressed: &[u8]) -> Result<HelmReleaseJson, HelmError> {
    let mut message = Vec::new();
    let mut limited = MultiGzDecoder::new(compressed).take((MAX_MIB << 20) + 1);
    limited.read_to_end(&mut message).map_err(HelmError::Gzip)?;
    if limited.limit() == 0 {
        return Err(HelmError::TooLarge);
    }
    let release = TillerRelease::decode(message.as_slice()).map_err(|_| HelmError::Tiller)?;
    let code = release
        .info
        .and_then(|info| info.status)
        .map(|status| status.code);
    let index = code.and_then(|code| usize::try_from(code).ok());
    let status = index.and_then(|index| TILLER_STATUSES.get(index));
    let hooks = release.hooks.into_iter().map(|hook| HelmHook {
        path: Some(hook.path),
        manifest: Some(hook.manifest),
    });
    Ok(HelmReleaseJson {
        name: release.name,
        namespace: Some(release.namespace),
        version: u64::try_from(release.version).unwrap_or_default(),
        info: status.map(|name| HelmReleaseInfo {
            status: Some((*name).to_owned()),
        }),
        chart: release.chart.map(|chart| HelmChart {
            metadata: chart.metadata.map(|metadata| HelmChartMetadata {
                name: Some(metadata.name),
                version: Some(metadata.version),
            }),
        }),
        manifest: Some(release.manifest),
        hooks: Some(hooks.collect()),
    })
}

fn decode_base64(data: &[u8]) -> Result<Vec<u8>, HelmError> {
    STANDARD.decode(data).or_else(|_| {
        // Copied from a terminal or wrapped by a tool, it has line ends in it.
        let text: Vec<u8> = data
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        STANDARD.decode(text).map_err(HelmError::Base64)
    })
}

/// Parses a record: one of typical size from memory, which takes half the time, a larger one while it is decompressed, so
/// that it is never in memory as a whole.
fn parse_record(decompressed: impl Read) -> Result<HelmReleaseJson, HelmError> {
    let mut limited = decompressed.take((MAX_MIB << 20) + 1);
    let mut prefix = Vec::new();
    (&mut limited)
        .take(TYPICAL_RECORD_BYTES as u64)
        .read_to_end(&mut prefix)
        .map_err(HelmError::Gzip)?;
    let parsed = if prefix.len() < TYPICAL_RECORD_BYTES {
        serde_json::from_slice(&prefix)
    } else {
        let all = prefix.as_slice().chain(&mut limited);
        serde_json::from_reader(io::BufReader::with_capacity(64 << 10, all))
    };
    if limited.limit() == 0 {
        return Err(HelmError::TooLarge);
    }
    parsed.map_err(|error: serde_json::Error| {
        if error.is_io() {
            HelmError::Gzip(error.into())
        } else {
            HelmError::Json {
                line: error.line(),
                column: error.column(),
            }
        }
    })
}

fn release_from_record(
    record: HelmReleaseJson,
    from: &HelmRecord,
    catalog: &Catalog,
) -> HelmRelease {
    let namespace = record.namespace.unwrap_or_default();
    let origin = format!("helm release {namespace}/{}", record.name);
    // One budget for all texts: a record may have a million hooks.
    let budget = DecodeBudget::default();
    let main = decode_with_budget(
        record.manifest.as_deref().unwrap_or_default(),
        Origin::Helm(&origin),
        &budget,
        catalog,
    );
    let (mut objects, mut faults) = (main.objects, main.skipped_objects);
    for hook in record.hooks.unwrap_or_default() {
        let text = hook.manifest.unwrap_or_default();
        let path = hook.path.filter(|path| !path.is_empty());
        let place = Origin::Helm(path.as_deref().map_or(&origin, truncate_name));
        let part = decode_with_budget(&text, place, &budget, catalog);
        objects.extend(part.objects);
        faults.extend(part.skipped_objects.into_iter().map(|fault| MissingData {
            what: format!("{origin}, hook {}", fault.what),
            why: fault.why,
            rbac: None,
        }));
    }
    faults.extend(budget.unlisted_skipped(&origin));
    for object in &mut objects {
        fill_in_namespace(object, &namespace, catalog);
    }
    let chart = record.chart.and_then(|chart| chart.metadata);
    let status = record.info.and_then(|info| info.status).unwrap_or_default();
    HelmRelease {
        row: HelmReleaseRow {
            namespace,
            release: record.name,
            revision: record.version,
            chart: chart.map(chart_name).unwrap_or_default(),
            storage: from.storage,
            created_at: from.created,
            status: truncate_name(&status).to_owned(),
            label: None,
            objects,
        },
        skipped_objects: faults,
    }
}

/// Adds the namespace that Helm installed the object into.
fn fill_in_namespace(object: &mut ManifestObject, namespace: &str, catalog: &Catalog) {
    let api = catalog
        .apis
        .find(&Gvk::new(&object.api_version, &object.kind));
    let namespaced = api.is_none_or(|api| api.namespaced);
    if object.namespace.is_none() && namespaced && !namespace.is_empty() {
        object.namespace = Some(namespace.to_owned());
    }
}

fn chart_name(chart: HelmChartMetadata) -> String {
    let text = match (chart.name, chart.version) {
        (Some(name), Some(version)) => format!("{name}-{version}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => String::new(),
    };
    truncate_name(&text).to_owned()
}
