//! kubectl's connection flags, and the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, ValueHint, value_parser};
use secrecy::{ExposeSecret, SecretString};

use super::error::ConnectError;
use super::flags::{Timeout, parse_request_timeout, parse_secret};

const HEADING: &str = "Connection (as in kubectl)";

/// Flags that may say `=false`, as kubectl's do.
const BOOL_FLAGS: [&str; 3] = [
    "all_namespaces",
    "insecure_skip_tls_verify",
    "disable_compression",
];

fn accept_bool(flag: Arg) -> Arg {
    if !BOOL_FLAGS.contains(&flag.get_id().as_str()) {
        return flag;
    }
    flag.action(ArgAction::Set)
        .value_parser(value_parser!(bool))
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
        .value_name("BOOL")
}

/// kubectl's flags for selecting a cluster and authenticating to it, flattened into every command. An empty string counts as
/// not given, as in kubectl.
#[derive(Args, Debug, Clone, Default)]
#[command(mut_args(accept_bool))]
pub struct ConnectOptions {
    /// The program name for the `User-Agent` header: `kubectl-upgrade-check`.
    #[arg(skip)]
    pub program: String,

    /// Path to the kubeconfig file to use [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub kubeconfig: Option<PathBuf>,

    /// The name of the kubeconfig context to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub context: Option<String>,

    /// The name of the kubeconfig cluster to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub cluster: Option<String>,

    /// The name of the kubeconfig user to use
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub user: Option<String>,

    /// Read this namespace only [default: all namespaces]
    #[arg(short = 'n', long, value_name = "NAME", help_heading = HEADING)]
    pub namespace: Option<String>,

    /// Read all namespaces, even if -n is given
    #[arg(short = 'A', long, help_heading = HEADING)]
    pub all_namespaces: bool,

    /// The address and port of the Kubernetes API server
    #[arg(short = 's', long, value_name = "URL", value_hint = ValueHint::Url, help_heading = HEADING)]
    pub server: Option<String>,

    /// Bearer token for authentication to the API server
    #[arg(long, value_name = "TOKEN", value_parser = parse_secret, help_heading = HEADING)]
    pub token: Option<SecretString>,

    /// Path to a cert file for the certificate authority
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub certificate_authority: Option<PathBuf>,

    /// Path to a client certificate file for TLS
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub client_certificate: Option<PathBuf>,

    /// Path to a client key file for TLS
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    pub client_key: Option<PathBuf>,

    /// Do not check the server's certificate for validity. This makes HTTPS connections insecure
    #[arg(long, help_heading = HEADING)]
    pub insecure_skip_tls_verify: bool,

    /// Server name to use for server certificate validation [default: the hostname used to contact the server]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    pub tls_server_name: Option<String>,

    /// Proxy to use (http, https or socks5) [default: that of the kubeconfig, or $HTTPS_PROXY]
    // Secret, because it may hold a password.
    #[arg(long, value_name = "URL", value_parser = parse_secret, value_hint = ValueHint::Url, help_heading = HEADING)]
    pub proxy_url: Option<SecretString>,

    /// Opt out of response compression for all requests to the server
    #[arg(long, help_heading = HEADING)]
    pub disable_compression: bool,

    /// Username to impersonate: a regular user or a service account
    #[arg(long = "as", value_name = "USER", help_heading = HEADING)]
    pub impersonate: Option<String>,

    /// Group to impersonate, repeatable; requires --as
    #[arg(long = "as-group", value_name = "GROUP", help_heading = HEADING)]
    pub impersonate_groups: Vec<String>,

    /// UID to impersonate; requires --as
    #[arg(long = "as-uid", value_name = "UID", help_heading = HEADING)]
    pub impersonate_uid: Option<String>,

    /// The length of time to wait before giving up on a single request, such as 1s, 2m or 1m30s; zero means no timeout [default: 30s without a byte]
    #[arg(long, value_name = "TIME", value_parser = parse_request_timeout, help_heading = HEADING)]
    pub request_timeout: Option<Timeout>,
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

impl ConnectOptions {
    /// Flags that choose a server or how to authenticate to it. They mean nothing where no server is read.
    pub(crate) const SERVER_FLAGS: [&str; 12] = [
        "context",
        "cluster",
        "user",
        "server",
        "token",
        "certificate_authority",
        "client_certificate",
        "client_key",
        "tls_server_name",
        "proxy_url",
        "impersonate",
        "impersonate_groups",
    ];

    /// `--request-timeout`, otherwise 30 s without a byte.
    #[must_use]
    pub fn timeout(&self) -> Timeout {
        self.request_timeout.unwrap_or_default()
    }

    /// The options without those that are empty strings, and without `-n` if `-A` is given.
    pub(super) fn normalized(mut self) -> Self {
        self.namespace.take_if(|_| self.all_namespaces);
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
            field.take_if(|text| text.is_empty());
        }
        for field in [
            &mut self.kubeconfig,
            &mut self.certificate_authority,
            &mut self.client_certificate,
            &mut self.client_key,
        ] {
            field.take_if(|path| path.as_os_str().is_empty());
        }
        for field in [&mut self.token, &mut self.proxy_url] {
            field.take_if(|secret| secret.expose_secret().is_empty());
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
                    "{namespace:?} (-n) is not a valid namespace: only letters, digits and dashes are allowed"
                )));
            }
        }
        Ok(())
    }
}
