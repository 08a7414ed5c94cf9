//! What is known of the control plane: the static pods that the API server mirrors, and what kubeadm keeps.

use std::collections::BTreeMap;

use serde_json::Value;

use super::arguments::Arguments;
use super::{Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Minor, Release, Resource};
use crate::evidence::{Evidence, Source};
use crate::need::{Depth, Need};
use crate::path::HopRef;
use crate::snapshot::{JsonRow, Picture};

pub(crate) const APISERVER: &str = "kube-apiserver";
pub(super) const CONTROLLERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];
const NAMESPACE: &str = "kube-system";
const MIRROR: &str = "/metadata/annotations/kubernetes.io~1config.mirror";

/// Pods of the control plane.
pub(crate) fn pods() -> Need {
    Need::selected_in(
        Resource::new("", "pods"),
        NAMESPACE,
        "tier=control-plane",
        Depth::Whole,
    )
}

/// The DaemonSet kube-proxy.
pub(crate) fn kube_proxy() -> Need {
    let resource = Resource::new("apps", "daemonsets");
    Need::named(resource, NAMESPACE, "kube-proxy")
}

/// The image of the first container of a workload's template.
pub(crate) fn first_image(row: &JsonRow) -> Option<&str> {
    let containers = row.object.pointer("/spec/template/spec/containers")?;
    containers.get(0)?.get("image")?.as_str()
}

/// kubeadm's configuration of the cluster.
pub(crate) fn kubeadm() -> Need {
    Need::named(Resource::new("", "configmaps"), NAMESPACE, "kubeadm-config")
}

/// kubeadm's configuration of kubelets.
pub(super) fn kubelet() -> Need {
    Need::named(Resource::new("", "configmaps"), NAMESPACE, "kubelet-config")
}

/// A static pod of a component of Kubernetes itself: etcd and others that stand beside it have flags of their own.
pub(crate) struct Member<'a> {
    pub(crate) picture: &'a Picture,
    pub(crate) component: &'static str,
    row: &'a JsonRow,
}

/// Every static pod of the components.
pub(crate) fn members<'a>(situation: &Situation<'a>) -> Vec<Member<'a>> {
    let mut found = Vec::new();
    for (picture, rows) in situation.rows(&pods()) {
        for row in rows.json() {
            let text = |path: &str| row.object.pointer(path).and_then(Value::as_str);
            let label = text("/metadata/labels/component");
            let known = std::iter::once(APISERVER).chain(CONTROLLERS);
            let component = known.into_iter().find(|name| Some(*name) == label);
            let leaving = text("/metadata/deletionTimestamp").is_some();
            if let (Some(component), Some(_), false) = (component, text(MIRROR), leaving) {
                found.push(Member {
                    picture,
                    component,
                    row,
                });
            }
        }
    }
    found
}

impl Member<'_> {
    fn container(&self) -> Option<&Value> {
        let containers = self.row.object.pointer("/spec/containers")?.as_array()?;
        let named = containers
            .iter()
            .find(|container| container["name"] == self.component);
        named.or_else(|| containers.first())
    }

    /// Name of the pod.
    pub(super) fn name(&self) -> &str {
        &self.row.meta.name
    }

    /// Name of its node.
    pub(crate) fn node(&self) -> Option<&str> {
        self.row.object.pointer("/spec/nodeName")?.as_str()
    }

    fn arguments(&self) -> Option<Arguments> {
        let container = self.container()?;
        let words: Vec<&str> = ["command", "args"]
            .iter()
            .filter_map(|field| container[*field].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        Arguments::of_container(self.component, &words)
    }

    /// The release of its image, where the tag says it.
    pub(crate) fn release(&self) -> Option<Release> {
        release_of(self.container()?["image"].as_str()?)
    }

    /// The pod as an object of a finding.
    pub(super) fn object(&self, detail: String) -> Object {
        object(self.picture, self.row, "v1", "Pod", detail)
    }
}

/// An object of kube-system that a finding is about.
pub(super) fn object(
    picture: &Picture,
    row: &JsonRow,
    api_version: &str,
    kind: &str,
    detail: String,
) -> Object {
    let evidence = Evidence::new(Source::Spec, detail);
    Object::new(picture, api_version, kind, &row.meta, evidence)
}

/// The release that the tag of an image names; none for a digest alone and for tags that are no version.
pub(crate) fn release_of(image: &str) -> Option<Release> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    name.split_once(':')?.1.parse().ok()
}

/// A configuration that kubeadm keeps in a ConfigMap.
pub(super) struct Kept<'a> {
    pub(super) picture: &'a Picture,
    pub(super) row: &'a JsonRow,
    /// None where it is no YAML mapping.
    pub(super) document: Option<Value>,
}

/// What a ConfigMap of kubeadm holds under this key, in every cluster that has it.
pub(super) fn kept<'a>(situation: &Situation<'a>, need: &Need, key: &str) -> Vec<Kept<'a>> {
    let mut found = Vec::new();
    for (picture, rows) in situation.rows(need) {
        for row in rows.json() {
            if let Some(text) = row.object["data"][key].as_str() {
                let document = serde_saphyr::from_str::<Value>(text).ok();
                found.push(Kept {
                    picture,
                    row,
                    document: document.filter(Value::is_object),
                });
            }
        }
    }
    found
}

/// How one component is started, and where that was seen.
pub(super) struct Setting<'a> {
    picture: &'a Picture,
    row: &'a JsonRow,
    pub(super) component: &'static str,
    /// Kept by kubeadm for the next time, not running.
    kept: bool,
    pub(super) arguments: Arguments,
}

/// How components are started now, and how kubeadm will start them next.
pub(super) fn settings<'a>(situation: &Situation<'a>) -> Vec<Setting<'a>> {
    let mut found: Vec<Setting<'a>> = members(situation)
        .into_iter()
        .filter_map(|member| {
            Some(Setting {
                arguments: member.arguments()?,
                picture: member.picture,
                row: member.row,
                component: member.component,
                kept: false,
            })
        })
        .collect();
    let fields = ["apiServer", "controllerManager", "scheduler"];
    for config in kept(situation, &kubeadm(), "ClusterConfiguration") {
        let Some(document) = &config.document else {
            continue;
        };
        let components = std::iter::once(APISERVER).chain(CONTROLLERS);
        for (component, field) in components.zip(fields) {
            found.push(config.setting(component, extra(&document[field]["extraArgs"])));
        }
    }
    for config in kept(situation, &kubelet(), "kubelet") {
        let gates = config
            .document
            .as_ref()
            .map(|document| &document["featureGates"]);
        let mut arguments = Arguments::default();
        for (gate, value) in gates.and_then(Value::as_object).into_iter().flatten() {
            arguments.push_gate(gate, &plain(value));
        }
        found.push(config.setting("kubelet", arguments));
    }
    found
}

impl<'a> Kept<'a> {
    fn setting(&self, component: &'static str, arguments: Arguments) -> Setting<'a> {
        Setting {
            picture: self.picture,
            row: self.row,
            component,
            kept: true,
            arguments,
        }
    }
}

/// `extraArgs`: a map up to v1beta3, a list of names and values from v1beta4 on.
fn extra(args: &Value) -> Arguments {
    let mut found = Arguments::default();
    for (flag, value) in args.as_object().into_iter().flatten() {
        found.push(flag, Some(&plain(value)));
    }
    for pair in args.as_array().into_iter().flatten() {
        if let Some(flag) = pair["name"].as_str() {
            found.push(flag, Some(&plain(&pair["value"])));
        }
    }
    found
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Something with which a component does not start from a minor on.
pub(super) struct Bite {
    /// What, within its component: part of the fingerprint.
    pub(super) what: String,
    /// The first minor that does not start with it.
    pub(super) since: Minor,
    /// Behind the name of the component.
    pub(super) message: String,
    /// How it stands there.
    pub(super) detail: String,
}

/// One finding for each component, thing and hop.
///
/// kubeadm writes the manifests of static pods anew at each upgrade from what it keeps. What only a running pod has goes
/// away with that, unless patches bring it back; what kubeadm keeps bites at the next upgrade, however long it is gone.
pub(super) fn findings(
    situation: &Situation<'_>,
    rule: &Rule,
    bites: impl Fn(&Setting<'_>) -> Vec<Bite>,
) -> Vec<Finding> {
    let settings = settings(situation);
    let mut found: BTreeMap<(&str, String, HopRef), Said> = BTreeMap::new();
    for setting in &settings {
        let anew = !setting.kept
            && settings.iter().any(|other| {
                other.kept
                    && other.component == setting.component
                    && other.picture.id == setting.picture.id
            });
        let severity = if anew { Severity::Note } else { rule.severity };
        for bite in bites(setting) {
            let Some(hop) = hop(situation, setting, bite.since) else {
                continue;
            };
            let kind = if setting.kept { "ConfigMap" } else { "Pod" };
            let object = object(setting.picture, setting.row, "v1", kind, bite.detail);
            let key = (setting.component, bite.what.clone(), hop.clone());
            let said = found.entry(key).or_insert_with(|| {
                let subject = format!("{} {}", setting.component, bite.what);
                let message = format!("{} {}", setting.component, bite.message);
                Said {
                    severity,
                    hop: Some(hop),
                    ..Said::new(rule, subject, message, Vec::new())
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

fn hop(situation: &Situation<'_>, setting: &Setting<'_>, since: Minor) -> Option<HopRef> {
    let path = situation.path;
    let gone = path.from.is_some_and(|from| since <= from);
    if gone && setting.kept {
        return path.of_kubernetes().next().map(HopRef::from);
    }
    path.hop_into(since)
}

#[cfg(test)]
mod tests {
    use super::{extra, release_of};

    #[test]
    fn tags_are_told_from_ports_and_digests() {
        for (image, release) in [
            ("registry.k8s.io/kube-apiserver:v1.27.3", Some("1.27.3")),
            ("localhost:5000/kube-apiserver:v1.27.3", Some("1.27.3")),
            ("localhost:5000/kube-apiserver", None),
            ("kube-apiserver", None),
            ("a.example/kube-apiserver@sha256:0123", None),
            (
                "a.example:443/x/kube-apiserver:v1.27.3@sha256:0123",
                Some("1.27.3"),
            ),
            (
                "rancher/hardened-kubernetes:v1.27.3-rke2r1-build20230614",
                Some("1.27.3"),
            ),
            ("a.example/kube-apiserver:latest", None),
        ] {
            let found = release_of(image).map(|release| release.plain());
            assert_eq!(found.as_deref(), release, "{image}");
        }
    }

    #[test]
    fn extra_arguments_are_a_map_or_a_list() {
        for text in [
            "{feature-gates: 'A=true,B=false', v: 2}",
            "[{name: feature-gates, value: A=true}, {name: feature-gates, value: B=false}, {name: v, value: '2'}]",
        ] {
            let arguments = extra(&serde_saphyr::from_str(text).expect("YAML"));
            let gates: Vec<_> = arguments.gates().into_iter().collect();
            assert_eq!(gates, [("A", true), ("B", false)], "{text}");
            assert!(arguments.has("v"), "{text}");
        }
    }
}
