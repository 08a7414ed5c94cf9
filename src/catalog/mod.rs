//! What the suite knows about the world: typed facts, loaded from the data files beside this module.
//!
//! A row is a fact with its source and its horizon, the day up to which that source was read. The files are embedded in
//! the binary; [`Catalog::embedded`] parses them and tests cross-check them (no replacement without a row, no removal
//! before a deprecation, no release without dates). Adding a fact means adding a row.

pub mod addons;
mod api;
mod control_plane;
mod custom;
mod nodes;
mod platform;
mod procedure;
mod release;
mod rows;
mod span;
#[cfg(test)]
mod tests;
mod version;
mod volumes;

pub use addons::Addons;
pub use api::{Api, Apis, Gvk, Resource, Served};
pub use control_plane::{ControlPlane, FeatureGate, KubeadmVersion, RemovedFlag, RemovedPlugin};
pub use custom::{Custom, CustomApi, DkpMark, ServedCustom};
pub use nodes::{NodeTaint, OsImage, PoolLabel, RoleLabel, RuntimeLimit};
pub use platform::{Edge, Ending, NotAPlatform, Platform, PlatformName, PlatformRelease, Strength};
pub use procedure::{
    Action, Done, Each, Fits, Gates, Kubelets, Maker, NoTemplate, Phase, Procedure, Reach, Takes,
    Template,
};
pub use release::{Certainty, KubernetesRelease, Releases};
pub use rows::{
    Ability, Admitted, EvidencePlace, Provided, ProviderMark, ServerAbility, SkewLimit, Writer,
    WriterRow, Writers,
};
pub use span::{Span, Versions, Wanted};
pub use version::{Minor, NotAVersion, Release};
pub use volumes::{Fate, VolumePlugin, volume_plugins};

use jiff::civil::Date;
use serde::de::DeserializeOwned;

/// A data file that does not say what it should. Cannot happen in a released binary: tests load the same bytes.
#[derive(Debug, thiserror::Error)]
#[error("the built-in table {table} cannot be read")]
pub struct CatalogError {
    /// Which file.
    pub table: &'static str,
    /// What is wrong with it, with the line.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Everything that is known.
#[derive(Debug)]
pub struct Catalog {
    /// The newest day up to which a source was read.
    pub date: Date,
    /// APIs of Kubernetes itself.
    pub apis: Apis,
    /// Custom resources of platforms.
    pub custom: Custom,
    /// Releases of Kubernetes.
    pub kubernetes: Releases,
    /// Products with releases and edges between them, outermost first; the last is Kubernetes.
    pub platforms: Vec<Platform>,
    /// What is done in a hop, for which clusters.
    pub procedures: Vec<Procedure>,
    /// How far components may lag behind the API server.
    pub skew: Vec<SkewLimit>,
    /// What runs beside Kubernetes itself and must fit its minor.
    pub addons: Addons,
    /// What API servers can do, and since when.
    pub servers: Vec<ServerAbility>,
    /// Marks by which providers and distributions are told apart.
    pub providers: Vec<ProviderMark>,
    /// Who stands behind the name of a field manager.
    pub writers: Writers,
    /// Objects that providers install by themselves.
    pub provided: Vec<Provided>,
    /// What the cluster itself writes and webhooks may refuse.
    pub admitted: Vec<Admitted>,
    /// What components of the control plane stop taking.
    pub control_plane: ControlPlane,
    /// Labels that name the pool of a node.
    pub pools: Vec<PoolLabel>,
    /// Labels of nodes that kubeadm replaced.
    pub role_labels: Vec<RoleLabel>,
    /// Taints that keep pods off a node on purpose.
    pub taints: Vec<NodeTaint>,
    /// Container runtimes that kubelets stop working with.
    pub runtimes: Vec<RuntimeLimit>,
    /// Operating systems that kubelets stop working with.
    pub os_images: Vec<OsImage>,
}

impl Catalog {
    /// The facts in this binary.
    ///
    /// # Errors
    /// When a data file is broken, with its name and line.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::with_apis(include_str!("kubernetes/apis.tsv"))
    }

    /// The same with another table of APIs in the place of `apis.tsv`: for trying a row before it is added.
    ///
    /// # Errors
    /// When a data file is broken, with its name and line.
    pub fn with_apis(apis: &str) -> Result<Self, CatalogError> {
        let apis: Vec<Api> = table("apis.tsv", apis)?;
        let releases: Vec<KubernetesRelease> =
            table("releases.tsv", include_str!("kubernetes/releases.tsv"))?;
        let kubernetes = Releases::new(releases);
        let platforms = platform::embedded(&kubernetes)?;
        let skew: Vec<SkewLimit> = table("skew.tsv", include_str!("kubernetes/skew.tsv"))?;
        let horizons = apis.iter().map(|row| row.horizon);
        let date = horizons
            .chain(platforms.iter().map(|platform| platform.date))
            .max()
            .unwrap_or_default();
        Ok(Self {
            date,
            apis: Apis::new(apis),
            custom: Custom::embedded()?,
            addons: Addons::embedded(&kubernetes, &skew)?,
            kubernetes,
            platforms,
            procedures: procedure::embedded()?,
            skew,
            servers: table("servers.tsv", include_str!("kubernetes/servers.tsv"))?,
            providers: table("providers.tsv", include_str!("kubernetes/providers.tsv"))?,
            writers: Writers::new(table(
                "writers.tsv",
                include_str!("kubernetes/writers.tsv"),
            )?),
            provided: table("provided.tsv", include_str!("kubernetes/provided.tsv"))?,
            admitted: table("admission.tsv", include_str!("kubernetes/admission.tsv"))?,
            control_plane: ControlPlane::embedded()?,
            pools: table("pools.tsv", include_str!("kubernetes/pools.tsv"))?,
            role_labels: table(
                "role-labels.tsv",
                include_str!("kubernetes/role-labels.tsv"),
            )?,
            taints: table("taints.tsv", include_str!("kubernetes/taints.tsv"))?,
            runtimes: table("runtimes.tsv", include_str!("kubernetes/runtimes.tsv"))?,
            os_images: table("os_images.tsv", include_str!("kubernetes/os_images.tsv"))?,
        })
    }

    /// A platform that has releases.
    #[must_use]
    pub fn platform(&self, name: PlatformName) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.name == name)
    }

    /// Whether a provider installs this object by itself.
    #[must_use]
    pub fn provided(&self, kind: &str, name: &str) -> bool {
        self.provided
            .iter()
            .any(|row| row.kind == kind && rows::fits(&row.name, name))
    }

    /// Whether an API server of this minor has the ability.
    #[must_use]
    pub fn can(&self, ability: Ability, server: Minor) -> bool {
        self.servers
            .iter()
            .any(|row| row.ability == ability && row.from_minor <= server)
    }

    /// By how many minors a component of this minor may be behind the API server.
    #[must_use]
    pub fn may_lag(&self, component: &str, minor: Minor) -> Option<&SkewLimit> {
        self.skew
            .iter()
            .filter(|limit| limit.component == component && limit.from_component_minor <= minor)
            .max_by_key(|limit| limit.from_component_minor)
    }
}

/// The rows of an embedded table.
pub(crate) fn table<T: DeserializeOwned>(
    name: &'static str,
    text: &str,
) -> Result<Vec<T>, CatalogError> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source| CatalogError {
            table: name,
            source: Box::new(source),
        })
}
