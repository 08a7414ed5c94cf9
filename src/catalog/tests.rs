//! The data files checked against each other.

use std::collections::BTreeSet;

use super::{Catalog, Fate, Gvk, Minor, Resource, Served, Writer, volume_plugins};

fn catalog() -> Catalog {
    Catalog::embedded().expect("the catalog")
}

fn minor(text: &str) -> Minor {
    text.parse().expect("a minor")
}

#[test]
fn every_api_is_there_once_and_every_replacement_has_a_row() {
    let catalog = catalog();
    let mut seen = BTreeSet::new();
    for api in catalog.apis.iter() {
        assert!(seen.insert(api.gvk()), "{} stands there twice", api.gvk());
        if let Some(next) = &api.replacement {
            let row = catalog.apis.find(next);
            assert!(
                row.is_some(),
                "{} is replaced by {next}, which has no row",
                api.gvk()
            );
        }
    }
    assert!(seen.len() > 230);
}

#[test]
fn lives_run_forward() {
    for api in catalog().apis.iter() {
        let name = api.gvk();
        if let Some(deprecated) = api.deprecated {
            assert!(
                api.introduced <= deprecated,
                "{name} was deprecated before it came"
            );
        }
        if let Some(removed) = api.removed {
            assert!(api.introduced < removed, "{name} went before it came");
            let deprecated = api.deprecated.unwrap_or(api.introduced);
            assert!(
                deprecated <= removed,
                "{name} went before it was deprecated"
            );
        }
        if let Some(next) = &api.replacement {
            let same = api.removed.is_none() || api.gvk() != *next;
            assert!(same, "{name} replaces itself");
        }
    }
}

#[test]
fn where_an_api_goes_that_is_served_by_default_and_has_a_replacement_another_one_is_there() {
    let catalog = catalog();
    for api in catalog
        .apis
        .iter()
        .filter(|api| api.served == Served::Yes && api.listable)
    {
        let (Some(removed), Some(_)) = (api.removed, &api.replacement) else {
            continue;
        };
        let next = catalog
            .apis
            .successor(api, None, removed)
            .expect("a successor");
        let same_objects = next.gvk().kind == api.gvk().kind;
        assert!(
            !same_objects || next.exists_in(removed),
            "{} goes in {removed}, {} is not there",
            api.gvk(),
            next.gvk()
        );
    }
}

#[test]
fn every_fact_has_a_source_and_a_horizon() {
    let catalog = catalog();
    let year = |date: jiff::civil::Date| date.year() >= 2026;
    for api in catalog.apis.iter() {
        assert!(!api.source.is_empty() && year(api.horizon), "{}", api.gvk());
        if api.listable {
            assert!(
                !api.resource.is_empty() && !api.resource.contains('/'),
                "{}",
                api.gvk()
            );
        }
    }
    for row in catalog.kubernetes.iter() {
        assert!(!row.source.is_empty() && year(row.horizon), "{}", row.minor);
        assert!(row.released < row.end_of_life, "{}", row.minor);
        assert_eq!(row.newest_patch.minor(), row.minor, "{}", row.minor);
    }
    for row in &catalog.skew {
        assert!(
            !row.source.is_empty() && year(row.horizon),
            "{}",
            row.component
        );
    }
    for row in &catalog.providers {
        assert!(
            !row.source.is_empty() && year(row.horizon),
            "{}",
            row.pattern
        );
    }
    for row in catalog.writers.iter() {
        assert!(
            !row.source.is_empty() && year(row.horizon),
            "{}",
            row.manager
        );
    }
    for row in &catalog.admitted {
        let what = &row.resource;
        assert!(!row.source.is_empty() && year(row.horizon), "{what}");
        let namespaces = row.namespaces.split(',').any(|name| !name.is_empty());
        assert_eq!(row.namespaced, namespaces, "{what}");
        let known = ["CREATE", "UPDATE", "DELETE"];
        assert!(row.operations().all(|name| known.contains(&name)), "{what}");
        let plural = what.split('/').next().unwrap_or_default();
        let api = catalog.apis.iter().find(|api| {
            api.group() == row.group() && api.resource == plural && api.removed.is_none()
        });
        assert_eq!(
            api.map(|api| api.namespaced),
            Some(row.namespaced),
            "{what}"
        );
        assert!(row.blocks || row.critical || row.addon, "{what}");
        assert!(!row.failing.is_empty(), "{what}");
    }
    for row in &catalog.provided {
        assert!(!row.source.is_empty() && year(row.horizon), "{}", row.name);
        let bare = row.name.trim_end_matches('*');
        assert!(!bare.is_empty() && !row.by.is_empty(), "{}", row.kind);
    }
}

#[test]
fn minors_follow_each_other_without_a_hole() {
    let catalog = catalog();
    let minors: Vec<Minor> = catalog.kubernetes.iter().map(|row| row.minor).collect();
    for pair in minors.windows(2) {
        assert_eq!(pair[0].next(), pair[1]);
    }
    assert_eq!(minors.first(), Some(&minor("1.16")));
}

#[test]
fn objects_are_the_same_behind_all_the_apis_that_show_them() {
    let catalog = catalog();
    let home = |api_version: &str, kind: &str| {
        let api = catalog
            .apis
            .find(&Gvk::new(api_version, kind))
            .expect("a row");
        catalog
            .apis
            .resource_of(api)
            .expect("a resource")
            .to_string()
    };
    assert_eq!(
        home("extensions/v1beta1", "Ingress"),
        "ingresses.networking.k8s.io"
    );
    assert_eq!(home("extensions/v1beta1", "Deployment"), "deployments.apps");
    assert_eq!(
        home("extensions/v1beta1", "PodSecurityPolicy"),
        "podsecuritypolicies.policy"
    );
    // Replaced by another kind: not the same objects.
    assert_eq!(home("v1", "Endpoints"), "endpoints");
}

#[test]
fn a_deprecated_version_is_asked_for_only_where_there_is_no_other() {
    let catalog = catalog();
    let best = |resource: &Resource, at: &str, served: &[&str]| {
        catalog
            .apis
            .best_served(resource, minor(at), |api_version| {
                served.contains(&api_version)
            })
            .map(|api| api.gvk().api_version())
    };
    let budgets = Resource::new("policy", "poddisruptionbudgets");
    let both = ["policy/v1", "policy/v1beta1"];
    assert_eq!(best(&budgets, "1.24", &both).as_deref(), Some("policy/v1"));
    assert_eq!(
        best(&budgets, "1.20", &both).as_deref(),
        Some("policy/v1beta1")
    );
    assert_eq!(best(&budgets, "1.24", &[]), None);
    let policies = Resource::new("policy", "podsecuritypolicies");
    assert_eq!(
        best(&policies, "1.24", &both).as_deref(),
        Some("policy/v1beta1")
    );
    assert_eq!(best(&policies, "1.25", &both), None);
    let ingresses = Resource::new("networking.k8s.io", "ingresses");
    let old = ["extensions/v1beta1", "networking.k8s.io/v1beta1"];
    assert_eq!(
        best(&ingresses, "1.18", &old).as_deref(),
        Some("networking.k8s.io/v1beta1"),
        "both are deprecated: the more mature place"
    );
}

#[test]
fn kubelets_may_lag_by_their_own_minor() {
    let catalog = catalog();
    let behind = |at: &str| {
        let limit = catalog.may_lag("kubelet", minor(at)).expect("a limit");
        limit.minors_behind
    };
    assert_eq!((behind("1.24"), behind("1.25"), behind("1.37")), (2, 3, 3));
    assert!(catalog.may_lag("cat", minor("1.25")).is_none());
}

#[test]
fn writers_are_known_by_name_or_beginning() {
    let writers = &catalog().writers;
    assert_eq!(writers.of("helm"), Some(Writer::Helm));
    assert_eq!(
        writers.of("terraform-provider-helm_v2.5.1"),
        Some(Writer::Helm)
    );
    assert_eq!(writers.of("kube-controller-manager"), Some(Writer::System));
    assert_eq!(writers.of("helmsman"), None);
}

#[test]
fn a_successor_is_there_before_and_after_the_hop() {
    let catalog = catalog();
    let successor = |api_version: &str, kind: &str, before: &str, after: &str| {
        let api = catalog
            .apis
            .find(&Gvk::new(api_version, kind))
            .expect("a row");
        catalog
            .apis
            .successor(api, Some(minor(before)), minor(after))
            .map(|next| next.gvk().api_version())
            .expect("a successor")
    };
    let flow = "flowcontrol.apiserver.k8s.io";
    let next = successor(&format!("{flow}/v1beta1"), "FlowSchema", "1.25", "1.26");
    assert_eq!(next, format!("{flow}/v1beta2"), "v1 comes only in 1.29");
    let next = successor("policy/v1beta1", "PodDisruptionBudget", "1.24", "1.25");
    assert_eq!(next, "policy/v1");
    let next = successor("extensions/v1beta1", "Deployment", "1.15", "1.16");
    assert_eq!(next, "apps/v1");
}

#[test]
fn volume_plugins_are_told_whole() {
    let plugins = volume_plugins().expect("the table");
    let mut fields = BTreeSet::new();
    for row in &plugins {
        let id = &row.id;
        assert!(id.starts_with("vol-") && !row.name.is_empty(), "{id}");
        assert!(
            fields.insert(&row.field),
            "{id}: {} stands twice",
            row.field
        );
        assert_eq!(row.fate == Fate::Driver, !row.driver.is_empty(), "{id}");
        let provisioner = &row.provisioner;
        assert!(
            provisioner.is_empty() || provisioner.starts_with("kubernetes.io/"),
            "{id}"
        );
        assert!(row.reference.starts_with("https://"), "{id}");
        assert!(!row.source.is_empty() && row.horizon.year() >= 2026, "{id}");
    }
    assert_eq!(plugins.len(), 17);
}

#[test]
fn what_components_stop_taking_is_told_once_and_in_order() {
    let known = catalog().control_plane;
    let mut seen = BTreeSet::new();
    let mut row = |what: String, source: &str, horizon: jiff::civil::Date| {
        assert!(!source.is_empty() && horizon.year() >= 2026, "{what}");
        assert!(seen.insert(what.clone()), "{what} stands there twice");
    };
    for gate in &known.gates {
        row(format!("gate {}", gate.gate), &gate.source, gate.horizon);
        let lock = gate.locked_since;
        assert_eq!(lock.is_some(), gate.locked_value.is_some(), "{}", gate.gate);
        let ends = [lock, gate.removed_in];
        assert!(ends.iter().any(Option::is_some), "{} stays", gate.gate);
        let forward = gate
            .removed_in
            .is_none_or(|end| gate.introduced < end && lock.is_none_or(|locked| locked <= end));
        assert!(forward, "{} went before it came", gate.gate);
        assert!(
            lock.is_none_or(|locked| gate.introduced <= locked),
            "{}",
            gate.gate
        );
    }
    for flag in &known.flags {
        row(
            format!("{} {}", flag.component, flag.flag),
            &flag.source,
            flag.horizon,
        );
        assert!(!flag.flag.starts_with('-'), "{}", flag.flag);
        assert!(
            catalog()
                .skew
                .iter()
                .any(|row| row.component == flag.component)
        );
    }
    for plugin in &known.plugins {
        row(
            format!("plugin {}", plugin.plugin),
            &plugin.source,
            plugin.horizon,
        );
    }
    for version in &known.kubeadm {
        row(
            version.api_version.clone(),
            &version.source,
            version.horizon,
        );
        assert_eq!(version.removed_in.is_some(), version.replacement.is_some());
        assert!(
            version
                .removed_in
                .is_none_or(|end| version.introduced < end)
        );
        let next = version.replacement.iter();
        let mut known = next.map(|next| known.kubeadm.iter().any(|row| row.api_version == *next));
        assert!(known.all(|known| known), "{}", version.api_version);
    }
    assert!(known.gates.len() > 300, "{}", known.gates.len());
}

#[test]
fn tables_on_nodes_hold_together() {
    let catalog = catalog();
    let year = |date: jiff::civil::Date| date.year() >= 2026;
    let mut labels = BTreeSet::new();
    for row in &catalog.pools {
        assert!(
            labels.insert(&row.label),
            "{} stands there twice",
            row.label
        );
        assert!(!row.by.is_empty() && !row.source.is_empty() && year(row.horizon));
    }
    let mut keys = BTreeSet::new();
    for row in &catalog.taints {
        assert!(keys.insert(&row.key), "{} stands there twice", row.key);
        assert!(!row.source.is_empty() && year(row.horizon), "{}", row.key);
    }
    for row in &catalog.runtimes {
        assert!(row.from <= row.worst_from, "{}", row.rule);
        assert!(!row.source.is_empty() && year(row.horizon), "{}", row.rule);
    }
    for row in &catalog.os_images {
        assert!(!row.source.is_empty() && year(row.horizon), "{}", row.image);
    }
    let rules = crate::check::rules().expect("the rules");
    let runtimes = catalog.runtimes.iter().map(|row| &row.rule);
    for id in runtimes.chain(catalog.os_images.iter().map(|row| &row.rule)) {
        assert!(rules.iter().any(|rule| rule.id == id), "no rule {id}");
    }
}

#[test]
fn runtimes_and_operating_systems_are_told_as_nodes_report_them() {
    let catalog = catalog();
    let meant = |reported: &str| -> Vec<&str> {
        let rows = catalog.runtimes.iter().filter(|row| row.means(reported));
        rows.map(|row| row.rule.as_str()).collect()
    };
    assert_eq!(meant("docker://20.10.7"), ["node-dockershim"]);
    let both = ["node-cri-v1alpha2", "node-containerd-1x"];
    assert_eq!(meant("containerd://1.5.9-0ubuntu1"), both);
    assert_eq!(meant("containerd://1.6.15"), ["node-containerd-1x"]);
    assert_eq!(meant("containerd://v1.7.2-k3s1"), ["node-containerd-1x"]);
    for fine in [
        "containerd://2.0.0",
        "containerd://Unknown",
        "cri-o://1.24.1",
        "",
    ] {
        assert!(meant(fine).is_empty(), "{fine}");
    }
    let old = |reported: &str| catalog.os_images.iter().any(|row| row.means(reported));
    for image in [
        "Amazon Linux 2",
        "Ubuntu 20.04.6 LTS",
        "CentOS Linux 7 (Core)",
    ] {
        assert!(old(image), "{image}");
    }
    for image in [
        "Amazon Linux 2023.5",
        "Ubuntu 22.04.4 LTS",
        "Debian GNU/Linux 11 (bullseye)",
        "",
    ] {
        assert!(!old(image), "{image}");
    }
}

#[test]
fn a_role_label_is_replaced_by_another_one() {
    for row in &catalog().role_labels {
        assert!(row.label != row.replacement, "{}", row.label);
        assert!(
            !row.source.is_empty() && row.horizon.year() >= 2026,
            "{}",
            row.label
        );
    }
}
