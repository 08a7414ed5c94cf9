//! Actions of Kyma's migration guides: each object that needs one is found on the hop of the guide, and a similar one is not.

use std::collections::BTreeMap;

use kubectl_upgrade::catalog::{Minor, ObjectCheck, PlatformName, Release, StepTemplate};
use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::{Value, json};

use kubectl_upgrade::rules::Severity;

use crate::cluster::{Cluster, rules};
use crate::{CATALOG, case, golden};

/// What the fixture has of a step.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Action {
    needs: Value,
    near_miss: Option<Value>,
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        case("kyma_actions", "objects", each_is_found_on_its_hop),
        case("kyma_actions", "refused", what_is_not_read_is_no_action),
        case(
            "kyma_actions",
            "untested",
            an_untested_kubernetes_is_no_blocker,
        ),
    ]
}

fn actions() -> BTreeMap<String, Action> {
    let file = golden::in_repository("tests/fixtures/kyma-actions.yaml");
    let text = std::fs::read_to_string(file).expect("the fixture");
    serde_saphyr::from_str(&text).expect("actions")
}

fn checked_steps() -> impl Iterator<Item = (&'static StepTemplate, &'static ObjectCheck)> {
    let procedures = CATALOG.procedures.iter();
    let of_kyma = procedures.filter(|procedure| procedure.platform == PlatformName::Kyma);
    let steps = of_kyma.flat_map(|procedure| &procedure.steps);
    steps.filter_map(|step| Some((step, step.check.as_ref()?)))
}

/// The hop to a minor, by its newest releases.
fn hop(to: Minor) -> (Release, Release) {
    let kyma = CATALOG.platform(PlatformName::Kyma).expect("Kyma");
    let newest_before = |to: &Release| {
        let releases = kyma.releases().iter().rev();
        let mut from = releases.map(|row| row.release.clone());
        from.find(|from| from.minor() != to.minor() && kyma.edge(from, to).is_some())
    };
    let targets = kyma.patches_of(to).rev().map(|row| row.release.clone());
    let mut hops = targets.filter_map(|to| Some((newest_before(&to)?, to)));
    hops.next().expect("a hop")
}

/// A cluster before the hop to a minor, with this object.
fn cluster(to: Minor, object: &Value) -> Cluster {
    let (from, to) = hop(to);
    let kyma = CATALOG.platform(PlatformName::Kyma).expect("Kyma");
    let minor = |release| {
        let row = kyma.find_release(release).expect("a release");
        row.kubernetes_range.and_then(|range| range.oldest)
    };
    let minor = minor(&from).max(minor(&to)).expect("a range");
    let cluster = json!({
        "kubernetes": format!("{minor}.0"),
        "from": format!("kyma={from}"),
        "to": format!("kyma={to}"),
        "serves": ["operator.kyma-project.io/v1beta2"],
        "objects": [object],
    });
    Cluster::from_value(cluster, "an action")
}

fn is_reported(cluster: &Cluster, check: &ObjectCheck) -> bool {
    let (evaluation, _) = cluster.evaluate(&CATALOG, rules());
    let mut findings = evaluation.findings.iter();
    findings.any(|one| one.id == "kyma-guide-action" && one.message == check.message)
}

fn each_is_found_on_its_hop() {
    let actions = actions();
    let mut steps = 0;
    for (step, check) in checked_steps() {
        let action = actions.get(&step.id);
        let action = action.unwrap_or_else(|| panic!("no action for {}", step.id));
        let minor = step.target_minors.oldest.expect("a hop");
        let found = is_reported(&cluster(minor, &action.needs), check);
        assert!(found, "{}: {}", step.id, action.needs);
        if let Some(object) = &action.near_miss {
            let object = cluster(minor, object);
            assert!(!is_reported(&object, check), "{}", step.id);
        }
        steps += 1;
    }
    assert_eq!(steps, actions.len(), "every action is one of a step");
}

/// A kind that may not be read is a gap of the rule, and the step is up to people.
fn what_is_not_read_is_no_action() {
    let (_, check) = checked_steps()
        .find(|(step, _)| step.id == "kubeless-gone")
        .expect("the step");
    let object = &actions()["kubeless-gone"].needs;
    let mut cluster = cluster("1.14".parse().expect("a minor"), object);
    cluster.refused = vec!["functions.kubeless.io".to_owned()];
    assert!(!is_reported(&cluster, check));
    let (evaluation, _) = cluster.evaluate(&CATALOG, rules());
    let mut gaps = evaluation.gaps.iter();
    assert!(gaps.any(|gap| gap.rules.iter().any(|id| *id == "kyma-guide-action")));
    let plan = cluster.plan(
        &CATALOG,
        rules(),
        &kubectl_upgrade::plan::PlanOptions::default(),
    );
    let mut steps = plan.steps.iter();
    let step = steps.find(|step| step.action == "kubeless-gone");
    let step = step.expect("the step");
    assert_eq!(step.state, kubectl_upgrade::plan::StepState::Manual);
    assert!(
        step.evidence.concat().contains("not read"),
        "{:?}",
        step.evidence
    );
}

/// Releases that serve all APIs of the artifacts may do, although nobody tested them.
fn an_untested_kubernetes_is_no_blocker() {
    let cluster = json!({"kubernetes": "1.28.5", "from": "kyma=2.18.1", "to": "kyma=2.19",
        "objects": [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {
            "name": "eventing-controller", "namespace": "kyma-system", "labels": {
                "reconciler.kyma-project.io/managed-by": "reconciler",
                "reconciler.kyma-project.io/origin-version": "2.18.1"}}}],
        "serves": ["gateway.kyma-project.io/v1beta1"]});
    let (evaluation, _) = Cluster::from_value(cluster, "untested").evaluate(&CATALOG, rules());
    let findings = evaluation.findings.iter();
    let mut found = findings.filter(|finding| finding.id == "kyma-kubernetes-range");
    assert!(found.clone().any(|finding| finding.hop.is_some()));
    assert!(found.all(|finding| finding.severity == Severity::Warning));
}
