//! A kubeconfig that a cluster holds in a Secret, as management clusters do for those that they look after.
//!
//! Whoever may write such a Secret must not run programs or read files on this machine: only certificates, keys and tokens
//! that are in the kubeconfig itself are used. An error names a field at most, never a value.

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::{ExposeSecret, SecretString};

use super::connect;
use super::connection::Connection;
use super::error::ConnectError;
use super::files::MergedKubeconfig;
use super::options::{ConnectOptions, Env};
use super::resolve;

/// Stands for the names of entries in errors.
const ENTRY: &str = "of the kubeconfig";

/// Why a kubeconfig of a Secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretKubeconfigError(String);

/// The connection of the current context of a kubeconfig. Of the options, only the namespace, the program and what concerns
/// every connection count: the others select and authenticate to the cluster that holds the Secret.
///
/// # Errors
/// If it is no kubeconfig, or needs more than what is in it.
pub fn resolve_secret(
    kubeconfig: &SecretString,
    options: &ConnectOptions,
    env: &Env<'_>,
) -> Result<Connection, SecretKubeconfigError> {
    let refused = |why: &str| SecretKubeconfigError(why.to_owned());
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig.expose_secret())
        .map_err(|_| refused("it holds no kubeconfig"))?;
    let options = ConnectOptions {
        program: options.program.clone(),
        namespace: options.namespace.clone(),
        all_namespaces: options.all_namespaces,
        disable_compression: options.disable_compression,
        request_timeout: options.request_timeout,
        ..ConnectOptions::default()
    }
    .normalized();
    let loaded = MergedKubeconfig {
        kubeconfig,
        ..MergedKubeconfig::default()
    };
    let chosen = resolve::resolve_entries(&loaded, &options).ok().flatten();
    let mut chosen = chosen.ok_or_else(|| {
        refused(
            "its current-context is not set, or names a context or cluster that it does not have",
        )
    })?;
    let outside = outside_fields(&chosen.cluster, &chosen.user);
    if !outside.is_empty() {
        return Err(SecretKubeconfigError(format!(
            "it has {}: programs and files of this machine are not used for a kubeconfig that comes from a cluster; run the command with a kubeconfig of your own for it",
            outside.join(", ")
        )));
    }
    chosen.context = None;
    ENTRY.clone_into(&mut chosen.cluster_name);
    ENTRY.clone_into(&mut chosen.user_name);
    connect::connect_to(chosen, &options, env, &[])
        .map_err(|error| SecretKubeconfigError(without_values(error)))
}

/// The fields that name a program or a file.
fn outside_fields(cluster: &Cluster, user: &AuthInfo) -> Vec<&'static str> {
    let is_set = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.is_empty());
    let fields = [
        ("exec", user.exec.is_some()),
        ("auth-provider", user.auth_provider.is_some()),
        ("tokenFile", is_set(&user.token_file)),
        ("client-certificate", is_set(&user.client_certificate)),
        ("client-key", is_set(&user.client_key)),
        (
            "certificate-authority",
            is_set(&cluster.certificate_authority),
        ),
    ];
    let set = fields.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(field, _)| field).collect()
}

/// The error without anything that the Secret holds.
fn without_values(error: ConnectError) -> String {
    match error {
        ConnectError::InvalidAddress { why, .. } => {
            format!("its server or proxy address cannot be used: {why}")
        }
        ConnectError::InvalidCredential {
            what, from, why, ..
        } => format!("cannot load {what} from {from}: {why}"),
        ConnectError::NoServer { .. } => "it has no server address".to_owned(),
        ConnectError::InvalidOptions(why) => why,
        _ => "it cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ConnectOptions, Env, SecretString, resolve_secret};

    fn kubeconfig(cluster: &str, user: &str) -> SecretString {
        SecretString::from(format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
             contexts: [{{name: it, context: {{cluster: east, user: admin}}}}]\n\
             clusters: [{{name: east, cluster: {{server: 'https://east.example:6443', {cluster}}}}}]\n\
             users: [{{name: admin, user: {{{user}}}}}]\n"
        ))
    }

    fn resolve(text: &SecretString) -> Result<String, String> {
        let env = Env {
            var: &|_| None,
            service_account_dir: Path::new("/nonexistent"),
        };
        let connection = resolve_secret(text, &ConnectOptions::default(), &env);
        connection
            .map(|connection| connection.server)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_and_inline_data_are_enough() {
        let server = resolve(&kubeconfig(
            "insecure-skip-tls-verify: true",
            "token: s3cret",
        ));
        assert_eq!(server.as_deref(), Ok("https://east.example:6443"));
    }

    #[test]
    fn programs_and_files_are_refused() {
        let files = tempfile::tempdir().expect("a directory");
        let marker = files.path().join("ran");
        let exec = format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ['{}'], interactiveMode: Never}}",
            marker.display()
        );
        for (cluster, user, field) in [
            ("", exec.as_str(), "exec"),
            ("", "auth-provider: {name: oidc}", "auth-provider"),
            ("", "tokenFile: /etc/hostname", "tokenFile"),
            ("", "token: t, tokenFile: relative", "tokenFile"),
            (
                "",
                "client-certificate: /etc/hostname, client-key: /etc/hostname",
                "client-certificate, client-key",
            ),
            (
                "certificate-authority: /etc/hostname",
                "token: t",
                "certificate-authority",
            ),
        ] {
            let error = resolve(&kubeconfig(cluster, user)).expect_err(field);
            assert!(error.contains(&format!("it has {field}:")), "{error}");
        }
        assert!(!marker.exists());
    }

    #[test]
    fn errors_hold_nothing_of_the_secret() {
        for text in [
            "s3cret: [".to_owned(),
            "s3cret".to_owned(),
            "current-context: s3cret".to_owned(),
            "current-context: s3cret\ncontexts: [{name: s3cret, context: {cluster: s3cret}}]"
                .to_owned(),
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: s3cret}}]\n\
             clusters: [{name: c, cluster: {server: 'https://s3cret:s3cret@host'}}]"
                .to_owned(),
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: s3cret}}]\n\
             clusters: [{name: c, cluster: {server: 'https://host'}}]\n\
             users: [{name: s3cret, user: {client-certificate-data: 's3cret!', client-key-data: 's3cret!'}}]"
                .to_owned(),
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: s3cret}}]\n\
             clusters: [{name: c, cluster: {server: 'https://host'}}]\n\
             users: [{name: s3cret, user: {token: 's3cret s3cret'}}]"
                .to_owned(),
        ] {
            let error = resolve(&SecretString::from(text)).expect_err("no connection");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
