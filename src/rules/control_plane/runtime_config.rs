//! `cp-runtime-config`: versions of an API that an API server is told to serve and no longer has.

use super::arguments::{
    Incompatibility, component_config_needs, hidden_flags, incompatibility_findings,
};
use super::mirror_pod_needs;
use crate::catalog::{Catalog, Minor};
use crate::facts::control_plane::APISERVER;
use crate::rules::{Applicability, CheckContext, Finding, Rule, RuleKind, Severity};

const FLAG: &str = "runtime-config";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "cp-runtime-config",
    severity: Severity::Warning,
    title: "The API server is configured to serve a version of an API that the target does not have",
    applies_to: Applicability::Text("each minor that removes an API"),
    why: "An API server does not start if --runtime-config names a version that is not registered in its group, whether to enable or to disable it. Types of a removed version may stay registered for some minors; then the setting has no effect.",
    detection: "By --runtime-config of the API server's static pods and by extraArgs in kubeadm's ConfigMap kubeadm-config, against the catalog: a version of whose kinds none is served any more. On kubeadm clusters a version that only a pod names is a note. Manifests are read as for cp-flags-removed.",
    remedy: "Remove the version from --runtime-config in the static pod manifests and in kubeadm-config, or in the configuration of k3s or RKE2, before this hop.",
    reference: "https://kubernetes.io/docs/reference/using-api/#enabling-or-disabling",
    sources: &["kubernetes/apiserver v0.37.0 pkg/server/resourceconfig/helpers.go"],
    kind: RuleKind::Code {
        needs: |_| component_config_needs(),
        evaluate,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    incompatibility_findings(context, &RULE, |setting| {
        if setting.component != APISERVER {
            return Vec::new();
        }
        let named = setting.flags.list_values(FLAG).filter_map(|item| {
            let key = item.split('=').next()?.trim();
            let mut parts = key.split('/');
            let (group, version) = (parts.next()?, parts.next()?);
            let since = removal(context.catalog, group, version)?;
            Some(Incompatibility {
                subject: format!("{group}/{version}"),
                since,
                message: format!("names {group}/{version} in --{FLAG}, removed in {since}"),
                detail: format!("--{FLAG} {item}"),
            })
        });
        named.collect()
    })
}

/// The first minor that serves no kind of a version.
fn removal(catalog: &Catalog, group: &str, version: &str) -> Option<Minor> {
    let apis = catalog.apis.iter();
    let removals = apis
        .filter(|api| api.group() == group && api.version() == version && api.listable)
        .map(|api| api.removed);
    let removals: Option<Vec<Minor>> = removals.collect();
    removals?.into_iter().max()
}
