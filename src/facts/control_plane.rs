//! What is known of the control plane: the static pods that the API server mirrors, and what kubeadm keeps.

mod arguments;

use std::collections::BTreeMap;

use serde_json::Value;

use super::control_plane::arguments::CommandFlags;
use crate::catalog::ImageRef;
use crate::catalog::{GroupResource, Minor, Release};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, Severity};
use crate::snapshot::ObjectRow;

pub(crate) const APISERVER: &str = "kube-apiserver";
pub(crate) const CONTROLLER_COMPONENTS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];
const KUBE_SYSTEM_NAMESPACE: &str = "kube-system";
const MIRROR_ANNOTATION_POINTER: &str = "/metadata/annotations/kubernetes.io~1config.mirror";

/// Pods of the control plane.
pub(crate) fn control_plane_pods_need() -> Need {
    Need::labelled_in_namespace(
        GroupResource::new("", "pods"),
        KUBE_SYSTEM_NAMESPACE,
        "tier=control-plane",
        DetailLevel::Full,
    )
    .with_fields(&[
        "metadata.annotations",
        "metadata.deletionTimestamp",
        "metadata.labels",
        "spec.containers.args",
        "spec.containers.command",
        "spec.containers.image",
        "spec.containers.name",
        "spec.nodeName",
    ])
}

/// The DaemonSet kube-proxy.
pub(crate) fn kube_proxy_need() -> Need {
    let resource = GroupResource::new("apps", "daemonsets");
    Need::single_object(resource, KUBE_SYSTEM_NAMESPACE, "kube-proxy")
        .with_fields(&["spec.template.spec.containers.image"])
}

/// The image of the first container of a workload's template.
pub(crate) fn first_image(row: &ObjectRow) -> Option<&str> {
    let containers = row.object.pointer("/spec/template/spec/containers")?;
    containers.get(0)?.get("image")?.as_str()
}

/// kubeadm's configuration of the cluster.
pub(crate) fn kubeadm_config_need() -> Need {
    Need::single_object(
        GroupResource::new("", "configmaps"),
        KUBE_SYSTEM_NAMESPACE,
        "kubeadm-config",
    )
    .with_fields(&["data.ClusterConfiguration"])
}

/// kubeadm's configuration of kubelets.
pub(crate) fn kubelet_config_need() -> Need {
    Need::single_object(
        GroupResource::new("", "configmaps"),
        KUBE_SYSTEM_NAMESPACE,
        "kubelet-config",
    )
    .with_fields(&["data.kubelet"])
}

/// A static pod of a component of Kubernetes itself: etcd and others that stand beside it have flags of their own.
pub(crate) struct ControlPlanePod<'a> {
    pub(crate) component: &'static str,
    row: &'a ObjectRow,
}

/// Every static pod of the components.
pub(crate) fn control_plane_pods<'a>(situation: &CheckContext<'a>) -> Vec<ControlPlanePod<'a>> {
    let mut found = Vec::new();

    for row in situation.objects(&control_plane_pods_need()) {
        let text = |path: &str| row.object.pointer(path).and_then(Value::as_str);
        let label = text("/metadata/labels/component");
        let known = std::iter::once(APISERVER).chain(CONTROLLER_COMPONENTS);
        let component = known.into_iter().find(|name| Some(*name) == label);
        let leaving = text("/metadata/deletionTimestamp").is_some();
        if let (Some(component), Some(_), false) =
            (component, text(MIRROR_ANNOTATION_POINTER), leaving)
        {
            found.push(ControlPlanePod { component, row });
        }
    }

    found
}

impl ControlPlanePod<'_> {
    fn container(&self) -> Option<&Value> {
        let containers = self.row.object.pointer("/spec/containers")?.as_array()?;
        let named = containers
            .iter()
            .find(|container| container["name"] == self.component);
        named.or_else(|| containers.first())
    }

    /// Name of the pod.
    pub(crate) fn name(&self) -> &str {
        &self.row.meta.name
    }

    /// Name of its node.
    pub(crate) fn node(&self) -> Option<&str> {
        self.row.object.pointer("/spec/nodeName")?.as_str()
    }

    fn flags(&self) -> Option<CommandFlags> {
        let container = self.container()?;
        let words: Vec<&str> = ["command", "args"]
            .iter()
            .filter_map(|field| container[*field].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        CommandFlags::from_container(self.component, &words)
    }

    /// The release of its image, where the tag says it.
    pub(crate) fn release(&self) -> Option<Release> {
        ImageRef::new(self.container()?["image"].as_str()?).release()
    }

    /// The pod as an object of a finding.
    pub(crate) fn object(&self, detail: String) -> AffectedObject {
        kube_system_object(self.row, "v1", "Pod", detail)
    }
}

/// An object of kube-system that a finding is about.
pub(crate) fn kube_system_object(
    row: &ObjectRow,
    api_version: &str,
    kind: &str,
    detail: String,
) -> AffectedObject {
    let evidence = Evidence::new(EvidenceSource::Spec, detail);
    AffectedObject::new(api_version, kind, &row.meta, evidence)
}

/// A configuration that kubeadm keeps in a ConfigMap.
pub(crate) struct KubeadmConfig<'a> {
    pub(crate) row: &'a ObjectRow,
    /// None where it is no YAML mapping.
    pub(crate) document: Option<Value>,
}

/// What a ConfigMap of kubeadm holds under this key.
pub(crate) fn kubeadm_configs<'a>(
    situation: &CheckContext<'a>,
    need: &Need,
    key: &str,
) -> Vec<KubeadmConfig<'a>> {
    let mut found = Vec::new();

    for row in situation.objects(need) {
        if let Some(text) = row.object["data"][key].as_str() {
            let document = serde_saphyr::from_str::<Value>(text).ok();
            found.push(KubeadmConfig {
                row,
                document: document.filter(Value::is_object),
            });
        }
    }

    found
}

/// How one component is started, and where that was seen.
pub(crate) struct ComponentConfig<'a> {
    row: &'a ObjectRow,
    pub(crate) component: &'static str,
    /// Kept by kubeadm for the next time, not running.
    from_kubeadm: bool,
    pub(crate) flags: CommandFlags,
}

/// How components are started now, and how kubeadm will start them next.
pub(crate) fn component_configs<'a>(situation: &CheckContext<'a>) -> Vec<ComponentConfig<'a>> {
    let mut found: Vec<ComponentConfig<'a>> = control_plane_pods(situation)
        .into_iter()
        .filter_map(|member| {
            Some(ComponentConfig {
                flags: member.flags()?,
                row: member.row,
                component: member.component,
                from_kubeadm: false,
            })
        })
        .collect();
    let fields = ["apiServer", "controllerManager", "scheduler"];
    for config in kubeadm_configs(situation, &kubeadm_config_need(), "ClusterConfiguration") {
        let Some(document) = &config.document else {
            continue;
        };
        let components = std::iter::once(APISERVER).chain(CONTROLLER_COMPONENTS);
        for (component, field) in components.zip(fields) {
            found.push(
                config.component_config(component, extra_args_flags(&document[field]["extraArgs"])),
            );
        }
    }
    for config in kubeadm_configs(situation, &kubelet_config_need(), "kubelet") {
        let gates = config
            .document
            .as_ref()
            .map(|document| &document["featureGates"]);
        let mut arguments = CommandFlags::default();
        for (gate, value) in gates.and_then(Value::as_object).into_iter().flatten() {
            arguments.push_feature_gate(gate, &scalar_to_string(value));
        }
        found.push(config.component_config("kubelet", arguments));
    }
    found
}

impl<'a> KubeadmConfig<'a> {
    fn component_config(
        &self,
        component: &'static str,
        arguments: CommandFlags,
    ) -> ComponentConfig<'a> {
        ComponentConfig {
            row: self.row,
            component,
            from_kubeadm: true,
            flags: arguments,
        }
    }
}

/// `extraArgs`: a map up to v1beta3, a list of names and values from v1beta4 on.
fn extra_args_flags(args: &Value) -> CommandFlags {
    let mut found = CommandFlags::default();
    for (flag, value) in args.as_object().into_iter().flatten() {
        found.push(flag, Some(&scalar_to_string(value)));
    }
    for pair in args.as_array().into_iter().flatten() {
        if let Some(flag) = pair["name"].as_str() {
            found.push(flag, Some(&scalar_to_string(&pair["value"])));
        }
    }
    found
}

fn scalar_to_string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Something with which a component does not start from a minor on.
pub(crate) struct Incompatibility {
    /// What, within its component: part of the fingerprint.
    pub(crate) subject: String,
    /// The first minor that does not start with it.
    pub(crate) since: Minor,
    /// Behind the name of the component.
    pub(crate) message: String,
    /// How it stands there.
    pub(crate) detail: String,
}

/// One finding for each component, thing and hop.
///
/// kubeadm writes the manifests of static pods anew at each upgrade from what it keeps. What only a running pod has goes
/// away with that, unless patches bring it back; what kubeadm keeps bites at the next upgrade, however long it is gone.
pub(crate) fn incompatibility_findings(
    situation: &CheckContext<'_>,
    rule: &Rule,
    bites: impl Fn(&ComponentConfig<'_>) -> Vec<Incompatibility>,
) -> Vec<Finding> {
    let settings = component_configs(situation);
    let mut found: BTreeMap<(&str, String, HopId), FindingDraft> = BTreeMap::new();
    for setting in &settings {
        let anew = !setting.from_kubeadm
            && settings
                .iter()
                .any(|other| other.from_kubeadm && other.component == setting.component);
        let severity = if anew { Severity::Note } else { rule.severity };
        for bite in bites(setting) {
            let Some(hop) = affected_hop(situation, setting, bite.since) else {
                continue;
            };
            let kind = if setting.from_kubeadm {
                "ConfigMap"
            } else {
                "Pod"
            };
            let object = kube_system_object(setting.row, "v1", kind, bite.detail);
            let key = (setting.component, bite.subject.clone(), hop.clone());
            let said = found.entry(key).or_insert_with(|| {
                let subject = format!("{} {}", setting.component, bite.subject);
                let message = format!("{} {}", setting.component, bite.message);
                FindingDraft {
                    severity,
                    hop: Some(hop),
                    ..FindingDraft::new(rule, subject, message, Vec::new())
                }
            });
            said.severity = said.severity.max(severity);
            said.objects.push(object);
        }
    }
    found
        .into_values()
        .filter_map(|said| Finding::new(rule, said))
        .collect()
}

fn affected_hop(
    situation: &CheckContext<'_>,
    setting: &ComponentConfig<'_>,
    since: Minor,
) -> Option<HopId> {
    let path = situation.path;
    let gone = path.from.is_some_and(|from| since <= from);
    if gone && setting.from_kubeadm {
        return path.kubernetes_hops().next().map(HopId::from);
    }
    path.hop_into(since)
}

#[cfg(test)]
mod tests {
    use super::extra_args_flags;

    #[test]
    fn extra_arguments_are_a_map_or_a_list() {
        for text in [
            "{feature-gates: 'A=true,B=false', v: 2}",
            "[{name: feature-gates, value: A=true}, {name: feature-gates, value: B=false}, {name: v, value: '2'}]",
        ] {
            let arguments = extra_args_flags(&serde_saphyr::from_str(text).expect("YAML"));
            let gates: Vec<_> = arguments.feature_gates().into_iter().collect();
            assert_eq!(gates, [("A", true), ("B", false)], "{text}");
            assert!(arguments.has("v"), "{text}");
        }
    }
}
