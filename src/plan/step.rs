//! One step of a procedure, with this cluster's own names in it.

use crate::catalog::{Completion, GateScope, StepTemplate, VersionSpec};
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal, blocks_hop};

use super::builder::{HopContext, PlanBuilder, StepDraft, StepTarget};
use super::drain::DrainImpact;
use super::inventory::NodePool;
use super::rollout_strategy::RolloutStrategy;
use super::template::TemplateValues;
use super::{ActionId, DurationEstimate, ScopeLevel, Step, StepScope, cluster_name, template};

/// The kind of object whose machines can be counted.
const KUBEADM_CONTROL_PLANE: &str = "kubeadmcontrolplane";

/// What must be known of a pool whose machines nobody replaces.
const ON_DELETE_REMARK: &str = "the strategy of this MachineDeployment is OnDelete: a machine is replaced once somebody deletes the old one, and not before";

/// On what basis nothing is said of how long a step takes.
const NOT_PUBLISHED: &str = "nobody published how long it takes";

impl PlanBuilder<'_> {
    pub(super) fn draft_step(
        &self,
        now: &HopContext<'_>,
        action: &StepTemplate,
        place: &StepTarget<'_>,
    ) -> StepDraft {
        let mut values = self.template_values(now, place);
        let drain = self.drain_impact(place);
        let is_elsewhere = action.runs_on_management && !self.inventory.capi.is_self_managed;
        if is_elsewhere {
            values.kubectl_context = None;
        }
        let mut commands: Vec<String> = action
            .commands
            .iter()
            .map(|command| values.render_command(command))
            .collect();
        if let (true, StepTarget::ControlPlaneNode(node) | StepTarget::Worker(_, node)) =
            (action.runs_on_node, place)
        {
            commands = annotate_node_commands(node, commands);
        }
        if is_elsewhere && !commands.is_empty() {
            commands.insert(0, "# on the management cluster:".to_owned());
        }
        let mut interrupts: Vec<String> = action
            .interrupts
            .iter()
            .map(|text| values.render_text(text))
            .collect();
        if action.gated_by == GateScope::Drain {
            interrupts.extend(drain.interruptions());
        }
        let is_held = annotate_pool_commands(place, &mut commands);
        StepDraft {
            is_implied_by_later: action.is_implied_by_later,
            is_on_hold: is_held,
            is_judged_by_current_state: matches!(
                action.done_when,
                Completion::NoBlockers | Completion::RecentBackup(_)
            ),
            step: Step {
                id: self.step_id(now, &action.id, place),
                hop: now.hop_id.clone(),
                action: ActionId::new(&*action.id),
                scope: self.step_scope(place),
                title: values.render_text(&action.title),
                shared_title: values.render_shared_text(&action.title),
                state: super::StepState::Unknown,
                progress: None,
                commands,
                gates: self.gate_fingerprints(now, &action.gated_by, &drain),
                done_when: self.completion_condition(now, &action.done_when, place),
                duration: self.duration_estimate(action, place, &drain),
                interrupts,
                is_reversible: action.is_reversible,
                links: self.step_links(now, action),
                objects: Vec::new(),
            },
        }
    }

    fn step_links(&self, now: &HopContext<'_>, action: &StepTemplate) -> Vec<String> {
        let mut links = action.links.clone();
        if action.done_when == Completion::NoBlockers {
            links.extend(self.hop_links(now));
        }
        links
    }

    /// Pages for people about the whole hop.
    pub(super) fn hop_links(&self, now: &HopContext<'_>) -> Vec<String> {
        let hop = &now.hop_plan.hop;
        let platform = self.context.catalog.platform(hop.platform);
        match platform.zip(hop.to.release()) {
            Some((platform, to)) => {
                let from = hop.from.as_ref().and_then(VersionSpec::release);
                platform.links(from.unwrap_or(to), to)
            }
            None => Vec::new(),
        }
    }

    fn template_values<'v>(
        &'v self,
        now: &'v HopContext<'_>,
        place: &'v StepTarget<'_>,
    ) -> TemplateValues<'v> {
        let machines = &self.inventory.capi;
        let from = now.hop_plan.hop.from.as_ref().map(VersionSpec::to_string);
        let sequence = machines.topology_order.as_ref();
        let concurrency = sequence.map_or(1, |it| it.concurrency);
        let mut pairs = vec![
            ("concurrency", concurrency.to_string().into()),
            ("from", from.unwrap_or_default().into()),
            ("to", now.node_release.to_string().into()),
            // Pools that catch up go to another minor than that of the hop.
            ("minor", now.node_release.minor().to_string().into()),
        ];
        let mut variables = Vec::new();
        let cluster = match machines.cluster_name.as_str() {
            "" => cluster_name(self.target_cluster.map(|(picture, _)| &picture.id)),
            name => name.to_owned(),
        };
        pairs.push(("cluster", cluster.into()));
        let provider_cluster = self
            .inventory
            .provider_cluster
            .as_deref()
            .unwrap_or_default();
        for (name, value, variable) in [
            ("namespace", machines.namespace.as_str(), "NAMESPACE"),
            (
                "controlPlane",
                &machines.control_plane_name,
                "CONTROL_PLANE",
            ),
            (
                "controlPlaneKind",
                &machines.control_plane_kind,
                "CONTROL_PLANE_KIND",
            ),
            ("providerCluster", provider_cluster, "CLUSTER"),
        ] {
            match value {
                "" => variables.push((name, variable)),
                value => pairs.push((name, value.into())),
            }
        }
        match place {
            StepTarget::Cluster => {}
            StepTarget::ControlPlaneNode(node) => pairs.push(("node", (*node).into())),
            StepTarget::Pool(pool) => {
                if pool.name.is_empty() {
                    variables.push(("pool", super::template::POOL_PLACEHOLDER));
                }
                pairs.push(("pool", pool.display_name().into()));
            }
            StepTarget::Worker(pool, node) => {
                pairs.push(("pool", pool.display_name().into()));
                pairs.push(("node", (*node).into()));
            }
        }
        TemplateValues {
            kubectl_context: self
                .target_cluster
                .and_then(|(picture, _)| picture.context.as_deref()),
            has_cluster: self.target_cluster.is_some(),
            pairs,
            shell_variables: variables,
        }
    }

    fn drain_impact(&self, place: &StepTarget<'_>) -> DrainImpact {
        match place {
            StepTarget::Cluster => DrainImpact::default(),
            StepTarget::ControlPlaneNode(node) | StepTarget::Worker(_, node) => {
                self.drain_impacts.for_node(node)
            }
            StepTarget::Pool(pool) => self.drain_impacts.for_nodes(&pool.nodes),
        }
    }

    pub(super) fn step_scope(&self, place: &StepTarget<'_>) -> StepScope {
        let (level, name, pool) = match place {
            StepTarget::Cluster => {
                let name = cluster_name(self.target_cluster.map(|(picture, _)| &picture.id));
                (ScopeLevel::Cluster, name, None)
            }
            StepTarget::ControlPlaneNode(node) => (ScopeLevel::Node, (*node).to_owned(), None),
            StepTarget::Pool(pool) => (ScopeLevel::Pool, pool.display_name().to_owned(), None),
            StepTarget::Worker(pool, node) => (
                ScopeLevel::Node,
                (*node).to_owned(),
                Some(pool.display_name().to_owned()),
            ),
        };
        StepScope { level, name, pool }
    }

    pub(super) fn step_id(
        &self,
        now: &HopContext<'_>,
        action: &str,
        place: &StepTarget<'_>,
    ) -> String {
        let hop = format!("{}-{}-{action}", now.hop_id.platform, now.hop_plan.hop.to);
        // Nodes that catch up first may move again in the same hop.
        let hop = match *now.node_release == now.hop_plan.hop.to {
            true => hop,
            false => format!("{hop}-to-{}", now.node_release),
        };
        match place {
            StepTarget::Cluster => hop,
            StepTarget::ControlPlaneNode(node) | StepTarget::Worker(_, node) => {
                format!("{hop}-{node}")
            }
            StepTarget::Pool(pool) => format!("{hop}-{}", pool.display_name()),
        }
    }

    pub(super) fn gate_fingerprints(
        &self,
        now: &HopContext<'_>,
        gates: &GateScope,
        drain: &DrainImpact,
    ) -> Vec<String> {
        match gates {
            GateScope::Nothing => Vec::new(),
            GateScope::Drain => drain.blocking_findings.iter().cloned().collect(),
            GateScope::Hop => {
                let here = self.findings.iter().filter(|finding| {
                    blocks_hop(finding, &now.hop_id) && (now.is_first || finding.hop.is_some())
                });
                here.map(|finding| finding.fingerprint.clone()).collect()
            }
        }
    }

    fn completion_condition(
        &self,
        now: &HopContext<'_>,
        done: &Completion,
        place: &StepTarget<'_>,
    ) -> CompletionCondition {
        let goal = VersionGoal::new(now.node_release, now.hop_plan.version_precision);
        let node = match place {
            StepTarget::ControlPlaneNode(node) | StepTarget::Worker(_, node) => {
                Some((*node).to_owned())
            }
            StepTarget::Cluster | StepTarget::Pool(_) => None,
        };
        match done {
            Completion::Manual => CompletionCondition::Manual,
            Completion::RecentBackup(hours) => CompletionCondition::Backup {
                within_seconds: u64::from(*hours) * 3600,
            },
            Completion::ApiServer => CompletionCondition::ApiServer(goal),
            Completion::Emulation => CompletionCondition::Emulation {
                minor: now.hop_plan.hop.minor(),
            },
            Completion::ControlPlane => CompletionCondition::ControlPlane { node, goal },
            Completion::CapiControlPlane => match &self.inventory.capi {
                machines
                    if machines.is_self_managed
                        && machines.control_plane_kind == KUBEADM_CONTROL_PLANE =>
                {
                    CompletionCondition::KubeadmControlPlane {
                        namespace: machines.namespace.clone(),
                        name: machines.control_plane_name.clone(),
                        goal,
                    }
                }
                // No component of a managed one can be seen.
                _ if self.inventory.control_plane_nodes.is_empty() => {
                    CompletionCondition::ApiServer(goal)
                }
                _ => CompletionCondition::ControlPlane { node, goal },
            },
            Completion::MachineDeployment | Completion::Nodes => {
                match (place, &self.inventory.capi) {
                    (StepTarget::Pool(pool), machines)
                        if *done == Completion::MachineDeployment
                            && machines.machine_deployments.contains_key(&pool.name) =>
                    {
                        CompletionCondition::MachineDeployment {
                            namespace: machines.namespace.clone(),
                            name: pool.name.clone(),
                            goal,
                        }
                    }
                    _ => CompletionCondition::Nodes {
                        nodes: match (place, node) {
                            (_, Some(node)) => NodeSet::Node(node),
                            (StepTarget::Pool(pool), None) => NodeSet::Pool(pool.name.clone()),
                            _ => NodeSet::Pool(String::new()),
                        },
                        goal,
                    },
                }
            }
            Completion::NoBlockers => CompletionCondition::NoBlockers {
                hop: now.hop_id.clone(),
            },
            Completion::KubeProxy => CompletionCondition::KubeProxy(goal),
        }
    }

    /// What the procedure says, and what the drain adds to it.
    fn duration_estimate(
        &self,
        action: &StepTemplate,
        place: &StepTarget<'_>,
        drain: &DrainImpact,
    ) -> DurationEstimate {
        let pool = match place {
            StepTarget::Pool(pool) => Some((
                pool.nodes.len() as u64,
                pool.rollout_strategy.parallelism(self.parallel),
            )),
            _ => None,
        };
        let Some(takes) = &action.duration else {
            // An assumption that nothing is reckoned with is not worth a word.
            let told = pool.filter(|(_, at_a_time)| !at_a_time.is_assumed);
            let why = told.map(|(_, at_a_time)| format!("; {}", at_a_time.reason));
            return DurationEstimate {
                basis: format!("{NOT_PUBLISHED}{}", why.unwrap_or_default()),
                ..DurationEstimate::default()
            };
        };
        let mut takes = DurationEstimate {
            min_seconds: Some(takes.min_seconds),
            max_seconds: Some(takes.max_seconds),
            basis: takes.basis.clone(),
        };
        if let Some((nodes, at_a_time)) = pool {
            let rounds = nodes.div_ceil(at_a_time.nodes);
            takes.min_seconds = takes.min_seconds.map(|low| low * rounds);
            takes.max_seconds = takes.max_seconds.map(|high| high * rounds);
            takes.basis = format!(
                "{} ({nodes} nodes in all; {})",
                takes.basis, at_a_time.reason
            );
        }
        if action.gated_by != GateScope::Drain || self.target_cluster.is_none() {
            return takes;
        }
        if !self.drain_impacts.is_observed {
            takes.max_seconds = None;
            takes.basis = format!("{}; what is drained could not be seen", takes.basis);
        } else if let Some(budget) = drain.blocking_budgets.first() {
            takes.max_seconds = None;
            takes.basis = format!(
                "{}; the budget {budget} allows no eviction now, and nobody knows for how long",
                takes.basis
            );
        } else if drain.evicted_pods > 0 {
            takes.max_seconds = takes.max_seconds.map(|high| high + drain.max_grace_seconds);
            takes.basis = format!(
                "{}; pods may take {} s to go",
                takes.basis, drain.max_grace_seconds
            );
        }
        takes
    }

    /// A step of the whole cluster, with nothing in it but what it is and how to tell that it is done.
    pub(super) fn step_skeleton(
        &self,
        now: &HopContext<'_>,
        id: &str,
        title: String,
        done_when: CompletionCondition,
    ) -> Step {
        Step {
            id: self.step_id(now, id, &StepTarget::Cluster),
            hop: now.hop_id.clone(),
            action: ActionId::new(id),
            scope: self.step_scope(&StepTarget::Cluster),
            shared_title: title.clone(),
            title,
            state: super::StepState::Unknown,
            progress: None,
            commands: Vec::new(),
            gates: Vec::new(),
            done_when,
            duration: DurationEstimate {
                basis: NOT_PUBLISHED.to_owned(),
                ..DurationEstimate::default()
            },
            interrupts: Vec::new(),
            is_reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// A command of kubectl for this cluster, its words quoted already.
    pub(super) fn kubectl_command(&self, line: &str) -> String {
        let context = self
            .target_cluster
            .and_then(|(picture, _)| picture.context.as_deref());
        template::with_kubectl_context(line, context)
    }
}

impl NodePool {
    /// What people call it.
    fn display_name(&self) -> &str {
        match self.name.as_str() {
            "" => "workers",
            name => name,
        }
    }
}

/// Writes beside the commands what somebody wants of a pool on purpose. Says whether it waits.
fn annotate_pool_commands(place: &StepTarget<'_>, commands: &mut Vec<String>) -> bool {
    let StepTarget::Pool(pool) = place else {
        return false;
    };
    if pool.rollout_strategy == RolloutStrategy::OnDelete {
        commands.push(template::shell_comment(ON_DELETE_REMARK));
    }
    let held = pool.hold_reason.as_ref();
    if let Some(why) = held {
        commands.insert(0, template::shell_comment(&format!("held back: {why}")));
    }
    held.is_some()
}

/// Says where commands run that kubectl is not for.
fn annotate_node_commands(node: &str, commands: Vec<String>) -> Vec<String> {
    let mut told = Vec::new();
    let mut there = false;
    for command in commands {
        let here = command.starts_with("kubectl ");
        if here == there {
            told.push(match here {
                true => "# where kubectl runs:".to_owned(),
                false => format!("# on {}:", super::template::shell_quoted(node)),
            });
            there = !here;
        }
        told.push(command);
    }
    told
}
