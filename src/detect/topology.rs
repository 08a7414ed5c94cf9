//! How clusters belong together: the role of this one, the ones it looks after, and where to go instead.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Unseen;
use super::cluster_api::{Capi, ClusterApi};
use super::dkp::{self, Dkp};
use super::look::{Look, owned, text};
use crate::need::ClusterId;
use crate::snapshot::{JsonRow, Unmet};

/// What a cluster is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It looks after others, or after itself.
    Management,
    /// Another cluster made it and upgrades its nodes.
    Managed,
    /// Another cluster delivers applications to it; its nodes are somebody else's.
    Attached,
    /// It stands in for a management cluster for a while.
    Bootstrap,
}

impl Role {
    /// As reports write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Managed => "managed",
            Self::Attached => "attached",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// What a licence of DKP allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edition {
    /// One cluster.
    Essential,
    /// Many.
    Enterprise,
}

/// A workspace of Kommander.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Workspace {
    /// Name.
    pub name: String,
    /// Its namespace; null where it has none yet.
    pub namespace: Option<String>,
}

/// A project of Kommander.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Project {
    /// Its workspace; null where the workspace of its namespace was not found.
    pub workspace: Option<String>,
    /// Name.
    pub name: String,
    /// Its namespace; null where it has none yet.
    pub namespace: Option<String>,
}

/// A cluster that the management cluster knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Which one, as gaps and objects name it.
    pub cluster: ClusterId,
    /// Namespace of the object that describes it on the management cluster.
    pub namespace: String,
    /// Name of that object.
    pub name: String,
    /// Its workspace; null outside of Kommander.
    pub workspace: Option<String>,
    /// What it is to the management cluster.
    pub role: Role,
    /// Its Kubernetes version as the management cluster has it.
    pub kubernetes_version: Option<String>,
    /// Kind of its infrastructure, or the vendor of its control plane.
    pub provider: Option<String>,
    /// How it is, in the management cluster's word.
    pub phase: Option<String>,
    /// Whether it is the very cluster that was looked at.
    pub this: bool,
}

/// How clusters belong together. Empty for one that stands alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// What this cluster is to others; null for one that stands alone.
    pub role: Option<Role>,
    /// What that rests on.
    pub evidence: Vec<String>,
    /// What the licence of DKP allows; null where it is not told.
    pub edition: Option<Edition>,
    /// Where to run this instead; null on a management cluster.
    pub go_to: Option<String>,
    /// Workspaces of Kommander, sorted.
    pub workspaces: Vec<Workspace>,
    /// Projects of Kommander, sorted.
    pub projects: Vec<Project>,
    /// Clusters that this one knows, itself among them, sorted.
    pub clusters: Vec<Member>,
}

impl Topology {
    /// What must be said of the role before anything is done here.
    pub(super) fn remarks(&self, id: &ClusterId) -> Vec<String> {
        let said = self.role.zip(self.go_to.as_ref());
        said.into_iter()
            .map(|(role, go_to)| {
                let article = match role {
                    Role::Attached => "an",
                    Role::Management | Role::Managed | Role::Bootstrap => "a",
                };
                format!("{id} is {article} {} cluster: {go_to}", role.word())
            })
            .collect()
    }

    /// Other clusters, none of which were looked at.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = Unseen> {
        self.clusters
            .iter()
            .filter(|member| !member.this)
            .map(|member| Unseen {
                cluster: member.cluster.clone(),
                unmet: Unmet {
                    what: format!("the {} cluster {}", member.role.word(), member.cluster),
                    why: "it is another cluster, and only this one was read: run the command with its kubeconfig too"
                        .to_owned(),
                    rbac: None,
                },
            })
    }
}

/// How this cluster belongs to others.
pub(super) fn topology(look: &Look<'_>, cluster_api: &ClusterApi, dkp: &Dkp) -> Topology {
    let workspaces = workspaces(look);
    let mut topology = Topology {
        projects: projects(look, &workspaces),
        clusters: members(look, cluster_api, &workspaces),
        workspaces,
        ..Topology::default()
    };
    topology.assign(look, cluster_api, dkp);
    if !dkp.here.is_empty() {
        topology.license(look);
    }
    topology
}

impl Topology {
    fn assign(&mut self, look: &Look<'_>, cluster_api: &ClusterApi, dkp: &Dkp) {
        let own = own_cluster(look);
        let self_managed = cluster_api.clusters.iter().any(|cluster| cluster.this);
        let machine_of = |own: &str| format!("nodes are machines of the Cluster {own}");
        let is_kind = look
            .nodes()
            .unwrap_or_default()
            .iter()
            .any(|node| node.provider_id.starts_with("kind://"));
        if !dkp.here.is_empty() {
            self.be(Role::Management, dkp.here.clone(), None);
        } else if let Some(delivered) = &dkp.delivered {
            let mut evidence = vec![delivered.clone()];
            let role = match own.as_deref().filter(|_| !self_managed) {
                Some(own) => {
                    evidence.push(machine_of(own));
                    Role::Managed
                }
                None => Role::Attached,
            };
            self.be(role, evidence, Some(go_to(role, dkp.source.as_deref())));
        } else if !cluster_api.konvoy.is_empty() && !self_managed && is_kind {
            let mut evidence = cluster_api.konvoy.clone();
            evidence.push("it runs in kind, and none of its Clusters is itself".to_owned());
            self.be(
                Role::Bootstrap,
                evidence,
                Some(go_to(Role::Bootstrap, None)),
            );
        } else if let Some(platform) = &cluster_api.found.platform {
            self.be(Role::Management, platform.evidence.clone(), None);
        } else if let Some(own) = &own {
            let evidence = vec![machine_of(own)];
            self.be(Role::Managed, evidence, Some(go_to(Role::Managed, None)));
        }
    }

    fn be(&mut self, role: Role, evidence: Vec<String>, go_to: Option<String>) {
        self.role = Some(role);
        self.evidence = evidence;
        self.go_to = go_to;
    }

    /// The edition by the licence; where that does not tell, by what only Enterprise has.
    fn license(&mut self, look: &Look<'_>) {
        let levels = look.objects(&dkp::licenses()).iter();
        let levels: Vec<&str> = levels
            .filter_map(|row| text(&row.object, "/status/dkpLevel"))
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
            .any(|member| !member.this && member.workspace.is_some());
        if says("enterprise") {
            self.edition = Some(Edition::Enterprise);
        } else if says("essential") {
            self.edition = Some(Edition::Essential);
            if others {
                self.evidence.push(
                    "conflicting: Kommander looks after other clusters, which an essential licence does not allow"
                        .to_owned(),
                );
            }
        } else if others {
            self.evidence
                .push("enterprise: Kommander looks after other clusters".to_owned());
            self.edition = Some(Edition::Enterprise);
        }
    }
}

fn go_to(role: Role, source: Option<&str>) -> String {
    let from = source.map_or_else(String::new, |url| {
        format!(" (its applications come from {url})")
    });
    match role {
        Role::Managed => format!(
            "its control plane and nodes are upgraded from its management cluster{from}; run this against that cluster for the order of steps, and here for what stands in their way"
        ),
        Role::Attached => format!(
            "its platform applications are upgraded from its management cluster{from}, Kubernetes itself by the tools that made it; run this against both"
        ),
        Role::Bootstrap => {
            "it holds Cluster API only for a while; run this against the management cluster, with that one's kubeconfig"
                .to_owned()
        }
        Role::Management => String::new(),
    }
}

/// The Cluster whose machines this cluster's nodes are.
fn own_cluster(look: &Look<'_>) -> Option<String> {
    let nodes = look.nodes()?.iter();
    let cluster = nodes.filter_map(|node| node.cluster.as_deref()).min()?;
    Some(cluster.trim_start_matches('/').to_owned())
}

fn namespace_of(row: &JsonRow) -> Option<String> {
    owned(&row.object, "/status/namespaceRef/name")
        .or_else(|| owned(&row.object, "/spec/namespaceName"))
}

fn workspaces(look: &Look<'_>) -> Vec<Workspace> {
    let rows = look.objects(&dkp::workspaces()).iter();
    let mut workspaces: Vec<Workspace> = rows
        .map(|row| Workspace {
            name: row.meta.name.clone(),
            namespace: namespace_of(row),
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

fn projects(look: &Look<'_>, workspaces: &[Workspace]) -> Vec<Project> {
    let rows = look.objects(&dkp::projects()).iter();
    let mut projects: Vec<Project> = rows
        .map(|row| Project {
            workspace: workspace_of(workspaces, row.meta.namespace.as_deref())
                .or_else(|| owned(&row.object, "/spec/workspaceRef/name")),
            name: row.meta.name.clone(),
            namespace: namespace_of(row),
        })
        .collect();
    projects.sort();
    projects
}

/// Clusters that Kommander and Cluster API know, each once.
fn members(look: &Look<'_>, cluster_api: &ClusterApi, workspaces: &[Workspace]) -> Vec<Member> {
    let made = cluster_api.clusters.iter().map(|cluster| {
        let key = (cluster.namespace.clone(), cluster.name.clone());
        (key, by_cluster_api(look, cluster))
    });
    let mut found: BTreeMap<(String, String), Member> = made.collect();
    for row in look.objects(&dkp::clusters()) {
        let namespace = row.meta.namespace.clone().unwrap_or_default();
        let made = text(&row.object, "/spec/clusterRef/capiCluster/name").map(|name| {
            let at = text(&row.object, "/spec/clusterRef/capiCluster/namespace");
            (at.unwrap_or(&namespace).to_owned(), name.to_owned())
        });
        let host = namespace == "kommander" && row.meta.name == "host-cluster";
        // Kommander may refer to the Cluster that it runs on or not: it is the one that was looked at.
        let this = found.iter().find(|(_, member)| member.this && host);
        let key = made.clone().or_else(|| this.map(|(key, _)| key.clone()));
        let known = key.and_then(|key| found.remove(&key));
        let role = match made {
            Some(_) => Role::Managed,
            None => Role::Attached,
        };
        let mut member = by_kommander(look, row, role, known);
        member.workspace = workspace_of(workspaces, Some(&namespace));
        found.insert((namespace, row.meta.name.clone()), member);
    }
    found.into_values().collect()
}

fn id(look: &Look<'_>, namespace: &str, name: &str, this: bool) -> ClusterId {
    match this {
        true => look.picture.id.clone(),
        false => ClusterId(format!("{namespace}/{name}")),
    }
}

fn by_cluster_api(look: &Look<'_>, cluster: &Capi) -> Member {
    let Capi {
        namespace,
        name,
        kubernetes,
        infrastructure,
        phase,
        this,
    } = cluster.clone();
    Member {
        cluster: id(look, &namespace, &name, this),
        namespace,
        name,
        workspace: None,
        role: if this {
            Role::Management
        } else {
            Role::Managed
        },
        kubernetes_version: kubernetes,
        provider: infrastructure,
        phase,
        this,
    }
}

/// A KommanderCluster, with what Cluster API knows of the same cluster.
fn by_kommander(look: &Look<'_>, row: &JsonRow, role: Role, known: Option<Member>) -> Member {
    let namespace = row.meta.namespace.clone().unwrap_or_default();
    let host = namespace == "kommander" && row.meta.name == "host-cluster";
    let this = host || known.as_ref().is_some_and(|member| member.this);
    let (version, provider) = match known {
        Some(known) => (known.kubernetes_version, known.provider),
        None => (None, None),
    };
    Member {
        cluster: id(look, &namespace, &row.meta.name, this),
        workspace: None,
        role: if this { Role::Management } else { role },
        kubernetes_version: owned(&row.object, "/status/kubernetesVersion").or(version),
        provider: provider.or_else(|| owned(&row.object, "/status/type")),
        phase: owned(&row.object, "/status/phase"),
        this,
        name: row.meta.name.clone(),
        namespace,
    }
}
