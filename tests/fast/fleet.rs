//! Several clusters in one snapshot: each is evaluated with its own path, and the run is as good as the worst of them.

use std::collections::BTreeSet;
use std::io::Read as _;

use kubectl_upgrade::api::v1::{FollowedPlan, UpgradePlan, UpgradeReport, VerdictDoc};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::fleet::Fleet;
use kubectl_upgrade::need::ClusterId;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{self, Plan, PlanOptions, StepState};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_plan, render_report};
use kubectl_upgrade::rules::{Finding, Policy};
use kubectl_upgrade::snapshot::{ManifestObject, Snapshot, UnreadCluster, load, save};
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

/// A cluster that the management cluster of DKP looks after, with an Ingress that a client wrote through an API that 1.22 does
/// not serve, and a budget that blocks every drain.
const MANAGED: &str = r#"
kubernetes: 1.21.6
to: "1.22.8"
now: 2023-01-01T00:00:00Z
context: east
objects:
- apiVersion: v1
  kind: Node
  metadata: {name: east-md-0-1}
  status: {nodeInfo: {kubeletVersion: v1.21.6}, conditions: [{type: Ready, status: "True"}]}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata:
    namespace: till
    name: till
    managedFields: [{manager: till-operator, operation: Update, apiVersion: networking.k8s.io/v1beta1, time: 2022-06-01T08:00:00Z}]
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

/// Two clusters, one that could not be read, and one that is the first by another name.
fn with_unread(catalog: &Catalog) -> (Snapshot, Vec<UpgradePath>) {
    let (mut snapshot, paths) = two_clusters(catalog);
    snapshot.unread = vec![
        UnreadCluster {
            id: ClusterId("edge".to_owned()),
            context: Some("edge".to_owned()),
            why: "The connection to the server edge.shop.example:6443 was refused - did you specify the right host or port?"
                .to_owned(),
            rbac: None,
            same_as: None,
        },
        UnreadCluster::same_as(ClusterId("old-too".to_owned()), ClusterId("old".to_owned())),
    ];
    (snapshot, paths)
}

fn rendered(snapshot: &Snapshot, paths: &[UpgradePath], format: OutputFormat) -> String {
    rendered_at(100, snapshot, paths, format)
}

fn rendered_at(
    width: usize,
    snapshot: &Snapshot,
    paths: &[UpgradePath],
    format: OutputFormat,
) -> String {
    let catalog = Catalog::embedded().expect("the catalog");
    let policy = Policy::default();
    let made = (catalog, snapshot.taken_at);
    let fleet = Fleet::evaluate(snapshot, paths, made, rules(), &policy, |_, _| ());
    let all = fleet.combined(&policy);
    let report = UpgradeReport::from_fleet(&fleet, &all, (snapshot.taken_at, catalog.date));
    let look = RenderOptions {
        width: Some(width),
        ..RenderOptions::default()
    };
    render_report(format, &report, &look).expect("a report")
}

#[test]
fn a_cluster_that_could_not_be_read_is_a_gap_and_the_others_stay() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (snapshot, paths) = with_unread(catalog);
    check(&snapshot, &paths, catalog, |fleet| {
        let all = fleet.combined(&Policy::default());
        let gaps: Vec<_> = all
            .gaps
            .iter()
            .filter(|gap| gap.cluster.is_some())
            .collect();
        assert!(
            gaps.iter().any(|gap| gap.what == "the cluster edge"),
            "{gaps:?}"
        );
        assert!(
            !gaps.iter().any(|gap| gap.what.contains("old-too")),
            "{gaps:?}"
        );
        assert!(
            all.remarks
                .iter()
                .any(|remark| remark.starts_with("old-too is the same cluster as old"))
        );
        let report = UpgradeReport::from_fleet(fleet, &all, (snapshot.taken_at, catalog.date));
        let rows: Vec<(&str, VerdictDoc)> = report
            .clusters
            .iter()
            .map(|row| (row.id.as_str(), row.verdict))
            .collect();
        assert_eq!(rows[2], ("edge", VerdictDoc::Incomplete), "{rows:?}");
        assert_eq!(rows.len(), 3);
        // The finding of the first cluster is there, and its blocker counts.
        assert_eq!(report.verdict, VerdictDoc::Blocked);
    });
}

#[test]
fn clusters_that_were_not_read_are_saved_and_make_the_file_a_newer_format() {
    let catalog = Catalog::embedded().expect("the catalog");
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("fleet.snapshot");
    let format_of = |snapshot: &Snapshot| {
        save(snapshot, &file).expect("a file");
        assert_eq!(load(&file).expect("the file"), *snapshot);
        let mut text = String::new();
        let gzip = std::fs::File::open(&file).expect("the file");
        flate2::read::GzDecoder::new(gzip)
            .read_to_string(&mut text)
            .expect("gzip");
        let header: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a header")).expect("JSON");
        header["format"].as_u64()
    };
    let (snapshot, _) = two_clusters(catalog);
    assert_eq!(format_of(&snapshot), Some(2), "older versions read it");
    assert_eq!(
        format_of(&with_unread(catalog).0),
        Some(3),
        "older versions would leave out a gap"
    );
}

#[test]
fn the_readme_shows_a_fleet() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (snapshot, paths) = with_unread(catalog);
    let text = rendered(&snapshot, &paths, OutputFormat::Table);
    let (rows, _) = text.split_once("\n\n").expect("sections");
    let narrow = rendered_at(60, &snapshot, &paths, OutputFormat::Table);
    assert!(narrow.starts_with("old    blocked   1.24.17\n"), "{narrow}");
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 90),
        "{narrow}"
    );
    let verdict = text.lines().last().expect("the verdict");
    let text = format!("{rows}\n\n…\n\n{verdict}\n");
    crate::golden::shown("docs/fleet.md", "The clusters of a run", &text);
}

#[test]
fn each_format_has_a_row_and_the_findings_of_each_cluster() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (snapshot, paths) = with_unread(catalog);
    let folder = "tests/fixtures/fleet";
    for (format, ending) in [
        (OutputFormat::Table, "txt"),
        (OutputFormat::Markdown, "md"),
        (OutputFormat::Html, "html"),
    ] {
        let text = rendered(&snapshot, &paths, format);
        crate::golden::compare(&format!("{folder}/report.{ending}"), &text);
    }
    let made = (catalog, snapshot.taken_at);
    let policy = Policy::default();
    let fleet = Fleet::evaluate(
        &snapshot,
        &paths,
        made,
        rules(),
        &policy,
        |context, evaluation| plan::build(context, evaluation, &PlanOptions::default()),
    );
    let plan = plan::combine(&fleet, &PlanOptions::default()).expect("a plan");
    let document = UpgradePlan::from_fleet(&fleet, &plan, (snapshot.taken_at, catalog.date));
    for (format, ending) in [(OutputFormat::Table, "txt"), (OutputFormat::Markdown, "md")] {
        let text = render_plan(format, &document, &RenderOptions::default()).expect("a plan");
        crate::golden::compare(&format!("{folder}/plan.{ending}"), &text);
    }
}

#[test]
fn blockers_of_a_managed_cluster_hold_back_its_steps_in_the_plan_of_its_management_cluster() {
    let catalog = Catalog::embedded().expect("the catalog");
    let management = Cluster::load(crate::golden::in_repository(
        "tests/fixtures/plans/dkp.yaml",
    ));
    let east = Cluster::parse(MANAGED, "fleet");
    let (mut snapshot, paths) = snapshot_of(&[management, east], catalog);
    (snapshot.clusters[1].id, snapshot.clusters[1].context) =
        (ClusterId("retail-ns/east".to_owned()), None);
    check(&snapshot, &paths, catalog, |fleet| {
        let plan = plan::combine(fleet, &PlanOptions::default()).expect("a plan");
        let alone = &fleet.members[0].part;
        let is_added = |id: &str| id.starts_with("retail-ns/east/");
        let (added, own): (Vec<_>, Vec<_>) = plan.steps.iter().partition(|step| is_added(&step.id));
        let ids = |steps: &[&plan::Step]| -> Vec<String> {
            steps.iter().map(|step| step.id.clone()).collect()
        };
        assert_eq!(ids(&own), ids(&alone.steps.iter().collect::<Vec<_>>()));
        assert_eq!(added.len(), 1, "{:?}", ids(&added));
        let first = plan.steps.iter().position(|step| {
            step.cluster
                .as_ref()
                .is_some_and(|id| id.0 == "retail-ns/east")
        });
        assert!(first.is_some_and(|first| is_added(&plan.steps[first].id)));
        let held: Vec<&str> = own
            .iter()
            .filter(|step| step.state == StepState::Blocked)
            .map(|step| step.action.as_str())
            .collect();
        let held_alone = alone
            .steps
            .iter()
            .filter(|step| step.state == StepState::Blocked);
        assert_eq!(held.len(), held_alone.count() + 1, "{held:?}");
        assert!(held.contains(&"managed-control-plane"), "{held:?}");
        let document = UpgradePlan::from_fleet(fleet, &plan, (snapshot.taken_at, catalog.date));
        let render = |format| render_plan(format, &document, &RenderOptions::default());
        let text = render(OutputFormat::Table).expect("a plan");
        crate::golden::compare("tests/fixtures/fleet/dkp-plan.txt", &text);
        // A watch of the management cluster follows what that one shows.
        let json = render(OutputFormat::Json).expect("a plan");
        let followed = FollowedPlan::parse(&json).expect("a plan");
        assert_eq!(followed.steps.len(), own.len());
    });
}

/// Without DKP a management cluster's plan has no steps for others; theirs follow, and say where their commands run.
#[test]
fn commands_for_a_managed_cluster_without_a_context_say_where_they_run() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut snapshot, paths) = two_clusters(catalog);
    (snapshot.clusters[1].id, snapshot.clusters[1].context) =
        (ClusterId("shop/new".to_owned()), None);
    check(&snapshot, &paths, catalog, |fleet| {
        let plan = plan::combine(fleet, &PlanOptions::default()).expect("a plan");
        let with_commands = plan.steps.iter().filter(|step| !step.commands.is_empty());
        let (new, old): (Vec<_>, Vec<_>) =
            with_commands.partition(|step| step.id.starts_with("shop/new/"));
        assert!(!new.is_empty() && !old.is_empty());
        let place = "# on the cluster shop/new:";
        assert!(new.iter().all(|step| step.commands[0] == place), "{new:#?}");
        assert!(old.iter().all(|step| step.commands[0] != place));
    });
}
