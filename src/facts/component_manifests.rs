//! Settings of components in manifests: static pods, workloads of control planes, and objects that configure components.

use serde_json::Value;

use super::control_plane::command_flags::CommandFlags;
use super::control_plane::{
    COMPONENTS, ComponentConfig, ConfigSource, ETCD, KUBE_PROXY, cluster_configuration_flags,
    command_words, component_configs, component_container, component_of, extra_args_flags,
    feature_gate_flags, gates_flags, runs_component,
};
use crate::catalog::{Catalog, ComponentSettings, SettingForm};
use crate::snapshot::{ClusterView, HelmReleaseRow, ManifestFiles, ManifestObject};

/// The flags of components in the cluster and in manifests, and where they are hidden.
#[derive(Debug, Default)]
pub(crate) struct ComponentConfigs<'a> {
    pub(crate) visible: Vec<ComponentConfig<'a>>,
    /// Manifests that do not show the flags of a component.
    pub(crate) hidden: Vec<(&'static str, &'a ManifestObject)>,
}

/// The component and its flags, if the command line shows them.
type PodFlags = (&'static str, Option<CommandFlags>);

impl<'a> ComponentConfigs<'a> {
    /// Those of a cluster, of manifests, and of the releases that Helm may upgrade.
    pub(crate) fn new(
        view: Option<ClusterView<'a>>,
        files: &'a ManifestFiles,
        releases: Vec<&'a HelmReleaseRow>,
        catalog: &Catalog,
    ) -> Self {
        let mut configs = Self {
            visible: view.map(component_configs).unwrap_or_default(),
            hidden: Vec::new(),
        };
        let manifests = files.objects.iter().map(|object| (object, None));
        let held = releases.into_iter().flat_map(|release| {
            let objects = release.objects.iter();
            objects.map(move |object| (object, Some(release)))
        });
        for (object, release) in manifests.chain(held) {
            if let Some(fields) = object.fields.as_deref() {
                configs.add_manifest(object, fields, release, catalog);
            }
        }
        configs
    }

    /// Adds those of a manifest; `fields` are those of it that were kept.
    fn add_manifest(
        &mut self,
        object: &'a ManifestObject,
        fields: &Value,
        release: Option<&'a HelmReleaseRow>,
        catalog: &Catalog,
    ) {
        let pod = pod_flags(object, fields);
        let configured = configured_flags(object, fields, catalog);
        let hides = |(_, flags): &&(&str, CommandFlags)| flags.hides_values();
        let unrendered = configured.iter().find(hides).map(|(name, _)| *name);
        let hidden = pod
            .iter()
            .find(|(name, flags)| flags.is_none() && *name != ETCD);
        let hidden = hidden.map(|(name, _)| *name).or(unrendered);
        self.hidden.extend(hidden.map(|name| (name, object)));
        let config = |component, flags, is_pod: bool| ComponentConfig {
            source: ConfigSource::Manifest {
                object,
                release,
                is_of_kubeadm: !is_pod && component != KUBE_PROXY,
            },
            component,
            flags,
        };
        let own = pod.and_then(|(name, flags)| Some(config(name, flags?, true)));
        let configured = configured.into_iter();
        let configured = configured.map(|(name, flags)| config(name, flags, false));
        self.visible.extend(own.into_iter().chain(configured));
    }
}

/// What a static pod, or the pods of a workload, run.
fn pod_flags(object: &ManifestObject, fields: &Value) -> Option<PodFlags> {
    let is_pod = (object.api_version.as_str(), object.kind.as_str()) == ("v1", "Pod");
    let template = match is_pod {
        true => fields,
        false => fields.pointer("/spec/template")?,
    };
    let is_etcd = is_pod && template["metadata"]["labels"]["component"] == ETCD;
    let component = component_of(template).or(is_etcd.then_some(ETCD))?;
    let words = component_container(template, component).map(command_words);
    let flags = CommandFlags::from_container(component, &words.unwrap_or_default());
    // Others share names and labels with a component.
    let is_component = is_pod || flags.is_some() || runs_component(template, component);
    is_component.then_some((component, flags))
}

fn configured_flags(
    object: &ManifestObject,
    fields: &Value,
    catalog: &Catalog,
) -> Vec<(&'static str, CommandFlags)> {
    if (object.api_version.as_str(), object.kind.as_str()) == ("v1", "ConfigMap") {
        let text = |key: &str| fields["data"][key].as_str();
        let parsed = |text| serde_saphyr::from_str::<Value>(text).ok();
        let cluster = text("ClusterConfiguration").and_then(parsed);
        let kubelet = text("kubelet").and_then(parsed);
        let kubelet = kubelet.map(|document| ("kubelet", feature_gate_flags(&document)));
        let cluster = cluster.iter().flat_map(cluster_configuration_flags);
        return cluster.chain(kubelet).collect();
    }
    let group = object.api_version.split('/').next().unwrap_or_default();
    let rows = catalog.component_settings.iter();
    let rows = rows.filter(|row| row.group == group && row.kind == object.kind);
    rows.flat_map(|row| setting_flags(row, fields)).collect()
}

/// The flags that an object sets by a row.
fn setting_flags(row: &ComponentSettings, object: &Value) -> Vec<(&'static str, CommandFlags)> {
    let values = row.values(object);
    match row.form {
        SettingForm::Unjudged | SettingForm::UnjudgedFlags => return Vec::new(),
        SettingForm::Kubeadm => {
            let flags = values.into_iter().flat_map(cluster_configuration_flags);
            return flags.collect();
        }
        SettingForm::KubeadmPatches => {
            let texts = values.into_iter().filter_map(Value::as_array).flatten();
            let texts = texts.filter_map(Value::as_str);
            return texts.flat_map(patch_flags).collect();
        }
        SettingForm::Args | SettingForm::Gates | SettingForm::Plugins | SettingForm::Apis => {}
    }
    let Some(component) = COMPONENTS.into_iter().find(|name| *name == row.component) else {
        return Vec::new();
    };
    let flags = values.into_iter().map(|value| match row.form {
        SettingForm::Gates => gates_flags(value),
        SettingForm::Plugins => {
            // Gardener keeps a plugin off by listing it as disabled.
            let names = value.as_array().into_iter().flatten();
            let names = names.filter(|item| item["disabled"] != true);
            let names = names.filter_map(|item| item.as_str().or(item["name"].as_str()));
            listed("enable-admission-plugins", names.map(str::to_owned))
        }
        SettingForm::Apis => {
            let apis = value.as_object().into_iter().flatten();
            listed(
                "runtime-config",
                apis.map(|(api, on)| format!("{api}={on}")),
            )
        }
        _ => extra_args_flags(value),
    });
    flags.map(|flags| (component, flags)).collect()
}

/// The flags of a patch of kubeadm's configuration. One with an apiVersion is read as an object of its own.
fn patch_flags(text: &str) -> Vec<(&'static str, CommandFlags)> {
    let patch = serde_saphyr::from_str::<Value>(text).unwrap_or_default();
    let is_object = patch["apiVersion"].is_string();
    match patch["kind"].as_str().filter(|_| !is_object) {
        Some("ClusterConfiguration") => cluster_configuration_flags(&patch),
        Some("InitConfiguration" | "JoinConfiguration") => {
            let args = &patch["nodeRegistration"]["kubeletExtraArgs"];
            vec![("kubelet", extra_args_flags(args))]
        }
        Some("KubeletConfiguration") => vec![("kubelet", feature_gate_flags(&patch))],
        Some("KubeProxyConfiguration") => vec![(KUBE_PROXY, feature_gate_flags(&patch))],
        _ => Vec::new(),
    }
}

fn listed(flag: &str, items: impl Iterator<Item = String>) -> CommandFlags {
    let mut flags = CommandFlags::default();
    for item in items {
        flags.push(flag, Some(&item));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::control_plane::APISERVER;

    #[test]
    fn components_of_settings_have_command_lines() {
        let catalog = Catalog::embedded().expect("the catalog");
        for row in &catalog.component_settings {
            let is_named = COMPONENTS.contains(&row.component.as_str());
            let needs_name = !matches!(
                row.form,
                SettingForm::Kubeadm
                    | SettingForm::KubeadmPatches
                    | SettingForm::Unjudged
                    | SettingForm::UnjudgedFlags
            );
            assert_eq!(
                is_named, needs_name,
                "{} {} {}",
                row.group, row.kind, row.path
            );
            let is_of_server = matches!(row.form, SettingForm::Plugins | SettingForm::Apis);
            assert!(!is_of_server || row.component == APISERVER, "{}", row.path);
        }
    }
}
