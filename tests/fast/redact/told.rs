//! The snapshots that are redacted, and what is told of them but for names.

use jiff::Timestamp;
use kubectl_upgrade::api::v1::{UpgradePlan, UpgradeReport};
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::detect::DetectedCluster;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{Plan, PlanOptions, build};
use kubectl_upgrade::rules::{CheckContext, Evaluation, Policy, evaluate};
use kubectl_upgrade::snapshot::{RedactionKey, Snapshot, load, redact};
use serde_json::{Value, json};

use crate::cluster::{Cluster, rules};
use crate::golden;

/// A snapshot, where it is to go, and when.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) snapshot: Snapshot,
    path: UpgradePath,
    now: Timestamp,
}

/// Every snapshot that the other tests work on.
pub(super) fn cases(catalog: &Catalog) -> Vec<Case> {
    let mut cases = vec![example(catalog)];
    let fixture = |name: &str| golden::in_repository(&format!("tests/fixtures/{name}"));
    let rules = rules().iter().flat_map(|rule| {
        let [trigger, near_miss] =
            ["trigger", "near-miss"].map(|what| format!("rules/{}/{what}.yaml", rule.id));
        let near = Cluster::load_patched(fixture(&trigger), fixture(&near_miss));
        [
            (Cluster::load(fixture(&trigger)), trigger),
            (near, near_miss),
        ]
    });
    let situations = golden::names("tests/fixtures/situations").into_iter();
    let situations = situations.filter(|name| name.ends_with(".yaml"));
    let situations = situations.map(|name| format!("situations/{name}"));
    let situations = situations.map(|name| (Cluster::load(fixture(&name)), name));
    cases.extend(rules.chain(situations).map(|(cluster, name)| {
        let path = cluster.path(catalog);
        let snapshot = cluster.snapshot(catalog, &path);
        Case {
            now: snapshot.taken_at,
            name,
            snapshot,
            path,
        }
    }));
    let platforms = crate::detect::snapshots(catalog).into_iter();
    let platforms = platforms.chain(crate::variant::snapshots(catalog));
    cases.extend(platforms.map(|(name, snapshot, path)| Case {
        now: snapshot.taken_at,
        name,
        snapshot,
        path,
    }));
    cases
}

pub(super) fn example(catalog: &Catalog) -> Case {
    let snapshot = load(&golden::in_repository("examples/shop.snapshot")).expect("the example");
    let survey = &snapshot.clusters[0].discovery;
    Case {
        name: "the example".to_owned(),
        path: UpgradePath::for_kubernetes(Some(&survey.git_version), None, &[], catalog)
            .expect("a path"),
        now: snapshot.taken_at,
        snapshot,
    }
}

pub(super) fn redacted(snapshot: &Snapshot, catalog: &Catalog) -> Snapshot {
    let mut copy = snapshot.clone();
    redact(
        &mut copy,
        &RedactionKey::new(b"3b241101-e2bb-4255-8caf-4136c566a962"),
        catalog,
    );
    copy
}

/// Everything that is told of a snapshot.
pub(super) struct Told {
    pub(super) judgement: Evaluation,
    pub(super) report: UpgradeReport,
    pub(super) plan: Plan,
    pub(super) plan_document: UpgradePlan,
    pub(super) detected: Vec<Value>,
}

pub(super) fn told(case: &Case, snapshot: &Snapshot, catalog: &Catalog) -> Told {
    let situation = CheckContext::new(snapshot, catalog, &case.path, case.now);
    let judgement = evaluate(&situation, rules(), &Policy::default());
    let plan = build(&situation, &judgement, &PlanOptions::default());
    Told {
        report: UpgradeReport::new(&situation, &judgement),
        plan_document: UpgradePlan::new(&situation, &plan),
        detected: situation.detected.iter().map(platforms).collect(),
        judgement,
        plan,
    }
}

/// What a plan says but for names: steps, how far they are, what stands in their way.
pub(super) fn steps(plan: &Plan) -> Vec<String> {
    let mut steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            format!(
                "{} {:?} {} {:?} {} commands, {} gates, {} interrupts, {} objects {:?} {:?}",
                step.hop,
                step.scope.level,
                step.scope.pool.is_some(),
                (step.state, step.progress, step.is_reversible),
                step.commands.len(),
                step.gates.len(),
                step.interrupts.len(),
                step.objects.len(),
                step.duration,
                step.links,
            )
        })
        .collect();
    steps.sort();
    steps
}

/// What a report says but for names: findings with their objects, gaps, counts, verdict.
pub(super) fn shape(judgement: &Evaluation) -> Value {
    let mut findings: Vec<Value> = judgement
        .findings
        .iter()
        .map(|finding| {
            let mut objects: Vec<String> = finding
                .objects
                .iter()
                .map(|object| {
                    let sources: Vec<_> = object
                        .evidence
                        .iter()
                        .map(|seen| (seen.source, seen.writer.is_some(), seen.time))
                        .collect();
                    format!(
                        "{} {} {} {} {sources:?}",
                        object.api_version,
                        object.kind,
                        object.namespace.is_some(),
                        object.owner.is_some()
                    )
                })
                .collect();
            objects.sort();
            json!({
                "id": finding.id, "severity": format!("{:?}", finding.severity), "confidence": format!("{:?}", finding.confidence),
                "hop": format!("{:?}", finding.hop), "title": finding.title, "objects": objects,
            })
        })
        .collect();
    findings.sort_by_key(ToString::to_string);
    let mut gaps: Vec<Value> = judgement.gaps.iter().map(|gap| {
        json!({"rules": gap.rules, "rbac": gap.rbac.is_some(), "cluster": gap.cluster.is_some()})
    }).collect();
    gaps.sort_by_key(ToString::to_string);
    json!({
        "verdict": format!("{:?}", judgement.verdict), "findings": findings, "gaps": gaps, "summary": format!("{:?}", judgement.summary),
        // One of them says that names are pseudonyms.
        "remarks": judgement.remarks.iter().filter(|text| !text.contains("--redact")).count(),
    })
}

/// What runs, but for names.
fn platforms(detected: &DetectedCluster) -> Value {
    let platforms: Vec<Value> = detected.platforms.iter().map(|platform| {
        let mut versions: Vec<_> = platform.components.iter().map(|it| (it.version.clone(), it.state.clone())).collect();
        versions.sort();
        json!({
            "platform": platform.name.as_str(), "version": platform.version.as_ref().map(ToString::to_string),
            "variant": platform.variant, "evidence": platform.evidence.len(), "components": versions,
        })
    }).collect();
    let topology = &detected.topology;
    let mut members: Vec<String> = topology
        .clusters
        .iter()
        .map(|it| {
            format!(
                "{:?} {:?} {:?} {} {}",
                it.role,
                it.kubernetes_version,
                it.phase,
                it.is_inspected,
                it.workspace.is_some()
            )
        })
        .collect();
    members.sort();
    json!({
        "provider": detected.provider, "nodes": detected.node_count, "platforms": platforms, "members": members,
        "role": format!("{:?}", topology.role), "edition": format!("{:?}", topology.edition), "evidence": topology.evidence.len(),
        "goes": topology.upgrade_from.is_some(), "workspaces": topology.workspaces.len(),
        "projects": topology.projects.iter().map(|it| it.workspace.is_some()).collect::<Vec<_>>(),
        "unseen": detected.gaps.len(), "remarks": detected.remarks.len(),
    })
}
