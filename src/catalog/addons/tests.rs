//! The tables of add-ons checked against each other, and what is told by them.

use std::collections::BTreeSet;

use super::{AddonCatalog, Compatibility, SupportLevel, UpgradeOrder};
use crate::catalog::{Catalog, Minor, Release};

fn addons() -> &'static AddonCatalog {
    &Catalog::embedded().expect("the catalog").addons
}

fn minor(text: &str) -> Minor {
    text.parse().expect("a minor")
}

fn release(text: &str) -> Release {
    text.parse().expect("a release")
}

#[test]
fn rows_are_whole_and_of_a_known_add_on() {
    let addons = addons();
    let names: Vec<&str> = addons.iter().map(|addon| &*addon.component).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "sorted, and each once");
    let mut ends = BTreeSet::new();
    for addon in addons.iter() {
        let name = &addon.component;
        assert!(
            !addon.title.is_empty() && !addon.source.is_empty(),
            "{name}"
        );
        assert!(!addon.image_suffixes.is_empty(), "{name}");
        for end in &addon.image_suffixes {
            assert!(ends.insert(end), "{end} stands twice");
            assert!(!end.contains([':', '@']) && !end.starts_with('/'), "{end}");
        }
    }
    let mut seen = BTreeSet::new();
    for row in addons.ranges() {
        let name = format!("{} {}", row.component, row.versions);
        assert!(names.contains(&&*row.component), "{name}: no such add-on");
        assert!(!row.source.is_empty(), "{name}");
        let (oldest, newest) = (row.kubernetes.oldest, row.kubernetes.newest);
        assert!(oldest.is_some(), "{name}: from which minor on");
        assert!(newest.is_none_or(|newest| Some(newest) >= oldest), "{name}");
        assert!(
            row.newest_minor_when_verified.is_some(),
            "{name}: read before any minor was out"
        );
        if row.support_level != SupportLevel::KubeadmDefault {
            let fresh = seen.insert((row.component.clone(), row.versions.to_string()));
            assert!(fresh, "{name} stands twice");
        }
    }
}

#[test]
fn add_ons_are_told_by_the_end_of_their_images() {
    let addons = addons();
    for (image, component, version) in [
        (
            "registry.k8s.io/coredns/coredns:v1.9.3",
            "coredns",
            Some("1.9.3"),
        ),
        ("k8s.gcr.io/coredns:1.6.7", "coredns", Some("1.6.7")),
        (
            "rancher/mirrored-coredns-coredns:1.10.1",
            "coredns",
            Some("1.10.1"),
        ),
        (
            "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/kube-proxy:v1.21.5-eksbuild.1",
            "kube-proxy",
            Some("1.21.5-eksbuild.1"),
        ),
        (
            "mirror.local:5000/ingress-nginx/controller:v1.9.4@sha256:0123",
            "ingress-nginx",
            Some("1.9.4"),
        ),
        ("quay.io/cilium/cilium@sha256:0123", "cilium", None),
        ("quay.io/cilium/cilium:latest", "cilium", None),
        ("quay.io/cilium/cilium", "cilium", None),
        ("ghcr.io/fluxcd/source-controller:v1.2.3", "flux", None),
        ("docker.io/calico/node:v3.29.1", "calico", Some("3.29.1")),
        (
            "cluster-autoscaler:v1.27.2",
            "cluster-autoscaler",
            Some("1.27.2"),
        ),
    ] {
        let (addon, found) = addons.find_by_image(image).expect(image);
        assert_eq!(addon.component, component, "{image}");
        assert_eq!(
            found.map(|it| it.raw),
            version.map(str::to_owned),
            "{image}"
        );
    }
    for image in [
        "",
        "shop/web:1.2.3",
        // Scales other workloads by the number of nodes, whatever its name says.
        "rancher/hardened-cluster-autoscaler:v1.8.5",
        "example.org/node:v3.29.1",
        "example.org/controller:v1.9.4",
        "example.org/mycoredns:v1.9.4",
        "example.org/coredns/tools:v1.9.4",
    ] {
        assert!(addons.find_by_image(image).is_none(), "{image}");
    }
}

#[test]
fn of_an_image_its_public_part_tells_the_same() {
    let addons = addons();
    for (image, public) in [
        (
            "registry.corp.example:5000/team/coredns/coredns:v1.9.3-corp.7@sha256:01",
            Some("coredns:1.9.3"),
        ),
        (
            "corp.example/quay/cilium/cilium@sha256:01",
            Some("cilium/cilium"),
        ),
        ("corp.example/calico/node:corp", Some("calico/node")),
        ("corp.example/shop/web:1.2.3", None),
    ] {
        let found = addons.public_image_name(image);
        assert_eq!(found.as_deref(), public, "{image}");
        let name = |image: &str| {
            addons
                .find_by_image(image)
                .map(|(addon, _)| addon.component.clone())
        };
        assert_eq!(
            found.and_then(|public| name(&public)),
            name(image),
            "{image}"
        );
    }
}

#[test]
fn add_ons_are_told_by_the_chart() {
    let addons = addons();
    for (chart, component) in [
        ("cert-manager-v1.9.1", Some("cert-manager")),
        ("ingress-nginx-4.12.0", Some("ingress-nginx")),
        ("cilium-1.8.0-rc3", Some("cilium")),
        ("keda-add-ons-http-0.5.0", None),
        ("keda", None),
        ("", None),
    ] {
        let found = addons.find_by_chart(chart);
        assert_eq!(found.map(|addon| &*addon.component), component, "{chart}");
    }
}

#[test]
fn a_release_fits_the_minors_that_its_makers_name() {
    let addons = addons();
    for (component, version, on, fit) in [
        ("cert-manager", "1.13.2", "1.27", Compatibility::Compatible),
        (
            "cert-manager",
            "1.13.2",
            "1.28",
            Compatibility::Incompatible,
        ),
        (
            "cert-manager",
            "1.13.2",
            "1.20",
            Compatibility::Incompatible,
        ),
        // Older than every row.
        ("cert-manager", "0.1.0", "1.28", Compatibility::Incompatible),
        // A range that ended before the newest minor of its day has ended.
        (
            "cert-manager",
            "1.20.0",
            "1.37",
            Compatibility::Incompatible,
        ),
        // One that reached up to it may go on.
        ("cert-manager", "1.21.0", "1.36", Compatibility::Compatible),
        ("cert-manager", "1.21.0", "1.37", Compatibility::Unknown),
        (
            "ingress-nginx",
            "1.10.0",
            "1.30",
            Compatibility::Incompatible,
        ),
        ("ingress-nginx", "1.10.1", "1.30", Compatibility::Compatible),
        (
            "cluster-autoscaler",
            "1.27.3",
            "1.27",
            Compatibility::Compatible,
        ),
        (
            "cluster-autoscaler",
            "1.27.3",
            "1.28",
            Compatibility::Incompatible,
        ),
        (
            "metrics-server",
            "0.6.4",
            "1.18",
            Compatibility::Incompatible,
        ),
        ("metrics-server", "0.6.4", "1.24", Compatibility::Compatible),
        ("metrics-server", "0.6.4", "1.37", Compatibility::Compatible),
        // Older than all: surely not tested with later minors than the first range.
        ("cilium", "1.10.3", "1.25", Compatibility::Incompatible),
        ("cilium", "1.10.3", "1.24", Compatibility::Unknown),
        ("calico", "3.20.6", "1.25", Compatibility::Incompatible),
        ("calico", "3.23.1", "1.24", Compatibility::Unknown),
        // Between two, and newer than all.
        ("ingress-nginx", "1.9.7", "1.34", Compatibility::Unknown),
        ("kyverno", "1.40.0", "1.34", Compatibility::Unknown),
        ("karpenter", "1.0.4", "1.25", Compatibility::Compatible),
        ("karpenter", "1.0.4", "1.31", Compatibility::Incompatible),
        ("karpenter", "1.0.8", "1.31", Compatibility::Compatible),
        ("karpenter", "1.5.0", "1.25", Compatibility::Incompatible),
        // What is known to be needed is not known to be enough.
        ("knative", "1.12.0", "1.25", Compatibility::Incompatible),
        ("knative", "1.12.0", "1.26", Compatibility::Unknown),
        // What kubeadm installs by default limits nothing.
        ("coredns", "1.9.3", "1.25", Compatibility::Unknown),
        ("coredns", "1.9.3", "1.37", Compatibility::Unknown),
        ("longhorn", "1.8.1", "1.30", Compatibility::Unknown),
        // kube-proxy goes by the skew policy.
        ("kube-proxy", "1.24.17", "1.26", Compatibility::Compatible),
        ("kube-proxy", "1.24.17", "1.27", Compatibility::Incompatible),
        ("kube-proxy", "1.25.16", "1.28", Compatibility::Compatible),
        ("kube-proxy", "1.26.0", "1.25", Compatibility::Incompatible),
    ] {
        let found = addons.compatibility(component, &release(version), minor(on));
        assert_eq!(found, fit, "{component} {version} on {on}");
    }
}

#[test]
fn bridging_releases_are_for_both_minors_newest_first() {
    let addons = addons();
    let found = |component: &str, from: &str, to: &str| -> Vec<String> {
        let rows = addons.bridging_ranges(component, minor(from), minor(to));
        rows.iter().map(|row| row.versions.to_string()).collect()
    };
    assert_eq!(
        found("cert-manager", "1.27", "1.28"),
        ["1.16", "1.15", "1.14", "1.12"]
    );
    assert_eq!(found("calico", "1.32", "1.33"), ["3.31", "3.30"]);
    assert_eq!(
        found("ingress-nginx", "1.29", "1.30"),
        [
            "1.13.0 to 1.13.9",
            "1.12.0 to 1.12.8",
            "1.11.0 to 1.11.8",
            "1.10.1 to 1.10.6"
        ]
    );
    assert!(found("cluster-autoscaler", "1.27", "1.28").is_empty());
    assert!(found("coredns", "1.27", "1.28").is_empty());
    assert!(
        found("knative", "1.34", "1.35").is_empty(),
        "a minimum promises nothing"
    );
}

#[test]
fn what_kubeadm_brings_goes_with_it_and_the_autoscaler_after_it() {
    let addons = addons();
    for (component, place) in [
        ("coredns", UpgradeOrder::WithControlPlane),
        ("kube-proxy", UpgradeOrder::WithControlPlane),
        ("calico", UpgradeOrder::BeforeControlPlane),
        ("cluster-autoscaler", UpgradeOrder::AfterControlPlane),
        ("metrics-server", UpgradeOrder::AfterControlPlane),
    ] {
        let found = addons.find(component).map(|addon| addon.upgrade_order);
        assert_eq!(found, Some(place), "{component}");
    }
    assert!(addons.find("web").is_none());
}

#[test]
fn images_of_mirrors_are_told_by_their_name_and_that_of_the_workload() {
    let addons = addons();
    for (image, workload, expected) in [
        (
            "mirror:5000/ms/metrics-server:v0.3.6",
            "metrics-server",
            Some(("metrics-server", Some("0.3.6"))),
        ),
        (
            "mirror/ms/metrics-server-arm64:v0.3.6",
            "metrics-server-v1",
            Some(("metrics-server", Some("0.3.6"))),
        ),
        (
            "quay.io/cilium/cilium-ci:latest",
            "cilium",
            Some(("cilium", None)),
        ),
        ("mirror/team/metrics-server:1.0.0", "our-metrics", None),
        ("mirror/team/ciliumish:1.0.0", "cilium", None),
        ("mirror/team/web:1.0.0", "web", None),
    ] {
        let found = addons.find_by_name(image, workload);
        let found = found.map(|(addon, release)| {
            (
                addon.component.as_str(),
                release.map(|release| release.to_string()),
            )
        });
        let found = found
            .as_ref()
            .map(|(name, release)| (*name, release.as_deref()));
        assert_eq!(found, expected, "{image} {workload}");
    }
    for image in [
        "mirror/autoscaling/cluster-autoscaler-arm64:v1.24.0",
        "gcr.io/istio-release/pilot:1.9.0-distroless",
    ] {
        assert!(addons.find_by_image(image).is_some(), "{image}");
    }
}
