//! The smaller tables: skew, providers, writers.

use jiff::civil::Date;
use serde::Deserialize;

use super::Minor;

/// How far a component may lag behind the API server.
#[derive(Debug, Clone, Deserialize)]
pub struct SkewLimit {
    /// `kubelet`, `kube-proxy`, …
    pub component: String,
    /// Holds for components of this minor and later.
    pub from_component_minor: Minor,
    /// Minors behind the API server that are supported.
    pub minors_behind: u32,
    /// Where the rule was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Something that decides how an API server is best asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerFeature {
    /// Sends a list while it encodes it; before, it holds the whole answer in memory first.
    #[serde(rename = "streams-lists")]
    StreamingLists,
}

/// Since when API servers have an ability.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerFeatureSupport {
    /// Which.
    #[serde(rename = "ability")]
    pub feature: ServerFeature,
    /// The first minor that has it switched on.
    pub from_minor: Minor,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Where a provider leaves its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureLocation {
    /// In the version that the API server reports: the mark stands somewhere in it.
    Version,
    /// In the labels of nodes: the mark is a key.
    NodeLabel,
    /// In the name of a node's operating system: the mark stands at its beginning.
    OsImage,
    /// In a node's `spec.providerID`: the mark stands at its beginning.
    #[serde(rename = "providerID")]
    ProviderId,
}

/// A mark by which a provider or distribution is told.
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderSignature {
    /// `eks`, `gke`, `k3s`, …
    pub provider: String,
    /// Where to look.
    #[serde(rename = "where")]
    pub location: SignatureLocation,
    /// What to look for.
    pub pattern: String,
    /// Where the mark was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// What kind of writer stands behind a field manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriterKind {
    /// Part of Kubernetes: what it writes for itself is upgraded with it.
    System,
    /// Helm, whose release record says what it will write next.
    Helm,
    /// `kubectl apply`, whose annotation says what it last applied.
    KubectlApply,
    /// Any other kubectl command.
    Kubectl,
    /// kapp.
    Kapp,
    /// A GitOps controller, whose source is a repository.
    Gitops,
}

/// A row of the table of writers.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownFieldManager {
    /// Name of the field manager; a `*` at the end stands for any ending.
    pub manager: String,
    /// What kind of writer it is.
    #[serde(rename = "writer")]
    pub kind: WriterKind,
    /// Where the name was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Who stands behind the name of a field manager.
#[derive(Debug)]
pub struct KnownFieldManagers(Vec<KnownFieldManager>);

impl KnownFieldManagers {
    pub(super) fn new(rows: Vec<KnownFieldManager>) -> Self {
        Self(rows)
    }

    /// Every row.
    pub fn iter(&self) -> impl Iterator<Item = &KnownFieldManager> {
        self.0.iter()
    }

    /// The writer of this manager; none where the name is not known.
    #[must_use]
    pub fn writer_kind(&self, manager: &str) -> Option<WriterKind> {
        self.0
            .iter()
            .find(|row| matches_pattern(&row.manager, manager))
            .map(|row| row.kind)
    }
}

/// An object that a provider installs by itself and takes away by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderManagedObject {
    /// Kind.
    pub kind: String,
    /// Name; a `*` at the end stands for any ending.
    pub name: String,
    /// Who installs it.
    #[serde(rename = "by")]
    pub managed_by: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// What the cluster itself writes, so that a webhook that refuses it hurts the cluster.
#[derive(Debug, Clone, Deserialize)]
pub struct SystemWrite {
    /// API group; `core` for the core group.
    pub group: String,
    /// Plural name, with a subresource behind a slash.
    pub resource: String,
    /// Whether its objects are in namespaces.
    #[serde(deserialize_with = "super::api::yes_no")]
    pub namespaced: bool,
    /// In which namespaces the cluster writes it, separated by commas; `*` for any.
    pub namespaces: String,
    /// How it is written, separated by commas.
    pub operations: String,
    /// Whether an upgrade cannot do without.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "blocks")]
    pub blocks_upgrade: bool,
    /// Whether a webhook should keep its hands off, alive or not.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "critical")]
    pub is_off_limits: bool,
    /// Whether add-ons of the cluster in kube-system are made of it.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "addon")]
    pub is_addon: bool,
    /// From this minor on the API server asks no webhook about it.
    #[serde(rename = "until")]
    pub exempt_since: Option<Minor>,
    /// What fails when it is refused.
    #[serde(rename = "use")]
    pub consequence: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl SystemWrite {
    /// API group, empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        if self.group == "core" {
            ""
        } else {
            &self.group
        }
    }

    /// The ways in which it is written.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.split(',')
    }

    /// Whether the cluster writes it in this namespace.
    #[must_use]
    pub fn is_written_in(&self, namespace: &str) -> bool {
        self.namespaces
            .split(',')
            .any(|name| name == "*" || name == namespace)
    }

    /// Whether API servers of this minor ask webhooks about it.
    #[must_use]
    pub fn is_subject_to_webhooks(&self, minor: Minor) -> bool {
        self.exempt_since.is_none_or(|until| minor < until)
    }
}

/// Whether a name fits a pattern whose `*` at the end, if it has one, stands for any ending.
pub(super) fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}
