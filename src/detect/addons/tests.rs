//! Which add-ons are told from workloads and from Helm's records.

use super::{detect, needs, unrecorded_images};
use crate::catalog::Catalog;
use crate::need::{ClusterId, Discovery, read_plan};
use crate::snapshot::{
    ClusterSnapshot, HelmReleaseRow, HelmStorage, ManifestObject, MetaRow, ReadOutcome, ReadResult,
    Rows, Table, WorkloadRow,
};

fn workload(namespace: &str, name: &str, images: &[&str]) -> WorkloadRow {
    WorkloadRow {
        meta: MetaRow {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
            ..MetaRow::default()
        },
        images: images.iter().map(|&image| image.into()).collect(),
        ..WorkloadRow::default()
    }
}

fn record(namespace: &str, chart: &str, deployments: &[&str]) -> HelmReleaseRow {
    let object = |name: &&str| ManifestObject {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: None,
        name: (*name).to_owned(),
        location: String::new(),
        ..ManifestObject::default()
    };
    HelmReleaseRow {
        namespace: namespace.to_owned(),
        release: "it".to_owned(),
        revision: 1,
        chart: chart.to_owned(),
        storage: HelmStorage::Secret,
        created_at: None,
        status: "deployed".to_owned(),
        label: None,
        objects: deployments.iter().map(object).collect(),
    }
}

/// A cluster in which everything was read that tells of add-ons, but for what is refused.
fn cluster(
    catalog: &Catalog,
    deployments: Vec<WorkloadRow>,
    daemon_sets: Vec<WorkloadRow>,
    helm: Vec<HelmReleaseRow>,
    refused: &str,
) -> ClusterSnapshot {
    let survey = Discovery {
        git_version: "v1.27.3".parse().expect("a version"),
        emulation_version: None,
        group_versions: ["v1", "apps/v1"].map(str::to_owned).into(),
    };
    let requests = read_plan(&needs(), &survey, catalog, None);
    let readings = requests.into_iter().map(|request| {
        let what = request.target.to_string();
        let rows = match what.split([' ', '.']).next().unwrap_or_default() {
            "deployments" => Rows::Workloads(deployments.clone().into()),
            "daemonsets" => Rows::Workloads(daemon_sets.clone().into()),
            "secrets" => Rows::HelmReleases(helm.clone().into()),
            "configmaps" => Rows::HelmReleases(Table::default()),
            _ => Rows::Workloads(Table::default()),
        };
        let outcome = match !refused.is_empty() && what.starts_with(refused) {
            true => ReadOutcome::Failed {
                why: "refused".to_owned(),
            },
            false => ReadOutcome::Complete,
        };
        ReadResult {
            target: request.target,
            detail_level: request.detail_level,
            freshness: request.freshness,
            field_paths: request.field_paths,
            outcome,
            finished_at: jiff::Timestamp::UNIX_EPOCH,
            rows,
            skipped_objects: Vec::new(),
            resource_version: None,
        }
    });
    ClusterSnapshot {
        id: ClusterId("shop".to_owned()),
        context: None,
        server: String::new(),
        namespace: None,
        ledger: readings.collect(),
        discovery: survey,
    }
}

#[test]
fn add_ons_are_found_by_their_images_and_charts() {
    let catalog = Catalog::embedded().expect("the catalog");
    let deployments = vec![
        workload(
            "kube-system",
            "coredns",
            &["registry.k8s.io/coredns/coredns:v1.10.1"],
        ),
        workload(
            "cert-manager",
            "cm",
            &["quay.io/jetstack/cert-manager-controller:v1.12.2"],
        ),
        workload(
            "cert-manager",
            "cm-webhook",
            &["quay.io/jetstack/cert-manager-webhook:v1.12.2"],
        ),
        workload("ingress", "edge", &["mirror.local/it@sha256:0123"]),
        workload("shop", "web", &["shop/web:1.2.3", "envoy:v1"]),
    ];
    let daemon_sets = vec![
        workload(
            "kube-system",
            "net",
            &[
                "docker.io/calico/node@sha256:0123",
                "docker.io/calico/node@sha256:0123",
            ],
        ),
        workload(
            "kube-system",
            "kube-proxy",
            &["registry.k8s.io/kube-proxy:v1.27.3"],
        ),
    ];
    let helm = vec![
        record(
            "cert-manager",
            "cert-manager-v1.12.2",
            &["cm", "cm-webhook"],
        ),
        record("ingress", "ingress-nginx-4.7.1", &["edge"]),
        record("shop", "web-1.0.0", &["web"]),
    ];
    let cluster = cluster(catalog, deployments, daemon_sets, helm, "");
    let found = detect(&cluster, catalog);
    assert!(found.missing.is_empty(), "{:?}", found.missing);
    let told: Vec<_> = found
        .installed
        .iter()
        .map(|it| {
            let version = it.version.as_ref().map(|version| version.raw.as_str());
            (
                it.component.as_str(),
                it.kind,
                it.name.as_str(),
                version,
                it.chart.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("calico", "DaemonSet", "net", None, None),
            (
                "cert-manager",
                "Deployment",
                "cm",
                Some("1.12.2"),
                Some("cert-manager-v1.12.2")
            ),
            ("coredns", "Deployment", "coredns", Some("1.10.1"), None),
            (
                "ingress-nginx",
                "Deployment",
                "edge",
                None,
                Some("ingress-nginx-4.7.1")
            ),
            (
                "kube-proxy",
                "DaemonSet",
                "kube-proxy",
                Some("1.27.3"),
                None
            ),
        ]
    );
    let why = |component: &str| {
        let it = found.installed.iter().find(|it| it.component == component);
        it.and_then(|it| it.unknown_version_reason.clone())
            .unwrap_or_default()
    };
    assert_eq!(why("calico"), "the image is named by its digest alone");
    assert!(why("ingress-nginx").contains("only from the chart"));
    assert_eq!(why("coredns"), "");
}

#[test]
fn what_could_not_be_looked_at_is_told() {
    let catalog = Catalog::embedded().expect("the catalog");
    let deployments = vec![workload("a", "b", &["istio/pilot:1.20.0"])];
    for (refused, seen) in [("deployments", 0), ("daemonsets", 1), ("secrets", 1)] {
        let cluster = cluster(
            catalog,
            deployments.clone(),
            Vec::new(),
            Vec::new(),
            refused,
        );
        let found = detect(&cluster, catalog);
        assert_eq!(found.installed.len(), seen, "{refused}");
        assert_eq!(found.missing.len(), 1, "{refused}: {:?}", found.missing);
        assert!(found.missing[0].what.starts_with(refused));
    }
}

#[test]
fn a_snapshot_without_images_is_not_one_without_add_ons() {
    let catalog = Catalog::embedded().expect("the catalog");
    let old: WorkloadRow =
        serde_json::from_str(r#"{"meta": {"namespace": "a", "name": "b"}}"#).expect("a row");
    let cluster = cluster(catalog, vec![old], Vec::new(), Vec::new(), "");
    let found = detect(&cluster, catalog);
    assert!(found.installed.is_empty());
    assert_eq!(found.missing, unrecorded_images(&cluster, catalog));
    assert_eq!(found.missing[0].what, "images of deployments.apps");
}
