//! The connection of a pod without a kubeconfig.

use std::path::PathBuf;

use kube::config::{AuthInfo, Cluster};

use super::error::ConnectError;
use super::options::{ConnectOptions, Env};
use super::resolve::ResolvedEntries;
use crate::text::os_error_text;

/// Whether this is a pod with a service account, by the same signs as in kubectl.
pub(super) fn is_in_cluster(env: &Env<'_>) -> bool {
    env.text("KUBERNETES_SERVICE_HOST").is_some()
        && env.text("KUBERNETES_SERVICE_PORT").is_some()
        && service_account_file(env, "token").is_file()
}

/// The entries of an equivalent kubeconfig, before flags are applied.
pub(super) fn in_cluster_entries(
    options: &ConnectOptions,
    env: &Env<'_>,
) -> Result<ResolvedEntries, ConnectError> {
    let host = env.text("KUBERNETES_SERVICE_HOST").unwrap_or_default();
    let port = env.text("KUBERNETES_SERVICE_PORT").unwrap_or_default();
    let host = match host.parse() {
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        _ => host,
    };
    let bundle = service_account_file(env, "ca.crt");
    if options.certificate_authority.is_none() && !options.insecure_skip_tls_verify {
        std::fs::File::open(&bundle).map_err(|error| ConnectError::InClusterConfig {
            why: format!(
                "cannot read {}: {}",
                bundle.display(),
                os_error_text(&error)
            ),
        })?;
    }
    let namespace = env.text("POD_NAMESPACE").or_else(|| {
        let text = std::fs::read_to_string(service_account_file(env, "namespace")).ok()?;
        Some(text.trim().to_owned()).filter(|name| !name.is_empty())
    });
    Ok(ResolvedEntries {
        context: None,
        namespace,
        cluster_name: "this pod's".to_owned(),
        cluster: Cluster {
            server: Some(format!("https://{host}:{port}")),
            certificate_authority: Some(bundle.display().to_string()),
            ..Cluster::default()
        },
        user_name: "this pod's service account".to_owned(),
        user: AuthInfo {
            token_file: Some(service_account_file(env, "token").display().to_string()),
            ..AuthInfo::default()
        },
    })
}

fn service_account_file(env: &Env<'_>, name: &str) -> PathBuf {
    env.service_account_dir.join(name)
}
