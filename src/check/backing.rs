//! Whether anything answers behind a service that the API server calls.

use serde::Deserialize;

use super::{Severity, Situation};
use crate::catalog::Resource;
use crate::need::{Depth, Need};
use crate::snapshot::{Picture, SliceRow};

/// A service that the API server calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ServiceName {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl std::fmt::Display for ServiceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// All services.
pub(crate) fn services() -> Need {
    Need::objects(Resource::new("", "services"), Depth::Whole)
}

/// How many endpoints services have.
pub(crate) fn slices() -> Need {
    Need::objects(
        Resource::new("discovery.k8s.io", "endpointslices"),
        Depth::Fields,
    )
}

/// What is known of the services of one cluster.
#[derive(Debug)]
pub(super) struct Backing<'a> {
    services: Option<&'a [crate::snapshot::JsonRow]>,
    slices: Option<&'a [SliceRow]>,
    /// None where all namespaces were looked at.
    namespace: Option<&'a str>,
}

impl<'a> Backing<'a> {
    /// What was seen of a cluster; what was not seen is never missing.
    pub(super) fn new(situation: &Situation<'a>, picture: &'a Picture) -> Self {
        let read = |need: &Need| picture.read(need, situation.catalog).ok().flatten();
        Self {
            services: read(&services()).map(|rows| rows.json()),
            slices: read(&slices()).map(|rows| rows.slices()),
            namespace: picture.namespace.as_deref(),
        }
    }

    /// Why nothing answers behind this service; none where something does, or where that cannot be told.
    pub(super) fn dead(&self, name: &ServiceName) -> Option<String> {
        if self.namespace.is_some_and(|seen| seen != name.namespace) {
            return None;
        }
        let Some(service) = self.find(name)? else {
            return Some(format!("service {name} does not exist"));
        };
        // Its name leads out of the cluster, where nobody counts endpoints.
        if service["spec"]["type"] == "ExternalName" {
            return None;
        }
        let (ready, total) = self.endpoints(name)?;
        let told = format!("service {name} has no ready endpoint");
        match (ready, total) {
            (1.., _) => None,
            (0, 0) => Some(told),
            (0, total) => Some(format!("{told} of {total}")),
        }
    }

    /// Endpoints of a service, those that are ready and all; none where nobody keeps account of them.
    pub(super) fn endpoints(&self, name: &ServiceName) -> Option<(usize, usize)> {
        let slices = self.slices?;
        let own = |slice: &&SliceRow| {
            slice.service == name.name && slice.meta.namespace.as_ref() == Some(&name.namespace)
        };
        let mut found = slices.iter().filter(own).peekable();
        // The API server writes the slice of its own service. Where there is no other, no controller makes any.
        let kept = |slice: &SliceRow| {
            !slice.service.is_empty()
                && (slice.meta.namespace.as_deref(), slice.service.as_str())
                    != (Some("default"), "kubernetes")
        };
        if found.peek().is_none() && !slices.iter().any(kept) {
            return None;
        }
        Some(found.fold((0, 0), |(ready, total), slice| {
            (ready + slice.ready, total + slice.endpoints)
        }))
    }

    /// What a service selects its pods by; none where that is not known.
    pub(super) fn pod_labels(&self, name: &ServiceName) -> Option<super::selector::Labels> {
        let service = self.find(name)??;
        Deserialize::deserialize(service.get("spec")?.get("selector")?).ok()
    }

    /// The service, or that there is none; nothing where services were not seen.
    fn find(&self, name: &ServiceName) -> Option<Option<&'a serde_json::Value>> {
        let found = self.services?.iter().find(|row| {
            row.meta.name == name.name && row.meta.namespace.as_ref() == Some(&name.namespace)
        });
        Some(found.map(|row| &row.object))
    }
}

/// The lesser of two, where a finding is about the milder half of its rule.
pub(super) fn if_else(worst: bool) -> Severity {
    if worst {
        Severity::Blocker
    } else {
        Severity::Warning
    }
}
