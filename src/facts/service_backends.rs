//! Whether anything answers behind a service that the API server calls.

use serde::Deserialize;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::rules::{CheckContext, Severity};
use crate::snapshot::EndpointSliceRow;

/// A service that the API server calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ServiceReference {
    pub(crate) namespace: String,
    pub(crate) name: String,
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

/// How many endpoints services have.
pub(crate) fn endpoint_slices() -> Need {
    Need::objects(
        GroupResource::new("discovery.k8s.io", "endpointslices"),
        DetailLevel::Typed,
    )
}

/// What is known of the services of one cluster.
#[derive(Debug)]
pub(crate) struct ServiceBackends<'a> {
    services: Option<&'a [crate::snapshot::ObjectRow]>,
    endpoint_slices: Option<&'a [EndpointSliceRow]>,
    /// None where all namespaces were looked at.
    namespace: Option<&'a str>,
}

impl<'a> ServiceBackends<'a> {
    /// What was seen of a cluster; what was not seen is never missing.
    pub(crate) fn new(context: &CheckContext<'a>) -> Self {
        Self {
            services: context.rows(&services()).map(|rows| rows.objects()),
            endpoint_slices: context
                .rows(&endpoint_slices())
                .map(|rows| rows.endpoint_slices()),
            namespace: context.namespace(),
        }
    }

    /// Why nothing answers behind this service; none where something does, or where that cannot be told.
    pub(crate) fn unavailable_reason(&self, name: &ServiceReference) -> Option<String> {
        if self.namespace.is_some_and(|seen| seen != name.namespace) {
            return None;
        }
        let Some(service) = self.find_service(name)? else {
            return Some(format!("service {name} does not exist"));
        };
        // Its name leads out of the cluster, where nobody counts endpoints.
        if service["spec"]["type"] == "ExternalName" {
            return None;
        }
        let (ready, total) = self.endpoint_counts(name)?;
        let told = format!("service {name} has no ready endpoint");
        match (ready, total) {
            (1.., _) => None,
            (0, 0) => Some(told),
            (0, total) => Some(format!("{told} of {total}")),
        }
    }

    /// Endpoints of a service, those that are ready and all; none where nobody keeps account of them.
    pub(crate) fn endpoint_counts(&self, name: &ServiceReference) -> Option<(usize, usize)> {
        let slices = self.endpoint_slices?;
        let own = |slice: &&EndpointSliceRow| {
            slice.service_name == name.name
                && slice.meta.namespace.as_ref() == Some(&name.namespace)
        };
        let mut found = slices.iter().filter(own).peekable();
        // The API server writes the slice of its own service. Where there is no other, no controller makes any.
        let kept = |slice: &EndpointSliceRow| {
            !slice.service_name.is_empty()
                && (slice.meta.namespace.as_deref(), slice.service_name.as_str())
                    != (Some("default"), "kubernetes")
        };
        if found.peek().is_none() && !slices.iter().any(kept) {
            return None;
        }
        Some(found.fold((0, 0), |(ready, total), slice| {
            (ready + slice.ready_count, total + slice.endpoint_count)
        }))
    }

    /// What a service selects its pods by; none where that is not known.
    pub(crate) fn selector_labels(
        &self,
        name: &ServiceReference,
    ) -> Option<super::label_selector::LabelMap> {
        let service = self.find_service(name)??;
        Deserialize::deserialize(service.get("spec")?.get("selector")?).ok()
    }

    /// The service, or that there is none; nothing where services were not seen.
    fn find_service(&self, name: &ServiceReference) -> Option<Option<&'a serde_json::Value>> {
        let found = self.services?.iter().find(|row| {
            row.meta.name == name.name && row.meta.namespace.as_ref() == Some(&name.namespace)
        });
        Some(found.map(|row| &row.object))
    }
}

/// The lesser of two, where a finding is about the milder half of its rule.
pub(crate) fn severity_if(worst: bool) -> Severity {
    if worst {
        Severity::Blocker
    } else {
        Severity::Warning
    }
}
