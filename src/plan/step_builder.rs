//! A step template of a procedure, filled in for this cluster.

use super::draft::{HopContext, NOT_PUBLISHED, StepDraft, StepTarget};
use super::drain::{DrainImpact, DrainImpacts};
use super::estate;
use super::inventory::ClusterInventory;
use super::measured::MeasuredUpgrade;
use super::step::Step;
use super::template::{self, TemplateValues};
use crate::catalog::{
    Catalog, Completion, DurationEstimate, GateScope, PlatformName, Setting, StepTemplate,
    VersionSpec,
};
use crate::conditions::blocks_hop;
use crate::detect::Project;
use crate::facts::capi::RolloutStrategy;
use crate::facts::dkp::DkpEstate;
use crate::rules::{CheckContext, Finding, object_path};

const ON_DELETE_REMARK: &str = "the strategy of this MachineDeployment is OnDelete: a machine is replaced only after the old one has been deleted";

/// Fills in step templates with the names, drains and findings of one cluster.
pub(super) struct StepBuilder<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) findings: &'a [Finding],
    pub(super) has_cluster: bool,
    pub(super) inventory: ClusterInventory,
    pub(super) estate: DkpEstate,
    /// For checks of steps.
    pub(super) context: &'a CheckContext<'a>,
    /// `local`, `cluster` or `modules`; none if Kyma does not run or does not show it.
    pub(super) kyma_variant: Option<String>,
    /// Projects of Kommander.
    pub(super) projects: Vec<Project>,
    pub(super) drain_impacts: DrainImpacts,
    /// The version that the topology can be set to at once for all hops; none if it cannot.
    pub(super) chain: Option<VersionSpec>,
    /// Nodes of a pool at a time, if requested.
    pub(super) parallel: Option<u32>,
    /// An earlier upgrade of this cluster.
    pub(super) measured: Option<&'a MeasuredUpgrade>,
}

impl StepBuilder<'_> {
    pub(super) fn draft_step(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
        target: &StepTarget<'_>,
    ) -> StepDraft {
        let mut values = self.template_values(hop, target);
        let is_elsewhere = template.runs_on_management && !self.inventory.capi.is_self_managed;
        if is_elsewhere {
            values.kubectl_context = None;
        }
        let mut commands = step_commands(template, target, &values, is_elsewhere);
        commands = self.with_platform_cli(hop, template, &values, commands);
        let topology = self.topology_request(hop, template);
        let topology = topology.map(|request| request.apply(&mut commands));
        let (is_requested, evidence) = topology.unwrap_or_default();
        let drain = self.drain_impact(target);
        let interrupts = template.interrupts.iter();
        let mut interrupts: Vec<String> = interrupts.map(|text| values.render_text(text)).collect();
        if template.gated_by == GateScope::Drain {
            interrupts.extend(drain.interruptions());
        }
        let mut links = template.links.clone();
        if template.done_when == Completion::NoBlockers || template.has_hop_links {
            links.extend(self.hop_links(hop));
        }
        let title = values.render_text(&template.title);
        let declared = self.completion_condition(hop, &template.done_when, target);
        let checked = self.check_step(hop, template, declared);
        StepDraft {
            is_implied_by_later: template.is_implied_by_later && template.check.is_none(),
            is_requested,
            progress_evidence: self.draining_machines(template, target),
            is_on_hold: annotate_pool_commands(target, &mut commands),
            is_judged_by_current_state: template.check.is_some()
                || matches!(
                    template.done_when,
                    Completion::NoBlockers
                        | Completion::NoAffectedObjects
                        | Completion::RecentBackup(_)
                        | Completion::PlatformApps
                        | Completion::Application
                        | Completion::RemovedApplication(_)
                        | Completion::AttachedCluster
                ),
            cluster_key: self.cluster_key(target),
            step: Step {
                shared_title: values.render_shared_text(&template.title),
                commands,
                gates: self.gate_fingerprints(hop, &template.gated_by, &drain),
                duration: self.duration_estimate(template, target, &drain),
                evidence: self
                    .setting_remarks(hop, template)
                    .chain(evidence)
                    .chain(self.running_kubelet(hop, target))
                    .chain(checked.remark)
                    .chain(self.reported_findings(hop, template))
                    .collect(),
                objects: checked.objects,
                interrupts,
                is_reversible: template.is_reversible,
                links,
                ..hop.step_skeleton(&template.id, target, title, checked.done_when)
            },
        }
    }

    /// Why a node is in a step of the first hop: the kubelet that it runs.
    fn running_kubelet(&self, hop: &HopContext<'_>, target: &StepTarget<'_>) -> Option<String> {
        let name = target.node().filter(|_| hop.is_first)?;
        let mut nodes = self.context.nodes().iter();
        let node = nodes.find(|node| node.name == name)?;
        let release = node.kubelet_version.release()?;
        Some(format!("{name} runs kubelet {release}"))
    }

    /// The commands, with those of the CLI of DKP or Kyma as its release has them.
    fn with_platform_cli(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
        values: &TemplateValues<'_>,
        commands: Vec<String>,
    ) -> Vec<String> {
        if hop.hop_plan.hop.platform == PlatformName::Kyma {
            let cli = ("Kyma", &self.catalog.kyma.cli);
            return estate::with_cli(cli, hop.hop_plan.hop.minor(), commands, Vec::new());
        }
        let (true, Some(dkp)) = (self.has_cluster, hop.dkp) else {
            return commands;
        };
        let manual = template.manual.iter();
        let manual = manual.map(|command| values.render_command(command));
        let mut commands = estate::with_cli(
            ("DKP", &self.catalog.dkp.cli),
            dkp.minor(),
            commands,
            manual.collect(),
        );
        let version = hop.node_release;
        if version.release().is_none() && commands.concat().contains("--kubernetes-version") {
            let remark = format!(
                "the patch of {version} that DKP {dkp} ships is not public: `create cluster --help` has it as a default; put it in place of v{version}"
            );
            commands.insert(0, super::template::shell_comment(&remark));
        }
        commands
    }

    /// What the rules that a step names have found for the hop.
    fn reported_findings(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
    ) -> impl Iterator<Item = String> {
        let findings = self.findings.iter().filter(|finding| {
            let is_of_hop = match &finding.hop {
                Some(other) => *other == hop.hop_id,
                None => hop.is_first,
            };
            is_of_hop && template.reports.iter().any(|id| id == finding.id)
        });
        let lines = findings.flat_map(|finding| {
            finding.objects.iter().map(|object| {
                let path = object_path(&object.kind, object.namespace.as_deref(), &object.name);
                let evidence = object.evidence.iter().map(|one| one.detail.as_str());
                let evidence = evidence.collect::<Vec<_>>().join("; ");
                format!("{path}: {}: {evidence}", finding.message)
            })
        });
        lines.collect::<Vec<_>>().into_iter()
    }

    /// URLs of documentation about the whole hop.
    pub(super) fn hop_links(&self, hop: &HopContext<'_>) -> Vec<String> {
        let hop = &hop.hop_plan.hop;
        let platform = self.catalog.platform(hop.platform);
        let links = platform.zip(hop.to.release()).map(|(platform, to)| {
            let from = hop.from.as_ref().and_then(VersionSpec::release);
            platform.links(from.unwrap_or(to), to)
        });
        links.unwrap_or_default()
    }

    fn template_values<'v>(
        &'v self,
        hop: &'v HopContext<'_>,
        target: &'v StepTarget<'_>,
    ) -> TemplateValues<'v> {
        let capi = &self.inventory.capi;
        let from = hop.hop_plan.hop.from.as_ref().map(VersionSpec::to_string);
        let topology = capi.topology.as_ref();
        let concurrency = topology.map_or(1, |topology| topology.concurrency);
        let cluster = match capi.cluster_name.as_str() {
            "" => hop.cluster_name,
            name => name,
        };
        let management = self.estate.management.as_ref();
        let konvoy = match target {
            StepTarget::Member(member) => member.konvoy_cluster(),
            _ => management,
        };
        let to = self.node_release(hop, target).to_string();
        let mut pairs = match target {
            StepTarget::Member(member) => {
                estate::member_values(&self.estate, hop, self.catalog, *member)
            }
            _ => management.map_or_else(Vec::new, |one| estate::cluster_values(one).into()),
        };
        let kubernetes = hop.kubernetes.map(|minor| minor.to_string());
        pairs.extend([
            ("concurrency", concurrency.to_string().into()),
            ("from", from.unwrap_or_default().into()),
            ("to", to.into()),
            // Pools that catch up go to another minor than that of the hop.
            ("minor", hop.node_release.minor().to_string().into()),
            ("cluster", cluster.into()),
        ]);
        pairs.extend(kubernetes.map(|minor| ("kubernetes", minor.into())));
        let mut shell_variables = Vec::new();
        let provider_cluster = self.inventory.provider_cluster.as_deref();
        for (name, value, variable) in [
            ("namespace", &*capi.namespace, "NAMESPACE"),
            ("controlPlane", &*capi.control_plane_name, "CONTROL_PLANE"),
            (
                "controlPlaneKind",
                &*capi.control_plane_kind,
                "CONTROL_PLANE_KIND",
            ),
            (
                "providerCluster",
                provider_cluster.unwrap_or_default(),
                "CLUSTER",
            ),
        ] {
            let is_known = pairs
                .iter()
                .any(|(one, value)| *one == name && !value.is_empty());
            match value {
                _ if is_known => {}
                "" => shell_variables.push((name, variable)),
                value => pairs.push((name, value.into())),
            }
        }
        for (name, variable) in [
            ("provider", "PROVIDER"),
            ("workspace", "WORKSPACE"),
            ("appTarget", "VERSION"),
        ] {
            if !pairs.iter().any(|(one, _)| *one == name) {
                shell_variables.push((name, variable));
            }
        }
        if let StepTarget::Pool(pool) | StepTarget::Worker(pool, _) = target {
            if pool.name.is_empty() && target.node().is_none() {
                shell_variables.push(("pool", template::POOL_PLACEHOLDER));
            }
            let name = pool.display_name();
            pairs.push(("pool", name.into()));
            let name = konvoy.map_or(name, |cluster| cluster.pool_name(name));
            pairs.push(("poolName", name.into()));
        }
        pairs.extend(target.node().map(|node| ("node", node.into())));
        TemplateValues {
            kubectl_context: hop.kubectl_context,
            has_cluster: self.has_cluster,
            pairs,
            fragments: {
                let mut fragments = estate::fragments(self.catalog, hop, konvoy);
                let is_one = self.context.other_clusters.is_empty();
                let suffix = (!is_one).then(|| estate::file_suffix(hop.cluster_name));
                fragments.push(("ofCluster", suffix.unwrap_or_default()));
                fragments
            },
            shell_variables,
        }
    }

    fn drain_impact(&self, target: &StepTarget<'_>) -> DrainImpact {
        match target {
            StepTarget::Pool(pool) => self.drain_impacts.for_nodes(pool.nodes.iter()),
            _ => self.drain_impacts.for_nodes(target.node()),
        }
    }

    pub(super) fn gate_fingerprints(
        &self,
        hop: &HopContext<'_>,
        scope: &GateScope,
        drain: &DrainImpact,
    ) -> Vec<String> {
        match scope {
            GateScope::Nothing => Vec::new(),
            GateScope::Drain => drain.blocking_findings.iter().cloned().collect(),
            GateScope::Hop => {
                let gates = self.findings.iter().filter(|finding| {
                    blocks_hop(finding, &hop.hop_id) && (hop.is_first || finding.hop.is_some())
                });
                gates.map(|finding| finding.fingerprint.clone()).collect()
            }
        }
    }

    /// The release that the nodes of a step get: some providers have another one than the hop.
    pub(super) fn node_release(
        &self,
        hop: &HopContext<'_>,
        target: &StepTarget<'_>,
    ) -> VersionSpec {
        let cluster = match target {
            StepTarget::Member(member) => member.konvoy_cluster(),
            _ => None,
        };
        let own = cluster.zip(hop.dkp).and_then(|(cluster, dkp)| {
            let table = &self.catalog.dkp;
            table.provider_kubernetes(&cluster.provider, dkp.minor())
        });
        let is_kubernetes = hop.hop_plan.is_kubernetes();
        match own.filter(|_| is_kubernetes) {
            Some(release) => VersionSpec::Release(release.clone()),
            None => hop.node_release.clone(),
        }
    }

    fn cluster_key(&self, target: &StepTarget<'_>) -> Option<(bool, String, String)> {
        let StepTarget::Member(member) = target else {
            return None;
        };
        let (is_attached, namespace, name) = member.cluster_key()?;
        Some((is_attached, namespace.to_owned(), name.to_owned()))
    }

    /// Whether a step applies, as far as the settings it depends on are known.
    pub(super) fn is_wanted(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
        target: &StepTarget<'_>,
    ) -> bool {
        let holds = |setting| self.holds(setting, hop);
        let konvoy = match target {
            StepTarget::Member(member) => member.konvoy_cluster(),
            _ => self.estate.management.as_ref(),
        };
        let is_provided = konvoy.is_some_and(|one| template.providers.contains(&one.provider));
        template.when.iter().all(|one| holds(one) != Some(false))
            && template.unless.iter().all(|one| holds(one) != Some(true))
            && (template.providers.is_empty() || is_provided)
    }

    fn holds(&self, setting: &Setting, hop: &HopContext<'_>) -> Option<bool> {
        let variant = self.kyma_variant.as_deref();
        estate::holds(setting, &self.estate, variant, hop, self.has_cluster)
    }

    /// The settings that a step depends on and that are unknown.
    fn setting_remarks(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
    ) -> impl Iterator<Item = String> {
        let is_unknown = |setting: &&Setting| self.holds(setting, hop).is_none();
        let when = template.when.iter().filter(is_unknown);
        let when = when.map(|setting| format!("only if {setting}, which is unknown"));
        let unless = template.unless.iter().filter(is_unknown);
        let unless = unless.map(|setting| format!("not if {setting}, which is unknown"));
        when.chain(unless).collect::<Vec<_>>().into_iter()
    }

    /// What an earlier upgrade took, drains included, or else the duration of the template, for all nodes of the pool, plus what the drain adds to it.
    fn duration_estimate(
        &self,
        template: &StepTemplate,
        target: &StepTarget<'_>,
        drain: &DrainImpact,
    ) -> DurationEstimate {
        let measured = self.measured;
        let measured = measured.and_then(|measured| measured.duration(&template.done_when, target));
        let is_measured = measured.is_some();
        let pool = match target {
            StepTarget::Pool(pool) if !is_measured => Some((
                pool.nodes.len() as u64,
                pool.rollout_strategy.parallelism(self.parallel),
            )),
            _ => None,
        };
        let Some(mut duration) = measured.or_else(|| template.duration.clone()) else {
            // An assumption that no number rests on is not worth mentioning.
            let stated = pool.filter(|(_, parallelism)| !parallelism.is_assumed);
            return DurationEstimate::unknown(match stated {
                Some((_, parallelism)) => format!("{NOT_PUBLISHED}; {}", parallelism.reason),
                None => NOT_PUBLISHED.to_owned(),
            });
        };
        if let Some((nodes, parallelism)) = pool {
            let rounds = nodes.div_ceil(parallelism.nodes);
            duration.min_seconds = duration.min_seconds.map(|min| min * rounds);
            duration.max_seconds = duration.max_seconds.map(|max| max * rounds);
            duration.basis += &format!(" ({nodes} nodes in all; {})", parallelism.reason);
        }
        if template.gated_by != GateScope::Drain || !self.has_cluster {
            return duration;
        }
        if !self.drain_impacts.is_observed {
            duration.max_seconds = None;
            duration.basis +=
                "; pods and disruption budgets could not be read, so drain time is unknown";
        } else if let Some(budget) = drain.blocking_budgets.first() {
            duration.max_seconds = None;
            duration.basis += &format!(
                "; PodDisruptionBudget {budget} currently allows no evictions, so drain time is unbounded"
            );
        } else if drain.evicted_pods > 0 && !is_measured {
            let grace = drain.max_grace_seconds;
            duration.max_seconds = duration.max_seconds.map(|max| max + grace);
            duration.basis += &format!("; pods may take {grace} s to terminate");
        }
        duration
    }
}

/// The commands of a step, with remarks on where they run.
fn step_commands(
    template: &StepTemplate,
    target: &StepTarget<'_>,
    values: &TemplateValues<'_>,
    is_elsewhere: bool,
) -> Vec<String> {
    let commands = template.commands.iter();
    let mut commands: Vec<String> = commands
        .map(|command| values.render_command(command))
        .collect();
    if let (true, Some(node)) = (template.runs_on_node, target.node()) {
        commands = annotate_node_commands(node, commands);
    }
    if is_elsewhere && !commands.is_empty() {
        commands.insert(0, template::ON_MANAGEMENT.to_owned());
    }
    commands
}

/// Adds what the pool's rollout strategy and topology say. Returns whether the pool is on hold.
fn annotate_pool_commands(target: &StepTarget<'_>, commands: &mut Vec<String>) -> bool {
    let StepTarget::Pool(pool) = target else {
        return false;
    };
    if pool.rollout_strategy == RolloutStrategy::OnDelete {
        commands.push(template::shell_comment(ON_DELETE_REMARK));
    }
    if let Some(reason) = &pool.hold_reason {
        commands.insert(0, template::shell_comment(&format!("held back: {reason}")));
    }
    pool.hold_reason.is_some()
}

/// Adds comments that say which commands run on the node, and which where kubectl runs.
fn annotate_node_commands(node: &str, commands: Vec<String>) -> Vec<String> {
    let mut annotated = Vec::new();
    let mut is_on_node = false;
    for command in commands {
        let is_kubectl = command.starts_with("kubectl ");
        if is_kubectl == is_on_node {
            annotated.push(match is_kubectl {
                true => "# where kubectl runs:".to_owned(),
                false => format!("# on {}:", template::shell_quoted(node)),
            });
            is_on_node = !is_kubectl;
        }
        annotated.push(command);
    }
    annotated
}
