//! The certificate authority, and the credentials of the user entry with the flags applied.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster};
use secrecy::{ExposeSecret, SecretString};

use super::error::{ConnectError, unreadable_credential};
use super::options::ConnectOptions;
use crate::x509;

/// Applies the flags to a cluster entry, by the rules of kubectl: a CA flag undoes `insecure-skip-tls-verify` of the
/// entry, the insecure flag undoes its CA, and an address undoes its `tls-server-name`.
pub(super) fn apply_cluster_flags(
    entry: &mut Cluster,
    options: &ConnectOptions,
) -> Result<(), ConnectError> {
    for field in [
        &mut entry.server,
        &mut entry.certificate_authority,
        &mut entry.certificate_authority_data,
        &mut entry.tls_server_name,
        &mut entry.proxy_url,
    ] {
        field.take_if(|text| text.is_empty());
    }
    drop_empty_path(&mut entry.certificate_authority);
    strip_whitespace(&mut entry.certificate_authority_data);
    if options.insecure_skip_tls_verify || options.certificate_authority.is_some() {
        entry.insecure_skip_tls_verify = Some(options.insecure_skip_tls_verify);
        entry.certificate_authority_data = None;
        entry.certificate_authority = path_to_utf8(options.certificate_authority.as_deref())?;
    }
    if options.server.is_some() || options.tls_server_name.is_some() {
        entry.tls_server_name.clone_from(&options.tls_server_name);
    }
    if options.disable_compression {
        entry.disable_compression = Some(true);
    }
    if let Some(server) = &options.server {
        entry.server = Some(server.clone());
    }
    let has_ca =
        entry.certificate_authority.is_some() || entry.certificate_authority_data.is_some();
    if has_ca && entry.insecure_skip_tls_verify == Some(true) {
        return Err(ConnectError::InvalidOptions(
            "a certificate authority together with insecure-skip-tls-verify is not allowed; leave one of them out"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The certificates of the authority in DER; `None` to use those of the operating system.
pub(super) fn load_certificate_authority(
    entry: &Cluster,
    owner: &str,
) -> Result<Option<Vec<Vec<u8>>>, ConnectError> {
    const WHAT: &str = "the certificate authority";
    let source = CredentialSource {
        what: WHAT,
        data: entry.certificate_authority_data.as_deref(),
        field: "certificate-authority-data",
        path: entry.certificate_authority.as_deref(),
    };
    let Some(pem) = source.read(owner)? else {
        return Ok(None);
    };
    let certificates = x509::pem_certificates(&pem);
    if certificates.is_empty() {
        return Err(ConnectError::InvalidCredential {
            what: WHAT,
            owner: owner.to_owned(),
            from: source.place().to_owned(),
            why: "there is no PEM certificate in it".to_owned(),
        });
    }
    Ok(Some(certificates))
}

/// Applies the flags to a user entry and checks that its credentials can be loaded.
pub(super) fn apply_user_flags(
    mut entry: AuthInfo,
    options: &ConnectOptions,
    name: &str,
) -> Result<AuthInfo, ConnectError> {
    drop_empty(&mut entry);
    if let Some(token) = &options.token {
        entry.token = Some(token.clone());
        // kube would prefer each of these to the token.
        entry.auth_provider = None;
        entry.username = None;
        entry.password = None;
        entry.token_file = None;
        entry.exec = None;
    }
    if options.client_certificate.is_some() {
        entry.client_certificate = path_to_utf8(options.client_certificate.as_deref())?;
        entry.client_certificate_data = None;
    }
    if options.client_key.is_some() {
        entry.client_key = path_to_utf8(options.client_key.as_deref())?;
        entry.client_key_data = None;
    }
    apply_impersonation(&mut entry, options, name)?;
    check_client_certificate(&mut entry, name)?;
    load_token(&mut entry, name)?;
    check_auth_provider(&entry, name)?;
    let named = entry.token.is_some()
        || entry.token_file.is_some()
        || entry.username.is_some()
        || entry.client_certificate.is_some()
        || entry.client_certificate_data.is_some();
    if named {
        // As in client-go: with other credentials the plugin is not run.
        entry.exec = None;
    }
    Ok(entry)
}

/// What is left of a user entry where the connection is not TLS. client-go sends no credentials in the clear.
pub(super) fn without_credentials(
    entry: AuthInfo,
    options: &ConnectOptions,
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
    apply_impersonation(&mut bare, options, name)?;
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
        field.take_if(|text| text.is_empty());
    }
    for field in [
        &mut entry.token_file,
        &mut entry.client_certificate,
        &mut entry.client_key,
    ] {
        drop_empty_path(field);
    }
    for field in [&mut entry.token, &mut entry.client_key_data] {
        field.take_if(|secret| secret.expose_secret().is_empty());
    }
    // YAML folds long lines; Go's decoder passes over the line breaks that are left, kube's does not.
    strip_whitespace(&mut entry.client_certificate_data);
    if let Some(key) = &mut entry.client_key_data {
        *key = without_whitespace(key.expose_secret()).into();
    }
}

fn apply_impersonation(
    entry: &mut AuthInfo,
    options: &ConnectOptions,
    name: &str,
) -> Result<(), ConnectError> {
    if options.impersonate.is_some() {
        entry.impersonate.clone_from(&options.impersonate);
    }
    if options.impersonate_uid.is_some() {
        entry.impersonate_uid.clone_from(&options.impersonate_uid);
    }
    if !options.impersonate_groups.is_empty() {
        entry.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    let groups = entry.impersonate_groups.iter().flatten();
    let extra = entry.impersonate_user_extra.iter().flatten();
    let has_more = entry.impersonate_uid.is_some() || groups.count() > 0 || extra.count() > 0;
    if has_more && entry.impersonate.is_none() {
        return Err(ConnectError::InvalidOptions(format!(
            "a uid, groups or extra values for user {name:?} are set without a user to impersonate; add --as"
        )));
    }
    Ok(())
}

fn check_client_certificate(entry: &mut AuthInfo, name: &str) -> Result<(), ConnectError> {
    let owner = format!("user {name:?}");
    if entry.client_certificate.is_none() && entry.client_certificate_data.is_none() {
        // kubectl ignores a key without a certificate; kube would fail.
        entry.client_key = None;
        entry.client_key_data = None;
        return Ok(());
    }
    if entry.client_key.is_none() && entry.client_key_data.is_none() {
        return Err(ConnectError::InvalidOptions(format!(
            "{owner} has a client certificate but no key; add client-key or client-key-data, or --client-key"
        )));
    }
    let certificate = CredentialSource {
        what: "the client certificate",
        data: entry.client_certificate_data.as_deref(),
        field: "client-certificate-data",
        path: entry.client_certificate.as_deref(),
    };
    let key = CredentialSource {
        what: "the client key",
        data: entry
            .client_key_data
            .as_ref()
            .map(ExposeSecret::expose_secret),
        field: "client-key-data",
        path: entry.client_key.as_deref(),
    };
    certificate.read(&owner)?;
    key.read(&owner)?;
    Ok(())
}

/// Loads the token: that of the file while it can be read, otherwise the one beside it, as client-go does
/// (client-go transport/round_trippers.go `bearerAuthRoundTripper`). kube would send the file with its final newline.
fn load_token(entry: &mut AuthInfo, name: &str) -> Result<(), ConnectError> {
    let from_file = entry.token_file.as_deref();
    match from_file.map(|path| read_token_file(Path::new(path), name)) {
        Some(Ok(token)) => entry.token = Some(token),
        Some(Err(error)) if entry.token.is_none() => return Err(error),
        Some(Err(_)) | None => entry.token_file = None,
    }
    match &entry.token {
        Some(token) if !is_header_safe(token.expose_secret()) => {
            Err(ConnectError::InvalidOptions(format!(
                "the token of user {name:?} contains characters that an HTTP header cannot carry, such as spaces or line breaks"
            )))
        }
        _ => Ok(()),
    }
}

/// The token in a file.
pub(super) fn read_token_file(path: &Path, user: &str) -> Result<SecretString, ConnectError> {
    let owner = format!("user {user:?}");
    let text = std::fs::read_to_string(path)
        .map_err(|error| unreadable_credential("the token", &owner, path, &error))?;
    let token = text.trim();
    if token.is_empty() || !is_header_safe(token) {
        return Err(ConnectError::InvalidCredential {
            what: "the token",
            owner,
            from: path.display().to_string(),
            why: "it is not a single token".to_owned(),
        });
    }
    Ok(SecretString::from(token))
}

fn is_header_safe(token: &str) -> bool {
    token.chars().all(|letter| letter.is_ascii_graphic())
}

/// Rejects the providers that kubectl rejects; for `gcp`, kube would run a command while it builds the client.
fn check_auth_provider(entry: &AuthInfo, name: &str) -> Result<(), ConnectError> {
    let Some(provider) = &entry.auth_provider else {
        return Ok(());
    };
    let advice = match provider.name.as_str() {
        "oidc" => return Ok(()),
        "gcp" => "which kubectl removed in 1.26; use gke-gcloud-auth-plugin",
        "azure" => "which kubectl removed in 1.26; use kubelogin of Azure",
        _ => "which is unknown; use a credential plugin (exec)",
    };
    Err(ConnectError::UnsupportedAuthProvider {
        user: name.to_owned(),
        name: provider.name.clone(),
        advice,
    })
}

/// Where a credential is: base64 in the kubeconfig, which counts, or a file.
struct CredentialSource<'a> {
    what: &'static str,
    data: Option<&'a str>,
    /// The field of `data`.
    field: &'static str,
    path: Option<&'a str>,
}

impl CredentialSource<'_> {
    fn place(&self) -> &str {
        self.path
            .filter(|_| self.data.is_none())
            .unwrap_or(self.field)
    }

    /// Its content; `None` if there is none.
    fn read(&self, owner: &str) -> Result<Option<Vec<u8>>, ConnectError> {
        match (self.data, self.path) {
            (Some(data), _) => {
                let decoded = STANDARD.decode(data);
                let decoded = decoded.map_err(|_| ConnectError::InvalidCredential {
                    what: self.what,
                    owner: owner.to_owned(),
                    from: self.field.to_owned(),
                    why: "it is not base64".to_owned(),
                });
                decoded.map(Some)
            }
            (None, Some(path)) => std::fs::read(path)
                .map(Some)
                .map_err(|error| unreadable_credential(self.what, owner, Path::new(path), &error)),
            (None, None) => Ok(None),
        }
    }
}

/// kube keeps paths as text.
fn path_to_utf8(path: Option<&Path>) -> Result<Option<String>, ConnectError> {
    path.map(|path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            ConnectError::InvalidOptions(format!("the path {} is not UTF-8", path.display()))
        })
    })
    .transpose()
}

/// Drops an empty path, which kube has made absolute: the directory of the kubeconfig.
fn drop_empty_path(path: &mut Option<String>) {
    path.take_if(|path| path.ends_with(std::path::MAIN_SEPARATOR));
}

fn without_whitespace(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

fn strip_whitespace(field: &mut Option<String>) {
    if let Some(text) = field {
        *text = without_whitespace(text);
    }
}
