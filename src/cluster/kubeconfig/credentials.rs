//! Who the server is and who we are: the certificate authority, and the user entry with the flags applied.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster};
use secrecy::{ExposeSecret, SecretString};

use super::Wanted;
use super::error::{ConnectError, unreadable};

/// Applies the flags to a cluster entry, by the rules of kubectl: a CA flag undoes `insecure-skip-tls-verify` of the
/// entry, the insecure flag undoes its CA, and an address undoes its `tls-server-name`.
pub(super) fn cluster(entry: &mut Cluster, wanted: &Wanted) -> Result<(), ConnectError> {
    for field in [
        &mut entry.server,
        &mut entry.certificate_authority,
        &mut entry.certificate_authority_data,
        &mut entry.tls_server_name,
        &mut entry.proxy_url,
    ] {
        *field = field.take().filter(|text| !text.is_empty());
    }
    drop_folder(&mut entry.certificate_authority);
    strip_blanks(&mut entry.certificate_authority_data);
    if wanted.insecure_skip_tls_verify || wanted.certificate_authority.is_some() {
        entry.insecure_skip_tls_verify = Some(wanted.insecure_skip_tls_verify);
        entry.certificate_authority_data = None;
        entry.certificate_authority = path_text(wanted.certificate_authority.as_deref())?;
    }
    if wanted.server.is_some() || wanted.tls_server_name.is_some() {
        entry.tls_server_name.clone_from(&wanted.tls_server_name);
    }
    if wanted.disable_compression {
        entry.disable_compression = Some(true);
    }
    if let Some(server) = &wanted.server {
        entry.server = Some(server.clone());
    }
    let has_ca =
        entry.certificate_authority.is_some() || entry.certificate_authority_data.is_some();
    if has_ca && entry.insecure_skip_tls_verify == Some(true) {
        return Err(ConnectError::Contradiction(
            "a certificate authority together with insecure-skip-tls-verify is not allowed; leave one of them out"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The certificates of the authority in DER, `None` where the operating system's shall be used.
pub(super) fn authority(
    entry: &Cluster,
    owner: &str,
) -> Result<Option<Vec<Vec<u8>>>, ConnectError> {
    const WHAT: &str = "the certificate authority";
    let (from, pem) = if let Some(data) = &entry.certificate_authority_data {
        let field = "certificate-authority-data";
        (field.to_owned(), decoded(data, WHAT, owner, field)?)
    } else if let Some(path) = &entry.certificate_authority {
        let pem = std::fs::read(path)
            .map_err(|error| unreadable(WHAT, owner, Path::new(path), &error))?;
        (path.clone(), pem)
    } else {
        return Ok(None);
    };
    let certificates = certificates(&String::from_utf8_lossy(&pem));
    if certificates.is_empty() {
        return Err(ConnectError::Credential {
            what: WHAT,
            owner: owner.to_owned(),
            from,
            why: "there is no PEM certificate in it".to_owned(),
        });
    }
    Ok(Some(certificates))
}

/// The contents of the `CERTIFICATE` blocks of a PEM text; damaged ones are passed over, as Go does.
fn certificates(pem: &str) -> Vec<Vec<u8>> {
    pem.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .filter_map(|rest| rest.split_once("-----END CERTIFICATE-----"))
        .filter_map(|(body, _)| STANDARD.decode(without_blanks(body)).ok())
        .filter(|der| !der.is_empty())
        .collect()
}

/// Applies the flags to a user entry and makes sure that what it names can be loaded.
pub(super) fn user(
    mut entry: AuthInfo,
    wanted: &Wanted,
    name: &str,
) -> Result<AuthInfo, ConnectError> {
    drop_empty(&mut entry);
    if let Some(token) = &wanted.token {
        entry.token = Some(token.clone());
        // kube would prefer each of these to the token.
        entry.auth_provider = None;
        entry.username = None;
        entry.password = None;
        entry.token_file = None;
        entry.exec = None;
    }
    if wanted.client_certificate.is_some() {
        entry.client_certificate = path_text(wanted.client_certificate.as_deref())?;
        entry.client_certificate_data = None;
    }
    if wanted.client_key.is_some() {
        entry.client_key = path_text(wanted.client_key.as_deref())?;
        entry.client_key_data = None;
    }
    impersonation(&mut entry, wanted, name)?;
    client_certificate(&mut entry, name)?;
    token(&mut entry, name)?;
    provider(&entry, name)?;
    let named = entry.token.is_some()
        || entry.token_file.is_some()
        || entry.username.is_some()
        || entry.client_certificate.is_some()
        || entry.client_certificate_data.is_some();
    if named {
        // As in client-go: whoever has another way to log in does not run the plugin.
        entry.exec = None;
    }
    Ok(entry)
}

/// What is left of a user entry where the connection is not TLS. client-go sends no credentials in the clear.
pub(super) fn in_the_clear(
    entry: AuthInfo,
    wanted: &Wanted,
    name: &str,
) -> Result<AuthInfo, ConnectError> {
    let mut bare = AuthInfo {
        impersonate: entry.impersonate,
        impersonate_uid: entry.impersonate_uid,
        impersonate_groups: entry.impersonate_groups,
        impersonate_user_extra: entry.impersonate_user_extra,
        ..AuthInfo::default()
    };
    drop_empty(&mut bare);
    impersonation(&mut bare, wanted, name)?;
    Ok(bare)
}

fn drop_empty(entry: &mut AuthInfo) {
    for field in [
        &mut entry.username,
        &mut entry.token_file,
        &mut entry.client_certificate,
        &mut entry.client_certificate_data,
        &mut entry.client_key,
        &mut entry.impersonate,
        &mut entry.impersonate_uid,
    ] {
        *field = field.take().filter(|text| !text.is_empty());
    }
    for field in [
        &mut entry.token_file,
        &mut entry.client_certificate,
        &mut entry.client_key,
    ] {
        drop_folder(field);
    }
    for field in [&mut entry.token, &mut entry.client_key_data] {
        *field = field
            .take()
            .filter(|secret| !secret.expose_secret().is_empty());
    }
    // YAML folds long lines; Go's decoder passes over the line breaks that are left, kube's does not.
    strip_blanks(&mut entry.client_certificate_data);
    entry.client_key_data = entry
        .client_key_data
        .take()
        .map(|key| SecretString::from(without_blanks(key.expose_secret())));
}

fn impersonation(entry: &mut AuthInfo, wanted: &Wanted, name: &str) -> Result<(), ConnectError> {
    if wanted.impersonate.is_some() {
        entry.impersonate.clone_from(&wanted.impersonate);
    }
    if wanted.impersonate_uid.is_some() {
        entry.impersonate_uid.clone_from(&wanted.impersonate_uid);
    }
    if !wanted.impersonate_groups.is_empty() {
        entry.impersonate_groups = Some(wanted.impersonate_groups.clone());
    }
    let groups = entry.impersonate_groups.iter().flatten();
    let extra = entry.impersonate_user_extra.iter().flatten();
    let has_more = entry.impersonate_uid.is_some() || groups.count() > 0 || extra.count() > 0;
    if has_more && entry.impersonate.is_none() {
        return Err(ConnectError::Contradiction(format!(
            "a uid, groups or extra values for user {name:?} are asked for without a user to impersonate; add --as"
        )));
    }
    Ok(())
}

fn client_certificate(entry: &mut AuthInfo, name: &str) -> Result<(), ConnectError> {
    let owner = format!("user {name:?}");
    if entry.client_certificate.is_none() && entry.client_certificate_data.is_none() {
        // A key alone is nothing: kubectl passes over it, kube would fail.
        entry.client_key = None;
        entry.client_key_data = None;
        return Ok(());
    }
    if entry.client_key.is_none() && entry.client_key_data.is_none() {
        return Err(ConnectError::Contradiction(format!(
            "{owner} has a client certificate but no key; add client-key or client-key-data, or --client-key"
        )));
    }
    match (&entry.client_certificate_data, &entry.client_certificate) {
        (Some(data), _) => decoded(
            data,
            "the client certificate",
            &owner,
            "client-certificate-data",
        )
        .map(|_| ()),
        (None, Some(path)) => readable(path, "the client certificate", &owner),
        (None, None) => Ok(()),
    }?;
    match (&entry.client_key_data, &entry.client_key) {
        (Some(data), _) => decoded(
            data.expose_secret(),
            "the client key",
            &owner,
            "client-key-data",
        )
        .map(|_| ()),
        (None, Some(path)) => readable(path, "the client key", &owner),
        (None, None) => Ok(()),
    }
}

/// Makes sure that the token fits into a header. One from a file is read here and stands beside the path of the file: kube
/// sends a file as it is, and most editors end it with a line break.
fn token(entry: &mut AuthInfo, name: &str) -> Result<(), ConnectError> {
    if let Some(token) = &entry.token {
        if !fits_header(token.expose_secret()) {
            return Err(ConnectError::Contradiction(format!(
                "the token of user {name:?} holds blanks, line breaks or letters that no HTTP header can carry"
            )));
        }
        entry.token_file = None;
    } else if let Some(path) = &entry.token_file {
        entry.token = Some(token_of(Path::new(path), name)?);
    }
    Ok(())
}

/// The token in a file.
pub(super) fn token_of(path: &Path, user: &str) -> Result<SecretString, ConnectError> {
    let owner = format!("user {user:?}");
    let text = std::fs::read_to_string(path)
        .map_err(|error| unreadable("the token", &owner, path, &error))?;
    let token = text.trim();
    if token.is_empty() || !fits_header(token) {
        return Err(ConnectError::Credential {
            what: "the token",
            owner,
            from: path.display().to_string(),
            why: "it is not a single token".to_owned(),
        });
    }
    Ok(SecretString::from(token))
}

fn fits_header(token: &str) -> bool {
    token.chars().all(|letter| letter.is_ascii_graphic())
}

/// Refuses what kubectl refuses; what kube knows of `gcp` would run a command in the middle of building the client.
fn provider(entry: &AuthInfo, name: &str) -> Result<(), ConnectError> {
    let Some(provider) = &entry.auth_provider else {
        return Ok(());
    };
    let advice = match provider.name.as_str() {
        "oidc" => return Ok(()),
        "gcp" => "which kubectl gave up with 1.26; use gke-gcloud-auth-plugin",
        "azure" => "which kubectl gave up with 1.26; use kubelogin of Azure",
        _ => "which is not known; use a credential plugin (exec)",
    };
    Err(ConnectError::Provider {
        user: name.to_owned(),
        name: provider.name.clone(),
        advice,
    })
}

fn readable(path: &str, what: &'static str, owner: &str) -> Result<(), ConnectError> {
    std::fs::read(path)
        .map(|_| ())
        .map_err(|error| unreadable(what, owner, Path::new(path), &error))
}

fn decoded(
    data: &str,
    what: &'static str,
    owner: &str,
    field: &str,
) -> Result<Vec<u8>, ConnectError> {
    STANDARD.decode(data).map_err(|_| ConnectError::Credential {
        what,
        owner: owner.to_owned(),
        from: field.to_owned(),
        why: "it is not base64".to_owned(),
    })
}

/// kube keeps paths as text.
fn path_text(path: Option<&Path>) -> Result<Option<String>, ConnectError> {
    path.map(|path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            ConnectError::Contradiction(format!("the path {} is not UTF-8", path.display()))
        })
    })
    .transpose()
}

/// An empty path: kube makes it absolute, which gives the folder of the kubeconfig.
fn drop_folder(path: &mut Option<String>) {
    *path = path
        .take()
        .filter(|path| !path.ends_with(std::path::MAIN_SEPARATOR));
}

fn without_blanks(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

fn strip_blanks(field: &mut Option<String>) {
    if let Some(text) = field {
        *text = without_blanks(text);
    }
}
