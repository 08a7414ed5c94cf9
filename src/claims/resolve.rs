//! The one place that decides who still uses an old API.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Claim, ObjectKey, Trace, file, helm, last_applied, managed_fields, metric};
use crate::catalog::{Api, Catalog, Gvk, Minor, Resource, Writer};
use crate::evidence::{Evidence, Source};
use crate::need::{ClusterId, Selector, Subject};
use crate::path::Path;
use crate::snapshot::{HelmRow, ManifestObject, Outcome, Picture, Rows, Snapshot};

/// What becomes of the API that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// It is gone from this minor on.
    Removed(Minor),
    /// It is deprecated from this minor on, and the target still serves it.
    Deprecated(Minor),
}

/// How much the evidence weighs. Ordered: the metric is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Only the metric speaks for it: somebody asked, nobody knows who.
    Metric,
    /// It may be old news: an annotation, an entry that another one of the same second overtook.
    Hint,
    /// A writer wrote so, and nothing says that it changed.
    Written,
    /// It stands in what will be applied next.
    Recorded,
}

/// An object for which somebody still uses an API that is, or will be, deprecated or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The old API.
    pub api: Gvk,
    /// What becomes of it.
    pub life: Life,
    /// Which object.
    pub object: ObjectKey,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Everything that speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
    /// The strongest of it.
    pub weight: Weight,
}

/// Weighs every trace in the snapshot.
///
/// * What a Helm release, a file or an annotation says outranks the managed fields of the writer behind it: after
///   `helm upgrade` to a migrated chart the old entry stays for ever.
/// * An entry is stale only through a newer entry of the same manager, on the object itself. What another manager does,
///   such as a controller that writes the status, proves nothing.
/// * What Kubernetes writes for itself is left out by writer.
/// * Traces of APIs that the running server no longer serves count only where they will be applied again: in files and
///   Helm records.
/// * The metric corroborates; alone it weighs least, and not at all where our own list had no other version to ask for.
#[must_use]
pub fn resolve(snapshot: &Snapshot, catalog: &Catalog, path: &Path) -> Vec<Usage> {
    let listed = snapshot
        .clusters
        .iter()
        .flat_map(|picture| whole_lists(picture).map(move |(resource, _)| (&picture.id, resource)));
    let resolver = Resolver {
        catalog,
        path,
        listed: listed.collect(),
    };
    let mut manifests = resolver.manifests(snapshot);
    let mut usages = Vec::new();
    for picture in &snapshot.clusters {
        for (resource, rows) in whole_lists(picture) {
            resolver.live(picture, resource, rows, &mut manifests, &mut usages);
        }
    }
    // What is left stands in manifests only.
    for (key, manifests) in manifests {
        usages.extend(resolver.object(resolver.claims(&key, &manifests)));
    }
    for picture in &snapshot.clusters {
        resolver.metric(picture, &mut usages);
    }
    usages.sort_by(|a, b| (&a.object, &a.api).cmp(&(&b.object, &b.api)));
    usages
}

/// What was read to the end.
fn complete(picture: &Picture) -> impl Iterator<Item = &Rows> {
    picture
        .readings
        .iter()
        .filter(|reading| reading.outcome == Outcome::Complete)
        .map(|reading| &reading.rows)
}

/// Those of them that hold every object of their resource: a selection would show some of them twice.
fn whole_lists(picture: &Picture) -> impl Iterator<Item = (&Resource, &Rows)> {
    picture
        .readings
        .iter()
        .filter(|reading| reading.outcome == Outcome::Complete)
        .filter_map(|reading| match &reading.subject {
            Subject::Objects {
                resource,
                namespace: None,
                selector,
            } if *selector == Selector::default() => Some((resource, &reading.rows)),
            _ => None,
        })
}

/// An object in a file or in the record of a release. A claim is several times as large, and made when it is weighed.
struct Manifest<'a> {
    release: Option<&'a HelmRow>,
    object: &'a ManifestObject,
}

type Manifests<'a> = HashMap<ObjectKey, Vec<Manifest<'a>>>;

struct Resolver<'a> {
    catalog: &'a Catalog,
    path: &'a Path,
    /// Of what every object was seen.
    listed: HashSet<(&'a ClusterId, &'a Resource)>,
}

impl Resolver<'_> {
    /// What files and Helm records hold, by object.
    fn manifests<'s>(&self, snapshot: &'s Snapshot) -> Manifests<'s> {
        let files = &snapshot.files;
        let owner_of_files = snapshot.clusters.first().map(|picture| &picture.id);
        let mut manifests = Manifests::new();
        let mut note = |release, object, cluster| {
            if let Some(key) = self.key_if_it_matters(object, cluster) {
                let manifest = Manifest { release, object };
                manifests.entry(key).or_default().push(manifest);
            }
        };
        for object in &files.objects {
            note(None, object, owner_of_files);
        }
        let in_files = files.releases.iter().map(|row| (row, owner_of_files));
        let in_clusters = snapshot.clusters.iter().flat_map(|picture| {
            let releases = complete(picture).flat_map(Rows::helm);
            releases.map(move |row| (row, Some(&picture.id)))
        });
        for (release, cluster) in in_files.chain(in_clusters) {
            for object in &release.objects {
                note(Some(release), object, cluster);
            }
        }
        manifests
    }

    /// The object of a manifest, where the manifest says something: because its own API goes, or because the object
    /// was seen and may remember another.
    fn key_if_it_matters(
        &self,
        object: &ManifestObject,
        cluster: Option<&ClusterId>,
    ) -> Option<ObjectKey> {
        let (api, key) = file::api_and_key(object, cluster, self.catalog)?;
        let ends = self.life(self.catalog.apis.find(&api)?).is_some();
        let seen = cluster.is_some_and(|cluster| self.listed.contains(&(cluster, &key.resource)));
        (ends || seen).then_some(key)
    }

    fn claims(&self, key: &ObjectKey, manifests: &[Manifest<'_>]) -> Vec<Claim> {
        let cluster = key.cluster.as_ref();
        let claim = |manifest: &Manifest<'_>| match manifest.release {
            None => file::claim(manifest.object, cluster, self.catalog),
            Some(release) => helm::claim(release, manifest.object, cluster, self.catalog),
        };
        manifests.iter().filter_map(claim).collect()
    }

    /// Live objects, each together with what manifests say of it.
    fn live(
        &self,
        picture: &Picture,
        resource: &Resource,
        rows: &Rows,
        manifests: &mut Manifests<'_>,
        usages: &mut Vec<Usage>,
    ) {
        let Some(kind) = self.catalog.apis.family(resource).next() else {
            return;
        };
        let kind = kind.gvk().kind;
        for row in rows.meta() {
            let key = ObjectKey {
                cluster: Some(picture.id.clone()),
                resource: resource.clone(),
                namespace: row.namespace.clone(),
                name: row.name.clone(),
            };
            let said = manifests.remove(&key).unwrap_or_default();
            let mut claims = self.claims(&key, &said);
            claims.extend(managed_fields::claims(row, &kind, &key, self.catalog));
            claims.extend(last_applied::claims(row, &key));
            usages.extend(self.object(claims));
        }
    }

    /// All claims on one object, weighed against each other.
    fn object(&self, claims: Vec<Claim>) -> Vec<Usage> {
        let mut found: BTreeMap<Gvk, Usage> = BTreeMap::new();
        for claim in &claims {
            let Some((life, weight)) = self.weigh(claim, &claims) else {
                continue;
            };
            let usage = found.entry(claim.api.clone()).or_insert_with(|| Usage {
                api: claim.api.clone(),
                life,
                object: claim.object.clone(),
                owner: None,
                evidence: Vec::new(),
                weight,
            });
            usage.weight = usage.weight.max(weight);
            usage.owner = usage.owner.take().or_else(|| claim.owner.clone());
            usage.evidence.push(claim.evidence.clone());
        }
        for usage in found.values_mut() {
            usage.evidence.sort();
            usage.evidence.dedup();
        }
        found.into_values().collect()
    }

    /// What becomes of the API of a claim and how much the claim weighs; none where it says nothing.
    fn weigh(&self, claim: &Claim, all: &[Claim]) -> Option<(Life, Weight)> {
        let api = self.catalog.apis.find(&claim.api)?;
        let life = self.life(api)?;
        let weight = match &claim.trace {
            Trace::File | Trace::Helm => Weight::Recorded,
            Trace::LastApplied if overtaken_by_file(claim, all) => return None,
            Trace::LastApplied => Weight::Hint,
            Trace::ManagedFields {
                manager,
                subresource: _,
            } => {
                if claim.writer == Some(Writer::System) || outranked(claim, all) {
                    return None;
                }
                written(claim, manager, all)?
            }
        };
        let remembered_only = matches!(
            claim.trace,
            Trace::ManagedFields { .. } | Trace::LastApplied
        );
        (!(remembered_only && self.gone_already(life))).then_some((life, weight))
    }

    fn life(&self, api: &Api) -> Option<Life> {
        match api.removed {
            Some(removed) if removed <= self.path.to => Some(Life::Removed(removed)),
            _ => api
                .deprecated
                .filter(|since| *since <= self.path.to)
                .map(Life::Deprecated),
        }
    }

    fn gone_already(&self, life: Life) -> bool {
        let Life::Removed(removed) = life else {
            return false;
        };
        self.path.from.is_some_and(|from| removed <= from)
    }

    /// Adds what the metric says: to every use of the API, or as a use of its own.
    fn metric(&self, picture: &Picture, usages: &mut Vec<Usage>) {
        let page = super::metric_page();
        let Ok(Some(rows)) = picture.read(&page, self.catalog) else {
            return;
        };
        let minor = picture.survey.effective_minor();
        for (api, line) in metric::requested(rows.lines(), self.catalog) {
            let Some(life @ Life::Removed(_)) = self.life(api) else {
                continue;
            };
            let gvk = api.gvk();
            let evidence = Evidence::new(Source::Metric, line);
            let mut spoken_for = false;
            for usage in usages.iter_mut().filter(|usage| {
                usage.api == gvk && usage.object.cluster.as_ref() == Some(&picture.id)
            }) {
                usage.evidence.push(evidence.clone());
                spoken_for = true;
            }
            let resource = self.catalog.apis.resource_of(api);
            let ours = resource.as_ref().is_some_and(|resource| {
                let serves = |api_version: &str| picture.survey.serves(api_version);
                self.catalog
                    .apis
                    .best_served(resource, minor, serves)
                    .is_some_and(|asked| asked.gvk() == gvk)
            });
            if !spoken_for && !ours {
                usages.push(Usage {
                    life,
                    object: ObjectKey {
                        cluster: Some(picture.id.clone()),
                        resource: resource
                            .unwrap_or_else(|| Resource::new(api.group(), &api.resource)),
                        namespace: None,
                        name: "*".to_owned(),
                    },
                    owner: None,
                    evidence: vec![evidence],
                    weight: Weight::Metric,
                    api: gvk,
                });
            }
        }
    }
}

/// Whether a manifest that is about to be applied takes the place of what an annotation remembers.
fn overtaken_by_file(claim: &Claim, all: &[Claim]) -> bool {
    let file = |api_is_same: bool| {
        all.iter()
            .any(|other| other.trace == Trace::File && (other.api == claim.api) == api_is_same)
    };
    file(false) && !file(true)
}

/// Whether what the writer behind a manager will write next is known, and is another version.
///
/// The record must not be older than the entry; annotations and files have no time and are what is current.
fn outranked(claim: &Claim, all: &[Claim]) -> bool {
    let speaks_for_writer = |other: &&Claim| match other.trace {
        Trace::Helm => claim.writer == Some(Writer::Helm),
        Trace::LastApplied => other.writer == claim.writer && !overtaken_by_file(other, all),
        Trace::File => matches!(
            claim.writer,
            Some(Writer::KubectlApply | Writer::Kubectl | Writer::Kapp)
        ),
        Trace::ManagedFields { .. } => false,
    };
    let mut authorities = all.iter().filter(speaks_for_writer).peekable();
    if authorities.peek().is_none() {
        return false;
    }
    authorities.all(|other| {
        let current = match (other.time, claim.time) {
            (Some(record), Some(entry)) => record >= entry,
            _ => true,
        };
        current && other.api != claim.api
    })
}

/// How much an entry of `managedFields` weighs against the other entries of its manager; none if it is stale.
fn written(claim: &Claim, manager: &str, all: &[Claim]) -> Option<Weight> {
    let mut weight = Weight::Written;
    for other in all {
        let Trace::ManagedFields {
            manager: name,
            subresource: false,
        } = &other.trace
        else {
            continue;
        };
        if name != manager || other.api == claim.api {
            continue;
        }
        match (other.time, claim.time) {
            (Some(newer), Some(older)) if newer > older => return None,
            // Times have whole seconds: which of the two came last cannot be told.
            (Some(same), Some(time)) if same == time => weight = Weight::Hint,
            (None, _) | (_, None) => weight = Weight::Hint,
            _ => {}
        }
    }
    Some(weight)
}
