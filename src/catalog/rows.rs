//! Smaller tables: skew, providers, field managers.

use jiff::civil::Date;
use serde::Deserialize;

use super::component_settings::ComponentSettings;
use super::{LegacyRoleLabel, Minor, VolumePlugin};

/// The version skew limit of a component.
#[derive(Debug, Clone, Deserialize)]
pub struct SkewLimit {
    /// `kubelet`, `kube-proxy`, …
    pub component: String,
    /// Applies to components of this minor and later.
    pub from_component_minor: Minor,
    /// How many minors it may be behind the API server.
    pub minors_behind: u32,
    /// Source of the limit.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An API server feature that decides how to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerFeature {
    /// Streams a list while encoding it, instead of building it in memory.
    #[serde(rename = "streams-lists")]
    StreamingLists,
}

/// The minor that introduced an API server feature.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerFeatureSupport {
    /// The feature.
    #[serde(rename = "ability")]
    pub feature: ServerFeature,
    /// The first minor that enables it by default.
    pub from_minor: Minor,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Where to find a provider signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureLocation {
    /// Substring of the API server version.
    Version,
    /// Key of a node label, or `key=value`.
    NodeLabel,
    /// Key of a node taint.
    NodeTaint,
    /// Substring of the kubelet version of a node.
    KubeletVersion,
    /// Prefix of the name of a node.
    NodeName,
    /// Prefix of the operating system of a node.
    OsImage,
    /// Prefix of `spec.providerID` of a node.
    #[serde(rename = "providerID")]
    ProviderId,
}

/// A signature of a provider or distribution, or of a kind of node.
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderSignature {
    /// `eks`, `gke`, `k3s`, …
    pub provider: String,
    /// Where to find it.
    #[serde(rename = "where")]
    pub location: SignatureLocation,
    /// Value to match.
    pub pattern: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// The kind of writer behind a field manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriterKind {
    /// A Kubernetes component, upgraded with the cluster.
    System,
    /// Helm, whose release record contains its next write.
    Helm,
    /// `kubectl apply`, which annotates what it last applied.
    KubectlApply,
    /// Any other kubectl command.
    Kubectl,
    /// kapp.
    Kapp,
    /// A GitOps controller.
    Gitops,
}

/// A known field manager.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownFieldManager {
    /// Field manager name; a trailing `*` matches any suffix.
    pub manager: String,
    /// The kind of writer.
    #[serde(rename = "writer")]
    pub kind: WriterKind,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Known field managers.
#[derive(Debug)]
pub struct KnownFieldManagers(Vec<KnownFieldManager>);

impl KnownFieldManagers {
    pub(super) fn new(rows: Vec<KnownFieldManager>) -> Self {
        Self(rows)
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &KnownFieldManager> {
        self.0.iter()
    }

    /// The writer behind a field manager; `None` if unknown.
    #[must_use]
    pub fn writer_kind(&self, manager: &str) -> Option<WriterKind> {
        self.0
            .iter()
            .find(|row| matches_pattern(&row.manager, manager))
            .map(|row| row.kind)
    }
}

/// Objects that a provider installs, updates and removes.
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderManagedObject {
    /// Kind; empty for any.
    pub kind: String,
    /// Name; a trailing `*` matches any suffix, and it is empty for any name.
    pub name: String,
    /// Owner, as rows of objects name it; empty for any.
    pub owner: String,
    /// The detected provider; empty for any.
    pub provider: String,
    /// The namespaces of namespaced objects, separated by commas; a trailing `*` matches any suffix, and it is empty for any.
    /// The marks of an owner are easily copied into others.
    pub namespaces: String,
    /// Whether its marks alone are enough for an object without a namespace.
    #[serde(rename = "strong", deserialize_with = "super::api::yes_no")]
    pub has_strong_marks: bool,
    /// The name of the provider.
    #[serde(rename = "by")]
    pub managed_by: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An object that a provider may manage.
#[derive(Debug, Clone, Copy)]
pub struct ManagedCandidate<'a> {
    /// Kind.
    pub kind: &'a str,
    /// Namespace; `None` for an object of the cluster.
    pub namespace: Option<&'a str>,
    /// Name.
    pub name: &'a str,
    /// Owner, as rows of objects name it.
    pub owner: Option<&'a str>,
}

impl ProviderManagedObject {
    /// Whether it describes an object in a cluster of this provider.
    #[must_use]
    pub fn matches(&self, object: &ManagedCandidate<'_>, provider: Option<&str>) -> bool {
        let fits = |wanted: &str, value: Option<&str>| wanted.is_empty() || value == Some(wanted);
        let is_at_home = |namespace: &str| {
            let mut patterns = self.namespaces.split(',');
            patterns.any(|pattern| matches_pattern(pattern, namespace))
        };
        fits(&self.kind, Some(object.kind))
            && (self.name.is_empty() || matches_pattern(&self.name, object.name))
            && fits(&self.owner, object.owner)
            && fits(&self.provider, provider)
            && (self.namespaces.is_empty() || object.namespace.is_none_or(is_at_home))
    }

    /// Whether its marks leave no doubt about this object.
    #[must_use]
    pub const fn is_certain_of(&self, object: &ManagedCandidate<'_>) -> bool {
        self.has_strong_marks || object.namespace.is_some()
    }
}

/// A write of a system component; a webhook that rejects it harms the cluster.
#[derive(Debug, Clone, Deserialize)]
pub struct SystemWrite {
    /// API group; `core` for the core group.
    pub group: String,
    /// Plural name, with `/subresource` for a subresource.
    pub resource: String,
    /// Whether its objects are namespaced.
    #[serde(deserialize_with = "super::api::yes_no")]
    pub namespaced: bool,
    /// Namespaces of the write, separated by commas; `*` for any.
    pub namespaces: String,
    /// Admission operations, separated by commas.
    pub operations: String,
    /// Whether upgrades depend on it.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "blocks")]
    pub blocks_upgrade: bool,
    /// Whether webhooks should never match this resource, even healthy ones.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "critical")]
    pub is_off_limits: bool,
    /// Whether cluster add-ons in kube-system consist of it.
    #[serde(deserialize_with = "super::api::yes_no")]
    #[serde(rename = "addon")]
    pub is_addon: bool,
    /// From this minor on, API servers call no webhook for it.
    #[serde(rename = "until")]
    pub exempt_since: Option<Minor>,
    /// What fails if it is rejected.
    #[serde(rename = "use")]
    pub consequence: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
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

    /// Admission operations.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.operations.split(',')
    }

    /// Whether system components write it in this namespace.
    #[must_use]
    pub fn is_written_in(&self, namespace: &str) -> bool {
        self.namespaces
            .split(',')
            .any(|name| name == "*" || name == namespace)
    }

    /// Whether API servers of this minor call webhooks for it.
    #[must_use]
    pub fn is_subject_to_webhooks(&self, minor: Minor) -> bool {
        self.exempt_since.is_none_or(|until| minor < until)
    }
}

/// Whether a name matches a pattern; a trailing `*` matches any suffix.
pub(super) fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// What shows that a pod runs a component of Kubernetes, and with which flags.
const POD_FIELDS: [&str; 5] = [
    "metadata.labels.component",
    "metadata.labels.k8s-app",
    "spec.containers.args",
    "spec.containers.command",
    "spec.containers.name",
];

/// Components that workloads run.
const COMPONENTS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// A kind of which rules read fields in manifests and Helm records too.
#[derive(Debug, Clone, Deserialize)]
pub struct ManifestFields {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Path of the mapping that says on which nodes pods run; may be empty.
    placement: String,
    /// Path of the volume, or of the volumes; may be empty.
    volumes: String,
    /// Other fields that are kept, separated by commas; may be empty.
    #[serde(rename = "fields")]
    others: String,
    /// Texts of which a manifest must contain one, separated by commas; may be empty.
    mentions: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
    /// Paths of all fields that are kept.
    #[serde(skip)]
    pub paths: Vec<String>,
    /// Only of manifests that contain one of these texts; of all if there are none.
    #[serde(skip)]
    pub mentioned: Vec<String>,
}

impl ManifestFields {
    /// Whether only few manifests of the kind are read, so that a placeholder in any other hides nothing.
    #[must_use]
    pub fn is_read_by_mention(&self) -> bool {
        !self.mentions.is_empty() && self.placement.is_empty() && self.volumes.is_empty()
    }

    /// Rows with the fields of these settings, one for each kind.
    pub(super) fn of_settings(settings: &[ComponentSettings]) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::new();
        for setting in settings.iter().filter(|setting| !setting.kind.is_empty()) {
            let is_own = |row: &&mut Self| row.group == setting.group && row.kind == setting.kind;
            match rows.iter_mut().find(is_own) {
                Some(row) => row.paths.extend(setting.kept_paths()),
                None => rows.push(Self {
                    group: setting.group.clone(),
                    kind: setting.kind.clone(),
                    placement: String::new(),
                    volumes: String::new(),
                    others: String::new(),
                    mentions: String::new(),
                    source: setting.source.clone(),
                    verified_on: setting.verified_on,
                    paths: setting.kept_paths(),
                    mentioned: Vec::new(),
                }),
            }
        }
        rows
    }

    /// The row with the fields that these tables are about.
    pub(super) fn completed(
        mut self,
        labels: &[LegacyRoleLabel],
        plugins: &[VolumePlugin],
    ) -> Self {
        let others = self.others.split(',').filter(|path| !path.is_empty());
        self.paths = others.map(str::to_owned).collect();
        let mentions = self.mentions.split(',').filter(|text| !text.is_empty());
        self.mentioned = mentions.map(str::to_owned).collect();
        if !self.placement.is_empty() {
            let parts = ["nodeSelector", "affinity.nodeAffinity", "tolerations"];
            let parts = parts
                .iter()
                .map(|part| format!("{}.{part}", self.placement));
            self.paths.extend(parts);
        }
        if let Some(template) = self.placement.strip_suffix(".spec") {
            let fields = POD_FIELDS.iter();
            self.paths
                .extend(fields.map(|field| format!("{template}.{field}")));
            self.mentioned.extend(COMPONENTS.map(str::to_owned));
        }
        if !self.volumes.is_empty() {
            let fields = plugins.iter().map(|plugin| &plugin.field);
            let paths = fields.map(|field| format!("{}.{field}[]", self.volumes));
            self.paths.extend(paths);
        }
        if !self.placement.is_empty() || !self.volumes.is_empty() {
            let labels = labels.iter().map(|row| row.label.clone());
            let fields = plugins.iter().map(|plugin| plugin.field.clone());
            self.mentioned.extend(labels.chain(fields));
        }
        self
    }
}

/// How an object holds or names manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HolderForm {
    /// One or several objects.
    Objects,
    /// Texts of manifests, or a mapping of such texts; compressed ones name their encoding beside them.
    Texts,
    /// The same in base64.
    Base64,
    /// The same as texts, if another object has this one as a member.
    SetMember,
    /// The same in base64.
    SetMemberBase64,
    /// In ConfigMaps and Secrets that it names.
    Members,
    /// In ConfigMaps that its pods mount, if they run a program that may apply them.
    Mounted,
    /// Objects that it only names by their API, whose controller writes them.
    Named,
    /// In directories beside it, which a tool fills.
    Directories,
    /// Elsewhere, in a chart.
    Chart,
    /// Elsewhere, in a directory of a repository.
    Repository,
    /// Elsewhere, if the field at the path is set.
    Reference,
}

/// A kind of object that holds manifests of other objects, or names where they are.
#[derive(Debug, Clone, Deserialize)]
pub struct ManifestHolder {
    /// API group.
    pub group: String,
    /// Kind; `*` for all of the group.
    pub kind: String,
    /// Only objects with this `type`, of an object with members its Secrets; empty for all.
    #[serde(rename = "type")]
    pub secret_type: String,
    /// Path of the manifests or of the reference to them, through sequences; empty if they are always elsewhere.
    pub path: String,
    /// How it holds them.
    pub form: HolderForm,
    /// How to render what is elsewhere; empty for others.
    pub hint: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl ManifestHolder {
    /// Whether it names where its manifests are.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.form, HolderForm::Chart | HolderForm::Repository)
    }

    /// Whether it names ConfigMaps or Secrets with manifests.
    #[must_use]
    pub fn has_members(&self) -> bool {
        matches!(self.form, HolderForm::Members | HolderForm::Mounted)
    }

    /// Whether it may be a member of another object.
    #[must_use]
    pub fn is_of_member(&self) -> bool {
        matches!(
            self.form,
            HolderForm::SetMember | HolderForm::SetMemberBase64
        )
    }

    /// Whether this is the row of a kind, of any group.
    #[must_use]
    pub fn is_of_kind(&self, kind: &str) -> bool {
        self.kind == kind || self.kind == "*"
    }

    /// What a text must contain to be of this kind, beside the kind.
    #[must_use]
    pub fn mark(&self) -> &str {
        match self.secret_type.is_empty() {
            true => &self.group,
            false => &self.secret_type,
        }
    }
}
