//! What is running, and how that is known: Kubernetes and its provider, platforms upon it, and how clusters belong together.
//!
//! A file for each platform. Each declares what it must see, given what the server serves at all, so that a plain cluster
//! is asked for nothing more; and reads it from a picture, evidence by evidence, strongest first. Evidence that disagrees
//! is said aloud; a release that cannot be told is a gap, never a guess.

pub mod addons;
mod capi_topology;
mod cluster_api;
mod dkp;
mod kubeconfig_secrets;
mod kyma;
mod provider;
mod topology;
mod version_evidence;
mod view;

pub use addons::InstalledAddon;
pub(crate) use capi_topology::CapiCondition;
pub use capi_topology::TopologyVersions;
pub(crate) use cluster_api::is_inspected_cluster;
pub use cluster_api::{
    ROLLOUT_FIELDS, capi_clusters_need, kubeadm_control_planes_need, serves_cluster_api,
};
pub(crate) use dkp::runs_kubeaddons;
pub use kubeconfig_secrets::{KUBECONFIG_KEYS, kubeconfig_references_need, kubeconfig_secrets};
pub(crate) use kyma::{needs as kyma_needs, serves_kyma};
pub(crate) use provider::describe_node_match;
pub use topology::{KnownCluster, LicenseEdition, Project, Topology, TopologyRole, Workspace};

use crate::catalog::{Catalog, Minor, PlatformName, Release};
use crate::need::{ClusterId, Discovery, Need};
use crate::snapshot::{ClusterSnapshot, ClusterView, MissingData, NodeRow};

/// What one cluster turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedCluster {
    /// What the API server says it is, suffixes of distributions included.
    pub kubernetes: Release,
    /// The minor that counts for removed APIs and skew.
    pub effective_minor: Minor,
    /// `eks`, `gke`, `k3s`, …; none where no known mark was found, as on a plain kubeadm cluster.
    pub provider: Option<String>,
    /// What the above rests on, for a person to check.
    pub evidence: Vec<String>,
    /// How many nodes; none where nodes could not be read.
    pub node_count: Option<usize>,
    /// What runs upon Kubernetes, outermost first.
    pub platforms: Vec<DetectedPlatform>,
    /// Add-ons, as far as their evidence was read; by name and namespace.
    pub addons: Vec<InstalledAddon>,
    /// What could not be looked at of what tells of add-ons. It is for those who ask about them: a run that does not has no
    /// gap.
    pub addon_gaps: Vec<MissingData>,
    /// How this cluster belongs to others.
    pub topology: Topology,
    /// What the cluster topology that it is made from allows, if it manages itself.
    pub topology_versions: Option<TopologyVersions>,
    /// What could not be determined, and which other clusters were not read.
    pub gaps: Vec<DetectionGap>,
    /// What must be known before anything is done: evidence that disagrees, the role of this cluster and where to go instead.
    pub remarks: Vec<String>,
}

/// A platform that runs upon Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedPlatform {
    /// Which one.
    pub name: PlatformName,
    /// Its release; `None` if it could not be determined, which is a gap, or if it has none, as Kyma modules.
    pub version: Option<Release>,
    /// What that rests on, strongest first.
    pub evidence: Vec<String>,
    /// Which kind of installation, where there are several: `local` or `cluster`, `modules`.
    pub variant: Option<String>,
    /// Parts with versions of their own.
    pub components: Vec<PlatformComponent>,
}

/// A part of a platform with a version of its own: a module of Kyma, a provider of Cluster API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlatformComponent {
    /// Name.
    pub name: String,
    /// Version as it is written there; none where none is.
    pub version: Option<String>,
    /// How it is, in the platform's own word.
    pub state: Option<String>,
}

/// Something that detection could not see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DetectionGap {
    /// On which cluster; one that is not in the snapshot where that is what was not looked at.
    pub cluster: ClusterId,
    /// What and why.
    pub missing: MissingData,
}

impl DetectionGap {
    /// Whether it is about the release of a platform that was detected.
    fn is_release_of(&self, name: PlatformName) -> bool {
        self.missing.what == format!("the release of {}", name.title())
    }
}

/// What the detection of one platform came to.
#[derive(Debug, Default)]
struct Detection {
    platform: Option<DetectedPlatform>,
    missing: Vec<MissingData>,
    remarks: Vec<String>,
}

/// What detection reads beyond discovery: nodes, and of a platform what the server serves.
#[must_use]
pub fn needs(survey: &Discovery) -> Vec<Need> {
    let mut needs = vec![Need::nodes()];
    needs.extend(platform_needs(survey));
    needs.sort();
    needs.dedup();
    needs
}

fn platform_needs(survey: &Discovery) -> impl Iterator<Item = Need> {
    let kyma = kyma::needs(survey);
    let dkp = dkp::needs(survey);
    kyma.into_iter()
        .chain(dkp)
        .chain(cluster_api::needs(survey))
}

impl DetectedCluster {
    /// Looks at a picture: a pure function of its arguments.
    #[must_use]
    pub fn new(picture: &ClusterSnapshot, catalog: &Catalog) -> Self {
        let look = ClusterView::new(picture, catalog);
        let (provider, evidence) = provider::detect_provider(&look);
        let cluster_api = cluster_api::detect(&look);
        let dkp = dkp::detect(&look, &cluster_api);
        let kyma = kyma::detect(&look);
        let topology = topology::detect_topology(&look, &cluster_api, &dkp);
        let addons = addons::detect(picture, catalog);
        let mut unmet = missing_platform_data(&look);
        let mut remarks = topology.remarks(&picture.id);
        let mut platforms = Vec::new();
        for found in [dkp.detection, kyma, cluster_api.detection] {
            platforms.extend(found.platform);
            unmet.extend(found.missing);
            remarks.extend(found.remarks);
        }
        let here = unmet.into_iter().map(|unmet| DetectionGap {
            cluster: picture.id.clone(),
            missing: unmet,
        });
        let mut unseen: Vec<DetectionGap> = here.chain(topology.unread_clusters()).collect();
        unseen.sort();
        unseen.dedup();
        Self {
            kubernetes: picture.discovery.git_version.clone(),
            effective_minor: picture.discovery.effective_minor(),
            provider,
            evidence,
            node_count: look.nodes().map(<[NodeRow]>::len),
            platforms,
            addons: addons.installed,
            addon_gaps: addons.missing,
            topology,
            topology_versions: cluster_api.topology_versions,
            gaps: unseen,
            remarks,
        }
    }

    /// Whether a platform was detected and its release was not, which is a gap.
    #[must_use]
    pub fn lacks_release_of(&self, name: PlatformName) -> bool {
        self.gaps.iter().any(|gap| gap.is_release_of(name))
    }

    /// Takes the release of a platform from elsewhere, where it could not be detected. That closes the gap.
    pub fn accept_release(&mut self, name: PlatformName, release: &Release, evidence: &str) {
        let mut platforms = self.platforms.iter_mut();
        let platform = platforms.find(|platform| platform.name == name);
        if let Some(platform) = platform.filter(|platform| platform.version.is_none()) {
            platform.version = Some(release.clone());
            platform.evidence.push(evidence.to_owned());
            self.gaps.retain(|gap| !gap.is_release_of(name));
        }
    }

    /// A platform, if it runs here.
    #[must_use]
    pub fn platform(&self, name: PlatformName) -> Option<&DetectedPlatform> {
        self.platforms.iter().find(|platform| platform.name == name)
    }
}

/// What platforms are told by and could not be read, or not be understood. Nodes are left to the rules that look at them.
fn missing_platform_data(look: &ClusterView<'_>) -> Vec<MissingData> {
    let needs: Vec<Need> = platform_needs(&look.cluster.discovery).collect();
    let unread = needs
        .iter()
        .filter_map(|need| look.cluster.rows_for(need, look.catalog).err())
        .map(|unmet| *unmet);
    let not_understood = needs
        .iter()
        .flat_map(|need| look.cluster.skipped_objects(need));
    unread
        .chain(not_understood)
        .map(|unmet| MissingData {
            why: format!("{}; a platform is detected from it", unmet.why),
            ..unmet
        })
        .collect()
}
