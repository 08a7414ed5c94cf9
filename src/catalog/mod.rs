//! Facts about Kubernetes, platforms and add-ons, loaded from the data files next to this module.
//!
//! Each row is a fact with its source and the date on which that source was checked. The files are embedded in
//! the binary; [`Catalog::embedded`] parses them and tests cross-check them (no replacement without a row, no removal
//! before a deprecation, no release without dates). Adding a fact means adding a row.

pub mod addons;
mod age;
mod api;
mod component_settings;
mod control_plane;
mod custom;
mod field_change;
mod image_ref;
pub(crate) mod keys;
mod minor_range;
mod misspelt;
mod nodes;
mod platform;
mod procedure;
mod release;
mod rendered;
mod rows;
mod string_serde;
mod table;
#[cfg(test)]
mod tests;
mod version;
mod volumes;

pub use addons::AddonCatalog;
pub use api::{Api, Apis, GroupResource, Gvk, MovedResource, ServingMode, StoredObjects};
pub use component_settings::{ComponentSettings, SettingForm};
pub use control_plane::{
    ControlPlaneRemovals, FeatureGate, KubeadmConfigVersion, RemovedAdmissionPlugin,
    RemovedConfigVersion, RemovedFlag,
};
pub use custom::{CustomApi, CustomApis, DkpVersionHint, ForeignApi, ServedCustomApi};
pub use field_change::{FieldChange, FieldFate};
pub use image_ref::ImageRef;
pub use minor_range::{MinorRange, VersionRange, VersionSpec};
pub use nodes::{
    IntentionalTaint, LegacyRoleLabel, PoolLabel, UnsupportedOsImage, UnsupportedRuntime,
    is_unreadable_runtime,
};
pub use platform::{
    CatalogApp, CliCommand, CliReference, ClosedRegistry, DkpCatalog, DkpMinor, Edge,
    EdgeConfidence, EndOfLine, KnownCommand, KonvoyProvider, KymaCatalog, KymaComponentRow,
    KymaEra, KymaMinor, ParsePlatformError, Platform, PlatformApp, PlatformName, PlatformRelease,
    ProviderKubernetes, RenamedOverride, split_app_reference,
};
pub use procedure::{
    AppliesTo, Completion, DurationEstimate, GateScope, HopPhase, KubeletSkewRule, MachineOwner,
    ObjectCheck, ParseTemplateError, Procedure, RepeatFor, Setting, StepTemplate, TextTemplate,
    VersionPrecision,
};
pub use release::{Certainty, KubernetesRelease, KubernetesReleases};
pub(crate) use rendered::has_manifest_ending;
pub use rendered::{RenderedFile, RenderedForm};
pub use rows::{
    HolderForm, KnownFieldManager, KnownFieldManagers, ManagedCandidate, ManifestFields,
    ManifestHolder, ProviderManagedObject, ProviderSignature, ServerFeature, ServerFeatureSupport,
    SignatureLocation, SkewLimit, SystemWrite, WriterKind,
};
pub use table::CatalogError;
pub(crate) use table::load_table;
pub use version::{Minor, ParseVersionError, Release, ReportedVersion};
pub use volumes::{InTreeStatus, VolumePlugin, volume_plugins};

use std::sync::LazyLock;

use jiff::civil::Date;

/// The built-in facts.
#[derive(Debug)]
pub struct Catalog {
    /// Date of the newest check of a source.
    pub date: Date,
    /// Built-in APIs.
    pub apis: Apis,
    /// APIs of others that look like built-in ones.
    pub foreign_apis: Vec<ForeignApi>,
    /// Custom resources of platforms.
    pub custom_apis: CustomApis,
    /// Kubernetes releases.
    pub kubernetes_releases: KubernetesReleases,
    /// Platforms with their supported upgrades, outermost first; the last is Kubernetes.
    pub platforms: Vec<Platform>,
    /// Applications, commands and providers of DKP.
    pub dkp: DkpCatalog,
    /// Components, overrides and commands of Kyma.
    pub kyma: KymaCatalog,
    /// Procedures, in the order in which they are matched to a cluster.
    pub procedures: Vec<Procedure>,
    /// Version skew limits of components.
    pub skew_limits: Vec<SkewLimit>,
    /// Add-ons that depend on the Kubernetes minor.
    pub addons: AddonCatalog,
    /// Features of API servers and the minors that introduced them.
    pub server_features: Vec<ServerFeatureSupport>,
    /// Signatures of providers and distributions.
    pub provider_signatures: Vec<ProviderSignature>,
    /// Signatures of nodes without a kubelet of their own to upgrade.
    pub virtual_node_signatures: Vec<ProviderSignature>,
    /// Signatures of nodes that the provider upgrades by itself.
    pub provider_node_signatures: Vec<ProviderSignature>,
    /// Known field managers.
    pub field_managers: KnownFieldManagers,
    /// Objects that providers manage.
    pub provider_managed_objects: Vec<ProviderManagedObject>,
    /// Writes of system components that webhooks may reject.
    pub system_writes: Vec<SystemWrite>,
    /// Settings that control plane components stop accepting.
    pub control_plane_removals: ControlPlaneRemovals,
    /// Node labels that name the pool.
    pub pool_labels: Vec<PoolLabel>,
    /// Node labels that kubeadm replaced.
    pub legacy_role_labels: Vec<LegacyRoleLabel>,
    /// How fields change between versions of an API.
    pub field_changes: Vec<FieldChange>,
    /// Kinds of which rules read fields in manifests.
    pub manifest_fields: Vec<ManifestFields>,
    /// Where objects hold settings of components.
    pub component_settings: Vec<ComponentSettings>,
    /// Kinds that hold manifests of other objects.
    pub manifest_holders: Vec<ManifestHolder>,
    /// Files that a tool renders to manifests.
    pub rendered_files: Vec<RenderedFile>,
    /// Taints that are set on purpose.
    pub intentional_taints: Vec<IntentionalTaint>,
    /// Container runtimes that kubelets stop supporting.
    pub unsupported_runtimes: Vec<UnsupportedRuntime>,
    /// Operating systems that kubelets stop supporting.
    pub unsupported_os_images: Vec<UnsupportedOsImage>,
}

impl Catalog {
    /// What a reader must know of the age of the facts on a day; `None` while they are fresh.
    #[must_use]
    pub fn age_remark(&self, today: Date) -> Option<String> {
        age::age_remark(self.date, today)
    }

    /// The catalog built into this binary, parsed at the first call.
    ///
    /// # Errors
    /// If a data file is malformed.
    pub fn embedded() -> Result<&'static Self, &'static CatalogError> {
        static EMBEDDED: LazyLock<Result<Catalog, CatalogError>> =
            LazyLock::new(|| Catalog::with_apis(include_str!("kubernetes/apis.tsv")));
        EMBEDDED.as_ref()
    }

    /// The built-in catalog with another table in place of `apis.tsv`, to try out a row.
    ///
    /// # Errors
    /// If a data file is malformed.
    pub fn with_apis(apis: &str) -> Result<Self, CatalogError> {
        let apis: Vec<Api> = load_table("apis.tsv", apis)?;
        let releases: Vec<KubernetesRelease> =
            load_table("releases.tsv", include_str!("kubernetes/releases.tsv"))?;
        let kubernetes = KubernetesReleases::new(releases);
        let platforms = platform::embedded(&kubernetes)?;
        let skew: Vec<SkewLimit> = load_table("skew.tsv", include_str!("kubernetes/skew.tsv"))?;
        let labels: Vec<LegacyRoleLabel> = load_table(
            "role-labels.tsv",
            include_str!("kubernetes/role-labels.tsv"),
        )?;
        let manifest_fields: Vec<ManifestFields> = load_table(
            "manifest-fields.tsv",
            include_str!("kubernetes/manifest-fields.tsv"),
        )?;
        let component_settings: Vec<ComponentSettings> = load_table(
            "component-settings.tsv",
            include_str!("kubernetes/component-settings.tsv"),
        )?;
        let plugins = volume_plugins()?;
        let horizons = apis.iter().map(|row| row.verified_on);
        let date = horizons
            .chain(platforms.iter().map(|platform| platform.date))
            .max()
            .unwrap_or_default();
        Ok(Self {
            date,
            apis: Apis::new(apis),
            field_changes: load_table(
                "field-changes.tsv",
                include_str!("kubernetes/field-changes.tsv"),
            )?,
            foreign_apis: load_table(
                "foreign-apis.tsv",
                include_str!("kubernetes/foreign-apis.tsv"),
            )?,
            custom_apis: CustomApis::embedded()?,
            addons: AddonCatalog::embedded(&kubernetes, &skew)?,
            kubernetes_releases: kubernetes,
            platforms,
            dkp: DkpCatalog::embedded()?,
            kyma: KymaCatalog::embedded()?,
            procedures: procedure::embedded()?,
            skew_limits: skew,
            server_features: load_table("servers.tsv", include_str!("kubernetes/servers.tsv"))?,
            provider_signatures: load_table(
                "providers.tsv",
                include_str!("kubernetes/providers.tsv"),
            )?,
            virtual_node_signatures: load_table(
                "virtual-nodes.tsv",
                include_str!("kubernetes/virtual-nodes.tsv"),
            )?,
            provider_node_signatures: load_table(
                "provider-nodes.tsv",
                include_str!("kubernetes/provider-nodes.tsv"),
            )?,
            field_managers: KnownFieldManagers::new(load_table(
                "writers.tsv",
                include_str!("kubernetes/writers.tsv"),
            )?),
            provider_managed_objects: load_table(
                "provided.tsv",
                include_str!("kubernetes/provided.tsv"),
            )?,
            system_writes: load_table("admission.tsv", include_str!("kubernetes/admission.tsv"))?,
            control_plane_removals: ControlPlaneRemovals::embedded()?,
            pool_labels: load_table("pools.tsv", include_str!("kubernetes/pools.tsv"))?,
            manifest_fields: manifest_fields
                .into_iter()
                .map(|row| row.completed(&labels, &plugins))
                .chain(ManifestFields::of_settings(&component_settings))
                .collect(),
            component_settings,
            manifest_holders: load_table(
                "manifest-holders.tsv",
                include_str!("kubernetes/manifest-holders.tsv"),
            )?,
            rendered_files: load_table(
                "manifest-files.tsv",
                include_str!("kubernetes/manifest-files.tsv"),
            )?,
            legacy_role_labels: labels,
            intentional_taints: load_table("taints.tsv", include_str!("kubernetes/taints.tsv"))?,
            unsupported_runtimes: load_table(
                "runtimes.tsv",
                include_str!("kubernetes/runtimes.tsv"),
            )?,
            unsupported_os_images: load_table(
                "os_images.tsv",
                include_str!("kubernetes/os_images.tsv"),
            )?,
        })
    }

    /// What changes beside `apiVersion` in a manifest that moves from one API to another.
    pub fn field_changes<'a>(
        &'a self,
        from: &'a Gvk,
        to: &'a Gvk,
    ) -> impl Iterator<Item = &'a FieldChange> {
        let rows = self.field_changes.iter();
        rows.filter(|row| row.applies_from(from) && !row.applies_from(to))
    }

    /// Finds a platform that has releases.
    #[must_use]
    pub fn platform(&self, name: PlatformName) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.name == name)
    }

    /// The Kubernetes minors that clusters of a DKP release run, attached ones too; `None` if they are not published.
    #[must_use]
    pub fn dkp_kubernetes(&self, release: &Release) -> Option<MinorRange> {
        let dkp = self.platform(PlatformName::Dkp)?;
        dkp.find_release(release)?.kubernetes_range
    }

    /// Whether the vendor published this release of a platform, compared with its suffix: a fork's `1.14.0-mine` is not
    /// published. True for platforms without a table of releases.
    #[must_use]
    pub fn is_published_release(&self, platform: PlatformName, release: &Release) -> bool {
        match platform {
            PlatformName::Kubernetes | PlatformName::ClusterApi => true,
            PlatformName::Dkp | PlatformName::Kyma => {
                let row = self
                    .platform(platform)
                    .and_then(|platform| platform.find_release(release));
                row.is_some_and(|row| row.release.raw == release.raw)
            }
        }
    }

    /// The row of the provider that manages this object, in a cluster of this detected provider.
    #[must_use]
    pub fn managing_provider(
        &self,
        object: &ManagedCandidate<'_>,
        provider: Option<&str>,
    ) -> Option<&ProviderManagedObject> {
        let mut rows = self.provider_managed_objects.iter();
        rows.find(|row| row.matches(object, provider))
    }

    /// Whether API servers of this minor have the feature.
    #[must_use]
    pub fn supports(&self, ability: ServerFeature, server: Minor) -> bool {
        self.server_features
            .iter()
            .any(|row| row.feature == ability && row.from_minor <= server)
    }

    /// How many minors a component of this minor may be behind the API server.
    #[must_use]
    pub fn skew_limit(&self, component: &str, minor: Minor) -> Option<&SkewLimit> {
        self.skew_limits
            .iter()
            .filter(|limit| limit.component == component && limit.from_component_minor <= minor)
            .max_by_key(|limit| limit.from_component_minor)
    }
}
