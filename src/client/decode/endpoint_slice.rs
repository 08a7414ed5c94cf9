//! EndpointSlices, from protobuf or JSON to one row.

use prost::Message;
use serde::Deserialize;

use super::meta::ObjectMeta;
use crate::snapshot::{EndpointSliceRow, Interner};

/// Tags of k8s.io/api discovery/v1/generated.proto, those of v1beta1 as well.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EndpointSlice {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, repeated, tag = "2")]
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    #[prost(message, optional, tag = "2")]
    conditions: Option<EndpointConditions>,
}

#[derive(Clone, Copy, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EndpointConditions {
    #[prost(bool, optional, tag = "1")]
    ready: Option<bool>,
}

impl EndpointSlice {
    /// The row, its texts from the pool.
    pub(super) fn into_row(self, pool: &mut Interner) -> EndpointSliceRow {
        let meta = self.metadata.unwrap_or_default();
        // An endpoint that says nothing of itself counts as ready: so does kube-proxy take it.
        let ready = |endpoint: &&Endpoint| {
            let conditions = endpoint.conditions.unwrap_or_default();
            conditions.ready.unwrap_or(true)
        };
        EndpointSliceRow {
            service_name: meta
                .labels
                .get("kubernetes.io/service-name")
                .cloned()
                .unwrap_or_default(),
            endpoint_count: self.endpoints.len(),
            ready_count: self.endpoints.iter().filter(ready).count(),
            meta: meta.into_row(pool),
        }
    }
}
