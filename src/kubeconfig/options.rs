//! What the flags and the environment say about the connection.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::error::ConnectError;

/// What the flags ask for. An empty string counts as not given, as in kubectl.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The program name for the `User-Agent` header: `kubectl-upgrade-check`.
    pub program: String,
    /// The only kubeconfig to read.
    pub kubeconfig: Option<PathBuf>,
    /// The context to use instead of `current-context`.
    pub context: Option<String>,
    /// The cluster entry to use instead of the context's.
    pub cluster: Option<String>,
    /// The user entry to use instead of the context's.
    pub user: Option<String>,
    /// The only namespace to read.
    pub namespace: Option<String>,
    /// The address of the API server.
    pub server: Option<String>,
    /// The bearer token, instead of all other credentials but a client certificate.
    pub token: Option<SecretString>,
    /// The file of the certificate authority.
    pub certificate_authority: Option<PathBuf>,
    /// The file of the client certificate.
    pub client_certificate: Option<PathBuf>,
    /// The file of its key.
    pub client_key: Option<PathBuf>,
    /// Whether to accept any server certificate.
    pub insecure_skip_tls_verify: bool,
    /// The name that the server certificate must have.
    pub tls_server_name: Option<String>,
    /// The proxy; secret because it may hold a password.
    pub proxy_url: Option<SecretString>,
    /// Whether to request uncompressed responses.
    pub disable_compression: bool,
    /// The user to act as.
    pub impersonate: Option<String>,
    /// The groups to act as.
    pub impersonate_groups: Vec<String>,
    /// The uid to act as.
    pub impersonate_uid: Option<String>,
}

/// The environment of the process; tests provide their own.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Looks up an environment variable.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
    /// The directory in which a pod finds `token`, `ca.crt` and `namespace`.
    pub service_account_dir: &'a Path,
}

impl Env<'_> {
    /// The real environment.
    #[must_use]
    pub fn process() -> Env<'static> {
        fn var(name: &str) -> Option<OsString> {
            std::env::var_os(name)
        }
        Env {
            var: &var,
            service_account_dir: Path::new("/var/run/secrets/kubernetes.io/serviceaccount"),
        }
    }

    /// The value of a variable; `None` if it is empty.
    pub(super) fn value(&self, name: &str) -> Option<OsString> {
        (self.var)(name).filter(|value| !value.is_empty())
    }

    /// [`value`](Self::value) as trimmed text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name)
            .map(|value| value.to_string_lossy().trim().to_owned())
            .filter(|value| !value.is_empty())
    }
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The time without a byte; the request may continue as long as bytes arrive.
    Idle(Duration),
    /// The time in total, retries included.
    Total(Duration),
    /// No timeout.
    Never,
}

impl Timeout {
    /// The time, whatever it limits.
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::Idle(time) | Self::Total(time) => Some(time),
            Self::Never => None,
        }
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self::Idle(Duration::from_secs(30))
    }
}

impl ConnectOptions {
    /// The options without those that are empty strings.
    pub(super) fn without_empty(mut self) -> Self {
        for field in [
            &mut self.context,
            &mut self.cluster,
            &mut self.user,
            &mut self.namespace,
            &mut self.server,
            &mut self.tls_server_name,
            &mut self.impersonate,
            &mut self.impersonate_uid,
        ] {
            *field = field.take().filter(|text| !text.is_empty());
        }
        for field in [
            &mut self.kubeconfig,
            &mut self.certificate_authority,
            &mut self.client_certificate,
            &mut self.client_key,
        ] {
            *field = field.take().filter(|path| !path.as_os_str().is_empty());
        }
        for field in [&mut self.token, &mut self.proxy_url] {
            *field = field
                .take()
                .filter(|secret| !secret.expose_secret().is_empty());
        }
        self.impersonate_groups.retain(|group| !group.is_empty());
        self
    }

    /// Checks what the flags alone decide.
    ///
    /// # Errors
    /// If they contradict one another or hold an invalid namespace.
    pub(super) fn validate(&self) -> Result<(), ConnectError> {
        if self.certificate_authority.is_some() && self.insecure_skip_tls_verify {
            return Err(ConnectError::InvalidOptions(
                "--certificate-authority together with --insecure-skip-tls-verify is not allowed; leave one of them out"
                    .to_owned(),
            ));
        }
        if let Some(namespace) = &self.namespace {
            // It becomes part of a path.
            let fits = namespace
                .bytes()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
            if !fits {
                return Err(ConnectError::InvalidOptions(format!(
                    "{namespace:?} (-n) is no name of a namespace: letters, digits and dashes only"
                )));
            }
        }
        Ok(())
    }
}
