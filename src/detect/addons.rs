//! Add-ons: what runs beside Kubernetes itself and must fit its minor, told by the images of workloads and by the charts
//! that installed them.
//!
//! It is no part of the first look: what tells it is read with what rules need, in the same requests.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::addons::{Addon, Place, Role, Tags, reference};
use crate::catalog::{Catalog, Release, Resource};
use crate::claims::helm_records;
use crate::need::{Depth, Need};
use crate::snapshot::{HelmRow, Picture, Text, Unmet, WorkloadRow, WorkloadStatus};

/// The kinds of workloads, with their plural names.
const KINDS: [(&str, &str); 3] = [
    ("DaemonSet", "daemonsets"),
    ("Deployment", "deployments"),
    ("StatefulSet", "statefulsets"),
];

/// A workload that is an add-on, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Name of the add-on in the catalog.
    pub component: String,
    /// What people call it.
    pub title: String,
    /// What it does.
    pub role: Role,
    /// When in a hop it goes.
    pub place: Place,
    /// Kind of the workload.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// The release of the add-on; none where it cannot be told.
    pub version: Option<Release>,
    /// Why it cannot be told; none where it can.
    pub unknown: Option<String>,
    /// The image that it was told by; of one that was told by its chart the first.
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

/// What must be seen to tell which add-ons run.
#[must_use]
pub fn needs() -> Vec<Need> {
    workloads().into_iter().chain(helm_records()).collect()
}

/// What must be seen to tell releases of add-ons: a chart has a version of its own and tells none.
#[must_use]
pub fn workloads() -> [Need; 3] {
    KINDS.map(|(_, plural)| of_kind(plural))
}

fn of_kind(plural: &str) -> Need {
    Need::objects(Resource::new("apps", plural), Depth::Fields)
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Addons {
    pub(super) installed: Vec<Installed>,
    pub(super) unseen: Vec<Unmet>,
}

/// Looks at a picture.
pub(super) fn detect(picture: &Picture, catalog: &Catalog) -> Addons {
    let mut found = Addons::default();
    let releases = Charts::of(picture, catalog);
    let mut by_image = Vec::new();
    let mut by_chart = Vec::new();
    for need in helm_records() {
        found
            .unseen
            .extend(picture.read(&need, catalog).err().map(|unmet| *unmet));
    }
    for (kind, plural) in KINDS {
        let rows = match picture.read(&of_kind(plural), catalog) {
            Ok(Some(rows)) => rows.workloads(),
            Ok(None) => continue,
            Err(unmet) => {
                found.unseen.push(*unmet);
                continue;
            }
        };
        found.unseen.extend(without_images(plural, rows));
        for row in rows {
            let release = releases.find(kind, row);
            let before = by_image.len();
            by_image.extend(told_by_image(kind, row, release, catalog));
            if by_image.len() == before {
                by_chart.extend(told_by_chart(kind, row, release, catalog));
            }
        }
    }
    // The other workloads of a chart, once one of them is known by its image.
    let known: BTreeSet<(String, String)> = by_image.iter().map(key).collect();
    by_chart.retain(|it| !known.contains(&key(it)));
    found.installed = by_image;
    found.installed.extend(by_chart);
    found.installed.sort_by(|a, b| order(a).cmp(&order(b)));
    found
}

/// Images that a snapshot does not have because it was saved before they were kept.
pub(crate) fn unkept_images(picture: &Picture, catalog: &Catalog) -> Vec<Unmet> {
    let kinds = KINDS.iter().filter_map(|(_, plural)| {
        let rows = picture.read(&of_kind(plural), catalog).ok()??;
        without_images(plural, rows.workloads())
    });
    kinds.collect()
}

fn without_images(plural: &str, rows: &[WorkloadRow]) -> Option<Unmet> {
    let bare = rows.iter().any(|row| row.images.is_empty());
    bare.then(|| Unmet {
        what: format!("images of {plural}.apps"),
        why: "the snapshot is of a version that did not keep them; read the cluster again"
            .to_owned(),
        rbac: None,
    })
}

fn order(it: &Installed) -> impl Ord {
    (
        it.component.clone(),
        it.namespace.clone(),
        it.kind,
        it.name.clone(),
    )
}

/// What was installed together: an add-on in a namespace.
fn key(it: &Installed) -> (String, String) {
    (it.component.clone(), it.namespace.clone())
}

/// Every add-on that a workload has an image of, each once.
fn told_by_image(
    kind: &'static str,
    row: &WorkloadRow,
    release: Option<&HelmRow>,
    catalog: &Catalog,
) -> Vec<Installed> {
    let mut found: Vec<Installed> = Vec::new();
    for image in &row.images {
        let Some((addon, version)) = catalog.addons.component_of(image) else {
            continue;
        };
        if found.iter().any(|it| it.component == addon.component) {
            continue;
        }
        let unknown = version.is_none().then(|| why_unknown(addon, image));
        let it = installed(kind, row, addon, image, release);
        found.push(Installed {
            version,
            unknown,
            ..it
        });
    }
    found
}

/// A workload whose images are not known, of a chart that is.
fn told_by_chart(
    kind: &'static str,
    row: &WorkloadRow,
    release: Option<&HelmRow>,
    catalog: &Catalog,
) -> Option<Installed> {
    let release = release?;
    let addon = catalog.addons.component_of_chart(&release.chart)?;
    let image = row.images.first()?;
    let it = installed(kind, row, addon, image, Some(release));
    let why = format!(
        "told by the chart {} alone; {image} is no image that is known",
        release.chart
    );
    Some(Installed {
        unknown: Some(why),
        ..it
    })
}

fn installed(
    kind: &'static str,
    row: &WorkloadRow,
    addon: &Addon,
    image: &Text,
    release: Option<&HelmRow>,
) -> Installed {
    let namespace = row.meta.namespace.clone().unwrap_or_default();
    let mut evidence = vec![format!("{kind} {namespace}/{} runs {image}", row.meta.name)];
    if let Some(release) = release {
        evidence.push(format!(
            "helm release {}/{} of chart {}",
            release.namespace, release.release, release.chart
        ));
    }
    Installed {
        component: addon.component.clone(),
        title: addon.title.clone(),
        role: addon.role,
        place: addon.place,
        kind,
        name: row.meta.name.clone(),
        namespace,
        owner: row.meta.owner.clone(),
        version: None,
        unknown: None,
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

fn why_unknown(addon: &Addon, image: &str) -> String {
    match (addon.tags, reference(image).1) {
        (Tags::Own, _) => format!(
            "its images have versions of their own, not those of {}",
            addon.title
        ),
        (Tags::Release, Some(tag)) => format!("the tag {tag} is no version"),
        (Tags::Release, None) if image.contains('@') => {
            "the image is named by its digest alone".to_owned()
        }
        (Tags::Release, None) => "the image has no tag".to_owned(),
    }
}

/// Helm's deployed releases by the workloads that they made.
struct Charts<'a>(HashMap<(&'a str, &'a str, &'a str), &'a HelmRow>);

impl<'a> Charts<'a> {
    fn of(picture: &'a Picture, catalog: &Catalog) -> Self {
        let mut made = HashMap::new();
        for need in helm_records() {
            let Ok(Some(rows)) = picture.read(&need, catalog) else {
                continue;
            };
            for release in rows.helm() {
                for object in &release.objects {
                    if KINDS.iter().any(|(kind, _)| *kind == object.kind) {
                        let namespace = object.namespace.as_deref().unwrap_or(&release.namespace);
                        made.insert((&*object.kind, namespace, &*object.name), release);
                    }
                }
            }
        }
        Self(made)
    }

    fn find(&self, kind: &str, row: &WorkloadRow) -> Option<&'a HelmRow> {
        let namespace = row.meta.namespace.as_deref().unwrap_or_default();
        self.0
            .get(&(kind, namespace, row.meta.name.as_str()))
            .copied()
    }
}

#[cfg(test)]
mod tests;
