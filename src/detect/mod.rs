//! What is running, and how that is known: Kubernetes and its provider, platforms upon it, and how clusters belong together.
//!
//! A file for each platform. Each declares what it must see, given what the server serves at all, so that a plain cluster
//! is asked for nothing more; and reads it from a picture, evidence by evidence, strongest first. Evidence that disagrees
//! is said aloud; a release that cannot be told is a gap, never a guess.

pub mod addons;
mod cluster_api;
mod dkp;
mod kyma;
mod look;
mod nodes;
mod provider;
mod rungs;
mod topology;

pub use addons::Installed;
pub use cluster_api::{
    capi_cluster_objects, control_planes, machine_deployments, serves_cluster_api,
};
pub use nodes::{in_control_plane, pool};
pub use topology::{Edition, Member, Project, Role, Topology, Workspace};

use crate::catalog::{Catalog, Minor, PlatformName, Release, Resource};
use crate::need::{ClusterId, Depth, Need, Survey};
use crate::snapshot::{NodeRow, Picture, Unmet};
use look::Look;

/// What one cluster turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// What the API server says it is, suffixes of distributions included.
    pub kubernetes: Release,
    /// The minor that counts for removed APIs and skew.
    pub effective_minor: Minor,
    /// `eks`, `gke`, `k3s`, …; none where no known mark was found, as on a plain kubeadm cluster.
    pub provider: Option<String>,
    /// What the above rests on, for a person to check.
    pub evidence: Vec<String>,
    /// How many nodes; none where nodes could not be read.
    pub nodes: Option<usize>,
    /// What runs upon Kubernetes, outermost first.
    pub platforms: Vec<DetectedPlatform>,
    /// Add-ons, as far as what tells of them was read; by name and place.
    pub addons: Vec<Installed>,
    /// What could not be looked at of what tells of add-ons. It is for those who ask about them: a run that does not has no
    /// gap.
    pub addons_unseen: Vec<Unmet>,
    /// How this cluster belongs to others.
    pub topology: Topology,
    /// What could not be told, and which other clusters were not looked at.
    pub unseen: Vec<Unseen>,
    /// What must be known before anything is done: evidence that disagrees, the role of this cluster and where to go instead.
    pub remarks: Vec<String>,
}

/// A platform that runs upon Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedPlatform {
    /// Which one.
    pub platform: PlatformName,
    /// Its release; none where it cannot be told, which is then a gap, and where it has none, as Kyma's modules.
    pub version: Option<Release>,
    /// What that rests on, strongest first.
    pub evidence: Vec<String>,
    /// Which kind of installation, where there are several: `local` or `cluster`, `modules`.
    pub variant: Option<String>,
    /// Parts with versions of their own.
    pub components: Vec<Component>,
}

/// A part of a platform with a version of its own: a module of Kyma, a provider of Cluster API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Name.
    pub name: String,
    /// Version as it is written there; none where none is.
    pub version: Option<String>,
    /// How it is, in the platform's own word.
    pub state: Option<String>,
}

/// Something that detection could not see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// On which cluster; one that is not in the snapshot where that is what was not looked at.
    pub cluster: ClusterId,
    /// What and why.
    pub unmet: Unmet,
}

/// What the detection of one platform came to.
#[derive(Debug, Default)]
struct Found {
    platform: Option<DetectedPlatform>,
    unmet: Vec<Unmet>,
    remarks: Vec<String>,
}

/// Nodes, as rows of fields.
#[must_use]
pub fn nodes() -> Need {
    Need::objects(Resource::new("", "nodes"), Depth::Fields)
}

/// What detection looks at beyond the survey: nodes, and of a platform what the server serves at all.
#[must_use]
pub fn needs(survey: &Survey) -> Vec<Need> {
    let mut needs = vec![nodes()];
    needs.extend(platform_needs(survey));
    needs.sort();
    needs.dedup();
    needs
}

fn platform_needs(survey: &Survey) -> impl Iterator<Item = Need> {
    let kyma = kyma::needs(survey);
    let dkp = dkp::needs(survey);
    kyma.into_iter()
        .chain(dkp)
        .chain(cluster_api::needs(survey))
}

impl Detected {
    /// Looks at a picture: a pure function of its arguments.
    #[must_use]
    pub fn new(picture: &Picture, catalog: &Catalog) -> Self {
        let look = Look::new(picture, catalog);
        let (provider, evidence) = provider::provider(&look);
        let cluster_api = cluster_api::detect(&look);
        let dkp = dkp::detect(&look, &cluster_api);
        let kyma = kyma::detect(&look);
        let topology = topology::topology(&look, &cluster_api, &dkp);
        let addons = addons::detect(picture, catalog);
        let mut unmet = unmet_needs(&look);
        let mut remarks = topology.remarks(&picture.id);
        let mut platforms = Vec::new();
        for found in [dkp.found, kyma, cluster_api.found] {
            platforms.extend(found.platform);
            unmet.extend(found.unmet);
            remarks.extend(found.remarks);
        }
        let here = unmet.into_iter().map(|unmet| Unseen {
            cluster: picture.id.clone(),
            unmet,
        });
        let mut unseen: Vec<Unseen> = here.chain(topology.elsewhere()).collect();
        unseen.sort();
        unseen.dedup();
        Self {
            kubernetes: picture.survey.git_version.clone(),
            effective_minor: picture.survey.effective_minor(),
            provider,
            evidence,
            nodes: look.nodes().map(<[NodeRow]>::len),
            platforms,
            addons: addons.installed,
            addons_unseen: addons.unseen,
            topology,
            unseen,
            remarks,
        }
    }

    /// A platform, if it runs here.
    #[must_use]
    pub fn platform(&self, name: PlatformName) -> Option<&DetectedPlatform> {
        self.platforms
            .iter()
            .find(|platform| platform.platform == name)
    }
}

/// What platforms are told by and could not be read, or not be understood. Nodes are left to the rules that look at them.
fn unmet_needs(look: &Look<'_>) -> Vec<Unmet> {
    let needs: Vec<Need> = platform_needs(&look.picture.survey).collect();
    let unread = needs
        .iter()
        .filter_map(|need| look.picture.read(need, look.catalog).err())
        .map(|unmet| *unmet);
    let not_understood = needs.iter().flat_map(|need| look.picture.faults(need));
    unread
        .chain(not_understood)
        .map(|unmet| Unmet {
            why: format!("{}; a platform is told by it", unmet.why),
            ..unmet
        })
        .collect()
}
