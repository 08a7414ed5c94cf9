//! From kubeconfig, flags and environment to a [`kube::Config`] that behaves as kubectl does.
//!
//! The files are read by kube; the choosing is done here, because kube 5.0 differs from kubectl where it hurts: a missing
//! file in `KUBECONFIG` is an error, an unknown user is none, `NO_PROXY` is compared with the proxy itself, a request is
//! retried for minutes, and credential plugins run three times while the client is built. What each of them does is in the
//! module that prevents it.

mod credentials;
mod error;
mod exec;
mod files;
mod in_cluster;
mod refresh;
mod resolve;
mod server_url;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use jiff::Timestamp;
use kube::Config;
use kube::config::ExecConfig;
use secrecy::SecretString;

pub use error::ConnectError;
pub(crate) use error::HumanDuration;
pub use resolve::Suggestions;

/// What the flags ask for. An empty text counts as not given, as in kubectl.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The program that asks, for the `User-Agent` header: `kubectl-upgrade-check`.
    pub program: String,
    /// The only kubeconfig to read.
    pub kubeconfig: Option<PathBuf>,
    /// The context to use in place of `current-context`.
    pub context: Option<String>,
    /// The cluster entry to use in place of the context's.
    pub cluster: Option<String>,
    /// The user entry to use in place of the context's.
    pub user: Option<String>,
    /// The only namespace to look at.
    pub namespace: Option<String>,
    /// The address of the API server.
    pub server: Option<String>,
    /// The bearer token, in place of every other way to log in except a client certificate.
    pub token: Option<SecretString>,
    /// The file of the certificate authority.
    pub certificate_authority: Option<PathBuf>,
    /// The file of the client certificate.
    pub client_certificate: Option<PathBuf>,
    /// The file of its key.
    pub client_key: Option<PathBuf>,
    /// Whether any certificate of the server will do.
    pub insecure_skip_tls_verify: bool,
    /// The name that the certificate of the server must have.
    pub tls_server_name: Option<String>,
    /// The proxy; secret because it may hold a password.
    pub proxy_url: Option<SecretString>,
    /// Whether answers must not be compressed.
    pub disable_compression: bool,
    /// The user to act as.
    pub impersonate: Option<String>,
    /// The groups to act as.
    pub impersonate_groups: Vec<String>,
    /// The uid to act as.
    pub impersonate_uid: Option<String>,
}

/// What is asked of the process around us; tests give their own.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Looks up an environment variable.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
    /// Where a pod finds `token`, `ca.crt` and `namespace`.
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

    /// The value of a variable, `None` where it is empty.
    fn value(&self, name: &str) -> Option<OsString> {
        (self.var)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
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

/// A connection that is ready to be opened, and what a report says about it.
#[derive(Clone)]
pub struct Connection {
    /// What kube needs. Retries are off; the `User-Agent` is set; no time-out for reading is set.
    pub config: Config,
    /// The context that was chosen; none with `--server` alone and in a pod.
    pub context: Option<String>,
    /// The address of the API server, without credentials.
    pub server: String,
    /// The namespace of `-n`. That of the context is only `config.default_namespace`: without `-n` everything is read.
    pub namespace: Option<String>,
    user_name: String,
    exec: Option<ExecConfig>,
    /// What the plugin was told when it ran.
    exec_settings: Option<ExecSettings>,
    /// The file that the token was read from.
    token_file: Option<PathBuf>,
}

#[derive(Clone, Copy)]
struct ExecSettings {
    is_interactive: bool,
    timeout: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The config holds credentials and a proxy's password.
        f.debug_struct("Connection")
            .field("context", &self.context)
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// The credential plugin that logs in for this connection, if any.
    #[must_use]
    pub fn exec_command(&self) -> Option<&str> {
        self.exec.as_ref()?.command.as_deref()
    }

    /// Runs the credential plugin, if there is one, and puts what it gives in the place of the plugin in `config`.
    ///
    /// To be called before a client is built: kube would run the plugin synchronously, three times, while it builds the
    /// client. Here it runs once, on a thread of its own, and is stopped when `patience` is over or the future is dropped.
    /// `terminal` says whether it may ask a person: standard input is a terminal and nobody else reads it. Its standard
    /// error is ours, as in kubectl.
    ///
    /// Returns when the credentials end, if the plugin says so. They are not renewed by themselves: see
    /// [`renew`](Self::renew).
    ///
    /// # Errors
    /// When the plugin is not there, fails, takes too long, needs a terminal that is not there, or gives no credentials.
    pub async fn authenticate(
        &mut self,
        terminal: bool,
        patience: Duration,
    ) -> Result<Option<Timestamp>, ConnectError> {
        let Some(exec) = &self.exec else {
            return Ok(None);
        };
        self.exec_settings = Some(ExecSettings {
            is_interactive: terminal,
            timeout: patience,
        });
        let credentials = exec::run_plugin(exec, &self.user_name, terminal, patience).await?;
        Ok(credentials.apply_to(&mut self.config.auth_info))
    }
}

/// Prepares the connection that the flags, the kubeconfig and the environment describe. Reads files, runs nothing and
/// opens no connection.
///
/// Without a kubeconfig and without `--server` the service account of a pod is used, where there is one. Where the address
/// begins with `http://`, no credentials are sent, as in kubectl.
///
/// # Errors
/// When a file cannot be read, a name is not known, or what is asked for contradicts itself.
pub fn resolve(wanted: &ConnectOptions, env: &Env<'_>) -> Result<Connection, ConnectError> {
    let wanted = &without_empty(wanted.clone());
    validate_options(wanted)?;
    let loaded = files::load_kubeconfigs(wanted, env)?;
    let chosen = resolve::resolve_entries(&loaded, wanted)?;
    let from_pod =
        chosen.is_none() && wanted.kubeconfig.is_none() && in_cluster::is_in_cluster(env);
    let mut chosen = match chosen {
        Some(chosen) => chosen,
        None if from_pod => in_cluster::in_cluster_entries(wanted, env)?,
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
    credentials::apply_cluster_flags(&mut chosen.cluster, wanted)?;
    let Some(address) = &chosen.cluster.server else {
        return Err(ConnectError::NoServer {
            cluster: chosen.cluster_name,
            files: loaded.files_read,
        });
    };
    let by = if wanted.server.is_some() {
        "--server".to_owned()
    } else {
        format!("the server address of cluster {:?}", chosen.cluster_name)
    };
    let mut config = Config::new(server_url::parse_server_url(address, &by)?);
    apply_cluster(&mut config, &chosen, wanted, env)?;
    apply_user(config, chosen, wanted)
}

/// Everything that the cluster entry decides.
fn apply_cluster(
    config: &mut Config,
    chosen: &resolve::ResolvedEntries,
    wanted: &ConnectOptions,
    env: &Env<'_>,
) -> Result<(), ConnectError> {
    let cluster = &chosen.cluster;
    config.default_retry = false;
    config.read_timeout = None;
    config.default_namespace = wanted
        .namespace
        .clone()
        .or_else(|| chosen.namespace.clone())
        .unwrap_or_else(|| "default".to_owned());
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    let is_tls = config.cluster_url.scheme_str() == Some("https");
    config.root_cert = if config.accept_invalid_certs || !is_tls {
        // No authority is asked; an empty list keeps kube from looking for the operating system's, which may have none.
        Some(Vec::new())
    } else {
        credentials::load_certificate_authority(
            cluster,
            &format!("cluster {:?}", chosen.cluster_name),
        )?
    };
    config.proxy_url = server_url::resolve_proxy(
        &config.cluster_url,
        wanted.proxy_url.as_ref(),
        cluster.proxy_url.as_deref(),
        env,
    )?;
    let agent = format!("{}/{}", wanted.program, env!("CARGO_PKG_VERSION"));
    let agent = HeaderValue::from_str(&agent).map_err(|_| {
        ConnectError::InvalidOptions("the name of the program fits no HTTP header".to_owned())
    })?;
    config.headers.push((USER_AGENT, agent));
    Ok(())
}

/// Everything that the user entry decides.
fn apply_user(
    mut config: Config,
    chosen: resolve::ResolvedEntries,
    wanted: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    let name = chosen.user_name;
    config.auth_info = if config.cluster_url.scheme_str() == Some("https") {
        credentials::apply_user_flags(chosen.user, wanted, &name)?
    } else {
        credentials::without_credentials(chosen.user, wanted, &name)?
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
        namespace: wanted.namespace.clone(),
        user_name: name,
        exec: config.auth_info.exec.clone(),
        exec_settings: None,
        // The token itself is in its place; kube would read the file again, but not when the server refuses the token.
        token_file: config.auth_info.token_file.take().map(PathBuf::from),
        config,
    })
}

fn without_empty(mut wanted: ConnectOptions) -> ConnectOptions {
    for field in [
        &mut wanted.context,
        &mut wanted.cluster,
        &mut wanted.user,
        &mut wanted.namespace,
        &mut wanted.server,
        &mut wanted.tls_server_name,
        &mut wanted.impersonate,
        &mut wanted.impersonate_uid,
    ] {
        *field = field.take().filter(|text| !text.is_empty());
    }
    for field in [
        &mut wanted.kubeconfig,
        &mut wanted.certificate_authority,
        &mut wanted.client_certificate,
        &mut wanted.client_key,
    ] {
        *field = field.take().filter(|path| !path.as_os_str().is_empty());
    }
    for field in [&mut wanted.token, &mut wanted.proxy_url] {
        *field = field
            .take()
            .filter(|secret| !secrecy::ExposeSecret::expose_secret(secret).is_empty());
    }
    wanted.impersonate_groups.retain(|group| !group.is_empty());
    wanted
}

/// What can be seen from the flags alone.
fn validate_options(wanted: &ConnectOptions) -> Result<(), ConnectError> {
    if wanted.certificate_authority.is_some() && wanted.insecure_skip_tls_verify {
        return Err(ConnectError::InvalidOptions(
            "--certificate-authority together with --insecure-skip-tls-verify is not allowed; leave one of them out"
                .to_owned(),
        ));
    }
    if let Some(namespace) = &wanted.namespace {
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
