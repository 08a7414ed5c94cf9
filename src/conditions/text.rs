//! Completion conditions for people.

use std::fmt;

use super::{CompletionCondition, NodeSet, VersionGoal};

impl fmt::Display for CompletionCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("nothing in the cluster shows it: a person knows"),
            Self::Backup { within_seconds } => {
                write!(
                    f,
                    "a backup was completed within {} h",
                    within_seconds / 3600
                )
            }
            Self::ApiServer(goal) => write!(f, "the API server has {goal}"),
            Self::Emulation { minor } => write!(f, "the API server emulates {minor}"),
            Self::ControlPlane { node: None, goal } => write!(
                f,
                "API servers, controller managers and schedulers have {goal}"
            ),
            Self::ControlPlane {
                node: Some(node),
                goal,
            } => write!(
                f,
                "API server, controller manager and scheduler on {node} have {goal}"
            ),
            Self::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => write!(
                f,
                "all machines of the control plane {namespace}/{name} have {goal}"
            ),
            Self::MachineDeployment {
                namespace,
                name,
                goal,
            } => write!(
                f,
                "all machines of the pool {namespace}/{name} have {goal} and are at work"
            ),
            Self::Nodes { nodes, goal } => fmt_nodes(f, nodes, goal),
            Self::NoBlockers { .. } => f.write_str("kubectl upgrade-check finds no blocker"),
            Self::FindingsResolved { .. } => {
                f.write_str("kubectl upgrade-check no longer finds it")
            }
            Self::Addon {
                component, minor, ..
            } => write!(
                f,
                "the release of {component} is for Kubernetes {minor}, and its pods are up to date"
            ),
            Self::KubeProxy(goal) => {
                write!(f, "the DaemonSet kube-system/kube-proxy runs {goal}")
            }
            Self::Platform { platform, release } => {
                write!(f, "{} is at {release}", platform.title())
            }
        }
    }
}

fn fmt_nodes(f: &mut fmt::Formatter<'_>, nodes: &NodeSet, goal: &VersionGoal) -> fmt::Result {
    let pool = match nodes {
        NodeSet::Node(name) => {
            return write!(
                f,
                "the kubelet of {name} has {goal}, the node is ready and takes pods"
            );
        }
        NodeSet::Pool(name) if name.is_empty() => "the workers".to_owned(),
        NodeSet::Pool(name) => format!("the pool {name}"),
    };
    write!(
        f,
        "all kubelets of {pool} have {goal}, the nodes are ready and take pods"
    )
}

impl fmt::Display for VersionGoal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternative = match self.any_patch {
            true => "another patch of its minor",
            false => "a later release",
        };
        write!(f, "{} or {alternative}", self.release)
    }
}
