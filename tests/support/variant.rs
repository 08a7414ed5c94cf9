//! Clusters of each kind, for plans.

use std::fmt::Write as _;

use jiff::Timestamp;
use kubectl_upgrade::api::v1::TypedConditionDoc;
use kubectl_upgrade::catalog::{Catalog, Minor, Release, ServingMode};
use kubectl_upgrade::detect;
use kubectl_upgrade::need::{ClusterId, Discovery, Need, ReadRequest, ReadTarget};
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{self, Plan, PlanOptions, ScopeLevel, Step};
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use kubectl_upgrade::snapshot::{
    ClusterSnapshot, ManifestFiles, MetaRow, NodeRow, ObjectRow, ReadOutcome, ReadResult, Rows,
    Snapshot, Table,
};
use serde::Deserialize;
use serde_json::Value;

use super::golden;

/// Where the variants are, each with its plan.
pub(crate) const FOLDER: &str = "tests/fixtures/plans";

/// Each with the title of the procedure that it picks.
pub(crate) const VARIANTS: [(&str, &str); 15] = [
    ("aks", "Azure Kubernetes Service"),
    ("cluster-api", "Cluster API"),
    ("cluster-api-pools", "Cluster API"),
    ("cluster-api-workload", "Cluster API"),
    ("cluster-topology", "Cluster API with a ClusterClass"),
    ("cluster-topology-held", "Cluster API with a ClusterClass"),
    ("eks", "Amazon EKS"),
    ("emulated", "Emulated versions"),
    ("gke", "Google Kubernetes Engine"),
    ("k3s", "k3s"),
    ("kops", "kOps"),
    ("kubeadm", "kubeadm"),
    ("otherwise", "Kubernetes"),
    ("rke2", "RKE2"),
    ("talos", "Talos Linux"),
];

/// A cluster, by its nodes and objects of Cluster API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) kubernetes: Release,
    #[serde(default)]
    pub(crate) emulates: Option<Minor>,
    pub(crate) to: String,
    pub(crate) nodes: Vec<NodeRow>,
    #[serde(default)]
    pub(crate) objects: Vec<Value>,
}

impl Variant {
    pub(crate) fn load(name: &str) -> Self {
        let path = golden::in_repository(&format!("{FOLDER}/{name}.yaml"));
        let text = std::fs::read_to_string(&path).expect("the fixture");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn survey(&self, catalog: &Catalog) -> Discovery {
        let minor = self.emulates.unwrap_or_else(|| self.kubernetes.minor());
        let built_in = catalog.apis.iter();
        let offered = built_in
            .filter(|api| api.exists_in(minor) && api.serving_mode == ServingMode::ByDefault);
        let objects = self.objects.iter();
        let custom = objects.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned));
        Discovery {
            git_version: self.kubernetes.clone(),
            emulation_version: self.emulates,
            group_versions: offered
                .map(|api| api.gvk().api_version())
                .chain(custom)
                .collect(),
        }
    }

    fn snapshot(&self, catalog: &Catalog) -> Snapshot {
        let survey = self.survey(catalog);
        let mut needs: Vec<Need> = detect::needs(&survey);
        needs.extend(plan::needs(&survey));
        let requests = kubectl_upgrade::need::read_plan(&needs, &survey, catalog, None);
        Snapshot {
            taken_at: Timestamp::UNIX_EPOCH,
            clusters: vec![ClusterSnapshot {
                id: ClusterId("shop-prod".to_owned()),
                context: Some("shop-prod".to_owned()),
                server: "https://shop.example".to_owned(),
                namespace: None,
                ledger: requests
                    .iter()
                    .map(|request| self.reading(request, catalog))
                    .collect(),
                discovery: survey,
            }],
            files: ManifestFiles::default(),
            is_redacted: false,
        }
    }

    fn reading(&self, request: &ReadRequest, catalog: &Catalog) -> ReadResult {
        let rows = match &request.target {
            ReadTarget::Objects { resource, .. } if resource.plural == "nodes" => {
                Rows::Nodes(self.nodes.clone().into())
            }
            ReadTarget::Objects { resource, .. } => {
                let mut custom = catalog.custom_apis.iter();
                let api = custom
                    .find(|api| api.group == resource.group && api.resource == resource.plural);
                let objects = self.objects.iter().filter(|object| {
                    api.is_some_and(|api| object["kind"].as_str() == Some(&*api.kind))
                });
                Rows::Objects(objects.map(row).collect())
            }
            ReadTarget::NonResourceUrl { .. } => Rows::Metadata(Table::default()),
        };
        ReadResult {
            target: request.target.clone(),
            detail_level: request.detail_level,
            freshness: request.freshness,
            outcome: ReadOutcome::Complete,
            finished_at: Timestamp::UNIX_EPOCH,
            rows,
            skipped_objects: Vec::new(),
        }
    }

    fn path(&self, catalog: &Catalog) -> UpgradePath {
        let to = [self.to.parse().expect("a target")];
        let path = UpgradePath::for_kubernetes(Some(&self.kubernetes), self.emulates, &to, catalog);
        path.expect("a path")
    }

    pub(crate) fn plan(&self, catalog: &Catalog) -> Plan {
        self.plan_as(&PlanOptions::default(), catalog)
    }

    pub(crate) fn plan_as(&self, wishes: &PlanOptions, catalog: &Catalog) -> Plan {
        let path = self.path(catalog);
        let snapshot = self.snapshot(catalog);
        let situation = CheckContext::new(&snapshot, catalog, &path, snapshot.taken_at);
        let judgement = evaluate(&situation, &[], &Policy::default());
        plan::build(&situation, &judgement, wishes)
    }
}

/// Every variant as a snapshot, and where it is to go.
pub(crate) fn snapshots(
    catalog: &Catalog,
) -> impl Iterator<Item = (String, Snapshot, UpgradePath)> {
    VARIANTS.into_iter().map(move |(name, _)| {
        let variant = Variant::load(name);
        let name = format!("{FOLDER}/{name}.yaml");
        (name, variant.snapshot(catalog), variant.path(catalog))
    })
}

fn row(object: &Value) -> ObjectRow {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    ObjectRow {
        meta: MetaRow {
            namespace: text("/metadata/namespace").map(str::to_owned),
            name: text("/metadata/name").expect("a name").to_owned(),
            ..MetaRow::default()
        },
        object: object.clone(),
    }
}

/// The steps of a plan: ids, states, conditions and commands.
pub(crate) fn told(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let done =
            serde_json::to_value(TypedConditionDoc::from(&step.done_when)).expect("a condition");
        let kind = done["type"].as_str().expect("its type").to_owned();
        writeln!(text, "{} ({}, {kind})", step.id, step.state.as_str()).expect("a line");
        for command in &step.commands {
            writeln!(text, "    {command}").expect("a line");
        }
        if step.scope.level == ScopeLevel::Pool {
            writeln!(text, "    basis: {}", step.duration.basis).expect("a line");
        }
    }
    text
}
