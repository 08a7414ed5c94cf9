//! Credential plugins that are shell scripts.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::{PLAIN, Place, wanted};
use crate::kubeconfig::{ConnectError, Connection};

const PATIENCE: Duration = Duration::from_secs(20);

fn with(script: &str, fields: &str) -> (Place, Connection) {
    let place = Place::new();
    let script = place.file("plugin.sh", script);
    let exec = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: ['{}'], {fields}}}}}",
        script.display()
    );
    let file = place.file("config", PLAIN.replace("{token: t0ken}", &exec));
    let place = place.set("KUBECONFIG", file);
    let found = place.connected(&wanted());
    (place, found)
}

fn answer(status: &str) -> String {
    format!(
        "echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{status}}}'"
    )
}

async fn fails(script: &str, fields: &str, patience: Duration) -> String {
    let (_place, mut found) = with(script, fields);
    let error = found.authenticate(false, patience).await;
    error.expect_err("no credentials").to_string()
}

#[tokio::test]
async fn runs_once_and_leaves_nothing_to_run() {
    let script = format!(
        "echo x >> \"$0.runs\"\n{}",
        answer(r#"{"token":"fresh","expirationTimestamp":"2030-01-02T03:04:05Z"}"#)
    );
    let (place, mut found) = with(&script, "interactiveMode: Never");
    let until = found
        .authenticate(false, PATIENCE)
        .await
        .expect("credentials");
    assert_eq!(
        until.map(|time| time.to_string()).as_deref(),
        Some("2030-01-02T03:04:05Z")
    );
    let user = &found.config.auth_info;
    assert_eq!(
        user.token.as_ref().map(ExposeSecret::expose_secret),
        Some("fresh")
    );
    assert!(user.exec.is_none());
    let client = kube::Client::try_from(found.config.clone());
    assert!(client.is_ok());
    let runs = std::fs::read_to_string(place.path("plugin.sh.runs")).expect("it ran");
    assert_eq!(runs, "x\n");
    assert!(found.refresh_credentials().await.is_ok_and(|new| new));
    let runs = std::fs::read_to_string(place.path("plugin.sh.runs")).expect("it ran");
    assert_eq!(runs, "x\nx\n", "again, when the credentials have ended");
}

#[tokio::test]
async fn takes_certificates() {
    let script = answer(r#"{"clientCertificateData":"cert","clientKeyData":"key"}"#);
    let (_place, mut found) = with(&script, "interactiveMode: Never");
    let until = found
        .authenticate(false, PATIENCE)
        .await
        .expect("credentials");
    assert_eq!(until, None);
    let user = found.config.auth_info;
    assert_eq!(user.client_certificate_data.as_deref(), Some("Y2VydA=="));
    assert_eq!(
        user.client_key_data
            .as_ref()
            .map(ExposeSecret::expose_secret),
        Some("a2V5")
    );
}

#[tokio::test]
async fn tells_the_plugin_what_it_may_do() {
    let script = format!(
        "printf %s \"$KUBERNETES_EXEC_INFO\" > \"$0.info\"; cat > \"$0.stdin\"; printf %s \"$HELLO\" > \"$0.hello\"\n{}",
        answer(r#"{"token":"t"}"#)
    );
    let fields =
        "interactiveMode: IfAvailable, provideClusterInfo: true, env: [{name: HELLO, value: you}]";
    let (place, mut found) = with(&script, fields);
    found
        .authenticate(false, PATIENCE)
        .await
        .expect("credentials");
    let read = |name: &str| std::fs::read_to_string(place.path(name)).expect("written");
    assert_eq!(
        read("plugin.sh.info"),
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false,"cluster":{"server":"https://blue.example:6443/"}}}"#
    );
    assert_eq!(read("plugin.sh.stdin"), "");
    assert_eq!(read("plugin.sh.hello"), "you");
}

#[tokio::test]
async fn a_plugin_that_hangs_is_stopped() {
    let start = Instant::now();
    let error = fails(
        "exec sleep 60",
        "interactiveMode: Never",
        Duration::from_millis(200),
    )
    .await;
    assert_eq!(
        error,
        "the credential plugin \"/bin/sh\" of user \"me\" gave no answer within 200ms and was stopped; run it by hand to see what it waits for, or give it longer with --request-timeout"
    );
    // A grandchild may keep the pipe open: that must not hold us either.
    let script = format!("sleep 60 &\n{}", answer(r#"{"token":"t"}"#));
    let (_place, mut found) = with(&script, "interactiveMode: Never");
    found
        .authenticate(false, PATIENCE)
        .await
        .expect("credentials");
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_plugin_is_stopped_when_nobody_waits_any_more() {
    let (place, mut found) = with(
        "echo $$ > \"$0.pid\"; exec sleep 60",
        "interactiveMode: Never",
    );
    let limit = Duration::from_millis(500);
    let login = tokio::time::timeout(limit, found.authenticate(false, PATIENCE)).await;
    assert!(login.is_err());
    let pid = std::fs::read_to_string(place.path("plugin.sh.pid")).expect("it began");
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        !process.exists()
    });
    assert!(gone, "process {pid} is still there");
}

#[tokio::test]
async fn says_how_to_install_it() {
    let text = PLAIN.replace(
        "{token: t0ken}",
        "{exec: {command: no-such-plugin-here, installHint: \"get it from\\n\\e[1mhttps://example\"}}",
    );
    let place = Place::with(&text);
    let mut found = place.connected(&wanted());
    assert_eq!(found.exec_command(), Some("no-such-plugin-here"));
    let error = found
        .authenticate(false, PATIENCE)
        .await
        .expect_err("not there");
    assert!(matches!(error, ConnectError::ExecPluginNotFound { .. }));
    assert_eq!(
        error.to_string(),
        "the credential plugin \"no-such-plugin-here\" of user \"me\" is not installed or not in PATH\nget it from\n[1mhttps://example"
    );
}

#[tokio::test]
async fn says_why_it_failed_and_shows_no_credentials() {
    let never = "interactiveMode: Never";
    for (script, expected) in [
        (
            "exit 3".to_owned(),
            "it exited with code 3; its messages are above",
        ),
        ("kill -9 $$".to_owned(), "a signal ended it"),
        (
            "echo s3cret".to_owned(),
            "what it prints is no ExecCredential in JSON",
        ),
        (
            "printf '\\377s3cret'".to_owned(),
            "what it prints is no text",
        ),
        ("echo '{}'".to_owned(), "its answer holds no status"),
        (answer("{}"), "it gives neither a token nor a certificate"),
        (
            answer(r#"{"clientKeyData":"s3cret"}"#),
            "it gives only one of certificate and key",
        ),
        (
            answer(r#"{"token":"s3 cret"}"#),
            "its token fits no HTTP header",
        ),
        (
            answer(r#"{"token":"s3cret","expirationTimestamp":"soon"}"#),
            "its expirationTimestamp is no time",
        ),
        (
            answer(r#"{"token":"s3cret"}"#).replace("io/v1", "io/v1beta1"),
            "the kubeconfig asks for client.authentication.k8s.io/v1, it answers in \"client.authentication.k8s.io/v1beta1\"",
        ),
        ("exec yes s3cret".to_owned(), "it prints more than 1 MiB"),
    ] {
        let error = fails(&script, never, PATIENCE).await;
        assert_eq!(
            error,
            format!("the credential plugin \"/bin/sh\" of user \"me\" failed: {expected}"),
        );
    }
}

#[tokio::test]
async fn a_plugin_that_must_ask_needs_a_terminal() {
    let error = fails("echo must not run", "interactiveMode: Always", PATIENCE).await;
    assert!(
        error.contains("it must ask a person (interactiveMode: Always)"),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_plugin_nothing_happens() {
    let mut found = Place::with(PLAIN).connected(&wanted());
    assert_eq!(found.exec_command(), None);
    let until = found.authenticate(false, PATIENCE).await;
    assert!(until.is_ok_and(|until| until.is_none()));
    assert!(found.config.auth_info.token.is_some());
}
