//! The rules, by subject, and [`evaluate`], which turns their findings into a verdict.
//!
//! A rule that is data is a row of a file in `src/catalog/rules`, or of a table if many rules share their code
//! ([`TableRule`]), with a pair of fixtures. A rule that is code is a module, a line in `CODE_RULES` and a pair of fixtures.
//! Everything else about it, its needs, its help, its line in `rules` and its page in the documentation, comes from its
//! [`Rule`].

mod addons;
mod api;
mod backup_missing;
mod budgets;
mod control_plane;
mod crd_field_managers;
mod dkp;
pub mod engine;
mod helm_pending;
mod kyma;
mod nodes;
mod ownership;
mod storage;
mod webhooks;
mod workloads;

pub use crate::evidence::{Confidence, Evidence, EvidenceSource};
pub use engine::baseline::{Baseline, BaselineError, BaselineFinding};
pub use engine::context::CheckContext;
pub use engine::evaluate::{Evaluation, Summary, Verdict, evaluate};
pub use engine::finding::{AffectedObject, Finding, Gap, Severity, object_path};
pub use engine::hazards::{CoverageState, Hazard, hazards};
pub use engine::policy::{FailOn, Policy, PolicyStatus, RuleFilter};
pub use engine::rule::{Applicability, FindingDraft, Rule, RuleKind, RuleOutput, TableRule};
pub use engine::waivers::{Waiver, Waivers, WaiversError};
pub(crate) use kyma::guide::{RULE as GUIDE_ACTION, checked_objects};
pub(crate) use webhooks::namespaces as namespace_labels_need;

use std::sync::LazyLock;

use crate::api_usage;
use crate::catalog::Catalog;
use crate::detect;
use crate::need::{Need, NeedContext, ReadRequest};
use crate::snapshot::{ClusterSnapshot, ClusterView};

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
    &control_plane::config_version::RULE,
    &control_plane::runtime_config::RULE,
    &control_plane::settings::ETCD_FLAGS,
    &control_plane::settings::GATE_DEPENDS,
    &control_plane::settings::KCM_CONTROLLERS,
    &control_plane::skew::APISERVER_SKEW,
    &control_plane::skew::COMPONENT_SKEW,
    &control_plane::skew::KUBE_PROXY_SKEW,
    &api::crd_v1beta1::RULE,
    &api::crd_version_dropped::RULE,
    &webhooks::crd_conversion::RULE,
    &crd_field_managers::RULE,
    &dkp::applications::CATALOG_RANGE,
    &dkp::applications::CUSTOM_APPS,
    &dkp::clusters::ATTACHED_RANGE,
    &dkp::clusters::FLATCAR_CALICO,
    &dkp::clusters::MANAGED_BEHIND,
    &dkp::clusters::PROVIDER_UNSUPPORTED,
    &dkp::clusters::SINGLE_CONTROL_PLANE,
    &helm_pending::RULE,
    &kyma::cluster::IMAGE_GONE,
    &kyma::cluster::KUBERNETES_RANGE,
    &kyma::guide::RULE,
    &kyma::helm::RULE,
    &kyma::installation::COMPONENT_LOST,
    &kyma::installation::UNFINISHED,
    &kyma::overrides::CONFIG_LOCAL,
    &kyma::overrides::RENAMED,
    &api::hpa_target::RULE,
    &storage::csi_driver::RULE,
    &control_plane::end_of_life::RULE,
    &nodes::kubelet_skew::TOO_NEW,
    &nodes::kubelet_skew::TOO_OLD,
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
    &budgets::blocked::SYNC_FAILED,
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
    let optional = rules.iter().map(|rule| rule.optional_needs);
    needs.extend(optional.flat_map(|optional| optional(context)));
    needs.sort();
    needs.dedup();
    needs
}

/// The requests of these rules that depend on what their needs returned, without those that are answered already.
#[must_use]
pub fn follow_up_requests(
    rules: &[&Rule],
    cluster: &ClusterSnapshot,
    catalog: &Catalog,
) -> Vec<ReadRequest> {
    let view = ClusterView::new(cluster, catalog);
    let requests = rules.iter().flat_map(|rule| (rule.follow_up)(view));
    let requests = requests.chain(api_usage::follow_up_requests(view));
    cluster.unanswered(requests.collect())
}
