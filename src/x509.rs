//! The end of a certificate's validity.
//!
//! The few bytes on the way to it are parsed here; a library for all of X.509 would be large for that.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// How a redacted snapshot keeps the end of a certificate: a line with this prefix.
const NOT_AFTER_PREFIX: &str = "not after ";

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The certificates of a PEM text in DER, in their order. Damaged ones are skipped, as in Go.
pub(crate) fn pem_certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem)
        .flatten()
        .map(|certificate| certificate.to_vec())
        .filter(|der| !der.is_empty())
        .collect()
}

/// `notAfter` of each certificate of a PEM text, in their order, or the dates of a [redacted](redact_pem) text.
pub(crate) fn not_after_dates(text: &[u8]) -> Vec<Timestamp> {
    let certificates = pem_certificates(text);
    let dates = certificates.iter().filter_map(|der| not_after(der));
    let text = String::from_utf8_lossy(text);
    let redacted = text.lines().filter_map(|line| {
        let date = line.strip_prefix(NOT_AFTER_PREFIX)?;
        date.parse().ok()
    });
    dates.chain(redacted).collect()
}

/// A text that keeps nothing of certificates but [`not_after_dates`].
pub(crate) fn redact_pem(pem: &[u8]) -> String {
    let dates = not_after_dates(pem).into_iter();
    dates
        .map(|date| format!("{NOT_AFTER_PREFIX}{date}\n"))
        .collect()
}

/// `notAfter` of a certificate: RFC 5280, section 4.1.
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = der_element(certificate, SEQUENCE)?;
    let (mut body, _) = der_element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = der_element(body, EXPLICIT_VERSION) {
        body = rest;
    }
    let (_, body) = der_element(body, INTEGER)?;
    let (_, body) = der_element(body, SEQUENCE)?;
    let (_, body) = der_element(body, SEQUENCE)?;
    let (validity, _) = der_element(body, SEQUENCE)?;
    let (_, end) = der_time(validity)?;
    der_time(end).map(|(time, _)| time)
}

fn der_time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (digits, rest, century) = match der_element(der, UTC_TIME) {
        // RFC 5280, section 4.1.2.5.1: two digits stand for 1950 to 2049.
        Some((text, rest)) => (text, rest, if *text.first()? < b'5' { "20" } else { "19" }),
        None => {
            let (text, rest) = der_element(der, GENERALIZED_TIME)?;
            (text, rest, "")
        }
    };
    let text = format!("{century}{}", std::str::from_utf8(digits).ok()?);
    let part = |from: usize, to: usize| text.get(from..to);
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    Some((written.parse().ok()?, rest))
}

/// The content of the first element, if it has this tag, and what follows it.
fn der_element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    if first != tag {
        return None;
    }
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
            let length = bytes
                .iter()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    const EXPIRED: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBRjCB7qADAgECAgEBMAoGCCqGSM49BAMCMBUxEzARBgNVBAMMCndlYmhvb2st\n\
        Y2EwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAVMRMwEQYDVQQDDAp3\n\
        ZWJob29rLWNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJ9tgC+K8aWeAJfX1\n\
        GP3jKSmhgg1L6pbcKYnAms855lt4ytPctlkJMe28ThD/9g55ai2h5o7wyZtlhQDj\n\
        QK2fAaMvMC0wDAYDVR0TBAUwAwEB/zAdBgNVHQ4EFgQU0LWHHYqjIimJ2UZQy/Gh\n\
        t0YJ8kkwCgYIKoZIzj0EAwIDRwAwRAIgO5J7AYmvWKRPnmKVmvO7/nwRUkAOO1/Y\n\
        VNBoqvckgBACIFRnu1fXrxG8t60mKuE+iJfuuML2pcG+BgwghzFcGI33\n\
        -----END CERTIFICATE-----\n";

    #[test]
    fn the_last_second_is_read() {
        let ends: Vec<String> = super::not_after_dates(EXPIRED.repeat(2).as_bytes())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(ends, ["2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]);
        assert!(super::not_after_dates(b"no certificate").is_empty());
    }

    #[test]
    fn a_redacted_text_keeps_the_dates_and_nothing_else() {
        let text = super::redact_pem(EXPIRED.repeat(2).as_bytes());
        assert_eq!(text, "not after 2021-01-01T00:00:00Z\n".repeat(2));
        let dates = super::not_after_dates(text.as_bytes());
        assert_eq!(dates, super::not_after_dates(EXPIRED.repeat(2).as_bytes()));
        assert_eq!(super::redact_pem(b"no certificate"), "");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let body: String = EXPIRED
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = STANDARD.decode(body).expect("base64");
        for at in 0..der.len() {
            assert!(super::not_after(&der[..at]).is_none() || at > 60);
            let mut other = der.clone();
            other[at] ^= 0xff;
            let _ = super::not_after(&other);
        }
    }
}
