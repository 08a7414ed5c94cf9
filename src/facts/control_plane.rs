//! The control plane: its static pods, and the configuration that kubeadm stores in ConfigMaps.

pub(crate) mod command_flags;
mod shell;

use std::collections::BTreeMap;

use serde_json::Value;

use super::control_plane::command_flags::CommandFlags;
use crate::catalog::{GroupResource, ImageRef, Release};
use crate::need::{DetailLevel, ListSelector, Need};
use crate::snapshot::{ClusterView, HelmReleaseRow, ManifestObject, NodeRow, ObjectRow};

pub(crate) const APISERVER: &str = "kube-apiserver";
pub(crate) const KUBE_PROXY: &str = "kube-proxy";
pub(crate) const ETCD: &str = "etcd";
pub(crate) const KUBEADM: &str = "kubeadm";
pub(crate) const CONTROLLER_COMPONENTS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];
/// Components of Kubernetes with command lines.
pub(crate) const COMPONENTS: [&str; 5] = [
    APISERVER,
    "kube-controller-manager",
    KUBE_PROXY,
    "kube-scheduler",
    "kubelet",
];
const KUBE_SYSTEM_NAMESPACE: &str = "kube-system";
const MIRROR_ANNOTATION_POINTER: &str = "/metadata/annotations/kubernetes.io~1config.mirror";

const STATIC_POD_FIELDS: [&str; 8] = [
    "metadata.annotations",
    "metadata.deletionTimestamp",
    "metadata.labels",
    "spec.containers.args",
    "spec.containers.command",
    "spec.containers.image",
    "spec.containers.name",
    "spec.nodeName",
];

/// Static pods as kubeadm labels them.
pub(crate) fn control_plane_pods_need() -> Need {
    Need::labelled_in_namespace(
        GroupResource::new("", "pods"),
        KUBE_SYSTEM_NAMESPACE,
        "tier=control-plane",
        DetailLevel::Full,
    )
    .with_fields(&STATIC_POD_FIELDS)
}

/// Static pods of any label: only mirror pods have no service account. Those of other namespaces, as OpenShift has them, are
/// not read: a large cluster would have to go through all of its pods for them.
///
/// Source: kubernetes/kubernetes plugin/pkg/admission/serviceaccount/admission.go.
pub(crate) fn mirror_pods_need() -> Need {
    let selector = ListSelector::by_fields("spec.serviceAccountName=");
    let pods = GroupResource::new("", "pods");
    Need::selected(pods, selector, DetailLevel::Full)
        .in_namespace(KUBE_SYSTEM_NAMESPACE)
        .with_fields(&STATIC_POD_FIELDS)
}

/// The DaemonSet kube-proxy.
pub(crate) fn kube_proxy_need() -> Need {
    let resource = GroupResource::new("apps", "daemonsets");
    Need::single_object(resource, KUBE_SYSTEM_NAMESPACE, "kube-proxy")
        .with_fields(&["spec.template.spec.containers.image"])
}

/// The same with its command line.
pub(crate) fn kube_proxy_flags_need() -> Need {
    kube_proxy_need().with_fields(&[
        "spec.template.spec.containers.args",
        "spec.template.spec.containers.command",
        "spec.template.spec.containers.name",
    ])
}

/// kube-proxy's ConfigMap, as kubeadm writes it.
pub(crate) fn kube_proxy_config_need() -> Need {
    let resource = GroupResource::new("", "configmaps");
    Need::single_object(resource, KUBE_SYSTEM_NAMESPACE, "kube-proxy")
        .with_fields(&["data.config.conf"])
}

/// The image of the first container of a workload's template.
pub(crate) fn first_image(row: &ObjectRow) -> Option<&str> {
    let containers = row.object.pointer("/spec/template/spec/containers")?;
    containers.get(0)?.get("image")?.as_str()
}

/// The ConfigMap with kubeadm's cluster configuration.
pub(crate) fn kubeadm_config_need() -> Need {
    Need::single_object(
        GroupResource::new("", "configmaps"),
        KUBE_SYSTEM_NAMESPACE,
        "kubeadm-config",
    )
    .with_fields(&["data.ClusterConfiguration"])
}

/// The ConfigMap with kubeadm's kubelet configuration.
pub(crate) fn kubelet_config_need() -> Need {
    Need::single_object(
        GroupResource::new("", "configmaps"),
        KUBE_SYSTEM_NAMESPACE,
        "kubelet-config",
    )
    .with_fields(&["data.kubelet"])
}

/// The components of a control plane.
pub(crate) fn control_plane_components() -> impl Iterator<Item = &'static str> {
    std::iter::once(APISERVER).chain(CONTROLLER_COMPONENTS)
}

/// A static pod of a Kubernetes component; etcd and others have flags of their own and are left out.
pub(crate) struct ControlPlanePod<'a> {
    pub(crate) component: &'static str,
    pub(crate) row: &'a ObjectRow,
}

/// All static pods of the API server, the controller manager and the scheduler.
pub(crate) fn control_plane_pods(view: ClusterView<'_>) -> Vec<ControlPlanePod<'_>> {
    let mut pods = static_pods(view);
    pods.retain(|pod| pod.component != KUBE_PROXY);
    pods
}

/// All static pods of Kubernetes components, kube-proxy among them.
pub(crate) fn static_pods<'a>(view: ClusterView<'a>) -> Vec<ControlPlanePod<'a>> {
    let pod = |row: &'a ObjectRow| {
        let component = component_of(&row.object)?;
        Some(ControlPlanePod { component, row })
    };
    mirror_pods(view).into_iter().filter_map(pod).collect()
}

/// The static pods of etcd.
fn etcd_pods(view: ClusterView<'_>) -> impl Iterator<Item = ControlPlanePod<'_>> {
    let is_etcd = |row: &&ObjectRow| row.object["metadata"]["labels"]["component"] == ETCD;
    let pods = mirror_pods(view).into_iter().filter(is_etcd);
    pods.map(|row| ControlPlanePod {
        component: ETCD,
        row,
    })
}

/// All static pods.
fn mirror_pods(view: ClusterView<'_>) -> Vec<&ObjectRow> {
    let mut found = BTreeMap::new();
    for need in [control_plane_pods_need(), mirror_pods_need()] {
        for row in view.objects(&need) {
            let text = |path: &str| row.object.pointer(path).and_then(Value::as_str);
            let is_live = text("/metadata/deletionTimestamp").is_none();
            if is_live && text(MIRROR_ANNOTATION_POINTER).is_some() {
                found.insert((&row.meta.namespace, &row.meta.name), row);
            }
        }
    }
    found.into_values().collect()
}

/// The component that a static pod runs: by the labels of kubeadm and kOps, the name of a container, or its command line.
pub(crate) fn component_of(pod: &Value) -> Option<&'static str> {
    let components = || {
        [APISERVER, KUBE_PROXY]
            .into_iter()
            .chain(CONTROLLER_COMPONENTS)
    };
    let labels = &pod["metadata"]["labels"];
    let containers = || pod["spec"]["containers"].as_array().into_iter().flatten();
    let labelled = |name: &&str| {
        ["component", "k8s-app"]
            .iter()
            .any(|key| labels[*key] == *name)
    };
    let named = |name: &&str| containers().any(|container| container["name"] == *name);
    components()
        .find(labelled)
        .or_else(|| components().find(named))
        .or_else(|| components().find(|name| runs_component(pod, name)))
}

/// Whether the command line of a container names a component.
pub(crate) fn runs_component(pod: &Value, component: &str) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut lines = containers.map(command_words);
    lines.any(|words| command_flags::names_program(component, &words))
}

/// `command` and `args` of a container.
pub(crate) fn command_words(container: &Value) -> Vec<&str> {
    let fields = ["command", "args"].iter();
    fields
        .filter_map(|field| container[*field].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The container of a pod that runs a component.
pub(crate) fn component_container<'a>(pod: &'a Value, component: &str) -> Option<&'a Value> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let named = containers
        .iter()
        .find(|container| container["name"] == component);
    let running = || {
        let runs =
            |container: &&Value| command_flags::names_program(component, &command_words(container));
        containers.iter().find(runs)
    };
    named.or_else(running).or_else(|| containers.first())
}

impl<'a> ControlPlanePod<'a> {
    fn container(&self) -> Option<&'a Value> {
        component_container(&self.row.object, self.component)
    }

    /// Name of the pod.
    pub(crate) fn name(&self) -> &str {
        &self.row.meta.name
    }

    /// Name of its node.
    pub(crate) fn node(&self) -> Option<&str> {
        self.row.object.pointer("/spec/nodeName")?.as_str()
    }

    /// The flags of its command line; `None` if it does not show them.
    pub(crate) fn flags(&self) -> Option<CommandFlags> {
        CommandFlags::from_container(self.component, &command_words(self.container()?))
    }

    /// The image of the component.
    pub(crate) fn image(&self) -> Option<&'a str> {
        self.container()?["image"].as_str()
    }

    /// The release in the tag of its image.
    pub(crate) fn release(&self) -> Option<Release> {
        ImageRef::new(self.image()?).release()
    }
}

/// A configuration in one of kubeadm's ConfigMaps.
pub(crate) struct KubeadmConfig<'a> {
    pub(crate) row: &'a ObjectRow,
    /// `None` if it is not a YAML mapping.
    pub(crate) document: Option<Value>,
}

/// The configurations under this key in the ConfigMap of a need.
pub(crate) fn kubeadm_configs<'a>(
    view: ClusterView<'a>,
    need: &Need,
    key: &str,
) -> Vec<KubeadmConfig<'a>> {
    let mut found = Vec::new();

    for row in view.objects(need) {
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

/// Where the flags of a component come from.
#[derive(Debug)]
pub(crate) enum ConfigSource<'a> {
    /// kubeadm's ConfigMap, used at the next upgrade.
    Kubeadm(&'a ObjectRow),
    /// A running pod.
    StaticPod(&'a ObjectRow),
    /// The DaemonSet kube-proxy.
    DaemonSet(&'a ObjectRow),
    /// The arguments of k3s on a node.
    Node(&'a NodeRow),
    /// A manifest.
    Manifest {
        object: &'a ManifestObject,
        /// The release of Helm that holds it; `None` for a file.
        release: Option<&'a HelmReleaseRow>,
        /// Whether kubeadm, or Cluster API through it, starts components with it.
        is_of_kubeadm: bool,
    },
}

/// The flags of one component, and the object they come from.
#[derive(Debug)]
pub(crate) struct ComponentConfig<'a> {
    pub(crate) source: ConfigSource<'a>,
    pub(crate) component: &'static str,
    pub(crate) flags: CommandFlags,
}

impl ComponentConfig<'_> {
    /// Whether kubeadm uses it at the next upgrade.
    pub(crate) fn is_of_kubeadm(&self) -> bool {
        match self.source {
            ConfigSource::Kubeadm(_) => true,
            ConfigSource::Manifest { is_of_kubeadm, .. } => is_of_kubeadm,
            ConfigSource::StaticPod(_) | ConfigSource::DaemonSet(_) | ConfigSource::Node(_) => {
                false
            }
        }
    }
}

/// The flags that components run with now, and those that kubeadm starts them with next.
pub(crate) fn component_configs<'a>(view: ClusterView<'a>) -> Vec<ComponentConfig<'a>> {
    let mut found: Vec<ComponentConfig<'a>> = static_pods(view)
        .into_iter()
        .chain(etcd_pods(view))
        .filter_map(|pod| {
            Some(ComponentConfig {
                flags: pod.flags()?,
                source: ConfigSource::StaticPod(pod.row),
                component: pod.component,
            })
        })
        .collect();
    let nodes = view.nodes().unwrap_or_default().iter();
    found.extend(nodes.flat_map(node_configs));
    for config in kubeadm_configs(view, &kubeadm_config_need(), "ClusterConfiguration") {
        if let Some(document) = &config.document {
            let flags = cluster_configuration_flags(document).into_iter();
            found.extend(flags.map(|(component, flags)| config.component_config(component, flags)));
        }
    }
    let gates = [
        (kubelet_config_need(), "kubelet", "kubelet"),
        (kube_proxy_config_need(), "config.conf", KUBE_PROXY),
    ];
    for (need, key, component) in gates {
        for config in kubeadm_configs(view, &need, key) {
            let document = config.document.as_ref();
            let flags = document.map(feature_gate_flags).unwrap_or_default();
            found.push(config.component_config(component, flags));
        }
    }
    let sets = view.objects(&kube_proxy_flags_need()).iter();
    found.extend(sets.filter_map(|row| {
        let template = &row.object["spec"]["template"];
        let words = command_words(component_container(template, KUBE_PROXY)?);
        Some(ComponentConfig {
            flags: CommandFlags::from_container(KUBE_PROXY, &words)?,
            source: ConfigSource::DaemonSet(row),
            component: KUBE_PROXY,
        })
    }));
    found
}

impl<'a> KubeadmConfig<'a> {
    fn component_config(
        &self,
        component: &'static str,
        arguments: CommandFlags,
    ) -> ComponentConfig<'a> {
        ComponentConfig {
            source: ConfigSource::Kubeadm(self.row),
            component,
            flags: arguments,
        }
    }
}

/// The flags that the ClusterConfiguration of kubeadm gives each component.
pub(crate) fn cluster_configuration_flags(document: &Value) -> Vec<(&'static str, CommandFlags)> {
    let fields = ["apiServer", "controllerManager", "scheduler"];
    let etcd = extra_args_flags(&document["etcd"]["local"]["extraArgs"]);
    let kubeadm = feature_gate_flags(document);
    let components = control_plane_components().zip(fields);
    let flags = components
        .map(|(component, field)| (component, extra_args_flags(&document[field]["extraArgs"])));
    [(ETCD, etcd), (KUBEADM, kubeadm)]
        .into_iter()
        .chain(flags)
        .collect()
}

/// The feature gates of a configuration file, as flags.
pub(crate) fn feature_gate_flags(document: &Value) -> CommandFlags {
    gates_flags(&document["featureGates"])
}

/// Feature gates as flags: a mapping, or a list of names and values.
pub(crate) fn gates_flags(gates: &Value) -> CommandFlags {
    let mut flags = CommandFlags::default();
    for (gate, value) in gates.as_object().into_iter().flatten() {
        flags.push_feature_gate(gate, &scalar_to_string(value));
    }
    for gate in gates.as_array().into_iter().flatten() {
        if let Some(name) = gate["name"].as_str() {
            let value = gate.get("enabled").unwrap_or(&gate["value"]);
            flags.push_feature_gate(name, &scalar_to_string(value));
        }
    }
    flags
}

/// The flags of each component that k3s runs on a node.
fn node_configs(node: &NodeRow) -> Vec<ComponentConfig<'_>> {
    let mut flags: BTreeMap<&'static str, CommandFlags> = BTreeMap::new();
    for argument in node.component_flags.iter().flatten() {
        let Some((name, flag)) = argument.split_once(" --") else {
            continue;
        };
        if let Some(component) = COMPONENTS.into_iter().find(|component| *component == name) {
            let (flag, value) = match flag.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (flag, None),
            };
            flags.entry(component).or_default().push(flag, value);
        }
    }
    let configs = flags.into_iter().map(|(component, flags)| ComponentConfig {
        source: ConfigSource::Node(node),
        component,
        flags,
    });
    configs.collect()
}

/// `extraArgs`: a map up to v1beta3, a list of names and values from v1beta4 on; k3s and RKE2 have a list of words, with or
/// without dashes.
pub(crate) fn extra_args_flags(args: &Value) -> CommandFlags {
    let mut found = CommandFlags::default();
    for (flag, value) in args.as_object().into_iter().flatten() {
        found.push(flag, Some(&scalar_to_string(value)));
    }
    for pair in args.as_array().into_iter().flatten() {
        if let Some(flag) = pair["name"].as_str() {
            found.push(flag, Some(&scalar_to_string(&pair["value"])));
        }
        if let Some(word) = pair.as_str().map(|word| word.trim_start_matches('-')) {
            let (flag, value) = word.split_once('=').unwrap_or((word, ""));
            found.push(flag, Some(value));
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
