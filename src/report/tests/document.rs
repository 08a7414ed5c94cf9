//! The document, its schema, and a run from the snapshot on.

use serde_json::Value;

use super::{text, three};
use crate::api::v1::{BaselineDoc, UPGRADE_REPORT_SCHEMA, UpgradeReport, WaiverDoc};
use crate::catalog::Catalog;
use crate::path::{UpgradePath, UpgradeTarget};
use crate::report::OutputFormat;
use crate::report::fixture::{hostile, platforms, report};
use crate::rules::{CheckContext, evaluate};
use crate::snapshot::{ManifestFiles, ManifestObject, Snapshot};

#[test]
fn json_keeps_its_keys_and_their_order() {
    // Values are those of the golden file `tests/fixtures/example/report.json`.
    let json = text(OutputFormat::Json, &three());
    let keys = json.lines().filter_map(|line| {
        let (key, _) = line.trim_start().strip_prefix('"')?.split_once("\":")?;
        Some(key)
    });
    let mut seen = std::collections::BTreeSet::new();
    let keys: Vec<&str> = keys.filter(|key| seen.insert(*key)).collect();
    let lines: Vec<String> = keys.chunks(12).map(|keys| keys.join(" ")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    apiVersion kind metadata generatedAt tool name version catalog date cluster context server
    uid namespace kubernetesVersion provider nodes platforms evidence variant components topology role edition
    goTo workspaces projects clusters path platform from to source verdict findings id
    severity confidence fingerprint hop title message remedy reference objects owner waiver baseline
    detail writer time location resolved gaps what why rules rbac apiGroups resources
    resourceNames nonResourceURLs verbs remarks summary blockers warnings notes waived skipped rulesEvaluated objectsRead
    manifestsRead
    ");
}

fn valid(report: &UpgradeReport) {
    let schema: Value = serde_json::from_str(UPGRADE_REPORT_SCHEMA).expect("a schema in JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let document = serde_json::to_value(report).expect("a value");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn documents_are_as_the_schema_says() {
    valid(&three());
    valid(&hostile());
    valid(&report(&[], Vec::new(), Vec::new()));
    let mut waived = three();
    waived.findings[0].objects[0].waiver = Some(WaiverDoc {
        owner: "team-a".into(),
        reason: "moves next week".into(),
        expires: "2026-10-01".into(),
    });
    waived.findings[0].objects[0].baseline = Some(BaselineDoc::Known);
    waived.resolved = waived.findings.clone();
    valid(&waived);
    valid(&platforms(three()));
}

/// The schema must refuse what a consumer would trip over: a missing key, and an unknown one.
#[test]
fn the_schema_is_strict() {
    let schema: Value = serde_json::from_str(UPGRADE_REPORT_SCHEMA).expect("a schema in JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let good = serde_json::to_value(platforms(three())).expect("a value");
    let mut objects = Vec::new();
    pointers(&good, String::new(), &mut objects);
    assert!(objects.len() > 15, "{objects:?}");
    for pointer in &objects {
        let keys: Vec<String> = good
            .pointer(pointer)
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        for key in &keys {
            let mut less = good.clone();
            less.pointer_mut(pointer)
                .and_then(Value::as_object_mut)
                .expect("an object")
                .remove(key);
            assert!(!validator.is_valid(&less), "{pointer}/{key} may be missing");
        }
        let mut more = good.clone();
        more.pointer_mut(pointer)
            .and_then(Value::as_object_mut)
            .expect("an object")
            .insert("unheardOf".into(), Value::Null);
        assert!(!validator.is_valid(&more), "{pointer} may hold anything");
    }
}

/// Where the objects of a document are.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                pointers(inner, format!("{at}/{key}"), found);
            }
            found.push(at);
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                pointers(inner, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A run over one manifest, from the snapshot on.
fn local() -> UpgradeReport {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = Snapshot {
        is_redacted: false,
        taken_at: "2026-09-01T12:00:00Z".parse().expect("a time"),
        clusters: Vec::new(),
        unread: Vec::new(),
        files: ManifestFiles {
            objects: vec![ManifestObject {
                api_version: "policy/v1beta1".into(),
                kind: "PodDisruptionBudget".into(),
                namespace: None,
                name: "cart".into(),
                location: "cart.yaml document 1".into(),
                ..ManifestObject::default()
            }],
            ..ManifestFiles::default()
        },
    };
    let target: UpgradeTarget = "1.25".parse().expect("a target");
    let path = UpgradePath::for_kubernetes(None, None, &[target], catalog).expect("a way");
    let now = "2026-09-01T12:00:00.987654Z".parse().expect("a time");
    let situation = CheckContext::new(&snapshot, catalog, &path, now);
    UpgradeReport::new(
        &situation,
        &evaluate(
            &situation,
            crate::rules::rules().expect("the rules"),
            &crate::rules::Policy::default(),
        ),
    )
}

#[test]
fn without_a_cluster_its_fields_are_null() {
    let report = local();
    valid(&report);
    let document = serde_json::to_value(&report).expect("a value");
    insta::assert_json_snapshot!(document["cluster"], @r#"
    {
      "context": null,
      "kubernetesVersion": null,
      "namespace": null,
      "nodes": null,
      "platforms": [],
      "provider": null,
      "server": null,
      "topology": {
        "clusters": [],
        "edition": null,
        "evidence": [],
        "goTo": null,
        "projects": [],
        "role": null,
        "workspaces": []
      },
      "uid": null
    }
    "#);
    insta::assert_json_snapshot!(document["path"], @r#"
    [
      {
        "from": null,
        "platform": "kubernetes",
        "source": "kubernetes/website content/en/releases/version-skew-policy.md: the API server goes up one minor at a time",
        "to": "1.25.16"
      }
    ]
    "#);
    assert_eq!(document["metadata"]["generatedAt"], "2026-09-01T12:00:00Z");
    assert_eq!(document["verdict"], "blocked");
    assert_eq!(
        document["findings"][0]["objects"][0]["namespace"],
        Value::Null
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in [
        OutputFormat::Table,
        OutputFormat::Wide,
        OutputFormat::Json,
        OutputFormat::Yaml,
        OutputFormat::Name,
    ] {
        assert_eq!(text(format, &local()), text(format, &local()));
    }
}
