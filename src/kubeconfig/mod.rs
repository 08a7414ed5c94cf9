//! From kubeconfig, flags and environment to a [`kube::Config`] that behaves as in kubectl.
//!
//! kube reads the files; context, cluster and user are resolved here, since kube 5.0 differs from kubectl: a missing file
//! in `KUBECONFIG` is an error, an unknown user is none, `NO_PROXY` is compared with the proxy itself, a request is retried
//! for minutes, and credential plugins run three times while the client is built. Each module describes what it prevents.

mod connect;
mod connection;
mod credentials;
mod error;
mod exec;
mod files;
mod flags;
mod from_secret;
mod in_cluster;
mod options;
mod resolve;
mod server_url;
mod suggestions;
#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use error::ConnectError;
pub(crate) use error::format_timeout;
pub use flags::{Timeout, parse_duration};
pub use from_secret::{SecretKubeconfigError, resolve_secret};
pub use options::{ConnectOptions, Env};
pub use suggestions::Suggestions;

/// Resolves the connection from flags, kubeconfig and environment. Reads files, runs nothing and opens no connection.
///
/// Without a kubeconfig and without `--server`, a pod uses its service account. To an `http://` address no credentials are
/// sent, as in kubectl.
///
/// # Errors
/// If a file is unreadable, an entry does not exist, or options contradict one another.
pub fn resolve(options: &ConnectOptions, env: &Env<'_>) -> Result<Connection, ConnectError> {
    let options = &options.clone().normalized();
    options.validate()?;
    let loaded = files::load_kubeconfigs(options, env)?;
    let chosen = resolve::resolve_entries(&loaded, options)?;
    let from_pod =
        chosen.is_none() && options.kubeconfig.is_none() && in_cluster::is_in_cluster(env);
    let chosen = match chosen {
        Some(chosen) => chosen,
        None if from_pod => in_cluster::in_cluster_entries(options, env)?,
        None if loaded.files_read.is_empty() => {
            return Err(ConnectError::NoKubeconfig {
                tried: loaded.files_tried,
            });
        }
        None if loaded.kubeconfig.contexts.is_empty() => {
            return Err(ConnectError::NoContexts {
                files: loaded.files_read,
            });
        }
        None => {
            let names = loaded.kubeconfig.contexts.iter();
            return Err(ConnectError::NoContext {
                known: Suggestions::new(None, names.map(|entry| entry.name.as_str())),
                files: loaded.files_read,
            });
        }
    };
    connect::connect_to(chosen, options, env, &loaded.files_read)
}

/// The names of what a kubeconfig defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeconfigEntries {
    /// Contexts.
    pub contexts: Vec<String>,
    /// Clusters.
    pub clusters: Vec<String>,
    /// Users.
    pub users: Vec<String>,
}

/// The names of everything that the kubeconfig defines.
///
/// # Errors
/// If a file is unreadable.
pub fn entries(options: &ConnectOptions, env: &Env<'_>) -> Result<KubeconfigEntries, ConnectError> {
    let kubeconfig = files::load_kubeconfigs(&options.clone().normalized(), env)?.kubeconfig;
    Ok(KubeconfigEntries {
        contexts: kubeconfig
            .contexts
            .into_iter()
            .map(|entry| entry.name)
            .collect(),
        clusters: kubeconfig
            .clusters
            .into_iter()
            .map(|entry| entry.name)
            .collect(),
        users: kubeconfig
            .auth_infos
            .into_iter()
            .map(|entry| entry.name)
            .collect(),
    })
}

/// The names of the contexts of the kubeconfig: these ones, or all without a name. Each once, in order.
///
/// # Errors
/// If a file is unreadable, or has no such context.
pub fn context_names(
    names: Option<&[String]>,
    options: &ConnectOptions,
    env: &Env<'_>,
) -> Result<Vec<String>, ConnectError> {
    let loaded = files::load_kubeconfigs(&options.clone().normalized(), env)?;
    let contexts = || loaded.kubeconfig.contexts.iter();
    let all = || contexts().map(|entry| entry.name.as_str());
    if loaded.files_read.is_empty() {
        return Err(ConnectError::NoKubeconfig {
            tried: loaded.files_tried,
        });
    }
    if all().next().is_none() {
        return Err(ConnectError::NoContexts {
            files: loaded.files_read,
        });
    }
    let mut chosen: Vec<String> = Vec::new();
    for name in names.map_or_else(
        || all().collect(),
        |names| Vec::from_iter(names.iter().map(String::as_str)),
    ) {
        if !all().any(|known| known == name) {
            return Err(ConnectError::UnknownEntry {
                what: "context",
                name: name.to_owned(),
                by: "--contexts".to_owned(),
                known: Suggestions::new(Some(name), all()),
                files: loaded.files_read,
            });
        }
        if !chosen.iter().any(|one| one == name) {
            chosen.push(name.to_owned());
        }
    }
    Ok(chosen)
}
