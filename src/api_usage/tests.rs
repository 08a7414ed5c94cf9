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
        leaves: None,
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
                unowned: false,
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
        ..ManifestObject::default()
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
        status: "deployed".to_owned(),
        label: None,
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
    let path = UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[target], catalog)
        .expect("a path");
    let cluster = ClusterSnapshot {
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
    let view = ClusterView::new(&cluster, catalog);
    resolve_usages(Some(view), &files, catalog, &path)
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
    assert_eq!(
        alone[0].evidence[0].detail,
        "poddisruptionbudgets of policy/v1beta1 were requested since this API server started"
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

fn applied(manager: &str, api_version: &str, second: i64, leaves: u32) -> FieldManager {
    FieldManager {
        is_apply: true,
        leaves: Some(leaves),
        ..wrote(manager, api_version, second)
    }
}

/// The strength of what is found on an object with these entries.
fn strength(managers: Vec<FieldManager>) -> Option<EvidenceStrength> {
    live(managers, &[]).first().map(|usage| usage.strength)
}

#[test]
fn a_later_apply_of_the_whole_object_or_by_gitops_makes_an_entry_doubtful() {
    let owns = |leaves| FieldManager {
        leaves: Some(leaves),
        ..wrote("shop-operator", OLD, 0)
    };
    let doubtful = Some(EvidenceStrength::PossiblyStale);
    let written = Some(EvidenceStrength::Written);
    for (entries, expected) in [
        (vec![owns(3), applied("deployer", NEW, 9, 3)], doubtful),
        (vec![owns(3), applied("deployer", NEW, 9, 1)], written),
        (vec![owns(3), applied("deployer", NEW, -9, 3)], written),
        (vec![owns(3), wrote("argocd-controller", NEW, 9)], doubtful),
        (vec![owns(3), wrote("another", NEW, 9)], written),
        (
            vec![owns(3), wrote("argocd-controller/status", NEW, 9)],
            written,
        ),
        (vec![owns(0), wrote("another", NEW, 9)], None),
    ] {
        assert_eq!(strength(entries.clone()), expected, "{entries:?}");
    }
}

#[test]
fn commands_of_kubectl_that_write_manifests_are_one_hand() {
    let created = || wrote("kubectl-create", OLD, 0);
    for (later, expected) in [
        ("kubectl-replace", None),
        ("kubectl-edit", None),
        ("kubectl-client-side-apply", None),
        ("kubectl-label", Some(EvidenceStrength::Written)),
        ("kubectl-patch", Some(EvidenceStrength::Written)),
    ] {
        let entries = vec![created(), wrote(later, NEW, 9)];
        assert_eq!(strength(entries), expected, "{later}");
    }
    let timeless = FieldManager {
        time: None,
        ..wrote("kubectl-replace", NEW, 0)
    };
    let found = strength(vec![created(), timeless]);
    assert_eq!(found, Some(EvidenceStrength::PossiblyStale));
}

#[test]
fn an_annotation_that_nobody_owns_is_a_leftover_beside_a_server_side_apply() {
    let with = |unowned, managers: Vec<FieldManager>| {
        let mut row = budget(managers, &[OLD]);
        row.last_applied[0].unowned = unowned;
        let rows = Rows::Metadata(vec![row].into());
        found(vec![reading(&budgets(), rows)], Vec::new()).len()
    };
    assert_eq!(with(true, vec![applied("kubectl", NEW, 9, 3)]), 0);
    assert_eq!(with(false, vec![applied("kubectl", NEW, 9, 3)]), 1);
    assert_eq!(with(true, vec![wrote("shop", NEW, 9)]), 1, "no apply");
}

#[test]
fn an_annotation_at_a_version_that_is_gone_already_is_still_found() {
    let row = MetaRow {
        last_applied: vec![LastApplied {
            annotation: "kubectl.kubernetes.io/last-applied-configuration".into(),
            api_version: "extensions/v1beta1".into(),
            kind: "Deployment".into(),
            unowned: false,
        }],
        field_managers: vec![wrote("kubectl-client-side-apply", "extensions/v1beta1", 0)],
        ..budget(Vec::new(), &[])
    };
    let need = Need::objects(
        GroupResource::new("apps", "deployments"),
        DetailLevel::Metadata,
    );
    let rows = Rows::Metadata(vec![row].into());
    let usages = found(vec![reading(&need, rows)], Vec::new());
    assert_eq!(usages.len(), 1, "{usages:?}");
    assert_eq!(usages[0].strength, EvidenceStrength::PossiblyStale);
    assert_eq!(usages[0].evidence.len(), 1, "{usages:?}");
}

#[test]
fn a_copy_of_a_live_object_counts_by_its_writers_and_not_beside_the_object() {
    let copy = |version: &str, wrote_through: &str| ManifestObject {
        live: Some(Box::new(crate::snapshot::LiveTraces {
            field_managers: vec![wrote("shop-operator", wrote_through, 0)],
            last_applied: Vec::new(),
        })),
        ..manifest(version)
    };
    let usages = found(Vec::new(), vec![copy(NEW, OLD)]);
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0].strength, EvidenceStrength::Written);
    let location = usages[0].evidence[0].location.as_deref();
    assert_eq!(location, Some("chart/templates/pdb.yaml"));
    assert_eq!(found(Vec::new(), vec![copy(OLD, NEW)]), []);
    let rows = Rows::Metadata(vec![budget(vec![wrote("shop-operator", NEW, 9)], &[])].into());
    let beside = found(vec![reading(&budgets(), rows)], vec![copy(NEW, OLD)]);
    assert_eq!(beside, [], "the object is newer than its copy");
}

#[test]
fn a_failed_revision_counts_where_none_is_deployed_and_helm_2_where_no_newer_helm_has_the_release()
{
    let [secrets, _] = super::helm_release_needs();
    let with = |rows: Vec<HelmReleaseRow>| {
        let rows = Rows::HelmReleases(rows.into());
        let usages = found(vec![reading(&secrets, rows)], Vec::new());
        usages
            .iter()
            .map(|usage| usage.evidence[0].detail.clone())
            .collect::<Vec<_>>()
    };
    let failed = || HelmReleaseRow {
        status: "failed".to_owned(),
        revision: 5,
        ..release(OLD, 0)
    };
    let tiller = || HelmReleaseRow {
        storage: HelmStorage::Tiller,
        ..release(OLD, 0)
    };
    assert_eq!(
        with(vec![failed()]),
        ["helm release shop/cart v5 (failed, and none is deployed)"]
    );
    assert_eq!(with(vec![failed(), release(NEW, 0)]), [""; 0]);
    assert_eq!(with(vec![tiller()]), ["helm release shop/cart v4 (Helm 2)"]);
    assert_eq!(with(vec![tiller(), release(NEW, 0)]), [""; 0]);
}
