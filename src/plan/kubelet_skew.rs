//! At which hops each pool moves: as late as skew allows where kubelets may lag, so that it moves as seldom as can be.

use crate::catalog::{Catalog, Minor};

/// When a pool moves, in hops of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolSchedule {
    /// Before the control plane of the first hop, to the minor that it has already: it would be too old afterwards.
    pub(super) must_catch_up: bool,
    /// For each hop, whether it moves after its control plane.
    pub(super) upgrades_in_hop: Vec<bool>,
}

/// The moves of a pool whose oldest kubelet has the minor `at`, along a way over these minors that begins at `from`.
///
/// Waiting as long as skew allows is best: whatever a pool does earlier, moving later leaves it at least as new. Kubelets may be
/// left behind by `at_most` minors, and never by more than the policy lets them; none where they may not lag at all.
/// Source of the window: `skew.tsv`.
pub(super) fn pool_schedule(
    at: Option<Minor>,
    from: Option<Minor>,
    minors: &[Minor],
    at_most: Option<u8>,
    catalog: &Catalog,
) -> PoolSchedule {
    let fits = |kubelet: Minor, server: Minor| {
        let limit = catalog.skew_limit("kubelet", kubelet);
        match (limit, server.minors_ahead_of(kubelet)) {
            (Some(limit), Some(behind)) => {
                let own = i64::from(at_most.unwrap_or(u8::MAX));
                behind <= i64::from(limit.minors_behind).min(own)
            }
            _ => false,
        }
    };
    let mut kubelet = at;
    let mut catches_up = false;
    if let (Some(old), Some(first), Some(from)) = (at, minors.first(), from)
        && old < from
        && (!fits(old, *first) || (at_most.is_none() && from < *first))
    {
        catches_up = true;
        kubelet = Some(from);
    }
    let moves = minors.iter().enumerate().map(|(hop, minor)| {
        let waits = match (kubelet, minors.get(hop + 1)) {
            (Some(kubelet), Some(next)) => at_most.is_some() && fits(kubelet, *next),
            _ => false,
        };
        if !waits {
            kubelet = Some(*minor);
        }
        !waits
    });
    PoolSchedule {
        upgrades_in_hop: moves.collect(),
        must_catch_up: catches_up,
    }
}

#[cfg(test)]
mod tests {
    use super::pool_schedule;
    use crate::catalog::{Catalog, Minor};

    fn told(at: &str, way: &[&str], may_lag: bool) -> String {
        limited(at, way, may_lag.then_some(u8::MAX))
    }

    fn limited(at: &str, way: &[&str], at_most: Option<u8>) -> String {
        let catalog = Catalog::embedded().expect("the catalog");
        let minor = |text: &str| text.parse::<Minor>().expect("a minor");
        let minors: Vec<Minor> = way[1..].iter().map(|text| minor(text)).collect();
        let found = pool_schedule(
            Some(minor(at)),
            Some(minor(way[0])),
            &minors,
            at_most,
            &catalog,
        );
        let caught = found.must_catch_up.then(|| format!("{}!", way[0]));
        let moved = way[1..]
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
    fn pools_move_as_late_as_skew_allows() {
        // Three behind from kubelet 1.25 on.
        assert_eq!(
            told("1.28", &["1.28", "1.29", "1.30", "1.31"], true),
            "1.31"
        );
        assert_eq!(
            told("1.28", &["1.28", "1.29", "1.30", "1.31", "1.32"], true),
            "1.31 1.32"
        );
        // Two before.
        assert_eq!(
            told(
                "1.22",
                &["1.22", "1.23", "1.24", "1.25", "1.26", "1.27"],
                true
            ),
            "1.24 1.26 1.27"
        );
        assert_eq!(told("1.28", &["1.28", "1.29", "1.30"], false), "1.29 1.30");
        assert_eq!(told("1.26", &["1.28", "1.29", "1.30"], true), "1.29 1.30");
    }

    #[test]
    fn a_pool_that_would_be_too_old_catches_up_first() {
        assert_eq!(told("1.22", &["1.24", "1.25"], true), "1.24! 1.25");
        assert_eq!(told("1.23", &["1.24", "1.25"], true), "1.25");
        assert_eq!(told("1.25", &["1.28", "1.29"], true), "1.28! 1.29");
    }

    #[test]
    fn providers_may_allow_less_than_the_policy() {
        let way = ["1.28", "1.29", "1.30", "1.31"];
        assert_eq!(limited("1.28", &way, Some(2)), "1.30 1.31");
        assert_eq!(limited("1.28", &way, Some(9)), "1.31");
        assert_eq!(limited("1.26", &["1.28", "1.29"], Some(2)), "1.28! 1.29");
        assert_eq!(limited("1.27", &["1.28", "1.29"], Some(2)), "1.29");
        // Where kubelets may not lag, they are at what the control plane has before it moves.
        assert_eq!(limited("1.27", &["1.28", "1.29"], None), "1.28! 1.29");
        // A hop that is under way moves them once.
        assert_eq!(limited("1.27", &["1.28", "1.28"], None), "1.28");
    }

    #[test]
    fn on_the_whole_way_pools_move_a_third_as_often() {
        let minors: Vec<String> = (16..=37).map(|minor| format!("1.{minor}")).collect();
        let way: Vec<&str> = minors.iter().map(String::as_str).collect();
        assert_eq!(
            told("1.16", &way, true),
            "1.18 1.20 1.22 1.24 1.26 1.29 1.32 1.35 1.37"
        );
    }
}
