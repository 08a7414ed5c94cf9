//! The fewest requests that satisfy a set of needs, each in the cheapest encoding.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DetailLevel, FieldPaths, Freshness, ListSelector, Need, PolicyRule, ReadTarget, Verb};
use crate::catalog::{self, Api, Catalog, GroupResource, Minor, Release};

/// What discovery returned: the version of the API server and the APIs that it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// `gitVersion`, with the suffixes of distributions.
    pub git_version: Release,
    /// The emulated minor (`--emulation-version`), which decides which APIs are served and which skew is supported.
    #[serde(rename = "emulated")]
    pub emulation_version: Option<Minor>,
    /// Served group versions, such as `v1` and `policy/v1`.
    pub group_versions: BTreeSet<String>,
}

impl Discovery {
    /// The minor that decides about removed APIs and skew.
    ///
    /// Source: kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions.
    #[must_use]
    pub fn effective_minor(&self) -> Minor {
        self.emulation_version
            .unwrap_or_else(|| self.git_version.minor())
    }

    /// Whether this `apiVersion` is served.
    #[must_use]
    pub fn serves(&self, api_version: &str) -> bool {
        self.group_versions.contains(api_version)
    }

    /// Whether this API is served, or would be if discovery were complete: servers of this version serve it by default,
    /// and discovery lists nothing of its group.
    #[must_use]
    pub fn should_serve(&self, api: &Api) -> bool {
        let of_group = |api_version: &String| match api_version.split_once('/') {
            Some((group, _)) => group == api.group(),
            None => api.group().is_empty(),
        };
        self.serves(&api.gvk().api_version())
            || api.serving_mode == catalog::ServingMode::ByDefault
                && api.exists_in(self.effective_minor())
                && !self.group_versions.iter().any(of_group)
    }
}

/// One read: a list with all its pages, or a text page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// What is read.
    pub target: ReadTarget,
    /// The highest level of detail that any need asks for.
    pub detail_level: DetailLevel,
    /// The strictest freshness that any need asks for.
    pub freshness: Freshness,
    /// The fields of full objects that any need declares; the others are dropped.
    pub field_paths: FieldPaths,
    /// URL path, without a query.
    pub path: String,
    /// The `apiVersion` to request; empty for text.
    pub api_version: String,
    /// The permission that it takes.
    pub rbac: PolicyRule,
    /// Whether it spans all namespaces, so that it can be split into one list per namespace.
    pub all_namespaces: bool,
    /// If there are more objects than this, they are not read.
    pub max_objects: Option<u64>,
}

impl ReadRequest {
    /// The verb that the API server authorizes the request by.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self.target {
            ReadTarget::Objects { .. } => Verb::List,
            ReadTarget::NonResourceUrl { .. } => Verb::Get,
        }
    }

    /// Whether it lists all objects of this resource.
    #[must_use]
    pub fn is_full_list_of(&self, group: &str, plural: &str) -> bool {
        matches!(&self.target, ReadTarget::Objects { resource, namespace: None, selector }
            if resource.group == group && resource.plural == plural && *selector == ListSelector::default())
    }

    /// Adds what another request of the same target asks for; if either spans all namespaces, it does.
    fn join(&mut self, other: &Self) {
        self.detail_level = self.detail_level.max(other.detail_level);
        self.freshness = self.freshness.max(other.freshness);
        self.field_paths.union(&other.field_paths);
        let limits = self.max_objects.zip(other.max_objects);
        self.max_objects = limits.map(|(one, another)| one.max(another));
        if other.all_namespaces {
            self.all_namespaces = true;
            self.path.clone_from(&other.path);
            self.rbac.clone_from(&other.rbac);
        }
    }

    /// The same request within one namespace; `None` if the name is not valid for a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Option<Self> {
        // Namespace names are DNS labels; this one becomes part of a path.
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if namespace.is_empty() || !namespace.bytes().all(label) {
            return None;
        }
        let (root, plural) = self.path.rsplit_once('/')?;
        Some(Self {
            path: format!("{root}/namespaces/{namespace}/{plural}"),
            all_namespaces: false,
            ..self.clone()
        })
    }
}

/// The requests for these needs, in a stable order: one for each target, with the highest level of detail, the strictest
/// freshness and all fields that any need asks for.
///
/// `namespace` narrows namespaced resources. A resource that the server does not serve has no request.
#[must_use]
pub fn read_plan(
    needs: &[Need],
    discovery: &Discovery,
    catalog: &Catalog,
    namespace: Option<&str>,
) -> Vec<ReadRequest> {
    let mut merged: BTreeMap<&ReadTarget, Need> = BTreeMap::new();
    for need in needs {
        let entry = merged.entry(&need.target).or_insert_with(|| need.clone());
        entry.detail_level = entry.detail_level.max(need.detail_level);
        entry.freshness = entry.freshness.max(need.freshness);
        entry.field_paths.union(&need.field_paths);
    }
    merged
        .into_values()
        .filter_map(|need| {
            let target = need.target;
            let request = |path, api_version, rbac, all_namespaces| ReadRequest {
                target: target.clone(),
                detail_level: need.detail_level,
                freshness: need.freshness,
                field_paths: need.field_paths,
                path,
                api_version,
                rbac,
                all_namespaces,
                max_objects: None,
            };
            match &target {
                ReadTarget::NonResourceUrl { path, .. } => {
                    // Neither RBAC nor the read-only layer sees the query.
                    let page = path.split('?').next().unwrap_or_default();
                    Some(request(
                        page.to_owned(),
                        String::new(),
                        PolicyRule::allow_get_url(page),
                        false,
                    ))
                }
                ReadTarget::Objects {
                    resource,
                    namespace: own_namespace,
                    ..
                } => {
                    let served = ServedResource::find(resource, discovery, catalog)?;
                    // A need with its own namespace ignores the namespace that the run is narrowed to.
                    let namespace = own_namespace
                        .as_deref()
                        .or(namespace.filter(|_| served.is_namespaced));
                    Some(request(
                        served.url_path(namespace),
                        served.api_version.clone(),
                        PolicyRule::allow_list(&served.group, &resource.plural, namespace),
                        served.is_namespaced && namespace.is_none(),
                    ))
                }
            }
        })
        .collect()
}

/// One request for each target, ordered by target, which asks for all that these ask for of it.
#[must_use]
pub fn join_by_target(mut requests: Vec<ReadRequest>) -> Vec<ReadRequest> {
    requests.sort_by(|a, b| a.target.cmp(&b.target));
    requests.dedup_by(|next, kept| {
        let is_same = next.target == kept.target;
        if is_same {
            kept.join(next);
        }
        is_same
    });
    requests
}

/// The API through which this server serves a resource.
struct ServedResource {
    group: String,
    api_version: String,
    plural: String,
    is_namespaced: bool,
}

impl ServedResource {
    fn find(resource: &GroupResource, discovery: &Discovery, catalog: &Catalog) -> Option<Self> {
        let serves = |api_version: &str| discovery.serves(api_version);
        let built_in = catalog
            .apis
            .best_served(resource, discovery.effective_minor(), serves);
        if let Some(api) = built_in {
            return Some(Self {
                group: api.group().to_owned(),
                api_version: api.gvk().api_version(),
                plural: resource.plural.clone(),
                is_namespaced: api.namespaced,
            });
        }
        let custom = catalog
            .custom_apis
            .best_served(resource, &discovery.group_versions)?;
        Some(Self {
            group: resource.group.clone(),
            api_version: custom.api_version,
            plural: resource.plural.clone(),
            is_namespaced: custom.namespaced,
        })
    }

    fn url_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let scope = namespace.map_or_else(String::new, |name| format!("namespaces/{name}/"));
        format!("/{root}/{}/{scope}{}", self.api_version, self.plural)
    }
}
