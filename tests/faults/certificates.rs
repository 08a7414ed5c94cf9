//! Certificates as a test wants them, and servers that show them.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::proxy::Front;

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Whether a certificate is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Good,
    /// It ended with the year 2020.
    Over,
}

/// Who must show a certificate to the server.
pub(crate) enum Clients<'a> {
    Any,
    Of(&'a Authority),
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let made = CertifiedIssuer::self_signed(params, key());
        Self(made.expect("an authority"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server for this name or address.
    pub(crate) fn server(&self, name: &str, life: Life, clients: Clients<'_>) -> Front {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        lives(&mut params, life);
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let config = match clients {
            Clients::Any => config.with_no_client_auth(),
            Clients::Of(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let config = config.with_single_cert(vec![certificate.der().clone()], secret);
        Front::Tls(TlsAcceptor::from(Arc::new(config.expect("a server"))))
    }

    /// The user entry of an administrator with a certificate.
    pub(crate) fn user(&self, life: Life) -> Value {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "admin");
        let group = DnType::OrganizationName;
        params.distinguished_name.push(group, "system:masters");
        lives(&mut params, life);
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        json!({
            "client-certificate-data": base64(&certificate.pem()),
            "client-key-data": base64(&key.serialize_pem()),
        })
    }

    /// The cluster entry that trusts this authority.
    pub(crate) fn cluster(&self, port: u16) -> Value {
        json!({
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority-data": base64(&self.pem()),
        })
    }
}

fn lives(params: &mut CertificateParams, life: Life) {
    if life == Life::Over {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
