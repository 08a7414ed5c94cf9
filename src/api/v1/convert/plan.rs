//! A plan to `UpgradePlan`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{
    API_VERSION, ClusterDoc, ConditionDoc, DocumentMetadata, DurationDoc, EvaluatedClusterDoc,
    HopDoc, NodeSetDoc, PlanSummary, ProgressDoc, ScopeDoc, ScopeLevelDoc, SharedStepText, StepDoc,
    StepStateDoc, TypedConditionDoc, UpgradePlan, VersionGoalDoc, WindowDoc,
};
use super::cluster::format_rfc3339;
use super::{ToDoc, same_fields, same_variants};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::fleet::{Fleet, FleetMember};
use crate::plan::{
    DurationEstimate, EACH_NODE, Plan, ScopeLevel, Step, StepScope, StepState, WindowSlot,
};
use crate::rules::{CheckContext, Evaluation};
use crate::text::names::PLAN_PROGRAM;

same_variants! {
    ScopeLevel => ScopeLevelDoc { Workspace, Project, Cluster, Pool, Node }
    StepState => StepStateDoc { Done, InProgress, Todo, Blocked, Manual, Unknown }
    NodeSet => NodeSetDoc { Node(name), Pool(name) }
    CompletionCondition => TypedConditionDoc {
        Manual,
        Backup { within_seconds },
        ApiServer(goal),
        Emulation { minor },
        ControlPlane { node, goal },
        KubeadmControlPlane { namespace, name, goal },
        MachineDeployment { namespace, name, goal },
        Nodes { nodes, goal },
        NoBlockers { hop },
        FindingsResolved { fingerprints },
        Addon { component, namespace, minor },
        KubeProxy(goal),
        Platform { platform, release },
        PlatformApps { namespaces, release },
        AppDeployment { namespace, name, version },
        KommanderCluster { namespace, name, kubernetes },
        KymaInstaller { release },
        KymaInstalled { release },
    }
}

same_fields! {
    StepScope => ScopeDoc { level, name, pool }
    VersionGoal => VersionGoalDoc { release, any_patch }
    DurationEstimate => DurationDoc { low = min_seconds, high = max_seconds }
}

impl UpgradePlan {
    /// The document on the plan of one cluster.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, plan: &Plan) -> Self {
        let evaluation = Evaluation {
            verdict: plan.verdict,
            summary: plan.rule_summary,
            ..Evaluation::default()
        };
        let fleet = Fleet {
            members: vec![FleetMember::new(context, evaluation, plan.clone())],
            unread: Vec::new(),
            dead_ends: BTreeSet::new(),
        };
        Self::from_fleet(&fleet, plan, (context.now, context.catalog.date))
    }

    /// The document on the clusters of a run and on their plans [as one](crate::plan::combine), made at a time with the catalog
    /// of a day.
    #[must_use]
    pub fn from_fleet(
        fleet: &Fleet<Plan>,
        combined: &Plan,
        (now, catalog): (Timestamp, Date),
    ) -> Self {
        let first = fleet.members.first();
        let mut clusters = EvaluatedClusterDoc::from_fleet(fleet);
        for (cluster, member) in clusters.iter_mut().zip(&fleet.members) {
            // With a hop in progress.
            cluster.path = member.part.hops.to_doc();
        }
        let mut path: Vec<HopDoc> = Vec::new();
        for hop in &combined.hops {
            let hop = hop.to_doc();
            if !path.contains(&hop) {
                path.push(hop);
            }
        }
        Self {
            cluster: ClusterDoc::from_member(first.and_then(|member| member.cluster.as_ref())),
            clusters,
            path,
            steps: combined.steps.to_doc(),
            windows: combined.schedule.slots.to_doc(),
            findings: combined.findings.to_doc(),
            gaps: combined.gaps.to_doc(),
            remarks: combined.remarks.clone(),
            summary: combined.to_doc(),
            ..Self::empty(DocumentMetadata::new(PLAN_PROGRAM, now, catalog))
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
            ..Self::default()
        }
    }
}

impl ToDoc<StepDoc> for Step {
    fn to_doc(&self) -> StepDoc {
        let progress = self.progress;
        StepDoc {
            id: self.id.clone(),
            cluster: self.cluster.to_doc(),
            hop: self.hop.to_doc(),
            scope: self.scope.to_doc(),
            title: self.title.clone(),
            state: self.state.to_doc(),
            progress: progress.map(|(done, total)| ProgressDoc { done, total }),
            commands: self.commands.clone(),
            gates: self.gates.clone(),
            done_when: ConditionDoc {
                text: self.done_when.to_string(),
                condition: self.done_when.to_doc(),
            },
            duration_seconds: self.duration.to_doc(),
            basis: self.duration.basis.clone(),
            evidence: self.evidence.clone(),
            interrupts: self.interrupts.clone(),
            reversible: self.is_reversible,
            links: self.links.clone(),
            objects: self.objects.clone(),
            planned_for: self.planned_for.to_doc(),
            shared: SharedStepText {
                action: self.action.clone(),
                title: self.shared_title.clone(),
                done_when: self.done_when.with_node_name(EACH_NODE).to_string(),
            },
        }
    }
}

impl From<StepState> for StepStateDoc {
    fn from(state: StepState) -> Self {
        state.to_doc()
    }
}

impl From<&CompletionCondition> for TypedConditionDoc {
    fn from(condition: &CompletionCondition) -> Self {
        condition.to_doc()
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
