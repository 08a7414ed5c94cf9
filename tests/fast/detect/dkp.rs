//! Releases of DKP.

use kubectl_upgrade::catalog::PlatformName;
use kubectl_upgrade::detect::TopologyRole;

use super::load;

#[test]
fn dkp_is_told_by_the_strongest_evidence_that_is_left() {
    let given = load("dkp-management");
    let mut gone = Vec::new();
    let steps: [(&[&str], &str, &str); 5] = [
        (
            &[],
            "2.5.1",
            "HelmRelease kommander/kommander applied v2.5.1",
        ),
        (
            &["HelmRelease"],
            "2.5.1",
            "AppDeployment kommander/kommander",
        ),
        (
            &["AppDeployment"],
            "2.5.1",
            "status.version of KommanderCore",
        ),
        (&["KommanderCore"], "none", "Konvoy 2.2 or later"),
        (
            &[
                "KommanderCluster",
                "Workspace",
                "Project",
                "License",
                "GitRepository",
            ],
            "none",
            "label konvoy.d2iq.io/provider=aws of Cluster default/mgmt",
        ),
    ];
    for (kinds, release, says) in steps {
        gone.extend_from_slice(kinds);
        let left = given.clone().without(&gone);
        let detected = left.detected();
        let dkp = detected.platform(PlatformName::Dkp).expect("DKP");
        assert!(
            dkp.evidence.iter().any(|line| line.contains(says)),
            "{gone:?}: {dkp:#?}"
        );
        let found = left.release(PlatformName::Dkp);
        assert_eq!(found.as_deref(), Some(release), "without {gone:?}");
        let gap = left.detection_gaps().contains("the release of DKP");
        assert_eq!(gap, release == "none", "{}", left.detection_gaps());
        assert_eq!(
            detected.topology.role,
            Some(TopologyRole::Management),
            "{gone:?}"
        );
    }
    gone.extend(["Provider", "Cluster", "Deployment"]);
    let nothing = given.without(&gone);
    assert_eq!(nothing.release(PlatformName::Dkp), None);
    assert_eq!(nothing.detected().topology.role, None);
}

#[test]
fn a_release_of_dkp_that_cannot_be_told_is_a_gap() {
    let only = |kind: &str| {
        let all = ["HelmRelease", "AppDeployment", "KommanderCore"];
        let others: Vec<&str> = all.into_iter().filter(|other| *other != kind).collect();
        load("dkp-management").without(&others)
    };
    for (given, says) in [
        (
            only("AppDeployment").with("kommander-0.5.1", "kommander-0.3.2"),
            "2.3.1 or 2.3.2",
        ),
        (
            only("AppDeployment").with("kommander-0.5.1", "kommander-0.99.0"),
            "knows no release",
        ),
        (
            only("HelmRelease").with("\"lastAppliedRevision\":\"v2.5.1\"", "\"x\":\"\""),
            "applied nothing",
        ),
        (
            only("HelmRelease").with("v2.5.1", "0.0.0-dev.0"),
            "no release that was published",
        ),
        (load("dkp-1-8"), "cluster.yaml"),
    ] {
        assert_eq!(given.release(PlatformName::Dkp).as_deref(), Some("none"));
        assert!(
            given.detection_gaps().contains(says),
            "{}",
            given.detection_gaps()
        );
    }
    // From its second API on Flux keeps a history. What is wanted stands beside it as before.
    let history = only("HelmRelease").with(
        "\"lastAppliedRevision\":\"v2.5.1\"",
        "\"history\":[{\"chartVersion\":\"2.6.0\",\"status\":\"failed\"},{\"chartVersion\":\"2.5.1\",\"status\":\"deployed\"}]",
    );
    assert_eq!(history.release(PlatformName::Dkp).as_deref(), Some("2.5.1"));
    assert_eq!(history.detected().remarks, Vec::<String>::new());
    let wants = history.with("\"version\":\"v2.5.1\"}}}", "\"version\":\"v2.6.0\"}}}");
    let remarks = wants.detected().remarks;
    assert!(remarks[0].contains("wants v2.6.0"), "{remarks:?}");
}

#[test]
fn evidence_that_disagrees_is_said_aloud() {
    let detected = load("dkp-half-done").detected();
    let dkp = detected.platform(PlatformName::Dkp).expect("DKP");
    assert_eq!(
        dkp.version.as_ref().map(ToString::to_string).as_deref(),
        Some("2.2.1")
    );
    let conflicting = dkp
        .evidence
        .iter()
        .filter(|line| line.starts_with("conflicting: "));
    assert_eq!(conflicting.count(), 1, "{dkp:#?}");
    for says in ["conflicting", "half done", "wants v2.2.2"] {
        let mut remarks = detected.remarks.iter();
        assert!(
            remarks.any(|remark| remark.contains(says)),
            "{says}: {:#?}",
            detected.remarks
        );
    }
    assert!(load("dkp-management").detected().remarks.is_empty());
}
