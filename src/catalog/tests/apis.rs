//! APIs: their lives, and what comes after them.

use std::collections::BTreeSet;

use super::{catalog, minor};
use crate::catalog::{Api, Catalog, GroupResource, Gvk, ServingMode};

fn api<'a>(catalog: &'a Catalog, api_version: &str, kind: &str) -> &'a Api {
    let row = catalog.apis.find(&Gvk::new(api_version, kind));
    row.expect("a row")
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
fn resources_that_leave_a_group_stay_in_another_one() {
    let moved = catalog().apis.moved_resources();
    let moved: Vec<String> = moved
        .iter()
        .map(|moved| {
            format!(
                "{} of {} in {}",
                moved.resource, moved.old_group, moved.removed
            )
        })
        .collect();
    assert!(moved.contains(&"ingresses.networking.k8s.io of extensions in 1.22".to_owned()));
    assert!(moved.contains(&"deployments.apps of extensions in 1.16".to_owned()));
    assert!(
        moved.iter().all(|moved| !moved.contains("events")),
        "{moved:?}"
    );
    assert_eq!(moved.len(), 7, "{moved:?}");
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
        .filter(|api| api.serving_mode == ServingMode::ByDefault && api.listable)
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
fn objects_are_the_same_behind_all_the_apis_that_show_them() {
    let catalog = catalog();
    let home = |api_version: &str, kind: &str| {
        let api = api(catalog, api_version, kind);
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
    let best = |resource: &GroupResource, at: &str, served: &[&str]| {
        catalog
            .apis
            .best_served(resource, minor(at), |api_version| {
                served.contains(&api_version)
            })
            .map(|api| api.gvk().api_version())
    };
    let budgets = GroupResource::new("policy", "poddisruptionbudgets");
    let both = ["policy/v1", "policy/v1beta1"];
    assert_eq!(best(&budgets, "1.24", &both).as_deref(), Some("policy/v1"));
    assert_eq!(
        best(&budgets, "1.20", &both).as_deref(),
        Some("policy/v1beta1")
    );
    assert_eq!(best(&budgets, "1.24", &[]), None);
    let policies = GroupResource::new("policy", "podsecuritypolicies");
    assert_eq!(
        best(&policies, "1.24", &both).as_deref(),
        Some("policy/v1beta1")
    );
    assert_eq!(best(&policies, "1.25", &both), None);
    let ingresses = GroupResource::new("networking.k8s.io", "ingresses");
    let old = ["extensions/v1beta1", "networking.k8s.io/v1beta1"];
    assert_eq!(
        best(&ingresses, "1.18", &old).as_deref(),
        Some("networking.k8s.io/v1beta1"),
        "both are deprecated: the more mature place"
    );
}

#[test]
fn a_successor_is_there_before_and_after_the_hop() {
    let catalog = catalog();
    let successor = |api_version: &str, kind: &str, before: &str, after: &str| {
        let api = api(catalog, api_version, kind);
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
