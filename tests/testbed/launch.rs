//! The command lines of the programs of a cluster.

use std::path::Path;

use super::folder::{ADMIN, Folder};

/// The loopback ports of a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// etcd's, for the API server.
    pub(crate) etcd: u16,
    /// etcd's, for other etcds.
    pub(crate) peer: u16,
    /// The API server's.
    pub(crate) api: u16,
}

/// What the API server does that depends on the cluster's options.
pub(crate) struct ApiServer<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) ports: Ports,
    /// Without controllers nothing makes service accounts, so pods go without.
    pub(crate) has_controllers: bool,
    pub(crate) extra: &'a [String],
}

/// An etcd that never waits for the disk: it need not survive the machine.
/// The arguments of the test come last and win.
pub(crate) fn etcd(folder: &Folder, ports: Ports, extra: &[String]) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
    let peer = format!("http://127.0.0.1:{}", ports.peer);
    let mut args = vec![
        format!("--data-dir={}", folder.arg("etcd")),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
    ];
    args.extend_from_slice(extra);
    args
}

impl ApiServer<'_> {
    /// The arguments of `kube-apiserver`; those of the test come last and win.
    pub(crate) fn args(&self) -> Vec<String> {
        let Self { folder, ports, .. } = self;
        let key = folder.arg("sa.key");
        let mut args = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", ports.api),
            // Only published as an endpoint, and needed where there is no network.
            "--advertise-address=192.0.2.1".to_owned(),
            format!("--cert-dir={}", folder.arg("certs")),
            format!("--service-account-key-file={key}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--token-auth-file={}", folder.arg("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
            format!("--audit-policy-file={}", folder.arg("audit-policy.yaml")),
            format!("--audit-log-path={}", folder.arg("audit.log")),
            "--audit-log-maxsize=10000".to_owned(),
        ];
        if !self.has_controllers {
            args.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        args.extend_from_slice(self.extra);
        args
    }
}

/// Controllers and scheduler are not to be slower than the API server: by default they ask 20 and 50 times a second.
const UNBRAKED: [&str; 2] = ["--kube-api-qps=1000", "--kube-api-burst=2000"];

/// The controllers, without a port of their own.
pub(crate) fn controller_manager(folder: &Folder) -> Vec<String> {
    let mut args = vec![
        kubeconfig(folder),
        format!(
            "--service-account-private-key-file={}",
            folder.arg("sa.key")
        ),
        format!("--root-ca-file={}", folder.arg("ca.crt")),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    args.extend(UNBRAKED.map(str::to_owned));
    args
}

/// The scheduler, without a port of its own.
pub(crate) fn scheduler(folder: &Folder) -> Vec<String> {
    let mut args = vec![
        kubeconfig(folder),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    args.extend(UNBRAKED.map(str::to_owned));
    args
}

/// kwok for every node, with the stages that make a kubelet's life short: without
/// stages it would do nothing.
pub(crate) fn kwok(folder: &Folder, stages: &Path) -> Vec<String> {
    let mut args = vec![
        kubeconfig(folder),
        "--manage-all-nodes=true".to_owned(),
        "--node-lease-duration-seconds=40".to_owned(),
        "--node-ip=127.0.0.1".to_owned(),
    ];
    for stage in [
        "node/fast/node-initialize.yaml",
        "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
        "node/heartbeat/node-heartbeat.yaml",
        "pod/fast/pod-ready.yaml",
        "pod/fast/pod-complete.yaml",
        "pod/fast/pod-delete.yaml",
    ] {
        args.push(format!("--config={}", stages.join(stage).display()));
    }
    args
}

fn kubeconfig(folder: &Folder) -> String {
    format!("--kubeconfig={}", folder.kubeconfig(ADMIN).display())
}
