//! The hops at which each pool is upgraded: as late as the skew policy allows if kubelets may lag, so that it is upgraded as
//! rarely as possible.

use crate::catalog::{Catalog, Minor};

/// The hops of Kubernetes at which a pool is upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolSchedule {
    /// Whether it is upgraded to the current minor of the control plane first, because it would be too old after the first hop.
    pub(super) must_catch_up: bool,
    /// For each hop, whether it is upgraded after the control plane.
    pub(super) upgrades_in_hop: Vec<bool>,
}

/// How far kubelets may lag behind the control plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct LagLimits {
    /// In minors, besides the version skew policy; none if they may not lag at all.
    pub(super) max_lag: Option<u8>,
    /// The minor that a chained upgrade of Cluster API leads to: pools follow at its end.
    pub(super) chain_target: Option<Minor>,
}

/// The schedule of a pool whose oldest kubelet has the minor `oldest`, on a path from the minor `from` over `minors`.
///
/// Waiting as long as possible is optimal: upgrading later leaves a pool at least as new. Kubelets never lag by more than the
/// version skew policy (`skew.tsv`) allows.
pub(super) fn pool_schedule(
    oldest: Option<Minor>,
    from: Option<Minor>,
    minors: &[Minor],
    LagLimits {
        max_lag,
        chain_target,
    }: LagLimits,
    catalog: &Catalog,
) -> PoolSchedule {
    let may_lag_at =
        |minor: Minor| max_lag.is_some() || chain_target.is_some_and(|target| minor < target);
    let is_supported = |kubelet: Minor, server: Minor| {
        let limit = catalog.skew_limit("kubelet", kubelet);
        let limits = limit.zip(server.minors_ahead_of(kubelet));
        limits.is_some_and(|(limit, behind)| {
            behind <= i64::from(limit.minors_behind).min(i64::from(max_lag.unwrap_or(u8::MAX)))
        })
    };
    let mut kubelet = oldest;
    let mut must_catch_up = false;
    if let (Some(old), Some(first), Some(from)) = (oldest, minors.first(), from)
        && old < from
        && (!is_supported(old, *first) || (!may_lag_at(from) && from < *first))
    {
        must_catch_up = true;
        kubelet = Some(from);
    }
    let upgrades_in_hop = minors.iter().enumerate().map(|(index, minor)| {
        let next = kubelet.zip(minors.get(index + 1));
        let can_wait =
            may_lag_at(*minor) && next.is_some_and(|(kubelet, next)| is_supported(kubelet, *next));
        if !can_wait {
            kubelet = Some(*minor);
        }
        !can_wait
    });
    PoolSchedule {
        upgrades_in_hop: upgrades_in_hop.collect(),
        must_catch_up,
    }
}

#[cfg(test)]
mod tests {
    use super::{LagLimits, pool_schedule};
    use crate::catalog::{Catalog, Minor};

    fn upgrades(at: &str, path: &[&str], may_lag: bool) -> String {
        limited(at, path, may_lag.then_some(u8::MAX))
    }

    fn limited(at: &str, path: &[&str], max_lag: Option<u8>) -> String {
        let catalog = Catalog::embedded().expect("the catalog");
        let minor = |text: &str| text.parse::<Minor>().expect("a minor");
        let minors: Vec<Minor> = path[1..].iter().map(|text| minor(text)).collect();
        let found = pool_schedule(
            Some(minor(at)),
            Some(minor(path[0])),
            &minors,
            LagLimits {
                max_lag,
                chain_target: None,
            },
            catalog,
        );
        let caught = found.must_catch_up.then(|| format!("{}!", path[0]));
        let moved = path[1..]
            .iter()
            .zip(&found.upgrades_in_hop)
            .filter(|(_, moves)| **moves);
        let moved = moved.map(|(minor, _)| (*minor).to_owned());
        caught
            .into_iter()
            .chain(moved)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn pools_are_upgraded_as_late_as_skew_allows() {
        // Kubelets may lag by three minors from 1.25 on.
        assert_eq!(
            upgrades("1.28", &["1.28", "1.29", "1.30", "1.31"], true),
            "1.31"
        );
        assert_eq!(
            upgrades("1.28", &["1.28", "1.29", "1.30", "1.31", "1.32"], true),
            "1.31 1.32"
        );
        // By two before.
        assert_eq!(
            upgrades(
                "1.22",
                &["1.22", "1.23", "1.24", "1.25", "1.26", "1.27"],
                true
            ),
            "1.24 1.26 1.27"
        );
        assert_eq!(
            upgrades("1.28", &["1.28", "1.29", "1.30"], false),
            "1.29 1.30"
        );
        assert_eq!(
            upgrades("1.26", &["1.28", "1.29", "1.30"], true),
            "1.29 1.30"
        );
    }

    #[test]
    fn a_pool_that_would_be_too_old_catches_up_first() {
        assert_eq!(upgrades("1.22", &["1.24", "1.25"], true), "1.24! 1.25");
        assert_eq!(upgrades("1.23", &["1.24", "1.25"], true), "1.25");
        assert_eq!(upgrades("1.25", &["1.28", "1.29"], true), "1.28! 1.29");
    }

    #[test]
    fn providers_may_allow_less_than_the_policy() {
        let path = ["1.28", "1.29", "1.30", "1.31"];
        assert_eq!(limited("1.28", &path, Some(2)), "1.30 1.31");
        assert_eq!(limited("1.28", &path, Some(9)), "1.31");
        assert_eq!(limited("1.26", &["1.28", "1.29"], Some(2)), "1.28! 1.29");
        assert_eq!(limited("1.27", &["1.28", "1.29"], Some(2)), "1.29");
        // Kubelets that may not lag are at the minor of the control plane before it is upgraded.
        assert_eq!(limited("1.27", &["1.28", "1.29"], None), "1.28! 1.29");
        // A hop in progress upgrades them once.
        assert_eq!(limited("1.27", &["1.28", "1.28"], None), "1.28");
    }

    #[test]
    fn on_the_whole_path_pools_are_upgraded_a_third_as_often() {
        let minors: Vec<String> = (16..=37).map(|minor| format!("1.{minor}")).collect();
        let path: Vec<&str> = minors.iter().map(String::as_str).collect();
        assert_eq!(
            upgrades("1.16", &path, true),
            "1.18 1.20 1.22 1.24 1.26 1.29 1.32 1.35 1.37"
        );
    }
}
