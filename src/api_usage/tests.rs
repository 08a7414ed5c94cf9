use jiff::Timestamp;

use super::{ApiLifecycle, ApiUsage, EvidenceStrength, resolve_usages};
use crate::catalog::{Catalog, GroupResource};
use crate::evidence::EvidenceSource;
use crate::need::{ClusterId, DetailLevel, Discovery, Need};
use crate::path::UpgradePath;
use crate::snapshot::{
    ClusterSnapshot, ClusterView, FieldManager, HelmReleaseRow, HelmStorage, LastApplied,
    ManifestFiles, ManifestObject, MetaRow, ReadOutcome, ReadResult, Rows,
};

const OLD: &str = "policy/v1beta1";
const NEW: &str = "policy/v1";
const KIND: &str = "PodDisruptionBudget";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

/// An entry of managedFields; `manager/status` writes to the status.
fn wrote(manager: &str, api_version: &str, second: i64) -> FieldManager {
    let (manager, subresource) = manager.split_once('/').unwrap_or((manager, ""));
    FieldManager {
        name: manager.into(),
        api_version: api_version.into(),
        is_apply: false,
        subresource: subresource.into(),
        time: Some(at(second)),
    }
}

fn budget(managers: Vec<FieldManager>, applied: &[&str]) -> MetaRow {
    MetaRow {
        namespace: Some("shop".into()),
        name: "cart".into(),
        owner: None,
        field_managers: managers,
        last_applied: applied
            .iter()
            .map(|api_version| LastApplied {
                annotation: "kubectl.kubernetes.io/last-applied-configuration".into(),
                api_version: (*api_version).into(),
                kind: KIND.into(),
            })
            .collect(),
        ..MetaRow::default()
    }
}

fn manifest(api_version: &str) -> ManifestObject {
    ManifestObject {
        api_version: api_version.into(),
        kind: KIND.into(),
        namespace: Some("shop".into()),
        name: "cart".into(),
        location: "chart/templates/pdb.yaml".into(),
        references: Vec::new(),
    }
}

fn release(api_version: &str, second: i64) -> HelmReleaseRow {
    HelmReleaseRow {
        namespace: "shop".into(),
        release: "cart".into(),
        revision: 4,
        chart: "cart-1.0.0".into(),
        storage: HelmStorage::Secret,
        created_at: Some(at(second)),
        objects: vec![manifest(api_version)],
    }
}

fn reading(need: &Need, rows: Rows) -> ReadResult {
    ReadResult {
        target: need.target.clone(),
        detail_level: need.detail_level,
        freshness: need.freshness,
        field_paths: need.field_paths.clone(),
        outcome: ReadOutcome::Complete,
        finished_at: at(0),
        rows,
        skipped_objects: Vec::new(),
        resource_version: None,
    }
}

fn budgets() -> Need {
    Need::objects(
        GroupResource::new("policy", "poddisruptionbudgets"),
        DetailLevel::Metadata,
    )
}

/// What is found on a 1.24 cluster on its way to 1.25.
fn found(readings: Vec<ReadResult>, files: Vec<ManifestObject>) -> Vec<ApiUsage> {
    let catalog = Catalog::embedded().expect("the catalog");
    let survey = Discovery {
        git_version: "1.24.17".parse().expect("a version"),
        emulation_version: None,
        group_versions: [OLD, NEW, "v1", "autoscaling/v2", "apps/v1"]
            .map(str::to_owned)
            .into(),
    };
    let target = "1.25".parse().expect("a target");
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[target], &catalog)
        .expect("a path");
    let picture = ClusterSnapshot {
        id: ClusterId("c".into()),
        context: Some("c".into()),
        server: "https://c".into(),
        namespace: None,
        discovery: survey,
        ledger: readings,
    };
    let files = ManifestFiles {
        objects: files,
        ..ManifestFiles::default()
    };
    let view = ClusterView::new(&picture, &catalog);
    resolve_usages(Some(view), &files, &catalog, &path)
}

fn live(managers: Vec<FieldManager>, applied: &[&str]) -> Vec<ApiUsage> {
    found(
        vec![reading(
            &budgets(),
            Rows::Metadata(vec![budget(managers, applied)].into()),
        )],
        Vec::new(),
    )
}

fn live_and_helm(managers: Vec<FieldManager>, release: HelmReleaseRow) -> Vec<ApiUsage> {
    let [secrets, _] = super::helm_release_needs();
    found(
        vec![
            reading(
                &budgets(),
                Rows::Metadata(vec![budget(managers, &[])].into()),
            ),
            reading(&secrets, Rows::HelmReleases(vec![release].into())),
        ],
        Vec::new(),
    )
}

fn sources(usages: &[ApiUsage]) -> Vec<EvidenceSource> {
    usages
        .iter()
        .flat_map(|usage| usage.evidence.iter().map(|evidence| evidence.source))
        .collect()
}

#[test]
fn a_listed_object_proves_nothing() {
    assert_eq!(live(vec![wrote("helm", NEW, 0)], &[]), []);
    assert_eq!(live(Vec::new(), &[]), []);
}

#[test]
fn a_writer_that_used_the_old_version_is_named() {
    let usages = live(vec![wrote("helm", OLD, 0)], &[]);
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0].strength, EvidenceStrength::Written);
    assert_eq!(usages[0].evidence[0].writer.as_deref(), Some("helm"));
    assert!(matches!(usages[0].lifecycle, ApiLifecycle::Removed(_)));
}

#[test]
fn only_the_same_manager_on_the_object_itself_makes_an_entry_stale() {
    let old = || wrote("shopper", OLD, 0);
    assert_eq!(live(vec![old(), wrote("shopper", NEW, 1)], &[]), []);
    for other in [
        wrote("shopper/status", NEW, 1),
        wrote("kubectl-edit", NEW, 1),
        wrote("kube-controller-manager/status", NEW, 1),
    ] {
        let usages = live(vec![old(), other.clone()], &[]);
        assert_eq!(usages.len(), 1, "{other:?}");
        assert_eq!(usages[0].strength, EvidenceStrength::Written, "{other:?}");
    }
    let newer_is_old = live(
        vec![wrote("shopper", NEW, 0), wrote("shopper", OLD, 1)],
        &[],
    );
    assert_eq!(newer_is_old[0].strength, EvidenceStrength::Written);
    let same_second = live(
        vec![wrote("shopper", NEW, 0), wrote("shopper", OLD, 0)],
        &[],
    );
    assert_eq!(
        same_second[0].strength,
        EvidenceStrength::PossiblyStale,
        "nobody can tell which was last"
    );
}

#[test]
fn what_kubernetes_writes_for_itself_is_left_out() {
    for manager in [
        "kube-apiserver",
        "kube-controller-manager",
        "api-priority-and-fairness-config-producer-v1",
    ] {
        assert_eq!(live(vec![wrote(manager, OLD, 0)], &[]), [], "{manager}");
    }
    assert_eq!(
        live(vec![wrote("kube-apiserver-fan", OLD, 0)], &[]).len(),
        1
    );
}

#[test]
fn an_annotation_alone_is_a_hint() {
    let usages = live(vec![wrote("kubectl-client-side-apply", NEW, 0)], &[OLD]);
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0].strength, EvidenceStrength::PossiblyStale);
    assert_eq!(sources(&usages), [EvidenceSource::LastApplied]);
    let both = live(vec![wrote("kubectl-client-side-apply", OLD, 0)], &[OLD]);
    assert_eq!(both[0].strength, EvidenceStrength::Written);
    assert_eq!(
        sources(&both),
        [EvidenceSource::ManagedFields, EvidenceSource::LastApplied]
    );
}

#[test]
fn an_annotation_outranks_the_entries_of_its_own_writer_only() {
    let by_apply = live(vec![wrote("kubectl-client-side-apply", OLD, 0)], &[NEW]);
    assert_eq!(by_apply, []);
    let by_helm = live(vec![wrote("helm", OLD, 0)], &[NEW]);
    assert_eq!(by_helm.len(), 1);
}

#[test]
fn a_helm_release_outranks_helms_old_entries() {
    let migrated = live_and_helm(vec![wrote("helm", OLD, 0)], release(NEW, 50));
    assert_eq!(
        migrated,
        [],
        "helm upgrade moved the chart; the old entry stays for ever"
    );
    let not_yet = live_and_helm(vec![wrote("helm", OLD, 0)], release(OLD, 50));
    assert_eq!(not_yet[0].strength, EvidenceStrength::ToBeApplied);
    assert_eq!(
        sources(&not_yet),
        [EvidenceSource::Helm, EvidenceSource::ManagedFields]
    );
    let somebody_else = live_and_helm(vec![wrote("operator", OLD, 0)], release(NEW, 50));
    assert_eq!(
        somebody_else.len(),
        1,
        "the release says nothing about an operator"
    );
    let written_after_the_record = live_and_helm(vec![wrote("helm", OLD, 60)], release(NEW, 50));
    assert_eq!(written_after_the_record.len(), 1);
}

#[test]
fn a_release_counts_without_a_live_object() {
    let [secrets, _] = super::helm_release_needs();
    let usages = found(
        vec![reading(
            &secrets,
            Rows::HelmReleases(vec![release(OLD, 0)].into()),
        )],
        Vec::new(),
    );
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0].evidence[0].detail, "helm release shop/cart v4");
}

#[test]
fn a_file_speaks_for_itself_and_for_kubectl() {
    assert_eq!(
        found(Vec::new(), vec![manifest(OLD)])[0].strength,
        EvidenceStrength::ToBeApplied
    );
    assert_eq!(found(Vec::new(), vec![manifest(NEW)]), []);
    let moved = |manager| {
        let rows = Rows::Metadata(vec![budget(vec![wrote(manager, OLD, 0)], &[OLD])].into());
        found(vec![reading(&budgets(), rows)], vec![manifest(NEW)])
    };
    assert_eq!(moved("kubectl-client-side-apply"), []);
    assert_eq!(sources(&moved("operator")), [EvidenceSource::ManagedFields]);
}

#[test]
fn what_was_gone_before_counts_only_where_it_will_be_applied_again() {
    let gone = "extensions/v1beta1";
    let rows = Rows::Metadata(
        vec![MetaRow {
            field_managers: vec![wrote("helm", gone, 0)],
            ..budget(Vec::new(), &[])
        }]
        .into(),
    );
    let need = Need::objects(
        GroupResource::new("networking.k8s.io", "ingresses"),
        DetailLevel::Metadata,
    );
    assert_eq!(found(vec![reading(&need, rows)], Vec::new()), []);
    let file = ManifestObject {
        kind: "Ingress".into(),
        ..manifest(gone)
    };
    assert_eq!(found(Vec::new(), vec![file]).len(), 1);
}

#[test]
fn the_metric_corroborates_and_alone_weighs_least() {
    let line = r#"apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="poddisruptionbudgets",subresource="",version="v1beta1"} 1"#;
    let metric = || {
        reading(
            &super::metrics_need(),
            Rows::TextLines(vec![line.to_owned()].into()),
        )
    };
    let alone = found(vec![metric()], Vec::new());
    assert_eq!(alone.len(), 1);
    assert_eq!(
        (alone[0].strength, alone[0].object.name.as_str()),
        (EvidenceStrength::Metric, "*")
    );
    let rows = Rows::Metadata(vec![budget(vec![wrote("helm", OLD, 0)], &[])].into());
    let both = found(vec![reading(&budgets(), rows), metric()], Vec::new());
    assert_eq!(both.len(), 1);
    assert_eq!(
        sources(&both),
        [EvidenceSource::ManagedFields, EvidenceSource::Metric]
    );
}

#[test]
fn the_metric_says_nothing_where_we_asked_ourselves() {
    let line = r#"apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",subresource="",version="v1beta1"} 1"#;
    let metric = reading(
        &super::metrics_need(),
        Rows::TextLines(vec![line.to_owned()].into()),
    );
    assert_eq!(found(vec![metric], Vec::new()), []);
}
