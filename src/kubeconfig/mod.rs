//! From kubeconfig, flags and environment to a [`kube::Config`] that behaves as in kubectl.
//!
//! kube reads the files; context, cluster and user are resolved here, since kube 5.0 differs from kubectl: a missing file
//! in `KUBECONFIG` is an error, an unknown user is none, `NO_PROXY` is compared with the proxy itself, a request is retried
//! for minutes, and credential plugins run three times while the client is built. Each module describes what it prevents.

mod connection;
mod credentials;
mod error;
mod exec;
mod files;
mod flags;
mod in_cluster;
mod options;
mod resolve;
mod server_url;
mod suggestions;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use http::header::{HeaderValue, USER_AGENT};
use kube::Config;

pub use connection::Connection;
pub use error::ConnectError;
pub(crate) use error::{format_timeout, strip_os_code};
pub use flags::{Timeout, parse_duration};
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
    let mut chosen = match chosen {
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
    credentials::apply_cluster_flags(&mut chosen.cluster, options)?;
    let Some(address) = &chosen.cluster.server else {
        return Err(ConnectError::NoServer {
            cluster: chosen.cluster_name,
            files: loaded.files_read,
        });
    };
    let by = if options.server.is_some() {
        "--server".to_owned()
    } else {
        format!("the server address of cluster {:?}", chosen.cluster_name)
    };
    let mut config = Config::new(server_url::parse_server_url(address, &by)?);
    apply_cluster(&mut config, &chosen, options, env)?;
    apply_user(config, chosen, options)
}

/// Applies the cluster entry.
fn apply_cluster(
    config: &mut Config,
    chosen: &resolve::ResolvedEntries,
    options: &ConnectOptions,
    env: &Env<'_>,
) -> Result<(), ConnectError> {
    let cluster = &chosen.cluster;
    config.default_retry = false;
    config.read_timeout = None;
    config.default_namespace = options
        .namespace
        .clone()
        .or_else(|| chosen.namespace.clone())
        .unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    let is_tls = config.cluster_url.scheme_str() == Some("https");
    config.root_cert = if config.accept_invalid_certs || !is_tls {
        // No authority is needed. An empty list keeps kube from loading those of the operating system, which may fail.
        Some(Vec::new())
    } else {
        credentials::load_certificate_authority(
            cluster,
            &format!("cluster {:?}", chosen.cluster_name),
        )?
    };
    config.proxy_url = server_url::resolve_proxy(
        &config.cluster_url,
        options.proxy_url.as_ref(),
        cluster.proxy_url.as_deref(),
        env,
    )?;
    let agent = format!("{}/{}", options.program, env!("CARGO_PKG_VERSION"));
    let agent = HeaderValue::from_str(&agent).map_err(|_| {
        ConnectError::InvalidOptions("the name of the program fits no HTTP header".to_owned())
    })?;
    config.headers.push((USER_AGENT, agent));
    Ok(())
}

/// Applies the user entry.
fn apply_user(
    mut config: Config,
    chosen: resolve::ResolvedEntries,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    let name = chosen.user_name;
    config.auth_info = if config.cluster_url.scheme_str() == Some("https") {
        credentials::apply_user_flags(chosen.user, options, &name)?
    } else {
        credentials::without_credentials(chosen.user, options, &name)?
    };
    if let Some(exec) = &mut config.auth_info.exec
        && exec.provide_cluster_info
    {
        let mut cluster = chosen.cluster;
        cluster.server = Some(config.cluster_url.to_string());
        exec.cluster = (&cluster).try_into().ok();
    }
    Ok(Connection {
        context: chosen.context,
        server: config
            .cluster_url
            .to_string()
            .trim_end_matches('/')
            .to_owned(),
        namespace: options.namespace.clone(),
        user_name: name,
        exec: config.auth_info.exec.clone(),
        exec_settings: None,
        // The token itself is set. kube would re-read the file, but not after the server refused the token.
        token_file: config.auth_info.token_file.take().map(PathBuf::from),
        config,
    })
}
