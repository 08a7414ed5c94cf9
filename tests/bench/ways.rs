//! Ways to read the same pods and nodes.

use crate::measure::Samples;
use crate::plan::{Get, JSON, META, PROTOBUF, Plan};
use crate::program::Bench;

/// Each way, and what it is called.
pub(crate) fn ways(kubeconfig: &str, namespaces: &[String]) -> Vec<(&'static str, Plan)> {
    let both = |query: &str, accept: &str| -> Vec<Get> {
        let uri = |resource: &str| format!("/api/v1/{resource}?{query}");
        vec![
            Get::new(&uri("pods"), accept),
            Get::new(&uri("nodes"), accept),
        ]
    };
    let split = || -> Vec<Get> {
        let pods = namespaces
            .iter()
            .map(|name| format!("/api/v1/namespaces/{name}/pods?resourceVersion=0"));
        let nodes = ["/api/v1/nodes?resourceVersion=0".to_owned()];
        pods.chain(nodes)
            .map(|uri| Get::new(&uri, PROTOBUF))
            .collect()
    };
    let plan = |parallel, gets| Plan {
        kubeconfig: kubeconfig.to_owned(),
        parallel,
        gets,
    };
    vec![
        ("JSON, pages of 500", plan(1, both("limit=500", JSON))),
        (
            "JSON, `resourceVersion=0`, one answer",
            plan(1, both("resourceVersion=0", JSON)),
        ),
        (
            "protobuf, pages of 500",
            plan(1, both("limit=500", PROTOBUF)),
        ),
        (
            "protobuf, pages of 5000",
            plan(1, both("limit=5000", PROTOBUF)),
        ),
        (
            "protobuf, `resourceVersion=0`, one answer",
            plan(1, both("resourceVersion=0", PROTOBUF)),
        ),
        (
            "protobuf, namespace by namespace, 4 in flight, `resourceVersion=0`",
            plan(4, split()),
        ),
        (
            "metadata only, protobuf, pages of 500",
            plan(1, both("limit=500", META)),
        ),
        (
            "metadata only, protobuf, `resourceVersion=0`",
            plan(1, both("resourceVersion=0", META)),
        ),
    ]
}

/// Measures each way once.
pub(crate) fn measure(bench: &Bench, ways: &[(&'static str, Plan)], samples: &mut [Samples]) {
    for ((_, plan), samples) in ways.iter().zip(samples) {
        samples.0.push(bench.bare(plan));
    }
}
