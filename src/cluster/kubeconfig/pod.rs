//! The connection of a program that runs in a pod and has no kubeconfig.

use std::path::PathBuf;

use kube::config::{AuthInfo, Cluster};

use super::choose::Choice;
use super::error::{ConnectError, why};
use super::{Env, Wanted};

/// Whether this is a pod with a service account, by kubectl's signs.
pub(super) fn is_pod(env: &Env<'_>) -> bool {
    env.text("KUBERNETES_SERVICE_HOST").is_some()
        && env.text("KUBERNETES_SERVICE_PORT").is_some()
        && file(env, "token").is_file()
}

/// The entries that a kubeconfig of this pod would hold; the flags are applied to them as to any other.
pub(super) fn entries(wanted: &Wanted, env: &Env<'_>) -> Result<Choice, ConnectError> {
    let host = env.text("KUBERNETES_SERVICE_HOST").unwrap_or_default();
    let port = env.text("KUBERNETES_SERVICE_PORT").unwrap_or_default();
    let host = match host.parse() {
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        _ => host,
    };
    let bundle = file(env, "ca.crt");
    if wanted.certificate_authority.is_none() && !wanted.insecure_skip_tls_verify {
        std::fs::File::open(&bundle).map_err(|error| ConnectError::Pod {
            why: format!("cannot read {}: {}", bundle.display(), why(&error)),
        })?;
    }
    let namespace = env.text("POD_NAMESPACE").or_else(|| {
        let text = std::fs::read_to_string(file(env, "namespace")).ok()?;
        Some(text.trim().to_owned()).filter(|name| !name.is_empty())
    });
    Ok(Choice {
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
            token_file: Some(file(env, "token").display().to_string()),
            ..AuthInfo::default()
        },
    })
}

fn file(env: &Env<'_>, name: &str) -> PathBuf {
    env.service_account.join(name)
}
