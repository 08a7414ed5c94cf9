//! How many machines of a pool are replaced at a time, by the rollout strategy of its MachineDeployment.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go (its path, and the
//! defaults), internal/controllers/machinedeployment/mdutil/util.go (how percentages are rounded).

use serde_json::Value;

use crate::text::pluralize;

/// Its paths: since v1beta2, and until v1beta1.
const STRATEGY_PATHS: [&str; 2] = ["/spec/rollout/strategy", "/spec/strategy"];

/// The rollout strategy of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RolloutStrategy {
    /// Not readable here.
    #[default]
    Unknown,
    /// A rolling update.
    RollingUpdate {
        /// Machines allowed in excess of `replicas`.
        max_surge: u64,
        /// Machines of `replicas` allowed to be unavailable.
        max_unavailable: u64,
        /// Desired number of machines.
        replicas: u64,
    },
    /// A machine is replaced only after the old one has been deleted.
    OnDelete,
}

/// How many nodes of a pool are upgraded at a time, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parallelism {
    /// At least one.
    pub(crate) nodes: u64,
    /// `2 nodes at a time, as requested`.
    pub(crate) reason: String,
    /// Whether neither the user nor the pool states it.
    pub(crate) is_assumed: bool,
}

impl RolloutStrategy {
    /// Of a MachineDeployment of any version.
    pub(crate) fn from_machine_deployment(deployment: &Value) -> Self {
        let mut strategies = STRATEGY_PATHS.iter();
        strategies
            .find_map(|path| deployment.pointer(path))
            .and_then(|strategy| parse_strategy(strategy, deployment))
            .unwrap_or_default()
    }

    /// The parallelism for durations: as requested, else as the pool states.
    pub(crate) fn parallelism(self, requested: Option<u32>) -> Parallelism {
        let at_a_time = |nodes: u64| format!("{} at a time", pluralize(nodes as usize, "node"));
        let (nodes, reason) = match (requested, self) {
            (Some(requested), _) => {
                let nodes = u64::from(requested.max(1));
                (nodes, format!("{}, as requested", at_a_time(nodes)))
            }
            (
                None,
                Self::RollingUpdate {
                    max_surge,
                    max_unavailable,
                    replicas,
                },
            ) => {
                let nodes = max_surge.saturating_add(max_unavailable);
                let nodes = nodes.min(replicas).max(1);
                let by = format!(
                    "by its MachineDeployment: maxSurge {max_surge}, maxUnavailable {max_unavailable}"
                );
                (nodes, format!("{}, {by}", at_a_time(nodes)))
            }
            (None, Self::OnDelete) => (
                1,
                "nodes are replaced when their machines are deleted, by its MachineDeployment: OnDelete"
                    .to_owned(),
            ),
            (None, Self::Unknown) => (
                1,
                "1 node at a time is assumed: its rollout strategy is unknown".to_owned(),
            ),
        };
        Parallelism {
            nodes,
            reason,
            is_assumed: requested.is_none() && self == Self::Unknown,
        }
    }
}

/// None if it is not valid.
fn parse_strategy(strategy: &Value, deployment: &Value) -> Option<RolloutStrategy> {
    match strategy.get("type").map(Value::as_str) {
        Some(Some("OnDelete")) => return Some(RolloutStrategy::OnDelete),
        Some(Some("RollingUpdate")) | None => {}
        Some(_) => return None,
    }
    let update = strategy.get("rollingUpdate")?.as_object()?;
    let replicas = match deployment.pointer("/spec/replicas") {
        Some(replicas) => replicas.as_u64()?,
        None => 1,
    };
    let limit = |field: &str, default: u64, round: Rounding| match update.get(field) {
        None | Some(Value::Null) => Some(default),
        Some(value) => resolve_int_or_percent(value, replicas, round),
    };
    let max_surge = limit("maxSurge", 1, Rounding::Up)?;
    let mut max_unavailable = limit("maxUnavailable", 0, Rounding::Down)?;
    if max_surge == 0 && max_unavailable == 0 {
        // A percentage of a few machines rounds to zero, and something must be replaced.
        max_unavailable = 1;
    }
    Some(RolloutStrategy::RollingUpdate {
        max_surge,
        max_unavailable,
        replicas,
    })
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a percentage of the desired machines.
fn resolve_int_or_percent(value: &Value, replicas: u64, round: Rounding) -> Option<u64> {
    let Value::String(text) = value else {
        return value.as_u64();
    };
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let percent: u32 = digits.parse().ok().filter(|_| is_number)?;
    let hundredths = u64::from(percent).checked_mul(replicas)?;
    Some(match round {
        Rounding::Up => hundredths.div_ceil(100),
        Rounding::Down => hundredths / 100,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RolloutStrategy;

    fn update(replicas: u64, surge: Value, unavailable: Value) -> Value {
        json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
    }

    fn nodes(deployment: &Value) -> Option<u64> {
        match RolloutStrategy::from_machine_deployment(deployment) {
            strategy @ RolloutStrategy::RollingUpdate { .. } => {
                Some(strategy.parallelism(None).nodes)
            }
            RolloutStrategy::Unknown | RolloutStrategy::OnDelete => None,
        }
    }

    #[test]
    fn numbers_and_percentages_count_as_in_cluster_api() {
        for (replicas, surge, unavailable, expected) in [
            (3, json!(1), json!(0), 1),
            (6, json!(3), json!(1), 4),
            // No surge: old machines are removed first.
            (6, json!(0), json!(2), 2),
            // Rounded up, and down.
            (10, json!("25%"), json!("25%"), 3 + 2),
            (3, json!("30%"), json!("30%"), 1),
            (3, json!("0%"), json!("30%"), 1),
            (3, json!(0), json!(0), 1),
            // No more than there are machines.
            (2, json!("300%"), json!(0), 2),
            (2, json!(10), json!(0), 2),
            (0, json!(1), json!(0), 1),
            // Defaults.
            (6, json!(null), json!(2), 3),
            (6, json!(2), json!(null), 2),
        ] {
            let deployment = update(replicas, surge, unavailable);
            assert_eq!(nodes(&deployment), Some(expected), "{deployment}");
        }
    }

    #[test]
    fn both_paths_of_the_strategy_are_read() {
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}});
        let new = json!({"spec": {"replicas": 4, "rollout": {"strategy": strategy}}});
        let old = json!({"spec": {"replicas": 4, "strategy": strategy}});
        assert_eq!((nodes(&new), nodes(&old)), (Some(2), Some(2)));
        let on_delete = json!({"spec": {"rollout": {"strategy": {"type": "OnDelete"}}}});
        assert_eq!(
            RolloutStrategy::from_machine_deployment(&on_delete),
            RolloutStrategy::OnDelete
        );
    }

    #[test]
    fn invalid_strategies_are_unknown() {
        for odd in [
            json!("5"),
            json!("%"),
            json!("+5%"),
            json!("-5%"),
            json!("5.5%"),
            json!("many"),
            json!("99999999999999999999%"),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([1]),
            json!({}),
        ] {
            for deployment in [
                update(3, odd.clone(), json!(0)),
                update(3, json!(1), odd.clone()),
            ] {
                assert_eq!(
                    RolloutStrategy::from_machine_deployment(&deployment),
                    RolloutStrategy::Unknown,
                    "{deployment}"
                );
            }
        }
        let most = update(u64::MAX, json!("100%"), json!(0));
        for deployment in [
            most,
            json!({}),
            json!({"spec": {"replicas": "three", "strategy": {"rollingUpdate": {"maxSurge": 1}}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "RollingUpdate"}}}),
            json!({"spec": {"strategy": "RollingUpdate"}}),
        ] {
            assert_eq!(
                RolloutStrategy::from_machine_deployment(&deployment),
                RolloutStrategy::Unknown,
                "{deployment}"
            );
        }
    }

    #[test]
    fn a_request_comes_first() {
        let strategy = RolloutStrategy::from_machine_deployment(&update(6, json!(3), json!(1)));
        let cases = [
            (None, strategy),
            (Some(2), strategy),
            (None, RolloutStrategy::Unknown),
            (None, RolloutStrategy::OnDelete),
        ];
        let cases = cases.map(|(requested, strategy)| strategy.parallelism(requested));
        assert_eq!(cases.each_ref().map(|case| case.nodes), [4, 2, 1, 1]);
        let reasons = cases.map(|case| case.reason).join("\n");
        insta::assert_snapshot!(reasons, @r"
        4 nodes at a time, by its MachineDeployment: maxSurge 3, maxUnavailable 1
        2 nodes at a time, as requested
        1 node at a time is assumed: its rollout strategy is unknown
        nodes are replaced when their machines are deleted, by its MachineDeployment: OnDelete
        ");
    }
}
