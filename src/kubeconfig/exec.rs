//! Credential plugins: programs such as `aws`, `kubelogin` or `gke-gcloud-auth-plugin` that print credentials.
//!
//! kube runs them too, but synchronously, three times for each client, without a timeout, and with standard input even if it
//! is no terminal. Here they run once and can be stopped.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::process::{self, ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::error::ConnectError;
use crate::text::os_error_text;

/// Maximum size of the output; credentials are a few kilobytes.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;
/// How long to wait for the output of a plugin that has exited.
const OUTPUT_GRACE_PERIOD: Duration = Duration::from_secs(1);

/// The credentials of a plugin.
pub(super) struct ExecCredentials {
    token: Option<SecretString>,
    client_certificate: Option<(String, SecretString)>,
    expires_at: Option<Timestamp>,
}

impl ExecCredentials {
    /// Replaces the plugin by its credentials. Returns when they expire.
    pub(super) fn apply_to(self, entry: &mut AuthInfo) -> Option<Timestamp> {
        entry.exec = None;
        entry.token = self.token;
        if let Some((certificate, key)) = self.client_certificate {
            entry.client_certificate_data = Some(STANDARD.encode(certificate));
            let key = secrecy::ExposeSecret::expose_secret(&key);
            entry.client_key_data = Some(SecretString::from(STANDARD.encode(key)));
        }
        self.expires_at
    }
}

/// Runs a plugin. See [`Connection::authenticate`](super::Connection::authenticate).
pub(super) async fn run_plugin(
    exec: &ExecConfig,
    user: &str,
    has_terminal: bool,
    timeout: Duration,
) -> Result<ExecCredentials, ConnectError> {
    let plugin = PluginId {
        command: exec.command.clone().unwrap_or_default(),
        user: user.to_owned(),
    };
    if plugin.command.is_empty() {
        return Err(plugin.error("the kubeconfig has no command for it"));
    }
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !has_terminal => {
            return Err(plugin.error(
                "it requires input (interactiveMode: Always), but standard input is not a terminal or is being read",
            ));
        }
        _ => has_terminal,
    };
    let command = build_command(exec, interactive, &plugin)?;
    let output = run_until_exit(command, &plugin, exec.install_hint.as_deref(), timeout).await?;
    parse_credentials(&output, exec.api_version.as_deref(), &plugin)
}

/// The plugin, for error messages.
struct PluginId {
    command: String,
    user: String,
}

impl PluginId {
    fn error(&self, why: impl Into<String>) -> ConnectError {
        ConnectError::ExecPluginFailed {
            command: self.command.clone(),
            user: self.user.clone(),
            why: why.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialRequest<'a> {
    api_version: Option<&'a str>,
    kind: &'static str,
    spec: ExecCredentialSpec<'a>,
}

#[derive(Serialize)]
struct ExecCredentialSpec<'a> {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a ExecAuthCluster>,
}

fn build_command(
    exec: &ExecConfig,
    interactive: bool,
    plugin: &PluginId,
) -> Result<process::Command, ConnectError> {
    let mut command = process::Command::new(&plugin.command);
    command.args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        if let (Some(key), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(key, value);
        }
    }
    let request = ExecCredentialRequest {
        api_version: exec.api_version.as_deref(),
        kind: "ExecCredential",
        spec: ExecCredentialSpec {
            interactive,
            cluster: exec.cluster.as_ref(),
        },
    };
    let request =
        serde_json::to_string(&request).map_err(|error| plugin.error(error.to_string()))?;
    command.env("KUBERNETES_EXEC_INFO", request);
    command.stdin(if interactive {
        Stdio::inherit()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    Ok(command)
}

/// Runs a plugin until it exits, and returns what it printed. The plugin, but not its children, is killed when this ends
/// otherwise.
async fn run_until_exit(
    command: process::Command,
    plugin: &PluginId,
    hint: Option<&str>,
    timeout: Duration,
) -> Result<Vec<u8>, ConnectError> {
    let mut child = match Command::from(command).kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(ConnectError::ExecPluginNotFound {
                command: plugin.command.clone(),
                user: plugin.user.clone(),
                hint: hint.map_or_else(String::new, sanitize_install_hint),
            });
        }
        Err(error) => {
            return Err(plugin.error(format!("it cannot be started: {}", os_error_text(&error))));
        }
    };
    let run = tokio::time::timeout(timeout, wait_with_output(&mut child)).await;
    let (status, output) = run
        .map_err(|_| ConnectError::ExecPluginTimedOut {
            command: plugin.command.clone(),
            user: plugin.user.clone(),
            after: timeout,
        })?
        .map_err(|error| plugin.error(os_error_text(&error)))?;
    match status {
        // It may have exited because its output was no longer read.
        _ if output.len() as u64 > MAX_OUTPUT_BYTES => {
            Err(plugin.error("it prints more than 1 MiB"))
        }
        Some(status) if !status.success() => Err(plugin.error(match status.code() {
            Some(code) => format!("it exited with code {code}; its messages are above"),
            None => "a signal ended it".to_owned(),
        })),
        _ => Ok(output),
    }
}

/// The exit status and the output of a plugin; no status if it prints too much.
async fn wait_with_output(child: &mut Child) -> io::Result<(Option<ExitStatus>, Vec<u8>)> {
    let pipe = child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
    let mut pipe = pipe.take(MAX_OUTPUT_BYTES + 1);
    let mut output = Vec::new();
    let status = {
        let mut read = pin!(pipe.read_to_end(&mut output));
        tokio::select! {
            _ = &mut read => None,
            status = child.wait() => {
                // A child of the plugin may keep the pipe open.
                let _ = tokio::time::timeout(OUTPUT_GRACE_PERIOD, read).await;
                Some(status?)
            }
        }
    };
    if status.is_none() && output.len() as u64 <= MAX_OUTPUT_BYTES {
        return Ok((Some(child.wait().await?), output));
    }
    Ok((status, output))
}

/// Makes the install hint of a kubeconfig, which may come from anywhere, safe to print.
fn sanitize_install_hint(hint: &str) -> String {
    let clean: String = hint
        .trim()
        .chars()
        .filter(|letter| !letter.is_control() || *letter == '\n')
        .take(1000)
        .collect();
    if clean.is_empty() {
        clean
    } else {
        format!("\n{clean}")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialResponse {
    #[serde(default)]
    api_version: String,
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ExecCredentialStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Parses the output of a plugin. No error quotes it.
fn parse_credentials(
    output: &[u8],
    expected: Option<&str>,
    plugin: &PluginId,
) -> Result<ExecCredentials, ConnectError> {
    let text =
        std::str::from_utf8(output).map_err(|_| plugin.error("its output is not UTF-8 text"))?;
    let response: ExecCredentialResponse = serde_json::from_str(text)
        .ok()
        .or_else(|| serde_saphyr::from_str(text).ok())
        .ok_or_else(|| plugin.error("its output is not an ExecCredential in JSON"))?;
    if let Some(expected) = expected
        && !response.api_version.is_empty()
        && response.api_version != expected
    {
        return Err(plugin.error(format!(
            "the kubeconfig requests {expected}, but it returned {:?}",
            response.api_version
        )));
    }
    let status = response
        .status
        .ok_or_else(|| plugin.error("its output has no status"))?;
    let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = non_empty(status.token);
    let certificate = match (
        non_empty(status.client_certificate_data),
        non_empty(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, SecretString::from(key))),
        (None, None) => None,
        _ => return Err(plugin.error("it returned only one of certificate and key")),
    };
    if token.is_none() && certificate.is_none() {
        return Err(plugin.error("it returned neither a token nor a certificate"));
    }
    if token
        .iter()
        .flat_map(|token| token.chars())
        .any(|letter| !letter.is_ascii_graphic())
    {
        return Err(plugin.error("its token cannot be sent in an HTTP header"));
    }
    let until = non_empty(status.expiration_timestamp)
        .map(|time| time.parse())
        .transpose()
        .map_err(|_| plugin.error("its expirationTimestamp is not a time"))?;
    Ok(ExecCredentials {
        token: token.map(SecretString::from),
        client_certificate: certificate,
        expires_at: until,
    })
}
