//! Conditions in words.

use crate::progress::{Condition, Goal, Nodes};

/// How to tell that a step is done, for people.
pub(super) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::ByHand => "nothing in the cluster shows it: a person knows".to_owned(),
        Condition::Backup { within_seconds } => {
            format!("a backup was completed within {} h", within_seconds / 3600)
        }
        Condition::ApiServer(goal) => format!("the API server has {}", release(goal)),
        Condition::Emulation { minor } => format!("the API server emulates {minor}"),
        Condition::ControlPlane { node: None, goal } => {
            format!(
                "API servers, controller managers and schedulers have {}",
                release(goal)
            )
        }
        Condition::ControlPlane {
            node: Some(node),
            goal,
        } => format!(
            "API server, controller manager and scheduler on {node} have {}",
            release(goal)
        ),
        Condition::ControlPlaneObject {
            namespace,
            name,
            goal,
        } => format!(
            "all machines of the control plane {namespace}/{name} have {}",
            release(goal)
        ),
        Condition::MachineDeployment {
            namespace,
            name,
            goal,
        } => format!(
            "all machines of the pool {namespace}/{name} have {} and are at work",
            release(goal)
        ),
        Condition::Nodes { of, goal } => match of {
            Nodes::Node(name) => format!(
                "the kubelet of {name} has {}, the node is ready and takes pods",
                release(goal)
            ),
            Nodes::Pool(name) => {
                let pool = match name.as_str() {
                    "" => "the workers".to_owned(),
                    name => format!("the pool {name}"),
                };
                format!(
                    "all kubelets of {pool} have {}, the nodes are ready and take pods",
                    release(goal)
                )
            }
        },
        Condition::NoBlockers { .. } => "kubectl upgrade-check finds no blocker".to_owned(),
        Condition::Gone { .. } => "kubectl upgrade-check no longer finds it".to_owned(),
        Condition::Addon {
            component, minor, ..
        } => format!(
            "the release of {component} is for Kubernetes {minor}, and its pods are up to date"
        ),
        Condition::KubeProxy(goal) => {
            format!(
                "the DaemonSet kube-system/kube-proxy runs {}",
                release(goal)
            )
        }
        Condition::Platform { platform, release } => {
            format!("{} is at {release}", platform.title())
        }
    }
}

fn release(goal: &Goal) -> String {
    match goal.any_patch {
        true => format!("{} or another patch of its minor", goal.release),
        false => format!("{} or a later release", goal.release),
    }
}
