//! One key of one Secret.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;

use super::api_client::ApiClient;
use super::error::RequestError;
use super::transport::get_and_decode;
use crate::need::Verb;

/// Twice the size that the API server allows for a Secret.
const MAX_BYTES: u64 = 4 << 20;

/// Why a key of a Secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretReadError {
    /// The request failed.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// The Secret, or what answered in its place, has no such key. Never says what it has.
    #[error("it has no usable key {0}")]
    NoKey(String),
    /// No object can have this name.
    #[error("its name is not valid")]
    InvalidName,
}

/// The part of a Secret that is of interest.
#[derive(Deserialize)]
struct SecretData {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

pub(super) async fn read_key(
    api: &ApiClient,
    namespace: &str,
    name: &str,
    keys: &'static [&'static str],
) -> Result<SecretString, SecretReadError> {
    // They come from a cluster and become part of a path.
    if !(is_object_name(namespace) && is_object_name(name)) {
        return Err(SecretReadError::InvalidName);
    }
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    api.read_only.allow([(Verb::Get, path.clone())]);
    let _slot = api.acquire_slot().await;
    let found = get_and_decode(api, &path, "application/json", |_, body| {
        let secret: SecretData =
            serde_json::from_reader(BufReader::new(body.take(MAX_BYTES))).ok()?;
        let mut values = keys.iter().filter_map(|key| secret.data.get(*key));
        values.find_map(|value| decode(value))
    })
    .await?;
    found.ok_or_else(|| SecretReadError::NoKey(keys.join(" or ")))
}

fn decode(value: &str) -> Option<SecretString> {
    let bytes = STANDARD.decode(value).ok()?;
    String::from_utf8(bytes).ok().map(SecretString::from)
}

/// Whether an object can have this name: a DNS subdomain.
fn is_object_name(name: &str) -> bool {
    let fits = |letter: u8| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, b'-' | b'.')
    };
    let edge = |letter: Option<&u8>| letter.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    name.len() <= 253
        && bytes.iter().copied().all(fits)
        && edge(bytes.first())
        && edge(bytes.last())
}
