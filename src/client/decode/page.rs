//! A page of a list, without its items.

/// Maximum size of one object. etcd accepts 1.5 MiB by default and API servers 3 MiB per request; a greater length means a
/// damaged or hostile response.
///
/// Sources: etcd-io/etcd server/embed/config.go (DefaultMaxRequestBytes); kubernetes/kubernetes
/// staging/src/k8s.io/apiserver/pkg/server/config.go (MaxRequestBodyBytes).
pub(super) const MAX_OBJECT_BYTES: usize = 8 << 20;

/// `ListMeta`: what a page of a list holds besides its items.
///
/// Tags of k8s.io/apimachinery pkg/apis/meta/v1/generated.proto.
#[derive(Clone, PartialEq, Eq, prost::Message, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::client) struct PageMeta {
    /// The version of the list, from which a watch can start.
    #[prost(string, tag = "2")]
    pub(in crate::client) resource_version: String,
    /// Token for the next page; empty after the last one.
    #[prost(string, tag = "3")]
    #[serde(rename = "continue")]
    pub(in crate::client) continue_token: String,
    /// Objects after this page; servers omit it for lists with a selector.
    #[prost(int64, optional, tag = "4")]
    pub(in crate::client) remaining_item_count: Option<i64>,
}

/// A response that cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum DecodeError {
    /// The body broke off.
    #[error("the answer broke off: {0}")]
    Io(#[from] std::io::Error),
    /// The body is not valid in its encoding.
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    /// The body has a content type that was not requested.
    #[error("the answer is {got:?}, not what was asked for")]
    UnexpectedContentType {
        /// `Content-Type` of the response.
        got: String,
    },
}
