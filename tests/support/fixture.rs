//! A cluster as a few lines of YAML: what a rule sees, without a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as File;

use jiff::Timestamp;
use serde::Deserialize;

use super::workload_rows::typed;
use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::catalog::{Catalog, Minor, Release, ServingMode};
use kubectl_upgrade::need::{ClusterId, Discovery, Need, NeedContext, ReadTarget, read_plan};
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{self, Plan, PlanOptions};
use kubectl_upgrade::rules;
use kubectl_upgrade::rules::{CheckContext, Evaluation, Policy, Rule, evaluate, needs};
use kubectl_upgrade::snapshot::{
    ClusterSnapshot, ManifestFiles, ManifestObject, ReadOutcome, ReadResult, Rows, Snapshot, Table,
    project,
};

/// What stands in a fixture file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fixture {
    /// The version that the API server reports.
    kubernetes: Release,
    /// The minor that it emulates.
    #[serde(default)]
    emulates: Option<Minor>,
    /// Group versions that are served beside those of Kubernetes.
    #[serde(default)]
    serves: Vec<String>,
    /// The target; by default the next minor.
    #[serde(default)]
    to: Option<String>,
    /// The clock.
    now: Timestamp,
    /// Rows by resource (`poddisruptionbudgets.policy`) or path (`/metrics`); `helm` for releases,
    /// `helm pending` for the metadata of records in between. What is not named is
    /// empty.
    #[serde(default)]
    rows: BTreeMap<String, Rows>,
    /// Resources that may not be read.
    #[serde(default)]
    refused: Vec<String>,
    /// Manifests given with `-f`.
    #[serde(default)]
    files: Vec<ManifestObject>,
}

impl Fixture {
    /// Reads a fixture.
    pub(crate) fn load(path: &File) -> Self {
        let text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a fixture from a text.
    pub(crate) fn parse(text: &str, name: &str) -> Self {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The way that the fixture's cluster goes.
    pub(crate) fn path(&self, catalog: &Catalog) -> UpgradePath {
        let to: Vec<_> = self
            .to
            .iter()
            .map(|to| to.parse().expect("a target"))
            .collect();
        UpgradePath::for_kubernetes(Some(&self.kubernetes), self.emulates, &to, catalog)
            .expect("a path")
    }

    /// The snapshot that a reader would have made of the fixture's cluster.
    pub(crate) fn snapshot(&self, catalog: &Catalog, path: &UpgradePath) -> Snapshot {
        let survey = self.survey(catalog);
        let asking = NeedContext {
            path,
            catalog,
            discovery: &survey,
        };
        let mut needs = needs(rules(), &asking);
        needs.extend(plan::needs(&survey));
        needs.sort();
        needs.dedup();
        let requests = read_plan(&needs, &survey, catalog, None);
        let readings = requests.iter().map(|request| {
            let key = key(&request.target);
            let outcome = if self.refused.contains(&key) {
                ReadOutcome::Forbidden {
                    why: format!("{key} is forbidden"),
                    rbac: request.rbac.clone(),
                }
            } else {
                ReadOutcome::Complete
            };
            ReadResult {
                target: request.target.clone(),
                detail_level: request.detail_level,
                freshness: request.freshness,
                outcome,
                finished_at: self.now,
                rows: self.rows_of(&request.target, &key),
                skipped_objects: Vec::new(),
            }
        });
        let readings: Vec<ReadResult> = readings.collect();
        self.check_that_all_was_asked_for(&needs);
        Snapshot {
            is_redacted: false,
            taken_at: self.now,
            clusters: vec![ClusterSnapshot {
                id: ClusterId("shop".to_owned()),
                context: Some("shop".to_owned()),
                server: "https://shop.example".to_owned(),
                namespace: None,
                discovery: survey,
                ledger: readings,
            }],
            files: ManifestFiles {
                objects: self.files.clone(),
                files_read: self.files.len(),
                ..ManifestFiles::default()
            },
        }
    }

    fn rows_of(&self, subject: &ReadTarget, key: &str) -> Rows {
        let rows = self.rows.get(key).cloned();
        let mut rows = rows.unwrap_or(Rows::Metadata(Table::default()));
        if let (Rows::Objects(rows), ReadTarget::Objects { resource, .. }) = (&mut rows, subject) {
            rows.iter_mut()
                .for_each(|row| project(resource, &mut row.object));
        }
        let workloads = ["deployments", "statefulsets", "daemonsets"];
        match subject {
            ReadTarget::Objects {
                resource,
                namespace: None,
                ..
            } if resource.group == "apps" && workloads.contains(&resource.plural.as_str()) => {
                typed(rows)
            }
            _ => rows,
        }
    }

    /// Everything that a server of this version offers by default.
    fn survey(&self, catalog: &Catalog) -> Discovery {
        let minor = self.emulates.unwrap_or_else(|| self.kubernetes.minor());
        let offered = catalog
            .apis
            .iter()
            .filter(|api| api.exists_in(minor) && api.serving_mode == ServingMode::ByDefault);
        Discovery {
            git_version: self.kubernetes.clone(),
            emulation_version: self.emulates,
            group_versions: offered
                .map(|api| api.gvk().api_version())
                .chain(self.serves.iter().cloned())
                .collect(),
        }
    }

    /// A row that no need asks for would test nothing.
    fn check_that_all_was_asked_for(&self, needs: &[Need]) {
        let asked: Vec<String> = needs.iter().map(|need| key(&need.target)).collect();
        for name in self.rows.keys().chain(&self.refused) {
            assert!(
                asked.contains(name),
                "no rule asks for {name} on this path: {asked:?}"
            );
        }
    }

    /// What is planned for it.
    pub(crate) fn plan(&self, catalog: &Catalog, wishes: &PlanOptions) -> Plan {
        let path = self.path(catalog);
        let snapshot = self.snapshot(catalog, &path);
        let situation = CheckContext::new(&snapshot, catalog, &path, self.now);
        let judgement = evaluate(&situation, rules(), &Policy::default());
        plan::build(&situation, &judgement, wishes)
    }

    /// What these rules say of it.
    pub(crate) fn evaluate(
        &self,
        catalog: &Catalog,
        rules: &[&Rule],
    ) -> (Evaluation, UpgradeReport) {
        let path = self.path(catalog);
        let snapshot = self.snapshot(catalog, &path);
        let situation = CheckContext::new(&snapshot, catalog, &path, self.now);
        let judgement = evaluate(&situation, rules, &Policy::default());
        let report = UpgradeReport::new(&situation, &judgement);
        (judgement, report)
    }
}

/// How a fixture names what is read.
fn key(subject: &ReadTarget) -> String {
    match subject {
        ReadTarget::NonResourceUrl { path, .. } => path.clone(),
        ReadTarget::Objects {
            resource, selector, ..
        } if selector.labels.contains("owner=helm") => {
            let what = if selector.labels.contains("pending") {
                "helm pending"
            } else {
                "helm"
            };
            if resource.plural == "secrets" {
                what.to_owned()
            } else {
                format!("{what} in configmaps")
            }
        }
        ReadTarget::Objects {
            namespace: Some(namespace),
            selector,
            resource,
        } if selector.fields.is_empty() => format!("{namespace}/{resource}"),
        ReadTarget::Objects {
            namespace: Some(namespace),
            selector,
            ..
        } => format!(
            "{namespace}/{}",
            selector.fields.replace("metadata.name=", "")
        ),
        ReadTarget::Objects { resource, .. } => resource.to_string(),
    }
}

/// Every rule.
pub(crate) fn rules() -> &'static [&'static Rule] {
    rules::rules().expect("the rules")
}
