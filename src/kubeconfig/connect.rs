//! From entries of a kubeconfig, with the flags, to a connection.

use std::path::PathBuf;

use http::header::{HeaderValue, USER_AGENT};
use kube::Config;

use super::connection::Connection;
use super::error::ConnectError;
use super::options::{ConnectOptions, Env};
use super::{credentials, resolve, server_url};

/// The connection that these entries make with the flags.
pub(super) fn connect_to(
    mut chosen: resolve::ResolvedEntries,
    options: &ConnectOptions,
    env: &Env<'_>,
    files: &[PathBuf],
) -> Result<Connection, ConnectError> {
    credentials::apply_cluster_flags(&mut chosen.cluster, options)?;
    let Some(address) = &chosen.cluster.server else {
        return Err(ConnectError::NoServer {
            cluster: chosen.cluster_name,
            files: files.to_vec(),
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
