//! What Kommander of DKP looks after: its applications by workspace and project, the clusters that Konvoy made, and attached
//! ones, all as the management cluster has them.

use serde_json::Value;

use super::capi;
use crate::catalog::{GroupResource, PlatformName, Release, split_app_reference};
use crate::detect::{self, DetectedCluster, TopologyRole, Workspace};
use crate::need::{DetailLevel, Discovery, ListSelector, Need};
use crate::snapshot::{ClusterView, ObjectRow};

/// The namespace of Kommander and of the applications of the management cluster.
pub(crate) const KOMMANDER: &str = "kommander";

const APPS_GROUP: &str = "apps.kommander.d2iq.io";

/// Applications that are deployed, in the namespace of the management cluster, a workspace or a project.
pub(crate) fn app_deployments_need() -> Need {
    let resource = GroupResource::new(APPS_GROUP, "appdeployments");
    Need::objects(resource, DetailLevel::Full)
        .with_fields(&["spec.appRef.kind", "spec.appRef.name"])
}

/// Catalog and custom applications that can be deployed.
pub(crate) fn apps_need() -> Need {
    let resource = GroupResource::new(APPS_GROUP, "apps");
    Need::objects(resource, DetailLevel::Full).with_fields(&[
        "spec.appId",
        "spec.gitRepositoryRef",
        "spec.version",
    ])
}

/// Git repositories, which tell catalog applications from custom ones.
fn git_repositories_need() -> Need {
    let resource = GroupResource::new("source.toolkit.fluxcd.io", "gitrepositories");
    Need::objects(resource, DetailLevel::Full).with_fields(&["metadata.labels", "spec.url"])
}

/// Where the charts of Kommander come from.
fn charts_need() -> Need {
    let resource = GroupResource::new("source.toolkit.fluxcd.io", "helmrepositories");
    let name = "mesosphere.github.io-kommander-charts";
    Need::single_object(resource, "kommander-flux", name).with_fields(&["spec.url"])
}

/// What DKP 1.8 leaves behind in a cluster that DKP 2 has adopted.
fn adoption_need() -> Need {
    let group = "admissionregistration.k8s.io";
    let resource = GroupResource::new(group, "validatingwebhookconfigurations");
    let selector = ListSelector::by_fields("metadata.name=cert-manager-kubeaddons-webhook");
    Need::selected(resource, selector, DetailLevel::Metadata)
}

/// What the estate is read from.
pub(crate) fn needs(discovery: &Discovery) -> Vec<Need> {
    let mut groups = discovery.group_versions.iter();
    match groups.any(|version| version.starts_with(APPS_GROUP)) {
        true => vec![
            app_deployments_need(),
            apps_need(),
            git_repositories_need(),
            charts_need(),
            adoption_need(),
        ],
        false => Vec::new(),
    }
}

/// Who an application comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppOrigin {
    /// Kommander, which upgrades it.
    Platform,
    /// The catalog of DKP.
    Catalog,
    /// A repository of the users.
    Custom,
}

/// An application that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Application {
    pub(crate) namespace: String,
    /// Name of its AppDeployment.
    pub(crate) name: String,
    /// Its id in catalogs.
    pub(crate) app: String,
    pub(crate) version: String,
    pub(crate) origin: AppOrigin,
    /// None on the management cluster itself.
    pub(crate) workspace: Option<String>,
    pub(crate) project: Option<String>,
}

/// A cluster that Konvoy made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KonvoyCluster {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Its provider's name in the CLI; the kind of its infrastructure if the CLI has none.
    pub(crate) provider: String,
    /// The flag that names a machine image, as a fragment of a command.
    pub(crate) image_flag: String,
    /// Variables of the environment with the credentials of its provider.
    pub(crate) environment: String,
    /// Kind, in lower case, and name of its control plane.
    pub(crate) control_plane: (String, String),
    /// The version that its control plane is set to; none if it was not read.
    pub(crate) version: Option<Release>,
    /// Its MachineDeployments.
    pub(crate) pools: Vec<String>,
    /// The oldest version that its control plane and pools are set to.
    pub(crate) oldest: Option<Release>,
    /// Whether machines of its control plane or pools are being replaced.
    pub(crate) is_rolling: bool,
}

/// A cluster that others made and upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttachedCluster {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// What it reports as its version.
    pub(crate) reported: Option<String>,
    /// The same, if it is a version.
    pub(crate) version: Option<Release>,
}

/// What Kommander looks after; empty without Kommander.
#[derive(Debug, Clone, Default)]
pub(crate) struct DkpEstate {
    /// The release of Kommander; none if it is unknown.
    pub(crate) release: Option<Release>,
    /// Workspaces but that of the management cluster, by name; none if Kommander looks after no other cluster.
    pub(crate) workspaces: Vec<Workspace>,
    /// By namespace and name.
    pub(crate) applications: Vec<Application>,
    /// The management cluster, if Konvoy made it.
    pub(crate) management: Option<KonvoyCluster>,
    /// Clusters that the management cluster made, by namespace and name.
    pub(crate) managed: Vec<KonvoyCluster>,
    /// By namespace and name.
    pub(crate) attached: Vec<AttachedCluster>,
    /// Whether charts come from within the cluster; none if that was not read.
    pub(crate) is_air_gapped: Option<bool>,
    /// Whether the cluster was made by DKP 1.8.
    pub(crate) is_adopted: bool,
}

impl DkpEstate {
    pub(crate) fn new(view: ClusterView<'_>, detected: &DetectedCluster) -> Self {
        let topology = &detected.topology;
        let Some(dkp) = detected.platform(PlatformName::Dkp) else {
            return Self::default();
        };
        if topology.role != Some(TopologyRole::Management) {
            return Self::default();
        }
        let members = || topology.clusters.iter();
        let has_others = members().any(|one| !one.is_inspected && one.workspace.is_some());
        let is_other = |workspace: &&Workspace| {
            has_others && workspace.namespace.as_deref() != Some(KOMMANDER)
        };
        let clusters = view.objects(&detect::capi_clusters_need()).iter();
        let (own, managed): (Vec<_>, Vec<_>) =
            clusters.partition(|row| detect::is_inspected_cluster(view, row));
        let konvoy = |rows: Vec<&ObjectRow>| -> Vec<KonvoyCluster> {
            let clusters = rows.into_iter().map(|row| KonvoyCluster::new(view, row));
            let mut clusters: Vec<KonvoyCluster> = clusters.collect();
            clusters.sort_by(|one, other| {
                (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name))
            });
            clusters
        };
        let attached = members().filter(|one| one.role == TopologyRole::Attached);
        let charts = view.objects(&charts_need()).first();
        let charts = charts.and_then(|row| string_at(row, "/spec/url"));
        Self {
            release: dkp.version.clone(),
            workspaces: topology
                .workspaces
                .iter()
                .filter(is_other)
                .cloned()
                .collect(),
            applications: applications(view, detected),
            management: konvoy(own).into_iter().next(),
            managed: konvoy(managed),
            attached: attached
                .map(|one| AttachedCluster {
                    namespace: one.namespace.clone(),
                    name: one.name.clone(),
                    reported: one.kubernetes_version.clone(),
                    version: one
                        .kubernetes_version
                        .as_ref()
                        .and_then(|text| text.parse().ok()),
                })
                .collect(),
            is_air_gapped: charts.map(is_in_cluster),
            is_adopted: view.exists(&adoption_need()),
        }
    }

    /// A workspace with an application, and on a path of DKP the cluster that Konvoy made, by names that stand for those of a
    /// cluster.
    pub(crate) fn placeholder(leads_to_dkp: bool) -> Self {
        let workspace = "WORKSPACE".to_owned();
        let cluster = KonvoyCluster {
            namespace: "NAMESPACE".to_owned(),
            name: "CLUSTER".to_owned(),
            provider: "PROVIDER".to_owned(),
            image_flag: String::new(),
            environment: String::new(),
            control_plane: ("kubeadmcontrolplane".to_owned(), "CONTROL_PLANE".to_owned()),
            version: None,
            pools: Vec::new(),
            oldest: None,
            is_rolling: false,
        };
        Self {
            management: leads_to_dkp.then_some(cluster),
            applications: vec![Application {
                namespace: "NAMESPACE".to_owned(),
                name: "APPLICATION".to_owned(),
                app: String::new(),
                version: "its version".to_owned(),
                origin: AppOrigin::Catalog,
                workspace: Some(workspace.clone()),
                project: None,
            }],
            workspaces: vec![Workspace {
                name: workspace,
                namespace: None,
            }],
            ..Self::default()
        }
    }

    /// Applications of one origin.
    pub(crate) fn of_origin(&self, origin: AppOrigin) -> impl Iterator<Item = &Application> {
        let applications = self.applications.iter();
        applications.filter(move |application| application.origin == origin)
    }

    /// Whether the management cluster runs this application.
    pub(crate) fn runs(&self, app: &str) -> bool {
        let mut applications = self.applications.iter();
        applications.any(|one| one.namespace == KOMMANDER && one.app == app)
    }
}

impl KonvoyCluster {
    /// The cluster of a Cluster of Cluster API.
    pub(crate) fn new(view: ClusterView<'_>, row: &ObjectRow) -> Self {
        let namespace = row.meta.namespace.clone().unwrap_or_default();
        let kind = string_at(row, "/spec/controlPlaneRef/kind");
        let infrastructure = string_at(row, "/spec/infrastructureRef/kind");
        let provider = view.catalog.dkp.provider([kind, infrastructure]);
        let control_plane = string_at(row, "/spec/controlPlaneRef/name").unwrap_or_default();
        let planes = view.objects(&detect::kubeadm_control_planes_need());
        let mut planes = planes.iter();
        let plane = planes.find(|plane| {
            plane.meta.name == control_plane && plane.meta.namespace == row.meta.namespace
        });
        let version = plane.and_then(|plane| string_at(plane, "/spec/version"));
        let pools = view.objects(&capi::machine_deployments_need()).iter();
        let pools = pools.filter(|pool| {
            pool.meta.namespace == row.meta.namespace
                && string_at(pool, "/spec/clusterName") == Some(&row.meta.name)
        });
        let mut pools: Vec<String> = pools.map(|pool| pool.meta.name.clone()).collect();
        pools.sort();
        let plane = capi::machine_rollout(
            view,
            &detect::kubeadm_control_planes_need(),
            (&namespace, control_plane),
            "/spec/version",
        );
        let need = capi::machine_deployments_need();
        let of_pool = |pool: &String| {
            let path = "/spec/template/spec/version";
            capi::machine_rollout(view, &need, (&namespace, pool), path)
        };
        let rollouts: Vec<_> = plane
            .into_iter()
            .chain(pools.iter().filter_map(of_pool))
            .collect();
        let versions = rollouts.iter().filter_map(|one| one.version.clone());
        Self {
            oldest: versions.min_by(|one, other| one.semver.cmp(&other.semver)),
            is_rolling: rollouts.iter().any(|one| !one.is_complete()),
            namespace,
            name: row.meta.name.clone(),
            provider: match provider {
                Some(provider) => provider.provider.clone(),
                None => infrastructure.unwrap_or("PROVIDER").to_lowercase(),
            },
            image_flag: provider.map_or_else(String::new, |one| one.image_flag.clone()),
            environment: provider.map_or_else(String::new, |one| one.environment.clone()),
            control_plane: (
                kind.unwrap_or_default().to_lowercase(),
                control_plane.to_owned(),
            ),
            version: version.and_then(|version| version.parse().ok()),
            pools,
        }
    }

    /// The name of one of its MachineDeployments in the CLI.
    pub(crate) fn pool_name<'p>(&self, deployment: &'p str) -> &'p str {
        let name = deployment.strip_prefix(self.name.as_str());
        let name = name.and_then(|rest| rest.strip_prefix('-'));
        name.unwrap_or(deployment)
    }

    /// The build suffix of its versions: that of FIPS.
    pub(crate) fn version_suffix(&self) -> &str {
        let version = self.version.as_ref();
        let suffix =
            version.and_then(|version| version.raw.find("+fips").map(|at| &version.raw[at..]));
        suffix.unwrap_or_default()
    }
}

/// Every deployed application, with its origin and place.
pub(crate) fn applications(view: ClusterView<'_>, detected: &DetectedCluster) -> Vec<Application> {
    let topology = &detected.topology;
    let rows = view.objects(&app_deployments_need()).iter();
    let mut applications: Vec<Application> = rows
        .filter_map(|row| {
            let reference = string_at(row, "/spec/appRef/name")?;
            let namespace = row.meta.namespace.clone().unwrap_or_default();
            let is_platform = string_at(row, "/spec/appRef/kind") == Some("ClusterApp");
            let app = app_row(view, &namespace, reference).filter(|_| !is_platform);
            let (id, version) = app
                .and_then(|app| {
                    Some((
                        string_at(app, "/spec/appId")?,
                        string_at(app, "/spec/version")?,
                    ))
                })
                .or_else(|| split_app_reference(reference))?;
            let in_namespace = |one: &Option<String>| one.as_deref() == Some(&namespace);
            let project = topology
                .projects
                .iter()
                .find(|one| in_namespace(&one.namespace));
            let mut workspaces = topology.workspaces.iter();
            let workspace = workspaces.find(|one| in_namespace(&one.namespace));
            let workspace = workspace.map(|one| one.name.clone());
            Some(Application {
                origin: match (is_platform, is_of_catalog(view, app, id)) {
                    (true, _) => AppOrigin::Platform,
                    (false, true) => AppOrigin::Catalog,
                    (false, false) => AppOrigin::Custom,
                },
                name: row.meta.name.clone(),
                app: id.to_owned(),
                version: version.to_owned(),
                workspace: workspace.or_else(|| project.and_then(|one| one.workspace.clone())),
                project: project.map(|one| one.name.clone()),
                namespace,
            })
        })
        .collect();
    applications
        .sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    applications
}

fn app_row<'v>(view: ClusterView<'v>, namespace: &str, name: &str) -> Option<&'v ObjectRow> {
    let mut apps = view.objects(&apps_need()).iter();
    apps.find(|row| row.meta.name == name && row.meta.namespace.as_deref() == Some(namespace))
}

/// Whether a version is another one or later; of versions that cannot be compared, only the same.
pub(crate) fn is_at_least(version: &str, wanted: &str) -> bool {
    let parse = |text: &str| text.parse::<semver::Version>().ok();
    match parse(version).zip(parse(wanted)) {
        Some((version, wanted)) => version >= wanted,
        None => version == wanted,
    }
}

/// Whether an application is one of D2iQ's catalog: by its repository, or by its id if that was not read.
fn is_of_catalog(view: ClusterView<'_>, app: Option<&ObjectRow>, id: &str) -> bool {
    let field = |name: &str| string_at(app?, &format!("/spec/gitRepositoryRef/{name}"));
    let repositories = view.objects(&git_repositories_need());
    let mut repositories = repositories.iter();
    let repository = repositories.find(|row| {
        Some(row.meta.name.as_str()) == field("name")
            && row.meta.namespace.as_deref() == field("namespace")
    });
    let is_known = view
        .catalog
        .dkp
        .catalog_apps
        .iter()
        .any(|row| row.app == id);
    let Some(repository) = repository else {
        return is_known;
    };
    let labels = repository.object.pointer("/metadata/labels");
    let kind = labels.and_then(|labels| labels.get("kommander.d2iq.io/gitapps-gitrepository-type"));
    let url = string_at(repository, "/spec/url").unwrap_or_default();
    kind.and_then(Value::as_str) == Some("dkp")
        || url.contains("mesosphere/dkp-catalog-applications")
        || repository.meta.name.starts_with("dkp-catalog-applications")
        // Within an air-gapped cluster, the address names no owner.
        || (is_known && is_in_cluster(url))
}

/// Whether a URL leads to a Service of the cluster.
fn is_in_cluster(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host.ends_with(".svc") || host.contains(".svc.")
}

fn string_at<'a>(row: &'a ObjectRow, path: &str) -> Option<&'a str> {
    row.object.pointer(path).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::{is_at_least, is_in_cluster};

    #[test]
    fn only_later_versions_are_later() {
        assert!(is_at_least("0.20.2", "0.20.0") && is_at_least("0.20.2", "0.20.2"));
        assert!(!is_at_least("0.9.0", "0.20.0"));
        assert!(is_at_least("main", "main") && !is_at_least("main", "0.20.0"));
    }

    #[test]
    fn charts_of_an_air_gapped_cluster_come_from_a_service() {
        assert!(is_in_cluster("http://chartmuseum.kommander.svc:8080"));
        assert!(is_in_cluster(
            "http://helm-mirror.kommander.svc.cluster.local/charts"
        ));
        assert!(!is_in_cluster(
            "https://mesosphere.github.io/kommander/charts"
        ));
        assert!(!is_in_cluster("https://git.shop.example/team.svc/charts"));
    }
}
