//! The order in which Cluster API upgrades the pools of a Cluster with a ClusterClass, and which of them it holds back.
//!
//! Source: kubernetes-sigs/cluster-api docs/book/src/reference/api/labels-and-annotations.md;
//! exp/topology/desiredstate/desired_state.go (the order is that of the list, and annotations hold back machine pools, too),
//! exp/topology/scope/scope.go (machine deployments and machine pools are counted separately).

use serde_json::Value;

use crate::catalog::Release;
use crate::catalog::keys::{
    CAPI_DEFER_UPGRADE, CAPI_HOLD_UPGRADE_SEQUENCE, CAPI_UPGRADE_CONCURRENCY,
};
use crate::detect::CapiCondition;

/// The upgrade order in the topology of a Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopologyOrder {
    /// The version that it is set to.
    pub(crate) version: Option<Release>,
    /// What the topology controller reports; none if it reports nothing.
    pub(crate) reconciled: Option<TopologyReport>,
    /// Pools of a kind that are upgraded at a time; at least one.
    pub(crate) concurrency: u32,
    /// MachineDeployments in order.
    pub(crate) machine_deployments: Vec<PoolTurn>,
    /// MachinePools in order.
    pub(crate) machine_pools: Vec<PoolTurn>,
}

/// What the topology controller reports of a Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopologyReport {
    /// Whether everything in the topology, in its latest form, has been rolled out.
    pub(crate) is_done: bool,
    /// `Cluster fleet/shop: TopologyReconciled False, ClusterUpgrading: …`.
    pub(crate) description: String,
}

/// A pool in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PoolTurn {
    /// Its name in the topology, which differs from the name of the object made from it.
    pub(crate) name: String,
    /// Why it is held back; none if it is not.
    pub(crate) hold_reason: Option<String>,
}

impl TopologyOrder {
    /// Of a Cluster object; none without a topology.
    pub(crate) fn from_cluster(cluster: &Value) -> Option<Self> {
        let topology = cluster.pointer("/spec/topology")?.as_object()?;
        let version = topology.get("version").and_then(Value::as_str);
        let kind = "TopologyReconciled";
        let reconciled = CapiCondition::find(cluster, kind);
        let concurrency = annotation(cluster, CAPI_UPGRADE_CONCURRENCY).and_then(Value::as_str);
        // Cluster API, too, takes anything but a number for one.
        let concurrency = concurrency.and_then(|text| text.parse().ok());
        Some(Self {
            version: version.and_then(|version| version.parse().ok()),
            reconciled: reconciled.map(|condition| TopologyReport {
                is_done: condition.status == "True" && condition.is_current,
                description: condition.describe(kind),
            }),
            concurrency: concurrency.unwrap_or(1).max(1),
            machine_deployments: pool_turns(cluster, "machineDeployments"),
            machine_pools: pool_turns(cluster, "machinePools"),
        })
    }
}

fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.pointer("/metadata/annotations")?.get(key)
}

fn pool_turns(cluster: &Value, list: &str) -> Vec<PoolTurn> {
    let entries = cluster.pointer(&format!("/spec/topology/workers/{list}"));
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let named = entries.filter_map(|entry| Some((entry, entry.get("name")?.as_str()?)));
    let mut held_by: Option<&str> = None;
    let turns = named.map(|(entry, name)| {
        let has = |key| annotation(entry, key).is_some();
        if has(CAPI_HOLD_UPGRADE_SEQUENCE) && held_by.is_none() {
            held_by = Some(name);
        }
        let path = format!("in spec.topology.workers.{list}");
        let hold_reason = match held_by {
            Some(first) if first == name => {
                Some(format!("{CAPI_HOLD_UPGRADE_SEQUENCE} is on it {path}"))
            }
            Some(first) => Some(format!(
                "{CAPI_HOLD_UPGRADE_SEQUENCE} is on {first}, which comes before it {path}"
            )),
            None => {
                has(CAPI_DEFER_UPGRADE).then(|| format!("{CAPI_DEFER_UPGRADE} is on it {path}"))
            }
        };
        PoolTurn {
            name: name.to_owned(),
            hold_reason,
        }
    });
    turns.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::TopologyOrder;

    fn cluster(annotations: Value, workers: Value) -> Value {
        json!({"metadata": {"annotations": annotations},
            "spec": {"topology": {"version": "v1.31.2", "workers": workers}}})
    }

    fn pool(name: &str, annotation: &str) -> Value {
        match annotation {
            "" => json!({"name": name}),
            key => json!({"name": name,
                "metadata": {"annotations": {format!("topology.cluster.x-k8s.io/{key}"): ""}}}),
        }
    }

    fn turns(cluster: &Value) -> String {
        let order = TopologyOrder::from_cluster(cluster).expect("a topology");
        let all = order.machine_deployments.iter().chain(&order.machine_pools);
        let lines = all.map(|turn| {
            let held = turn.hold_reason.as_deref().unwrap_or("goes");
            format!("{}: {held}", turn.name)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn pools_follow_the_order_of_the_topology_and_some_are_held_back() {
        let workers = json!({
            "machineDeployments": [pool("b", ""), pool("a", "defer-upgrade"), pool("c", ""),
                pool("e", "hold-upgrade-sequence"), pool("d", ""), pool("f", "defer-upgrade")],
            // Counted separately.
            "machinePools": [pool("p", ""), pool("o", "defer-upgrade"), pool("q", "deferred")],
        });
        insta::assert_snapshot!(turns(&cluster(json!({}), workers)), @r"
        b: goes
        a: topology.cluster.x-k8s.io/defer-upgrade is on it in spec.topology.workers.machineDeployments
        c: goes
        e: topology.cluster.x-k8s.io/hold-upgrade-sequence is on it in spec.topology.workers.machineDeployments
        d: topology.cluster.x-k8s.io/hold-upgrade-sequence is on e, which comes before it in spec.topology.workers.machineDeployments
        f: topology.cluster.x-k8s.io/hold-upgrade-sequence is on e, which comes before it in spec.topology.workers.machineDeployments
        p: goes
        o: topology.cluster.x-k8s.io/defer-upgrade is on it in spec.topology.workers.machinePools
        q: goes
        ");
    }

    #[test]
    fn one_at_a_time_unless_a_number_allows_more() {
        let name = "topology.cluster.x-k8s.io/upgrade-concurrency";
        for (value, expected) in [
            (json!({}), 1),
            (json!({name: "3"}), 3),
            (json!({name: "0"}), 1),
            (json!({name: "-2"}), 1),
            (json!({name: "all"}), 1),
            (json!({name: 3}), 1),
            (json!({name: "99999999999999999999"}), 1),
            (json!("none"), 1),
        ] {
            let order = TopologyOrder::from_cluster(&cluster(value.clone(), json!({})));
            assert_eq!(
                order.map(|order| order.concurrency),
                Some(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn without_a_topology_there_is_no_order() {
        assert_eq!(TopologyOrder::from_cluster(&json!({"spec": {}})), None);
        assert_eq!(
            TopologyOrder::from_cluster(&json!({"spec": {"topology": "small"}})),
            None
        );
        let odd = json!({"machineDeployments": ["a", {"metadata": {}}, {"name": 1}], "machinePools": {"name": "a"}});
        assert_eq!(turns(&cluster(json!(null), odd)), "");
    }
}
