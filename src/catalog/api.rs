//! Lifecycle of the built-in APIs: introduction, deprecation and removal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Minor;

/// Group, version and kind. The core group is the empty string, as in `apiVersion: v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// API group, empty for the core group.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind, in CamelCase.
    pub kind: String,
}

impl Gvk {
    /// From `apiVersion` and `kind` of a manifest.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// `policy/v1beta1`, or `v1` in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// The catalog writes a replacement as `group/version/Kind`.
impl FromStr for Gvk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [group, version, kind] => Ok(Self {
                group: normalize_core_group(group),
                version: version.to_owned(),
                kind: kind.to_owned(),
            }),
            _ => Err(format!("{text:?} is not group/version/Kind")),
        }
    }
}

fn normalize_core_group(group: &str) -> String {
    if group == "core" { "" } else { group }.to_owned()
}

/// Whether API servers serve an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServingMode {
    /// By default.
    #[serde(rename = "yes")]
    ByDefault,
    /// Only if `--runtime-config` enables it.
    #[serde(rename = "off")]
    OffByDefault,
    /// Never: an embedded type, or the payload of a webhook.
    #[serde(rename = "no")]
    Never,
}

/// What happens to stored objects when their API version is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum StoredObjects {
    /// API servers still decode them, and serve them in another version.
    #[serde(rename = "")]
    Converted,
    /// API servers cannot decode them any more: they must be deleted before.
    #[serde(rename = "delete")]
    Unreadable,
}

/// The lifecycle of one built-in API.
#[derive(Debug, Clone, Deserialize)]
pub struct Api {
    #[serde(deserialize_with = "group")]
    group: String,
    version: String,
    kind: String,
    /// Plural name, with `/subresource` for a subresource; empty for embedded types.
    pub resource: String,
    /// The minor that introduced it.
    pub introduced: Minor,
    /// The minor that deprecated it.
    pub deprecated: Option<Minor>,
    /// The first minor that does not serve it.
    pub removed: Option<Minor>,
    /// Its replacement.
    #[serde(deserialize_with = "replacement")]
    pub replacement: Option<Gvk>,
    /// Whether API servers serve it.
    #[serde(rename = "served")]
    pub serving_mode: ServingMode,
    #[serde(deserialize_with = "yes_no")]
    /// Whether its objects are persisted and can be listed.
    pub listable: bool,
    #[serde(deserialize_with = "yes_no")]
    /// Whether its objects are namespaced.
    pub namespaced: bool,
    /// What happens to its stored objects when it is removed.
    #[serde(rename = "stored")]
    pub stored_objects: StoredObjects,
    /// Additional advice; may be empty.
    pub note: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: jiff::civil::Date,
}

impl Api {
    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
        }
    }

    /// API group, empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Kind, in CamelCase.
    #[must_use]
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Version within the group.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether API servers of this minor have it.
    #[must_use]
    pub fn exists_in(&self, minor: Minor) -> bool {
        self.introduced <= minor && self.removed.is_none_or(|removed| minor < removed)
    }

    /// Whether it is deprecated in this minor.
    #[must_use]
    pub fn is_deprecated_in(&self, minor: Minor) -> bool {
        self.deprecated.is_some_and(|since| since <= minor)
    }

    /// Whether it is deprecated or removed by this minor, or at all if none is given.
    #[must_use]
    pub fn is_ending(&self, by: Option<Minor>) -> bool {
        let end = self.deprecated.into_iter().chain(self.removed).min();
        end.is_some_and(|end| by.is_none_or(|by| end <= by))
    }

    pub(super) fn maturity(&self) -> (u8, u32, u32) {
        maturity(&self.version)
    }
}

/// `(stability, number, number)`: GA above beta above alpha, higher above lower, as API servers order versions.
pub(super) fn maturity(version: &str) -> (u8, u32, u32) {
    let rest = version.strip_prefix('v').unwrap_or(version);
    let number = |text: &str| text.parse().unwrap_or(0);
    if let Some((major, minor)) = rest.split_once("beta") {
        (1, number(major), number(minor))
    } else if let Some((major, minor)) = rest.split_once("alpha") {
        (0, number(major), number(minor))
    } else {
        (2, number(rest), 0)
    }
}

fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(normalize_core_group(&String::deserialize(deserializer)?))
}

pub(super) fn yes_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(serde::de::Error::custom(format!(
            "{other:?} is not yes or no"
        ))),
    }
}

fn replacement<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Gvk>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// The objects behind one or several APIs: an Ingress is the same object through `extensions` and `networking.k8s.io`. Named
/// by its current group and plural name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    /// Group, empty for the core group.
    pub group: String,
    /// Plural name.
    pub plural: String,
}

impl GroupResource {
    /// A resource from its group and plural name.
    #[must_use]
    pub fn new(group: &str, plural: &str) -> Self {
        Self {
            group: group.to_owned(),
            plural: plural.to_owned(),
        }
    }
}

/// `poddisruptionbudgets.policy`, as kubectl writes it.
impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plural)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// Serialised as a string so that it can be a key in JSON.
impl Serialize for GroupResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GroupResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (plural, group) = text.split_once('.').unwrap_or((&text, ""));
        Ok(Self::new(group, plural))
    }
}

/// A resource that leaves its API group and stays in another one, such as Ingresses of `extensions`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovedResource {
    /// The group that loses it.
    pub old_group: String,
    /// Where it stays.
    pub resource: GroupResource,
    /// The first minor that does not serve it in the old group.
    pub removed: Minor,
}

/// All APIs, in the order of the data file.
#[derive(Debug)]
pub struct Apis {
    rows: Vec<Api>,
    by_gvk: HashMap<Gvk, usize>,
    /// Indices of APIs that serve the same objects, by their current resource.
    by_resource: BTreeMap<GroupResource, Vec<usize>>,
}

impl Apis {
    pub(super) fn new(rows: Vec<Api>) -> Self {
        let by_gvk: HashMap<Gvk, usize> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.gvk(), at))
            .collect();
        let mut families: BTreeMap<GroupResource, Vec<usize>> = BTreeMap::new();
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.listable) {
            let home = canonical_group(&rows, &by_gvk, row);
            families
                .entry(GroupResource::new(&home, &row.resource))
                .or_default()
                .push(at);
        }
        for members in families.values_mut() {
            members.sort_by_key(|&at| std::cmp::Reverse(rows[at].maturity()));
        }
        Self {
            rows,
            by_gvk,
            by_resource: families,
        }
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &Api> {
        self.rows.iter()
    }

    /// Finds a built-in API.
    #[must_use]
    pub fn find(&self, gvk: &Gvk) -> Option<&Api> {
        self.by_gvk.get(gvk).map(|&at| &self.rows[at])
    }

    /// The resource behind an API; `None` if it cannot be listed.
    #[must_use]
    pub fn resource_of(&self, api: &Api) -> Option<GroupResource> {
        let home = canonical_group(&self.rows, &self.by_gvk, api);
        api.listable
            .then(|| GroupResource::new(&home, &api.resource))
    }

    /// Resources that leave an API group and stay in another one.
    #[must_use]
    pub fn moved_resources(&self) -> BTreeSet<MovedResource> {
        let groups = self.by_resource.iter().flat_map(|(resource, members)| {
            let apis: Vec<&Api> = members.iter().map(|&at| &self.rows[at]).collect();
            let stays = apis.iter().any(|api| api.removed.is_none());
            let old = apis.iter().map(|api| api.group().to_owned());
            let old = old.filter(|group| stays && *group != resource.group);
            let old: BTreeSet<String> = old.collect();
            old.into_iter().filter_map(move |group| {
                let versions = apis.iter().filter(|api| api.group() == group);
                let ends: Option<Vec<Minor>> = versions.map(|api| api.removed).collect();
                Some(MovedResource {
                    old_group: group.clone(),
                    resource: resource.clone(),
                    removed: ends?.into_iter().max()?,
                })
            })
        });
        groups.collect()
    }

    /// The APIs that serve these objects, most mature first.
    pub fn apis_of(&self, resource: &GroupResource) -> impl Iterator<Item = &Api> {
        self.by_resource
            .get(resource)
            .into_iter()
            .flatten()
            .map(|&at| &self.rows[at])
    }

    /// The API to migrate to before the upgrade: the most mature one that both servers have, else the most mature one that the
    /// later server has.
    #[must_use]
    pub fn successor(&self, api: &Api, before: Option<Minor>, after: Minor) -> Option<&Api> {
        let fallback = self.find(api.replacement.as_ref()?);
        let Some(resource) = self.resource_of(api) else {
            return fallback;
        };
        let others = || {
            self.apis_of(&resource)
                .filter(|other| other.gvk() != api.gvk() && other.exists_in(after))
        };
        let both = before.and_then(|before| others().find(|other| other.exists_in(before)));
        both.or_else(|| others().next()).or(fallback)
    }

    /// The API through which to list these objects on a server of this minor that serves these group versions. Avoids
    /// deprecated ones, because the server's metric counts requests for them.
    #[must_use]
    pub fn best_served<'a>(
        &'a self,
        resource: &GroupResource,
        minor: Minor,
        serves: impl Fn(&str) -> bool,
    ) -> Option<&'a Api> {
        let offered = |api: &&Api| api.exists_in(minor) && serves(&api.gvk().api_version());
        self.apis_of(resource)
            .filter(offered)
            .find(|api| !api.is_deprecated_in(minor))
            .or_else(|| self.apis_of(resource).find(offered))
    }
}

/// The current group of an API: the last of its replacements with the same kind.
fn canonical_group(rows: &[Api], by_gvk: &HashMap<Gvk, usize>, api: &Api) -> String {
    let mut home = api;
    // A chain is at most as long as the table: data with a circle in it must not hang.
    for _ in 0..rows.len() {
        let next = home
            .replacement
            .as_ref()
            .filter(|next| next.kind == api.kind && next.group != home.group)
            .and_then(|next| by_gvk.get(next));
        match next {
            Some(&at) => home = &rows[at],
            None => break,
        }
    }
    home.group.clone()
}
