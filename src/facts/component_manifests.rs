//! Settings of components in manifests: static pods, and configurations of kubeadm, Cluster API, kubelets and kube-proxy.

use serde_json::Value;

use super::control_plane::command_flags::CommandFlags;
use super::control_plane::{
    ComponentConfig, ConfigSource, ETCD, KUBE_PROXY, cluster_configuration_flags, command_words,
    component_container, component_of, extra_args_flags, feature_gate_flags,
};
use crate::snapshot::ManifestObject;

/// Where Cluster API has the configuration of kubeadm.
const KUBEADM_SPECS: [&str; 4] = [
    "/spec/kubeadmConfigSpec",
    "/spec/template/spec/kubeadmConfigSpec",
    "/spec/template/spec",
    "/spec",
];

/// The flags that a manifest gives components; `fields` are those of it that were kept, `at` is its index.
pub(crate) fn manifest_configs<'a>(
    at: usize,
    object: &ManifestObject,
    fields: &Value,
) -> Vec<ComponentConfig<'a>> {
    let own = static_pod(object, fields).and_then(|(component, flags)| Some((component, flags?)));
    let is_pod = own.is_some();
    let flags = own.into_iter().chain(configured_flags(object, fields));
    let configs = flags.map(|(component, flags)| ComponentConfig {
        source: ConfigSource::Manifest {
            at,
            is_of_kubeadm: !is_pod && component != KUBE_PROXY,
        },
        component,
        flags,
    });
    configs.collect()
}

/// The component whose flags a manifest does not show.
pub(crate) fn hidden_flags(object: &ManifestObject, fields: &Value) -> Option<&'static str> {
    let pod = static_pod(object, fields).filter(|(component, _)| *component != ETCD);
    let hidden = pod.filter(|(_, flags)| flags.is_none());
    let configured = configured_flags(object, fields);
    let mut unrendered = configured.iter().filter(|(_, flags)| flags.hides_values());
    let unrendered = unrendered.next().map(|(component, _)| *component);
    hidden.map(|(component, _)| component).or(unrendered)
}

/// The component of a static pod, and its flags if its command line shows them.
fn static_pod(
    object: &ManifestObject,
    fields: &Value,
) -> Option<(&'static str, Option<CommandFlags>)> {
    if (object.api_version.as_str(), object.kind.as_str()) != ("v1", "Pod") {
        return None;
    }
    let is_etcd = fields["metadata"]["labels"]["component"] == ETCD;
    let component = component_of(fields).or(is_etcd.then_some(ETCD))?;
    let words = component_container(fields, component).map(command_words);
    let flags = CommandFlags::from_container(component, &words.unwrap_or_default());
    Some((component, flags))
}

fn configured_flags(object: &ManifestObject, fields: &Value) -> Vec<(&'static str, CommandFlags)> {
    let group = object.api_version.split('/').next().unwrap_or_default();
    match (group, object.kind.as_str()) {
        ("v1", "ConfigMap") => {
            let text = |key: &str| fields["data"][key].as_str();
            let parsed = |text| serde_saphyr::from_str::<Value>(text).ok();
            let cluster = text("ClusterConfiguration").and_then(parsed);
            let kubelet = text("kubelet").and_then(parsed);
            let kubelet = kubelet.map(|document| ("kubelet", feature_gate_flags(&document)));
            let cluster = cluster.iter().flat_map(cluster_configuration_flags);
            cluster.chain(kubelet).collect()
        }
        ("kubeadm.k8s.io", "ClusterConfiguration") => cluster_configuration_flags(fields),
        ("kubeadm.k8s.io", _) => vec![kubelet_flags(fields)],
        ("controlplane.cluster.x-k8s.io" | "bootstrap.cluster.x-k8s.io", _) => {
            let spec = KUBEADM_SPECS.iter().find_map(|path| fields.pointer(path));
            let spec = spec.unwrap_or(&Value::Null);
            let joining = ["initConfiguration", "joinConfiguration"].iter();
            let kubelets = joining.map(|field| kubelet_flags(&spec[*field]));
            let mut flags = cluster_configuration_flags(&spec["clusterConfiguration"]);
            flags.extend(kubelets);
            flags
        }
        ("kubelet.config.k8s.io", _) => vec![("kubelet", feature_gate_flags(fields))],
        ("kubeproxy.config.k8s.io", _) => vec![(KUBE_PROXY, feature_gate_flags(fields))],
        _ => Vec::new(),
    }
}

fn kubelet_flags(configuration: &Value) -> (&'static str, CommandFlags) {
    let args = &configuration["nodeRegistration"]["kubeletExtraArgs"];
    ("kubelet", extra_args_flags(args))
}
