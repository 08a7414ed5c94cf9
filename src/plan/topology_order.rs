//! In what order Cluster API upgrades the pools of a Cluster with a ClusterClass, and what holds some of them back.
//!
//! Source: kubernetes-sigs/cluster-api docs/book/src/reference/api/labels-and-annotations.md;
//! exp/topology/desiredstate/desired_state.go (that the order is that of the list, and that annotations hold machine pools, too),
//! exp/topology/scope/scope.go (that machine deployments and machine pools are counted apart).

use serde_json::Value;

/// Holds one pool back.
const DEFER: &str = "topology.cluster.x-k8s.io/defer-upgrade";
/// Holds it back and all that come after it.
const HOLD: &str = "topology.cluster.x-k8s.io/hold-upgrade-sequence";
/// How many pools of a kind go at a time.
const CONCURRENCY: &str = "topology.cluster.x-k8s.io/upgrade-concurrency";

/// What the topology of a Cluster says of its pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopologyOrder {
    /// So many go at a time; at least one.
    pub(super) concurrency: u32,
    /// Its MachineDeployments, in the order in which they go.
    pub(super) machine_deployments: Vec<PoolTurn>,
    /// Its MachinePools, in theirs.
    pub(super) machine_pools: Vec<PoolTurn>,
}

/// One pool of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolTurn {
    /// Its name in the topology, which is not that of the object made from it.
    pub(super) name: String,
    /// Why it waits; none where nothing holds it.
    pub(super) hold_reason: Option<String>,
}

impl TopologyOrder {
    /// Of a Cluster; none without a topology.
    pub(super) fn from_cluster(cluster: &Value) -> Option<Self> {
        cluster.pointer("/spec/topology")?.as_object()?;
        let annotation = annotation(cluster, "/metadata/annotations", CONCURRENCY);
        // What is no number counts as one for Cluster API, too.
        let concurrency = annotation
            .and_then(Value::as_str)
            .and_then(|it| it.parse().ok());
        Some(Self {
            concurrency: concurrency.unwrap_or(1).max(1),
            machine_deployments: pool_turns(cluster, "machineDeployments"),
            machine_pools: pool_turns(cluster, "machinePools"),
        })
    }
}

fn annotation<'a>(value: &'a Value, path: &str, name: &str) -> Option<&'a Value> {
    value.pointer(path)?.get(name)
}

fn pool_turns(cluster: &Value, list: &str) -> Vec<PoolTurn> {
    let entries = cluster.pointer(&format!("/spec/topology/workers/{list}"));
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let mut held_by: Option<&str> = None;
    let named = entries.filter_map(|entry| Some((entry, entry.get("name")?.as_str()?)));
    named
        .map(|(entry, name)| {
            let carries = |what| annotation(entry, "/metadata/annotations", what).is_some();
            if carries(HOLD) && held_by.is_none() {
                held_by = Some(name);
            }
            let place = format!("in spec.topology.workers.{list}");
            let held = match (held_by, carries(DEFER)) {
                (Some(first), _) if first == name => Some(format!("{HOLD} is on it {place}")),
                (Some(first), _) => Some(format!(
                    "{HOLD} is on {first}, which comes before it {place}"
                )),
                (None, true) => Some(format!("{DEFER} is on it {place}")),
                (None, false) => None,
            };
            PoolTurn {
                name: name.to_owned(),
                hold_reason: held,
            }
        })
        .collect()
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
            it => json!({"name": name,
                "metadata": {"annotations": {format!("topology.cluster.x-k8s.io/{it}"): ""}}}),
        }
    }

    fn told(cluster: &Value) -> String {
        let sequence = TopologyOrder::from_cluster(cluster).expect("a topology");
        let turns = sequence
            .machine_deployments
            .iter()
            .chain(&sequence.machine_pools);
        let lines = turns.map(|turn| {
            let held = turn.hold_reason.as_deref().unwrap_or("goes");
            format!("{}: {held}", turn.name)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn pools_go_in_the_order_of_the_topology_and_some_wait() {
        let workers = json!({
            "machineDeployments": [pool("b", ""), pool("a", "defer-upgrade"), pool("c", ""),
                pool("e", "hold-upgrade-sequence"), pool("d", ""), pool("f", "defer-upgrade")],
            // Counted apart.
            "machinePools": [pool("p", ""), pool("o", "defer-upgrade"), pool("q", "deferred")],
        });
        insta::assert_snapshot!(told(&cluster(json!({}), workers)), @r"
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
    fn one_at_a_time_unless_a_number_says_more() {
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
            let sequence = TopologyOrder::from_cluster(&cluster(value.clone(), json!({})));
            assert_eq!(sequence.map(|it| it.concurrency), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_topology_says_nothing() {
        assert_eq!(TopologyOrder::from_cluster(&json!({"spec": {}})), None);
        assert_eq!(
            TopologyOrder::from_cluster(&json!({"spec": {"topology": "small"}})),
            None
        );
        let odd = json!({"machineDeployments": ["a", {"metadata": {}}, {"name": 1}], "machinePools": {"name": "a"}});
        assert_eq!(told(&cluster(json!(null), odd)), "");
    }
}
