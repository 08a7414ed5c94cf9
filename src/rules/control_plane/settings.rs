//! `cp-kcm-controllers`, `cp-gate-depends` and `cp-etcd-experimental-flags`: values with which a component will no longer
//! start.

use super::arguments::{
    Incompatibility, component_config_needs, feature_gate_needs, hidden_flags,
    incompatibility_findings,
};
use super::mirror_pod_needs;
use crate::facts::control_plane::{ComponentConfig, ETCD};
use crate::rules::{Applicability, CheckContext, Finding, Rule, RuleKind, Severity};

/// Controllers that the target does not have.
pub(crate) const KCM_CONTROLLERS: Rule = Rule {
    id: "cp-kcm-controllers",
    severity: Severity::Blocker,
    title: "kube-controller-manager names a controller that the target does not have",
    applies_to: Applicability::Text("each minor that removes a controller"),
    why: "kube-controller-manager does not start if --controllers names an unknown controller, also with a minus before it.",
    detection: "By --controllers of the static pods of kube-controller-manager, by extraArgs in kubeadm's ConfigMap kubeadm-config and by the arguments of k3s, against the catalog. On kubeadm clusters a controller that only a pod names is a note. Manifests are read as for cp-flags-removed.",
    remedy: "Remove the controller from --controllers in the static pod manifests and in kubeadm-config, or in the configuration of k3s or RKE2, before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
    sources: &["kubernetes/kubernetes cmd/kube-controller-manager/app/controller_descriptor.go"],
    kind: RuleKind::Code {
        needs: |_| component_config_needs(),
        evaluate: removed_controllers,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

/// Feature gates that an enabled one needs.
pub(crate) const GATE_DEPENDS: Rule = Rule {
    id: "cp-gate-depends",
    severity: Severity::Blocker,
    title: "A feature gate is off that an enabled one depends on",
    applies_to: Applicability::Text("each minor that adds such a dependency"),
    why: "A component does not start if a feature gate is enabled, be it by default, and one that it depends on is disabled.",
    detection: "By feature gates that are set to false, in the same places as for cp-feature-gates, against the gates that depend on them and are on by default. A gate whose dependents are set to false too is left out. Manifests are read as for cp-feature-gates.",
    remedy: "Remove the setting, or set the gates that depend on it to false as well, before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/",
    sources: &[
        "kubernetes/component-base featuregate/feature_gate.go",
        "kubernetes/kubernetes pkg/features/kube_features.go",
    ],
    kind: RuleKind::Code {
        needs: |_| feature_gate_needs(),
        evaluate: unmet_dependencies,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

/// Flags that the etcd of the target's kubeadm does not have.
pub(crate) const ETCD_FLAGS: Rule = Rule {
    id: "cp-etcd-experimental-flags",
    severity: Severity::Blocker,
    title: "etcd is started with a flag that the etcd of the target does not have",
    applies_to: Applicability::Text("each minor whose kubeadm deploys an etcd that removes flags"),
    why: "etcd does not start if it is given an unknown flag, and without it no API server does.",
    detection: "On kubeadm clusters, by extraArgs of etcd.local in the ConfigMap kubeadm-config and by the command lines of etcd's static pods, in which a flag is a note. Manifests are read as for cp-flags-removed. An external etcd, and one that kubeadm does not upgrade, are not visible.",
    remedy: "Rename the flag in extraArgs of etcd.local while the old etcd, which knows both names, is running: most have the same name without experimental-, others are feature gates.",
    reference: "https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/",
    sources: &[
        "etcd-io/website content/en/docs/v3.7/upgrades/upgrade_3_7.md",
        "kubernetes/kubernetes cmd/kubeadm/app/constants/constants.go",
    ],
    kind: RuleKind::Code {
        needs: |_| component_config_needs(),
        evaluate: removed_etcd_flags,
    },
    optional_needs: mirror_pod_needs,
    reads_files: true,
    ..Rule::DEFAULT
};

fn removed_controllers(context: &CheckContext<'_>) -> Vec<Finding> {
    let removed = &context.catalog.control_plane_removals.controllers;
    let named = |setting: &ComponentConfig<'_>| {
        let names = setting.flags.list_values("controllers");
        let incompatible = names.filter_map(|name| {
            let bare = name.trim_start_matches('-');
            let row = removed.iter().find(|row| row.name == bare)?;
            Some(Incompatibility {
                subject: row.name.clone(),
                since: row.removed_in,
                message: format!("names the controller {bare}, removed in {}", row.removed_in),
                detail: format!("--controllers {name}"),
            })
        });
        incompatible.collect()
    };
    incompatibility_findings(context, &KCM_CONTROLLERS, |setting| {
        match setting.component {
            "kube-controller-manager" => named(setting),
            _ => Vec::new(),
        }
    })
}

fn unmet_dependencies(context: &CheckContext<'_>) -> Vec<Finding> {
    let dependencies = &context.catalog.control_plane_removals.gate_dependencies;
    incompatibility_findings(context, &GATE_DEPENDS, |setting| {
        let gates = setting.flags.feature_gates();
        let is_off = |gate: &str| gates.get(gate) == Some(&false);
        let unmet = dependencies
            .iter()
            .filter(|row| is_off(&row.depends_on) && !is_off(&row.gate));
        unmet
            .map(|row| Incompatibility {
                subject: format!("{} {}", row.depends_on, row.gate),
                since: row.since,
                message: format!(
                    "sets the feature gate {}=false, which {} needs from {} on",
                    row.depends_on, row.gate, row.since
                ),
                detail: format!("{}=false", row.depends_on),
            })
            .collect()
    })
}

fn removed_etcd_flags(context: &CheckContext<'_>) -> Vec<Finding> {
    let flags = &context.catalog.control_plane_removals.flags;
    let mut settings = context.component_configs.visible.iter();
    if !settings.any(ComponentConfig::is_of_kubeadm) {
        return Vec::new();
    }
    let removed = || flags.iter().filter(|row| row.component == ETCD);
    incompatibility_findings(context, &ETCD_FLAGS, |setting| {
        let names = setting.flags.names().filter(|_| setting.component == ETCD);
        let incompatible = names.filter_map(|flag| {
            let row = removed().find(|row| flag.starts_with(row.flag.trim_end_matches('*')))?;
            Some(Incompatibility {
                subject: flag.to_owned(),
                since: row.removed_in,
                message: format!(
                    "sets the flag --{flag}, which the etcd of kubeadm {} does not have",
                    row.removed_in
                ),
                detail: format!("--{flag}"),
            })
        });
        incompatible.collect()
    })
}
