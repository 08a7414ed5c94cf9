//! What a cluster is to consist of.

use super::cluster::Cluster;

/// How often a start is tried when somebody else took a port in the meantime.
pub(super) const ATTEMPTS: u32 = 5;

/// What a cluster consists of.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(super) version: String,
    pub(super) controllers: bool,
    pub(super) kwok: bool,
    pub(super) apiserver_args: Vec<String>,
    /// Added to etcd's arguments, which they override.
    pub(crate) etcd_args: Vec<String>,
    pub(super) scale: Option<f64>,
}

impl Options {
    /// Adds kube-controller-manager and kube-scheduler.
    pub(crate) fn with_controllers(mut self) -> Self {
        self.controllers = true;
        self
    }

    /// Adds kwok, which plays the kubelet of every Node.
    pub(crate) fn with_kwok(mut self) -> Self {
        self.kwok = true;
        self
    }

    /// Adds arguments to the API server's, which they override.
    pub(crate) fn apiserver_args(mut self, args: &[&str]) -> Self {
        self.apiserver_args
            .extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Fills etcd with a large cluster before the API server starts: 1 is 5,000 nodes
    /// and 150,000 pods.
    pub(crate) fn loaded(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

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
