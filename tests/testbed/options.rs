//! What a cluster is to consist of.

use super::cluster::Cluster;

/// How often a start is tried when somebody else took a port in the meantime.
pub(crate) const ATTEMPTS: u32 = 5;

/// What a cluster consists of.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) version: String,
    /// The version that the API server says it is, as long as its own; its own without it.
    pub(crate) reported: Option<String>,
    pub(crate) controllers: bool,
    pub(crate) kwok: bool,
    pub(crate) apiserver_args: Vec<String>,
    /// Added to etcd's arguments, which they override.
    pub(crate) etcd_args: Vec<String>,
    pub(crate) scale: Option<f64>,
    /// The kubelets of the large cluster; as new as the API server without it.
    pub(crate) kubelet: Option<String>,
}

impl Options {
    /// Starts the cluster and waits until it is ready.
    ///
    /// # Panics
    /// With the end of the program's log, when it does not come up.
    pub(crate) fn start(self) -> Cluster {
        for _ in 1..ATTEMPTS {
            if let Some(cluster) = Cluster::try_start(&self) {
                return cluster;
            }
        }
        panic!("no cluster after {ATTEMPTS} attempts: its ports were always taken")
    }
}
