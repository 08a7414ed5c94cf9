//! Manifests about to be applied: those that a rule may report are kept, all others are counted by API. A tree may hold tens
//! of thousands, most of them of APIs that are not removed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MissingData;
use super::helm::HelmReleaseRow;
use super::metadata::ManifestObject;
use crate::catalog::{Catalog, Gvk, ManifestFields, Minor};
use crate::need::FieldPaths;

/// What was read from `-f`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestFiles {
    /// The manifests that a rule may report.
    pub objects: Vec<ManifestObject>,
    /// The number of other manifests, by API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "others")]
    pub api_counts: Vec<ApiCount>,
    /// Helm releases recorded in them.
    #[serde(default)]
    #[serde(rename = "releases")]
    pub helm_releases: Vec<HelmReleaseRow>,
    /// Files, or documents in them, that could not be read or understood.
    pub gaps: Vec<MissingData>,
    /// APIs that no release of Kubernetes serves, which are gaps unless a custom resource has their group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_apis: Vec<UnknownApi>,
    /// Files that hold manifests.
    #[serde(rename = "read")]
    pub files_read: usize,
    /// Text files without manifests.
    #[serde(rename = "skipped")]
    pub files_skipped: usize,
}

/// An API of a manifest that may be misspelt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownApi {
    /// Its group.
    pub group: String,
    /// The gap that it is if no custom resource has the group.
    #[serde(flatten)]
    pub gap: MissingData,
}

/// The number of manifests of one API that were not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCount {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The number of manifests.
    #[serde(rename = "objects")]
    pub count: usize,
}

/// Counts manifests by API.
#[derive(Debug, Default)]
pub struct ApiCounter(BTreeMap<(String, String), usize>);

/// Decides which manifests are kept.
#[derive(Debug, Clone, Copy)]
pub struct ManifestFilter {
    /// Whether a cluster is read too. Then manifests at a current version are also kept, because they show that evidence
    /// of an older version on the live object is stale.
    pub has_cluster: bool,
    /// The running minor; `None` to keep manifests of every removed API.
    pub from: Option<Minor>,
    /// The target; `None` for any.
    pub to: Option<Minor>,
    /// The oldest minor that the manifests are applied to; `None` if unknown.
    pub oldest: Option<Minor>,
}

/// The fields of a manifest that rules read; `None` if no rule reads this manifest.
#[must_use]
pub fn kept_fields(object: &Value, row: &ManifestFields) -> Option<Value> {
    let paths: FieldPaths = row.paths.iter().cloned().collect();
    let mut kept = object.clone();
    paths.project(&mut kept);
    let text = kept.to_string();
    let mut mentioned = row.mentioned.iter();
    let is_of_interest = row.mentioned.is_empty() || mentioned.any(|name| text.contains(name));
    is_of_interest.then_some(kept)
}

impl ManifestFiles {
    /// The gaps, and the APIs that are unknown to a server that serves these group versions.
    pub fn gaps_beside<'a>(
        &'a self,
        served: Option<&'a BTreeSet<String>>,
    ) -> impl Iterator<Item = &'a MissingData> {
        let unknown = self.unknown_apis.iter().filter(move |api| {
            let groups = served.into_iter().flatten();
            let mut groups = groups.filter_map(|version| version.split_once('/'));
            !groups.any(|(group, _)| group == api.group)
        });
        self.gaps.iter().chain(unknown.map(|api| &api.gap))
    }

    /// Manifests that were read, kept or not.
    #[must_use]
    pub fn objects_read(&self) -> usize {
        let others: usize = self.api_counts.iter().map(|counted| counted.count).sum();
        self.objects.len() + others
    }

    /// Manifests that were read, and the Helm releases recorded in them.
    #[must_use]
    pub fn manifests_read(&self) -> usize {
        self.objects_read() + self.helm_releases.len()
    }
}

impl ManifestFilter {
    /// Whether a rule may report this manifest.
    #[must_use]
    pub fn keeps(&self, object: &ManifestObject, catalog: &Catalog) -> bool {
        let traces = object.live.iter();
        let managers = traces.clone().flat_map(|live| &live.field_managers);
        let applied = traces.flat_map(|live| &live.last_applied);
        let versions = managers.map(|entry| &*entry.api_version);
        let mut versions = versions.chain(applied.map(|entry| &*entry.api_version));
        !object.references.is_empty()
            || object.fields.is_some()
            || self.keeps_api(&object.api_version, &object.kind, catalog)
            || versions.any(|version| self.keeps_api(version, &object.kind, catalog))
    }

    fn keeps_api(&self, api_version: &str, kind: &str, catalog: &Catalog) -> bool {
        let apis = &catalog.apis;
        let Some(api) = apis.find(&Gvk::new(api_version, kind)) else {
            return false;
        };
        let is_too_new = self.oldest.is_some_and(|oldest| api.introduced > oldest);
        if api.is_ending(self.to) || is_too_new {
            return true;
        }
        let remembered = |resource| {
            apis.apis_of(&resource).any(|other| {
                let gone = |from| other.removed.is_some_and(|removed| removed <= from);
                other.is_ending(self.to) && !self.from.is_some_and(gone)
            })
        };
        self.has_cluster && apis.resource_of(api).is_some_and(remembered)
    }
}

impl ManifestFiles {
    /// Gaps for manifests that were only counted when they were read, although the filter keeps them with this catalog.
    #[must_use]
    pub fn dropped_gaps(&self, filter: ManifestFilter, catalog: &Catalog) -> Vec<MissingData> {
        self.api_counts
            .iter()
            .filter(|counted| filter.keeps_api(&counted.api_version, &counted.kind, catalog))
            .map(|counted| MissingData {
                what: format!(
                    "{} {} in files ({} read)",
                    counted.api_version, counted.kind, counted.count
                ),
                why: "the snapshot has only their number, because the catalog had nothing to report about their API when it was saved; \
                      read the files again"
                    .to_owned(),
                rbac: None,
            })
            .collect()
    }
}

impl ApiCounter {
    /// Counts a manifest.
    pub fn count(&mut self, object: ManifestObject) {
        let api = (object.api_version, object.kind);
        *self.0.entry(api).or_default() += 1;
    }

    /// Adds the counts of another counter.
    pub fn merge(&mut self, other: Self) {
        for (api, objects) in other.0 {
            *self.0.entry(api).or_default() += objects;
        }
    }

    /// The counts, ordered by API.
    #[must_use]
    pub fn into_counts(self) -> Vec<ApiCount> {
        let counts = self.0.into_iter();
        counts
            .map(|((api_version, kind), objects)| ApiCount {
                api_version,
                kind,
                count: objects,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ManifestFilter;
    use crate::catalog::Catalog;
    use crate::snapshot::{ManifestObject, ObjectReference};

    fn taken(api_version: &str, kind: &str, beside_cluster: bool, from: &str, to: &str) -> bool {
        let catalog = Catalog::embedded().expect("the catalog");
        let object = ManifestObject {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "cart".to_owned(),
            location: "cart.yaml".to_owned(),
            ..ManifestObject::default()
        };
        let interest = ManifestFilter {
            has_cluster: beside_cluster,
            from: from.parse().ok(),
            to: to.parse().ok(),
            oldest: None,
        };
        let refers = ManifestObject {
            references: vec![ObjectReference {
                field: "spec.scaleTargetRef".to_owned(),
                api_version: "extensions/v1beta1".to_owned(),
                kind: "Deployment".to_owned(),
                name: "cart".to_owned(),
            }],
            ..object.clone()
        };
        assert!(interest.keeps(&refers, catalog), "what it refers to may go");
        interest.keeps(&object, catalog)
    }

    #[test]
    fn manifests_of_apis_that_go_are_kept_for_whatever_target() {
        assert!(taken(
            "policy/v1beta1",
            "PodDisruptionBudget",
            false,
            "",
            ""
        ));
        assert!(taken("extensions/v1beta1", "Ingress", false, "", ""));
        assert!(!taken("policy/v1", "PodDisruptionBudget", false, "", ""));
        assert!(!taken("shop.example/v1", "Cart", true, "", ""));
    }

    #[test]
    fn beside_a_cluster_the_versions_that_stay_are_kept_where_others_go() {
        let beside = |kind, api_version, from| taken(api_version, kind, true, from, "");
        assert!(beside("PodDisruptionBudget", "policy/v1", "1.24"));
        assert!(!beside("PodDisruptionBudget", "policy/v1", "1.25"));
        assert!(beside("Deployment", "apps/v1", "1.15"));
        assert!(!beside("Deployment", "apps/v1", "1.16"));
        assert!(beside("Deployment", "apps/v1", ""), "wherever it begins");
        assert!(!beside("ConfigMap", "v1", "1.15"));
    }

    #[test]
    fn a_target_before_the_end_is_of_no_interest() {
        let until = |to| taken("policy/v1beta1", "PodDisruptionBudget", true, "1.19", to);
        assert!(!until("1.20"));
        assert!(until("1.21"), "deprecated");
        assert!(until("1.25"), "gone");
    }
}
