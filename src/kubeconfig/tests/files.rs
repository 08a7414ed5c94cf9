//! Which files are read, and what is said about those that cannot be.

use secrecy::ExposeSecret;

use super::{PLAIN, Place, joined, some, wanted};
use crate::kubeconfig::{ConnectError, ConnectOptions};

#[test]
fn skips_missing_files_of_a_list() {
    let place = Place::new();
    let file = place.file("there", PLAIN);
    let list = joined(&[&place.path("gone"), &file, &place.path("gone-too")]);
    let place = place.set("KUBECONFIG", list);
    assert_eq!(
        place.connected(&wanted()).server,
        "https://blue.example:6443"
    );
}

#[test]
fn says_what_was_looked_for() {
    let place = Place::new();
    let list = joined(&[&place.path("a"), &place.path("b")]);
    let place = place.set("KUBECONFIG", list);
    assert_eq!(
        place.error(&wanted()),
        "no kubeconfig: looked for DIR/a, DIR/b, which do not exist; name one with --kubeconfig or KUBECONFIG, or an address with --server"
    );
    let place = Place::new();
    let home = place.path("home");
    let place = place.set("HOME", home).set("KUBECONFIG", "");
    let error = place.error(&wanted());
    assert!(
        error.contains("DIR/home/.kube/config, which does not exist"),
        "{error}"
    );
}

#[test]
fn reads_the_file_of_the_home_folder() {
    let place = Place::new();
    place.file("home/.kube/config", PLAIN);
    let home = place.path("home");
    let place = place.set("HOME", home);
    assert_eq!(place.connected(&wanted()).context.as_deref(), Some("blue"));
}

#[test]
fn a_flag_counts_more_than_the_list() {
    let place = Place::with(PLAIN);
    let green = place.file("green", PLAIN.replace("blue", "green"));
    let found = place.connected(&ConnectOptions {
        kubeconfig: Some(green),
        ..wanted()
    });
    assert_eq!(found.server, "https://green.example:6443");
    let error = place.error(&ConnectOptions {
        kubeconfig: Some(place.path("gone")),
        ..wanted()
    });
    assert_eq!(
        error,
        "kubeconfig DIR/gone does not exist; check --kubeconfig"
    );
}

#[test]
fn the_first_file_wins_except_with_nothing() {
    let place = Place::new();
    let first = place.file(
        "1",
        PLAIN.replace("current-context: blue", "current-context: ''"),
    );
    let green = PLAIN.replace("blue", "green").replace("kind: Config\n", "");
    let second = place.file("2", green.replace("t0ken", "other"));
    let list = joined(&[&first, &second]);
    let place = place.set("KUBECONFIG", list);
    let found = place.connected(&wanted());
    assert_eq!(found.context.as_deref(), Some("green"));
    // Both define the user; only the first counts.
    let token = found.config.auth_info.token.expect("a token");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&token), "t0ken");
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let place = Place::new();
    let folder = place.path("").display().to_string();
    let place = place.set("KUBECONFIG", folder);
    let error = place.error(&wanted());
    assert!(error.starts_with("cannot read kubeconfig DIR"), "{error}");
    assert!(!error.contains("os error"), "{error}");
    for bytes in [&b"kind: \xC3\x28"[..], b"\xFF\xFEa", b"\xFE\xFF\0"] {
        let place = Place::new();
        let file = place.file("config", bytes);
        let place = place.set("KUBECONFIG", file);
        let error = place.error(&wanted());
        assert_eq!(
            error,
            "cannot read kubeconfig DIR/config: it is not UTF-8 text"
        );
    }
}

#[test]
fn reads_files_of_windows() {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(PLAIN.encode_utf16().flat_map(u16::to_le_bytes));
    let place = Place::new();
    let file = place.file("config", bytes);
    let place = place.set("KUBECONFIG", file);
    assert_eq!(place.connected(&wanted()).context.as_deref(), Some("blue"));
}

#[test]
fn names_the_line_but_no_value() {
    for (from, to, line) in [
        ("user: {token: t0ken}", "user: t0ken", ":10:"),
        ("user: {token: t0ken}", "user: {token: [t0ken]}", ":10:"),
        ("contexts:", "contexts: t0ken", ":11:"),
        ("clusters:", "\tclusters: t0ken", ":"),
    ] {
        let place = Place::with(&PLAIN.replace(from, to));
        let error = place.error(&wanted());
        assert!(
            error.starts_with(&format!("kubeconfig DIR/config{line}")),
            "{error}"
        );
        assert!(error.contains(" cannot be parsed: "), "{error}");
        assert!(!error.contains("t0ken") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_doubled_key_is_named_with_its_line() {
    for (from, to, line, key) in [
        (
            "user: {token: t0ken}",
            "user: {token: t0ken, token: t0ken}",
            ":10:",
            "token",
        ),
        ("contexts:", "clusters: []\ncontexts:", ":11:", "clusters"),
    ] {
        let error = Place::with(&PLAIN.replace(from, to)).error(&wanted());
        let starts = format!("kubeconfig DIR/config{line}");
        let says = format!("the key \"{key}\" is given twice");
        assert!(
            error.starts_with(&starts) && error.contains(&says),
            "{error}"
        );
        assert!(!error.contains("t0ken"), "{error}");
    }
    // What is no name of a field may be a secret that slipped to its place.
    let doubled = PLAIN.replace("user: {token: t0ken}", "user: {t0ken: a, t0ken: b}");
    let error = Place::with(&doubled).error(&wanted());
    assert!(!error.contains("t0ken"), "{error}");
}

#[test]
fn refuses_other_objects() {
    let place = Place::with("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n");
    assert_eq!(
        place.error(&wanted()),
        "DIR/config is not a kubeconfig: it holds kind \"Deployment\", apiVersion \"apps/v1\""
    );
}

#[test]
fn an_empty_file_is_no_context() {
    let place = Place::with("");
    assert_eq!(
        place.error(&wanted()),
        "the kubeconfig holds no context: DIR/config; name another one with --kubeconfig or KUBECONFIG, or an address with --server"
    );
}

#[test]
fn an_address_needs_no_kubeconfig() {
    let place = Place::new();
    let found = place.connected(&ConnectOptions {
        server: some("https://host:6443"),
        ..wanted()
    });
    assert_eq!(
        (found.context, found.server.as_str()),
        (None, "https://host:6443")
    );
}

fn pod() -> Place {
    let place = Place::new();
    place.file("serviceaccount/token", "pod-token");
    place.file("serviceaccount/namespace", "tools\n");
    place.file("serviceaccount/ca.crt", super::credentials::CA);
    place
        .set("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        .set("KUBERNETES_SERVICE_PORT", "443")
}

#[test]
fn a_pod_needs_no_kubeconfig() {
    let place = pod();
    let found = place.connected(&wanted());
    assert_eq!(found.server, "https://10.0.0.1:443");
    assert_eq!(found.config.default_namespace, "tools");
    let token = found.config.auth_info.token.as_ref();
    assert_eq!(token.map(ExposeSecret::expose_secret), Some("pod-token"));
    assert_eq!(found.config.root_cert.map(|roots| roots.len()), Some(1));
}

#[test]
fn a_kubeconfig_counts_more_than_the_pod() {
    let place = pod();
    let file = place.file("config", PLAIN);
    let empty = place.file("empty", "");
    let found = place.connected(&ConnectOptions {
        kubeconfig: Some(file),
        ..wanted()
    });
    assert_eq!(found.server, "https://blue.example:6443");
    // Who names a file does not want another cluster by accident.
    let error = place.connect(&ConnectOptions {
        kubeconfig: Some(empty),
        ..wanted()
    });
    assert!(matches!(error, Err(ConnectError::NoContexts { .. })));
}

#[test]
fn a_pod_has_ipv6_too() {
    let mut place = pod();
    place.variables[0].1 = "fd00::1".into();
    assert_eq!(place.connected(&wanted()).server, "https://[fd00::1]:443");
}
