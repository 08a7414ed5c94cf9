//! Custom resources that detection and rules read, and version hints of platforms.
//!
//! They are not in the table of built-in APIs, because the served versions do not depend on the Kubernetes minor.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;

use super::api::{maturity, yes_no};
use super::{CatalogError, GroupResource, Gvk, PlatformName, load_table};

/// A version of a custom resource that detection or rules read.
#[derive(Debug, Clone, Deserialize)]
pub struct CustomApi {
    /// The platform whose detection reads it; `kubernetes` if rules do.
    pub platform: PlatformName,
    /// API group.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural name.
    pub resource: String,
    /// Whether its objects are namespaced.
    #[serde(deserialize_with = "yes_no")]
    pub namespaced: bool,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// How to request a custom resource from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedCustomApi {
    /// `apiVersion` to request.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
}

/// A hint at the DKP release of a cluster that does not name it.
#[derive(Debug, Clone, Deserialize)]
pub struct DkpVersionHint {
    /// `kommander-app`: version of the application; `cluster-api`: beginning of the core provider's version.
    #[serde(rename = "mark")]
    pub kind: String,
    /// The observed value.
    pub value: String,
    /// The release; for `cluster-api` a minor, or a minor and all later ones (`2.2+`).
    pub release: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An API that looks like one of Kubernetes and belongs to another server or to a file of a tool.
#[derive(Debug, Clone, Deserialize)]
pub struct ForeignApi {
    /// Group; `*` stands for its beginning.
    pub group: String,
    /// Kind; `*` for all of the group.
    pub kind: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl ForeignApi {
    pub(super) fn is(&self, gvk: &Gvk) -> bool {
        let is_group = match self.group.strip_prefix('*') {
            Some(suffix) => gvk.group.ends_with(suffix),
            None => gvk.group == self.group,
        };
        is_group && (self.kind == "*" || self.kind == gvk.kind)
    }
}

/// Custom resources of platforms, and version hints.
#[derive(Debug)]
pub struct CustomApis {
    apis: Vec<CustomApi>,
    dkp_version_hints: Vec<DkpVersionHint>,
}

impl CustomApis {
    pub(super) fn embedded() -> Result<Self, CatalogError> {
        Ok(Self {
            apis: load_table(
                "platforms/resources.tsv",
                include_str!("platforms/resources.tsv"),
            )?,
            dkp_version_hints: load_table(
                "platforms/dkp-marks.tsv",
                include_str!("platforms/dkp-marks.tsv"),
            )?,
        })
    }

    /// All versions of all resources.
    pub fn iter(&self) -> impl Iterator<Item = &CustomApi> {
        self.apis.iter()
    }

    /// All version hints of DKP.
    #[must_use]
    pub fn dkp_version_hints(&self) -> &[DkpVersionHint] {
        &self.dkp_version_hints
    }

    /// The version through which to request a resource on a server that serves these group versions; `None` if the group is
    /// not served or the resource is not in the table.
    ///
    /// Prefers the most mature version in the table, then the most mature served version of the group: a platform may be
    /// newer than the table.
    #[must_use]
    pub fn best_served(
        &self,
        resource: &GroupResource,
        group_versions: &BTreeSet<String>,
    ) -> Option<ServedCustomApi> {
        let family = || {
            self.apis
                .iter()
                .filter(|api| api.group == resource.group && api.resource == resource.plural)
        };
        let first = family().next()?;
        let versions: Vec<&str> = group_versions
            .iter()
            .filter_map(|text| text.split_once('/'))
            .filter(|(group, _)| *group == resource.group)
            .map(|(_, version)| version)
            .collect();
        let known = versions
            .iter()
            .filter(|version| family().any(|api| api.version == **version))
            .max_by_key(|version| maturity(version));
        let version = known.or_else(|| versions.iter().max_by_key(|version| maturity(version)))?;
        Some(ServedCustomApi {
            api_version: format!("{}/{version}", resource.group),
            kind: first.kind.clone(),
            namespaced: first.namespaced,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CustomApis;
    use crate::catalog::{Catalog, GroupResource, PlatformName};

    fn served(resource: &GroupResource, group_versions: &[&str]) -> Option<String> {
        let custom = CustomApis::embedded().expect("the tables");
        let group_versions: BTreeSet<String> =
            group_versions.iter().map(|&text| text.to_owned()).collect();
        let found = custom.best_served(resource, &group_versions)?;
        Some(found.api_version)
    }

    #[test]
    fn the_best_known_version_is_asked_and_a_newer_one_where_there_is_no_other() {
        let clusters = GroupResource::new("cluster.x-k8s.io", "clusters");
        let at = |versions: &[&str]| served(&clusters, versions);
        assert_eq!(at(&["v1", "policy/v1"]), None, "a plain cluster");
        assert_eq!(
            at(&["cluster.x-k8s.io/v1alpha4", "cluster.x-k8s.io/v1beta1"]).as_deref(),
            Some("cluster.x-k8s.io/v1beta1")
        );
        assert_eq!(
            at(&["cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v9"]).as_deref(),
            Some("cluster.x-k8s.io/v1beta2")
        );
        assert_eq!(
            at(&["cluster.x-k8s.io/v8", "cluster.x-k8s.io/v9"]).as_deref(),
            Some("cluster.x-k8s.io/v9")
        );
        assert_eq!(
            served(
                &GroupResource::new("cluster.x-k8s.io", "unheardof"),
                &["cluster.x-k8s.io/v1beta1"]
            ),
            None
        );
    }

    #[test]
    fn rows_are_whole() {
        let custom = CustomApis::embedded().expect("the tables");
        let mut seen = BTreeSet::new();
        for api in custom.iter() {
            let key = (&api.group, &api.version, &api.resource);
            assert!(seen.insert(key), "{key:?} stands twice");
            assert!(api.group.contains('.') && !api.source.is_empty(), "{key:?}");
        }
        let mut seen = BTreeSet::new();
        for mark in custom.dkp_version_hints() {
            assert!(seen.insert((&mark.kind, &mark.value, &mark.release)));
            assert!(!mark.source.is_empty(), "{mark:?}");
            assert!(matches!(
                mark.kind.as_str(),
                "kommander-app" | "cluster-api"
            ));
        }
    }

    #[test]
    fn builds_that_nobody_published_are_no_releases() {
        let catalog = Catalog::embedded().expect("the catalog");
        for (platform, text, published) in [
            (PlatformName::Kyma, "1.14.0", true),
            (PlatformName::Kyma, "1.16.0-rc4", true),
            (PlatformName::Kyma, "1.17.0-rc1", false),
            (PlatformName::Kyma, "1.14.0-mine", false),
            (PlatformName::Dkp, "v2.3.0", true),
            (PlatformName::Dkp, "v2.3.0-dev.1", false),
            (PlatformName::Dkp, "v2.9.0", false),
            (PlatformName::Kyma, "2.21.0", false),
            (PlatformName::ClusterApi, "v1.1.3-d2iq.3", true),
        ] {
            let release = text.parse().expect("a version");
            assert_eq!(
                catalog.is_published_release(platform, &release),
                published,
                "{text}"
            );
        }
    }
}
