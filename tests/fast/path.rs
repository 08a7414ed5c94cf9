//! Paths: every pair of minors against what counting says, and the words for what cannot be.

use std::sync::LazyLock;

use kubectl_upgrade::catalog::{Catalog, Minor, Release};
use kubectl_upgrade::path::{PathError, UpgradePath, UpgradeTarget};

/// Loaded once: there are many pairs.
static CATALOG: LazyLock<&Catalog> = LazyLock::new(|| Catalog::embedded().expect("the catalog"));

fn find(from: &str, to: &[&str]) -> Result<UpgradePath, PathError> {
    let from: Release = from.parse().expect("a release");
    let to: Vec<UpgradeTarget> = to.iter().map(|to| to.parse().expect("a target")).collect();
    UpgradePath::for_kubernetes(Some(&from), None, &to, &CATALOG)
}

fn ends(path: &UpgradePath) -> Vec<String> {
    path.hops.iter().map(|hop| hop.to.to_string()).collect()
}

#[test]
fn one_minor_at_a_time_over_every_pair() {
    let known: Vec<(Minor, String)> = CATALOG
        .kubernetes_releases
        .iter()
        .filter(|row| row.is_released())
        .map(|row| (row.minor, row.newest_patch.to_string()))
        .collect();
    for (from, release) in &known {
        for (to, _) in &known {
            let found = find(release, &[&to.to_string()]);
            if to < from {
                assert!(
                    matches!(found, Err(PathError::Downgrade { .. })),
                    "{from} → {to}"
                );
                continue;
            }
            let path = found.expect("a path");
            let counted: Vec<&str> = known
                .iter()
                .filter(|(minor, _)| from < minor && minor <= to)
                .map(|(_, patch)| patch.as_str())
                .collect();
            assert_eq!(ends(&path), counted, "{from} → {to}");
            for pair in path.hops.windows(2) {
                assert_eq!(Some(&pair[0].to), pair[1].from.as_ref());
            }
        }
    }
}

#[test]
fn without_a_target_it_is_the_next_minor_or_none() {
    assert_eq!(ends(&find("1.24.17", &[]).expect("a path")), ["1.25.16"]);
    assert_eq!(
        ends(&find("1.24.3+k3s1", &[]).expect("a path")),
        ["1.25.16"]
    );
    assert!(find("1.37.0", &[]).expect("a path").hops.is_empty());
    assert!(find("1.40.0", &[]).expect("a path").hops.is_empty());
}

#[test]
fn patches_are_hops_too_and_the_target_itself_is_none() {
    assert_eq!(
        ends(&find("1.24.3", &["1.24"]).expect("a path")),
        ["1.24.17"]
    );
    assert_eq!(
        ends(&find("1.24.3", &["1.24.9"]).expect("a path")),
        ["1.24.9"]
    );
    assert!(find("1.24.17", &["1.24"]).expect("a path").hops.is_empty());
    assert!(
        find("1.24.17+k3s1", &["v1.24.17"])
            .expect("a path")
            .hops
            .is_empty()
    );
    assert_eq!(
        ends(&find("1.24.17", &["kubernetes=1.26.3"]).expect("a path")),
        ["1.25.16", "1.26.3"]
    );
}

#[test]
fn beyond_the_catalog_is_not_refused() {
    assert_eq!(
        ends(&find("1.36.4", &["1.39"]).expect("a path")),
        ["1.37.2", "1.38", "1.39"]
    );
}

#[test]
fn a_beta_is_reached_only_on_request_and_named() {
    let newest = |from| find(from, &[]).expect("a path");
    assert_eq!(ends(&newest("1.36.6")), ["1.37.2"]);
    assert!(newest("1.37.2").hops.is_empty());
    assert!(newest("1.36.6").remarks.is_empty());
    let path = find("1.36.6", &["1.38"]).expect("a path");
    assert_eq!(ends(&path), ["1.37.2", "1.38"]);
    assert_eq!(
        path.remarks,
        ["Kubernetes 1.38 is a beta, planned for 2026-12-16; the catalog describes 1.38.0-beta.0"]
    );
}

#[test]
fn what_cannot_be_says_what_to_do() {
    let words = |from: &str, to: &[&str]| find(from, to).expect_err("no path").to_string();
    assert!(words("1.24.17", &["1.23"]).contains("restore etcd"));
    assert!(words("1.24.17", &["1.24.3"]).contains("cannot be downgraded"));
    assert!(words("1.24.17", &["2.0"]).contains("nearest releases are 1.37.2"));
    assert!(words("1.24.17", &["kyma=1.14"]).contains("--to kubernetes=VERSION"));
    assert!(words("1.24.17", &["1.25", "kubernetes=1.26"]).contains("two targets"));
}

#[test]
fn versions_that_were_never_published_are_no_targets() {
    let solve = |from: Option<&str>, to: &str| {
        let from: Option<Release> = from.map(|from| from.parse().expect("a release"));
        let to: UpgradeTarget = to.parse().expect("a target");
        UpgradePath::for_kubernetes(from.as_ref(), None, &[to], &CATALOG)
    };
    for (from, to, nearest) in [
        (Some("1.24.17"), "1.25.99", "1.25.16"),
        (Some("1.24.17"), "1.25.17", "1.25.16 and 1.26.15"),
        // Distributions that have the patches of upstream.
        (Some("1.24.17+k3s1"), "1.25.99+k3s1", "1.25.16"),
        (Some("1.24.17"), "1.25.99-eks-4f4795d", "1.25.16"),
        (Some("1.24.17"), "kubernetes=1.24.18", "1.24.17"),
        (None, "kubernetes=1.25.99", "1.25.16"),
        (None, "kubernetes=0.21", "1.16.15"),
        (None, "kubernetes=2.0", ""),
        (None, "kubernetes=2.0.1", ""),
        (Some("1.24.17"), "2.0", ""),
        // Still supported, but not in such numbers.
        (Some("1.35.1"), "1.36.99", "1.36."),
    ] {
        let error = solve(from, to).expect_err(to);
        assert!(!error.is_no_path(), "{to} is a usage error: {error}");
        let says = format!("nearest releases are {nearest}");
        assert!(error.to_string().contains(&says), "{to}: {error}");
    }
    // These were published, before the catalog begins.
    for to in ["kubernetes=1.15", "kubernetes=1.15.12"] {
        let error = solve(None, to).expect_err(to).to_string();
        let says = format!("Kubernetes {} is older than the catalog", &to[11..]);
        assert!(error.starts_with(&says), "{error}");
        assert!(error.ends_with("which begins with 1.16"), "{error}");
    }
    for (from, to) in [
        (Some("1.24.17"), "1.25.16"),
        (Some("1.24.17"), "1.25.16-eks-4f4795d"),
        (Some("1.24.17+k3s1"), "1.25.16+k3s4"),
        (Some("1.24.17"), "1.25.17+vendor.1"),
        // Patches to come of a supported minor, and minors to come.
        (Some("1.35.1"), "1.36.6"),
        (None, "kubernetes=1.41"),
        // A vendor's own count goes on; a cluster may be older than the catalog.
        (Some("1.28.101"), "1.29.101"),
        (Some("1.14.10"), "1.15"),
    ] {
        assert!(solve(from, to).is_ok(), "{to}");
    }
}
