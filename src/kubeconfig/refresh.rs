//! Credentials that end while they are in use, or have ended before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{ConnectError, Connection, ExecSettings, credentials};
use crate::x509;

impl Connection {
    /// Takes credentials anew from where the old ones came from: the plugin runs again, the token file is read again.
    /// Returns whether that gave any; then a new client must be built.
    ///
    /// # Errors
    /// When the plugin fails, or the file cannot be read.
    pub async fn refresh_credentials(&mut self) -> Result<bool, ConnectError> {
        if let Some(ExecSettings {
            is_interactive: terminal,
            timeout: patience,
        }) = self.exec_settings
        {
            self.authenticate(terminal, patience).await?;
            return Ok(true);
        }
        let Some(path) = &self.token_file else {
            return Ok(false);
        };
        let fresh = credentials::read_token_file(path, &self.user_name)?;
        let old = &mut self.config.auth_info.token;
        let is_new = old.as_ref().map(ExposeSecret::expose_secret) != Some(fresh.expose_secret());
        *old = Some(fresh);
        Ok(is_new)
    }

    /// When our client certificate has ended, in words; none where it has not, or there is none.
    #[must_use]
    pub fn expired_client_certificate(&self, now: Timestamp) -> Option<String> {
        let entry = &self.config.auth_info;
        let pem = match (&entry.client_certificate_data, &entry.client_certificate) {
            (Some(data), _) => STANDARD.decode(data).ok()?,
            (None, Some(path)) => std::fs::read(path).ok()?,
            (None, None) => return None,
        };
        // The first one is ours, those that follow lead to the authority.
        let ends = x509::not_after_dates(&String::from_utf8_lossy(&pem));
        let end = ends.first().filter(|end| **end < now)?;
        Some(format!(
            "the client certificate of user {:?} expired at {end}, get a new one",
            self.user_name
        ))
    }
}
