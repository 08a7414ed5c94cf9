//! May we start? Rules over what was seen, and one function that turns what they say into a verdict.
//!
//! A rule that is pure data is one row of a file in `src/catalog/rules` and one pair of fixtures. A rule that needs code is one
//! module, one line in `CODE` and one pair of fixtures. Where many rules are the same code over other facts, each is a row of
//! a table ([`TableRule`]). Everything else about it, its needs, its
//! help, its line in `rules` and its page in the documentation, comes from its [`Rule`].

mod addons;
mod api;
mod backup_missing;
mod budgets;
mod control_plane;
pub mod engine;
mod helm_pending;
mod nodes;
mod ownership;
mod storage;
mod webhooks;
mod workloads;

pub use crate::evidence::{Confidence, Evidence, EvidenceSource};
pub use engine::baseline::{Baseline, BaselineError, BaselineFinding};
pub use engine::context::CheckContext;
pub use engine::evaluate::{Evaluation, Gap, Summary, Verdict, evaluate};
pub use engine::finding::{AffectedObject, Finding, FindingDraft, Severity, object_path};
pub use engine::hazards::{CoverageState, Hazard, hazards};
pub use engine::policy::{FailOn, Policy, PolicyStatus, RuleFilter};
pub use engine::waivers::{Waiver, Waivers, WaiversError};

use std::sync::LazyLock;

use crate::catalog::Catalog;
use crate::detect;
use crate::need::{Need, NeedContext};
use crate::snapshot::MissingData;

/// A check with a stable id, its texts, the needs it rests on and the code or data that evaluates it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// The highest severity of its findings.
    pub severity: Severity,
    /// One line, without a full stop.
    pub title: &'static str,
    /// The targets it applies to.
    pub applies_to: Applicability,
    /// Why it matters.
    pub why: &'static str,
    /// What it detects, by which fields, and what does not count as evidence.
    pub detection: &'static str,
    /// What to do about its findings, in general.
    pub remedy: &'static str,
    /// Documentation to read.
    pub reference: &'static str,
    /// The sources that the rule was derived from.
    pub sources: &'static [&'static str],
    /// Whether it inspects manifests given with `-f`, so that an unreadable one is a gap of this rule.
    pub reads_files: bool,
    /// Whether its blockers block each drain of a node that runs one of the pods concerned, not only the next hop.
    pub gates_drains: bool,
    /// Whether a procedure has steps that resolve its findings, so that a plan adds no step for each of them.
    pub has_own_steps: bool,
    /// The kind whose removed APIs it reports in place of `api-removed`.
    pub replaces_api_removed: Option<&'static str>,
    /// How it is evaluated.
    pub kind: RuleKind,
}

/// The targets that a rule applies to.
#[derive(Debug, Clone, Copy)]
pub enum Applicability {
    /// A phrase.
    Text(&'static str),
    /// Minors that tables of the catalog list.
    Computed(fn(&Catalog) -> String),
}

impl Applicability {
    /// `any`, `1.25`, `each minor that removes an API`.
    #[must_use]
    pub fn describe(&self, catalog: &Catalog) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Computed(describe) => describe(catalog),
        }
    }
}

/// How a rule is evaluated.
#[derive(Debug, Clone, Copy)]
pub enum RuleKind {
    /// By code: for kinds with very many objects, and for rules that combine several kinds.
    Code {
        /// The needs on this path.
        needs: fn(&NeedContext<'_>) -> Vec<Need>,
        /// The findings. A need that was not met has no rows here; the engine reports it as a gap.
        evaluate: fn(&CheckContext<'_>) -> Vec<Finding>,
    },
    /// By data: a resource and a predicate over each of its objects.
    Data(&'static engine::data_rule::DataRule),
    /// By code that several rules share, each with its own row of a table.
    Table(&'static dyn TableRule),
}

/// One row of a table of which every row is a rule: the same code, other facts.
pub trait TableRule: std::fmt::Debug + Send + Sync {
    /// What it must see on this path.
    fn needs(&self, context: &NeedContext<'_>) -> Vec<Need>;

    /// What it says. A need that is not met has no rows here and is a gap already.
    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> Vec<Finding>;

    /// What was read but could not be evaluated.
    fn unevaluated(&self, _context: &CheckContext<'_>) -> Vec<MissingData> {
        Vec::new()
    }

    /// What its answer does not cover, although everything it needs was read.
    fn remarks(&self, _context: &CheckContext<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// What a rule has to say.
#[derive(Debug, Default)]
pub struct RuleOutput {
    /// Findings.
    pub findings: Vec<Finding>,
    /// Objects on which it could not be evaluated.
    pub unevaluated: Vec<MissingData>,
    /// What its answer does not cover.
    pub remarks: Vec<String>,
}

impl Rule {
    /// For struct update: a rule on the cluster that applies to any target. The texts must be set.
    pub const DEFAULT: Self = Self {
        id: "",
        severity: Severity::Note,
        title: "",
        applies_to: Applicability::Text("any"),
        why: "",
        detection: "",
        remedy: "",
        reference: "",
        sources: &[],
        reads_files: false,
        gates_drains: false,
        has_own_steps: false,
        replaces_api_removed: None,
        kind: RuleKind::Code {
            needs: |_| Vec::new(),
            evaluate: |_| Vec::new(),
        },
    };

    /// The needs on this path.
    #[must_use]
    pub fn needs(&self, context: &NeedContext<'_>) -> Vec<Need> {
        match &self.kind {
            RuleKind::Code { needs, .. } => needs(context),
            RuleKind::Data(rule) => rule.needs(context),
            RuleKind::Table(row) => row.needs(context),
        }
    }

    /// What it says of the cluster.
    #[must_use]
    pub fn evaluate(&self, context: &CheckContext<'_>) -> RuleOutput {
        let mut output = match &self.kind {
            RuleKind::Code { evaluate, .. } => RuleOutput {
                findings: evaluate(context),
                ..RuleOutput::default()
            },
            RuleKind::Data(rule) => rule.evaluate(self, context),
            RuleKind::Table(row) => RuleOutput {
                findings: row.evaluate(self, context),
                unevaluated: row.unevaluated(context),
                remarks: row.remarks(context),
            },
        };
        for finding in &mut output.findings {
            finding.assign_cluster(context);
        }
        output
    }
}

/// The rules that are code.
const CODE_RULES: &[&Rule] = &[
    &api::deprecated::RULE,
    &api::not_yet_served::RULE,
    &api::rbac_group::RULE,
    &api::removed::RULE,
    &backup_missing::RULE,
    &control_plane::readyz::RULE,
    &control_plane::arguments::ADMISSION_PLUGIN,
    &control_plane::arguments::FEATURE_GATES,
    &control_plane::arguments::FLAGS_REMOVED,
    &control_plane::kubeadm_config::RULE,
    &control_plane::skew::APISERVER_SKEW,
    &control_plane::skew::COMPONENT_SKEW,
    &control_plane::skew::KUBE_PROXY_SKEW,
    &api::crd_v1beta1::RULE,
    &api::crd_version_dropped::RULE,
    &webhooks::crd_conversion::RULE,
    &helm_pending::RULE,
    &api::hpa_target::RULE,
    &storage::csi_driver::RULE,
    &control_plane::end_of_life::RULE,
    &nodes::kubelet::TOO_NEW,
    &nodes::kubelet::TOO_OLD,
    &ownership::cross_namespace::RULE,
    &ownership::dead_owner::RULE,
    &nodes::label_master::RULE,
    &nodes::runtime::CGROUP_V1,
    &nodes::runtime::CONTAINERD_1X,
    &nodes::runtime::CRI_V1ALPHA2,
    &nodes::runtime::DOCKERSHIM,
    &nodes::state::CORDONED,
    &nodes::state::MIXED,
    &nodes::state::NOT_READY,
    &nodes::state::PRESSURE,
    &control_plane::patch_behind::RULE,
    &budgets::blocked::IMPOSSIBLE,
    &budgets::blocked::UNHEALTHY_STUCK,
    &budgets::blocked::ZERO,
    &budgets::overlap::RULE,
    &workloads::pod_bare::RULE,
    &workloads::pod_termination::LONG_GRACE,
    &workloads::pod_termination::TERMINATING,
    &workloads::pod_pinning::ANTIAFFINITY_FULL,
    &workloads::pod_pinning::LOCAL_PV,
    &workloads::pod_pinning::NODE_PINNED,
    &api::psp_present::RULE,
    &workloads::rollouts::NOT_ROLLED_OUT,
    &workloads::rollouts::ON_DELETE,
    &workloads::rollouts::SINGLE_REPLICA,
    &webhooks::client_config::CA_EXPIRED,
    &webhooks::client_config::TIMEOUT,
    &webhooks::dead::RULE,
    &webhooks::scope::KUBE_SYSTEM_ADDONS,
    &webhooks::scope::CRITICAL_RULES,
    &webhooks::scope::SELF_DEADLOCK,
    &webhooks::versions::RULE,
    &storage::attachments::RULE,
];

/// Every rule, by id: those that are code and those that are data.
///
/// # Errors
/// When a data file is broken, with its line. Cannot happen in a released binary: tests load the same bytes.
pub fn rules() -> Result<&'static [&'static Rule], &'static engine::data_rule::LoadRulesError> {
    static RULES: LazyLock<Result<Vec<&'static Rule>, engine::data_rule::LoadRulesError>> =
        LazyLock::new(|| {
            let mut rules = CODE_RULES.to_vec();
            rules.extend(engine::data_rule::embedded_rules()?);
            rules.extend(storage::in_tree::volume_rules()?);
            rules.extend(addons::rules());
            rules.sort_by_key(|rule| rule.id);
            Ok(rules)
        });
    RULES.as_deref()
}

/// What detectors and these rules must see on this path, each need once.
#[must_use]
pub fn needs(rules: &[&Rule], context: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = detect::needs(context.discovery);
    needs.extend(rules.iter().flat_map(|rule| rule.needs(context)));
    needs.sort();
    needs.dedup();
    needs
}
