//! How many machines of a pool go at a time, by what its MachineDeployment itself says.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta1, v1beta2 machinedeployment_types.go (where it stands, and what is meant
//! where a number does not), internal/controllers/machinedeployment/mdutil/util.go (how percents are rounded).

use crate::text::pluralize;
use serde_json::Value;

/// Where it stands: since v1beta2, and until v1beta1.
const STRATEGY_PATHS: [&str; 2] = ["/spec/rollout/strategy", "/spec/strategy"];

/// What a pool says of its pace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RolloutStrategy {
    /// Nothing that can be read here.
    #[default]
    Unknown,
    /// A rolling update.
    RollingUpdate {
        /// So many machines may be there beyond those that are wanted.
        max_surge: u64,
        /// So many of those that are wanted may be missing.
        max_unavailable: u64,
        /// So many are wanted.
        replicas: u64,
    },
    /// Machines are replaced as somebody deletes the old ones, and not otherwise.
    OnDelete,
}

/// How many nodes of a pool go at a time, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parallelism {
    /// At least one.
    pub(super) nodes: u64,
    /// `2 nodes at a time, as asked for`.
    pub(super) reason: String,
    /// Whether nobody said so, neither a person nor the pool.
    pub(super) is_assumed: bool,
}

impl RolloutStrategy {
    /// Of a MachineDeployment, in whatever version it was read.
    pub(super) fn from_machine_deployment(deployment: &Value) -> Self {
        let mut strategies = STRATEGY_PATHS.iter();
        strategies
            .find_map(|path| deployment.pointer(path))
            .and_then(|strategy| parse_strategy(strategy, deployment))
            .unwrap_or_default()
    }

    /// What durations are reckoned with: what was asked for comes before what the pool says.
    pub(super) fn parallelism(self, asked: Option<u32>) -> Parallelism {
        let told = |nodes: u64| format!("{} at a time", pluralize(nodes as usize, "node"));
        let (nodes, why) = match (asked, self) {
            (Some(asked), _) => {
                let nodes = u64::from(asked.max(1));
                (nodes, format!("{}, as asked for", told(nodes)))
            }
            (
                None,
                Self::RollingUpdate {
                    max_surge: surge,
                    max_unavailable: unavailable,
                    replicas,
                },
            ) => {
                let nodes = surge.saturating_add(unavailable).min(replicas).max(1);
                let by = "as its MachineDeployment says";
                let numbers = format!("maxSurge {surge}, maxUnavailable {unavailable}");
                (nodes, format!("{}, {by}: {numbers}", told(nodes)))
            }
            (None, Self::OnDelete) => {
                let why = "its nodes go as somebody deletes their machines, as its MachineDeployment says: OnDelete";
                (1, why.to_owned())
            }
            (None, Self::Unknown) => {
                let why = "1 node at a time is assumed, for nothing here says how many go together";
                (1, why.to_owned())
            }
        };
        Parallelism {
            nodes,
            reason: why,
            is_assumed: asked.is_none() && self == Self::Unknown,
        }
    }
}

/// None where it is not understood.
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
    let stated = |field: &str, default: u64, round: Rounding| match update.get(field) {
        None | Some(Value::Null) => Some(default),
        Some(value) => resolve_int_or_percent(value, replicas, round),
    };
    let surge = stated("maxSurge", 1, Rounding::Up)?;
    let mut unavailable = stated("maxUnavailable", 0, Rounding::Down)?;
    if surge == 0 && unavailable == 0 {
        // A percent of a few machines comes to none, and something must move.
        unavailable = 1;
    }
    Some(RolloutStrategy::RollingUpdate {
        max_surge: surge,
        max_unavailable: unavailable,
        replicas,
    })
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a percent of the machines that are wanted.
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
            pace @ RolloutStrategy::RollingUpdate { .. } => Some(pace.parallelism(None).nodes),
            RolloutStrategy::Unknown | RolloutStrategy::OnDelete => None,
        }
    }

    #[test]
    fn numbers_and_percents_are_taken_as_cluster_api_does() {
        for (replicas, surge, unavailable, expected) in [
            (3, json!(1), json!(0), 1),
            (6, json!(3), json!(1), 4),
            // Nothing may go beyond: old ones make room.
            (6, json!(0), json!(2), 2),
            // Up, and down.
            (10, json!("25%"), json!("25%"), 3 + 2),
            (3, json!("30%"), json!("30%"), 1),
            (3, json!("0%"), json!("30%"), 1),
            (3, json!(0), json!(0), 1),
            // No more than there are.
            (2, json!("300%"), json!(0), 2),
            (2, json!(10), json!(0), 2),
            (0, json!(1), json!(0), 1),
            // What is meant where one of them is not stated.
            (6, json!(null), json!(2), 3),
            (6, json!(2), json!(null), 2),
        ] {
            let deployment = update(replicas, surge, unavailable);
            assert_eq!(nodes(&deployment), Some(expected), "{deployment}");
        }
    }

    #[test]
    fn both_places_of_the_strategy_are_known() {
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
    fn what_is_not_understood_is_not_known() {
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
    fn what_was_asked_for_comes_first() {
        let pace = RolloutStrategy::from_machine_deployment(&update(6, json!(3), json!(1)));
        let told = [
            (None, pace),
            (Some(2), pace),
            (None, RolloutStrategy::Unknown),
            (None, RolloutStrategy::OnDelete),
        ];
        let told = told.map(|(asked, pace)| pace.parallelism(asked));
        assert_eq!(told.each_ref().map(|it| it.nodes), [4, 2, 1, 1]);
        let why = told.map(|it| it.reason).join("\n");
        insta::assert_snapshot!(why, @r"
        4 nodes at a time, as its MachineDeployment says: maxSurge 3, maxUnavailable 1
        2 nodes at a time, as asked for
        1 node at a time is assumed, for nothing here says how many go together
        its nodes go as somebody deletes their machines, as its MachineDeployment says: OnDelete
        ");
    }
}
