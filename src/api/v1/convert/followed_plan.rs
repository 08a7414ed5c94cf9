//! `UpgradePlan` to the steps that a watch ticks off.

use crate::api::v1::{FollowedPlan, NodeSetDoc, TypedConditionDoc, VersionGoalDoc};
use crate::catalog::{PlatformName, VersionSpec};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::path::HopId;
use crate::watch::{PlannedStep, UpgradeGoal};

impl FollowedPlan {
    /// The Kubernetes version that the plan leads to: any patch of its minor, unless the plan only changes the patch. `None`
    /// if it upgrades another platform only.
    #[must_use]
    pub fn goal(&self) -> Option<UpgradeGoal> {
        let mut hops = self.path.iter().rev();
        let last = hops.find(|hop| hop.platform == PlatformName::Kubernetes)?;
        let is_patch = last
            .from
            .as_ref()
            .is_some_and(|from| from.minor() == last.to.minor());
        Some(UpgradeGoal::Given(match is_patch {
            true => last.to.clone(),
            false => VersionSpec::Minor(last.to.minor()),
        }))
    }

    /// The steps, for a watch that ticks them off.
    #[must_use]
    pub fn planned_steps(&self) -> Vec<PlannedStep> {
        let steps = self.steps.iter().map(|step| PlannedStep {
            id: step.id.clone(),
            title: step.title.clone(),
            condition: serde_json::from_value(step.done_when.condition.clone())
                .ok()
                .and_then(|condition: TypedConditionDoc| condition.to_internal()),
        });
        steps.collect()
    }
}

impl TypedConditionDoc {
    /// `None` if a version in it cannot be parsed.
    fn to_internal(&self) -> Option<CompletionCondition> {
        use CompletionCondition as Internal;
        Some(match self {
            Self::Manual => Internal::Manual,
            Self::Backup { within_seconds } => Internal::Backup {
                within_seconds: *within_seconds,
            },
            Self::ApiServer(goal) => Internal::ApiServer(goal.to_internal()?),
            Self::Emulation { minor } => Internal::Emulation {
                minor: minor.parse().ok()?,
            },
            Self::ControlPlane { node, goal } => Internal::ControlPlane {
                node: node.clone(),
                goal: goal.to_internal()?,
            },
            Self::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => Internal::KubeadmControlPlane {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.to_internal()?,
            },
            Self::MachineDeployment {
                namespace,
                name,
                goal,
            } => Internal::MachineDeployment {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.to_internal()?,
            },
            Self::Nodes { nodes, goal } => Internal::Nodes {
                nodes: match nodes {
                    NodeSetDoc::Node(name) => NodeSet::Node(name.clone()),
                    NodeSetDoc::Pool(name) => NodeSet::Pool(name.clone()),
                },
                goal: goal.to_internal()?,
            },
            Self::NoBlockers { hop } => Internal::NoBlockers {
                hop: HopId {
                    platform: hop.platform,
                    to: hop.to.clone(),
                },
            },
            Self::FindingsResolved { fingerprints } => Internal::FindingsResolved {
                fingerprints: fingerprints.clone(),
            },
            Self::Addon {
                component,
                namespace,
                minor,
            } => Internal::Addon {
                component: component.clone(),
                namespace: namespace.clone(),
                minor: minor.parse().ok()?,
            },
            Self::KubeProxy(goal) => Internal::KubeProxy(goal.to_internal()?),
            Self::Platform { platform, release } => Internal::Platform {
                platform: platform.parse().ok()?,
                release: release.parse().ok()?,
            },
            Self::PlatformApps {
                namespaces,
                release,
            } => Internal::PlatformApps {
                namespaces: namespaces.clone(),
                release: release.parse().ok()?,
            },
            Self::AppDeployment {
                namespace,
                name,
                version,
            } => Internal::AppDeployment {
                namespace: namespace.clone(),
                name: name.clone(),
                version: version.clone(),
            },
            Self::KommanderCluster {
                namespace,
                name,
                kubernetes,
            } => Internal::KommanderCluster {
                namespace: namespace.clone(),
                name: name.clone(),
                kubernetes: kubernetes.replace(" to ", "..").parse().ok()?,
            },
            Self::KymaInstaller { release } => Internal::KymaInstaller {
                release: match release {
                    Some(release) => Some(release.parse().ok()?),
                    None => None,
                },
            },
            Self::KymaInstalled { release } => Internal::KymaInstalled {
                release: release.parse().ok()?,
            },
        })
    }
}

impl VersionGoalDoc {
    fn to_internal(&self) -> Option<VersionGoal> {
        Some(VersionGoal {
            release: self.release.parse().ok()?,
            any_patch: self.any_patch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{CompletionCondition as Condition, NodeSet, TypedConditionDoc, VersionGoal};
    use crate::path::HopId;

    #[test]
    fn each_condition_is_the_same_after_it_was_written_and_read() {
        let goal = || VersionGoal {
            release: "1.25.16".parse().expect("a version"),
            any_patch: true,
        };
        let (namespace, name) = (|| "shop".to_owned(), || "a".to_owned());
        let minor = || "1.25".parse().expect("a minor");
        for condition in [
            Condition::Manual,
            Condition::Backup { within_seconds: 60 },
            Condition::ApiServer(goal()),
            Condition::Emulation { minor: minor() },
            Condition::ControlPlane {
                node: None,
                goal: goal(),
            },
            Condition::ControlPlane {
                node: Some(name()),
                goal: goal(),
            },
            Condition::KubeadmControlPlane {
                namespace: namespace(),
                name: name(),
                goal: goal(),
            },
            Condition::MachineDeployment {
                namespace: namespace(),
                name: name(),
                goal: goal(),
            },
            Condition::Nodes {
                nodes: NodeSet::Node(name()),
                goal: goal(),
            },
            Condition::Nodes {
                nodes: NodeSet::Pool(String::new()),
                goal: goal(),
            },
            Condition::NoBlockers {
                hop: HopId {
                    platform: crate::catalog::PlatformName::Kubernetes,
                    to: "1.25".parse().expect("a version"),
                },
            },
            Condition::FindingsResolved {
                fingerprints: vec![name()],
            },
            Condition::Addon {
                component: name(),
                namespace: namespace(),
                minor: minor(),
            },
            Condition::KubeProxy(goal()),
            Condition::Platform {
                platform: crate::catalog::PlatformName::Kyma,
                release: "2.2.0".parse().expect("a version"),
            },
            Condition::KymaInstaller { release: None },
            Condition::KymaInstalled {
                release: "1.14.0".parse().expect("a version"),
            },
        ] {
            let json = serde_json::to_value(TypedConditionDoc::from(&condition)).expect("JSON");
            let read: TypedConditionDoc = serde_json::from_value(json).expect("a condition");
            assert_eq!(read.to_internal(), Some(condition));
        }
    }

    #[test]
    fn a_plan_leads_to_the_minor_of_its_last_hop_or_to_the_patch_of_a_patch_upgrade() {
        let goal = |path: serde_json::Value| {
            let plan = serde_json::json!({"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradePlan",
                "cluster": {}, "path": path, "steps": []});
            let plan = crate::api::v1::FollowedPlan::parse(&plan.to_string()).expect("a plan");
            plan.goal().map(|goal| goal.version())
        };
        let hop = |from: &str, to: &str| serde_json::json!({"platform": "kubernetes", "from": from, "to": to});
        let minors = serde_json::json!([hop("1.24.17", "1.25.16"), hop("1.25.16", "1.26.15")]);
        assert_eq!(goal(minors), Some("1.26".to_owned()));
        let patch = serde_json::json!([hop("1.25.3", "1.25.16")]);
        assert_eq!(goal(patch), Some("1.25.16".to_owned()));
        let kyma = serde_json::json!([{"platform": "kyma", "from": null, "to": "2.2.0"}]);
        assert_eq!(goal(kyma), None);
    }
}
