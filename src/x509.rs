//! The last day of a certificate.
//!
//! The few bytes on the way to it are read here; a library for all of X.509 would be a large one for that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const PEM_END: &str = "-----END CERTIFICATE-----";

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The last second of each certificate of a PEM text that can be read, in their order.
pub(crate) fn not_after_dates(pem: &str) -> Vec<Timestamp> {
    let blocks = pem.split(PEM_BEGIN).skip(1);
    blocks
        .filter_map(|rest| {
            let body: String = rest.split(PEM_END).next()?.split_whitespace().collect();
            not_after(&STANDARD.decode(body).ok()?)
        })
        .collect()
}

/// The last second of a certificate: RFC 5280, section 4.1.
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

/// Certificates that say nothing but when they end: what [`ends`] reads again.
pub(crate) fn expiry_only_pem(ends: &[Timestamp]) -> String {
    // None of them is longer than 127 bytes, so that one byte says how long.
    let wrap = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let certificate = |end: &Timestamp| {
        let end = end.strftime("%Y%m%d%H%M%SZ").to_string();
        let begin = wrap(GENERALIZED_TIME, b"19700101000000Z");
        let validity = [begin, wrap(GENERALIZED_TIME, end.as_bytes())].concat();
        let empty = wrap(SEQUENCE, &[]);
        let body = [
            wrap(INTEGER, &[1]),
            empty.clone(),
            empty,
            wrap(SEQUENCE, &validity),
        ];
        let der = wrap(SEQUENCE, &wrap(SEQUENCE, &body.concat()));
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(der))
    };
    ends.iter().map(certificate).collect()
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
        -----END CERTIFICATE-----";

    #[test]
    fn the_last_second_is_read() {
        let ends: Vec<String> = super::not_after_dates(&EXPIRED.repeat(2))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(ends, ["2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]);
        assert!(super::not_after_dates("no certificate").is_empty());
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
