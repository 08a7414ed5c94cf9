//! Custom resources: the definitions that a cluster has, and the requests that list their objects.

use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{
    DetailLevel, FieldPaths, Freshness, ListSelector, Need, PolicyRule, ReadRequest, ReadTarget,
};
use crate::snapshot::{ClusterView, MissingData, ObjectRow, Rows};

/// Kinds with more objects are not listed: their metadata alone would be a large part of everything that is read.
const MAX_OBJECTS: u64 = 5_000;

/// All CustomResourceDefinitions.
pub(crate) fn definitions_need() -> Need {
    Need::objects(definition_resource(), DetailLevel::Full).with_fields(&[
        "metadata.deletionTimestamp",
        "metadata.generation",
        "spec.conversion.strategy",
        "spec.conversion.webhook.clientConfig.caBundle",
        "spec.conversion.webhook.clientConfig.service",
        "spec.conversion.webhookClientConfig.caBundle",
        "spec.conversion.webhookClientConfig.service",
        "spec.group",
        "spec.names.kind",
        "spec.names.plural",
        "spec.scope",
        "spec.versions.name",
        "spec.versions.served",
    ])
}

/// The resource of definitions.
pub(crate) fn definition_resource() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// A definition that is not being deleted.
pub(crate) struct CustomResource<'a> {
    pub(crate) kind: &'a str,
    pub(crate) group: &'a str,
    plural: &'a str,
    is_namespaced: bool,
    /// Whether its specification is unchanged since it was created: then no version has been dropped.
    is_unchanged: bool,
    versions: Vec<(&'a str, bool)>,
}

/// The definitions of a cluster.
pub(crate) fn custom_resources(view: ClusterView<'_>) -> Vec<CustomResource<'_>> {
    let rows = view.objects(&definitions_need()).iter();
    rows.filter_map(CustomResource::new).collect()
}

impl<'a> CustomResource<'a> {
    fn new(row: &'a ObjectRow) -> Option<Self> {
        let text = |path: &str| row.object.pointer(path).and_then(Value::as_str);
        let versions = row.object.pointer("/spec/versions")?.as_array()?.iter();
        let is_live = text("/metadata/deletionTimestamp").is_none();
        is_live.then_some(Self {
            kind: text("/spec/names/kind")?,
            group: text("/spec/group")?,
            plural: text("/spec/names/plural")?,
            is_namespaced: text("/spec/scope")? == "Namespaced",
            is_unchanged: row.object["metadata"]["generation"] == 1,
            versions: versions
                .filter_map(|version| Some((version["name"].as_str()?, version["served"] == true)))
                .collect(),
        })
    }

    /// Whether a version is served; `None` if the definition does not list it.
    pub(crate) fn serves(&self, version: &str) -> Option<bool> {
        let mut versions = self.versions.iter();
        let (_, is_served) = versions.find(|(name, _)| *name == version)?;
        Some(*is_served)
    }

    /// `apiVersion` of its first served version.
    pub(crate) fn served_api_version(&self) -> Option<String> {
        let mut versions = self.versions.iter();
        let (version, _) = versions.find(|(_, is_served)| *is_served)?;
        Some(format!("{}/{version}", self.group))
    }

    fn target(&self) -> ReadTarget {
        ReadTarget::Objects {
            resource: GroupResource::new(self.group, self.plural),
            namespace: None,
            selector: ListSelector::default(),
        }
    }

    /// The request for the metadata of its objects; `None` if no version can have been dropped, or none is served.
    pub(crate) fn metadata_request(&self, namespace: Option<&str>) -> Option<ReadRequest> {
        let api_version = self.served_api_version().filter(|_| !self.is_unchanged)?;
        let namespace = namespace.filter(|_| self.is_namespaced);
        let scope = namespace.map_or_else(String::new, |name| format!("namespaces/{name}/"));
        Some(ReadRequest {
            target: self.target(),
            detail_level: DetailLevel::Metadata,
            // In pages, so that the first one shows how many objects there are.
            freshness: Freshness::MostRecent,
            field_paths: FieldPaths::default(),
            path: format!("/apis/{api_version}/{scope}{}", self.plural),
            api_version,
            rbac: PolicyRule::allow_list(self.group, self.plural, namespace),
            all_namespaces: self.is_namespaced && namespace.is_none(),
            max_objects: Some(MAX_OBJECTS),
        })
    }

    /// Its objects, whoever asked for them; `None` if nothing had to be read.
    pub(crate) fn rows<'b>(
        &self,
        view: ClusterView<'b>,
    ) -> Result<Option<&'b Rows>, Box<MissingData>> {
        let need = Need {
            target: self.target(),
            detail_level: DetailLevel::Metadata,
            freshness: Freshness::WatchCache,
            field_paths: FieldPaths::default(),
        };
        let is_read = view
            .cluster
            .ledger
            .iter()
            .any(|result| result.target == need.target);
        match (is_read, self.is_unchanged) {
            (true, _) => view.cluster.rows_for(&need, view.catalog),
            (false, true) => Ok(None),
            (false, false) => Err(Box::new(MissingData {
                what: need.target.to_string(),
                why: "not in this snapshot; take a new one".to_owned(),
                rbac: None,
            })),
        }
    }
}
