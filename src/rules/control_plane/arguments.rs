//! `cp-feature-gates`, `cp-flags-removed` and `cp-admission-plugin`: what a component will no longer start with.

use std::collections::BTreeMap;

use super::{
    flag_needs, invisible_static_pods, kube_system_object, mirror_pod_needs, static_pod_needs,
};
use crate::catalog::{FeatureGate, Minor};
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::control_plane;
use crate::facts::control_plane::{APISERVER, ComponentConfig, ConfigSource, ETCD, KUBEADM};
use crate::need::Need;
use crate::path::HopId;
use crate::rules::engine::manifests::{add_object, affected_manifest};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};
use crate::snapshot::MissingData;

/// Gates that the target has removed or locked.
pub(crate) const FEATURE_GATES: Rule = Rule {
    id: "cp-feature-gates",
    severity: Severity::Blocker,
    title: "A feature gate is set that the target does not accept",
    why: "A component does not start if its configuration sets an unknown feature gate or changes a locked one. If that is the API server, the upgrade stops half-way.",
    detection: "By --feature-gates of the static pods of the control plane and kube-proxy, in scripts of their command lines too, and in kubeadm's ConfigMap kubeadm-config, and by featureGates in its ConfigMaps kubelet-config and kube-proxy, against the catalog. Gates of kubeadm itself are a note: an upgrade mentions those that it does not know. The command line of the DaemonSet kube-proxy is read as well. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a gate that only a pod sets is a note. k3s and RKE2 note their arguments, with those for components and kubelets, in an annotation of each node. Managed control planes and configuration files on nodes are not visible; a component of the control plane that is not visible on a control plane node is a gap, and so are flags that a command line does not show. Static pod manifests, workloads that run a component, configurations of kubeadm, kubelets and kube-proxy, and the objects of Cluster API, kOps, Gardener, k0s, eksctl, RKE2, kind and others that set flags or gates are read likewise in files and Helm releases; what such an object configures otherwise is a gap.",
    remedy: "Remove the gate from the static pod manifests and from kubeadm's ConfigMaps, or from the configuration of k3s or RKE2, before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/",
    sources: &[
        "kubernetes/component-base featuregate/feature_gate.go",
        "kubernetes/kubernetes pkg/features/kube_features.go",
    ],
    kind: RuleKind::Code {
        needs: |_| feature_gate_needs(),
        evaluate: removed_feature_gates,
    },
    optional_needs: flag_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

/// Flags that the target has removed.
pub(crate) const FLAGS_REMOVED: Rule = Rule {
    id: "cp-flags-removed",
    severity: Severity::Blocker,
    title: "A control plane component sets a flag that the target does not accept",
    why: "A component does not start if it is given an unknown flag.",
    detection: "By the command lines of the static pods of the control plane and kube-proxy and of the DaemonSet kube-proxy, scripts included, and by extraArgs in kubeadm's ConfigMap kubeadm-config, against the catalog. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a flag that only a pod sets is a note. k3s and RKE2 note their arguments, with those for components and kubelets, in an annotation of each node. Managed control planes are not visible; a component of the control plane that is not visible on a control plane node is a gap, and so are flags that a command line does not show. Static pod manifests, workloads that run a component, configurations of kubeadm, kubelets and kube-proxy, and the objects of Cluster API, kOps, Gardener, k0s, eksctl, RKE2, kind and others that set flags or gates are read likewise in files and Helm releases; what such an object configures otherwise is a gap.",
    remedy: "Remove the flag from the static pod manifests and from extraArgs in kubeadm-config, or from the configuration of k3s or RKE2, before this hop.",
    reference: "https://kubernetes.io/docs/reference/command-line-tools-reference/",
    sources: &["kubernetes/sig-release releases/release-1.N/release-notes/release-notes-draft.md"],
    kind: RuleKind::Code {
        needs: |_| component_config_needs(),
        evaluate: removed_flags,
    },
    optional_needs: flag_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

/// Admission plugins that the target has removed.
pub(crate) const ADMISSION_PLUGIN: Rule = Rule {
    id: "cp-admission-plugin",
    severity: Severity::Blocker,
    title: "The API server configures an admission plugin that the target does not have",
    applies_to: Applicability::Text("each minor that removes a plugin"),
    why: "The API server does not start if it is told to enable or disable an unknown admission plugin.",
    detection: "By --enable-admission-plugins, --disable-admission-plugins and --admission-control of the API server's static pods and by extraArgs in kubeadm's ConfigMap kubeadm-config. kubeadm regenerates static pods from its ConfigMap, so on kubeadm clusters a plugin that only a pod sets is a note. k3s and RKE2 note their arguments, with those for components and kubelets, in an annotation of each node. Managed control planes are not visible; a component of the control plane that is not visible on a control plane node is a gap, and so are flags that a command line does not show. Static pod manifests, workloads that run a component, configurations of kubeadm, kubelets and kube-proxy, and the objects of Cluster API, kOps, Gardener, k0s, eksctl, RKE2, kind and others that set flags or gates are read likewise in files and Helm releases; what such an object configures otherwise is a gap.",
    remedy: "Remove the plugin from both flags in the static pod manifests and in kubeadm-config, or in the configuration of k3s or RKE2, before this hop.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/",
    sources: &[
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 109798",
        "kubernetes/sig-release releases/release-1.30/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.31/release-notes/release-notes-draft.md PR 124505",
    ],
    kind: RuleKind::Code {
        needs: |_| component_config_needs(),
        evaluate: removed_admission_plugins,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: hidden_flags,
    reads_files: true,
    ..Rule::DEFAULT
};

pub(super) fn component_config_needs() -> Vec<Need> {
    let mut needs = static_pod_needs();
    needs.push(control_plane::kubeadm_config_need());
    needs
}

/// The same, and the kubelet configuration of kubeadm, which sets feature gates too.
pub(super) fn feature_gate_needs() -> Vec<Need> {
    let mut needs = component_config_needs();
    needs.push(control_plane::kubelet_config_need());
    needs
}

/// Control plane nodes whose components are not visible, and static pods whose flags a script hides.
pub(super) fn hidden_flags(context: &CheckContext<'_>) -> Vec<MissingData> {
    let pods = context.fact(control_plane::static_pods).into_iter();
    let hidden = pods.filter(|pod| pod.flags().is_none());
    let mut missing: Vec<MissingData> = hidden
        .map(|pod| MissingData {
            what: format!(
                "flags of {} in the pod {}",
                pod.component,
                pod.row.meta.namespaced_name()
            ),
            why: "its command line does not show them: a script, a variable or the image sets them; compare them with the release notes of the target"
                .to_owned(),
            rbac: None,
        })
        .collect();
    missing.extend(invisible_static_pods(context));
    missing.extend(hidden_in_manifests(context));
    missing
}

fn removed_feature_gates(context: &CheckContext<'_>) -> Vec<Finding> {
    let removals = &context.catalog.control_plane_removals;
    incompatibility_findings(context, &FEATURE_GATES, |setting| {
        // Those of etcd have names of their own.
        let is_of_etcd = setting.component == ETCD;
        let set = match is_of_etcd {
            true => BTreeMap::new(),
            false => setting.flags.feature_gates(),
        };
        let rows = match setting.component {
            KUBEADM => &removals.kubeadm_gates,
            _ => &removals.feature_gates,
        };
        let incompatible = set.iter().filter_map(|(gate, value)| {
            let row = rows.iter().find(|row| row.name == *gate)?;
            gate_incompatibility(row, *value)
        });
        incompatible.collect()
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
            format!("sets the feature gate {gate}, removed in {since}"),
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

fn removed_flags(context: &CheckContext<'_>) -> Vec<Finding> {
    let removed = &context.catalog.control_plane_removals.flags;
    incompatibility_findings(context, &FLAGS_REMOVED, |setting| {
        let own = removed
            .iter()
            .filter(|row| row.component == setting.component);
        own.filter(|row| setting.flags.has(&row.flag))
            .map(|row| Incompatibility {
                subject: row.flag.clone(),
                since: row.removed_in,
                message: format!(
                    "sets the flag --{}, removed in {}",
                    row.flag, row.removed_in
                ),
                detail: format!("--{}", row.flag),
            })
            .collect()
    })
}

fn removed_admission_plugins(context: &CheckContext<'_>) -> Vec<Finding> {
    let removed = &context.catalog.control_plane_removals.admission_plugins;
    let named = |setting: &ComponentConfig<'_>| {
        let mut found = Vec::new();
        for flag in [
            "enable-admission-plugins",
            "disable-admission-plugins",
            "admission-control",
        ] {
            for plugin in setting.flags.list_values(flag) {
                let row = removed.iter().find(|row| row.plugin == plugin);
                found.extend(row.map(|row| Incompatibility {
                    subject: row.plugin.clone(),
                    since: row.removed_in,
                    message: format!(
                        "configures the admission plugin {plugin}, removed in {}",
                        row.removed_in
                    ),
                    detail: format!("--{flag} {plugin}"),
                }));
            }
        }
        found
    };
    incompatibility_findings(context, &ADMISSION_PLUGIN, |setting| {
        if setting.component == APISERVER {
            named(setting)
        } else {
            Vec::new()
        }
    })
}

/// A setting that keeps a component from starting from some minor on.
pub(super) struct Incompatibility {
    /// The setting, unique within its component: part of the fingerprint.
    pub(super) subject: String,
    /// The first minor that does not start with it.
    pub(super) since: Minor,
    /// Follows the name of the component.
    pub(super) message: String,
    /// The setting as configured.
    pub(super) detail: String,
}

/// One finding for each component, setting and hop.
///
/// At each upgrade, kubeadm regenerates the manifests of static pods from its ConfigMap. That drops what only a running pod
/// has, unless patches add it again. What the ConfigMap has breaks the next upgrade, even if it was removed long ago.
pub(super) fn incompatibility_findings(
    context: &CheckContext<'_>,
    rule: &Rule,
    incompatible: impl Fn(&ComponentConfig<'_>) -> Vec<Incompatibility>,
) -> Vec<Finding> {
    let settings = &context.component_configs.visible;
    let mut found: BTreeMap<(&str, String, Option<HopId>), FindingDraft> = BTreeMap::new();
    for setting in settings {
        let is_live =
            |other: &ComponentConfig<'_>| matches!(other.source, ConfigSource::Kubeadm(_));
        let is_regenerated = !setting.is_of_kubeadm()
            && settings
                .iter()
                .any(|other| is_live(other) && other.component == setting.component);
        let severity = match (&setting.source, setting.component) {
            _ if is_regenerated => Severity::Note,
            // An upgrade mentions its own gates that it does not know; only `kubeadm init` refuses them.
            (ConfigSource::Manifest { .. }, KUBEADM) => Severity::Warning,
            (_, KUBEADM) => Severity::Note,
            _ => rule.severity,
        };
        for incompatibility in incompatible(setting) {
            let (is_affected, hop) = affected_hop(context, setting, incompatibility.since);
            if !is_affected {
                continue;
            }
            let detail = incompatibility.detail;
            let object = match setting.source {
                ConfigSource::Manifest {
                    object, release, ..
                } => affected_manifest(object, release, detail),
                ConfigSource::Kubeadm(row) => kube_system_object(row, "v1", "ConfigMap", detail),
                ConfigSource::StaticPod(row) => kube_system_object(row, "v1", "Pod", detail),
                ConfigSource::DaemonSet(row) => {
                    kube_system_object(row, "apps/v1", "DaemonSet", detail)
                }
                ConfigSource::Node(node) => {
                    let detail =
                        format!("arguments of the node for {}: {detail}", setting.component);
                    let evidence = Evidence::new(EvidenceSource::Spec, detail);
                    AffectedObject::cluster_scoped("v1", "Node", &node.name, evidence)
                }
            };
            let key = (
                setting.component,
                incompatibility.subject.clone(),
                hop.clone(),
            );
            let draft = found.entry(key).or_insert_with(|| {
                let subject = format!("{} {}", setting.component, incompatibility.subject);
                let message = format!("{} {}", setting.component, incompatibility.message);
                FindingDraft {
                    severity,
                    hop,
                    ..FindingDraft::new(rule, subject, message, Vec::new())
                }
            });
            draft.severity = draft.severity.max(severity);
            add_object(&mut draft.objects, object);
        }
    }
    found
        .into_values()
        .filter_map(|draft| Finding::new(rule, draft))
        .collect()
}

/// Whether a setting matters, and the hop that it affects: none where what a manifest sets is refused already.
fn affected_hop(
    context: &CheckContext<'_>,
    setting: &ComponentConfig<'_>,
    since: Minor,
) -> (bool, Option<HopId>) {
    let path = context.path;
    let hop = path.hop_into(since);
    let is_removed = path.from.is_some_and(|from| since <= from);
    let first = || path.kubernetes_hops().next().map(HopId::from);
    let hop = hop.or_else(|| first().filter(|_| is_removed && setting.is_of_kubeadm()));
    let is_manifest = matches!(setting.source, ConfigSource::Manifest { .. });
    (hop.is_some() || is_manifest && path.reaches(since), hop)
}

/// Static pods and configurations in manifests whose flags are hidden.
fn hidden_in_manifests(context: &CheckContext<'_>) -> impl Iterator<Item = MissingData> {
    let hidden = context.component_configs.hidden.iter();
    hidden.map(|(component, object)| MissingData {
        what: format!("flags of {component} in {}", object.location),
        why: "it does not show them: a script, a variable, a template or the image sets them; compare them with the release notes of the target"
            .to_owned(),
        rbac: None,
    })
}
