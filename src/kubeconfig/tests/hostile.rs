//! Kubeconfigs that somebody made or damaged: no panic, and no error shows what is secret in them.

use proptest::prelude::*;

use super::Place;
use crate::kubeconfig::ConnectOptions;
use crate::mutate::{cases, damaged};

/// What is secret in the files below.
const CANARY: &str = "canary-4f1d9c";

/// A kubeconfig with something in every field that we look at; `Y2Fu` begins the canary in base64.
const FULL: &str = "
apiVersion: v1
kind: Config
current-context: blue
preferences: {}
clusters:
- name: blue
  cluster:
    server: 'https://me:canary-4f1d9c@blue.example:6443/path?ticket=canary-4f1d9c'
    certificate-authority-data: Y2FuYXJ5LTRmMWQ5Yw==
    tls-server-name: other
    proxy-url: 'http://me:canary-4f1d9c@proxy.example:3128'
- name: green
  cluster: {server: green.example, insecure-skip-tls-verify: true, disable-compression: true}
users:
- name: me
  user:
    token: canary-4f1d9c
    tokenFile: /nowhere/token
    username: jane
    password: canary-4f1d9c
    client-certificate-data: Y2FuYXJ5LTRmMWQ5Yw==
    client-key-data: Y2FuYXJ5LTRmMWQ5Yw==
    as: jane
    as-groups: [a, b]
    as-user-extra: {scopes: [canary-4f1d9c]}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: no-such-plugin
      args: [--secret, canary-4f1d9c]
      env: [{name: SECRET, value: canary-4f1d9c}]
      installHint: install it
      interactiveMode: Never
- name: old
  user: {auth-provider: {name: gcp, config: {access-token: canary-4f1d9c}}}
contexts:
- name: blue
  context: {cluster: blue, user: me, namespace: shop}
- name: green
  context: {cluster: green, user: plugin}
- name: old
  context: {cluster: green, user: old}
";

/// All that can be seen of a connection or of why there is none.
fn shown(text: &str) -> Vec<String> {
    let place = Place::with(text);
    ["blue", "green", "old", ""]
        .into_iter()
        .map(|context| {
            let wanted = ConnectOptions {
                program: "test".to_owned(),
                context: Some(context.to_owned()),
                ..ConnectOptions::default()
            };
            match place.connect(&wanted) {
                Ok(connection) => format!("{connection:?}"),
                Err(error) => format!("{error} {error:?}"),
            }
        })
        .collect()
}

#[test]
fn no_error_shows_a_secret() {
    let values = [
        ("token: canary-4f1d9c", "token: [canary-4f1d9c]"),
        ("token: canary-4f1d9c", "token: \"canary-4f1d9c\\n\""),
        ("token: canary-4f1d9c", "token: {canary-4f1d9c: x}"),
        ("token: canary-4f1d9c", "token: 'canary-4f1d9c"),
        ("token: canary-4f1d9c", "\ttoken: canary-4f1d9c"),
        ("token: canary-4f1d9c", "token: !!int canary-4f1d9c"),
        ("password: canary-4f1d9c", "password: [canary-4f1d9c]"),
        ("client-key-data: Y2Fu", "client-key-data: canary-4f1d9c!"),
        (
            "client-certificate-data: Y2Fu",
            "client-certificate-data: canary-4f1d9c!",
        ),
        ("client-key-data: Y2Fu", "client-key-data: [canary-4f1d9c]"),
        ("/path?ticket=canary-4f1d9c", ":bad"),
        ("'https://me:", "'canary-4f1d9c://me:"),
        ("http://me:", "http://me:/?#"),
        ("http://me:", "ftp://me:"),
        ("@proxy.example:3128", "/x@y@proxy.example:3128:9"),
        ("env: [{name: SECRET", "env: {name: SECRET"),
        ("args: [--secret, canary-4f1d9c]", "args: canary-4f1d9c"),
        ("{access-token: canary-4f1d9c}", "canary-4f1d9c"),
        ("apiVersion: v1", "apiVersion: v1\nusers: canary-4f1d9c"),
    ];
    for (from, to) in values {
        assert!(FULL.contains(from), "{from}");
        for text in shown(&FULL.replacen(from, to, 1)) {
            // A scheme, and nothing else of an address, is shown.
            let text = text.replace("\"canary-4f1d9c://", "");
            assert!(!text.contains(CANARY), "{to}: {text}");
        }
    }
    assert!(shown(FULL).iter().all(|text| !text.contains(CANARY)));
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn no_damage_panics(bytes in damaged(vec![FULL.into()])) {
        let place = Place::new();
        let file = place.file("config", &bytes);
        let place = place.set("KUBECONFIG", file);
        for context in ["blue", "green"] {
            let context = Some(context.to_owned());
            let _ = place.connect(&ConnectOptions { context, ..ConnectOptions::default() });
        }
    }
}
