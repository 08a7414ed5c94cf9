//! Kubeconfigs in Secrets of a management cluster that must not be used.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::NOBODY;
use super::dkp::{DKP_KUBERNETES, secret};
use super::row;
use crate::testbed::cluster::Cluster;

/// Kubeconfigs that a Secret must not have, or that lead nowhere: each is a gap, and the rest is reported.
pub(super) fn hostile_kubeconfigs(management: &Cluster, good: &Value, marker: &Path) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("https://{}", silent.local_addr().expect("an address"));
    let with = |pointer: &str, value: Value| {
        let mut config = good.clone();
        *config.pointer_mut(pointer).expect("a field") = value;
        secret("logistics", "office-kubeconfig", &config)
    };
    let server = "/clusters/0/cluster/server";
    let raw = |key: &str, text: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "cluster.x-k8s.io/secret",
            "metadata": {"namespace": "logistics", "name": "office-kubeconfig"},
            "data": {key: STANDARD.encode(text)}})
    };
    let trials = [
        (
            with("/users/0/user", json!({"tokenFile": marker})),
            "it has tokenFile",
        ),
        (
            with(
                "/users/0/user",
                json!({"client-certificate": marker, "client-key": marker}),
            ),
            "it has client-certificate, client-key",
        ),
        (
            with(
                "/clusters/0/cluster",
                json!({"server": NOBODY, "certificate-authority": marker}),
            ),
            "it has certificate-authority",
        ),
        (
            with("/users/0/user", json!({"auth-provider": {"name": "oidc"}})),
            "it has auth-provider",
        ),
        (with(server, json!(NOBODY)), "was refused"),
        (with(server, json!(silent)), "Gave up waiting"),
        (
            with(server, json!("ftp://office")),
            "the scheme must be https or http",
        ),
        (
            with("/current-context", json!("s3cret")),
            "its current-context is not set",
        ),
        (raw("value", "s3cret: ["), "it holds no kubeconfig"),
        (
            raw("token", "s3cret"),
            "it has no usable key value or kubeconfig",
        ),
    ];
    for (secret, expected) in trials {
        management
            .kubectl_stdin(&["replace", "-f", "-"], &secret.to_string())
            .ok();
        let run = management.check(&[
            "--clusters",
            "office",
            "--only",
            "k8s-eol",
            "--request-timeout",
            "2s",
            "-o",
            "json",
            "-v",
            "9",
        ]);
        assert_eq!(run.code, 4, "{expected}: {}\n{}", run.stdout, run.stderr);
        let report = run.json();
        let gaps = report["gaps"].as_array().expect("gaps").iter();
        let gaps: Vec<_> = gaps
            .filter(|gap| gap["cluster"] == "logistics/office")
            .collect();
        assert_eq!(gaps.len(), 1, "{gaps:#?}");
        assert!(
            gaps[0]["why"]
                .as_str()
                .is_some_and(|why| why.contains(expected)),
            "{gaps:#?}"
        );
        assert_eq!(row(&report, "test")["kubernetesVersion"], DKP_KUBERNETES);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                !text.contains("token-of-") && !text.contains("s3cret"),
                "{text}"
            );
        }
    }
    management
        .kubectl(&["delete", "secret", "office-kubeconfig", "-n", "logistics"])
        .ok();
    let run = management.check(&["--clusters", "office", "--only", "k8s-eol", "-o", "json"]);
    assert_eq!(run.code, 4);
    let missing =
        "Secret logistics/office-kubeconfig could not be read: Error from server (NotFound)";
    assert!(run.stdout.contains(missing), "{}", run.stdout);
}
