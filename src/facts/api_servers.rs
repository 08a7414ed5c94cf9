//! Which minors the API servers of a cluster run: behind a load balancer, `GET /version` answers for one of them only.

use std::collections::HashMap;

use super::control_plane::{APISERVER, ControlPlanePod, control_plane_pods};
use super::nodes::is_control_plane_node;
use crate::catalog::{Minor, Release};
use crate::snapshot::{ClusterView, NodeRow};

/// The minors of the API servers that are visible.
#[derive(Debug)]
pub(crate) struct ApiServerMinors {
    /// The oldest.
    pub(crate) oldest: Minor,
    /// The newest.
    pub(crate) newest: Minor,
    by_node: HashMap<String, Minor>,
}

impl ApiServerMinors {
    /// By the server that answered and by static pods. Images do not show which minor a server emulates, so they do not
    /// count if the one that answered emulates an older one.
    pub(crate) fn new(view: ClusterView<'_>) -> Self {
        let discovery = &view.cluster.discovery;
        let answered = discovery.effective_minor();
        let pods = match discovery.emulation_version {
            None => control_plane_pods(view),
            Some(_) => Vec::new(),
        };
        let servers = pods.iter().filter(|pod| pod.component == APISERVER);
        let minor_and_node =
            |pod: &ControlPlanePod<'_>| Some((pod.node()?.to_owned(), pod.release()?.minor()));
        let by_node: HashMap<String, Minor> = servers.filter_map(minor_and_node).collect();
        let all = || by_node.values().copied().chain([answered]);
        Self {
            oldest: all().min().unwrap_or(answered),
            newest: all().max().unwrap_or(answered),
            by_node,
        }
    }

    /// The API server on a node.
    pub(crate) fn on_node(&self, node: &NodeRow) -> Option<Minor> {
        self.by_node.get(&node.name).copied()
    }

    /// The newest minor that an API server can be assumed to run: a control plane node whose API server is not visible is
    /// taken to run that of its kubelet, because a new node brings both.
    pub(crate) fn newest_assumed(&self, nodes: &[NodeRow]) -> Minor {
        let joining = nodes
            .iter()
            .filter(|node| is_control_plane_node(node) && !self.by_node.contains_key(&node.name));
        let kubelets = joining.filter_map(|node| node.kubelet_version.release());
        let newest = kubelets.map(Release::minor).max();
        newest.map_or(self.newest, |minor| minor.max(self.newest))
    }
}
