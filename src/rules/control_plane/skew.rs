//! `cp-apiserver-skew`, `cp-component-skew` and `cp-kubeproxy-skew`: parts of the control plane too far apart.

use std::collections::BTreeMap;

use super::{invisible_static_pods, kube_system_object, mirror_pod_needs, static_pod_needs};
use crate::catalog::{ImageRef, Minor};
use crate::facts::control_plane;
use crate::facts::control_plane::{APISERVER, ControlPlanePod, KUBE_PROXY};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::{MissingData, ObjectRow};

/// API servers more than one minor apart.
pub(crate) const APISERVER_SKEW: Rule = Rule {
    id: "cp-apiserver-skew",
    severity: Severity::Blocker,
    title: "The minors of API servers are too far apart",
    why: "The version skew policy limits how far apart the API servers of one cluster may be. Beyond that, one of them may store objects that another cannot read.",
    detection: "By the image tags of the API servers' static pods. An image whose tag is no version is a gap. Managed control planes are not visible.",
    remedy: "Finish the previous upgrade on every control plane node first.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kube-apiserver",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    kind: RuleKind::Code {
        needs: |_| static_pod_needs(),
        evaluate: apiserver_skew,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: unknown_versions,
    ..Rule::DEFAULT
};

/// Controllers outside the window.
pub(crate) const COMPONENT_SKEW: Rule = Rule {
    id: "cp-component-skew",
    severity: Severity::Blocker,
    title: "The version of a control plane component is not supported with the API server",
    why: "kube-controller-manager and kube-scheduler must not be newer than any API server, and may be only as far behind as the version skew policy allows.",
    detection: "By the image tags of the static pods, against the API server's static pods or, if their images have no version, the version that the API server reports. A component that is newer than the oldest but not the newest API server is a warning: an upgrade is in progress. Clusters whose API server emulates another minor are left out. Managed control planes are not visible.",
    remedy: "Bring the components to the minor of the API servers before this hop.",
    reference: "https://kubernetes.io/releases/version-skew-policy/",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    kind: RuleKind::Code {
        needs: |_| static_pod_needs(),
        evaluate: component_skew,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: unknown_versions,
    ..Rule::DEFAULT
};

/// kube-proxy outside the window.
pub(crate) const KUBE_PROXY_SKEW: Rule = Rule {
    id: "cp-kubeproxy-skew",
    severity: Severity::Warning,
    title: "The version of kube-proxy is not supported with the API server",
    why: "kube-proxy must not be newer than the API server, and may be only as far behind as the version skew policy allows.",
    detection: "By the image tag of the DaemonSet kube-system/kube-proxy and of static pods of kube-proxy, against the API server and the first hop. An image whose tag is no version is a gap. It is not compared with the kubelets.",
    remedy: "Bring kube-proxy to a supported version before this hop.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kube-proxy",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    kind: RuleKind::Code {
        needs: |_| vec![control_plane::kube_proxy_need()],
        evaluate: kube_proxy_skew,
    },
    optional_needs: mirror_pod_needs,
    unevaluated: unknown_kube_proxies,
    ..Rule::DEFAULT
};

/// Components of the control plane that are not visible, or whose images do not show their release.
fn unknown_versions(context: &CheckContext<'_>) -> Vec<MissingData> {
    let pods = context.fact(control_plane::control_plane_pods).into_iter();
    let pods = pods.filter(|pod| pod.release().is_none());
    let mut missing: Vec<MissingData> = pods
        .map(|pod| {
            let what = format!(
                "{} in the pod {}",
                pod.component,
                pod.row.meta.namespaced_name()
            );
            unknown_version(&what, pod.image().unwrap_or_default())
        })
        .collect();
    missing.extend(invisible_static_pods(context));
    missing
}

fn unknown_kube_proxies(context: &CheckContext<'_>) -> Vec<MissingData> {
    let proxies = kube_proxies(context).into_iter();
    let unknown = proxies.filter(|(_, _, image, _)| ImageRef::new(image).release().is_none());
    unknown
        .map(|(_, kind, image, row)| {
            let name = row.meta.namespaced_name();
            unknown_version(&format!("kube-proxy in the {kind} {name}"), image)
        })
        .collect()
}

fn unknown_version(what: &str, image: &str) -> MissingData {
    MissingData {
        what: format!("the version of {what}"),
        why: match ImageRef::new(image).tag {
            Some(tag) => format!("the tag {tag} of its image is no version"),
            None if image.contains('@') => "its image is named by its digest alone".to_owned(),
            None => "its image has no tag".to_owned(),
        },
        rbac: None,
    }
}

/// Static pods whose image names its release, with the minor.
fn pods_with_minor<'a>(context: &CheckContext<'a>) -> Vec<(Minor, ControlPlanePod<'a>)> {
    let pods = context.fact(control_plane::control_plane_pods).into_iter();
    pods.filter_map(|pod| Some((pod.release()?.minor(), pod)))
        .collect()
}

fn apiserver_skew(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut servers = pods_with_minor(context);
    servers.retain(|(_, pod)| pod.component == APISERVER);
    let minors = || servers.iter().map(|(minor, _)| *minor);
    let (Some(cluster), Some(oldest), Some(newest)) =
        (context.cluster, minors().min(), minors().max())
    else {
        return Vec::new();
    };
    if !exceeds_skew_limit(context, APISERVER, oldest, newest) {
        return Vec::new();
    }
    let objects = servers.iter().map(|(_, pod)| image_object(pod));
    let message = format!("API servers {oldest} and {newest} run in one cluster");
    let finding = APISERVER_SKEW.finding(
        APISERVER_SKEW.severity,
        cluster.id.to_string(),
        message,
        objects,
    );
    finding.into_iter().collect()
}

fn component_skew(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let cluster = context.cluster;
    let Some(cluster) = cluster.filter(|one| one.discovery.emulation_version.is_none()) else {
        return found;
    };

    let (servers, others): (Vec<_>, Vec<_>) = pods_with_minor(context)
        .into_iter()
        .partition(|(_, member)| member.component == APISERVER);
    let minors = || servers.iter().map(|(minor, _)| *minor);
    let own = cluster.discovery.git_version.minor();
    let (oldest, newest) = (minors().min().unwrap_or(own), minors().max().unwrap_or(own));
    for (minor, member) in others {
        let component = member.component;
        let (severity, how) = if minor > newest {
            (
                Severity::Blocker,
                format!("newer than the API server {newest}"),
            )
        } else if exceeds_skew_limit(context, component, minor, newest) {
            (
                Severity::Blocker,
                format!("too old for the API server {newest}"),
            )
        } else if minor > oldest {
            (
                Severity::Warning,
                format!("newer than the oldest API server {oldest}"),
            )
        } else {
            continue;
        };
        let subject = format!("{} {}", cluster.id, member.name());
        let message = format!("{component} {minor} is {how}");
        let object = image_object(&member);
        found.extend(COMPONENT_SKEW.finding(severity, subject, message, [object]));
    }

    found
}

fn kube_proxy_skew(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(cluster) = context.cluster else {
        return Vec::new();
    };
    let next = context.path.first_minor_hop();
    let server = cluster.discovery.effective_minor();
    let mut objects: BTreeMap<Minor, Vec<AffectedObject>> = BTreeMap::new();
    for (api_version, kind, image, row) in kube_proxies(context) {
        if let Some(release) = ImageRef::new(image).release() {
            let object = kube_system_object(row, api_version, kind, format!("image {image}"));
            objects.entry(release.minor()).or_default().push(object);
        }
    }
    let findings = objects.into_iter().filter_map(|(minor, objects)| {
        let too_old =
            next.filter(|hop| exceeds_skew_limit(context, KUBE_PROXY, minor, hop.minor()));
        let how = match too_old {
            _ if minor > server => format!("newer than the API server {server}"),
            Some(hop) => format!("too old for an API server {}", hop.minor()),
            None => return None,
        };
        let message = format!("kube-proxy {minor} is {how}");
        let draft = FindingDraft {
            hop: too_old.map(HopId::from),
            ..FindingDraft::new(&KUBE_PROXY_SKEW, cluster.id.to_string(), message, objects)
        };
        Finding::new(&KUBE_PROXY_SKEW, draft)
    });
    findings.collect()
}

/// The DaemonSet and the static pods that run kube-proxy, with their images.
fn kube_proxies<'a>(
    context: &CheckContext<'a>,
) -> Vec<(&'static str, &'static str, &'a str, &'a ObjectRow)> {
    let sets = context.objects(&control_plane::kube_proxy_need()).iter();
    let mut found: Vec<_> = sets
        .filter_map(|row| {
            Some((
                "apps/v1",
                "DaemonSet",
                control_plane::first_image(row)?,
                row,
            ))
        })
        .collect();
    let pods = context.fact(control_plane::static_pods).into_iter();
    let pods = pods.filter(|pod| pod.component == KUBE_PROXY);
    found.extend(pods.filter_map(|pod| Some(("v1", "Pod", pod.image()?, pod.row))));
    found
}

fn exceeds_skew_limit(
    context: &CheckContext<'_>,
    component: &str,
    minor: Minor,
    server: Minor,
) -> bool {
    let limit = context.catalog.skew_limit(component, minor);
    match (limit, server.minors_ahead_of(minor)) {
        (Some(limit), Some(behind)) => behind > i64::from(limit.minors_behind),
        _ => false,
    }
}

fn image_object(member: &ControlPlanePod<'_>) -> AffectedObject {
    let release = member.release().map(|release| release.to_string());
    kube_system_object(
        member.row,
        "v1",
        "Pod",
        format!("image v{}", release.unwrap_or_default()),
    )
}
