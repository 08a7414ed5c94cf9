//! A plan to `UpgradePlan`.

use super::super::{
    API_VERSION, ClusterDoc, ConditionDoc, DocumentMetadata, DurationDoc, EvaluatedClusterDoc,
    NodeSetDoc, PLAN_TOOL, PlanSummary, ProgressDoc, ScopeDoc, ScopeLevelDoc, SharedStepText,
    StepDoc, StepStateDoc, TypedConditionDoc, UpgradePlan, VersionGoalDoc, WindowDoc,
};
use super::cluster::format_rfc3339;
use super::{ToDoc, same_fields, same_variants};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::plan::{
    DurationEstimate, EACH_NODE, Plan, ScopeLevel, Step, StepScope, StepState, WindowSlot,
};
use crate::rules::CheckContext;

same_variants! {
    ScopeLevel => ScopeLevelDoc { Workspace, Project, Cluster, Pool, Node }
    StepState => StepStateDoc { Done, InProgress, Todo, Blocked, Manual, Unknown }
}

same_fields! {
    StepScope => ScopeDoc { level, name, pool }
    VersionGoal => VersionGoalDoc { release, any_patch }
    DurationEstimate => DurationDoc { low = min_seconds, high = max_seconds }
}

impl UpgradePlan {
    /// The document on a plan.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, plan: &Plan) -> Self {
        let metadata = DocumentMetadata::new(PLAN_TOOL, context.now, context.catalog.date);
        Self {
            cluster: ClusterDoc::from_context(context),
            clusters: EvaluatedClusterDoc::from_context(context, plan.verdict, &plan.rule_summary),
            path: plan.hops.to_doc(),
            steps: plan.steps.to_doc(),
            windows: plan.schedule.slots.to_doc(),
            findings: plan.findings.to_doc(),
            gaps: plan.gaps.to_doc(),
            remarks: plan.remarks.clone(),
            summary: plan.to_doc(),
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

impl ToDoc<StepDoc> for Step {
    fn to_doc(&self) -> StepDoc {
        let progress = self.progress;
        StepDoc {
            id: self.id.clone(),
            hop: self.hop.to_doc(),
            scope: self.scope.to_doc(),
            title: self.title.clone(),
            state: self.state.into(),
            progress: progress.map(|(done, total)| ProgressDoc { done, total }),
            commands: self.commands.clone(),
            gates: self.gates.clone(),
            done_when: ConditionDoc {
                text: self.done_when.to_string(),
                condition: (&self.done_when).into(),
            },
            duration_seconds: self.duration.to_doc(),
            basis: self.duration.basis.clone(),
            evidence: self.evidence.clone(),
            interrupts: self.interrupts.clone(),
            reversible: self.is_reversible,
            links: self.links.clone(),
            objects: self.objects.clone(),
            shared: SharedStepText {
                action: self.action.as_str().to_owned(),
                title: self.shared_title.clone(),
                done_when: self.done_when.with_node_name(EACH_NODE).to_string(),
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
            Internal::ApiServer(goal) => Self::ApiServer(goal.to_doc()),
            Internal::Emulation { minor } => Self::Emulation {
                minor: minor.to_doc(),
            },
            Internal::ControlPlane { node, goal } => Self::ControlPlane {
                node: node.clone(),
                goal: goal.to_doc(),
            },
            Internal::KubeadmControlPlane {
                namespace,
                name,
                goal,
            } => Self::KubeadmControlPlane {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.to_doc(),
            },
            Internal::MachineDeployment {
                namespace,
                name,
                goal,
            } => Self::MachineDeployment {
                namespace: namespace.clone(),
                name: name.clone(),
                goal: goal.to_doc(),
            },
            Internal::Nodes { nodes, goal } => Self::Nodes {
                nodes: match nodes {
                    NodeSet::Node(name) => NodeSetDoc::Node(name.clone()),
                    NodeSet::Pool(name) => NodeSetDoc::Pool(name.clone()),
                },
                goal: goal.to_doc(),
            },
            Internal::NoBlockers { hop } => Self::NoBlockers { hop: hop.to_doc() },
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
                minor: minor.to_doc(),
            },
            Internal::KubeProxy(goal) => Self::KubeProxy(goal.to_doc()),
            Internal::Platform { platform, release } => Self::Platform {
                platform: platform.to_doc(),
                release: release.to_doc(),
            },
            Internal::PlatformApps {
                namespaces,
                release,
            } => Self::PlatformApps {
                namespaces: namespaces.clone(),
                release: release.to_string(),
            },
            Internal::AppDeployment {
                namespace,
                name,
                version,
            } => Self::AppDeployment {
                namespace: namespace.clone(),
                name: name.clone(),
                version: version.clone(),
            },
            Internal::KommanderCluster {
                namespace,
                name,
                kubernetes,
            } => Self::KommanderCluster {
                namespace: namespace.clone(),
                name: name.clone(),
                kubernetes: kubernetes.to_string(),
            },
        }
    }
}

impl ToDoc<WindowDoc> for WindowSlot {
    fn to_doc(&self) -> WindowDoc {
        WindowDoc {
            window: self.window.clone(),
            start: format_rfc3339(self.start),
            end: format_rfc3339(self.end),
            steps: self.steps.clone(),
            proven: self.is_proven,
        }
    }
}

impl ToDoc<PlanSummary> for Plan {
    fn to_doc(&self) -> PlanSummary {
        let irreversible = self.remaining_steps().filter(|step| !step.is_reversible);
        let remaining = self.remaining_time();
        PlanSummary {
            steps: self.steps.len() + self.omitted_done_steps,
            done: self.done_count(),
            duration_seconds: remaining.estimate.to_doc(),
            unknown_durations: remaining.unbounded_steps,
            parallel: self.parallel,
            points_of_no_return: irreversible.map(|step| step.id.clone()).collect(),
            no_window: self.schedule.unscheduled.clone(),
            gaps: self.gaps.len(),
        }
    }
}
