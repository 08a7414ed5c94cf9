//! `cp-feature-gates`, `cp-flags-removed` and `cp-admission-plugin`: what a component will no longer start with.

use crate::catalog::FeatureGate;
use crate::facts::control_plane;
use crate::facts::control_plane::{APISERVER, ComponentConfig, Incompatibility};
use crate::need::Need;
use crate::rules::{AppliesTo, CheckContext, Finding, Rule, RuleKind, Severity};

/// Gates that are gone or locked at the target.
pub(crate) const FEATURE_GATES: Rule = Rule {
    id: "cp-feature-gates",
    severity: Severity::Blocker,
    title: "A feature gate is set that the target does not accept",
    why: "A component does not start if its configuration sets an unknown feature gate or changes a locked one. If that is the API server, the upgrade stops half-way.",
    detection: "By --feature-gates of the control plane's static pods and in kubeadm's ConfigMap kubeadm-config, and by featureGates in its ConfigMap kubelet-config, against the catalog. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a gate that only a pod sets is a note. Managed control planes and configuration files on nodes are not visible.",
    remedy: "Remove the gate from the static pod manifests and from kubeadm's ConfigMaps before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/",
    sources: &[
        "kubernetes/component-base featuregate/feature_gate.go",
        "kubernetes/kubernetes pkg/features/kube_features.go",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            vec![
                control_plane::control_plane_pods_need(),
                control_plane::kubeadm_config_need(),
                control_plane::kubelet_config_need(),
            ]
        },
        evaluate: removed_feature_gates,
    },
    ..Rule::DEFAULT
};

/// Flags that are gone at the target.
pub(crate) const FLAGS_REMOVED: Rule = Rule {
    id: "cp-flags-removed",
    severity: Severity::Blocker,
    title: "A control plane component sets a flag that the target does not accept",
    why: "A component does not start if it is given an unknown flag.",
    detection: "By the command lines of the control plane's static pods and by extraArgs in kubeadm's ConfigMap kubeadm-config, against the catalog. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a flag that only a pod sets is a note. Managed control planes are not visible.",
    remedy: "Remove the flag from the static pod manifests and from extraArgs in kubeadm-config before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/",
    sources: &["kubernetes/sig-release releases/release-1.N/release-notes/release-notes-draft.md"],
    kind: RuleKind::Code {
        needs: component_config_needs,
        evaluate: removed_flags,
    },
    ..Rule::DEFAULT
};

/// Admission plugins that are gone at the target.
pub(crate) const ADMISSION_PLUGIN: Rule = Rule {
    id: "cp-admission-plugin",
    severity: Severity::Blocker,
    title: "The API server configures an admission plugin that the target does not have",
    applies_to: AppliesTo::Text("each minor that removes a plugin"),
    why: "The API server does not start if it is told to enable or disable an unknown admission plugin.",
    detection: "By --enable-admission-plugins and --disable-admission-plugins of the API server's static pods and by extraArgs in kubeadm's ConfigMap kubeadm-config. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a plugin that only a pod sets is a note. Managed control planes are not visible.",
    remedy: "Remove the plugin from both flags in the static pod manifests and in kubeadm-config before this hop.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/",
    sources: &[
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 109798",
        "kubernetes/sig-release releases/release-1.30/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.31/release-notes/release-notes-draft.md PR 124505",
    ],
    kind: RuleKind::Code {
        needs: component_config_needs,
        evaluate: removed_admission_plugins,
    },
    ..Rule::DEFAULT
};

fn component_config_needs(_: &crate::need::NeedContext<'_>) -> Vec<Need> {
    vec![
        control_plane::control_plane_pods_need(),
        control_plane::kubeadm_config_need(),
    ]
}

fn removed_feature_gates(situation: &CheckContext<'_>) -> Vec<Finding> {
    let known = &situation.catalog.control_plane_removals;
    control_plane::incompatibility_findings(situation, &FEATURE_GATES, |setting| {
        let set = setting.flags.feature_gates();
        set.iter()
            .filter_map(|(gate, value)| gate_incompatibility(known.feature_gate(gate)?, *value))
            .collect()
    })
}

/// The first thing that happens to a gate that is set so.
fn gate_incompatibility(row: &FeatureGate, value: bool) -> Option<Incompatibility> {
    let gate = &row.name;
    let against = row.locked_value.filter(|locked| *locked != value);
    let locked = row.locked_since.zip(against).map(|(since, locked)| {
        let message =
            format!("sets the feature gate {gate}={value}, locked to {locked} in {since}");
        (since, message)
    });
    let removed = row.removed_in.map(|since| {
        (
            since,
            format!("sets the feature gate {gate}, gone in {since}"),
        )
    });
    let (since, message) = locked.or(removed)?;
    Some(Incompatibility {
        subject: gate.clone(),
        since,
        message,
        detail: format!("{gate}={value}"),
    })
}

fn removed_flags(situation: &CheckContext<'_>) -> Vec<Finding> {
    let known = &situation.catalog.control_plane_removals.flags;
    control_plane::incompatibility_findings(situation, &FLAGS_REMOVED, |setting| {
        let own = known
            .iter()
            .filter(|row| row.component == setting.component);
        own.filter(|row| setting.flags.has(&row.flag))
            .map(|row| Incompatibility {
                subject: row.flag.clone(),
                since: row.removed_in,
                message: format!("has the flag --{}, gone in {}", row.flag, row.removed_in),
                detail: format!("--{}", row.flag),
            })
            .collect()
    })
}

fn removed_admission_plugins(situation: &CheckContext<'_>) -> Vec<Finding> {
    let known = &situation.catalog.control_plane_removals.admission_plugins;
    let named = |setting: &ComponentConfig<'_>| {
        let mut bites = Vec::new();
        for flag in ["enable-admission-plugins", "disable-admission-plugins"] {
            for plugin in setting.flags.list_values(flag) {
                let row = known.iter().find(|row| row.plugin == plugin);
                bites.extend(row.map(|row| Incompatibility {
                    subject: row.plugin.clone(),
                    since: row.removed_in,
                    message: format!(
                        "names the admission plugin {plugin}, gone in {}",
                        row.removed_in
                    ),
                    detail: format!("--{flag} {plugin}"),
                }));
            }
        }
        bites
    };
    control_plane::incompatibility_findings(situation, &ADMISSION_PLUGIN, |setting| {
        if setting.component == APISERVER {
            named(setting)
        } else {
            Vec::new()
        }
    })
}
