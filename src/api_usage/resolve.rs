//! Decides who still uses an old API.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::last_applied::last_applied_evidence;
use super::managed_fields::managed_fields_evidence;
use super::{ApiUsageEvidence, ObjectKey, WriteTrace, file, helm, metric};
use crate::catalog::{Api, Catalog, GroupResource, Gvk, Minor, WriterKind};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{ListSelector, ReadTarget};
use crate::path::UpgradePath;
use crate::snapshot::{
    ClusterSnapshot, ClusterView, HelmReleaseRow, ManifestFiles, ManifestObject, ReadOutcome, Rows,
};

/// What becomes of the API that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiLifecycle {
    /// Removed in this minor.
    Removed(Minor),
    /// It is deprecated from this minor on, and the target still serves it.
    Deprecated(Minor),
}

/// How much the evidence weighs. Ordered: the metric is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceStrength {
    /// Only the metric: a client requested it, and it is unknown which.
    Metric,
    /// It may be old news: an annotation, an entry that another one of the same second overtook.
    PossiblyStale,
    /// A writer wrote so, and nothing says that it changed.
    Written,
    /// It is in a manifest that will be applied next.
    ToBeApplied,
}

/// An object that is still written through a deprecated or removed API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUsage {
    /// The old API.
    pub api: Gvk,
    /// What becomes of it.
    pub lifecycle: ApiLifecycle,
    /// Which object.
    pub object: ObjectKey,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Its evidence, strongest first.
    pub evidence: Vec<Evidence>,
    /// The strongest of it.
    pub strength: EvidenceStrength,
    /// Whether a server-side apply is among it.
    pub has_applier: bool,
}

/// Weighs every trace in the snapshot.
///
/// * What a Helm release, a file or an annotation says outranks the managed fields of the writer behind it: after
///   `helm upgrade` to a migrated chart the old entry stays indefinitely.
/// * An entry is stale through a newer entry of the same manager, on the object itself, or if it owns no field any more. A
///   later server-side apply of as many fields through another version, or a GitOps tool that took the object over, makes
///   it doubtful. What any other manager does, such as a controller that writes the status, proves nothing.
/// * What Kubernetes writes for itself is left out by writer.
/// * Traces of APIs that the running server no longer serves count only where they may be applied again: in files, Helm
///   records and annotations.
/// * The metric corroborates; alone it weighs least, and not at all where our own list had no other version to ask for.
#[must_use]
pub fn resolve_usages(
    view: Option<ClusterView<'_>>,
    files: &ManifestFiles,
    catalog: &Catalog,
    path: &UpgradePath,
) -> Vec<ApiUsage> {
    let cluster = view.map(|view| view.cluster);
    let lists = || cluster.into_iter().flat_map(full_lists);
    let resolver = UsageResolver {
        catalog,
        path,
        fully_listed: lists().map(|(resource, _)| resource).collect(),
    };
    let mut manifests = resolver.collect_manifests(cluster, files);
    let mut usages = Vec::new();
    for (resource, rows) in lists() {
        resolver.resolve_live(resource, rows, &mut manifests, &mut usages);
    }
    // The rest is in manifests only.
    for manifests in manifests.into_values() {
        usages.extend(resolver.resolve_object(resolver.manifest_evidence(&manifests)));
    }
    if let Some(view) = view {
        resolver.add_metric_evidence(view, &mut usages);
    }
    usages.sort_by(|a, b| (&a.object, &a.api).cmp(&(&b.object, &b.api)));
    usages
}

/// Complete reads that hold every object of their resource; a selection would repeat some of them.
fn full_lists(cluster: &ClusterSnapshot) -> impl Iterator<Item = (&GroupResource, &Rows)> {
    cluster
        .ledger
        .iter()
        .filter(|reading| reading.outcome == ReadOutcome::Complete)
        .filter_map(|reading| match &reading.target {
            ReadTarget::Objects {
                resource,
                namespace: None,
                selector,
            } if *selector == ListSelector::default() => Some((resource, &reading.rows)),
            _ => None,
        })
}

/// An object in a file or in the record of a release. An [`ApiUsageEvidence`] is several times as large; it is made only when it is weighed.
struct ManifestEntry<'a> {
    release: Option<&'a HelmReleaseRow>,
    object: &'a ManifestObject,
}

type ManifestsByObject<'a> = HashMap<ObjectKey, Vec<ManifestEntry<'a>>>;

struct UsageResolver<'a> {
    catalog: &'a Catalog,
    path: &'a UpgradePath,
    /// Resources of which every object was read.
    fully_listed: HashSet<&'a GroupResource>,
}

impl UsageResolver<'_> {
    /// Manifests in files and Helm records, by object.
    fn collect_manifests<'s>(
        &self,
        cluster: Option<&'s ClusterSnapshot>,
        files: &'s ManifestFiles,
    ) -> ManifestsByObject<'s> {
        let mut manifests = ManifestsByObject::new();
        let mut note = |release, object| {
            if let Some(key) = self.relevant_key(object) {
                let manifest = ManifestEntry { release, object };
                manifests.entry(key).or_default().push(manifest);
            }
        };
        for object in &files.objects {
            note(None, object);
        }
        for release in helm::current_releases(cluster, files) {
            for object in &release.objects {
                note(Some(release), object);
            }
        }
        manifests
    }

    /// The object of a manifest, where the manifest says something: because its own API goes, or because the object
    /// was seen and may remember another.
    fn relevant_key(&self, object: &ManifestObject) -> Option<ObjectKey> {
        let (api, key) = file::api_and_key(object, self.catalog)?;
        let ends = |api: &Gvk| {
            let api = self.catalog.apis.find(api);
            api.is_some_and(|api| self.lifecycle_of(api).is_some())
        };
        let is_relevant = ends(&api)
            || self.fully_listed.contains(&key.resource)
            || self
                .copy_evidence(object, &key)
                .iter()
                .any(|trace| ends(&trace.api));
        is_relevant.then_some(key)
    }

    /// What a copy of a live object remembers of its writers, and in which file the copy is.
    fn copy_evidence(&self, object: &ManifestObject, key: &ObjectKey) -> Vec<ApiUsageEvidence> {
        let Some(live) = &object.live else {
            return Vec::new();
        };
        let (entries, applied) = (&live.field_managers, &live.last_applied);
        let entries = managed_fields_evidence(entries, None, &object.kind, key, self.catalog);
        let mut traces: Vec<_> = entries
            .chain(last_applied_evidence(applied, None, key))
            .collect();
        for trace in &mut traces {
            trace.evidence.location = Some(object.location.clone());
        }
        traces
    }

    fn manifest_evidence(&self, manifests: &[ManifestEntry<'_>]) -> Vec<ApiUsageEvidence> {
        let items = |manifest: &ManifestEntry<'_>| match manifest.release {
            None if manifest.object.live.is_some() => {
                let key = file::api_and_key(manifest.object, self.catalog);
                key.map_or_else(Vec::new, |(_, key)| {
                    self.copy_evidence(manifest.object, &key)
                })
            }
            None => Vec::from_iter(file::file_evidence(manifest.object, self.catalog)),
            Some(release) => {
                Vec::from_iter(helm::helm_evidence(release, manifest.object, self.catalog))
            }
        };
        manifests.iter().flat_map(items).collect()
    }

    /// Usages of live objects, with the manifests of the same objects.
    fn resolve_live(
        &self,
        resource: &GroupResource,
        rows: &Rows,
        manifests: &mut ManifestsByObject<'_>,
        usages: &mut Vec<ApiUsage>,
    ) {
        let Some(kind) = self.catalog.apis.apis_of(resource).next() else {
            return;
        };
        let kind = kind.gvk().kind;
        for row in rows.metadata() {
            let key = ObjectKey {
                resource: resource.clone(),
                namespace: row.namespace.clone(),
                name: row.name.clone(),
            };
            let mut in_manifests = manifests.remove(&key).unwrap_or_default();
            // The object itself is newer than a copy of it.
            in_manifests.retain(|manifest| manifest.object.live.is_none());
            let mut evidence = self.manifest_evidence(&in_manifests);
            let owner = row.owner.as_deref();
            let entries = &row.field_managers;
            evidence.extend(managed_fields_evidence(
                entries,
                owner,
                &kind,
                &key,
                self.catalog,
            ));
            evidence.extend(last_applied_evidence(&row.last_applied, owner, &key));
            usages.extend(self.resolve_object(evidence));
        }
    }

    /// Weighs all evidence on one object.
    fn resolve_object(&self, evidence: Vec<ApiUsageEvidence>) -> Vec<ApiUsage> {
        let mut found: BTreeMap<Gvk, ApiUsage> = BTreeMap::new();
        for item in &evidence {
            let Some((lifecycle, strength)) = self.weigh(item, &evidence) else {
                continue;
            };
            let usage = found.entry(item.api.clone()).or_insert_with(|| ApiUsage {
                api: item.api.clone(),
                lifecycle,
                object: item.object.clone(),
                owner: None,
                evidence: Vec::new(),
                strength,
                has_applier: false,
            });
            usage.has_applier |=
                matches!(item.trace, WriteTrace::ManagedFields { is_apply: true, .. });
            usage.strength = usage.strength.max(strength);
            usage.owner = usage.owner.take().or_else(|| item.owner.clone());
            usage.evidence.push(item.evidence.clone());
        }
        for usage in found.values_mut() {
            usage.evidence.sort();
            usage.evidence.dedup();
        }
        found.into_values().collect()
    }

    /// What becomes of the API of this evidence, and how strong the evidence is; `None` if it proves nothing.
    fn weigh(
        &self,
        item: &ApiUsageEvidence,
        all: &[ApiUsageEvidence],
    ) -> Option<(ApiLifecycle, EvidenceStrength)> {
        let api = self.catalog.apis.find(&item.api)?;
        let lifecycle = self.lifecycle_of(api)?;
        let strength = match &item.trace {
            WriteTrace::File | WriteTrace::Helm => EvidenceStrength::ToBeApplied,
            WriteTrace::LastApplied { .. }
                if is_superseded_by_file(item, all) || is_leftover(item, all) =>
            {
                return None;
            }
            WriteTrace::LastApplied { .. } => EvidenceStrength::PossiblyStale,
            // Whatever it wrote, it cannot write through that version again.
            WriteTrace::ManagedFields { .. } if self.is_already_removed(lifecycle) => return None,
            WriteTrace::ManagedFields { manager, .. } => {
                if item.writer == Some(WriterKind::System) || is_outranked(item, all) {
                    return None;
                }
                managed_fields_strength(item, manager, all)?
            }
        };
        Some((lifecycle, strength))
    }

    fn lifecycle_of(&self, api: &Api) -> Option<ApiLifecycle> {
        match api.removed {
            Some(removed) if self.path.reaches(removed) => Some(ApiLifecycle::Removed(removed)),
            _ => api
                .deprecated
                .filter(|since| self.path.reaches(*since))
                .map(ApiLifecycle::Deprecated),
        }
    }

    fn is_already_removed(&self, lifecycle: ApiLifecycle) -> bool {
        let ApiLifecycle::Removed(removed) = lifecycle else {
            return false;
        };
        self.path.from.is_some_and(|from| removed <= from)
    }

    /// Adds what the metric says: to every use of the API, or as a use of its own.
    fn add_metric_evidence(&self, view: ClusterView<'_>, usages: &mut Vec<ApiUsage>) {
        let Some(rows) = view.rows(&super::metrics_need()) else {
            return;
        };
        let discovery = &view.cluster.discovery;
        let minor = discovery.effective_minor();
        for (api, resource) in metric::requested_apis(rows.text_lines(), self.catalog) {
            let Some(lifecycle @ ApiLifecycle::Removed(_)) = self.lifecycle_of(api) else {
                continue;
            };
            let gvk = api.gvk();
            let detail = format!(
                "{resource} of {} were requested since this API server started",
                gvk.api_version()
            );
            let evidence = Evidence {
                location: Some(format!("metric {}", metric::DEPRECATED_API_METRIC)),
                ..Evidence::new(EvidenceSource::Metric, detail)
            };
            let mut spoken_for = false;
            for usage in usages.iter_mut().filter(|usage| usage.api == gvk) {
                usage.evidence.push(evidence.clone());
                spoken_for = true;
            }
            let resource = self.catalog.apis.resource_of(api);
            let ours = resource.as_ref().is_some_and(|resource| {
                let serves = |api_version: &str| discovery.serves(api_version);
                self.catalog
                    .apis
                    .best_served(resource, minor, serves)
                    .is_some_and(|asked| asked.gvk() == gvk)
            });
            if !spoken_for && !ours {
                usages.push(ApiUsage {
                    lifecycle,
                    object: ObjectKey {
                        resource: resource
                            .unwrap_or_else(|| GroupResource::new(api.group(), &api.resource)),
                        namespace: None,
                        name: "*".to_owned(),
                    },
                    owner: None,
                    evidence: vec![evidence],
                    strength: EvidenceStrength::Metric,
                    has_applier: false,
                    api: gvk,
                });
            }
        }
    }
}

/// Whether a manifest that is about to be applied takes the place of what an annotation remembers.
fn is_superseded_by_file(item: &ApiUsageEvidence, all: &[ApiUsageEvidence]) -> bool {
    let file = |api_is_same: bool| {
        all.iter()
            .any(|other| other.trace == WriteTrace::File && (other.api == item.api) == api_is_same)
    };
    file(false) && !file(true)
}

/// Whether an annotation is nobody's any more, beside a server-side apply through another version: kubectl no longer
/// compares with it.
fn is_leftover(item: &ApiUsageEvidence, all: &[ApiUsageEvidence]) -> bool {
    let is_other_apply = |other: &ApiUsageEvidence| {
        let is_apply = matches!(
            other.trace,
            WriteTrace::ManagedFields {
                is_apply: true,
                is_subresource: false,
                ..
            }
        );
        is_apply && other.api != item.api
    };
    matches!(item.trace, WriteTrace::LastApplied { is_unowned: true })
        && all.iter().any(is_other_apply)
}

/// Whether what the writer behind a manager will write next is known, and is another version.
///
/// The record must not be older than the entry; annotations and files have no time and are what is current.
fn is_outranked(item: &ApiUsageEvidence, all: &[ApiUsageEvidence]) -> bool {
    let speaks_for_writer = |other: &&ApiUsageEvidence| match other.trace {
        WriteTrace::Helm => item.writer == Some(WriterKind::Helm),
        WriteTrace::LastApplied { .. } => {
            other.writer == item.writer
                && !is_superseded_by_file(other, all)
                && !is_leftover(other, all)
        }
        WriteTrace::File => matches!(
            item.writer,
            Some(WriterKind::KubectlApply | WriterKind::Kubectl | WriterKind::Kapp)
        ),
        WriteTrace::ManagedFields { .. } => false,
    };
    let mut authorities = all.iter().filter(speaks_for_writer).peekable();
    if authorities.peek().is_none() {
        return false;
    }
    authorities.all(|other| {
        let current = match (other.time, item.time) {
            (Some(record), Some(entry)) => record >= entry,
            _ => true,
        };
        current && other.api != item.api
    })
}

/// Commands of kubectl that write whole manifests, each under a name of its own: what one person does in turn.
///
/// Source: kubernetes/kubectl pkg/cmd/{create,replace,apply}, pkg/cmd/util/editor.
const KUBECTL_MANIFEST_COMMANDS: [&str; 4] = [
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-edit",
    "kubectl-replace",
];

/// How much an entry of `managedFields` weighs against the other entries on the object; none if it is stale.
fn managed_fields_strength(
    item: &ApiUsageEvidence,
    manager: &str,
    all: &[ApiUsageEvidence],
) -> Option<EvidenceStrength> {
    if matches!(
        item.trace,
        WriteTrace::ManagedFields {
            leaves: Some(0),
            ..
        }
    ) {
        return None;
    }
    let is_command = |name: &str| KUBECTL_MANIFEST_COMMANDS.contains(&name);
    let mut strength = EvidenceStrength::Written;
    for other in all {
        let WriteTrace::ManagedFields {
            manager: name,
            is_subresource: false,
            ..
        } = &other.trace
        else {
            continue;
        };
        if other.api == item.api {
            continue;
        }
        if name != manager && !(is_command(name) && is_command(manager)) {
            if has_taken_over(other, item) {
                strength = EvidenceStrength::PossiblyStale;
            }
            continue;
        }
        match (other.time, item.time) {
            (Some(newer), Some(older)) if newer > older => return None,
            // Times have whole seconds: which of the two came last is unknown.
            (Some(same), Some(time)) if same == time => strength = EvidenceStrength::PossiblyStale,
            (None, _) | (_, None) => strength = EvidenceStrength::PossiblyStale,
            _ => {}
        }
    }
    Some(strength)
}

/// Whether another manager has written the object later as a whole: by a server-side apply of at least as many fields, or
/// because it is a GitOps tool, which applies all of what it manages.
fn has_taken_over(other: &ApiUsageEvidence, item: &ApiUsageEvidence) -> bool {
    let field_count = |trace: &WriteTrace| match trace {
        WriteTrace::ManagedFields { leaves, .. } => *leaves,
        _ => None,
    };
    let is_apply = matches!(
        other.trace,
        WriteTrace::ManagedFields { is_apply: true, .. }
    );
    let is_whole = match (field_count(&other.trace), field_count(&item.trace)) {
        (Some(others), Some(own)) => others >= own,
        _ => true,
    };
    let is_later = matches!((other.time, item.time), (Some(newer), Some(older)) if newer > older);
    is_later && (other.writer == Some(WriterKind::Gitops) || is_apply && is_whole)
}
