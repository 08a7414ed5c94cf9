//! A cluster as the Kubernetes objects in it, decoded as an API server's answers are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as File;
use std::sync::LazyLock;

use jiff::Timestamp;
use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::catalog::{Catalog, Minor, PlatformName, Release, ServingMode};
use kubectl_upgrade::client::decode_objects;
use kubectl_upgrade::detect::{self, DetectedCluster};
use kubectl_upgrade::manifests::files;
use kubectl_upgrade::need::{
    ClusterId, Discovery, Need, NeedContext, ReadRequest, ReadTarget, read_plan,
};
use kubectl_upgrade::path::{StartingVersions, UpgradePath, UpgradeTarget};
use kubectl_upgrade::plan::{self, Plan, PlanOptions};
use kubectl_upgrade::rules::{
    self, CheckContext, Evaluation, Policy, Rule, evaluate, follow_up_requests, needs,
};
use kubectl_upgrade::snapshot::{
    ClusterSnapshot, ManifestFiles, ManifestFilter, ReadOutcome, ReadResult, Rows, Snapshot,
};
use serde::Deserialize;
use serde_json::Value;

use super::patch;
use super::selection::{gvk, helm_secret, is_selected, list_item, names};

/// Parsed once for all fixtures.
pub(super) static CATALOG: LazyLock<&Catalog> =
    LazyLock::new(|| Catalog::embedded().expect("the catalog"));

/// The content of a fixture file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cluster {
    /// The version that the API server reports.
    pub(crate) kubernetes: Release,
    /// The minor that it emulates.
    #[serde(default)]
    emulates: Option<Minor>,
    /// Group versions that it serves beside those of Kubernetes and of the objects.
    #[serde(default)]
    serves: Vec<String>,
    /// The release of a platform that the cluster does not show.
    #[serde(default)]
    from: Option<String>,
    /// The target; by default the next minor.
    #[serde(default)]
    to: Option<String>,
    /// The clock.
    #[serde(default)]
    now: Timestamp,
    /// Name of the context, which is the cluster's id too.
    #[serde(default = "shop")]
    context: String,
    #[serde(default = "shop_server")]
    server: String,
    /// Objects as `kubectl get -o yaml` prints them.
    #[serde(default)]
    pub(crate) objects: Vec<Value>,
    /// Helm's records of releases, as Helm writes them into Secrets; `info.last_deployed` is the Secret's creation, `label`
    /// the status that its label has if it is not that of the record.
    #[serde(default)]
    helm: Vec<Value>,
    /// Pages of text by their path, such as `/metrics`.
    #[serde(default)]
    pages: BTreeMap<String, String>,
    /// Resources and paths that may not be read.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    /// Manifests given with `-f`: a list of objects for each file.
    #[serde(default)]
    files: BTreeMap<String, Vec<Value>>,
    /// Files given with `-f` as they are, by their path.
    #[serde(default)]
    texts: BTreeMap<String, String>,
}

fn shop() -> String {
    "shop".to_owned()
}

fn shop_server() -> String {
    "https://shop.example".to_owned()
}

impl Cluster {
    /// Reads a fixture.
    pub(crate) fn load(file: impl AsRef<File>) -> Self {
        Self::from_value(yaml(file.as_ref()), &file.as_ref().display().to_string())
    }

    /// Reads a fixture that is a patch of another one.
    pub(crate) fn load_patched(file: impl AsRef<File>, patched_by: impl AsRef<File>) -> Self {
        let name = patched_by.as_ref().display().to_string();
        let mut cluster = yaml(file.as_ref());
        patch::apply(&mut cluster, yaml(patched_by.as_ref()), &name);
        Self::from_value(cluster, &name)
    }

    /// Reads a fixture from a text.
    pub(crate) fn parse(text: &str, name: &str) -> Self {
        Self::from_value(parsed(text, name), name)
    }

    /// Reads a fixture that is a patch of another one from texts.
    pub(crate) fn parse_patched(text: &str, patched_by: &str, name: &str) -> Self {
        let mut cluster = parsed(text, name);
        patch::apply(&mut cluster, parsed(patched_by, name), name);
        Self::from_value(cluster, name)
    }

    pub(crate) fn from_value(cluster: Value, name: &str) -> Self {
        serde_json::from_value(cluster).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The same without the objects of these kinds, or of one `Kind/name`. Their APIs stay.
    pub(crate) fn without(mut self, kinds: &[&str]) -> Self {
        let apis = self.objects.iter();
        self.serves
            .extend(apis.filter_map(|object| object["apiVersion"].as_str().map(str::to_owned)));
        self.objects.retain(|object| {
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            !kinds.contains(&kind) && !kinds.contains(&format!("{kind}/{name}").as_str())
        });
        self
    }

    /// The same with a text of every object replaced.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        let text = Value::from(self.objects).to_string();
        assert!(text.contains(from), "{from}");
        self.objects = serde_json::from_str(&text.replace(from, to)).expect("objects");
        self
    }

    /// The same with another target.
    pub(crate) fn targeting(mut self, to: Option<&str>) -> Self {
        self.to = to.map(|to| format!("kubernetes={to}"));
        self
    }

    /// The upgrade path from its version to its target.
    pub(crate) fn path(&self, catalog: &Catalog) -> UpgradePath {
        let to = self.to.iter().map(|to| to.parse().expect("a target"));
        let to: Vec<_> = to.collect();
        let detected = self.needs_detection().then(|| self.detected());
        let platforms = detected.iter().flat_map(|detected| &detected.platforms);
        let platforms = platforms.filter(|platform| catalog.platform(platform.name).is_some());
        let platforms = platforms.filter_map(|one| Some((one.name, one.version.clone()?)));
        let stated = self.from.iter().filter_map(|from| {
            let from: UpgradeTarget = from.parse().expect("a release");
            Some((from.platform?, from.version.release()?.clone()))
        });
        let platforms = platforms.chain(stated).collect();
        let versions = detected.and_then(|detected| detected.topology_versions);
        let (requested, offered) = versions
            .map(|versions| (versions.requested, versions.offered))
            .unwrap_or_default();
        let start = StartingVersions {
            kubernetes: Some(self.kubernetes.clone()),
            emulated: self.emulates,
            offered_kubernetes: offered,
            requested_kubernetes: requested
                .filter(|requested| requested.semver > self.kubernetes.semver),
            platforms,
            ..StartingVersions::default()
        };
        UpgradePath::solve(&start, &to, catalog).expect("a path")
    }

    fn needs_detection(&self) -> bool {
        let mut objects = self.objects.iter();
        objects.any(|object| object["kind"] == "Cluster" || object["kind"] == "KommanderCluster")
    }

    /// The snapshot of a run of all rules and of a plan. An object that no rule reads would test nothing: it panics.
    pub(crate) fn snapshot(&self, catalog: &Catalog, path: &UpgradePath) -> Snapshot {
        self.snapshot_for(catalog, path, None)
    }

    /// The same, with no fields of full objects but those that these rules declare: a rule that reads another field fails
    /// its test.
    fn snapshot_for(
        &self,
        catalog: &Catalog,
        path: &UpgradePath,
        readers: Option<&[&Rule]>,
    ) -> Snapshot {
        let discovery = self.discovery(catalog);
        let context = NeedContext {
            path,
            catalog,
            discovery: &discovery,
        };
        let mut all = needs(rules(), &context);
        all.extend(plan::needs(&discovery));
        if let Some(readers) = readers {
            let declared = needs(readers, &context);
            for need in &mut all {
                let own = declared.iter().filter(|own| own.target == need.target);
                need.field_paths = own.flat_map(|own| own.field_paths.iter()).collect();
            }
        }
        let mut cluster = self.read(&all, catalog);
        let more = follow_up_requests(rules(), &cluster, catalog);
        cluster.merge(more.iter().map(|one| self.read_request(one)).collect());
        self.check_that_all_is_read(&cluster);
        Snapshot {
            taken_at: self.now,
            clusters: vec![cluster],
            unread: Vec::new(),
            files: self.files(catalog),
            is_redacted: false,
        }
    }

    /// The snapshot of detection alone.
    pub(crate) fn detection_snapshot(&self, catalog: &Catalog) -> Snapshot {
        Snapshot {
            is_redacted: false,
            taken_at: self.now,
            clusters: vec![self.read(&detect::needs(&self.discovery(catalog)), catalog)],
            unread: Vec::new(),
            files: ManifestFiles::default(),
        }
    }

    /// Carries out the requests for these needs as a reader does.
    fn read(&self, needs: &[Need], catalog: &Catalog) -> ClusterSnapshot {
        let discovery = self.discovery(catalog);
        let requests = read_plan(needs, &discovery, catalog, None);
        ClusterSnapshot {
            id: ClusterId(self.context.clone()),
            context: Some(self.context.clone()),
            server: self.server.clone(),
            namespace: None,
            ledger: requests
                .iter()
                .map(|request| self.read_request(request))
                .collect(),
            discovery,
        }
    }

    /// Everything that a server of this version offers by default, and the APIs of the custom resources.
    fn discovery(&self, catalog: &Catalog) -> Discovery {
        let minor = self.emulates.unwrap_or_else(|| self.kubernetes.minor());
        let offered = catalog
            .apis
            .iter()
            .filter(|api| api.exists_in(minor) && api.serving_mode == ServingMode::ByDefault);
        let custom = self.objects.iter().map(gvk);
        let custom = custom.filter(|gvk| catalog.apis.find(gvk).is_none());
        Discovery {
            git_version: self.kubernetes.clone(),
            emulation_version: self.emulates,
            group_versions: offered
                .map(|api| api.gvk().api_version())
                .chain(custom.map(|gvk| gvk.api_version()))
                .chain(self.serves.iter().cloned())
                .collect(),
        }
    }

    fn read_request(&self, request: &ReadRequest) -> ReadResult {
        let is_refused = |name: &String| names(&request.target, name);
        let outcome = match self.refused.iter().any(is_refused) {
            true => ReadOutcome::Forbidden {
                why: match &request.target {
                    ReadTarget::NonResourceUrl { path, .. } => format!("{path} is forbidden"),
                    ReadTarget::Objects { resource, .. } => format!("{resource} is forbidden"),
                },
                rbac: request.rbac.clone(),
            },
            false => ReadOutcome::Complete,
        };
        let mut skipped_objects = Vec::new();
        let rows = match &request.target {
            ReadTarget::NonResourceUrl { path, line_prefix } => {
                let page = self.pages.get(path).map_or("", String::as_str).lines();
                let lines = page.filter(|line| line.starts_with(line_prefix));
                Rows::TextLines(lines.map(str::to_owned).collect())
            }
            ReadTarget::Objects { .. } => {
                let all = self
                    .objects
                    .iter()
                    .cloned()
                    .chain(self.helm.iter().map(helm_secret));
                let selected = all.filter(|object| is_selected(object, &request.target));
                let selected = selected.map(list_item);
                let (rows, skipped) = decode_objects(request, *CATALOG, selected);
                let is_secrets = names(&request.target, "secrets");
                assert!(is_secrets || skipped.is_empty(), "{skipped:?}");
                skipped_objects = skipped;
                rows
            }
        };
        ReadResult {
            target: request.target.clone(),
            detail_level: request.detail_level,
            freshness: request.freshness,
            field_paths: request.field_paths.clone(),
            outcome,
            finished_at: self.now,
            rows,
            skipped_objects,
            resource_version: None,
        }
    }

    fn check_that_all_is_read(&self, cluster: &ClusterSnapshot) {
        let targets = || cluster.ledger.iter().map(|reading| &reading.target);
        for object in &self.objects {
            let is_read = targets().any(|target| is_selected(object, target));
            assert!(is_read, "no rule reads this object: {object}");
        }
        for name in self.pages.keys().chain(&self.refused) {
            let is_read = targets().any(|target| names(target, name));
            assert!(is_read, "no rule reads {name}");
        }
    }

    /// The manifests, read from files in a directory and named without it.
    fn files(&self, catalog: &Catalog) -> ManifestFiles {
        if self.files.is_empty() && self.texts.is_empty() {
            return ManifestFiles::default();
        }
        let directory = tempfile::tempdir().expect("a directory");
        for (name, objects) in &self.files {
            let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
            fs::write(directory.path().join(name), documents.join("\n---\n")).expect("a file");
        }
        for (name, text) in &self.texts {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        let filter = ManifestFilter {
            has_cluster: true,
            from: None,
            to: None,
            oldest: Some(self.kubernetes.minor()),
        };
        let paths = [directory.path().to_owned()];
        let mut files = files::read(
            &paths,
            (files::STDIN_NAME, std::io::empty()),
            catalog,
            filter,
        )
        .expect("files");
        let prefix = format!("{}/", directory.path().display());
        for object in &mut files.objects {
            object.location = object.location.replace(&prefix, "");
        }
        for gap in &mut files.gaps {
            gap.what = gap.what.replace(&prefix, "");
        }
        files
    }

    /// The plan for it, with the findings of these rules.
    pub(crate) fn plan(&self, catalog: &Catalog, rules: &[&Rule], options: &PlanOptions) -> Plan {
        let path = self.path(catalog);
        let snapshot = self.snapshot(catalog, &path);
        let context = CheckContext::new(&snapshot, catalog, &path, self.now);
        let evaluation = evaluate(&context, rules, &Policy::default());
        plan::build(&context, &evaluation, options)
    }

    /// The findings of these rules, and the report of them.
    pub(crate) fn evaluate(
        &self,
        catalog: &Catalog,
        rules: &[&Rule],
    ) -> (Evaluation, UpgradeReport) {
        let path = self.path(catalog);
        let snapshot = self.snapshot_for(catalog, &path, Some(rules));
        let context = CheckContext::new(&snapshot, catalog, &path, self.now);
        let evaluation = evaluate(&context, rules, &Policy::default());
        let report = UpgradeReport::new(&context, &evaluation);
        (evaluation, report)
    }

    pub(crate) fn detected(&self) -> DetectedCluster {
        let snapshot = self.detection_snapshot(&CATALOG);
        DetectedCluster::new(&snapshot.clusters[0], &CATALOG)
    }

    /// The release of a platform in words; `none` if the platform is there and its release is unknown.
    pub(crate) fn release(&self, platform: PlatformName) -> Option<String> {
        let detected = self.detected();
        let version = detected.platform(platform)?.version.as_ref();
        Some(version.map_or("none".to_owned(), ToString::to_string))
    }

    /// The gaps of its detection, in one text.
    pub(crate) fn detection_gaps(&self) -> String {
        let gaps = self.detected().gaps.into_iter();
        let texts = gaps.map(|gap| {
            let (what, why) = (gap.missing.what, gap.missing.why);
            format!("{}: {what}: {why}", gap.cluster)
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

fn yaml(file: &File) -> Value {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    parsed(&text, &name)
}

fn parsed(text: &str, name: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every rule.
pub(crate) fn rules() -> &'static [&'static Rule] {
    rules::rules().expect("the rules")
}
