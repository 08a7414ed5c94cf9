//! Certificates, tokens, impersonation, and what the flags undo.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::{PLAIN, Place, some, wanted};
use crate::kubeconfig::{ConnectError, ConnectOptions};

/// Looks like a certificate as far as PEM goes, which is as far as we look.
pub(super) const CA: &str =
    "noise\n-----BEGIN CERTIFICATE-----\nAQID\nBAUG\n-----END CERTIFICATE-----\n";

fn with_user(user: &str) -> Place {
    Place::with(&PLAIN.replace("{token: t0ken}", user))
}

fn with_cluster(fields: &str) -> Place {
    Place::with(&PLAIN.replace("6443'}", &format!("6443', {fields}}}")))
}

#[test]
fn loads_the_authority_from_either_place() {
    let encoded = STANDARD.encode(CA);
    let (left, right) = encoded.split_at(20);
    for data in [
        encoded.clone(),
        // A folded line of YAML.
        format!("'{left}\\n      {right}'"),
        format!("\"{left}\\n{right}\""),
    ] {
        let data = data.replace("\\n      ", "\n      ");
        let place = with_cluster(&format!("certificate-authority-data: {data}"));
        let roots = place.connected(&wanted()).config.root_cert;
        assert_eq!(roots, Some(vec![vec![1, 2, 3, 4, 5, 6]]), "{data}");
    }
    let place = with_cluster("certificate-authority: pki/ca.crt");
    assert_eq!(
        place.error(&wanted()),
        "cannot load the certificate authority of cluster \"blue\" from DIR/pki/ca.crt: no such file or directory"
    );
    place.file("pki/ca.crt", CA);
    assert!(place.connected(&wanted()).config.root_cert.is_some());
    place.file("pki/ca.crt", "nothing");
    let error = place.error(&wanted());
    assert!(
        error.ends_with("there is no PEM certificate in it"),
        "{error}"
    );
}

#[test]
fn an_empty_authority_is_that_of_the_system() {
    let place = with_cluster("certificate-authority-data: '', certificate-authority: ''");
    assert_eq!(place.connected(&wanted()).config.root_cert, None);
}

#[test]
fn answers_are_compressed_unless_the_entry_or_the_flag_says_no() {
    let flag = ConnectOptions {
        disable_compression: true,
        ..wanted()
    };
    let plain = |entry: &str, wanted: &ConnectOptions| {
        let config = with_cluster(entry).connected(wanted).config;
        config.disable_compression
    };
    assert!(!plain("", &wanted()));
    assert!(plain("", &flag));
    assert!(plain("disable-compression: true", &wanted()));
    assert!(plain("disable-compression: false", &flag));
}

#[test]
fn insecure_and_authority_exclude_one_another() {
    let data = STANDARD.encode(CA);
    let place = with_cluster(&format!("certificate-authority-data: {data}"));
    let mut insecure = ConnectOptions {
        insecure_skip_tls_verify: true,
        ..wanted()
    };
    let config = place.connected(&insecure).config;
    assert!(config.accept_invalid_certs);
    assert_eq!(config.root_cert, Some(Vec::new()));
    insecure.certificate_authority = Some(place.file("ca.crt", CA));
    let error = place.connect(&insecure).expect_err("a contradiction");
    assert!(error.is_usage_error(), "{error}");
    let both = with_cluster(&format!(
        "insecure-skip-tls-verify: true, certificate-authority-data: {data}"
    ));
    assert!(
        both.error(&wanted())
            .starts_with("a certificate authority together with")
    );
    let flag = ConnectOptions {
        certificate_authority: Some(both.file("ca.crt", CA)),
        ..wanted()
    };
    assert!(!both.connected(&flag).config.accept_invalid_certs);
}

#[test]
fn a_token_counts_more_than_all_that_kube_would_prefer() {
    let place = with_user(
        "{username: u, password: p, tokenFile: /nowhere, auth-provider: {name: oidc}, exec: {command: x}}",
    );
    let found = place.connected(&ConnectOptions {
        token: Some("mine".into()),
        ..wanted()
    });
    let user = &found.config.auth_info;
    let token = user.token.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(token, Some("mine"));
    assert!(user.username.is_none() && user.password.is_none() && user.token_file.is_none());
    assert!(user.auth_provider.is_none() && user.exec.is_none());
    assert_eq!(found.exec_command(), None);
}

#[test]
fn trims_a_token_file() {
    let place = with_user("{tokenFile: token}");
    place.file("token", "abc\n");
    let user = place.connected(&wanted()).config.auth_info;
    let token = user.token.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!((token, user.token_file), (Some("abc"), None));
    for text in ["", "a b", "a\nb", "ä"] {
        place.file("token", text);
        assert!(
            place.error(&wanted()).ends_with("it is not a single token"),
            "{text:?}"
        );
    }
    std::fs::remove_file(place.path("token")).expect("removed");
    assert_eq!(
        place.error(&wanted()),
        "cannot load the token of user \"me\" from DIR/token: no such file or directory"
    );
}

#[test]
fn a_token_file_counts_more_than_the_token_beside_it_while_it_can_be_read() {
    let place = with_user("{token: inline, tokenFile: token}");
    let token = || {
        let user = place.connected(&wanted()).config.auth_info;
        user.token.map(|token| token.expose_secret().to_owned())
    };
    assert_eq!(token().as_deref(), Some("inline"), "there is no file");
    place.file("token", "");
    assert_eq!(token().as_deref(), Some("inline"), "it is empty");
    place.file("token", "rotated\n");
    assert_eq!(token().as_deref(), Some("rotated"));
}

#[tokio::test]
async fn a_token_file_is_read_again() {
    let place = with_user("{tokenFile: token}");
    place.file("token", "first\n");
    let mut found = place.connected(&wanted());
    assert!(
        found.refresh_credentials().await.is_ok_and(|new| !new),
        "it is still the same"
    );
    place.file("token", "second\n");
    assert!(found.refresh_credentials().await.is_ok_and(|new| new));
    let token = found.config.auth_info.token.as_ref();
    assert_eq!(token.map(ExposeSecret::expose_secret), Some("second"));
    std::fs::remove_file(place.path("token")).expect("removed");
    let error = found
        .refresh_credentials()
        .await
        .expect_err("no token")
        .to_string();
    assert!(error.starts_with("cannot load the token of user \"me\""));
    // What was typed or stands in the kubeconfig is not renewed.
    let mut found = Place::with(PLAIN).connected(&wanted());
    assert!(found.refresh_credentials().await.is_ok_and(|new| !new));
}

#[test]
fn a_token_must_fit_a_header() {
    let error = Place::with(PLAIN).connect(&ConnectOptions {
        token: Some("s3 cret".into()),
        ..wanted()
    });
    let error = error.expect_err("no token").to_string();
    assert!(!error.contains("cret"), "{error}");
}

#[test]
fn certificate_flags_undo_the_data() {
    let place = with_user("{client-certificate-data: AAAA, client-key-data: AAAA}");
    let (certificate, key) = (place.file("c.crt", CA), place.file("c.key", "k"));
    let user = place
        .connected(&ConnectOptions {
            client_certificate: Some(certificate.clone()),
            client_key: Some(key),
            ..wanted()
        })
        .config
        .auth_info;
    assert_eq!(
        user.client_certificate,
        certificate.to_str().map(str::to_owned)
    );
    assert!(user.client_certificate_data.is_none() && user.client_key_data.is_none());
}

#[test]
fn names_certificates_that_cannot_be_loaded() {
    let place = with_user("{client-certificate: a.crt, client-key: a.key}");
    assert_eq!(
        place.error(&wanted()),
        "cannot load the client certificate of user \"me\" from DIR/a.crt: no such file or directory"
    );
    place.file("a.crt", CA);
    assert_eq!(
        place.error(&wanted()),
        "cannot load the client key of user \"me\" from DIR/a.key: no such file or directory"
    );
    let error = with_user("{client-certificate-data: AAAA}").error(&wanted());
    assert!(
        error.contains("has a client certificate but no key"),
        "{error}"
    );
    let error = with_user("{client-certificate-data: '%', client-key-data: AAAA}").error(&wanted());
    assert!(
        error.ends_with("from client-certificate-data: it is not base64"),
        "{error}"
    );
    let alone = with_user("{client-key-data: AAAA}").connected(&wanted());
    assert!(alone.config.auth_info.client_key_data.is_none());
}

#[test]
fn impersonates() {
    let place = Place::with(PLAIN);
    let mut act = ConnectOptions {
        impersonate: some("alice"),
        impersonate_groups: vec!["a".to_owned(), "b".to_owned()],
        impersonate_uid: some("7"),
        ..wanted()
    };
    let user = place.connected(&act).config.auth_info;
    assert_eq!(user.impersonate.as_deref(), Some("alice"));
    assert_eq!(user.impersonate_uid.as_deref(), Some("7"));
    assert_eq!(user.impersonate_groups.as_deref().map(<[_]>::len), Some(2));
    act.impersonate = some("");
    let error = place.connect(&act).expect_err("nobody to act as");
    assert!(
        error.is_usage_error() && error.to_string().ends_with("add --as"),
        "{error}"
    );
    // The user entry may name whom to act as, as in kubectl.
    let entry = with_user("{token: t, as: bob}")
        .connected(&act)
        .config
        .auth_info;
    assert_eq!(entry.impersonate.as_deref(), Some("bob"));
}

#[test]
fn sends_no_credentials_in_the_clear() {
    let text = PLAIN
        .replace("https://", "http://")
        .replace("{token: t0ken}", "{token: t0ken, as: bob}");
    let found = Place::with(&text).connected(&ConnectOptions {
        token: Some("mine".into()),
        ..wanted()
    });
    let user = found.config.auth_info;
    assert!(user.token.is_none());
    assert_eq!(user.impersonate.as_deref(), Some("bob"));
}

#[test]
fn refuses_providers_that_are_gone() {
    for (name, hint) in [
        ("gcp", "gke-gcloud-auth-plugin"),
        ("azure", "kubelogin"),
        ("x", "not known"),
    ] {
        let place = with_user(&format!("{{auth-provider: {{name: {name}}}}}"));
        let error = place.connect(&wanted()).expect_err("no provider");
        assert!(matches!(
            error,
            ConnectError::UnsupportedAuthProvider { .. }
        ));
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn a_plugin_yields_to_every_other_way() {
    for (fields, expected) in [
        ("exec: {command: x}", Some("x")),
        ("exec: {command: x}, token: t", None),
        ("exec: {command: x}, username: u, password: p", None),
        (
            "exec: {command: x}, client-certificate-data: AAAA, client-key-data: AAAA",
            None,
        ),
    ] {
        let found = with_user(&format!("{{{fields}}}")).connected(&wanted());
        assert_eq!(found.exec_command(), expected, "{fields}");
    }
}
