//! Platforms: products with releases, supported upgrades between them, and Kubernetes requirements.
//!
//! A platform is a YAML file in `platforms/` and a table next to it with one release per row. To add a release, add a row:
//! rules provide its edges, unless a matrix or a pair overrides them.
//!
//! # Edges
//!
//! Vendors publish either a matrix (DKP) or a rule with exceptions (Kyma, Kubernetes). For a pair of releases, the first
//! statement counts: `pairs`, then `matrices`, then `rules`. Every edge has a source and an [`EdgeConfidence`]. `starts`
//! lists the Kubernetes minors required before an upgrade.

mod cli;
mod dkp;
mod edge;
mod kyma;
mod load;
mod name;
mod product;
#[cfg(test)]
mod tests;

pub use cli::{CliCommand, CliReference, KnownCommand};
pub use dkp::{
    CatalogApp, DkpCatalog, DkpMinor, KonvoyProvider, PlatformApp, ProviderKubernetes,
    split_app_reference,
};
pub use edge::{Edge, EdgeConfidence};
pub use kyma::{
    ClosedRegistry, KymaCatalog, KymaComponentRow, KymaEra, KymaMinor, RenamedOverride,
};
pub(super) use load::embedded;
pub use name::{ParsePlatformError, PlatformName};
pub use product::{EndOfLine, Platform, PlatformRelease};
