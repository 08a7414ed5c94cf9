//! The clusters of a live run: of the current context, of several contexts, or those that a management cluster looks after.

use super::args::{FleetArgs, SourceArgs};
use super::exit::CliError;
use super::session::{ClusterSession, connect_error};
use crate::catalog::Catalog;
use crate::client::error::RequestError;
use crate::client::{ClusterReader, SecretReadError};
use crate::detect::{self, DetectedCluster, KUBECONFIG_KEYS, KnownCluster, TopologyRole};
use crate::kubeconfig::{self, ConnectOptions, Connection, Env};
use crate::need::{ClusterId, PolicyRule, Verb};
use crate::snapshot::{ClusterSnapshot, ClusterView, UnreadCluster};
use crate::text::NamespacedName;

/// Stands for every cluster that there is.
const ALL: &str = "all";

/// A cluster of a run, before it is read.
pub(super) enum Source {
    /// Opened, because the other clusters of the run depend on it.
    Opened(Box<(ClusterSession, ClusterSnapshot)>),
    /// It could not be opened.
    Failed(Box<(UnreadCluster, CliError)>),
    /// That of the connection flags.
    Flags(Box<ConnectOptions>),
    /// That of a kubeconfig in a Secret of the management cluster.
    Managed(Box<ManagedCluster>),
}

/// A cluster whose kubeconfig a management cluster has.
pub(super) struct ManagedCluster {
    pub(super) id: ClusterId,
    /// `None` if nothing names its Secret.
    secret: Option<NamespacedName>,
    /// Of the management cluster.
    reader: ClusterReader,
}

impl Source {
    /// How it is called until it is connected; empty for the current context, whose name is not known yet.
    pub(super) fn id(&self) -> ClusterId {
        match self {
            Self::Opened(opened) => opened.1.id.clone(),
            Self::Failed(failed) => failed.0.id.clone(),
            Self::Flags(options) => ClusterId(options.context.clone().unwrap_or_default()),
            Self::Managed(cluster) => cluster.id.clone(),
        }
    }

    /// Its context, if it has one.
    pub(super) fn context(&self) -> Option<String> {
        match self {
            Self::Opened(opened) => opened.1.context.clone(),
            Self::Failed(failed) => failed.0.context.clone(),
            Self::Flags(options) => options.context.clone(),
            Self::Managed(_) => None,
        }
    }
}

/// The clusters of `--contexts`, or the one of the connection flags.
pub(super) fn sources_of_contexts(flags: &SourceArgs) -> Result<Vec<Source>, CliError> {
    let options = &flags.connection;
    let names = &flags.fleet.contexts;
    if names.is_empty() {
        return Ok(vec![Source::Flags(Box::new(options.clone()))]);
    }
    let all = names.iter().any(|name| name == ALL);
    let wanted = (!all).then_some(&names[..]);
    let names =
        kubeconfig::context_names(wanted, options, &Env::process()).map_err(connect_error)?;
    let sources = names.into_iter().map(|name| {
        Source::Flags(Box::new(ConnectOptions {
            context: Some(name),
            ..options.clone()
        }))
    });
    Ok(sources.collect())
}

/// The clusters of `--clusters`, managed ones first.
pub(super) fn managed_sources(
    session: &ClusterSession,
    cluster: &ClusterSnapshot,
    flags: &FleetArgs,
    catalog: &Catalog,
) -> Result<Vec<Source>, CliError> {
    let chosen = chosen_clusters(cluster, flags, catalog)?;
    let sources = chosen.into_iter().map(|(cluster, secret)| {
        Source::Managed(Box::new(ManagedCluster {
            id: cluster.cluster,
            secret,
            reader: session.reader.clone(),
        }))
    });
    Ok(sources.collect())
}

/// What `rbac` adds for `--clusters`: the Secrets by name.
pub(super) fn kubeconfig_permissions(
    cluster: &ClusterSnapshot,
    flags: &FleetArgs,
    catalog: &Catalog,
) -> Result<Vec<PolicyRule>, CliError> {
    if flags.clusters.is_empty() {
        return Ok(Vec::new());
    }
    let chosen = chosen_clusters(cluster, flags, catalog)?;
    let secrets = chosen.iter().filter_map(|(_, secret)| secret.as_ref());
    Ok(secrets.map(permission).collect())
}

fn permission(secret: &NamespacedName) -> PolicyRule {
    PolicyRule {
        api_groups: vec![String::new()],
        resources: vec!["secrets".to_owned()],
        resource_names: vec![secret.name.clone()],
        namespace: secret.namespace.clone(),
        verbs: vec![Verb::Get],
        ..PolicyRule::default()
    }
}

/// The clusters that are asked for, with the Secrets that hold their kubeconfigs.
fn chosen_clusters(
    cluster: &ClusterSnapshot,
    flags: &FleetArgs,
    catalog: &Catalog,
) -> Result<Vec<(KnownCluster, Option<NamespacedName>)>, CliError> {
    let topology = DetectedCluster::new(cluster, catalog).topology;
    if topology.role != Some(TopologyRole::Management) {
        return Err(CliError::usage(format!(
            "--clusters: {} does not look after other clusters: neither Kommander of DKP nor Cluster API was found there",
            cluster.id
        )));
    }
    let view = ClusterView::new(cluster, catalog);
    let mut others = detect::kubeconfig_secrets(view, &topology);
    if flags.clusters.iter().any(|name| name == ALL) {
        return Ok(others);
    }
    for name in &flags.clusters {
        let matching = others.iter().filter(|(one, _)| is_called(one, name));
        let ids: Vec<String> = matching.map(|(one, _)| one.cluster.to_string()).collect();
        let all: Vec<String> = others
            .iter()
            .map(|(one, _)| one.cluster.to_string())
            .collect();
        match &ids[..] {
            [_] => {}
            [] => {
                return Err(CliError::usage(format!(
                    "--clusters: {} knows no cluster {name:?}; it knows {}",
                    cluster.id,
                    match all.is_empty() {
                        true => "none".to_owned(),
                        false => all.join(", "),
                    }
                )));
            }
            several => {
                return Err(CliError::usage(format!(
                    "--clusters: {name:?} may mean {}",
                    several.join(" or ")
                )));
            }
        }
    }
    others.retain(|(one, _)| flags.clusters.iter().any(|name| is_called(one, name)));
    Ok(others)
}

fn is_called(cluster: &KnownCluster, name: &str) -> bool {
    cluster.name == name || cluster.cluster.0 == name
}

/// Why the kubeconfig of a managed cluster could not be used.
pub(super) struct NoKubeconfig {
    pub(super) why: String,
    pub(super) rbac: Option<PolicyRule>,
}

impl ManagedCluster {
    /// The connection to it, with the kubeconfig that the management cluster has. That is in memory only.
    pub(super) async fn connection(
        &self,
        options: &ConnectOptions,
    ) -> Result<Connection, NoKubeconfig> {
        let without_rbac = |why: String| NoKubeconfig { why, rbac: None };
        let Some(secret) = &self.secret else {
            return Err(without_rbac(
                "its management cluster names no Secret with its kubeconfig, as for a cluster behind a tunnel; run the command with its kubeconfig"
                    .to_owned(),
            ));
        };
        let namespace = secret.namespace.as_deref().unwrap_or_default();
        let text = self
            .reader
            .read_secret(namespace, &secret.name, KUBECONFIG_KEYS);
        let text = text.await.map_err(|error| NoKubeconfig {
            rbac: match &error {
                SecretReadError::Request(RequestError::Forbidden { .. }) => {
                    Some(permission(secret))
                }
                _ => None,
            },
            why: format!("its kubeconfig in Secret {secret} could not be read: {error}"),
        })?;
        kubeconfig::resolve_secret(&text, options, &Env::process()).map_err(|error| {
            without_rbac(format!(
                "its kubeconfig in Secret {secret} cannot be used: {error}"
            ))
        })
    }
}
