//! Credential plugins: programs such as `aws`, `kubelogin` or `gke-gcloud-auth-plugin` that print credentials.
//!
//! kube runs them by itself, but synchronously, three times for each client, without a limit, and reads standard input even
//! where it is no terminal. Here they run once and can be stopped.

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

use super::error::{ConnectError, why};

/// Credentials are a few kilobytes.
const MAX_ANSWER: u64 = 1 << 20;
/// How often a running plugin is looked at.
const TICK: Duration = Duration::from_millis(10);
/// How long the answer of a plugin that has ended may still be on its way.
const GRACE: Duration = Duration::from_secs(1);

/// What a plugin gave.
pub(super) struct Credentials {
    token: Option<SecretString>,
    certificate: Option<(String, SecretString)>,
    until: Option<Timestamp>,
}

impl Credentials {
    /// Puts the credentials in the place of the plugin; returns when they end.
    pub(super) fn apply(self, entry: &mut AuthInfo) -> Option<Timestamp> {
        entry.exec = None;
        entry.token = self.token;
        if let Some((certificate, key)) = self.certificate {
            entry.client_certificate_data = Some(STANDARD.encode(certificate));
            let key = secrecy::ExposeSecret::expose_secret(&key);
            entry.client_key_data = Some(SecretString::from(STANDARD.encode(key)));
        }
        self.until
    }
}

/// Runs a plugin. See [`Connection::authenticate`](super::Connection::authenticate).
pub(super) async fn run(
    exec: &ExecConfig,
    user: &str,
    terminal: bool,
    patience: Duration,
) -> Result<Credentials, ConnectError> {
    let name = Name {
        command: exec.command.clone().unwrap_or_default(),
        user: user.to_owned(),
    };
    if name.command.is_empty() {
        return Err(name.failed("the kubeconfig gives no command"));
    }
    let interactive = match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !terminal => {
            return Err(name.failed(
                "it must ask a person (interactiveMode: Always), but standard input is not a terminal or is being read",
            ));
        }
        _ => terminal,
    };
    let command = command(exec, interactive, &name)?;
    let answer = answer(command, &name, exec.install_hint.as_deref(), patience).await?;
    parse(&answer, exec.api_version.as_deref(), &name)
}

/// Who is to be named in errors.
#[derive(Clone)]
struct Name {
    command: String,
    user: String,
}

impl Name {
    fn failed(&self, why: impl Into<String>) -> ConnectError {
        ConnectError::PluginFailed {
            command: self.command.clone(),
            user: self.user.clone(),
            why: why.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    api_version: Option<&'a str>,
    kind: &'static str,
    spec: RequestSpec<'a>,
}

#[derive(Serialize)]
struct RequestSpec<'a> {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a ExecAuthCluster>,
}

fn command(exec: &ExecConfig, interactive: bool, name: &Name) -> Result<Command, ConnectError> {
    let mut command = Command::new(&name.command);
    command.args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        if let (Some(key), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(key, value);
        }
    }
    let request = Request {
        api_version: exec.api_version.as_deref(),
        kind: "ExecCredential",
        spec: RequestSpec {
            interactive,
            cluster: exec.cluster.as_ref(),
        },
    };
    let request =
        serde_json::to_string(&request).map_err(|error| name.failed(error.to_string()))?;
    command.env("KUBERNETES_EXEC_INFO", request);
    command.stdin(if interactive {
        Stdio::inherit()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    Ok(command)
}

/// Has the thread stop the plugin when the future goes away, and waits for that: the process may end right after.
struct StopOnDrop {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(
    command: Command,
    name: &Name,
    hint: Option<&str>,
    patience: Duration,
) -> Result<Vec<u8>, ConnectError> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (flag, named) = (Arc::clone(&stop), name.clone());
    // A thread of our own: the runtime waits for its own blocking threads when it ends, however long they take.
    let thread = std::thread::Builder::new().name("credentials".to_owned());
    let thread = thread
        .spawn(move || {
            let _ = sender.send(wait(command, &flag, patience));
        })
        .map_err(|error| name.failed(why(&error)))?;
    let _stop = StopOnDrop {
        stop,
        thread: Some(thread),
    };
    let outcome = receiver
        .await
        .unwrap_or_else(|_| Outcome::Failed("it was given up".to_owned()));
    match outcome {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Failed(why) => Err(named.failed(why)),
        Outcome::TimedOut => Err(ConnectError::PluginTimedOut {
            command: named.command,
            user: named.user,
            after: patience,
        }),
        Outcome::Missing => Err(ConnectError::PluginMissing {
            command: named.command,
            user: named.user,
            hint: hint.map_or_else(String::new, install_hint),
        }),
    }
}

/// The hint comes from the kubeconfig, which often comes from somebody else: no escape sequences, no novels.
fn install_hint(hint: &str) -> String {
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

enum Outcome {
    Answer(Vec<u8>),
    Failed(String),
    TimedOut,
    Missing,
}

/// Runs a plugin to its end, on a thread of its own.
fn wait(mut command: Command, stop: &AtomicBool, patience: Duration) -> Outcome {
    let start = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Outcome::Missing,
        Err(error) => return Outcome::Failed(format!("it cannot be started: {}", why(&error))),
    };
    let Some(output) = Output::of(&mut child) else {
        end(&mut child);
        return Outcome::Failed("its output cannot be read".to_owned());
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => return Outcome::Failed(why(&error)),
        }
        if stop.load(Ordering::Relaxed) || start.elapsed() >= patience {
            end(&mut child);
            return Outcome::TimedOut;
        }
        if output.is_too_long() {
            end(&mut child);
            return Outcome::Failed("it prints without an end".to_owned());
        }
        std::thread::sleep(TICK);
    };
    if output.is_too_long() {
        // It may have ended because nobody read on.
        return Outcome::Failed("it prints without an end".to_owned());
    }
    if !status.success() {
        return Outcome::Failed(match status.code() {
            Some(code) => format!("it ended with exit code {code}; what it said is above"),
            None => "a signal ended it".to_owned(),
        });
    }
    Outcome::Answer(output.take())
}

/// Ends a plugin; what it started itself is not ours to find.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// What a plugin prints, gathered by a thread: a program that it leaves behind may hold the pipe open for ever.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Arc<AtomicBool>,
}

impl Output {
    fn of(child: &mut Child) -> Option<Self> {
        let mut pipe = child.stdout.take()?.take(MAX_ANSWER + 1);
        let output = Self {
            bytes: Arc::default(),
            done: Arc::default(),
        };
        let (bytes, done) = (Arc::clone(&output.bytes), Arc::clone(&output.done));
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

    fn is_too_long(&self) -> bool {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.len() as u64 > MAX_ANSWER
    }

    fn take(self) -> Vec<u8> {
        let end = Instant::now() + GRACE;
        while !self.done.load(Ordering::Acquire) && Instant::now() < end {
            std::thread::sleep(TICK);
        }
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    api_version: String,
    status: Option<AnswerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AnswerStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Reads an answer. No error holds any part of it.
fn parse(answer: &[u8], expected: Option<&str>, name: &Name) -> Result<Credentials, ConnectError> {
    let text = std::str::from_utf8(answer).map_err(|_| name.failed("what it prints is no text"))?;
    let answer: Answer = serde_json::from_str(text)
        .ok()
        .or_else(|| serde_saphyr::from_str(text).ok())
        .ok_or_else(|| name.failed("what it prints is no ExecCredential in JSON"))?;
    if let Some(expected) = expected
        && !answer.api_version.is_empty()
        && answer.api_version != expected
    {
        return Err(name.failed(format!(
            "the kubeconfig asks for {expected}, it answers in {:?}",
            answer.api_version
        )));
    }
    let status = answer
        .status
        .ok_or_else(|| name.failed("its answer holds no status"))?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = given(status.token);
    let certificate = match (
        given(status.client_certificate_data),
        given(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, SecretString::from(key))),
        (None, None) => None,
        _ => return Err(name.failed("it gives only one of certificate and key")),
    };
    if token.is_none() && certificate.is_none() {
        return Err(name.failed("it gives neither a token nor a certificate"));
    }
    if token
        .iter()
        .flat_map(|token| token.chars())
        .any(|letter| !letter.is_ascii_graphic())
    {
        return Err(name.failed("its token fits no HTTP header"));
    }
    let until = given(status.expiration_timestamp)
        .map(|time| time.parse())
        .transpose()
        .map_err(|_| name.failed("its expirationTimestamp is no time"))?;
    Ok(Credentials {
        token: token.map(SecretString::from),
        certificate,
        until,
    })
}
