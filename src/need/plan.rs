//! From needs to the fewest requests in the cheapest encoding.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AccessRule, Depth, Freshness, Need, Selector, Subject};
use crate::catalog::{self, Api, Catalog, Minor, Release, Resource};

/// The first look at an API server: what it is and what it offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// `gitVersion`, with everything that distributions put behind it.
    pub git_version: Release,
    /// The minor it pretends to be (`--emulation-version`), which then decides what is served and what skew allows.
    pub emulated: Option<Minor>,
    /// Group versions that it serves, `v1` and `policy/v1`.
    pub group_versions: BTreeSet<String>,
}

impl Survey {
    /// The minor that counts for removed APIs and for skew.
    ///
    /// Source: kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions.
    #[must_use]
    pub fn effective_minor(&self) -> Minor {
        self.emulated.unwrap_or_else(|| self.git_version.minor())
    }

    /// Whether it serves this `apiVersion`.
    #[must_use]
    pub fn serves(&self, api_version: &str) -> bool {
        self.group_versions.contains(api_version)
    }

    /// Whether it serves this API, or would if discovery were whole: every server of this version offers it unless told
    /// otherwise, and of its group nothing is offered at all.
    #[must_use]
    pub fn ought_to_serve(&self, api: &Api) -> bool {
        let of_group = |api_version: &String| match api_version.split_once('/') {
            Some((group, _)) => group == api.group(),
            None => api.group().is_empty(),
        };
        self.serves(&api.gvk().api_version())
            || api.served == catalog::Served::Yes
                && api.exists_in(self.effective_minor())
                && !self.group_versions.iter().any(of_group)
    }
}

/// How an answer is asked for and decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Metadata only: protobuf, or JSON from servers that do not have it.
    Meta,
    /// Whole objects as protobuf, of which rows keep the fields they declare.
    Protobuf,
    /// Whole objects as JSON, trimmed.
    Json,
    /// Lines of text.
    Text,
}

/// One read: a list with all its pages, or a page of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it answers.
    pub subject: Subject,
    /// The greatest depth that any need asks of it.
    pub depth: Depth,
    /// The strictest freshness that any need asks of it.
    pub freshness: Freshness,
    /// Path on the API server, without a query.
    pub path: String,
    /// `apiVersion` that is asked for; empty for text.
    pub api_version: String,
    /// How it is encoded.
    pub encoding: Encoding,
    /// What must be allowed.
    pub access: AccessRule,
    /// Whether it spans all namespaces, so that it may be asked for namespace by namespace.
    pub across: bool,
}

impl Request {
    /// Whether it lists all objects of this resource.
    #[must_use]
    pub fn lists(&self, group: &str, plural: &str) -> bool {
        matches!(&self.subject, Subject::Objects { resource, namespace: None, selector }
            if resource.group == group && resource.plural == plural && *selector == Selector::default())
    }

    /// The same within one namespace; `None` for a name that no namespace can have.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Option<Self> {
        // What a namespace may be called: a DNS label. The name goes into a path.
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if namespace.is_empty() || !namespace.bytes().all(label) {
            return None;
        }
        let (root, plural) = self.path.rsplit_once('/')?;
        Some(Self {
            path: format!("{root}/namespaces/{namespace}/{plural}"),
            across: false,
            ..self.clone()
        })
    }
}

/// The requests for these needs, in a stable order: one for each subject, at the greatest depth and freshness asked of it.
///
/// `namespace` narrows namespaced resources. A resource that this server does not serve has no request; the caller notes
/// it in the ledger as not served.
#[must_use]
pub fn plan(
    needs: &[Need],
    survey: &Survey,
    catalog: &Catalog,
    namespace: Option<&str>,
) -> Vec<Request> {
    let mut asked: BTreeMap<&Subject, (Depth, Freshness)> = BTreeMap::new();
    for need in needs {
        let entry = asked
            .entry(&need.subject)
            .or_insert((need.depth, need.freshness));
        *entry = (entry.0.max(need.depth), entry.1.max(need.freshness));
    }
    asked
        .into_iter()
        .filter_map(|(subject, (depth, freshness))| {
            let request = |path, api_version, encoding, access, across| Request {
                subject: subject.clone(),
                depth,
                freshness,
                path,
                api_version,
                encoding,
                access,
                across,
            };
            match subject {
                Subject::Url { path, .. } => {
                    // The query is no part of what is allowed, neither here nor by RBAC.
                    let page = path.split('?').next().unwrap_or_default();
                    Some(request(
                        page.to_owned(),
                        String::new(),
                        Encoding::Text,
                        AccessRule::url(page),
                        false,
                    ))
                }
                Subject::Objects {
                    resource,
                    namespace: own,
                    ..
                } => {
                    let served = Served::find(resource, survey, catalog)?;
                    // A need that names its namespace means that one, whatever the run is narrowed to.
                    let namespace = own.as_deref().or(namespace.filter(|_| served.namespaced));
                    Some(request(
                        served.path(namespace),
                        served.api_version.clone(),
                        encoding(depth),
                        AccessRule::list(&served.group, &resource.plural, namespace),
                        served.namespaced && namespace.is_none(),
                    ))
                }
            }
        })
        .collect()
}

/// Kinds with very many objects come as protobuf, of which a row declares the fields it keeps; kinds with few come whole,
/// as JSON, which is trimmed.
fn encoding(depth: Depth) -> Encoding {
    match depth {
        Depth::Meta => Encoding::Meta,
        Depth::Fields => Encoding::Protobuf,
        Depth::Whole => Encoding::Json,
    }
}

/// Where a resource is to be had on this server.
struct Served {
    group: String,
    api_version: String,
    plural: String,
    namespaced: bool,
}

impl Served {
    fn find(resource: &Resource, survey: &Survey, catalog: &Catalog) -> Option<Self> {
        let serves = |api_version: &str| survey.serves(api_version);
        let built_in = catalog
            .apis
            .best_served(resource, survey.effective_minor(), serves);
        if let Some(api) = built_in {
            return Some(Self {
                group: api.group().to_owned(),
                api_version: api.gvk().api_version(),
                plural: resource.plural.clone(),
                namespaced: api.namespaced,
            });
        }
        let custom = catalog
            .custom
            .best_served(resource, &survey.group_versions)?;
        Some(Self {
            group: resource.group.clone(),
            api_version: custom.api_version,
            plural: resource.plural.clone(),
            namespaced: custom.namespaced,
        })
    }

    fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let scope = namespace.map_or_else(String::new, |name| format!("namespaces/{name}/"));
        format!("/{root}/{}/{scope}{}", self.api_version, self.plural)
    }
}
