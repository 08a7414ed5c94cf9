//! From needs to the fewest requests in the cheapest encoding.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DetailLevel, Freshness, ListSelector, Need, PolicyRule, ReadTarget, Verb};
use crate::catalog::{self, Api, Catalog, GroupResource, Minor, Release};

/// The first look at an API server: what it is and what it offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// `gitVersion`, with everything that distributions put behind it.
    pub git_version: Release,
    /// The minor it pretends to be (`--emulation-version`), which then decides what is served and what skew allows.
    #[serde(rename = "emulated")]
    pub emulation_version: Option<Minor>,
    /// Group versions that it serves, `v1` and `policy/v1`.
    pub group_versions: BTreeSet<String>,
}

impl Discovery {
    /// The minor that counts for removed APIs and for skew.
    ///
    /// Source: kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions.
    #[must_use]
    pub fn effective_minor(&self) -> Minor {
        self.emulation_version
            .unwrap_or_else(|| self.git_version.minor())
    }

    /// Whether it serves this `apiVersion`.
    #[must_use]
    pub fn serves(&self, api_version: &str) -> bool {
        self.group_versions.contains(api_version)
    }

    /// Whether it serves this API, or would if discovery were whole: every server of this version offers it unless told
    /// otherwise, and of its group nothing is offered at all.
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

/// How an answer is asked for and decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Metadata only: protobuf, or JSON from servers that do not have it.
    Metadata,
    /// Whole objects as protobuf, of which rows keep the fields they declare.
    Protobuf,
    /// Whole objects as JSON, trimmed.
    Json,
    /// Lines of text.
    Text,
}

/// One read: a list with all its pages, or a page of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// What it answers.
    pub target: ReadTarget,
    /// The greatest depth that any need asks of it.
    pub detail_level: DetailLevel,
    /// The strictest freshness that any need asks of it.
    pub freshness: Freshness,
    /// Path on the API server, without a query.
    pub path: String,
    /// `apiVersion` that is asked for; empty for text.
    pub api_version: String,
    /// How it is encoded.
    pub encoding: Encoding,
    /// What must be allowed.
    pub rbac: PolicyRule,
    /// Whether it spans all namespaces, so that it may be asked for namespace by namespace.
    pub all_namespaces: bool,
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

    /// The same within one namespace; `None` for a name that no namespace can have.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Option<Self> {
        // What a namespace may be called: a DNS label. The name goes into a path.
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

/// The requests for these needs, in a stable order: one for each subject, at the greatest depth and freshness asked of it.
///
/// `namespace` narrows namespaced resources. A resource that this server does not serve has no request; the caller notes
/// it in the ledger as not served.
#[must_use]
pub fn read_plan(
    needs: &[Need],
    survey: &Discovery,
    catalog: &Catalog,
    namespace: Option<&str>,
) -> Vec<ReadRequest> {
    let mut asked: BTreeMap<&ReadTarget, (DetailLevel, Freshness)> = BTreeMap::new();
    for need in needs {
        let entry = asked
            .entry(&need.target)
            .or_insert((need.detail_level, need.freshness));
        *entry = (entry.0.max(need.detail_level), entry.1.max(need.freshness));
    }
    asked
        .into_iter()
        .filter_map(|(subject, (depth, freshness))| {
            let request = |path, api_version, encoding, access, across| ReadRequest {
                target: subject.clone(),
                detail_level: depth,
                freshness,
                path,
                api_version,
                encoding,
                rbac: access,
                all_namespaces: across,
            };
            match subject {
                ReadTarget::NonResourceUrl { path, .. } => {
                    // The query is no part of what is allowed, neither here nor by RBAC.
                    let page = path.split('?').next().unwrap_or_default();
                    Some(request(
                        page.to_owned(),
                        String::new(),
                        Encoding::Text,
                        PolicyRule::allow_get_url(page),
                        false,
                    ))
                }
                ReadTarget::Objects {
                    resource,
                    namespace: own,
                    ..
                } => {
                    let served = ServedResource::find(resource, survey, catalog)?;
                    // A need that names its namespace means that one, whatever the run is narrowed to.
                    let namespace = own
                        .as_deref()
                        .or(namespace.filter(|_| served.is_namespaced));
                    Some(request(
                        served.url_path(namespace),
                        served.api_version.clone(),
                        encoding_for(depth),
                        PolicyRule::allow_list(&served.group, &resource.plural, namespace),
                        served.is_namespaced && namespace.is_none(),
                    ))
                }
            }
        })
        .collect()
}

/// Kinds with very many objects come as protobuf, of which a row declares the fields it keeps; kinds with few come whole,
/// as JSON, which is trimmed.
fn encoding_for(depth: DetailLevel) -> Encoding {
    match depth {
        DetailLevel::Metadata => Encoding::Metadata,
        DetailLevel::Typed => Encoding::Protobuf,
        DetailLevel::Full => Encoding::Json,
    }
}

/// Where a resource is to be had on this server.
struct ServedResource {
    group: String,
    api_version: String,
    plural: String,
    is_namespaced: bool,
}

impl ServedResource {
    fn find(resource: &GroupResource, survey: &Discovery, catalog: &Catalog) -> Option<Self> {
        let serves = |api_version: &str| survey.serves(api_version);
        let built_in = catalog
            .apis
            .best_served(resource, survey.effective_minor(), serves);
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
            .best_served(resource, &survey.group_versions)?;
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
