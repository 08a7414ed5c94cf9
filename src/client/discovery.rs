//! Discovery: `/version` and `/apis`.

use std::io::{BufReader, Read};

use serde::Deserialize;

use super::api_client::ApiClient;
use super::error::{RequestError, TlsError, sanitize_line};
use super::transport::get_and_decode;
use crate::catalog::{Minor, ParseVersionError};
use crate::need::{Discovery, Verb};

/// Maximum size of a response; those of API servers are small.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// Why discovery failed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The request failed.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// The response is not that of an API server.
    #[error(
        "{url} does not answer as an API server does: {why}. Is the server in the kubeconfig right?"
    )]
    NotAnApiServer {
        /// The requested path.
        url: &'static str,
        /// What is wrong with the response.
        why: String,
    },
    /// The version cannot be parsed.
    #[error("the API server says it is {0}")]
    InvalidVersion(#[from] ParseVersionError),
}

impl DiscoveryError {
    /// Whether the server rejected the credentials.
    #[must_use]
    pub fn is_auth_error(&self) -> bool {
        let is_rejected = |cause: &TlsError| *cause == TlsError::ClientCertificateRejected;
        match self {
            Self::Request(RequestError::Unauthorized { .. }) => true,
            Self::Request(RequestError::Tls { cause, .. }) => is_rejected(cause),
            _ => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionInfo {
    pub(super) git_version: String,
    #[serde(default)]
    emulation_major: String,
    #[serde(default)]
    emulation_minor: String,
}

#[derive(Deserialize)]
struct ApiGroupList {
    groups: Vec<ApiGroup>,
}

#[derive(Deserialize)]
struct ApiGroup {
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

pub(super) async fn discover(api: &ApiClient) -> Result<Discovery, DiscoveryError> {
    let reads = ["/version", "/apis"].map(|path| (Verb::Get, path.to_owned()));
    api.read_only.allow(reads);
    let info: VersionInfo = get_json(api, "/version").await?;
    let groups: ApiGroupList = get_json(api, "/apis").await?;
    let emulated = format!("{}.{}", info.emulation_major, info.emulation_minor);
    let git_version: crate::catalog::Release = info.git_version.parse()?;
    let mut group_versions: std::collections::BTreeSet<String> = groups
        .groups
        .into_iter()
        .flat_map(|group| group.versions)
        .map(|version| version.group_version)
        .collect();
    // The core group has its own root and one version.
    group_versions.insert("v1".to_owned());
    let emulated = emulated
        .parse::<Minor>()
        .ok()
        .filter(|minor| *minor != git_version.minor());
    Ok(Discovery {
        git_version,
        emulation_version: emulated,
        group_versions,
    })
}

async fn get_json<T: for<'de> Deserialize<'de> + Send + 'static>(
    api: &ApiClient,
    url: &'static str,
) -> Result<T, DiscoveryError> {
    let response = get_and_decode(api, url, "application/json", |_, body| {
        serde_json::from_reader(BufReader::new(body.take(MAX_RESPONSE_BYTES)))
    })
    .await?;
    response.map_err(|error: serde_json::Error| DiscoveryError::NotAnApiServer {
        url,
        why: sanitize_line(&error.to_string()),
    })
}
