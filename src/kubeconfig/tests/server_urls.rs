//! Servers, proxies, and which servers need none.

use super::{PLAIN, Place, some, wanted};
use crate::kubeconfig::ConnectOptions;

fn at(server: &str) -> Place {
    Place::with(&PLAIN.replace("https://blue.example:6443", server))
}

#[test]
fn reads_addresses_as_kubectl_does() {
    for (text, expected) in [
        ("https://host:6443", "https://host:6443"),
        ("https://host", "https://host"),
        ("HTTPS://host", "https://host"),
        ("host:6443", "http://host:6443"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("host", "http://host"),
        (
            "https://host/k8s/clusters/c-1",
            "https://host/k8s/clusters/c-1",
        ),
        ("https://host/k8s/?x=1", "https://host/k8s"),
        ("https://[fd00::1]:6443", "https://[fd00::1]:6443"),
    ] {
        assert_eq!(at(text).connected(&wanted()).server, expected, "{text}");
    }
}

#[test]
fn refuses_what_is_no_address() {
    for text in [
        "ftp://host",
        "host:6443/path",
        "https:/host",
        "https://",
        "https://host:port",
        "https://host:70000",
        "a b",
        "https://me:s3cret@host",
    ] {
        let error = at(text).error(&wanted());
        assert!(
            error.starts_with("cannot use the server address of cluster \"blue\" "),
            "{text}: {error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
    let error = Place::with(PLAIN).error(&ConnectOptions {
        server: some("ftp://host"),
        ..wanted()
    });
    assert_eq!(
        error,
        "cannot use --server \"ftp://host\": the scheme must be https or http"
    );
}

#[test]
fn a_cluster_needs_an_address() {
    let place = Place::with(&PLAIN.replace("{server: 'https://blue.example:6443'}", "{}"));
    assert_eq!(
        place.error(&wanted()),
        "cluster \"blue\" has no server address in DIR/config; add one there or name one with --server"
    );
}

#[test]
fn an_address_undoes_the_server_name_of_the_entry() {
    let place = Place::with(&PLAIN.replace("6443'}", "6443', tls-server-name: inner}"));
    let name = |wanted: &ConnectOptions| place.connected(wanted).config.tls_server_name;
    assert_eq!(name(&wanted()).as_deref(), Some("inner"));
    let mut elsewhere = ConnectOptions {
        server: some("https://other"),
        ..wanted()
    };
    assert_eq!(name(&elsewhere), None);
    elsewhere.tls_server_name = some("third");
    assert_eq!(name(&elsewhere).as_deref(), Some("third"));
}

fn proxy(place: &Place) -> Option<String> {
    let found = place.connected(&wanted()).config.proxy_url;
    found.map(|proxy| proxy.to_string().trim_end_matches('/').to_owned())
}

#[test]
fn takes_the_proxy_of_the_environment() {
    let https = |value: &str| Place::with(PLAIN).set("HTTPS_PROXY", value);
    assert_eq!(
        proxy(&https("http://proxy:3128")).as_deref(),
        Some("http://proxy:3128")
    );
    assert_eq!(
        proxy(&https("proxy:3128")).as_deref(),
        Some("http://proxy:3128")
    );
    assert_eq!(
        proxy(&https("socks5://proxy:1")).as_deref(),
        Some("socks5://proxy:1")
    );
    assert_eq!(proxy(&https("")), None);
    let lower = Place::with(PLAIN).set("https_proxy", "http://lower:1");
    assert_eq!(proxy(&lower).as_deref(), Some("http://lower:1"));
    let other = Place::with(PLAIN)
        .set("HTTP_PROXY", "http://proxy:1")
        .set("ALL_PROXY", "http://proxy:2");
    assert_eq!(proxy(&other), None, "the server is not http");
    let plain = at("http://blue.example")
        .set("HTTP_PROXY", "http://proxy:1")
        .set("HTTPS_PROXY", "http://proxy:2");
    assert_eq!(proxy(&plain).as_deref(), Some("http://proxy:1"));
}

#[test]
fn loopback_needs_no_proxy() {
    for server in [
        "https://localhost:1",
        "https://127.0.0.1:1",
        "https://[::1]:1",
        "https://127.9.9.9",
    ] {
        let place = at(server).set("HTTPS_PROXY", "http://proxy:3128");
        assert_eq!(proxy(&place), None, "{server}");
    }
}

#[test]
fn no_proxy_is_about_the_server() {
    for (list, server, exempt) in [
        ("blue.example", "https://blue.example:6443", true),
        ("BLUE.Example", "https://blue.example:6443", true),
        ("example", "https://blue.example:6443", true),
        (".example", "https://blue.example:6443", true),
        ("*.example", "https://blue.example:6443", true),
        (".blue.example", "https://blue.example:6443", false),
        ("lue.example", "https://blue.example:6443", false),
        ("blue.example:6443", "https://blue.example:6443", true),
        ("blue.example:443", "https://blue.example:6443", false),
        ("blue.example:443", "https://blue.example", true),
        ("proxy", "https://blue.example:6443", false),
        ("*", "https://blue.example:6443", true),
        ("a, *", "https://blue.example:6443", true),
        ("10.0.0.0/8", "https://10.1.2.3:6443", true),
        ("10.0.0.0/8", "https://11.1.2.3:6443", false),
        ("0.0.0.0/0", "https://11.1.2.3:6443", true),
        ("10.1.2.3", "https://10.1.2.3:6443", true),
        ("10.1.2.3:6443", "https://10.1.2.3:6443", true),
        ("10.1.2.3:1", "https://10.1.2.3:6443", false),
        ("fd00::/8", "https://[fd00::1]:6443", true),
        ("fd00::1", "https://[fd00::1]:6443", true),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
        ("0", "https://10.1.2.3:6443", false),
    ] {
        let place = at(server)
            .set("HTTPS_PROXY", "http://proxy:3128")
            .set("NO_PROXY", list);
        assert_eq!(proxy(&place).is_none(), exempt, "{list} {server}");
    }
}

#[test]
fn a_bad_no_proxy_never_fails() {
    for list in [
        ",",
        "a,,b,",
        " , ",
        "10.0.0.0/99",
        "[::",
        ":80",
        "http://x/y",
        "*.",
        "ä,%",
    ] {
        let place = Place::with(PLAIN)
            .set("HTTPS_PROXY", "http://proxy:3128")
            .set("NO_PROXY", list);
        assert!(proxy(&place).is_some(), "{list:?}");
    }
    let place = Place::with(PLAIN)
        .set("HTTPS_PROXY", "http://proxy:3128")
        .set("no_proxy", "x,,blue.example,");
    assert_eq!(proxy(&place), None, "what can be read still counts");
}

#[test]
fn the_proxy_of_the_kubeconfig_ignores_no_proxy() {
    let text = PLAIN.replace("6443'}", "6443', proxy-url: 'http://own:1'}");
    let place = Place::with(&text)
        .set("HTTPS_PROXY", "http://proxy:3128")
        .set("NO_PROXY", "*");
    assert_eq!(proxy(&place).as_deref(), Some("http://own:1"));
    let found = place.connected(&ConnectOptions {
        proxy_url: Some("socks5://flag:2".into()),
        ..wanted()
    });
    let found = found.config.proxy_url.map(|proxy| proxy.to_string());
    assert_eq!(found.as_deref(), Some("socks5://flag:2/"));
}

#[test]
fn names_a_proxy_that_cannot_be_used() {
    let place = Place::with(PLAIN).set("HTTPS_PROXY", "gopher://me:s3cret@proxy:1");
    assert_eq!(
        place.error(&wanted()),
        "cannot use HTTPS_PROXY \"gopher://…@proxy:1\": the scheme must be http, https or socks5"
    );
    let error = Place::with(PLAIN).error(&ConnectOptions {
        proxy_url: Some("proxy:3128".into()),
        ..wanted()
    });
    assert!(
        error.starts_with("cannot use --proxy-url \"proxy:3128\": "),
        "{error}"
    );
}
