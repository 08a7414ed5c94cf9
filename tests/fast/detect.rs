//! What runs, told from the objects that a cluster would hold: each piece of evidence with the stronger ones taken away.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubectl_upgrade::catalog::{Catalog, PlatformName, Release, Served};
use kubectl_upgrade::check::{Policy, Situation, judge};
use kubectl_upgrade::detect::{self, Detected, Role};
use kubectl_upgrade::need::{ClusterId, Depth, Request, Subject, Survey, plan};
use kubectl_upgrade::path::Path;
use kubectl_upgrade::report::UpgradeReport;
use kubectl_upgrade::snapshot::{
    Files, JsonRow, MetaRow, NodeRow, Outcome, Picture, Reading, Rows, Snapshot,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::golden;

const FOLDER: &str = "tests/fixtures/detect";
const NAMES: [&str; 12] = [
    "cluster-api-managed",
    "cluster-api-management",
    "dkp-1-8",
    "dkp-attached",
    "dkp-bootstrap",
    "dkp-half-done",
    "dkp-managed",
    "dkp-management",
    "kyma",
    "kyma-local",
    "kyma-modules-alone",
    "left-behind",
];

/// A cluster, by its objects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    kubernetes: Release,
    #[serde(default)]
    server: String,
    /// Group versions that are served beside those of the objects.
    #[serde(default)]
    serves: Vec<String>,
    objects: Vec<Value>,
    /// Plural names that may not be read.
    #[serde(default)]
    refused: Vec<String>,
}

impl Given {
    fn load(name: &str) -> Self {
        let path = golden::in_repository(&format!("{FOLDER}/{name}.yaml"));
        let text = std::fs::read_to_string(&path).expect("the fixture");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The same without the objects of these kinds, or of one `Kind/name`. Their APIs stay.
    fn without(mut self, kinds: &[&str]) -> Self {
        let apis = self.objects.iter();
        self.serves
            .extend(apis.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned)));
        self.objects.retain(|object| {
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            !kinds.contains(&kind) && !kinds.contains(&format!("{kind}/{name}").as_str())
        });
        self
    }

    /// The same with a text of every object replaced.
    fn with(mut self, from: &str, to: &str) -> Self {
        let text = Value::from(self.objects).to_string();
        assert!(text.contains(from), "{from}");
        self.objects = serde_json::from_str(&text.replace(from, to)).expect("objects");
        self
    }

    fn picture(&self, catalog: &Catalog) -> Picture {
        let minor = self.kubernetes.minor();
        let built_in = catalog.apis.iter();
        let offered = built_in.filter(|api| api.exists_in(minor) && api.served == Served::Yes);
        let mut group_versions: std::collections::BTreeSet<String> =
            offered.map(|api| api.gvk().api_version()).collect();
        group_versions.extend(self.serves.iter().cloned());
        let apis = self.objects.iter();
        group_versions
            .extend(apis.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned)));
        let survey = Survey {
            git_version: self.kubernetes.clone(),
            emulated: None,
            group_versions,
        };
        let requests = plan(&detect::needs(&survey), &survey, catalog, None);
        let readings = requests
            .iter()
            .map(|request| self.reading(request, catalog));
        Picture {
            id: ClusterId("mine".to_owned()),
            context: Some("mine".to_owned()),
            server: self.server.clone(),
            namespace: None,
            readings: readings.collect(),
            survey,
        }
    }

    /// As an API server would answer.
    fn reading(&self, request: &Request, catalog: &Catalog) -> Reading {
        let Subject::Objects {
            resource,
            namespace,
            selector,
        } = &request.subject
        else {
            panic!("{request:?}");
        };
        let custom = catalog.custom.iter();
        let kind = custom
            .filter(|api| api.group == resource.group && api.resource == resource.plural)
            .map(|api| api.kind.to_lowercase())
            .next()
            .unwrap_or_else(|| resource.plural.trim_end_matches('s').to_owned());
        let found = self.objects.iter().filter(|object| {
            let group = object["apiVersion"].as_str().expect("an apiVersion");
            let group = group.split_once('/').map_or("", |(group, _)| group);
            let meta = &object["metadata"];
            let fits_namespace = namespace
                .as_ref()
                .is_none_or(|namespace| meta["namespace"] == **namespace);
            let fits_name = selector
                .fields
                .strip_prefix("metadata.name=")
                .is_none_or(|name| meta["name"] == *name);
            let fits_label = match selector.labels.split_once('=') {
                Some((name, value)) => meta["labels"][name] == *value,
                None => {
                    selector.labels.is_empty() || meta["labels"].get(&selector.labels).is_some()
                }
            };
            object["kind"].as_str().expect("a kind").to_lowercase() == kind
                && group == resource.group
                && fits_namespace
                && fits_name
                && fits_label
        });
        let rows = match (request.depth, kind.as_str()) {
            (Depth::Fields, _) => Rows::Nodes(found.map(node).collect()),
            (Depth::Meta, _) => Rows::Meta(found.map(meta).collect()),
            (Depth::Whole, _) => Rows::Json(found.map(row).collect()),
        };
        let outcome = match self.refused.contains(&resource.plural) {
            true => Outcome::Refused {
                why: format!("{resource} is forbidden"),
                rbac: request.access.clone(),
            },
            false => Outcome::Complete,
        };
        Reading {
            subject: request.subject.clone(),
            depth: request.depth,
            freshness: request.freshness,
            outcome,
            at: Timestamp::UNIX_EPOCH,
            rows,
            faults: Vec::new(),
        }
    }

    fn detected(&self) -> Detected {
        let catalog = Catalog::embedded().expect("the catalog");
        Detected::new(&self.picture(&catalog), &catalog)
    }

    /// The release of a platform in words; `none` where it is there without one.
    fn release(&self, platform: PlatformName) -> Option<String> {
        let detected = self.detected();
        let version = &detected.platform(platform)?.version;
        Some(
            version
                .as_ref()
                .map_or("none".to_owned(), ToString::to_string),
        )
    }

    /// Everything that is not told of it, in one text.
    fn unseen(&self) -> String {
        let unseen = self.detected().unseen.into_iter();
        let texts: Vec<String> = unseen
            .map(|unseen| {
                format!(
                    "{}: {}: {}",
                    unseen.cluster, unseen.unmet.what, unseen.unmet.why
                )
            })
            .collect();
        texts.join("\n")
    }

    fn report(&self) -> UpgradeReport {
        let catalog = Catalog::embedded().expect("the catalog");
        let snapshot = Snapshot {
            taken_at: Timestamp::UNIX_EPOCH,
            clusters: vec![self.picture(&catalog)],
            files: Files::default(),
        };
        let path = Path::find(Some(&self.kubernetes), None, &[], &catalog).expect("a path");
        let situation = Situation::new(&snapshot, &catalog, &path, snapshot.taken_at);
        let judgement = judge(&situation, &[], &Policy::default());
        UpgradeReport::new(&situation, &judgement)
    }
}

fn text(object: &Value, pointer: &str) -> Option<String> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn meta(object: &Value) -> MetaRow {
    MetaRow {
        namespace: text(object, "/metadata/namespace"),
        name: text(object, "/metadata/name").expect("a name"),
        ..MetaRow::default()
    }
}

fn row(object: &Value) -> JsonRow {
    JsonRow {
        meta: meta(object),
        object: object.clone(),
    }
}

fn node(object: &Value) -> NodeRow {
    let annotations: BTreeMap<String, String> =
        serde_json::from_value(object["metadata"]["annotations"].clone()).unwrap_or_default();
    let of = |name: &str| annotations.get(&format!("cluster.x-k8s.io/{name}"));
    NodeRow {
        name: text(object, "/metadata/name").expect("a name"),
        provider_id: text(object, "/spec/providerID").unwrap_or_default(),
        cluster: of("cluster-namespace")
            .zip(of("cluster-name"))
            .map(|(namespace, name)| format!("{namespace}/{name}")),
        ..NodeRow::default()
    }
}

/// Every fixture has its golden report: what of it concerns detection.
#[test]
fn what_is_said_of_each_kind_of_cluster() {
    for name in NAMES {
        let report = Given::load(name).report();
        let said = json!({
            "platforms": report.cluster.platforms[1..].iter().map(|platform| {
                serde_json::to_value(platform).expect("a value")
            }).collect::<Vec<_>>(),
            "topology": report.cluster.topology,
            "gaps": report.gaps,
            "remarks": report.remarks,
        });
        let text = serde_json::to_string_pretty(&said).expect("JSON");
        golden::compare(&format!("{FOLDER}/{name}.json"), &format!("{text}\n"));
    }
}

#[test]
fn a_plain_cluster_is_asked_for_its_nodes_and_nothing_more() {
    let catalog = Catalog::embedded().expect("the catalog");
    let plain = Given {
        kubernetes: "1.33.1".parse().expect("a version"),
        server: String::new(),
        serves: Vec::new(),
        objects: Vec::new(),
        refused: Vec::new(),
    };
    let picture = plain.picture(&catalog);
    assert_eq!(detect::needs(&picture.survey), [detect::nodes()]);
    let detected = plain.detected();
    assert!(detected.platforms.is_empty() && detected.unseen.is_empty());
    assert_eq!(detected.topology, detect::Topology::default());
}

#[test]
fn dkp_is_told_by_the_strongest_evidence_that_is_left() {
    let given = Given::load("dkp-management");
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
        let gap = left.unseen().contains("the release of DKP");
        assert_eq!(gap, release == "none", "{}", left.unseen());
        assert_eq!(detected.topology.role, Some(Role::Management), "{gone:?}");
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
        Given::load("dkp-management").without(&others)
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
        (Given::load("dkp-1-8"), "cluster.yaml"),
    ] {
        assert_eq!(given.release(PlatformName::Dkp).as_deref(), Some("none"));
        assert!(given.unseen().contains(says), "{}", given.unseen());
    }
    // From its second API on Flux keeps a history.
    let history = only("HelmRelease").with(
        "\"lastAppliedRevision\":\"v2.5.1\"",
        "\"history\":[{\"chartVersion\":\"2.6.0\",\"status\":\"failed\"},{\"chartVersion\":\"2.5.1\",\"status\":\"deployed\"}]",
    );
    assert_eq!(history.release(PlatformName::Dkp).as_deref(), Some("2.5.1"));
}

#[test]
fn evidence_that_disagrees_is_said_aloud() {
    let detected = Given::load("dkp-half-done").detected();
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
    assert!(Given::load("dkp-management").detected().remarks.is_empty());
}

#[test]
fn kyma_is_told_by_the_strongest_evidence_that_is_left() {
    let given = Given::load("kyma");
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
        let gap = left.unseen().contains("the release of Kyma");
        let told = release != "none" || variant == Some("modules");
        assert_eq!(gap, !told, "{}", left.unseen());
    }
    gone.push("Installation");
    let nothing = given.without(&gone);
    assert_eq!(nothing.release(PlatformName::Kyma), None);
    let remarks = nothing.detected().remarks;
    assert!(remarks[0].contains("left behind"), "{remarks:?}");
}

#[test]
fn only_published_images_of_the_installer_name_a_release() {
    let given = Given::load("kyma").without(&["Kyma", "ConfigMap/eventing-status"]);
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
        assert!(other.unseen().contains(image), "{}", other.unseen());
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
    let given = Given::load("cluster-api-management");
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
    let given = Given::load("dkp-management");
    let gaps = |clusters: Vec<Picture>| {
        let snapshot = Snapshot {
            taken_at: Timestamp::UNIX_EPOCH,
            clusters,
            files: Files::default(),
        };
        let path = Path::find(Some(&given.kubernetes), None, &[], &catalog).expect("a path");
        let situation = Situation::new(&snapshot, &catalog, &path, snapshot.taken_at);
        let gaps = judge(&situation, &[], &Policy::default()).gaps;
        let mut ids: Vec<String> = gaps
            .into_iter()
            .filter_map(|gap| Some(gap.cluster?.0))
            .collect();
        ids.sort();
        ids
    };
    let own = given.picture(&catalog);
    assert_eq!(
        gaps(vec![own.clone()]),
        ["default/loose", "retail-ns/east", "retail-ns/office"]
    );
    let mut east = Given::load("cluster-api-managed").picture(&catalog);
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
        let mut given = Given::load(name);
        given.refused = vec![plural.to_owned()];
        let unseen = given.detected().unseen;
        let refused = unseen
            .iter()
            .find(|unseen| unseen.unmet.what.starts_with(plural));
        let refused = refused.unwrap_or_else(|| panic!("{plural}: {unseen:#?}"));
        assert!(refused.unmet.rbac.is_some(), "{refused:?}");
    }
}
