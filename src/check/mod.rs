//! May we start? Rules over what was seen, and one function that turns what they say into a verdict.
//!
//! A rule that is pure data is one row of a file in `src/catalog/rules` and one pair of fixtures. A rule that needs code is one
//! module, one line in `CODE` and one pair of fixtures. Where many rules are the same code over other facts, each is a row of
//! a table ([`RowRule`]). Everything else about it, its needs, its
//! help, its line in `rules` and its page in the documentation, comes from its [`Rule`].

mod addons;
mod api_deprecated;
mod api_removed;
mod api_usage;
mod arguments;
mod backing;
pub mod backup;
mod baseline;
pub(crate) mod budget;
mod ca_bundle;
mod cel;
pub(crate) mod control_plane;
mod cp_arguments;
mod cp_kubeadm_config;
mod cp_readyz;
mod cp_skew;
mod crd_v1beta1;
mod crd_webhook;
mod csi_driver_missing;
pub mod data;
mod finding;
mod hazards;
mod helm_pending;
mod hpa_targetref;
mod judge;
mod k8s_eol;
mod node_kubelet;
mod node_label_master;
mod node_runtime;
mod node_state;
mod ownerref_cross_ns;
mod ownerref_dead_gv;
mod patch_behind;
mod pdb_blocked;
mod pdb_multiple;
mod pod_bare;
mod pod_slow;
mod pod_tied;
pub(crate) mod pods;
mod policy;
mod psp_present;
mod selector;
mod situation;
mod volumeattachment_stuck;
mod volumes;
mod waivers;
mod webhook_call;
mod webhook_dead;
mod webhook_reach;
mod webhook_versions;
mod webhooks;
mod wl_state;
mod workload;

pub use crate::evidence::{Confidence, Evidence, EvidenceSource};
pub use baseline::{Baseline, BaselineError, BaselineFinding};
pub use finding::{AffectedObject, Finding, FindingDraft, Severity, object_path};
pub use hazards::{CoverageState, Hazard, hazards};
pub use judge::{Evaluation, Gap, Summary, Verdict, evaluate};
pub use policy::{FailOn, Policy, PolicyStatus, RuleFilter};
pub use situation::CheckContext;
pub use waivers::{Waiver, Waivers, WaiversError};

use std::sync::LazyLock;

use crate::detect;
use crate::need::{Need, NeedContext};
use crate::snapshot::MissingData;

/// A rule: what it is, what it must see, what it says.
#[derive(Debug)]
pub struct Rule {
    /// Stable, kebab-case; the id of the hazard in lower case.
    pub id: &'static str,
    /// The worst it can say.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// From which target on it matters, in words.
    pub applies_to: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it is told, and what is no evidence.
    pub detection: &'static str,
    /// How to mend it, in general.
    pub remedy: &'static str,
    /// Where to read more.
    pub reference: &'static str,
    /// Where the rule itself was read.
    pub sources: &'static [&'static str],
    /// Whether manifests given with `-f` speak to it, so that one that cannot be read is a gap of this rule.
    pub reads_files: bool,
    /// How it decides.
    pub kind: RuleKind,
}

/// How a rule decides.
#[derive(Debug)]
pub enum RuleKind {
    /// By code: for kinds with very many objects, and where several kinds must be looked at together.
    Code {
        /// What it must see on this path.
        needs: fn(&NeedContext<'_>) -> Vec<Need>,
        /// What it says. A need that is not met has no rows here and is a gap already.
        evaluate: fn(&CheckContext<'_>) -> Vec<Finding>,
    },
    /// By data: a resource and a predicate over each of its objects.
    Data(Box<data::DataRule>),
    /// By code that many rules share, each for its row of a table.
    Table(Box<dyn TableRule>),
}

/// One row of a table of which every row is a rule: the same code, other facts.
pub trait TableRule: std::fmt::Debug + Send + Sync {
    /// What it must see on this path.
    fn needs(&self, asking: &NeedContext<'_>) -> Vec<Need>;

    /// What it says. A need that is not met has no rows here and is a gap already.
    fn evaluate(&self, rule: &Rule, situation: &CheckContext<'_>) -> Vec<Finding>;

    /// What came and could not be judged.
    fn unevaluated(&self, _situation: &CheckContext<'_>) -> Vec<MissingData> {
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
}

impl Rule {
    /// What it must see on this path.
    #[must_use]
    pub fn needs(&self, asking: &NeedContext<'_>) -> Vec<Need> {
        match &self.kind {
            RuleKind::Code { needs, .. } => needs(asking),
            RuleKind::Data(rule) => rule.needs(asking),
            RuleKind::Table(row) => row.needs(asking),
        }
    }

    /// What it says.
    #[must_use]
    pub fn evaluate(&self, situation: &CheckContext<'_>) -> RuleOutput {
        match &self.kind {
            RuleKind::Code { evaluate, .. } => RuleOutput {
                findings: evaluate(situation),
                unevaluated: Vec::new(),
            },
            RuleKind::Data(rule) => rule.evaluate(self, situation),
            RuleKind::Table(row) => RuleOutput {
                findings: row.evaluate(self, situation),
                unevaluated: row.unevaluated(situation),
            },
        }
    }
}

/// The rules that are code.
const CODE_RULES: &[&Rule] = &[
    &api_deprecated::RULE,
    &api_removed::RULE,
    &backup::RULE,
    &cp_readyz::RULE,
    &cp_arguments::ADMISSION_PLUGIN,
    &cp_arguments::FEATURE_GATES,
    &cp_arguments::FLAGS_REMOVED,
    &cp_kubeadm_config::RULE,
    &cp_skew::APISERVER_SKEW,
    &cp_skew::COMPONENT_SKEW,
    &cp_skew::KUBE_PROXY_SKEW,
    &crd_v1beta1::RULE,
    &crd_webhook::RULE,
    &helm_pending::RULE,
    &hpa_targetref::RULE,
    &csi_driver_missing::RULE,
    &k8s_eol::RULE,
    &node_kubelet::TOO_NEW,
    &node_kubelet::TOO_OLD,
    &ownerref_cross_ns::RULE,
    &ownerref_dead_gv::RULE,
    &node_label_master::RULE,
    &node_runtime::CGROUP_V1,
    &node_runtime::CONTAINERD_1X,
    &node_runtime::CRI_V1ALPHA2,
    &node_runtime::DOCKERSHIM,
    &node_state::CORDONED,
    &node_state::MIXED,
    &node_state::NOT_READY,
    &node_state::PRESSURE,
    &patch_behind::RULE,
    &pdb_blocked::IMPOSSIBLE,
    &pdb_blocked::UNHEALTHY_STUCK,
    &pdb_blocked::ZERO,
    &pdb_multiple::RULE,
    &pod_bare::RULE,
    &pod_slow::LONG_GRACE,
    &pod_slow::TERMINATING,
    &pod_tied::ANTIAFFINITY_FULL,
    &pod_tied::LOCAL_PV,
    &pod_tied::NODE_PINNED,
    &psp_present::RULE,
    &wl_state::NOT_ROLLED_OUT,
    &wl_state::ON_DELETE,
    &wl_state::SINGLE_REPLICA,
    &webhook_call::CA_EXPIRED,
    &webhook_call::TIMEOUT,
    &webhook_dead::RULE,
    &webhook_reach::KUBE_SYSTEM_ADDONS,
    &webhook_reach::CRITICAL_RULES,
    &webhook_reach::SELF_DEADLOCK,
    &webhook_versions::RULE,
    &volumeattachment_stuck::RULE,
];

/// Every rule, by id: those that are code and those that are data.
///
/// # Errors
/// When a data file is broken, with its line. Cannot happen in a released binary: tests load the same bytes.
pub fn rules() -> Result<&'static [&'static Rule], &'static data::LoadRulesError> {
    static RULES: LazyLock<Result<Vec<&'static Rule>, data::LoadRulesError>> =
        LazyLock::new(|| {
            let mut rules = CODE_RULES.to_vec();
            rules.extend(data::embedded_rules()?);
            rules.extend(volumes::volume_rules()?);
            rules.extend(addons::rules());
            rules.sort_by_key(|rule| rule.id);
            Ok(rules)
        });
    RULES.as_deref()
}

/// What detectors and these rules must see on this path, each need once.
#[must_use]
pub fn needs(rules: &[&Rule], asking: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = detect::needs(asking.discovery);
    needs.extend(rules.iter().flat_map(|rule| rule.needs(asking)));
    needs.sort();
    needs.dedup();
    needs
}
