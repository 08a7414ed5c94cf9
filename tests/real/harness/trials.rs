//! Scenarios as trials of libtest-mimic, skipped where a program is missing.

use std::env;

use libtest_mimic::{Failed, Trial};

use super::assets::{self, Assets, Missing};

/// What a scenario cannot do without.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// etcd and the API server of a version, such as `1.24.17`.
    ControlPlane(&'static str),
    /// The same with kube-controller-manager and kube-scheduler.
    Controllers(&'static str),
    /// helm.
    Helm,
    /// kwok with its stages.
    Kwok,
}

impl Need {
    fn missing(self) -> Option<Missing> {
        match self {
            Self::ControlPlane(version) => Assets::find(version).err(),
            Self::Controllers(version) => Assets::find_with_controllers(version).err(),
            Self::Helm => assets::helm().err(),
            Self::Kwok => assets::kwok().err(),
        }
    }
}

/// The scenario as a trial. Where something it needs is missing, the trial is ignored
/// and its name says why; in CI it fails instead, since there nothing may be skipped.
pub(crate) fn scenario(
    name: &str,
    needs: &[Need],
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let Some(missing) = needs.iter().find_map(|need| need.missing()) else {
        return Trial::test(name, run);
    };
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return Trial::test(name, move || Err(Failed::from(missing)));
    }
    let name = format!("{name} (skipped: {missing})");
    Trial::test(name, move || Err(Failed::from(missing))).with_ignored_flag(true)
}
