//! A plan to `UpgradePlan`.

use super::super::{
    API_VERSION, ClusterDoc, ConditionDoc, DocumentMetadata, DurationDoc, EvaluatedClusterDoc,
    HopIdDoc, NodeSetDoc, PLAN_TOOL, PlanSummary, ProgressDoc, ScopeDoc, ScopeLevelDoc,
    SharedStepText, StepDoc, StepStateDoc, TypedConditionDoc, UpgradePlan, VersionGoalDoc,
    WindowDoc,
};
use super::report::format_rfc3339;
use super::{docs, same_variants};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::plan::{DurationEstimate, EACH_NODE, Plan, ScopeLevel, Step, StepState, WindowSlot};
use crate::rules::CheckContext;

same_variants! {
    ScopeLevel => ScopeLevelDoc { Cluster, Pool, Node }
    StepState => StepStateDoc { Done, InProgress, Todo, Blocked, Manual, Unknown }
}

impl UpgradePlan {
    /// The document on a plan.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, plan: &Plan) -> Self {
        let metadata = DocumentMetadata::new(PLAN_TOOL, context.now, context.catalog.date);
        Self {
            cluster: ClusterDoc::from_context(context),
            clusters: EvaluatedClusterDoc::from_context(context, plan.verdict, &plan.rule_summary),
            path: docs(&plan.hops),
            steps: docs(&plan.steps),
            windows: docs(&plan.schedule.slots),
            findings: docs(&plan.findings),
            gaps: docs(&plan.gaps),
            remarks: plan.remarks.clone(),
            summary: plan.into(),
            ..Self::empty(metadata)
        }
    }

    /// The document for a target that no path leads to.
    #[must_use]
    pub fn without_path(metadata: DocumentMetadata, reason: &str) -> Self {
        Self {
            no_path: Some(reason.to_owned()),
            ..Self::empty(metadata)
        }
    }

    fn empty(metadata: DocumentMetadata) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradePlan".to_owned(),
            metadata,
            cluster: ClusterDoc::default(),
            clusters: Vec::new(),
            path: Vec::new(),
            no_path: None,
            steps: Vec::new(),
            findings: Vec::new(),
            windows: Vec::new(),
            gaps: Vec::new(),
            remarks: Vec::new(),
            summary: PlanSummary::default(),
        }
    }
}

impl From<&Step> for StepDoc {
    fn from(step: &Step) -> Self {
        let progress = step.progress;
        Self {
            id: step.id.clone(),
            hop: (&step.hop).into(),
            scope: ScopeDoc {
                level: step.scope.level.into(),
                name: step.scope.name.clone(),
                pool: step.scope.pool.clone(),
            },
            title: step.title.clone(),
            state: step.state.into(),
            progress: progress.map(|(done, total)| ProgressDoc { done, total }),
            commands: step.commands.clone(),
            gates: step.gates.clone(),
            done_when: ConditionDoc {
                text: step.done_when.to_string(),
                condition: (&step.done_when).into(),
            },
            duration_seconds: (&step.duration).into(),
            basis: step.duration.basis.clone(),
            evidence: step.evidence.clone(),
            interrupts: step.interrupts.clone(),
            reversible: step.is_reversible,
            links: step.links.clone(),
            objects: step.objects.clone(),
            shared: SharedStepText {
                action: step.action.as_str().to_owned(),
                title: step.shared_title.clone(),
                done_when: step.done_when.with_node_name(EACH_NODE).to_string(),
            },
        }
    }
}

impl From<&CompletionCondition> for TypedConditionDoc {
    fn from(condition: &CompletionCondition) -> Self {
        use CompletionCondition as Internal;
        match condition {
            Internal::Manual => Self::Manual,
            Internal::Backup { within_seconds } => Self::Backup {
                within_seconds: *within_seconds,
            },
            Internal::ApiServer(goal) => Self::ApiServer(goal.into()),
            Internal::Emulation { minor } => Self::Emulation {
                minor: minor.to_string(),
            },
            Internal::ControlPlane { node, goal } => Self::ControlPlane {
                node: node.clone(),
                goal: goal.into(),
            },
            Internal::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => Self::KubeadmControlPlane {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.into(),
            },
            Internal::MachineDeployment {
                namespace,
                name,
                goal,
            } => Self::MachineDeployment {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.into(),
            },
            Internal::Nodes { nodes, goal } => Self::Nodes {
                nodes: nodes.into(),
                goal: goal.into(),
            },
            Internal::NoBlockers { hop } => Self::NoBlockers {
                hop: HopIdDoc::from(hop),
            },
            Internal::FindingsResolved { fingerprints } => Self::FindingsResolved {
                fingerprints: fingerprints.clone(),
            },
            Internal::Addon {
                component,
                namespace,
                minor,
            } => Self::Addon {
                component: component.clone(),
                namespace: namespace.clone(),
                minor: minor.to_string(),
            },
            Internal::KubeProxy(goal) => Self::KubeProxy(goal.into()),
            Internal::Platform { platform, release } => Self::Platform {
                platform: platform.to_string(),
                release: release.to_string(),
            },
        }
    }
}

impl From<&VersionGoal> for VersionGoalDoc {
    fn from(goal: &VersionGoal) -> Self {
        Self {
            release: goal.release.to_string(),
            any_patch: goal.any_patch,
        }
    }
}

impl From<&NodeSet> for NodeSetDoc {
    fn from(nodes: &NodeSet) -> Self {
        match nodes {
            NodeSet::Node(name) => Self::Node(name.clone()),
            NodeSet::Pool(name) => Self::Pool(name.clone()),
        }
    }
}

impl From<&WindowSlot> for WindowDoc {
    fn from(slot: &WindowSlot) -> Self {
        Self {
            window: slot.window.clone(),
            start: format_rfc3339(slot.start),
            end: format_rfc3339(slot.end),
            steps: slot.steps.clone(),
            proven: slot.is_proven,
        }
    }
}

impl From<&DurationEstimate> for DurationDoc {
    fn from(estimate: &DurationEstimate) -> Self {
        Self {
            low: estimate.min_seconds,
            high: estimate.max_seconds,
        }
    }
}

impl From<&Plan> for PlanSummary {
    fn from(plan: &Plan) -> Self {
        let irreversible = plan.remaining_steps().filter(|step| !step.is_reversible);
        let remaining = plan.remaining_time();
        Self {
            steps: plan.steps.len() + plan.omitted_done_steps,
            done: plan.done_count(),
            duration_seconds: (&remaining.estimate).into(),
            unknown_durations: remaining.unbounded_steps,
            parallel: plan.parallel,
            points_of_no_return: irreversible.map(|step| step.id.clone()).collect(),
            no_window: plan.schedule.unscheduled.clone(),
            gaps: plan.gaps.len(),
        }
    }
}
