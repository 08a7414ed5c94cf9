//! The smaller tables: skew, providers, writers.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
    pub horizon: Date,
}

/// Something that decides how an API server is best asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Sends a list while it encodes it; before, it holds the whole answer in memory first.
    StreamsLists,
}

/// Since when API servers have an ability.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerAbility {
    /// Which.
    pub ability: Ability,
    /// The first minor that has it switched on.
    pub from_minor: Minor,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// Where a provider leaves its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EvidencePlace {
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
pub struct ProviderMark {
    /// `eks`, `gke`, `k3s`, …
    pub provider: String,
    /// Where to look.
    #[serde(rename = "where")]
    pub place: EvidencePlace,
    /// What to look for.
    pub pattern: String,
    /// Where the mark was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// What kind of writer stands behind a field manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Writer {
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
pub struct WriterRow {
    /// Name of the field manager; a `*` at the end stands for any ending.
    pub manager: String,
    /// What kind of writer it is.
    pub writer: Writer,
    /// Where the name was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// Who stands behind the name of a field manager.
#[derive(Debug)]
pub struct Writers(Vec<WriterRow>);

impl Writers {
    pub(super) fn new(rows: Vec<WriterRow>) -> Self {
        Self(rows)
    }

    /// Every row.
    pub fn iter(&self) -> impl Iterator<Item = &WriterRow> {
        self.0.iter()
    }

    /// The writer of this manager; none where the name is not known.
    #[must_use]
    pub fn of(&self, manager: &str) -> Option<Writer> {
        self.0
            .iter()
            .find(|row| fits(&row.manager, manager))
            .map(|row| row.writer)
    }
}

/// An object that a provider installs by itself and takes away by itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Provided {
    /// Kind.
    pub kind: String,
    /// Name; a `*` at the end stands for any ending.
    pub name: String,
    /// Who installs it.
    pub by: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// What the cluster itself writes, so that a webhook that refuses it hurts the cluster.
#[derive(Debug, Clone, Deserialize)]
pub struct Admitted {
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
    pub blocks: bool,
    /// Whether a webhook should keep its hands off, alive or not.
    #[serde(deserialize_with = "super::api::yes_no")]
    pub critical: bool,
    /// Whether add-ons of the cluster in kube-system are made of it.
    #[serde(deserialize_with = "super::api::yes_no")]
    pub addon: bool,
    /// From this minor on the API server asks no webhook about it.
    pub until: Option<Minor>,
    /// What fails when it is refused.
    #[serde(rename = "use")]
    pub failing: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

impl Admitted {
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
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespaces
            .split(',')
            .any(|name| name == "*" || name == namespace)
    }

    /// Whether API servers of this minor ask webhooks about it.
    #[must_use]
    pub fn is_asked_in(&self, minor: Minor) -> bool {
        self.until.is_none_or(|until| minor < until)
    }
}

/// Whether a name fits a pattern whose `*` at the end, if it has one, stands for any ending.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}
