//! Several clusters in one snapshot: each is evaluated with its own path, and the run is as good as the worst of them.

use std::collections::BTreeSet;

use kubectl_upgrade::api::v1::{UpgradeReport, VerdictDoc};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::fleet::Fleet;
use kubectl_upgrade::need::ClusterId;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{self, Plan, PlanOptions};
use kubectl_upgrade::rules::{Finding, Policy};
use kubectl_upgrade::snapshot::{ManifestObject, Snapshot};
use serde_json::json;

use crate::cluster::{Cluster, rules};

/// A budget that a client wrote through an API that 1.25 does not serve, and a cordoned node.
const OLD: &str = r#"
kubernetes: 1.24.17
to: "1.25"
now: 2025-01-01T00:00:00Z
context: old
objects:
- apiVersion: v1
  kind: Node
  metadata: {name: a}
  spec: {unschedulable: true}
  status: {nodeInfo: {kubeletVersion: v1.24.17}, conditions: [{type: Ready, status: "True"}]}
- apiVersion: policy/v1
  kind: PodDisruptionBudget
  metadata:
    namespace: shop
    name: checkout
    managedFields: [{manager: shop-operator, operation: Update, apiVersion: policy/v1beta1, time: 2022-06-01T08:00:00Z}]
"#;

/// A node that is cordoned as well, and one that the next API server does not support.
const NEW: &str = r#"
kubernetes: 1.30.14
to: "1.31"
now: 2025-01-01T00:00:00Z
context: new
objects:
- apiVersion: v1
  kind: Node
  metadata: {name: a}
  spec: {unschedulable: true}
  status: {nodeInfo: {kubeletVersion: v1.30.14}, conditions: [{type: Ready, status: "True"}]}
- apiVersion: v1
  kind: Node
  metadata: {name: b}
  status: {nodeInfo: {kubeletVersion: v1.27.16}, conditions: [{type: Ready, status: "True"}]}
"#;

/// The clusters in one snapshot, with their paths.
fn snapshot_of(clusters: &[Cluster], catalog: &Catalog) -> (Snapshot, Vec<UpgradePath>) {
    let paths: Vec<UpgradePath> = clusters
        .iter()
        .map(|cluster| cluster.path(catalog))
        .collect();
    let all = clusters.iter().zip(&paths);
    let mut snapshots = all.map(|(cluster, path)| cluster.snapshot(catalog, path));
    let mut snapshot = snapshots.next().expect("the first");
    snapshot
        .clusters
        .extend(snapshots.flat_map(|other| other.clusters));
    (snapshot, paths)
}

fn two_clusters(catalog: &Catalog) -> (Snapshot, Vec<UpgradePath>) {
    snapshot_of(
        &[OLD, NEW].map(|text| Cluster::parse(text, "fleet")),
        catalog,
    )
}

fn check(
    snapshot: &Snapshot,
    paths: &[UpgradePath],
    catalog: &Catalog,
    test: impl Fn(&Fleet<Plan>),
) {
    let policy = Policy::default();
    let facts = (catalog, snapshot.taken_at);
    test(&Fleet::evaluate(
        snapshot,
        paths,
        facts,
        rules(),
        &policy,
        |context, evaluation| plan::build(context, evaluation, &PlanOptions::default()),
    ));
}

/// Rule, hop and cluster of a finding.
fn summarize(finding: &Finding) -> (&str, String, &str) {
    let cluster = finding.objects[0].cluster.as_ref().expect("a cluster");
    let hop = finding.hop.as_ref().map(|hop| hop.to.to_string());
    (finding.id, hop.unwrap_or_default(), &cluster.0)
}

#[test]
fn each_cluster_has_its_findings_at_its_own_hop() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (snapshot, paths) = two_clusters(catalog);
    check(&snapshot, &paths, catalog, |fleet| {
        let all = fleet.combined(&Policy::default());
        let found: BTreeSet<_> = all.findings.iter().map(summarize).collect();
        for expected in [
            ("api-removed", "1.25", "old"),
            ("node-kubelet-too-old", "1.31", "new"),
            ("node-cordoned", "", "old"),
            ("node-cordoned", "", "new"),
        ] {
            let expected = (expected.0, expected.1.to_owned(), expected.2);
            assert!(found.contains(&expected), "{expected:?}: {found:?}");
        }
        assert!(!found.contains(&("api-removed", "1.25".to_owned(), "new")));
        let fingerprints: BTreeSet<&str> = all
            .findings
            .iter()
            .map(|finding| finding.fingerprint.as_str())
            .collect();
        assert_eq!(fingerprints.len(), all.findings.len());
    });
}

#[test]
fn fingerprints_of_a_run_with_one_cluster_do_not_depend_on_its_name() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut snapshot, paths) = two_clusters(catalog);
    snapshot.clusters.truncate(1);
    let cordoned = |fleet: &Fleet<Plan>| {
        let mut findings = fleet.members[0].evaluation.findings.iter();
        let finding = findings.find(|finding| finding.id == "node-cordoned");
        assert_eq!(finding.expect("one").fingerprint, "37e15d5577842efa");
    };
    check(&snapshot, &paths, catalog, cordoned);
    snapshot.clusters[0].id = ClusterId("renamed".to_owned());
    check(&snapshot, &paths, catalog, cordoned);
}

#[test]
fn the_report_has_every_cluster_with_its_verdict() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut snapshot, paths) = two_clusters(catalog);
    snapshot.clusters.swap(0, 1);
    let paths: Vec<UpgradePath> = paths.into_iter().rev().collect();
    for cluster in &mut snapshot.clusters {
        // Only `old` keeps its blocker.
        let is_new = cluster.id.0 == "new";
        cluster
            .ledger
            .retain(|result| !is_new || result.rows.nodes().is_empty());
    }
    check(&snapshot, &paths, catalog, |fleet| {
        let all = fleet.combined(&Policy::default());
        let report = UpgradeReport::from_fleet(fleet, &all, (snapshot.taken_at, catalog.date));
        let clusters: Vec<_> = report
            .clusters
            .iter()
            .map(|member| (member.cluster.context.as_deref(), member.verdict))
            .collect();
        assert_eq!(
            clusters,
            [
                (Some("new"), VerdictDoc::Incomplete),
                (Some("old"), VerdictDoc::Blocked)
            ]
        );
        assert_eq!(report.verdict, VerdictDoc::Blocked, "the worst");
        let hops: Vec<String> = report.path.iter().map(|hop| hop.to.to_string()).collect();
        assert!(hops[0].starts_with("1.31"), "{hops:?}");
        assert!(hops[1].starts_with("1.25"), "{hops:?}");
        let blockers = report.clusters.iter().map(|member| member.summary.blockers);
        assert_eq!(report.summary.blockers, blockers.sum::<usize>());
    });
}

#[test]
fn the_plan_has_the_clusters_one_after_the_other() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (snapshot, paths) = two_clusters(catalog);
    check(&snapshot, &paths, catalog, |fleet| {
        let plan = plan::combine(fleet, &PlanOptions::default()).expect("a plan");
        let clusters: Vec<&str> = plan
            .steps
            .iter()
            .map(|step| &*step.cluster.as_ref().expect("a cluster").0)
            .collect();
        let place = clusters.iter().position(|id| *id == "new").expect("steps");
        assert!(place > 0 && clusters[..place].iter().all(|id| *id == "old"));
        assert!(clusters[place..].iter().all(|id| *id == "new"));
        let ids: BTreeSet<&str> = plan.steps.iter().map(|step| &*step.id).collect();
        assert_eq!(ids.len(), plan.steps.len());
        // No step of a cluster is held back by a finding of another one.
        for step in &plan.steps {
            for finding in plan
                .findings
                .iter()
                .filter(|one| step.gates.contains(&one.fingerprint))
            {
                assert_eq!(finding.objects[0].cluster, step.cluster, "{}", step.id);
            }
        }
        let gates: BTreeSet<_> = plan.findings.iter().map(summarize).collect();
        assert!(gates.contains(&("api-removed", "1.25".to_owned(), "old")));
        assert!(
            gates.contains(&("node-kubelet-too-old", "1.31".to_owned(), "new")),
            "{gates:?}"
        );
        assert_eq!(plan.gaps, fleet.combined(&Policy::default()).gaps);
    });
}

#[test]
fn a_finding_on_manifests_alone_is_listed_once() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut snapshot, mut paths) = two_clusters(catalog);
    snapshot.clusters[1] = snapshot.clusters[0].clone();
    snapshot.clusters[1].id = ClusterId("twin".to_owned());
    paths[1] = paths[0].clone();
    snapshot.files.files_read = 1;
    snapshot.files.objects = vec![ManifestObject {
        api_version: "batch/v1beta1".to_owned(),
        kind: "CronJob".to_owned(),
        namespace: Some("shop".to_owned()),
        name: "sweep".to_owned(),
        location: "sweep.yaml".to_owned(),
        ..ManifestObject::default()
    }];
    check(&snapshot, &paths, catalog, |fleet| {
        let all = fleet.combined(&Policy::default());
        let on_cron_jobs = all.findings.iter().filter(|finding| {
            let mut objects = finding.objects.iter();
            objects.any(|object| object.kind == "CronJob")
        });
        assert_eq!(on_cron_jobs.count(), 1, "{:#?}", all.findings);
    });
}

#[test]
fn a_cluster_that_another_one_knows_is_a_gap_unless_the_run_reads_it() {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut management = Cluster::parse(OLD, "fleet");
    management.objects.push(json!({
        "apiVersion": "cluster.x-k8s.io/v1beta1",
        "kind": "Cluster",
        "metadata": {"namespace": "shop", "name": "new"},
        "spec": {},
    }));
    let other = Cluster::parse(NEW, "fleet");
    let mut managed = other.clone();
    managed.objects[0]["metadata"]["annotations"] = json!({
        "cluster.x-k8s.io/cluster-namespace": "shop",
        "cluster.x-k8s.io/cluster-name": "new",
    });
    for (cluster, is_gap) in [(other, true), (managed, false)] {
        let (snapshot, paths) = snapshot_of(&[management.clone(), cluster], catalog);
        check(&snapshot, &paths, catalog, |fleet| {
            for gaps in [
                &fleet.members[0].evaluation.gaps,
                &plan::combine(fleet, &PlanOptions::default())
                    .expect("a plan")
                    .gaps,
            ] {
                let mut gaps = gaps.iter();
                let found = gaps.any(|gap| gap.what == "the managed cluster shop/new");
                assert_eq!(found, is_gap);
            }
        });
    }
}
