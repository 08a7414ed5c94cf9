//! A rollout, written to the API server: one node a second becomes new, while the pods of ten others are deleted.

use std::time::{Duration, Instant};

use http::Request;
use kube::client::ClientBuilder;
use kubectl_upgrade::kubeconfig::{self, ConnectOptions, Env};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

/// Nodes that drain at the same time.
const DRAINING: usize = 10;

/// A node, and when its change was sent to the API server.
pub(crate) type Changed = (String, Instant);

/// What the rollout works on.
pub(crate) struct Rollout {
    client: kube::Client,
    /// Not upgraded yet, the next one last.
    waiting: Vec<String>,
    /// Version of the upgraded kubelets.
    version: String,
}

impl Rollout {
    /// A rollout over all nodes of the cluster.
    pub(crate) async fn new(kubeconfig: &str, version: &str) -> Self {
        let options = ConnectOptions {
            program: "rollout".to_owned(),
            kubeconfig: Some(kubeconfig.into()),
            ..ConnectOptions::default()
        };
        let connection = kubeconfig::resolve(&options, &Env::process()).expect("a connection");
        let client = ClientBuilder::try_from(connection.config)
            .expect("a client")
            .build();
        let mut rollout = Self {
            client,
            waiting: Vec::new(),
            version: version.to_owned(),
        };
        rollout.waiting = rollout.names("/api/v1/nodes?resourceVersion=0").await;
        rollout
    }

    /// Changes a node a second for `seconds`, and deletes the pods of [`DRAINING`] others evenly over that time.
    pub(crate) async fn run(&mut self, seconds: u64) -> Vec<Changed> {
        let mut pods = Vec::new();
        for _ in 0..DRAINING {
            let node = self.waiting.pop().expect("enough nodes");
            self.patch(&node, "", json!({"spec": {"unschedulable": true}}))
                .await;
            let of_node = format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}");
            pods.extend(self.pod_paths(&of_node).await);
        }
        let per_second = pods.len().div_ceil(usize::try_from(seconds).unwrap_or(1));
        let mut changed = Vec::new();
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..seconds {
            ticks.tick().await;
            let node = self.waiting.pop().expect("enough nodes");
            let version = format!("v{}", self.version);
            changed.push((node.clone(), Instant::now()));
            let patch = json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
            self.patch(&node, "/status", patch).await;
            for path in pods.drain(..per_second.min(pods.len())) {
                self.send("DELETE", &path, json!({"gracePeriodSeconds": 0}))
                    .await;
            }
        }
        changed
    }

    async fn patch(&self, node: &str, subresource: &str, patch: Value) {
        let path = format!("/api/v1/nodes/{node}{subresource}");
        self.send("PATCH", &path, patch).await;
    }

    async fn send(&self, method: &str, path: &str, body: Value) {
        let content = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content)
            .body(body.to_string().into_bytes())
            .expect("a request");
        let answer: Result<Value, _> = self.client.request(request).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        // As metadata: nodes of this cluster have 15 KB each.
        let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let request = Request::get(path)
            .header("Accept", accept)
            .body(Vec::new())
            .expect("a request");
        let list: Value = self.client.request(request).await.expect("a list");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    async fn names(&self, path: &str) -> Vec<String> {
        let items = self.items(path).await;
        let names = items
            .iter()
            .filter_map(|item| item["metadata"]["name"].as_str());
        names.map(str::to_owned).collect()
    }

    async fn pod_paths(&self, path: &str) -> Vec<String> {
        let items = self.items(path).await;
        let path = |item: &Value| {
            let metadata = &item["metadata"];
            let (namespace, name) = (metadata["namespace"].as_str()?, metadata["name"].as_str()?);
            Some(format!("/api/v1/namespaces/{namespace}/pods/{name}"))
        };
        items.iter().filter_map(path).collect()
    }
}
