//! The data files checked against each other.

mod apis;

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::civil::Date;

use super::{Catalog, InTreeStatus, Minor, WriterKind, volume_plugins};

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

/// Every row says where it is from, and when that was read.
#[track_caller]
fn sourced(what: impl Display, source: &str, horizon: Date) {
    assert!(!source.is_empty() && horizon.year() >= 2026, "{what}");
}

fn minor(text: &str) -> Minor {
    text.parse().expect("a minor")
}

#[test]
fn every_fact_has_a_source_and_a_horizon() {
    let catalog = catalog();
    for api in catalog.apis.iter() {
        sourced(api.gvk(), &api.source, api.verified_on);
        if api.listable {
            assert!(
                !api.resource.is_empty() && !api.resource.contains('/'),
                "{}",
                api.gvk()
            );
        }
    }
    for row in catalog.kubernetes_releases.iter() {
        sourced(row.minor, &row.source, row.verified_on);
        assert!(row.released < row.end_of_life, "{}", row.minor);
        assert_eq!(row.newest_patch.minor(), row.minor, "{}", row.minor);
    }
    for row in &catalog.skew_limits {
        sourced(&row.component, &row.source, row.verified_on);
    }
    let kinds_of_nodes = &catalog.virtual_node_signatures;
    let kinds_of_nodes = kinds_of_nodes
        .iter()
        .chain(&catalog.provider_node_signatures);
    for row in catalog.provider_signatures.iter().chain(kinds_of_nodes) {
        sourced(&row.pattern, &row.source, row.verified_on);
    }
    for row in catalog.field_managers.iter() {
        sourced(&row.manager, &row.source, row.verified_on);
    }
    for row in &catalog.provider_managed_objects {
        let name = format!("{}{}", row.name, row.owner);
        sourced(&name, &row.source, row.verified_on);
        let bare = name.trim_end_matches('*');
        assert!(
            !bare.is_empty() && !row.managed_by.is_empty(),
            "{}",
            row.kind
        );
    }
}

#[test]
fn what_is_known_of_admission_fits_the_apis() {
    let catalog = catalog();
    for row in &catalog.system_writes {
        let what = &row.resource;
        sourced(what, &row.source, row.verified_on);
        let namespaces = row.namespaces.split(',').any(|name| !name.is_empty());
        assert_eq!(row.namespaced, namespaces, "{what}");
        let known = ["CREATE", "UPDATE", "DELETE"];
        assert!(row.operations().all(|name| known.contains(&name)), "{what}");
        let plural = what.split('/').next().unwrap_or_default();
        let api = catalog.apis.iter().find(|api| {
            // The table lists Binding by the subresource alone.
            let by_kind = format!("{}s", api.gvk().kind.to_lowercase()) == plural;
            let is_same = api.resource == plural || by_kind;
            api.group() == row.group() && is_same && api.removed.is_none()
        });
        assert_eq!(
            api.map(|api| api.namespaced),
            Some(row.namespaced),
            "{what}"
        );
        assert!(
            row.blocks_upgrade || row.is_off_limits || row.is_addon,
            "{what}"
        );
        assert!(!row.consequence.is_empty(), "{what}");
    }
}

#[test]
fn minors_follow_each_other_without_a_hole() {
    let catalog = catalog();
    let minors: Vec<Minor> = catalog
        .kubernetes_releases
        .iter()
        .map(|row| row.minor)
        .collect();
    for pair in minors.windows(2) {
        assert_eq!(pair[0].next(), pair[1]);
    }
    assert_eq!(minors.first(), Some(&minor("1.16")));
}

#[test]
fn kubelets_may_lag_by_their_own_minor() {
    let catalog = catalog();
    let behind = |at: &str| {
        let limit = catalog.skew_limit("kubelet", minor(at)).expect("a limit");
        limit.minors_behind
    };
    assert_eq!((behind("1.24"), behind("1.25"), behind("1.37")), (2, 3, 3));
    assert!(catalog.skew_limit("cat", minor("1.25")).is_none());
}

#[test]
fn writers_are_known_by_name_or_beginning() {
    let writers = &catalog().field_managers;
    assert_eq!(writers.writer_kind("helm"), Some(WriterKind::Helm));
    assert_eq!(
        writers.writer_kind("terraform-provider-helm_v2.5.1"),
        Some(WriterKind::Helm)
    );
    assert_eq!(
        writers.writer_kind("kube-controller-manager"),
        Some(WriterKind::System)
    );
    assert_eq!(writers.writer_kind("helmsman"), None);
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
        assert_eq!(
            row.status == InTreeStatus::MigratedToCsi,
            !row.csi_driver.is_empty(),
            "{id}"
        );
        let provisioner = &row.provisioner;
        assert!(
            provisioner.is_empty() || provisioner.starts_with("kubernetes.io/"),
            "{id}"
        );
        assert!(row.reference.starts_with("https://"), "{id}");
        sourced(id, &row.source, row.verified_on);
    }
    assert_eq!(plugins.len(), 17);
}

#[test]
fn what_components_stop_taking_is_told_once_and_in_order() {
    let known = &catalog().control_plane_removals;
    let mut seen = BTreeSet::new();
    let mut row = |what: String, source: &str, horizon: Date| {
        sourced(&what, source, horizon);
        assert!(seen.insert(what.clone()), "{what} stands there twice");
    };
    for gate in &known.feature_gates {
        row(
            format!("gate {}", gate.name),
            &gate.source,
            gate.verified_on,
        );
        let lock = gate.locked_since;
        assert_eq!(lock.is_some(), gate.locked_value.is_some(), "{}", gate.name);
        let ends = [lock, gate.removed_in];
        assert!(ends.iter().any(Option::is_some), "{} stays", gate.name);
        let forward = gate
            .removed_in
            .is_none_or(|end| gate.introduced < end && lock.is_none_or(|locked| locked <= end));
        assert!(forward, "{} went before it came", gate.name);
        assert!(
            lock.is_none_or(|locked| gate.introduced <= locked),
            "{}",
            gate.name
        );
    }
    for flag in &known.flags {
        row(
            format!("{} {}", flag.component, flag.flag),
            &flag.source,
            flag.verified_on,
        );
        assert!(!flag.flag.starts_with('-'), "{}", flag.flag);
        assert!(
            catalog()
                .skew_limits
                .iter()
                .any(|row| row.component == flag.component || flag.component == "etcd")
        );
    }
    for controller in &known.controllers {
        sourced(&controller.name, &controller.source, controller.verified_on);
    }
    for row in &known.gate_dependencies {
        sourced(&row.gate, &row.source, row.verified_on);
    }
    for plugin in &known.admission_plugins {
        row(
            format!("plugin {}", plugin.plugin),
            &plugin.source,
            plugin.verified_on,
        );
    }
    for version in &known.kubeadm_config_versions {
        row(
            version.api_version.clone(),
            &version.source,
            version.verified_on,
        );
        assert_eq!(version.removed_in.is_some(), version.replacement.is_some());
        assert!(
            version
                .removed_in
                .is_none_or(|end| version.introduced < end)
        );
        let next = version.replacement.iter();
        let mut known = next.map(|next| {
            known
                .kubeadm_config_versions
                .iter()
                .any(|row| row.api_version == *next)
        });
        assert!(known.all(|known| known), "{}", version.api_version);
    }
    assert!(
        known.feature_gates.len() > 300,
        "{}",
        known.feature_gates.len()
    );
}

#[test]
fn tables_on_nodes_hold_together() {
    let catalog = catalog();
    let mut labels = BTreeSet::new();
    for row in &catalog.pool_labels {
        assert!(
            labels.insert(&row.label),
            "{} stands there twice",
            row.label
        );
        assert!(!row.set_by.is_empty(), "{}", row.label);
        sourced(&row.label, &row.source, row.verified_on);
    }
    let mut keys = BTreeSet::new();
    for row in &catalog.intentional_taints {
        assert!(keys.insert(&row.key), "{} stands there twice", row.key);
        sourced(&row.key, &row.source, row.verified_on);
    }
    for row in &catalog.unsupported_runtimes {
        assert!(row.warn_from <= row.unsupported_from, "{}", row.rule);
        sourced(&row.rule, &row.source, row.verified_on);
    }
    for row in &catalog.unsupported_os_images {
        sourced(&row.name_prefix, &row.source, row.verified_on);
    }
    let rules = crate::rules::rules().expect("the rules");
    let runtimes = catalog.unsupported_runtimes.iter().map(|row| &row.rule);
    for id in runtimes.chain(catalog.unsupported_os_images.iter().map(|row| &row.rule)) {
        assert!(rules.iter().any(|rule| rule.id == id), "no rule {id}");
    }
}

#[test]
fn runtimes_and_operating_systems_are_told_as_nodes_report_them() {
    let catalog = catalog();
    let meant = |reported: &str| -> Vec<&str> {
        let rows = catalog
            .unsupported_runtimes
            .iter()
            .filter(|row| row.matches(reported));
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
    let old = |reported: &str| {
        catalog
            .unsupported_os_images
            .iter()
            .any(|row| row.matches(reported))
    };
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
    for row in &catalog().legacy_role_labels {
        assert!(row.label != row.replacement, "{}", row.label);
        sourced(&row.label, &row.source, row.verified_on);
    }
}
