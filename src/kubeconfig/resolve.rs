//! Resolves context, cluster and user.

use kube::config::{AuthInfo, Cluster, Context};

use super::error::ConnectError;
use super::files::MergedKubeconfig;
use super::options::ConnectOptions;
use super::suggestions::Suggestions;

/// The resolved entries, before flags are applied.
pub(super) struct ResolvedEntries {
    pub(super) context: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) cluster_name: String,
    pub(super) cluster: Cluster,
    pub(super) user_name: String,
    pub(super) user: AuthInfo,
}

/// Resolves as kubectl does, with two differences: a context whose cluster is missing is an error and not
/// `localhost:8080`, and so is having no context at all.
///
/// `None`: neither a file nor a flag names an entry.
pub(super) fn resolve_entries(
    loaded: &MergedKubeconfig,
    options: &ConnectOptions,
) -> Result<Option<ResolvedEntries>, ConnectError> {
    let context_name = options
        .context
        .as_ref()
        .or(loaded.kubeconfig.current_context.as_ref());
    let context = context_name
        .map(|name| find_context(loaded, options, name))
        .transpose()?;
    if context.is_none() && options.cluster.is_none() && options.server.is_none() {
        return Ok(None);
    }
    let context = context.unwrap_or_default();
    let (cluster_name, cluster) = find_cluster(loaded, options, &context, context_name)?;
    let (user_name, user) = find_user(loaded, options, &context)?;
    Ok(Some(ResolvedEntries {
        context: context_name.cloned(),
        namespace: context.namespace.filter(|namespace| !namespace.is_empty()),
        cluster_name,
        cluster,
        user_name,
        user,
    }))
}

fn find_context(
    loaded: &MergedKubeconfig,
    options: &ConnectOptions,
    name: &str,
) -> Result<Context, ConnectError> {
    let contexts = &loaded.kubeconfig.contexts;
    contexts
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| entry.context.clone().unwrap_or_default())
        .ok_or_else(|| ConnectError::UnknownEntry {
            what: "context",
            name: name.to_owned(),
            by: if options.context.is_some() {
                "--context".to_owned()
            } else {
                "current-context".to_owned()
            },
            files: loaded.files_read.clone(),
            known: Suggestions::new(Some(name), contexts.iter().map(|entry| entry.name.as_str())),
        })
}

fn find_cluster(
    loaded: &MergedKubeconfig,
    options: &ConnectOptions,
    context: &Context,
    context_name: Option<&String>,
) -> Result<(String, Cluster), ConnectError> {
    let clusters = &loaded.kubeconfig.clusters;
    let name = options.cluster.as_ref().unwrap_or(&context.cluster);
    if let Some(entry) = clusters.iter().find(|entry| &entry.name == name) {
        return Ok((name.clone(), entry.cluster.clone().unwrap_or_default()));
    }
    // --server alone is enough, as in kubectl.
    if options.cluster.is_none() && options.server.is_some() {
        return Ok((name.clone(), Cluster::default()));
    }
    Err(ConnectError::UnknownEntry {
        what: "cluster",
        name: name.clone(),
        by: match (&options.cluster, context_name) {
            (None, Some(context)) => format!("context {context:?}"),
            _ => "--cluster".to_owned(),
        },
        files: loaded.files_read.clone(),
        known: Suggestions::new(Some(name), clusters.iter().map(|entry| entry.name.as_str())),
    })
}

fn find_user(
    loaded: &MergedKubeconfig,
    options: &ConnectOptions,
    context: &Context,
) -> Result<(String, AuthInfo), ConnectError> {
    let users = &loaded.kubeconfig.auth_infos;
    let name = options
        .user
        .clone()
        .or_else(|| context.user.clone())
        .unwrap_or_default();
    if let Some(entry) = users.iter().find(|entry| entry.name == name) {
        return Ok((name, entry.auth_info.clone().unwrap_or_default()));
    }
    if options.user.is_some() {
        return Err(ConnectError::UnknownEntry {
            what: "user",
            known: Suggestions::new(Some(&name), users.iter().map(|entry| entry.name.as_str())),
            name,
            by: "--user".to_owned(),
            files: loaded.files_read.clone(),
        });
    }
    // A context may name a user that does not exist: --token makes it unnecessary, and kubectl continues as anonymous.
    if !name.is_empty() {
        tracing::warn!(user = %name, "the context names a user that is not in the kubeconfig");
    }
    Ok((name, AuthInfo::default()))
}
