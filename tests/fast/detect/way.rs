//! The way begins where detection says that a platform stands.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::snapshot::save;
use serde_json::Value;

use super::load;
use crate::cluster::Cluster;
use crate::program::{run, text};

/// What the program says of such a cluster, saved.
fn report(cluster: &Cluster, to: &[&str]) -> Value {
    let catalog = Catalog::embedded().expect("the catalog");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cluster.snapshot");
    save(&cluster.detection_snapshot(catalog), &file).expect("a file");
    let file = file.to_string_lossy();
    let output = run(&[&["--snapshot", &file, "-o", "json"], to].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

/// Its hops, as `platform from to`.
fn hops(report: &Value) -> Vec<String> {
    let hops = report["path"].as_array().expect("a path").iter();
    let word = |hop: &Value, key: &str| hop[key].as_str().unwrap_or_default().to_owned();
    hops.map(|hop| {
        ["platform", "from", "to"]
            .map(|key| word(hop, key))
            .join(" ")
    })
    .collect()
}

#[test]
fn the_next_hop_is_one_of_the_platform_that_runs() {
    let next = hops(&report(&load("dkp-management"), &[]));
    assert!(next[0].starts_with("dkp 2.5.1 2.6."), "{next:?}");
    let local = hops(&report(&load("kyma-local"), &[]));
    assert!(local[0].starts_with("kyma 1.16.0-rc4 1.17."), "{local:?}");
}

#[test]
fn a_version_alone_is_one_of_the_outermost_platform() {
    let asked = hops(&report(&load("dkp-management"), &["--to", "2.6.1"]));
    assert_eq!(asked[0], "dkp 2.5.1 2.6.1", "{asked:?}");
}

#[test]
fn a_release_that_the_catalog_does_not_know_is_a_gap_and_no_error() {
    let newer = load("dkp-management").with("v2.5.1", "v2.99.0");
    let told = report(&newer, &["--to", "kubernetes=1.26"]);
    assert_eq!(hops(&told).len(), 1, "{told:#}");
    assert!(hops(&told)[0].starts_with("kubernetes 1.25.4 1.26."));
    let gaps = told["gaps"].to_string();
    assert!(gaps.contains("no release that was published"), "{gaps}");
    assert_ne!(told["verdict"], "ready");
}

#[test]
fn a_platform_without_releases_is_no_start() {
    for name in ["cluster-api-management", "cluster-api-managed"] {
        let told = report(&load(name), &["--to", "1.34"]);
        let hops = hops(&told);
        assert_eq!(hops.len(), 1, "{told:#}");
        assert!(hops[0].starts_with("kubernetes 1.33.1 1.34."), "{hops:?}");
    }
}
