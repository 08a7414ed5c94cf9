//! Add-ons: what runs beside Kubernetes itself and must fit its minor, told by the images of workloads and by the charts
//! that installed them.
//!
//! They are not part of the first reads: their evidence is read together with the needs of rules, in the same requests.

use std::collections::{BTreeSet, HashMap};

use crate::api_usage::helm_release_needs;
use crate::catalog::ImageRef;
use crate::catalog::addons::{Addon, AddonRole, TagScheme, UpgradeOrder};
use crate::catalog::{Catalog, GroupResource, Release};
use crate::need::{DetailLevel, Need};
use crate::snapshot::{
    ClusterSnapshot, HelmReleaseRow, MissingData, SharedStr, WorkloadRow, WorkloadStatus,
};

/// The kinds of workloads, with their plural names.
const WORKLOAD_KINDS: [(&str, &str); 3] = [
    ("DaemonSet", "daemonsets"),
    ("Deployment", "deployments"),
    ("StatefulSet", "statefulsets"),
];

/// A workload that is an add-on, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledAddon {
    /// Name of the add-on in the catalog.
    pub component: String,
    /// What people call it.
    pub title: String,
    /// What it does.
    pub role: AddonRole,
    /// When in a hop it is upgraded.
    pub upgrade_order: UpgradeOrder,
    /// Kind of the workload.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Its release; `None` if it could not be determined.
    pub version: Option<Release>,
    /// Why the release could not be determined.
    pub unknown_version_reason: Option<String>,
    /// The image that it was detected from; for a chart, its first image.
    pub image: String,
    /// The chart that installed it, with the chart's own version, where Helm's record was read.
    pub chart: Option<String>,
    /// What the above rests on.
    pub evidence: Vec<String>,
    /// `metadata.generation`, to be compared with what the status observed.
    pub generation: i64,
    /// How many pods are asked for; of a DaemonSet none.
    pub replicas: Option<i32>,
    /// How far its controller has come.
    pub status: WorkloadStatus,
}

/// What add-ons are detected from.
#[must_use]
pub fn needs() -> Vec<Need> {
    workload_needs()
        .into_iter()
        .chain(helm_release_needs())
        .collect()
}

/// What releases of add-ons are determined from: charts have versions of their own.
#[must_use]
pub fn workload_needs() -> [Need; 3] {
    WORKLOAD_KINDS.map(|(_, plural)| workload_need(plural))
}

fn workload_need(plural: &str) -> Need {
    Need::objects(GroupResource::new("apps", plural), DetailLevel::Typed)
}

/// What was found, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct AddonDetection {
    pub(super) installed: Vec<InstalledAddon>,
    pub(super) missing: Vec<MissingData>,
}

/// Looks at a picture.
pub(super) fn detect(cluster: &ClusterSnapshot, catalog: &Catalog) -> AddonDetection {
    let mut found = AddonDetection::default();
    let releases = ReleasesByWorkload::from_snapshot(cluster, catalog);
    let mut by_image = Vec::new();
    let mut by_chart = Vec::new();
    for need in helm_release_needs() {
        found
            .missing
            .extend(cluster.rows_for(&need, catalog).err().map(|unmet| *unmet));
    }
    for (kind, plural) in WORKLOAD_KINDS {
        let rows = match cluster.rows_for(&workload_need(plural), catalog) {
            Ok(Some(rows)) => rows.workloads(),
            Ok(None) => continue,
            Err(unmet) => {
                found.missing.push(*unmet);
                continue;
            }
        };
        found.missing.extend(unrecorded_images_of(plural, rows));
        for row in rows {
            let release = releases.find(kind, row);
            let before = by_image.len();
            by_image.extend(addons_from_images(kind, row, release, catalog));
            if by_image.len() == before {
                by_chart.extend(addon_from_chart(kind, row, release, catalog));
            }
        }
    }
    // The other workloads of a chart, once one of them is known by its image.
    let known: BTreeSet<(String, String)> = by_image.iter().map(installation_key).collect();
    by_chart.retain(|it| !known.contains(&installation_key(it)));
    found.installed = by_image;
    found.installed.extend(by_chart);
    found
        .installed
        .sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    found
}

/// Images that a snapshot does not have because it was saved before they were kept.
pub(crate) fn unrecorded_images(cluster: &ClusterSnapshot, catalog: &Catalog) -> Vec<MissingData> {
    let kinds = WORKLOAD_KINDS.iter().filter_map(|(_, plural)| {
        let rows = cluster.rows_for(&workload_need(plural), catalog).ok()??;
        unrecorded_images_of(plural, rows.workloads())
    });
    kinds.collect()
}

fn unrecorded_images_of(plural: &str, rows: &[WorkloadRow]) -> Option<MissingData> {
    let bare = rows.iter().any(|row| row.images.is_empty());
    bare.then(|| MissingData {
        what: format!("images of {plural}.apps"),
        why: "the snapshot is of a version that did not keep them; read the cluster again"
            .to_owned(),
        rbac: None,
    })
}

fn sort_key(it: &InstalledAddon) -> impl Ord {
    (
        it.component.clone(),
        it.namespace.clone(),
        it.kind,
        it.name.clone(),
    )
}

/// What was installed together: an add-on in a namespace.
fn installation_key(it: &InstalledAddon) -> (String, String) {
    (it.component.clone(), it.namespace.clone())
}

/// Every add-on that a workload has an image of, each once.
fn addons_from_images(
    kind: &'static str,
    row: &WorkloadRow,
    release: Option<&HelmReleaseRow>,
    catalog: &Catalog,
) -> Vec<InstalledAddon> {
    let mut found: Vec<InstalledAddon> = Vec::new();
    for image in &row.images {
        let by_name = || catalog.addons.find_by_name(image, &row.meta.name);
        let Some((addon, version)) = catalog.addons.find_by_image(image).or_else(by_name) else {
            continue;
        };
        if found.iter().any(|it| it.component == addon.component) {
            continue;
        }
        let unknown = version
            .is_none()
            .then(|| unknown_version_reason(addon, image));
        let it = addon_of_workload(kind, row, addon, image, release);
        found.push(InstalledAddon {
            version,
            unknown_version_reason: unknown,
            ..it
        });
    }
    found
}

/// A workload whose images are not known, of a chart that is.
fn addon_from_chart(
    kind: &'static str,
    row: &WorkloadRow,
    release: Option<&HelmReleaseRow>,
    catalog: &Catalog,
) -> Option<InstalledAddon> {
    let release = release?;
    let addon = catalog.addons.find_by_chart(&release.chart)?;
    let image = row.images.first()?;
    let it = addon_of_workload(kind, row, addon, image, Some(release));
    let why = format!(
        "detected only from the chart {}; the image {image} is not in the catalog",
        release.chart
    );
    Some(InstalledAddon {
        unknown_version_reason: Some(why),
        ..it
    })
}

fn addon_of_workload(
    kind: &'static str,
    row: &WorkloadRow,
    addon: &Addon,
    image: &SharedStr,
    release: Option<&HelmReleaseRow>,
) -> InstalledAddon {
    let namespace = row.meta.namespace.clone().unwrap_or_default();
    let mut evidence = vec![format!("{kind} {namespace}/{} runs {image}", row.meta.name)];
    if let Some(release) = release {
        evidence.push(format!(
            "helm release {}/{} of chart {}",
            release.namespace, release.release, release.chart
        ));
    }
    InstalledAddon {
        component: addon.component.clone(),
        title: addon.title.clone(),
        role: addon.role,
        upgrade_order: addon.upgrade_order,
        kind,
        name: row.meta.name.clone(),
        namespace,
        owner: row.meta.owner.clone(),
        version: None,
        unknown_version_reason: None,
        image: image.to_string(),
        chart: release
            .map(|release| release.chart.clone())
            .filter(|chart| !chart.is_empty()),
        evidence,
        generation: row.generation,
        replicas: row.replicas,
        status: row.status,
    }
}

fn unknown_version_reason(addon: &Addon, image: &str) -> String {
    match (addon.tag_scheme, ImageRef::new(image).tag) {
        (TagScheme::ImageVersion, _) => format!(
            "its images have versions of their own, not those of {}",
            addon.title
        ),
        (TagScheme::AddonRelease, Some(tag)) => format!("the tag {tag} is no version"),
        (TagScheme::AddonRelease, None) if image.contains('@') => {
            "the image is named by its digest alone".to_owned()
        }
        (TagScheme::AddonRelease, None) => "the image has no tag".to_owned(),
    }
}

/// Helm's deployed releases by the workloads that they made.
struct ReleasesByWorkload<'a>(HashMap<(&'a str, &'a str, &'a str), &'a HelmReleaseRow>);

impl<'a> ReleasesByWorkload<'a> {
    fn from_snapshot(cluster: &'a ClusterSnapshot, catalog: &Catalog) -> Self {
        let mut made = HashMap::new();
        for need in helm_release_needs() {
            let Ok(Some(rows)) = cluster.rows_for(&need, catalog) else {
                continue;
            };
            for release in rows.helm_releases() {
                for object in &release.objects {
                    if WORKLOAD_KINDS.iter().any(|(kind, _)| *kind == object.kind) {
                        let namespace = object.namespace.as_deref().unwrap_or(&release.namespace);
                        made.insert((&*object.kind, namespace, &*object.name), release);
                    }
                }
            }
        }
        Self(made)
    }

    fn find(&self, kind: &str, row: &WorkloadRow) -> Option<&'a HelmReleaseRow> {
        let namespace = row.meta.namespace.as_deref().unwrap_or_default();
        self.0
            .get(&(kind, namespace, row.meta.name.as_str()))
            .copied()
    }
}

#[cfg(test)]
mod tests;
