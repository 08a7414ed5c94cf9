//! Completion conditions for people.

use std::fmt;

use super::{CompletionCondition, NodeSet, VersionGoal};
use crate::text::names::CHECK;

impl CompletionCondition {
    /// The same with another name for its node, if it has one.
    #[must_use]
    pub fn with_node_name(&self, name: &str) -> Self {
        let mut condition = self.clone();
        if let Self::ControlPlane {
            node: Some(node), ..
        }
        | Self::Nodes {
            nodes: NodeSet::Node(node),
            ..
        } = &mut condition
        {
            name.clone_into(node);
        }
        condition
    }
}

impl fmt::Display for CompletionCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("confirmed by hand: not visible in the cluster"),
            Self::Backup { within_seconds } => {
                write!(
                    f,
                    "a backup completed within the last {} h",
                    within_seconds / 3600
                )
            }
            Self::ApiServer(goal) => write!(f, "the API server runs {goal}"),
            Self::Emulation { minor } => write!(f, "the API server emulates {minor}"),
            Self::ControlPlane { node: None, goal } => write!(
                f,
                "all API servers, controller managers and schedulers run {goal}"
            ),
            Self::ControlPlane {
                node: Some(node),
                goal,
            } => write!(
                f,
                "the API server, controller manager and scheduler on {node} run {goal}"
            ),
            Self::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => write!(
                f,
                "all machines of control plane {namespace}/{name} run {goal}"
            ),
            Self::MachineDeployment {
                namespace,
                name,
                goal,
            } => write!(
                f,
                "all machines of pool {namespace}/{name} run {goal} and are available"
            ),
            Self::Nodes { nodes, goal } => fmt_nodes(f, nodes, goal),
            Self::NoBlockers { .. } => write!(f, "kubectl {CHECK} reports no blocker"),
            Self::FindingsResolved { .. } => {
                write!(f, "kubectl {CHECK} no longer reports it")
            }
            Self::Addon {
                component, minor, ..
            } => write!(
                f,
                "{component} has a release for Kubernetes {minor} and its rollout is complete"
            ),
            Self::KubeProxy(goal) => {
                write!(f, "DaemonSet kube-system/kube-proxy runs {goal}")
            }
            Self::Platform { platform, release } => {
                write!(f, "{} runs {release}", platform.title())
            }
            Self::PlatformApps {
                namespaces,
                release,
            } => write!(
                f,
                "every platform application in {} has its version of DKP {release}",
                namespaces.join(", ")
            ),
            Self::AppDeployment {
                namespace,
                name,
                version: Some(version),
            } => write!(
                f,
                "AppDeployment {namespace}/{name} has version {version} or later"
            ),
            Self::AppDeployment {
                namespace, name, ..
            } => write!(f, "there is no AppDeployment {namespace}/{name}"),
            Self::KommanderCluster {
                namespace,
                name,
                kubernetes,
            } => write!(
                f,
                "KommanderCluster {namespace}/{name} reports Kubernetes {kubernetes}"
            ),
            Self::KymaInstaller { release: None } => {
                f.write_str("there is no Deployment kyma-installer/kyma-installer")
            }
            Self::KymaInstaller {
                release: Some(release),
            } => write!(
                f,
                "Deployment kyma-installer/kyma-installer has the image of {release} or later"
            ),
            Self::KymaInstalled { release } => write!(
                f,
                "Kyma runs {release} or later, and no component is being installed"
            ),
        }
    }
}

fn fmt_nodes(f: &mut fmt::Formatter<'_>, nodes: &NodeSet, goal: &VersionGoal) -> fmt::Result {
    let pool = match nodes {
        NodeSet::Node(name) => {
            return write!(
                f,
                "the kubelet of {name} runs {goal} and the node is ready and schedulable"
            );
        }
        NodeSet::Pool(name) if name.is_empty() => "the workers".to_owned(),
        NodeSet::Pool(name) => format!("pool {name}"),
    };
    write!(
        f,
        "all kubelets of {pool} run {goal} and the nodes are ready and schedulable"
    )
}

impl fmt::Display for VersionGoal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.any_patch {
            true => write!(
                f,
                "{} or another {} patch",
                self.release,
                self.release.minor()
            ),
            false => write!(f, "{} or later", self.release),
        }
    }
}
