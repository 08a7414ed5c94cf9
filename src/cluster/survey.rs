//! The first look: `/version` and `/apis`.

use std::io::{BufReader, Read};

use serde::Deserialize;

use super::Reader;
use super::failure::{Failure, Trouble, bounded};
use super::get::get;
use crate::catalog::{Minor, NotAVersion};
use crate::need::Survey;

/// Answers to these are small; what is larger is something else.
const MAX_ANSWER: u64 = 16 << 20;

/// Why the first look failed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The request itself.
    #[error("{0}")]
    Request(#[from] Failure),
    /// Something answered, but not as an API server does.
    #[error(
        "{url} does not answer as an API server does: {why}. Is the server in the kubeconfig right?"
    )]
    Alien {
        /// What was asked for.
        url: &'static str,
        /// What is wrong with the answer.
        why: String,
    },
    /// Its version cannot be read.
    #[error("the API server says it is {0}")]
    Version(#[from] NotAVersion),
}

impl SurveyError {
    /// Whether the server did not accept who we say we are.
    #[must_use]
    pub fn is_about_who_we_are(&self) -> bool {
        let tls = |trouble: &Trouble| *trouble == Trouble::ClientCertificate;
        match self {
            Self::Request(Failure::Unauthorized { .. }) => true,
            Self::Request(Failure::Tls { trouble, .. }) => tls(trouble),
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
struct GroupList {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

pub(super) async fn survey(reader: &Reader) -> Result<Survey, SurveyError> {
    reader
        .guard
        .allow(["/version".to_owned(), "/apis".to_owned()]);
    let info: VersionInfo = fetch(reader, "/version").await?;
    let groups: GroupList = fetch(reader, "/apis").await?;
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
    Ok(Survey {
        git_version,
        emulated,
        group_versions,
    })
}

async fn fetch<T: for<'de> Deserialize<'de> + Send + 'static>(
    reader: &Reader,
    url: &'static str,
) -> Result<T, SurveyError> {
    let answer = get(reader, url, "application/json", |_, body| {
        serde_json::from_reader(BufReader::new(body.take(MAX_ANSWER)))
    })
    .await?;
    answer.map_err(|error: serde_json::Error| SurveyError::Alien {
        url,
        why: bounded(&error.to_string()),
    })
}
