//! The table of APIs against what real API servers offer.

use std::collections::BTreeSet;

use kubectl_upgrade::catalog::{Api, Catalog, Minor, Release, ServingMode};
use libtest_mimic::Failed;

use crate::harness::{Cluster, Need};

scenarios! {
    as_the_table_says_1_24: [Need::ControlPlane("1.24.17")],
    as_the_table_says_1_25: [Need::ControlPlane("1.25.0")],
    as_the_table_says_1_37: [Need::ControlPlane("1.37.0")],
}

fn as_the_table_says_1_24() -> Result<(), Failed> {
    as_the_table_says("1.24.17")
}

fn as_the_table_says_1_25() -> Result<(), Failed> {
    as_the_table_says("1.25.0")
}

fn as_the_table_says_1_37() -> Result<(), Failed> {
    as_the_table_says("1.37.0")
}

/// What a server offers: `apiVersion`, kind, and name of the resource.
type Discovery = BTreeSet<(String, String, String)>;

fn discovery(cluster: &Cluster) -> Discovery {
    let get = |path: &str| cluster.kubectl(&["get", "--raw", path]).ok().json();
    let mut versions = BTreeSet::from(["v1".to_owned()]);
    for group in get("/apis")["groups"].as_array().expect("groups") {
        for version in group["versions"].as_array().expect("versions") {
            let version = version["groupVersion"].as_str().expect("a group version");
            versions.insert(version.to_owned());
        }
    }
    let mut found = Discovery::new();
    for version in versions {
        let root = if version.contains('/') { "apis" } else { "api" };
        let list = get(&format!("/{root}/{version}"));
        for resource in list["resources"].as_array().expect("resources") {
            let text = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
            // A subresource may speak of a kind that lives in another group.
            let of = match (text("group"), text("version")) {
                (group, own) if !group.is_empty() => format!("{group}/{own}"),
                _ => version.clone(),
            };
            found.insert((of, text("kind"), text("name")));
        }
    }
    found
}

/// Whether the server offers it: by kind and name of the resource.
fn offered(api: &Api, discovery: &Discovery) -> bool {
    discovery.iter().any(|(version, kind, name)| {
        *version == api.gvk().api_version() && matches(api, kind, name)
    })
}

/// Whether it is a subresource that is offered with another version of its kind: requests may carry older ones, too,
/// of which discovery says nothing.
fn taken(api: &Api, discovery: &Discovery) -> bool {
    api.resource.contains('/')
        && discovery.iter().any(|(version, kind, name)| {
            version.split('/').next() == Some(api.group()) && matches(api, kind, name)
        })
}

fn matches(api: &Api, kind: &str, name: &str) -> bool {
    let named = match api.resource.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => name == api.resource,
    };
    kind == api.gvk().kind && named
}

/// What an untouched server of this minor has to offer, and what not.
fn expected(api: &Api, minor: Minor) -> bool {
    api.serving_mode == ServingMode::ByDefault && api.exists_in(minor)
}

fn as_the_table_says(version: &str) -> Result<(), Failed> {
    let cluster = Cluster::start(version);
    let minor = version.parse::<Release>().expect("a version").minor();
    let catalog = Catalog::embedded().expect("the catalog");
    let discovery = discovery(&cluster);
    let wrong: Vec<String> = catalog
        .apis
        .iter()
        .filter(|api| {
            let offered = offered(api, &discovery);
            let taken = expected(api, minor) && taken(api, &discovery);
            expected(api, minor) != (offered || taken)
        })
        .map(|api| {
            let verb = if expected(api, minor) {
                "not offered"
            } else {
                "offered"
            };
            format!("{} as {}: {verb} by {version}", api.gvk(), api.resource)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");

    let known: BTreeSet<String> = catalog
        .apis
        .iter()
        .map(|api| api.gvk().to_string())
        .collect();
    let unknown: BTreeSet<String> = discovery
        .iter()
        .filter(|(_, _, name)| !name.contains('/'))
        .map(|(version, kind, _)| format!("{version} {kind}"))
        .filter(|gvk| !known.contains(gvk))
        .collect();
    assert!(unknown.is_empty(), "no row for {unknown:#?}");
    Ok(())
}
