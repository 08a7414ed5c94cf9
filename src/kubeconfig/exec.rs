//! Credential plugins: programs such as `aws`, `kubelogin` or `gke-gcloud-auth-plugin` that print credentials.
//!
//! kube runs them too, but synchronously, three times for each client, without a timeout, and with standard input even if it
//! is no terminal. Here they run once and can be stopped.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::error::{ConnectError, os_error_text};

/// Maximum size of the output; credentials are a few kilobytes.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;
/// How often a running plugin is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
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
        return Err(plugin.error("the kubeconfig gives no command"));
    }
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !has_terminal => {
            return Err(plugin.error(
                "it must ask a person (interactiveMode: Always), but standard input is not a terminal or is being read",
            ));
        }
        _ => has_terminal,
    };
    let command = build_command(exec, interactive, &plugin)?;
    let output = run_on_thread(command, &plugin, exec.install_hint.as_deref(), timeout).await?;
    parse_credentials(&output, exec.api_version.as_deref(), &plugin)
}

/// The plugin, for error messages.
#[derive(Clone)]
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
) -> Result<Command, ConnectError> {
    let mut command = Command::new(&plugin.command);
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

/// Stops the plugin when the future is dropped, and waits for that, since the process may exit right after.
struct StopOnDrop {
    stop_flag: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.stop_flag.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run_on_thread(
    command: Command,
    plugin: &PluginId,
    hint: Option<&str>,
    timeout: Duration,
) -> Result<Vec<u8>, ConnectError> {
    let stop_flag = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (flag, named) = (Arc::clone(&stop_flag), plugin.clone());
    // Not a blocking thread of the runtime: that would wait for it on shutdown.
    let thread = std::thread::Builder::new().name("credentials".to_owned());
    let thread = thread
        .spawn(move || {
            let _ = sender.send(run_until_exit(command, &flag, timeout));
        })
        .map_err(|error| plugin.error(os_error_text(&error)))?;
    let _stop = StopOnDrop {
        stop_flag,
        thread: Some(thread),
    };
    let outcome = receiver
        .await
        .unwrap_or_else(|_| PluginOutcome::Failed("it was given up".to_owned()));
    match outcome {
        PluginOutcome::Stdout(output) => Ok(output),
        PluginOutcome::Failed(why) => Err(named.error(why)),
        PluginOutcome::TimedOut => Err(ConnectError::ExecPluginTimedOut {
            command: named.command,
            user: named.user,
            after: timeout,
        }),
        PluginOutcome::NotFound => Err(ConnectError::ExecPluginNotFound {
            command: named.command,
            user: named.user,
            hint: hint.map_or_else(String::new, sanitize_install_hint),
        }),
    }
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

enum PluginOutcome {
    Stdout(Vec<u8>),
    Failed(String),
    TimedOut,
    NotFound,
}

/// Runs a plugin until it exits.
fn run_until_exit(mut command: Command, stop: &AtomicBool, timeout: Duration) -> PluginOutcome {
    let start = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return PluginOutcome::NotFound;
        }
        Err(error) => {
            return PluginOutcome::Failed(format!(
                "it cannot be started: {}",
                os_error_text(&error)
            ));
        }
    };
    let Some(output) = CapturedStdout::capture(&mut child) else {
        kill_and_reap(&mut child);
        return PluginOutcome::Failed("its output cannot be read".to_owned());
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => return PluginOutcome::Failed(os_error_text(&error)),
        }
        if stop.load(Ordering::Relaxed) || start.elapsed() >= timeout {
            kill_and_reap(&mut child);
            return PluginOutcome::TimedOut;
        }
        if output.is_over_limit() {
            kill_and_reap(&mut child);
            return PluginOutcome::Failed("it prints without an end".to_owned());
        }
        std::thread::sleep(POLL_INTERVAL);
    };
    if output.is_over_limit() {
        // It may have exited because its output was no longer read.
        return PluginOutcome::Failed("it prints without an end".to_owned());
    }
    if !status.success() {
        return PluginOutcome::Failed(match status.code() {
            Some(code) => format!("it ended with exit code {code}; what it said is above"),
            None => "a signal ended it".to_owned(),
        });
    }
    PluginOutcome::Stdout(output.into_bytes())
}

/// Kills a plugin, but not its children.
fn kill_and_reap(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Standard output of a plugin, read by a thread: a child that outlives the plugin may keep the pipe open.
struct CapturedStdout {
    bytes: Arc<Mutex<Vec<u8>>>,
    is_done: Arc<AtomicBool>,
}

impl CapturedStdout {
    fn capture(child: &mut Child) -> Option<Self> {
        let mut pipe = child.stdout.take()?.take(MAX_OUTPUT_BYTES + 1);
        let output = Self {
            bytes: Arc::default(),
            is_done: Arc::default(),
        };
        let (bytes, done) = (Arc::clone(&output.bytes), Arc::clone(&output.is_done));
        std::thread::Builder::new()
            .spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(count) = pipe.read(&mut chunk) {
                    if count == 0 {
                        break;
                    }
                    let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend_from_slice(&chunk[..count]);
                }
                done.store(true, Ordering::Release);
            })
            .ok()?;
        Some(output)
    }

    fn is_over_limit(&self) -> bool {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.len() as u64 > MAX_OUTPUT_BYTES
    }

    fn into_bytes(self) -> Vec<u8> {
        let end = Instant::now() + OUTPUT_GRACE_PERIOD;
        while !self.is_done.load(Ordering::Acquire) && Instant::now() < end {
            std::thread::sleep(POLL_INTERVAL);
        }
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
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
        std::str::from_utf8(output).map_err(|_| plugin.error("what it prints is no text"))?;
    let response: ExecCredentialResponse = serde_json::from_str(text)
        .ok()
        .or_else(|| serde_saphyr::from_str(text).ok())
        .ok_or_else(|| plugin.error("what it prints is no ExecCredential in JSON"))?;
    if let Some(expected) = expected
        && !response.api_version.is_empty()
        && response.api_version != expected
    {
        return Err(plugin.error(format!(
            "the kubeconfig asks for {expected}, it answers in {:?}",
            response.api_version
        )));
    }
    let status = response
        .status
        .ok_or_else(|| plugin.error("its answer holds no status"))?;
    let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = non_empty(status.token);
    let certificate = match (
        non_empty(status.client_certificate_data),
        non_empty(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, SecretString::from(key))),
        (None, None) => None,
        _ => return Err(plugin.error("it gives only one of certificate and key")),
    };
    if token.is_none() && certificate.is_none() {
        return Err(plugin.error("it gives neither a token nor a certificate"));
    }
    if token
        .iter()
        .flat_map(|token| token.chars())
        .any(|letter| !letter.is_ascii_graphic())
    {
        return Err(plugin.error("its token fits no HTTP header"));
    }
    let until = non_empty(status.expiration_timestamp)
        .map(|time| time.parse())
        .transpose()
        .map_err(|_| plugin.error("its expirationTimestamp is no time"))?;
    Ok(ExecCredentials {
        token: token.map(SecretString::from),
        client_certificate: certificate,
        expires_at: until,
    })
}
