use jiff::Timestamp;

use super::{Life, Usage, Weight, resolve};
use crate::catalog::{Catalog, Resource};
use crate::evidence::Source;
use crate::need::{ClusterId, Depth, Need, Survey};
use crate::path::Path;
use crate::snapshot::{
    Applied, Files, HelmRow, HelmStorage, Manager, ManifestObject, MetaRow, Outcome, Picture,
    Reading, Rows, Snapshot,
};

const OLD: &str = "policy/v1beta1";
const NEW: &str = "policy/v1";
const KIND: &str = "PodDisruptionBudget";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

/// An entry of managedFields; `manager/status` writes to the status.
fn wrote(manager: &str, api_version: &str, second: i64) -> Manager {
    let (manager, subresource) = manager.split_once('/').unwrap_or((manager, ""));
    Manager {
        manager: manager.into(),
        api_version: api_version.into(),
        applied: false,
        subresource: subresource.into(),
        time: Some(at(second)),
    }
}

fn budget(managers: Vec<Manager>, applied: &[&str]) -> MetaRow {
    MetaRow {
        namespace: Some("shop".into()),
        name: "cart".into(),
        owner: None,
        managers,
        applied: applied
            .iter()
            .map(|api_version| Applied {
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

fn release(api_version: &str, second: i64) -> HelmRow {
    HelmRow {
        namespace: "shop".into(),
        release: "cart".into(),
        revision: 4,
        chart: "cart-1.0.0".into(),
        storage: HelmStorage::Secret,
        created: Some(at(second)),
        objects: vec![manifest(api_version)],
    }
}

fn reading(need: &Need, rows: Rows) -> Reading {
    Reading {
        subject: need.subject.clone(),
        depth: need.depth,
        freshness: need.freshness,
        outcome: Outcome::Complete,
        at: at(0),
        rows,
        faults: Vec::new(),
    }
}

fn budgets() -> Need {
    Need::objects(Resource::new("policy", "poddisruptionbudgets"), Depth::Meta)
}

/// What is found on a 1.24 cluster on its way to 1.25.
fn found(readings: Vec<Reading>, files: Vec<ManifestObject>) -> Vec<Usage> {
    let catalog = Catalog::embedded().expect("the catalog");
    let survey = Survey {
        git_version: "1.24.17".parse().expect("a version"),
        emulated: None,
        group_versions: [OLD, NEW, "v1", "autoscaling/v2", "apps/v1"]
            .map(str::to_owned)
            .into(),
    };
    let target = "1.25".parse().expect("a target");
    let path = Path::find(Some(&survey.git_version), None, &[target], &catalog).expect("a path");
    let picture = Picture {
        id: ClusterId("c".into()),
        context: Some("c".into()),
        server: "https://c".into(),
        namespace: None,
        survey,
        readings,
    };
    let snapshot = Snapshot {
        redacted: false,
        taken_at: at(100),
        clusters: vec![picture],
        files: Files {
            objects: files,
            ..Files::default()
        },
    };
    resolve(&snapshot, &catalog, &path)
}

fn live(managers: Vec<Manager>, applied: &[&str]) -> Vec<Usage> {
    found(
        vec![reading(
            &budgets(),
            Rows::Meta(vec![budget(managers, applied)]),
        )],
        Vec::new(),
    )
}

fn live_and_helm(managers: Vec<Manager>, release: HelmRow) -> Vec<Usage> {
    let [secrets, _] = super::helm_records();
    found(
        vec![
            reading(&budgets(), Rows::Meta(vec![budget(managers, &[])])),
            reading(&secrets, Rows::Helm(vec![release])),
        ],
        Vec::new(),
    )
}

fn sources(usages: &[Usage]) -> Vec<Source> {
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
    assert_eq!(usages[0].weight, Weight::Written);
    assert_eq!(usages[0].evidence[0].writer.as_deref(), Some("helm"));
    assert!(matches!(usages[0].life, Life::Removed(_)));
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
        assert_eq!(usages[0].weight, Weight::Written, "{other:?}");
    }
    let newer_is_old = live(
        vec![wrote("shopper", NEW, 0), wrote("shopper", OLD, 1)],
        &[],
    );
    assert_eq!(newer_is_old[0].weight, Weight::Written);
    let same_second = live(
        vec![wrote("shopper", NEW, 0), wrote("shopper", OLD, 0)],
        &[],
    );
    assert_eq!(
        same_second[0].weight,
        Weight::Hint,
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
    assert_eq!(usages[0].weight, Weight::Hint);
    assert_eq!(sources(&usages), [Source::LastApplied]);
    let both = live(vec![wrote("kubectl-client-side-apply", OLD, 0)], &[OLD]);
    assert_eq!(both[0].weight, Weight::Written);
    assert_eq!(sources(&both), [Source::ManagedFields, Source::LastApplied]);
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
    assert_eq!(not_yet[0].weight, Weight::Recorded);
    assert_eq!(sources(&not_yet), [Source::Helm, Source::ManagedFields]);
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
    let [secrets, _] = super::helm_records();
    let usages = found(
        vec![reading(&secrets, Rows::Helm(vec![release(OLD, 0)]))],
        Vec::new(),
    );
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0].evidence[0].detail, "helm release shop/cart v4");
}

#[test]
fn a_file_speaks_for_itself_and_for_kubectl() {
    assert_eq!(
        found(Vec::new(), vec![manifest(OLD)])[0].weight,
        Weight::Recorded
    );
    assert_eq!(found(Vec::new(), vec![manifest(NEW)]), []);
    let moved = |manager| {
        let rows = Rows::Meta(vec![budget(vec![wrote(manager, OLD, 0)], &[OLD])]);
        found(vec![reading(&budgets(), rows)], vec![manifest(NEW)])
    };
    assert_eq!(moved("kubectl-client-side-apply"), []);
    assert_eq!(sources(&moved("operator")), [Source::ManagedFields]);
}

#[test]
fn what_was_gone_before_counts_only_where_it_will_be_applied_again() {
    let gone = "extensions/v1beta1";
    let rows = Rows::Meta(vec![MetaRow {
        managers: vec![wrote("helm", gone, 0)],
        ..budget(Vec::new(), &[])
    }]);
    let need = Need::objects(Resource::new("networking.k8s.io", "ingresses"), Depth::Meta);
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
    let metric = || reading(&super::metric_page(), Rows::Lines(vec![line.to_owned()]));
    let alone = found(vec![metric()], Vec::new());
    assert_eq!(alone.len(), 1);
    assert_eq!(
        (alone[0].weight, alone[0].object.name.as_str()),
        (Weight::Metric, "*")
    );
    let rows = Rows::Meta(vec![budget(vec![wrote("helm", OLD, 0)], &[])]);
    let both = found(vec![reading(&budgets(), rows), metric()], Vec::new());
    assert_eq!(both.len(), 1);
    assert_eq!(sources(&both), [Source::ManagedFields, Source::Metric]);
}

#[test]
fn the_metric_says_nothing_where_we_asked_ourselves() {
    let line = r#"apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",subresource="",version="v1beta1"} 1"#;
    let metric = reading(&super::metric_page(), Rows::Lines(vec![line.to_owned()]));
    assert_eq!(found(vec![metric], Vec::new()), []);
}
