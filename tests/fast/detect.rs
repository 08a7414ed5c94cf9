//! What runs, told from the objects that a cluster would hold: each piece of evidence with the stronger ones taken away.

mod dkp;
mod way;

use jiff::Timestamp;
use kubectl_upgrade::catalog::{Catalog, PlatformName};
use kubectl_upgrade::detect::{self, DetectedCluster};
use kubectl_upgrade::fleet::Fleet;
use kubectl_upgrade::need::{ClusterId, Need};
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::rules::Policy;
use kubectl_upgrade::snapshot::{self, ClusterSnapshot, ManifestFiles, MissingData, Snapshot};

use crate::cluster::Cluster;
use crate::golden;
use crate::program::{run, text};

/// Where the clusters are, each with what is detected of it.
pub(crate) const FOLDER: &str = "tests/fixtures/detect";

/// The cluster of this name.
pub(crate) fn load(name: &str) -> Cluster {
    Cluster::load(golden::in_repository(&format!("{FOLDER}/{name}.yaml")))
}

/// The clusters of all fixtures, with a way to go.
pub(crate) fn snapshots(catalog: &Catalog) -> Vec<(String, Snapshot, UpgradePath)> {
    let one = |name: String| {
        let given = load(&name);
        let snapshot = given.detection_snapshot(catalog);
        let path = UpgradePath::for_kubernetes(Some(&given.kubernetes), None, &[], catalog)
            .expect("a path");
        (name, snapshot, path)
    };
    golden::stems(FOLDER, ".yaml")
        .into_iter()
        .map(one)
        .collect()
}

#[test]
fn a_plain_cluster_is_asked_for_its_nodes_and_nothing_more() {
    let catalog = Catalog::embedded().expect("the catalog");
    let plain = Cluster::parse("kubernetes: 1.33.1", "plain");
    let snapshot = plain.detection_snapshot(catalog);
    assert_eq!(
        detect::needs(&snapshot.clusters[0].discovery),
        [Need::nodes()]
    );
    let detected = plain.detected();
    assert!(detected.platforms.is_empty() && detected.gaps.is_empty());
    assert_eq!(detected.topology, detect::Topology::default());
}

#[test]
fn an_object_that_cannot_be_understood_is_a_gap() {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut picture = load("kyma").detection_snapshot(catalog).clusters.remove(0);
    let whole = DetectedCluster::new(&picture, catalog);
    let reading = picture.ledger.iter_mut().find(|reading| {
        let what = reading.target.to_string();
        what.starts_with("installations.")
    });
    reading
        .expect("what tells Kyma")
        .skipped_objects
        .push(MissingData {
            what: "installations.installer.kyma-project.io/default/other".to_owned(),
            why: "it is no object".to_owned(),
            rbac: None,
        });
    let damaged = DetectedCluster::new(&picture, catalog);
    let new: Vec<String> = damaged
        .gaps
        .iter()
        .filter(|unseen| !whole.gaps.contains(unseen))
        .map(|unseen| format!("{}: {}", unseen.missing.what, unseen.missing.why))
        .collect();
    assert_eq!(
        new,
        [
            "installations.installer.kyma-project.io/default/other: it is no object; a platform is detected from it"
        ]
    );
}

#[test]
fn kyma_is_told_by_the_strongest_evidence_that_is_left() {
    let given = load("kyma");
    let mut gone = Vec::new();
    let steps: [(&[&str], &str, Option<&str>); 5] = [
        (&[], "none", Some("modules")),
        (&["Kyma"], "2.4.2", Some("cluster")),
        (
            &[
                "Deployment/eventing-controller",
                "Deployment/serverless-ctrl-mngr",
                "Deployment/rafter-controller-manager",
            ],
            "2.4.2",
            Some("cluster"),
        ),
        (&["ConfigMap/eventing-status"], "1.24.8", Some("cluster")),
        (&["Deployment/kyma-installer"], "none", Some("cluster")),
    ];
    for (kinds, release, variant) in steps {
        gone.extend_from_slice(kinds);
        let left = given.clone().without(&gone);
        let detected = left.detected();
        let kyma = detected.platform(PlatformName::Kyma).expect("Kyma");
        assert_eq!(
            left.release(PlatformName::Kyma).as_deref(),
            Some(release),
            "{gone:?}"
        );
        assert_eq!(kyma.variant.as_deref(), variant, "{gone:?}");
        let gap = left.detection_gaps().contains("the release of Kyma");
        let told = release != "none" || variant == Some("modules");
        assert_eq!(gap, !told, "{}", left.detection_gaps());
    }
    gone.push("Installation");
    let nothing = given.without(&gone);
    assert_eq!(nothing.release(PlatformName::Kyma), None);
    let remarks = nothing.detected().remarks;
    assert!(remarks[0].contains("left behind"), "{remarks:?}");
}

#[test]
fn a_release_that_cannot_be_detected_is_stated() {
    let catalog = Catalog::embedded().expect("the catalog");
    let folder = tempfile::tempdir().expect("a folder");
    let run_on = |cluster: &Cluster, args: &[&str]| {
        let file = folder.path().join("kyma.snapshot");
        snapshot::save(&cluster.detection_snapshot(catalog), &file).expect("a file");
        let file = file.to_str().expect("UTF-8");
        let output = run(&[&["--snapshot", file, "-o", "json"], args].concat());
        let report = serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
        (output.status.code(), text(&output.stderr), report)
    };
    let known = load("kyma").without(&["Kyma"]);
    let unknown = known.clone().without(&[
        "Deployment/eventing-controller",
        "Deployment/serverless-ctrl-mngr",
        "Deployment/rafter-controller-manager",
        "ConfigMap/eventing-status",
        "Deployment/kyma-installer",
    ]);
    for to in ["kyma=2.4.3", "2.4.3"] {
        let (code, stderr, _) = run_on(&unknown, &["--to", to]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("the release of Kyma could not be determined")
                && stderr.contains("--from kyma=VERSION"),
            "{stderr}"
        );
    }
    let stated = ["--from", "kyma=2.4.2", "--to", "kyma=2.4.3"];
    let (code, stderr, report) = run_on(&unknown, &stated);
    assert_eq!(report["path"][0]["to"], "2.4.3", "{code:?} {stderr}");
    assert_eq!(report["cluster"]["platforms"][1]["version"], "2.4.2");
    let gaps = report["gaps"].to_string();
    assert!(!gaps.contains("the release of Kyma"), "{gaps}");
    // What the cluster shows is not stated otherwise, neither is what it does not run.
    let (code, stderr, _) = run_on(&known, &["--from", "kyma=2.3.0", "--to", "kyma=2.4.3"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("runs Kyma 2.4.2 ("), "{stderr}");
    let (_, stderr, report) = run_on(&known, &stated);
    assert_eq!(report["path"][0]["from"], "2.4.2", "{stderr}");
    let (code, stderr, _) = run_on(&load("kyma"), &stated);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("no single release of Kyma"), "{stderr}");
}

#[test]
fn only_published_images_of_the_installer_name_a_release() {
    let given = load("kyma").without(&["Kyma", "ConfigMap/eventing-status"]);
    let given = given.with("reconciler.kyma-project.io/managed-by", "other");
    let official = "eu.gcr.io/kyma-project/kyma-installer:1.24.8";
    assert_eq!(given.release(PlatformName::Kyma).as_deref(), Some("1.24.8"));
    for image in [
        "eu.gcr.io/kyma-project/kyma-installer:main-0123abcd",
        "eu.gcr.io/kyma-project/kyma-installer:PR-9486-0123abcd",
        "eu.gcr.io/kyma-project/kyma-installer@sha256:0123",
        "eu.gcr.io/kyma-project/kyma-installer:1.17.0-rc1",
        "eu.gcr.io/kyma-project/develop/installer:0123abcd",
        "registry.example:5000/my/kyma-installer:1.24.8",
        "my/kyma-installer:v1.4.0",
    ] {
        let other = given.clone().with(official, image);
        assert_eq!(
            other.release(PlatformName::Kyma).as_deref(),
            Some("none"),
            "{image}"
        );
        assert!(
            other.detection_gaps().contains(image),
            "{}",
            other.detection_gaps()
        );
    }
    // A copy in a registry of one's own keeps the path and the tag.
    for registry in ["registry.example:5000", "registry.example/proxy/eu.gcr.io"] {
        let copy = official.replace("eu.gcr.io", registry);
        let mirrored = given.clone().with(official, &copy);
        assert_eq!(
            mirrored.release(PlatformName::Kyma).as_deref(),
            Some("1.24.8")
        );
        let detected = mirrored.detected();
        let kyma = detected.platform(PlatformName::Kyma).expect("Kyma");
        let evidence = kyma.evidence.concat();
        assert!(
            evidence.contains(&format!("likely: a copy in the registry {registry}")),
            "{evidence}"
        );
        let unpublished = given
            .clone()
            .with(official, &copy.replace("1.24.8", "1.24.99"));
        assert_eq!(
            unpublished.release(PlatformName::Kyma).as_deref(),
            Some("none")
        );
    }
    let with_digest = format!("{official}@sha256:0123");
    let pinned = given.with(official, &with_digest);
    assert_eq!(
        pinned.release(PlatformName::Kyma).as_deref(),
        Some("1.24.8")
    );
}

#[test]
fn cluster_api_is_told_by_the_strongest_evidence_that_is_left() {
    let given = load("cluster-api-management");
    let mut gone = Vec::new();
    let steps: [(&[&str], &str); 3] = [
        (&[], "1.11.3"),
        (&["Provider"], "1.11.2"),
        (&["Deployment"], "none"),
    ];
    for (kinds, release) in steps {
        gone.extend_from_slice(kinds);
        let left = given.clone().without(&gone);
        let found = left.release(PlatformName::ClusterApi);
        assert_eq!(found.as_deref(), Some(release), "{gone:?}");
    }
    gone.push("Cluster");
    assert_eq!(given.without(&gone).release(PlatformName::ClusterApi), None);
}

#[test]
fn other_clusters_are_gaps_until_they_are_read() {
    let catalog = Catalog::embedded().expect("the catalog");
    let given = load("dkp-management");
    let gaps = |clusters: Vec<ClusterSnapshot>| {
        let snapshot = Snapshot {
            is_redacted: false,
            taken_at: Timestamp::UNIX_EPOCH,
            clusters,
            unread: Vec::new(),
            files: ManifestFiles::default(),
        };
        let path = UpgradePath::for_kubernetes(Some(&given.kubernetes), None, &[], catalog)
            .expect("a path");
        let paths = vec![path; snapshot.clusters.len()];
        let policy = Policy::default();
        let facts = (catalog, snapshot.taken_at);
        let fleet = Fleet::evaluate(&snapshot, &paths, facts, &[], &policy, |_, _| ());
        let gaps = fleet.combined(&policy).gaps;
        let mut ids: Vec<String> = gaps
            .into_iter()
            .filter_map(|gap| Some(gap.cluster?.0))
            .collect();
        ids.sort();
        ids
    };
    let own = given.detection_snapshot(catalog).clusters.remove(0);
    assert_eq!(
        gaps(vec![own.clone()]),
        ["default/loose", "retail-ns/east", "retail-ns/office"]
    );
    let mut east = load("cluster-api-managed")
        .detection_snapshot(catalog)
        .clusters
        .remove(0);
    east.id = ClusterId("retail-ns/east".to_owned());
    assert_eq!(gaps(vec![own, east]), ["default/loose", "retail-ns/office"]);
}

#[test]
fn what_may_not_be_read_is_a_gap_that_says_what_to_allow() {
    for (name, plural) in [
        ("dkp-management", "licenses"),
        ("dkp-management", "kommanderclusters"),
        ("kyma", "installations"),
        ("cluster-api-management", "clusters"),
    ] {
        let mut given = load(name);
        given.refused = vec![plural.to_owned()];
        let unseen = given.detected().gaps;
        let refused = unseen
            .iter()
            .find(|unseen| unseen.missing.what.starts_with(plural));
        let refused = refused.unwrap_or_else(|| panic!("{plural}: {unseen:#?}"));
        assert!(refused.missing.rbac.is_some(), "{refused:?}");
    }
}
