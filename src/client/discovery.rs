//! The first look: `/version` and `/apis`.

use std::io::{BufReader, Read};

use serde::Deserialize;

use super::api_client::ApiClient;
use super::error::{RequestError, TlsError, sanitize_line};
use super::transport::get_and_decode;
use crate::catalog::{Minor, ParseVersionError};
use crate::need::{Discovery, Verb};

/// Answers to these are small; what is larger is something else.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// Why the first look failed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The request itself.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// Something answered, but not as an API server does.
    #[error(
        "{url} does not answer as an API server does: {why}. Is the server in the kubeconfig right?"
    )]
    NotAnApiServer {
        /// What was asked for.
        url: &'static str,
        /// What is wrong with the answer.
        why: String,
    },
    /// Its version cannot be read.
    #[error("the API server says it is {0}")]
    InvalidVersion(#[from] ParseVersionError),
}

impl DiscoveryError {
    /// Whether the server did not accept who we say we are.
    #[must_use]
    pub fn is_auth_error(&self) -> bool {
        let tls = |trouble: &TlsError| *trouble == TlsError::ClientCertificateRejected;
        match self {
            Self::Request(RequestError::Unauthorized { .. }) => true,
            Self::Request(RequestError::Tls { cause: trouble, .. }) => tls(trouble),
            _ => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionInfo {
    git_version: String,
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
    let answer = get_and_decode(api, url, "application/json", |_, body| {
        serde_json::from_reader(BufReader::new(body.take(MAX_RESPONSE_BYTES)))
    })
    .await?;
    answer.map_err(|error: serde_json::Error| DiscoveryError::NotAnApiServer {
        url,
        why: sanitize_line(&error.to_string()),
    })
}
