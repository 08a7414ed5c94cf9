//! A connection and its credentials.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::Config;
use kube::config::ExecConfig;
use secrecy::ExposeSecret;

use super::error::ConnectError;
use super::{credentials, exec};
use crate::x509;

/// A connection that is ready to be opened.
#[derive(Clone)]
pub struct Connection {
    /// kube's configuration, without retries and read timeout, with a `User-Agent`.
    pub config: Config,
    /// The context; `None` with `--server` alone and in a pod.
    pub context: Option<String>,
    /// The address of the API server, without credentials.
    pub server: String,
    /// The namespace of `-n`. The context's is only `config.default_namespace`: without `-n` all namespaces are read.
    pub namespace: Option<String>,
    pub(super) user_name: String,
    pub(super) exec: Option<ExecConfig>,
    /// How the plugin was run.
    pub(super) exec_settings: Option<ExecSettings>,
    /// The file that the token was read from.
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Clone, Copy)]
pub(super) struct ExecSettings {
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
    /// The command of the credential plugin, if there is one.
    #[must_use]
    pub fn exec_command(&self) -> Option<&str> {
        self.exec.as_ref()?.command.as_deref()
    }

    /// Runs the credential plugin, if there is one, and replaces it by its credentials in `config`.
    ///
    /// To be called before a client is built: kube would run the plugin synchronously, three times, while it builds the
    /// client. Here it runs once and is killed after `timeout` or when the future is dropped.
    /// With `is_interactive` it may prompt: standard input is a terminal that nothing else reads. It shares the standard
    /// error of this process, as in kubectl.
    ///
    /// Returns when the credentials expire, if the plugin says so. [`refresh_credentials`](Self::refresh_credentials)
    /// renews them.
    ///
    /// # Errors
    /// If the plugin is not installed, fails, times out, needs a terminal, or returns no credentials.
    pub async fn authenticate(
        &mut self,
        is_interactive: bool,
        timeout: Duration,
    ) -> Result<Option<Timestamp>, ConnectError> {
        let Some(exec) = &self.exec else {
            return Ok(None);
        };
        self.exec_settings = Some(ExecSettings {
            is_interactive,
            timeout,
        });
        let credentials = exec::run_plugin(exec, &self.user_name, is_interactive, timeout).await?;
        Ok(credentials.apply_to(&mut self.config.auth_info))
    }

    /// Runs the plugin again, or reads the token file again. Returns whether there are new credentials; then a new client
    /// must be built.
    ///
    /// # Errors
    /// If the plugin fails, or the file is unreadable.
    pub async fn refresh_credentials(&mut self) -> Result<bool, ConnectError> {
        if let Some(settings) = self.exec_settings {
            self.authenticate(settings.is_interactive, settings.timeout)
                .await?;
            return Ok(true);
        }
        let Some(path) = &self.token_file else {
            return Ok(false);
        };
        let fresh = credentials::read_token_file(path, &self.user_name)?;
        let old = &mut self.config.auth_info.token;
        let is_new = old.as_ref().map(ExposeSecret::expose_secret) != Some(fresh.expose_secret());
        *old = Some(fresh);
        Ok(is_new)
    }

    /// A sentence about the client certificate if it has expired.
    #[must_use]
    pub fn expired_client_certificate(&self, now: Timestamp) -> Option<String> {
        let entry = &self.config.auth_info;
        let pem = match (&entry.client_certificate_data, &entry.client_certificate) {
            (Some(data), _) => STANDARD.decode(data).ok()?,
            (None, Some(path)) => std::fs::read(path).ok()?,
            (None, None) => return None,
        };
        // The first certificate is the client's, the others are its chain.
        let dates = x509::not_after_dates(&pem);
        let end = dates.first().filter(|end| **end < now)?;
        Some(format!(
            "the client certificate of user {:?} expired at {end}, get a new one",
            self.user_name
        ))
    }
}
