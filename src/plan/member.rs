//! What Kommander looks after, as targets of steps.

use super::step::ScopeLevel;
use crate::catalog::RepeatFor;
use crate::detect::{Project, Workspace};
use crate::facts::dkp::{AppOrigin, Application, AttachedCluster, DkpEstate, KonvoyCluster};

/// Something that Kommander looks after.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member<'a> {
    Workspace(&'a Workspace),
    App(&'a Application),
    Managed(&'a KonvoyCluster),
    /// A MachineDeployment of a managed cluster.
    Pool(&'a KonvoyCluster, &'a str),
    Attached(&'a AttachedCluster),
}

impl<'a> Member<'a> {
    /// What a step is repeated for.
    pub(super) fn all(estate: &'a DkpEstate, repeat_for: RepeatFor) -> Vec<Self> {
        let apps = |origin, in_project: Option<bool>| {
            let apps = estate.of_origin(origin);
            let apps = apps.filter(move |app| {
                app.workspace.is_some()
                    && in_project.is_none_or(|wanted| app.project.is_some() == wanted)
            });
            apps.map(Self::App).collect()
        };
        match repeat_for {
            RepeatFor::Workspace => estate.workspaces.iter().map(Self::Workspace).collect(),
            RepeatFor::WorkspaceApp => apps(AppOrigin::Catalog, Some(false)),
            RepeatFor::ProjectApp => apps(AppOrigin::Catalog, Some(true)),
            RepeatFor::CustomApp => apps(AppOrigin::Custom, None),
            RepeatFor::ManagedCluster => estate.managed.iter().map(Self::Managed).collect(),
            RepeatFor::ManagedPool => {
                let managed = estate.managed.iter();
                let pools = managed.flat_map(|cluster| {
                    let pools = cluster.pools.iter();
                    pools.map(move |pool| Self::Pool(cluster, pool))
                });
                pools.collect()
            }
            RepeatFor::AttachedCluster => estate.attached.iter().map(Self::Attached).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn scope(self) -> (ScopeLevel, String) {
        match self {
            Self::Workspace(workspace) => (ScopeLevel::Workspace, workspace.name.clone()),
            Self::App(app) => {
                let workspace = app.workspace.clone().unwrap_or_default();
                match &app.project {
                    Some(project) => (ScopeLevel::Project, format!("{workspace}/{project}")),
                    None => (ScopeLevel::Workspace, workspace),
                }
            }
            Self::Managed(cluster) => (
                ScopeLevel::Cluster,
                format!("{}/{}", cluster.namespace, cluster.name),
            ),
            Self::Pool(cluster, pool) => {
                (ScopeLevel::Pool, format!("{}/{pool}", cluster.namespace))
            }
            Self::Attached(cluster) => (
                ScopeLevel::Cluster,
                format!("{}/{}", cluster.namespace, cluster.name),
            ),
        }
    }

    /// What tells its step from those of others.
    pub(super) fn id(self) -> String {
        match self {
            Self::App(app) => format!("{}/{}", self.scope().1, app.name),
            _ => self.scope().1,
        }
    }

    /// Steps of a cluster belong together: managed ones first, each by itself.
    pub(super) fn cluster_key(self) -> Option<(bool, &'a str, &'a str)> {
        match self {
            Self::Managed(cluster) | Self::Pool(cluster, _) => {
                Some((false, &cluster.namespace, &cluster.name))
            }
            Self::Attached(cluster) => Some((true, &cluster.namespace, &cluster.name)),
            Self::Workspace(_) | Self::App(_) => None,
        }
    }

    /// The cluster that Konvoy made.
    pub(super) fn konvoy_cluster(self) -> Option<&'a KonvoyCluster> {
        match self {
            Self::Managed(cluster) | Self::Pool(cluster, _) => Some(cluster),
            _ => None,
        }
    }

    /// The namespaces of its platform applications.
    pub(super) fn namespaces(self, detected: &[Project]) -> Vec<String> {
        let Self::Workspace(workspace) = self else {
            return Vec::new();
        };
        let projects = detected.iter();
        let projects = projects.filter(|one| one.workspace.as_ref() == Some(&workspace.name));
        let projects = projects.filter_map(|one| one.namespace.clone());
        workspace
            .namespace
            .iter()
            .cloned()
            .chain(projects)
            .collect()
    }
}
