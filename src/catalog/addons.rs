//! Add-ons that depend on the Kubernetes minor: the images and charts that identify them, when to upgrade them within a hop,
//! and the minors that their releases support.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::table::comma_separated;
use super::{
    CatalogError, ImageRef, KubernetesReleases, Minor, MinorRange, Release, SkewLimit,
    VersionRange, VersionSpec, load_table,
};

/// The role of an add-on in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddonRole {
    /// Pod network.
    Cni,
    /// Storage.
    Csi,
    /// DNS.
    Dns,
    /// Service proxy on each node.
    Proxy,
    /// Ingress.
    Ingress,
    /// Service mesh.
    Mesh,
    /// Autoscaling of nodes or replicas.
    Autoscaler,
    /// Metrics.
    Metrics,
    /// Certificates.
    Certificates,
    /// Admission policy.
    Policy,
    /// GitOps.
    Gitops,
    /// Container runtime.
    Serverless,
    /// Backups.
    Backup,
    /// Integration with a cloud.
    Cloud,
    /// Secrets from a store outside the cluster.
    Secrets,
    /// Devices such as GPUs.
    Devices,
}

/// When to upgrade an add-on within a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpgradeOrder {
    /// Before the control plane, if its release does not support the new minor.
    #[serde(rename = "before")]
    BeforeControlPlane,
    /// With the control plane: kubeadm upgrades it.
    #[serde(rename = "with")]
    WithControlPlane,
    /// After the control plane and before the nodes.
    #[serde(rename = "after")]
    AfterControlPlane,
}

/// The meaning of an image tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagScheme {
    /// The release of the add-on.
    #[serde(rename = "release")]
    AddonRelease,
    /// A version of the image, unrelated to the release of the add-on.
    #[serde(rename = "own")]
    ImageVersion,
}

/// An add-on.
#[derive(Debug, Clone, Deserialize)]
pub struct Addon {
    /// Name in the catalog, such as `cluster-autoscaler`.
    pub component: String,
    /// Display name.
    pub title: String,
    /// Its role.
    pub role: AddonRole,
    /// When to upgrade it within a hop.
    #[serde(rename = "place")]
    pub upgrade_order: UpgradeOrder,
    /// Suffixes of its image repositories, in whole path segments; separated by commas.
    #[serde(deserialize_with = "comma_separated")]
    #[serde(rename = "images")]
    pub image_suffixes: Vec<String>,
    /// Helm charts that install it, separated by commas.
    #[serde(deserialize_with = "comma_separated")]
    pub charts: Vec<String>,
    /// The meaning of its image tags.
    #[serde(rename = "tags")]
    pub tag_scheme: TagScheme,
    /// Id of the rule that checks its release; empty if there is none.
    pub rule: String,
    /// If it has no more releases: since when, and what to do instead; otherwise empty.
    pub retired: String,
    /// Sources of the row, separated by semicolons.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// How strongly a source supports a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupportLevel {
    /// The vendor supports it on these minors.
    Supported,
    /// The vendor tests it with these minors; others may work.
    Tested,
    /// The vendor recommends it for these minors.
    Recommended,
    /// The vendor expects it to work on these minors.
    Expected,
    /// It requires at least the oldest of these minors.
    Minimum,
    /// kubeadm installs it with this minor, which restricts nothing.
    KubeadmDefault,
}

/// The Kubernetes minors that releases of an add-on support.
#[derive(Debug, Clone, Deserialize)]
pub struct CompatibilityRange {
    /// Name of the add-on.
    pub component: String,
    /// Releases of the add-on.
    pub versions: VersionRange,
    /// Supported Kubernetes minors.
    pub kubernetes: MinorRange,
    /// How strongly the source supports it.
    #[serde(rename = "strength")]
    pub support_level: SupportLevel,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
    /// The newest minor released by that date; the source cannot cover later ones.
    #[serde(skip)]
    newest_minor_when_verified: Option<Minor>,
}

/// Whether a release of an add-on supports a minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// A source lists the minor.
    Compatible,
    /// A source lists other minors only.
    Incompatible,
    /// No source covers it.
    Unknown,
}

/// Where a release is among the ranges of its add-on.
#[derive(Debug, Clone, Copy)]
pub enum Coverage<'a> {
    /// A range lists it.
    Listed,
    /// It is older than all ranges, of which this is the first.
    OlderThanAll(&'a CompatibilityRange),
    /// It is between two ranges.
    Between,
    /// It is newer than all ranges.
    NewerThanAll,
    /// The add-on has no ranges.
    NoRanges,
}

/// Suffixes of images for one processor architecture.
const ARCHITECTURES: [&str; 5] = ["-amd64", "-arm64", "-arm", "-ppc64le", "-s390x"];

/// Add-ons and their compatibility.
#[derive(Debug)]
pub struct AddonCatalog {
    addons: Vec<Addon>,
    ranges: Vec<CompatibilityRange>,
    /// For the last path segment of a repository: full suffixes and the indices of their add-ons.
    by_image_name: BTreeMap<String, Vec<(String, usize)>>,
    skew_limits: Vec<SkewLimit>,
}

impl AddonCatalog {
    pub(super) fn embedded(
        kubernetes: &KubernetesReleases,
        skew: &[SkewLimit],
    ) -> Result<Self, CatalogError> {
        let addons: Vec<Addon> = load_table(
            "addon-images.tsv",
            include_str!("kubernetes/addon-images.tsv"),
        )?;
        let mut rows: Vec<CompatibilityRange> =
            load_table("addons.tsv", include_str!("kubernetes/addons.tsv"))?;
        for row in &mut rows {
            let out = kubernetes
                .iter()
                .filter(|minor| minor.released <= row.verified_on);
            row.newest_minor_when_verified = out.map(|minor| minor.minor).max();
        }
        let mut ends: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
        for (at, addon) in addons.iter().enumerate() {
            for end in &addon.image_suffixes {
                let last = end.rsplit('/').next().unwrap_or_default();
                let ends = ends.entry(last.to_owned()).or_default();
                ends.push((end.clone(), at));
            }
        }
        Ok(Self {
            addons,
            ranges: rows,
            by_image_name: ends,
            skew_limits: skew.to_vec(),
        })
    }

    /// All add-ons, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Addon> {
        self.addons.iter()
    }

    /// All ranges.
    pub fn ranges(&self) -> impl Iterator<Item = &CompatibilityRange> {
        self.ranges.iter()
    }

    /// Finds an add-on by name.
    #[must_use]
    pub fn find(&self, component: &str) -> Option<&Addon> {
        self.addons
            .iter()
            .find(|addon| addon.component == component)
    }

    /// Finds the add-on of an image in a repository that the catalog does not know: both the image, but for the suffix of a
    /// processor architecture, and the workload have its name, or the workload has it and the image is another build.
    #[must_use]
    pub fn find_by_name(&self, image: &str, workload: &str) -> Option<(&Addon, Option<Release>)> {
        let image = ImageRef::new(image);
        let name = image_name(&image);
        let Some(addon) = self.find(name).filter(|_| workload.starts_with(name)) else {
            // Another build of it, such as `cilium-ci`, whose tags may mean anything.
            let is_build = name.strip_prefix(workload)?.starts_with('-');
            return Some((self.find(workload).filter(|_| is_build)?, None));
        };
        let release = image.release();
        let release = release.filter(|_| addon.tag_scheme == TagScheme::AddonRelease);
        Some((addon, release))
    }

    /// Finds the add-on of an image, from any registry, and the release that its tag names: `None` without a tag, for tags that
    /// are not versions, and for images with their own versions.
    #[must_use]
    pub fn find_by_image(&self, image: &str) -> Option<(&Addon, Option<Release>)> {
        let (_, at) = self.match_image_suffix(image)?;
        let addon = self.addons.get(at)?;
        let release = ImageRef::new(image).release();
        let release = release.filter(|_| addon.tag_scheme == TagScheme::AddonRelease);
        Some((addon, release))
    }

    /// The public part of an add-on image: its repository suffix without the registry, and its release.
    #[must_use]
    pub fn public_image_name(&self, image: &str) -> Option<String> {
        let by_name = || {
            let addon = self.find(image_name(&ImageRef::new(image)))?;
            Some(addon.component.as_str())
        };
        let by_suffix = self.match_image_suffix(image).map(|(end, _)| end);
        let end = by_suffix.or_else(by_name)?;
        Some(match ImageRef::new(image).release() {
            Some(release) => format!("{end}:{}", release.without_suffix()),
            None => end.to_owned(),
        })
    }

    /// The longest known repository suffix of an image, with or without a processor architecture, and the index of its
    /// add-on.
    fn match_image_suffix(&self, image: &str) -> Option<(&str, usize)> {
        let repository = ImageRef::new(image).repository;
        let of_all_architectures = || self.match_repository(without_architecture(repository));
        self.match_repository(repository)
            .or_else(of_all_architectures)
    }

    fn match_repository(&self, repository: &str) -> Option<(&str, usize)> {
        let last = repository.rsplit('/').next()?;
        let is_end = |end: &str| {
            let before = repository.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let ends = self.by_image_name.get(last)?.iter();
        ends.filter(|(end, _)| is_end(end))
            .max_by_key(|(end, _)| end.len())
            .map(|(end, at)| (end.as_str(), *at))
    }

    /// Finds the add-on that a chart installs; the chart is written as in Helm records: `cert-manager-v1.9.1`.
    #[must_use]
    pub fn find_by_chart(&self, chart: &str) -> Option<&Addon> {
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

    /// Ranges for this release of an add-on, without kubeadm's defaults, which restrict nothing.
    pub fn limiting_ranges<'a>(
        &'a self,
        component: &'a str,
        release: &'a Release,
    ) -> impl Iterator<Item = &'a CompatibilityRange> {
        self.ranges
            .iter()
            .filter(move |row| row.is_limiting_for(component) && row.versions.contains(release))
    }

    /// Where a release is among the ranges of its add-on.
    #[must_use]
    pub fn coverage<'a>(&'a self, component: &'a str, release: &'a Release) -> Coverage<'a> {
        let rows = || {
            let rows = self.ranges.iter();
            rows.filter(|row| row.is_limiting_for(component))
        };
        let Some(first) = rows().min_by(|a, b| a.versions.oldest.cmp(&b.versions.oldest)) else {
            return Coverage::NoRanges;
        };
        let release_spec = VersionSpec::Release(release.clone());
        if rows().any(|row| row.versions.contains(release)) {
            Coverage::Listed
        } else if release_spec < first.versions.oldest {
            Coverage::OlderThanAll(first)
        } else if rows().any(|row| release_spec < row.versions.oldest) {
            Coverage::Between
        } else {
            Coverage::NewerThanAll
        }
    }

    /// Whether this release of an add-on supports this minor. A release that is older than all ranges was tested with no
    /// minor that is newer than the first range. For components with a version skew limit, such as kube-proxy,
    /// the limit decides.
    #[must_use]
    pub fn compatibility(&self, component: &str, release: &Release, minor: Minor) -> Compatibility {
        if self
            .skew_limits
            .iter()
            .any(|limit| limit.component == component)
        {
            return self.compatibility_by_skew(component, release.minor(), minor);
        }
        let of_rows: Vec<Compatibility> = self
            .limiting_ranges(component, release)
            .map(|row| row.compatibility(minor))
            .collect();
        if let Coverage::OlderThanAll(first) = self.coverage(component, release) {
            let newest = first.kubernetes.newest;
            match newest.is_some_and(|newest| minor > newest) {
                true => Compatibility::Incompatible,
                false => Compatibility::Unknown,
            }
        } else if of_rows.contains(&Compatibility::Compatible) {
            Compatibility::Compatible
        } else if of_rows.is_empty() || of_rows.contains(&Compatibility::Unknown) {
            Compatibility::Unknown
        } else {
            Compatibility::Incompatible
        }
    }

    fn compatibility_by_skew(&self, component: &str, own: Minor, server: Minor) -> Compatibility {
        let limit = self
            .skew_limits
            .iter()
            .filter(|limit| limit.component == component && limit.from_component_minor <= own)
            .max_by_key(|limit| limit.from_component_minor);
        match (limit, server.minors_ahead_of(own)) {
            (Some(limit), Some(behind))
                if (0..=i64::from(limit.minors_behind)).contains(&behind) =>
            {
                Compatibility::Compatible
            }
            (Some(_), Some(_)) => Compatibility::Incompatible,
            _ => Compatibility::Unknown,
        }
    }

    /// Releases of an add-on that support both minors, newest first.
    #[must_use]
    pub fn bridging_ranges(
        &self,
        component: &str,
        from: Minor,
        to: Minor,
    ) -> Vec<&CompatibilityRange> {
        let mut rows: Vec<&CompatibilityRange> = self
            .ranges
            .iter()
            .filter(|row| row.is_limiting_for(component))
            .filter(|row| {
                row.compatibility(from) == Compatibility::Compatible
                    && row.compatibility(to) == Compatibility::Compatible
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.versions.newest_key()));
        rows
    }
}

impl CompatibilityRange {
    fn is_limiting_for(&self, component: &str) -> bool {
        self.component == component && self.support_level != SupportLevel::KubeadmDefault
    }

    /// Compatibility with a minor by this row alone.
    #[must_use]
    pub fn compatibility(&self, minor: Minor) -> Compatibility {
        match self.support_level {
            SupportLevel::KubeadmDefault => return Compatibility::Unknown,
            // What is known to be needed is not known to be enough.
            SupportLevel::Minimum if self.kubernetes.contains(minor) => {
                return Compatibility::Unknown;
            }
            _ if self.kubernetes.contains(minor) => return Compatibility::Compatible,
            _ => {}
        }
        // A range that reaches up to what was newest then may have grown since.
        let may_have_grown = match (self.kubernetes.newest, self.newest_minor_when_verified) {
            (Some(newest), Some(known)) => newest >= known && minor > known,
            _ => false,
        };
        if may_have_grown {
            Compatibility::Unknown
        } else {
            Compatibility::Incompatible
        }
    }
}

/// The last segment of a repository, without the suffix of a processor architecture.
fn image_name<'a>(image: &ImageRef<'a>) -> &'a str {
    let name = image.repository.rsplit('/').next().unwrap_or_default();
    without_architecture(name)
}

fn without_architecture(repository: &str) -> &str {
    let mut architectures = ARCHITECTURES.iter();
    let bare = architectures.find_map(|suffix| repository.strip_suffix(suffix));
    bare.unwrap_or(repository)
}

#[cfg(test)]
mod tests;
