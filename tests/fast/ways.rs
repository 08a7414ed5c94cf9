//! Ways over the joint state of platforms and Kubernetes.

use std::sync::LazyLock;

use kubectl_upgrade::catalog::{Catalog, PlatformName};
use kubectl_upgrade::path::{PathError, StartingVersions, UpgradePath, UpgradeTarget};

use crate::platforms::release;

/// Loaded once.
static CATALOG: LazyLock<&Catalog> = LazyLock::new(|| Catalog::embedded().expect("the catalog"));

/// The way in one line: `kyma 1.10.0, kubernetes 1.16.15`.
pub(crate) fn way(from: &[&str], to: &[&str]) -> String {
    match find(from, to) {
        Ok(path) => {
            let hops: Vec<String> = path
                .hops
                .iter()
                .map(|hop| format!("{} {}", hop.platform, hop.to))
                .collect();
            hops.join(", ")
        }
        Err(error) => error.to_string(),
    }
}

fn find(from: &[&str], to: &[&str]) -> Result<UpgradePath, PathError> {
    let to: Vec<UpgradeTarget> = to.iter().map(|to| to.parse().expect("a target")).collect();
    UpgradePath::solve(&start(from), &to, &CATALOG)
}

fn start(from: &[&str]) -> StartingVersions {
    let mut start = StartingVersions::default();
    for text in from {
        let (name, version) = text.split_once('=').expect("PLATFORM=VERSION");
        match name.parse().expect("a platform") {
            PlatformName::Kubernetes => start.kubernetes = Some(release(version)),
            name => {
                start.platforms.insert(name, release(version));
            }
        }
    }
    start
}

#[test]
fn platforms_and_kubernetes_go_up_in_turns() {
    // Kommander and Konvoy first, then their Kubernetes, and each release only on what the one before brought along.
    assert_eq!(
        way(&["dkp=2.1.1", "kubernetes=1.21.6"], &["dkp=2.3.0"]),
        "dkp 2.2.2, kubernetes 1.22.8, dkp 2.3.0, kubernetes 1.23.7"
    );
    assert_eq!(
        way(&["dkp=1.8.4", "kubernetes=1.20.13"], &["dkp=2.2.0"]),
        "dkp 2.1.1, kubernetes 1.21.6, dkp 2.2.0, kubernetes 1.22.8"
    );
    // 1.8 is adopted with its newest Kubernetes, never with an older one.
    assert_eq!(
        way(&["dkp=1.8.5", "kubernetes=1.18.20"], &["dkp=2.1.1"]),
        "kubernetes 1.19.16, kubernetes 1.20.13, dkp 2.1.1, kubernetes 1.21.6"
    );
    // Half done: the Kubernetes of 2.2 is still to come.
    assert_eq!(
        way(&["dkp=2.2.2", "kubernetes=1.21.6"], &["dkp=2.2.2"]),
        "kubernetes 1.22.8"
    );
    // Kyma 1.10 before Kubernetes 1.16, Kubernetes 1.16 before Kyma 1.17.
    assert_eq!(
        way(&["kyma=1.9.0", "kubernetes=1.15.12"], &["kyma=1.17.1"]),
        "kyma 1.10.0, kyma 1.11.1, kyma 1.12.0, kyma 1.13.0, kyma 1.14.0, kyma 1.15.1, kyma 1.16.0-rc4, \
         kubernetes 1.16.15, kyma 1.17.1"
    );
    // Kubernetes 1.22 not before Kyma 2.5, though nobody asked for Kyma.
    assert_eq!(
        way(
            &["kyma=1.24.11", "kubernetes=1.21.14"],
            &["kubernetes=1.22"]
        ),
        "kyma 2.0.4, kyma 2.1.3, kyma 2.2.0, kyma 2.3.0, kyma 2.4.3, kyma 2.5.2, kubernetes 1.22.17"
    );
    // Outside of the range from the beginning: back into it first.
    assert_eq!(
        way(&["kyma=1.17.1", "kubernetes=1.15.12"], &["kyma=1.18"]),
        "kubernetes 1.16.15, kyma 1.18.2"
    );
    assert_eq!(
        way(&["kyma=2.4.3", "kubernetes=1.23.17"], &["kyma=2.5"]),
        "kyma 2.5.2"
    );
}

#[test]
fn what_nobody_said_of_kubernetes_is_presumed_where_a_platform_brings_it_along() {
    let path = find(&["dkp=2.1.1"], &["dkp=2.2.0"]).expect("a path");
    assert_eq!(
        way(&["dkp=2.1.1"], &["dkp=2.2.0"]),
        "dkp 2.2.0, kubernetes 1.22.8"
    );
    assert!(path.remarks[0].contains("assuming"), "{:?}", path.remarks);
    let path = find(&["kyma=1.10.0"], &["kyma=1.14"]).expect("a path");
    assert_eq!(
        way(&["kyma=1.10.0"], &["kyma=1.14"]),
        "kyma 1.11.1, kyma 1.12.0, kyma 1.13.0, kyma 1.14.0"
    );
    assert_eq!((path.from, path.to), (None, None));
    assert!(path.remarks[0].contains("--from kubernetes="));
    assert!(way(&["kyma=1.10.0"], &["kubernetes=1.22"]).contains("--from kubernetes="));
    // Without any start: one hop into each.
    assert_eq!(way(&[], &["dkp=2.2"]), "dkp 2.2.2, kubernetes 1.22.8");
    assert_eq!(way(&[], &["kyma=2.20"]), "kyma 2.20.0");
    assert_eq!(
        way(&[], &["kyma=1.14", "kubernetes=1.16"]),
        "kyma 1.14.0, kubernetes 1.16.15"
    );
}

#[test]
fn a_minor_is_its_newest_patch_with_the_strongest_edges() {
    for (from, to, expected) in [
        ("dkp=2.1.1", "dkp=2.2", "dkp 2.2.2, kubernetes 1.22.8"),
        ("dkp=2.1.3", "dkp=2.2", "dkp 2.2.3, kubernetes 1.22.8"),
        ("dkp=2.2.2", "dkp=2.3", "dkp 2.3.0, kubernetes 1.23.7"),
        ("dkp=2.2.3", "dkp=2.3", "dkp 2.3.3, kubernetes 1.23"),
        ("dkp=2.1.0", "dkp=2.1", ""),
        ("kyma=1.15.0", "kyma=1.16", "kyma 1.16.0-rc4"),
        ("kyma=1.24.3", "kyma=1.24", "kyma 1.24.11"),
    ] {
        assert_eq!(way(&[from], &[to]), expected, "{from} to {to}");
    }
    assert!(way(&["dkp=2.2.3"], &["dkp=2.3.1"]).contains("2.3.1, which was released earlier"));
}

#[test]
fn a_minor_that_is_not_its_newest_patch_says_why() {
    let remarks = |from: &[&str], to: &str| find(from, &[to]).expect("a path").remarks.join("; ");
    for (from, to, says) in [
        (
            &["dkp=2.1.1"][..],
            "dkp=2.2",
            "means DKP 2.2.2, although 2.2.3 is newer: ",
        ),
        (
            &["dkp=2.2.2"],
            "dkp=2.3",
            "means DKP 2.3.0, although 2.3.3 is newer: ",
        ),
        (
            &["dkp=2.1.0"],
            "dkp=2.1",
            "2.1.0 has no supported upgrade to 2.1.",
        ),
        (&[], "dkp=2.2", "means DKP 2.2.2, although 2.2.3 is newer: "),
    ] {
        let remarks = remarks(from, to);
        assert!(remarks.contains(says), "{from:?} to {to}: {remarks}");
    }
    for (from, to) in [
        (&["dkp=2.1.3"][..], "dkp=2.2"),
        (&["kyma=1.24.3"], "kyma=1.24"),
        (&["dkp=2.1.1"], "dkp=2.2.2"),
    ] {
        let remarks = remarks(from, to);
        assert!(!remarks.contains("is newer"), "{from:?} to {to}: {remarks}");
    }
}

#[test]
fn without_a_target_it_is_the_next_hop_of_the_outermost_platform_that_has_one() {
    for (from, expected) in [
        (
            ["dkp=2.1.1", "kubernetes=1.21.6"],
            "dkp 2.2.2, kubernetes 1.22.8",
        ),
        (["kyma=1.15.1", "kubernetes=1.16.15"], "kyma 1.16.0-rc4"),
        (["kyma=1.16.0-rc3", "kubernetes=1.16.15"], "kyma 1.17.1"),
        (["kyma=2.20.0", "kubernetes=1.26.15"], "kubernetes 1.27.16"),
        // Nothing newer fits: stay.
        (["kyma=2.20.0", "kubernetes=1.27.16"], ""),
        (
            ["cluster-api=1.5.0", "kubernetes=1.27.16"],
            "kubernetes 1.28.15",
        ),
    ] {
        assert_eq!(way(&from, &[]), expected, "{from:?}");
    }
}

#[test]
fn a_version_alone_is_the_outermost_platform_s_unless_it_may_be_another_s() {
    let kyma = ["kyma=1.10.0", "kubernetes=1.16.15"];
    assert_eq!(way(&kyma, &["1.11"]), "kyma 1.11.1");
    let both = way(&kyma, &["1.18"]);
    assert!(
        both.contains("--to kyma=1.18 or --to kubernetes=1.18"),
        "{both}"
    );
    let dkp = ["dkp=2.2.2", "kubernetes=1.22.8"];
    let down = way(&dkp, &["1.23"]);
    assert!(
        down.contains("Velero") && down.contains("--to kubernetes=1.23"),
        "{down}"
    );
    assert_eq!(
        way(&dkp, &["kubernetes=1.23"]),
        "dkp 2.3.0, kubernetes 1.23.7"
    );
}

#[test]
fn where_nothing_leads_the_missing_edge_and_what_is_near_are_named() {
    for (from, to, says) in [
        (
            &["dkp=2.1.2"][..],
            "dkp=2.2.0",
            "DKP 2.1.2 has no supported upgrade to 2.2.0, which was released earlier (mesosphere",
        ),
        (
            &["dkp=2.1.2"],
            "dkp=2.2.0",
            "nearest reachable release is 2.2.1",
        ),
        (
            &["dkp=2.1.0"],
            "dkp=2.1.1",
            "nearest reachable release is 2.2.0",
        ),
        (
            &["kyma=2.20.0", "kubernetes=1.26.15"],
            "kubernetes=1.29",
            "no reachable release of Kyma runs on Kubernetes 1.28",
        ),
        (
            &["kyma=2.20.0", "kubernetes=1.26.15"],
            "kubernetes=1.29",
            "nearest reachable release is 1.27.16",
        ),
        (
            &["dkp=2.2.2", "kubernetes=1.23.7"],
            "dkp=2.3.0",
            "requires Kubernetes 1.22, which cannot be reached from Kubernetes 1.23.7",
        ),
    ] {
        let error = find(from, &[to]).expect_err("no path");
        assert!(error.is_no_path(), "{from:?} to {to}: {error}");
        assert!(
            error.to_string().contains(says),
            "{from:?} to {to}: {error}"
        );
    }
}

#[test]
fn what_nobody_can_mean_is_a_matter_of_usage() {
    for (from, to, says) in [
        (&["kyma=1.10.0"][..], "kyma=1.9", "cannot be downgraded"),
        (&["kyma=1.10.0"], "dkp=2.2", "--to kyma="),
        (&["kyma=1.10.0"], "cluster-api=1.5", "--to kyma="),
        (&["kyma=1.16.0"], "kyma=1.17", "1.16.0-rc4"),
        (
            &["kyma=1.15.1"],
            "kyma=1.16.0",
            "Kyma has no release 1.16.0",
        ),
        (
            &["kyma=1.15.1"],
            "kyma=1.16.0",
            "nearest reachable release is 1.16.0-rc4",
        ),
        (&["kyma=2.20.0"], "kyma=2.21", "each module has its own"),
        (
            &["kyma=2.19.0"],
            "kyma=2.21",
            "nearest reachable release is 2.20.0",
        ),
        (&[], "kyma=1.16.0", "Kyma has no release 1.16.0"),
        (&[], "kyma=1.99", "Kyma has no release 1.99"),
        (&[], "dkp=2.2.9", "known releases of 2.2: 2.2.0"),
        (
            &["dkp=2.1.1"],
            "dkp=2.2.9",
            "nearest reachable release is 2.2.3",
        ),
        (&[], "dkp=9.9.9", "DKP has no release 9.9.9"),
    ] {
        let error = find(from, &[to]).expect_err("no path");
        assert!(!error.is_no_path(), "{from:?} to {to}: {error}");
        assert!(
            error.to_string().contains(says),
            "{from:?} to {to}: {error}"
        );
    }
}

#[test]
fn beyond_the_catalog_a_platform_goes_one_minor_and_no_further() {
    assert_eq!(way(&["dkp=2.17.1"], &["dkp=2.18"]), "dkp 2.18");
    assert!(way(&["dkp=2.17.1"], &["dkp=2.20"]).contains("no supported path"));
}

#[test]
fn a_release_that_nothing_leads_on_from_is_said_aloud() {
    let path = find(&["dkp=2.3.3"], &["dkp=2.4.2"]).expect("a path");
    let said =
        |remark: &String| remark.contains("DKP 2.4.2 has no supported upgrade to a later release");
    assert!(path.remarks.iter().any(said), "{:?}", path.remarks);
    let path = find(&["dkp=2.3.3"], &["dkp=2.4.1"]).expect("a path");
    assert!(
        !path
            .remarks
            .iter()
            .any(|remark| remark.contains("leads on"))
    );
}
