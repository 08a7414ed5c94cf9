//! How clusters belong together: the role of this one, the ones it looks after, and where to go instead.

use std::collections::BTreeMap;

use super::DetectionGap;
use super::cluster_api::{CapiCluster, CapiDetection};
use super::dkp::{self, DkpDetection};
use super::view::{str_at, string_at};
use crate::need::ClusterId;
use crate::snapshot::{ClusterView, MissingData, ObjectRow};

/// What a cluster is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopologyRole {
    /// It looks after others, or after itself.
    Management,
    /// Another cluster made it and upgrades its nodes.
    Managed,
    /// Another cluster delivers applications to it; its nodes are managed elsewhere.
    Attached,
    /// It temporarily replaces a management cluster.
    Bootstrap,
}

impl TopologyRole {
    /// As reports write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Managed => "managed",
            Self::Attached => "attached",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// What a licence of DKP allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LicenseEdition {
    /// One cluster.
    Essential,
    /// Many.
    Enterprise,
}

/// A workspace of Kommander.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workspace {
    /// Name.
    pub name: String,
    /// Its namespace; null where it has none yet.
    pub namespace: Option<String>,
}

/// A project of Kommander.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Project {
    /// Its workspace; null where the workspace of its namespace was not found.
    pub workspace: Option<String>,
    /// Name.
    pub name: String,
    /// Its namespace; null where it has none yet.
    pub namespace: Option<String>,
}

/// A cluster that the management cluster knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownCluster {
    /// Which one, as gaps and objects name it.
    pub cluster: ClusterId,
    /// Namespace of the object that describes it on the management cluster.
    pub namespace: String,
    /// Name of that object.
    pub name: String,
    /// Its workspace; null outside of Kommander.
    pub workspace: Option<String>,
    /// What it is to the management cluster.
    pub role: TopologyRole,
    /// Its Kubernetes version as the management cluster has it.
    pub kubernetes_version: Option<String>,
    /// Kind of its infrastructure, or the vendor of its control plane.
    pub provider: Option<String>,
    /// How it is, in the management cluster's word.
    pub phase: Option<String>,
    /// Whether it is the cluster that was read.
    pub is_inspected: bool,
}

/// How clusters belong together; empty for a standalone cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The role of this cluster; null for a standalone cluster.
    pub role: Option<TopologyRole>,
    /// What that rests on.
    pub evidence: Vec<String>,
    /// The edition of DKP, from its licence; null if unknown.
    pub edition: Option<LicenseEdition>,
    /// Where to run this instead; null on a management cluster.
    pub upgrade_from: Option<String>,
    /// Workspaces of Kommander, sorted.
    pub workspaces: Vec<Workspace>,
    /// Projects of Kommander, sorted.
    pub projects: Vec<Project>,
    /// Clusters that this one knows, itself among them, sorted.
    pub clusters: Vec<KnownCluster>,
}

impl Topology {
    /// What must be said of the role before anything is done here.
    pub(super) fn remarks(&self, id: &ClusterId) -> Vec<String> {
        let said = self.role.zip(self.upgrade_from.as_ref());
        said.into_iter()
            .map(|(role, go_to)| {
                let article = match role {
                    TopologyRole::Attached => "an",
                    TopologyRole::Management | TopologyRole::Managed | TopologyRole::Bootstrap => {
                        "a"
                    }
                };
                format!("{id} is {article} {} cluster: {go_to}", role.as_str())
            })
            .collect()
    }

    /// Other clusters, which were not read.
    pub(super) fn unread_clusters(&self) -> impl Iterator<Item = DetectionGap> {
        self.clusters
            .iter()
            .filter(|member| !member.is_inspected)
            .map(|member| DetectionGap {
                cluster: member.cluster.clone(),
                missing: MissingData {
                    what: format!("the {} cluster {}", member.role.as_str(), member.cluster),
                    why: "it is another cluster, and only this one was read: add --clusters all, or run the command with its kubeconfig too"
                        .to_owned(),
                    rbac: None,
                },
            })
    }
}

/// How this cluster belongs to others.
pub(super) fn detect_topology(
    look: &ClusterView<'_>,
    cluster_api: &CapiDetection,
    dkp: &DkpDetection,
) -> Topology {
    let workspaces = workspaces(look);
    let mut topology = Topology {
        projects: projects(look, &workspaces),
        clusters: known_clusters(look, cluster_api, &workspaces),
        workspaces,
        ..Topology::default()
    };
    topology.assign_role(look, cluster_api, dkp);
    if !dkp.kommander_evidence.is_empty() {
        topology.set_edition(look);
    }
    topology
}

impl Topology {
    fn assign_role(
        &mut self,
        look: &ClusterView<'_>,
        cluster_api: &CapiDetection,
        dkp: &DkpDetection,
    ) {
        let own = capi_cluster_of_nodes(look);
        let self_managed = cluster_api
            .clusters
            .iter()
            .any(|cluster| cluster.is_inspected);
        let machine_of = |own: &str| format!("nodes are machines of the Cluster {own}");
        let is_kind = look
            .nodes()
            .unwrap_or_default()
            .iter()
            .any(|node| node.provider_id.starts_with("kind://"));
        if !dkp.kommander_evidence.is_empty() {
            self.set_role(
                TopologyRole::Management,
                dkp.kommander_evidence.clone(),
                None,
            );
        } else if let Some(delivered) = &dkp.attachment_evidence {
            let mut evidence = vec![delivered.clone()];
            let role = match own.as_deref().filter(|_| !self_managed) {
                Some(own) => {
                    evidence.push(machine_of(own));
                    TopologyRole::Managed
                }
                None => TopologyRole::Attached,
            };
            self.set_role(
                role,
                evidence,
                Some(upgrade_instructions(role, dkp.source_url.as_deref())),
            );
        } else if !cluster_api.konvoy_hints.is_empty() && !self_managed && is_kind {
            let mut evidence = cluster_api.konvoy_hints.clone();
            evidence.push("it runs in kind, and none of its Clusters is itself".to_owned());
            self.set_role(
                TopologyRole::Bootstrap,
                evidence,
                Some(upgrade_instructions(TopologyRole::Bootstrap, None)),
            );
        } else if let Some(platform) = &cluster_api.detection.platform {
            self.set_role(TopologyRole::Management, platform.evidence.clone(), None);
        } else if let Some(own) = &own {
            let evidence = vec![machine_of(own)];
            self.set_role(
                TopologyRole::Managed,
                evidence,
                Some(upgrade_instructions(TopologyRole::Managed, None)),
            );
        }
    }

    fn set_role(&mut self, role: TopologyRole, evidence: Vec<String>, go_to: Option<String>) {
        self.role = Some(role);
        self.evidence = evidence;
        self.upgrade_from = go_to;
    }

    /// The edition, from the licence or else from features that only Enterprise has.
    fn set_edition(&mut self, look: &ClusterView<'_>) {
        let levels = look.objects(&dkp::licenses_need()).iter();
        let levels: Vec<&str> = levels
            .filter_map(|row| str_at(&row.object, "/status/dkpLevel"))
            .collect();
        for level in &levels {
            self.evidence
                .push(format!("dkpLevel of a License: {level}"));
        }
        let says = |word: &str| {
            let mut levels = levels.iter();
            levels.any(|level| level.to_lowercase().contains(word))
        };
        let others = self
            .clusters
            .iter()
            .any(|member| !member.is_inspected && member.workspace.is_some());
        if says("enterprise") {
            self.edition = Some(LicenseEdition::Enterprise);
        } else if says("essential") {
            self.edition = Some(LicenseEdition::Essential);
            if others {
                self.evidence.push(
                    "conflicting: Kommander looks after other clusters, which an essential licence does not allow"
                        .to_owned(),
                );
            }
        } else if others {
            self.evidence
                .push("enterprise: Kommander looks after other clusters".to_owned());
            self.edition = Some(LicenseEdition::Enterprise);
        }
    }
}

fn upgrade_instructions(role: TopologyRole, source: Option<&str>) -> String {
    let from = source.map_or_else(String::new, |url| {
        format!(" (its applications come from {url})")
    });
    match role {
        TopologyRole::Managed => format!(
            "its control plane and nodes are upgraded from its management cluster{from}, whose plan has the steps; blockers are those of this cluster"
        ),
        TopologyRole::Attached => format!(
            "its platform applications are upgraded from its management cluster{from}, Kubernetes itself by the tools that made it"
        ),
        TopologyRole::Bootstrap => {
            "it holds Cluster API only for a while; run this against the management cluster, with that one's kubeconfig"
                .to_owned()
        }
        TopologyRole::Management => String::new(),
    }
}

/// The Cluster whose machines this cluster's nodes are.
fn capi_cluster_of_nodes(look: &ClusterView<'_>) -> Option<String> {
    let nodes = look.nodes()?.iter();
    let cluster = nodes
        .filter_map(|node| node.capi_cluster.as_deref())
        .min()?;
    Some(cluster.trim_start_matches('/').to_owned())
}

fn target_namespace(row: &ObjectRow) -> Option<String> {
    string_at(&row.object, "/status/namespaceRef/name")
        .or_else(|| string_at(&row.object, "/spec/namespaceName"))
}

fn workspaces(look: &ClusterView<'_>) -> Vec<Workspace> {
    let rows = look.objects(&dkp::workspaces_need()).iter();
    let mut workspaces: Vec<Workspace> = rows
        .map(|row| Workspace {
            name: row.meta.name.clone(),
            namespace: target_namespace(row),
        })
        .collect();
    workspaces.sort();
    workspaces
}

fn workspace_of(workspaces: &[Workspace], namespace: Option<&str>) -> Option<String> {
    workspaces
        .iter()
        .find(|workspace| namespace.is_some() && workspace.namespace.as_deref() == namespace)
        .map(|workspace| workspace.name.clone())
}

fn projects(look: &ClusterView<'_>, workspaces: &[Workspace]) -> Vec<Project> {
    let rows = look.objects(&dkp::projects_need()).iter();
    let mut projects: Vec<Project> = rows
        .map(|row| Project {
            workspace: workspace_of(workspaces, row.meta.namespace.as_deref())
                .or_else(|| string_at(&row.object, "/spec/workspaceRef/name")),
            name: row.meta.name.clone(),
            namespace: target_namespace(row),
        })
        .collect();
    projects.sort();
    projects
}

/// Clusters that Kommander and Cluster API know, each once.
fn known_clusters(
    look: &ClusterView<'_>,
    cluster_api: &CapiDetection,
    workspaces: &[Workspace],
) -> Vec<KnownCluster> {
    let made = cluster_api.clusters.iter().map(|cluster| {
        let key = (cluster.namespace.clone(), cluster.name.clone());
        (key, known_from_cluster_api(look, cluster))
    });
    let mut found: BTreeMap<(String, String), KnownCluster> = made.collect();
    for row in look.objects(&dkp::kommander_clusters_need()) {
        let namespace = row.meta.namespace.clone().unwrap_or_default();
        let made = str_at(&row.object, "/spec/clusterRef/capiCluster/name").map(|name| {
            let at = str_at(&row.object, "/spec/clusterRef/capiCluster/namespace");
            (at.unwrap_or(&namespace).to_owned(), name.to_owned())
        });
        let host = namespace == "kommander" && row.meta.name == "host-cluster";
        // Kommander may refer to the Cluster that it runs on or not: it is the one that was read.
        let this = found.iter().find(|(_, member)| member.is_inspected && host);
        let key = made.clone().or_else(|| this.map(|(key, _)| key.clone()));
        let known = key.and_then(|key| found.remove(&key));
        let role = match made {
            Some(_) => TopologyRole::Managed,
            None => TopologyRole::Attached,
        };
        let mut member = known_from_kommander(look, row, role, known);
        member.workspace = workspace_of(workspaces, Some(&namespace));
        found.insert((namespace, row.meta.name.clone()), member);
    }
    found.into_values().collect()
}

fn cluster_id(look: &ClusterView<'_>, namespace: &str, name: &str, this: bool) -> ClusterId {
    match this {
        true => look.cluster.id.clone(),
        false => ClusterId(format!("{namespace}/{name}")),
    }
}

fn known_from_cluster_api(look: &ClusterView<'_>, cluster: &CapiCluster) -> KnownCluster {
    let CapiCluster {
        namespace,
        name,
        kubernetes_version: kubernetes,
        infrastructure_kind: infrastructure,
        phase,
        is_inspected: this,
    } = cluster.clone();
    KnownCluster {
        cluster: cluster_id(look, &namespace, &name, this),
        namespace,
        name,
        workspace: None,
        role: if this {
            TopologyRole::Management
        } else {
            TopologyRole::Managed
        },
        kubernetes_version: kubernetes,
        provider: infrastructure,
        phase,
        is_inspected: this,
    }
}

/// A KommanderCluster, with what Cluster API knows of the same cluster.
fn known_from_kommander(
    look: &ClusterView<'_>,
    row: &ObjectRow,
    role: TopologyRole,
    known: Option<KnownCluster>,
) -> KnownCluster {
    let namespace = row.meta.namespace.clone().unwrap_or_default();
    let host = namespace == "kommander" && row.meta.name == "host-cluster";
    let this = host || known.as_ref().is_some_and(|member| member.is_inspected);
    let (version, provider) = match known {
        Some(known) => (known.kubernetes_version, known.provider),
        None => (None, None),
    };
    KnownCluster {
        cluster: cluster_id(look, &namespace, &row.meta.name, this),
        workspace: None,
        role: if this { TopologyRole::Management } else { role },
        kubernetes_version: string_at(&row.object, "/status/kubernetesVersion").or(version),
        provider: provider.or_else(|| string_at(&row.object, "/status/type")),
        phase: string_at(&row.object, "/status/phase"),
        is_inspected: this,
        name: row.meta.name.clone(),
        namespace,
    }
}
