//! Add-ons: what runs in a cluster beside Kubernetes itself and must fit its minor; by which images and charts they are
//! told, when in a hop they go, and which of their releases is for which minors.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::{CatalogError, Minor, Release, Releases, SkewLimit, Span, Versions, table};

/// What an add-on does in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The network of pods.
    Cni,
    /// Volumes.
    Csi,
    /// Names.
    Dns,
    /// Services on each node.
    Proxy,
    /// Requests from outside.
    Ingress,
    /// A mesh of services.
    Mesh,
    /// Nodes or replicas by load.
    Autoscaler,
    /// What pods and nodes use.
    Metrics,
    /// Certificates.
    Certificates,
    /// What may be created.
    Policy,
    /// What a repository says.
    Gitops,
    /// Containers on demand.
    Serverless,
    /// Backups.
    Backup,
}

/// When in a hop an add-on goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Before the control plane, where its release is not for the new minor.
    Before,
    /// With the control plane: kubeadm brings its own.
    With,
    /// After the control plane and before the nodes.
    After,
}

/// What the tag of an image says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tags {
    /// The release of the add-on.
    Release,
    /// A version of the image's own, of which the add-on's release cannot be told.
    Own,
}

/// An add-on.
#[derive(Debug, Clone, Deserialize)]
pub struct Addon {
    /// Its name here, such as `cluster-autoscaler`.
    pub component: String,
    /// What people call it.
    pub title: String,
    /// What it does.
    pub role: Role,
    /// When in a hop it goes.
    pub place: Place,
    /// Ends of the repositories of its images, whole parts of a path; parted by commas.
    #[serde(deserialize_with = "listed")]
    pub images: Vec<String>,
    /// Names of the Helm charts that install it; parted by commas.
    #[serde(deserialize_with = "listed")]
    pub charts: Vec<String>,
    /// What the tag of its images says.
    pub tags: Tags,
    /// Id of the rule that looks at its release; empty where none does.
    pub rule: String,
    /// Where the row was read; several are parted by semicolons.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// How strong it is what a source says of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Its makers support it on these minors.
    Supported,
    /// Its makers test it with these minors; others may work.
    Tested,
    /// Its makers recommend it for these minors.
    Recommended,
    /// Its makers expect it to work on these minors.
    Expected,
    /// It needs the oldest of these minors; of newer ones nothing is said.
    Minimum,
    /// kubeadm installs it with this minor. That limits nothing.
    KubeadmDefault,
}

/// For which minors releases of an add-on are.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// Which add-on.
    pub component: String,
    /// Which releases of it.
    pub versions: Versions,
    /// For which minors.
    pub kubernetes: Span,
    /// How strong that is.
    pub strength: Claim,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
    /// The newest minor that was out on that day: of later ones the source could not speak.
    #[serde(skip)]
    known: Option<Minor>,
}

/// Whether a release of an add-on is for a minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// A source says so.
    Yes,
    /// A source says for which minors it is, and this is none of them.
    No,
    /// No source says anything of it.
    Unknown,
}

/// Everything that is known of add-ons.
#[derive(Debug)]
pub struct Addons {
    addons: Vec<Addon>,
    rows: Vec<Row>,
    /// By the last part of a repository: the whole end, and which add-on.
    ends: BTreeMap<String, Vec<(String, usize)>>,
    skew: Vec<SkewLimit>,
}

impl Addons {
    pub(super) fn embedded(
        kubernetes: &Releases,
        skew: &[SkewLimit],
    ) -> Result<Self, CatalogError> {
        let addons: Vec<Addon> = table(
            "addon-images.tsv",
            include_str!("kubernetes/addon-images.tsv"),
        )?;
        let mut rows: Vec<Row> = table("addons.tsv", include_str!("kubernetes/addons.tsv"))?;
        for row in &mut rows {
            let out = kubernetes
                .iter()
                .filter(|minor| minor.released <= row.horizon);
            row.known = out.map(|minor| minor.minor).max();
        }
        let mut ends: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
        for (at, addon) in addons.iter().enumerate() {
            for end in &addon.images {
                let last = end.rsplit('/').next().unwrap_or_default();
                let ends = ends.entry(last.to_owned()).or_default();
                ends.push((end.clone(), at));
            }
        }
        Ok(Self {
            addons,
            rows,
            ends,
            skew: skew.to_vec(),
        })
    }

    /// Every add-on, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Addon> {
        self.addons.iter()
    }

    /// Every range.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// An add-on by name.
    #[must_use]
    pub fn find(&self, component: &str) -> Option<&Addon> {
        self.addons
            .iter()
            .find(|addon| addon.component == component)
    }

    /// The add-on that an image is of, whatever registry it comes from, and the release that its tag names: none for a digest
    /// alone, for a tag that is no version, and for an image with versions of its own.
    #[must_use]
    pub fn component_of(&self, image: &str) -> Option<(&Addon, Option<Release>)> {
        let (_, at) = self.end_of(image)?;
        let tag = reference(image).1;
        let addon = self.addons.get(at)?;
        let release = tag
            .filter(|_| addon.tags == Tags::Release)
            .and_then(|tag| tag.parse().ok());
        Some((addon, release))
    }

    /// What of an add-on's image is no secret: the end by which it is known, without the registry before it, and the numbers of
    /// its release.
    #[must_use]
    pub fn public_part(&self, image: &str) -> Option<String> {
        let (end, _) = self.end_of(image)?;
        let release = reference(image).1.and_then(|tag| tag.parse().ok());
        Some(match release.map(|release: Release| release.plain()) {
            Some(release) => format!("{end}:{release}"),
            None => end.to_owned(),
        })
    }

    /// The longest end that an image is known by, and of which add-on it is.
    fn end_of(&self, image: &str) -> Option<(&str, usize)> {
        let (repository, _) = reference(image);
        let last = repository.rsplit('/').next()?;
        let is_end = |end: &str| {
            let before = repository.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let ends = self.ends.get(last)?.iter();
        ends.filter(|(end, _)| is_end(end))
            .max_by_key(|(end, _)| end.len())
            .map(|(end, at)| (end.as_str(), *at))
    }

    /// The add-on that a chart installs, by the chart's name and version as Helm records them: `cert-manager-v1.9.1`.
    #[must_use]
    pub fn component_of_chart(&self, chart: &str) -> Option<&Addon> {
        let is_of = |name: &String| {
            let version = chart
                .strip_prefix(name.as_str())
                .and_then(|rest| rest.strip_prefix('-'))
                .map(|version| version.strip_prefix('v').unwrap_or(version));
            version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
        };
        self.addons
            .iter()
            .find(|addon| addon.charts.iter().any(is_of))
    }

    /// What sources say of this release of an add-on, but for what kubeadm installs by default, which limits nothing.
    pub fn limits<'a>(
        &'a self,
        component: &'a str,
        release: &'a Release,
    ) -> impl Iterator<Item = &'a Row> {
        self.rows
            .iter()
            .filter(move |row| row.limits(component) && row.versions.contains(release))
    }

    /// Whether this release of an add-on is for this minor. Of a component that the skew policy speaks of, such as kube-proxy,
    /// the policy decides.
    #[must_use]
    pub fn fits(&self, component: &str, release: &Release, minor: Minor) -> Fit {
        if self.skew.iter().any(|limit| limit.component == component) {
            return self.by_skew(component, release.minor(), minor);
        }
        let of_rows: Vec<Fit> = self
            .limits(component, release)
            .map(|row| row.fits(minor))
            .collect();
        if of_rows.contains(&Fit::Yes) {
            Fit::Yes
        } else if of_rows.is_empty() || of_rows.contains(&Fit::Unknown) {
            Fit::Unknown
        } else {
            Fit::No
        }
    }

    fn by_skew(&self, component: &str, own: Minor, server: Minor) -> Fit {
        let limit = self
            .skew
            .iter()
            .filter(|limit| limit.component == component && limit.from_component_minor <= own)
            .max_by_key(|limit| limit.from_component_minor);
        match (limit, server.ahead_of(own)) {
            (Some(limit), Some(behind))
                if (0..=i64::from(limit.minors_behind)).contains(&behind) =>
            {
                Fit::Yes
            }
            (Some(_), Some(_)) => Fit::No,
            _ => Fit::Unknown,
        }
    }

    /// Releases of an add-on that are for both minors, newest first: with one of them it stays in its range over the hop.
    #[must_use]
    pub fn bridging(&self, component: &str, from: Minor, to: Minor) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.limits(component))
            .filter(|row| row.fits(from) == Fit::Yes && row.fits(to) == Fit::Yes)
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.versions.newest()));
        rows
    }
}

impl Row {
    fn limits(&self, component: &str) -> bool {
        self.component == component && self.strength != Claim::KubeadmDefault
    }

    /// What this row alone says of a minor.
    #[must_use]
    pub fn fits(&self, minor: Minor) -> Fit {
        match self.strength {
            Claim::KubeadmDefault => return Fit::Unknown,
            // What is known to be needed is not known to be enough.
            Claim::Minimum if self.kubernetes.contains(minor) => return Fit::Unknown,
            _ if self.kubernetes.contains(minor) => return Fit::Yes,
            _ => {}
        }
        // A range that reaches up to what was newest then may have grown since.
        let may_have_grown = match (self.kubernetes.newest, self.known) {
            (Some(newest), Some(known)) => newest >= known && minor > known,
            _ => false,
        };
        if may_have_grown {
            Fit::Unknown
        } else {
            Fit::No
        }
    }
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts = text.split(',').filter(|part| !part.is_empty());
    Ok(parts.map(str::to_owned).collect())
}

/// An image as repository and tag; a registry may have a port, and a digest is no tag.
pub(crate) fn reference(image: &str) -> (&str, Option<&str>) {
    let named = image.split('@').next().unwrap_or_default();
    match named.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (named, None),
    }
}

#[cfg(test)]
mod tests;
