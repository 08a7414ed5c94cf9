//! A cluster by its objects, as an API server would answer for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kubectl_upgrade::catalog::{Catalog, PlatformName, Release, ServingMode};
use kubectl_upgrade::detect::{self, DetectedCluster};
use kubectl_upgrade::need::{
    ClusterId, DetailLevel, Discovery, ReadRequest, ReadTarget, read_plan,
};
use kubectl_upgrade::snapshot::{
    ClusterSnapshot, ManifestFiles, MetaRow, NodeRow, ObjectRow, ReadOutcome, ReadResult, Rows,
    Snapshot,
};
use serde::Deserialize;
use serde_json::Value;

use super::golden;

/// Where such clusters are, each with what is told of it.
pub(crate) const FOLDER: &str = "tests/fixtures/detect";

/// A cluster, by its objects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) kubernetes: Release,
    #[serde(default)]
    pub(crate) server: String,
    /// Group versions that are served beside those of the objects.
    #[serde(default)]
    pub(crate) serves: Vec<String>,
    pub(crate) objects: Vec<Value>,
    /// Plural names that may not be read.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
}

impl Given {
    pub(crate) fn load(name: &str) -> Self {
        let path = golden::in_repository(&format!("{FOLDER}/{name}.yaml"));
        let text = std::fs::read_to_string(&path).expect("the fixture");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The same without the objects of these kinds, or of one `Kind/name`. Their APIs stay.
    pub(crate) fn without(mut self, kinds: &[&str]) -> Self {
        let apis = self.objects.iter();
        self.serves
            .extend(apis.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned)));
        self.objects.retain(|object| {
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            !kinds.contains(&kind) && !kinds.contains(&format!("{kind}/{name}").as_str())
        });
        self
    }

    /// The same with a text of every object replaced.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        let text = Value::from(self.objects).to_string();
        assert!(text.contains(from), "{from}");
        self.objects = serde_json::from_str(&text.replace(from, to)).expect("objects");
        self
    }

    pub(crate) fn picture(&self, catalog: &Catalog) -> ClusterSnapshot {
        let minor = self.kubernetes.minor();
        let built_in = catalog.apis.iter();
        let offered = built_in
            .filter(|api| api.exists_in(minor) && api.serving_mode == ServingMode::ByDefault);
        let mut group_versions: BTreeSet<String> =
            offered.map(|api| api.gvk().api_version()).collect();
        group_versions.extend(self.serves.iter().cloned());
        let apis = self.objects.iter();
        group_versions
            .extend(apis.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned)));
        let survey = Discovery {
            git_version: self.kubernetes.clone(),
            emulation_version: None,
            group_versions,
        };
        let requests = read_plan(&detect::needs(&survey), &survey, catalog, None);
        let readings = requests
            .iter()
            .map(|request| self.reading(request, catalog));
        ClusterSnapshot {
            id: ClusterId("mine".to_owned()),
            context: Some("mine".to_owned()),
            server: self.server.clone(),
            namespace: None,
            ledger: readings.collect(),
            discovery: survey,
        }
    }

    /// As an API server would answer.
    fn reading(&self, request: &ReadRequest, catalog: &Catalog) -> ReadResult {
        let ReadTarget::Objects {
            resource,
            namespace,
            selector,
        } = &request.target
        else {
            panic!("{request:?}");
        };
        let custom = catalog.custom_apis.iter();
        let kind = custom
            .filter(|api| api.group == resource.group && api.resource == resource.plural)
            .map(|api| api.kind.to_lowercase())
            .next()
            .unwrap_or_else(|| resource.plural.trim_end_matches('s').to_owned());
        let found = self.objects.iter().filter(|object| {
            let group = object["apiVersion"].as_str().expect("an apiVersion");
            let group = group.split_once('/').map_or("", |(group, _)| group);
            let meta = &object["metadata"];
            let fits_namespace = namespace
                .as_ref()
                .is_none_or(|namespace| meta["namespace"] == **namespace);
            let fits_name = selector
                .fields
                .strip_prefix("metadata.name=")
                .is_none_or(|name| meta["name"] == *name);
            let fits_label = match selector.labels.split_once('=') {
                Some((name, value)) => meta["labels"][name] == *value,
                None => {
                    selector.labels.is_empty() || meta["labels"].get(&selector.labels).is_some()
                }
            };
            object["kind"].as_str().expect("a kind").to_lowercase() == kind
                && group == resource.group
                && fits_namespace
                && fits_name
                && fits_label
        });
        let rows = match (request.detail_level, kind.as_str()) {
            (DetailLevel::Typed, _) => Rows::Nodes(found.map(node).collect()),
            (DetailLevel::Metadata, _) => Rows::Metadata(found.map(meta).collect()),
            (DetailLevel::Full, _) => Rows::Objects(found.map(row).collect()),
        };
        let outcome = match self.refused.contains(&resource.plural) {
            true => ReadOutcome::Forbidden {
                why: format!("{resource} is forbidden"),
                rbac: request.rbac.clone(),
            },
            false => ReadOutcome::Complete,
        };
        ReadResult {
            target: request.target.clone(),
            detail_level: request.detail_level,
            freshness: request.freshness,
            outcome,
            finished_at: Timestamp::UNIX_EPOCH,
            rows,
            skipped_objects: Vec::new(),
            resource_version: None,
        }
    }

    pub(crate) fn detected(&self) -> DetectedCluster {
        let catalog = Catalog::embedded().expect("the catalog");
        DetectedCluster::new(&self.picture(&catalog), &catalog)
    }

    /// The release of a platform in words; `none` where it is there without one.
    pub(crate) fn release(&self, platform: PlatformName) -> Option<String> {
        let detected = self.detected();
        let version = &detected.platform(platform)?.version;
        Some(
            version
                .as_ref()
                .map_or("none".to_owned(), ToString::to_string),
        )
    }

    /// Everything that is not told of it, in one text.
    pub(crate) fn unseen(&self) -> String {
        let unseen = self.detected().gaps.into_iter();
        let texts: Vec<String> = unseen
            .map(|unseen| {
                format!(
                    "{}: {}: {}",
                    unseen.cluster, unseen.missing.what, unseen.missing.why
                )
            })
            .collect();
        texts.join("\n")
    }

    pub(crate) fn snapshot(&self, catalog: &Catalog) -> Snapshot {
        Snapshot {
            is_redacted: false,
            taken_at: Timestamp::UNIX_EPOCH,
            clusters: vec![self.picture(catalog)],
            files: ManifestFiles::default(),
        }
    }
}

fn text(object: &Value, pointer: &str) -> Option<String> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn meta(object: &Value) -> MetaRow {
    MetaRow {
        namespace: text(object, "/metadata/namespace"),
        name: text(object, "/metadata/name").expect("a name"),
        ..MetaRow::default()
    }
}

fn row(object: &Value) -> ObjectRow {
    ObjectRow {
        meta: meta(object),
        object: object.clone(),
    }
}

fn node(object: &Value) -> NodeRow {
    let annotations: BTreeMap<String, String> =
        serde_json::from_value(object["metadata"]["annotations"].clone()).unwrap_or_default();
    let of = |name: &str| annotations.get(&format!("cluster.x-k8s.io/{name}"));
    NodeRow {
        name: text(object, "/metadata/name").expect("a name"),
        provider_id: text(object, "/spec/providerID").unwrap_or_default(),
        capi_cluster: of("cluster-namespace")
            .zip(of("cluster-name"))
            .map(|(namespace, name)| format!("{namespace}/{name}")),
        capi_machine_owner: of("owner-kind")
            .zip(of("owner-name"))
            .map(|(kind, name)| format!("{kind}/{name}")),
        ..NodeRow::default()
    }
}
