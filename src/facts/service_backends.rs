//! Services that the API server calls, and whether they have ready endpoints.

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, EndpointSliceRow, ObjectRow, Rows, in_cluster_service};

/// A service that the API server calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ServiceReference {
    pub(crate) namespace: String,
    pub(crate) name: String,
    #[serde(default = "default_port")]
    port: i64,
}

/// Source: kubernetes/api admissionregistration/v1/types.go and apiextensions-apiserver pkg/apis/apiextensions/v1/types.go.
const fn default_port() -> i64 {
    443
}

impl ServiceReference {
    /// The service that a URL names by its name in the cluster's DNS.
    pub(crate) fn from_url(url: &str) -> Option<Self> {
        let (namespace, name, port) = in_cluster_service(url)?;
        Some(Self {
            namespace,
            name,
            port: port.into(),
        })
    }
}

impl std::fmt::Display for ServiceReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// All services.
pub(crate) fn services() -> Need {
    Need::objects(GroupResource::new("", "services"), DetailLevel::Full)
        .with_fields(&["spec.selector", "spec.type"])
}

/// The ports of all services.
pub(crate) fn service_ports() -> Need {
    services().with_fields(&["spec.ports.port"])
}

/// All EndpointSlices.
pub(crate) fn endpoint_slices() -> Need {
    Need::objects(
        GroupResource::new("discovery.k8s.io", "endpointslices"),
        DetailLevel::Typed,
    )
}

/// The services of one cluster and their endpoints.
#[derive(Debug, Default)]
pub(crate) struct ServiceBackends<'a> {
    services: Option<&'a [ObjectRow]>,
    endpoint_slices: Option<&'a [EndpointSliceRow]>,
    /// `None` if all namespaces were read.
    namespace: Option<&'a str>,
}

impl<'a> ServiceBackends<'a> {
    /// Services and endpoints of a cluster. Data that was not read is unknown, never missing.
    pub(crate) fn new(view: ClusterView<'a>) -> Self {
        Self {
            services: view.rows(&services()).map(Rows::objects),
            endpoint_slices: view.rows(&endpoint_slices()).map(Rows::endpoint_slices),
            namespace: view.cluster.namespace.as_deref(),
        }
    }

    /// Why the service is unavailable; `None` if it is available or that is unknown.
    pub(crate) fn unavailable_reason(&self, name: &ServiceReference) -> Option<String> {
        if self
            .namespace
            .is_some_and(|namespace| namespace != name.namespace)
        {
            return None;
        }
        let Some(service) = self.find_service(name)? else {
            return Some(format!("service {name} does not exist"));
        };
        // It resolves to a name outside the cluster, without endpoints.
        if service["spec"]["type"] == "ExternalName" {
            return None;
        }
        if !has_port(service, name.port) {
            return Some(format!("service {name} has no port {}", name.port));
        }
        let (ready, total) = self.endpoint_counts(name)?;
        let reason = format!("service {name} has no ready endpoint");
        match (ready, total) {
            (1.., _) => None,
            (0, 0) => Some(reason),
            (0, total) => Some(format!("{reason} of {total}")),
        }
    }

    /// Whether the ports of an existing service are unknown, as in snapshots of earlier releases.
    pub(crate) fn lacks_ports(&self, name: &ServiceReference) -> bool {
        let service = self.find_service(name).flatten();
        service.is_some_and(|service| {
            service["spec"]["type"] != "ExternalName" && service["spec"]["ports"].is_null()
        })
    }

    /// The ready and total endpoints of a service; `None` if no controller maintains slices.
    pub(crate) fn endpoint_counts(&self, name: &ServiceReference) -> Option<(usize, usize)> {
        let slices = self.endpoint_slices?;
        let own = |slice: &&EndpointSliceRow| {
            slice.service_name == name.name
                && slice.meta.namespace.as_ref() == Some(&name.namespace)
        };
        let mut found = slices.iter().filter(own).peekable();
        // The API server maintains the slice of its own service. Without any other, no controller is running.
        let is_maintained = |slice: &EndpointSliceRow| {
            !slice.service_name.is_empty()
                && (slice.meta.namespace.as_deref(), slice.service_name.as_str())
                    != (Some("default"), "kubernetes")
        };
        if found.peek().is_none() && !slices.iter().any(is_maintained) {
            return None;
        }
        Some(found.fold((0, 0), |(ready, total), slice| {
            (ready + slice.ready_count, total + slice.endpoint_count)
        }))
    }

    /// The selector of a service; `None` if unknown.
    pub(crate) fn selector_labels(
        &self,
        name: &ServiceReference,
    ) -> Option<super::label_selector::LabelMap> {
        let service = self.find_service(name)??;
        Deserialize::deserialize(service.get("spec")?.get("selector")?).ok()
    }

    /// `Some(None)` if the service does not exist; `None` if services were not read.
    fn find_service(&self, name: &ServiceReference) -> Option<Option<&'a Value>> {
        let found = self.services?.iter().find(|row| {
            row.meta.name == name.name && row.meta.namespace.as_ref() == Some(&name.namespace)
        });
        Some(found.map(|row| &row.object))
    }
}

/// Whether requests to this port of a service are routed. Only a headless service may have no ports at all.
///
/// Source: kubernetes/apiserver pkg/util/proxy/proxy.go.
fn has_port(service: &Value, port: i64) -> bool {
    let ports = service["spec"]["ports"].as_array();
    ports.is_none_or(|ports| ports.iter().any(|other| other["port"] == port))
}
