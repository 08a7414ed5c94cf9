//! What a scenario cannot do without.

use libtest_mimic::{Failed, Trial};

use super::capi::cluster_api;
use super::lifecycle::{helm, krew};
use crate::programs;
use crate::testbed::assets::{self, Assets, Missing};

/// What a scenario cannot do without.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// etcd and the API server of a version, such as `1.24.17`.
    ControlPlane(&'static str),
    /// The same with kube-controller-manager and kube-scheduler.
    Controllers(&'static str),
    /// helm.
    Helm,
    /// krew.
    Krew,
    /// kwok with its stages.
    Kwok,
    /// The controllers of Cluster API.
    ClusterApi,
}

impl Need {
    fn missing(self) -> Option<Missing> {
        match self {
            Self::ControlPlane(version) => Assets::find(version).err(),
            Self::Controllers(version) => Assets::find_with_controllers(version).err(),
            Self::Helm => helm().err(),
            Self::Krew => krew().err(),
            Self::Kwok => assets::kwok().err(),
            Self::ClusterApi => cluster_api().err(),
        }
    }
}

/// The scenario as a trial, skipped where something that it needs is missing.
pub(crate) fn scenario(
    name: &str,
    needs: &[Need],
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    programs::scenario(name, needs.iter().find_map(|need| need.missing()), run)
}
