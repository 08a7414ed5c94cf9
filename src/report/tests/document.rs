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
    insta::assert_snapshot!(text(OutputFormat::Json, &three()), @r#"
    {
      "apiVersion": "kubectl-upgrade/v1",
      "kind": "UpgradeReport",
      "metadata": {
        "generatedAt": "2026-09-01T12:00:00Z",
        "tool": {
          "name": "kubectl-upgrade-check",
          "version": "0.0.0"
        },
        "catalog": {
          "date": "2026-08-22"
        }
      },
      "cluster": {
        "context": "prod",
        "server": "https://10.0.0.1:6443",
        "namespace": null,
        "kubernetesVersion": "1.24.17",
        "provider": null,
        "nodes": 3,
        "platforms": [
          {
            "name": "kubernetes",
            "version": "1.24.17",
            "evidence": [
              "GET /version: v1.24.17"
            ],
            "variant": null,
            "components": []
          }
        ],
        "topology": {
          "role": null,
          "evidence": [],
          "edition": null,
          "goTo": null,
          "workspaces": [],
          "projects": [],
          "clusters": []
        }
      },
      "path": [
        {
          "platform": "kubernetes",
          "from": "1.24.17",
          "to": "1.25.16",
          "source": "one minor at a time"
        }
      ],
      "verdict": "blocked",
      "findings": [
        {
          "id": "api-removed",
          "severity": "blocker",
          "confidence": "certain",
          "fingerprint": "0123456789abcdef",
          "hop": {
            "platform": "kubernetes",
            "to": "1.25"
          },
          "title": "An API version in use is not served by the target",
          "message": "policy/v1beta1 is gone in 1.25; use policy/v1",
          "remedy": "Upgrade the Helm release to a chart that renders policy/v1.",
          "reference": "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
          "objects": [
            {
              "cluster": "uid-1",
              "apiVersion": "policy/v1beta1",
              "kind": "PodDisruptionBudget",
              "namespace": "shop",
              "name": "cart",
              "owner": "helm shop/cart",
              "waiver": null,
              "baseline": null,
              "evidence": [
                {
                  "source": "helm",
                  "detail": "helm release shop/cart v4",
                  "writer": "helm",
                  "time": "2024-01-02T03:04:05Z",
                  "location": null
                }
              ]
            },
            {
              "cluster": "uid-1",
              "apiVersion": "policy/v1beta1",
              "kind": "PodDisruptionBudget",
              "namespace": "shop",
              "name": "db",
              "owner": "helm shop/cart",
              "waiver": null,
              "baseline": null,
              "evidence": [
                {
                  "source": "helm",
                  "detail": "last-applied by kubectl",
                  "writer": "helm",
                  "time": "2024-01-02T03:04:05Z",
                  "location": null
                }
              ]
            }
          ]
        },
        {
          "id": "api-deprecated",
          "severity": "warning",
          "confidence": "certain",
          "fingerprint": "0123456789abcdef",
          "hop": {
            "platform": "kubernetes",
            "to": "1.25"
          },
          "title": "An API version in use is not served by the target",
          "message": "deprecated since 1.21",
          "remedy": "Upgrade the Helm release to a chart that renders policy/v1.",
          "reference": "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
          "objects": [
            {
              "cluster": "uid-1",
              "apiVersion": "policy/v1beta1",
              "kind": "PodDisruptionBudget",
              "namespace": "shop",
              "name": "db",
              "owner": "helm shop/cart",
              "waiver": null,
              "baseline": null,
              "evidence": [
                {
                  "source": "helm",
                  "detail": "last-applied by kubectl",
                  "writer": "helm",
                  "time": "2024-01-02T03:04:05Z",
                  "location": null
                }
              ]
            }
          ]
        },
        {
          "id": "patch-behind",
          "severity": "note",
          "confidence": "certain",
          "fingerprint": "0123456789abcdef",
          "hop": null,
          "title": "An API version in use is not served by the target",
          "message": "12 patches behind",
          "remedy": "Upgrade the Helm release to a chart that renders policy/v1.",
          "reference": "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
          "objects": [
            {
              "cluster": "uid-1",
              "apiVersion": "v1",
              "kind": "Node",
              "namespace": null,
              "name": "pool-a-2",
              "owner": null,
              "waiver": null,
              "baseline": null,
              "evidence": [
                {
                  "source": "helm",
                  "detail": "kubelet v1.22.1",
                  "writer": "helm",
                  "time": "2024-01-02T03:04:05Z",
                  "location": null
                }
              ]
            }
          ]
        }
      ],
      "resolved": [],
      "gaps": [
        {
          "what": "secrets (type=helm.sh/release.v1)",
          "why": "secrets is forbidden: User \"eve\" cannot list resource \"secrets\"",
          "cluster": "uid-1",
          "rules": [
            "api-deprecated",
            "api-removed"
          ],
          "rbac": {
            "apiGroups": [
              ""
            ],
            "resources": [
              "secrets"
            ],
            "resourceNames": [],
            "nonResourceURLs": [],
            "namespace": null,
            "verbs": [
              "list"
            ]
          }
        }
      ],
      "remarks": [],
      "summary": {
        "blockers": 1,
        "warnings": 1,
        "notes": 1,
        "waived": 0,
        "skipped": 0,
        "gaps": 1,
        "rulesEvaluated": 8,
        "objectsRead": 120
      }
    }
    "#);
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

/// The schema must refuse what a consumer would trip over: a key that is missing, and one that nobody knows.
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
        files: ManifestFiles {
            objects: vec![ManifestObject {
                api_version: "policy/v1beta1".into(),
                kind: "PodDisruptionBudget".into(),
                namespace: None,
                name: "cart".into(),
                location: "cart.yaml document 1".into(),
                references: Vec::new(),
            }],
            ..ManifestFiles::default()
        },
    };
    let target: UpgradeTarget = "1.25".parse().expect("a target");
    let path = UpgradePath::for_kubernetes(None, None, &[target], &catalog).expect("a way");
    let now = "2026-09-01T12:00:00.987654Z".parse().expect("a time");
    let situation = CheckContext::new(&snapshot, &catalog, &path, now);
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
      }
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
