//! Bundles of certificates that the API server trusts when it calls somebody: whether any of them is still good.
//!
//! A bundle with one good certificate is good: that is how certificates are rotated. The few bytes on the way to a
//! certificate's last day are read here; a library for all of X.509 would be a large one for that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What a bundle is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bundle {
    /// There is none: the API server trusts what its host trusts.
    Absent,
    /// It holds no certificate that can be read.
    Unreadable,
    /// The certificate that lasts longest lasts until then.
    Until(Timestamp),
}

impl Bundle {
    /// Reads `caBundle` as it stands in an object: PEM in base64.
    pub(super) fn read(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Self::Absent;
        };
        ends(text)
            .into_iter()
            .max()
            .map_or(Self::Unreadable, Self::Until)
    }

    /// What is wrong with it today.
    pub(super) fn fault(self, now: Timestamp) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Unreadable => Some("caBundle holds no certificate".to_owned()),
            Self::Until(end) if end < now => {
                let day = end.to_zoned(jiff::tz::TimeZone::UTC).date();
                Some(format!("caBundle expired on {day}"))
            }
            Self::Until(_) => None,
        }
    }
}

/// The last second of each certificate that can be read.
pub(super) fn ends(bundle: &str) -> Vec<Timestamp> {
    let pem = STANDARD.decode(bundle).unwrap_or_default();
    let pem = String::from_utf8_lossy(&pem);
    let blocks = pem.split(BEGIN).skip(1);
    blocks
        .filter_map(|rest| {
            let body: String = rest.split(END).next()?.split_whitespace().collect();
            not_after(&STANDARD.decode(body).ok()?)
        })
        .collect()
}

/// The last second of a certificate: RFC 5280, section 4.1.
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut body, _) = element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = element(body, EXPLICIT_VERSION) {
        body = rest;
    }
    let (_, body) = element(body, INTEGER)?;
    let (_, body) = element(body, SEQUENCE)?;
    let (_, body) = element(body, SEQUENCE)?;
    let (validity, _) = element(body, SEQUENCE)?;
    let (_, end) = time(validity)?;
    time(end).map(|(time, _)| time)
}

fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (digits, rest, century) = match element(der, UTC_TIME) {
        // RFC 5280, section 4.1.2.5.1: two digits stand for 1950 to 2049.
        Some((text, rest)) => (text, rest, if *text.first()? < b'5' { "20" } else { "19" }),
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
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
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
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
    use jiff::Timestamp;

    use super::Bundle;

    const EXPIRED: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJSakNCN3FBREFnRUNBZ0VCTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0hoY05NakF3TVRBeE1EQXdNREF3V2hjTk1qRXdNVEF4TURBd01EQXdXakFWTVJNd0VRWURWUVFEREFwMwpaV0pvYjI5ckxXTmhNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVKOXRnQytLOGFXZUFKZlgxCkdQM2pLU21oZ2cxTDZwYmNLWW5BbXM4NTVsdDR5dFBjdGxrSk1lMjhUaEQvOWc1NWFpMmg1bzd3eVp0bGhRRGoKUUsyZkFhTXZNQzB3REFZRFZSMFRCQVV3QXdFQi96QWRCZ05WSFE0RUZnUVUwTFdISFlxaklpbUoyVVpReS9HaAp0MFlKOGtrd0NnWUlLb1pJemowRUF3SURSd0F3UkFJZ081SjdBWW12V0tSUG5tS1Ztdk83L253UlVrQU9PMS9ZClZOQm9xdmNrZ0JBQ0lGUm51MWZYcnhHOHQ2MG1LdUUraUpmdXVNTDJwY0crQmd3Z2h6RmNHSTMzCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
    const FAR: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJTakNCOEtBREFnRUNBZ0VDTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0lCY05NakF3TVRBeE1EQXdNREF3V2hnUE1qQTVPVEF4TURFd01EQXdNREJhTUJVeEV6QVJCZ05WQkFNTQpDbmRsWW1odmIyc3RZMkV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFuMjJBTDRyeHBaNEFsCjlmVVkvZU1wS2FHQ0RVdnFsdHdwaWNDYXp6bm1XM2pLMDl5MldRa3g3YnhPRVAvMkRubHFMYUhtanZESm0yV0YKQU9OQXJaOEJveTh3TFRBTUJnTlZIUk1FQlRBREFRSC9NQjBHQTFVZERnUVdCQlRRdFljZGlxTWlLWW5aUmxETAo4YUczUmdueVNUQUtCZ2dxaGtqT1BRUURBZ05KQURCR0FpRUFsSk56STFQMzVmc0dscjBQaGlKT1Jxb1BJOE40Cm41TFFIbnY1TG1YM2NYQUNJUUN5dzV0OWJSNlJTZ2UralExNnFJcldpMG1NMGpsNWNxS3JGUTlFdFI0WXhRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    fn joined(bundles: &[&str]) -> String {
        let texts = bundles.iter().map(|bundle| STANDARD.decode(bundle));
        let all: Vec<u8> = texts.flat_map(|text| text.expect("base64")).collect();
        STANDARD.encode(all)
    }

    fn fault(bundle: &str) -> Option<String> {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        Bundle::read(Some(bundle)).fault(now)
    }

    #[test]
    fn one_good_certificate_is_enough() {
        assert_eq!(
            fault(EXPIRED).as_deref(),
            Some("caBundle expired on 2021-01-01")
        );
        assert_eq!(fault(FAR), None, "a year beyond 2049");
        assert_eq!(fault(&joined(&[EXPIRED, FAR])), None);
        assert_eq!(fault(&joined(&[FAR, EXPIRED])), None);
        assert_eq!(fault(""), None, "what the host trusts");
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let cut = joined(&[EXPIRED]);
        for bundle in ["Cg==", "!", "bm9uZQ==", &cut[..200]] {
            assert_eq!(
                fault(bundle).as_deref(),
                Some("caBundle holds no certificate"),
                "{bundle}"
            );
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let der = STANDARD.decode(EXPIRED).expect("base64");
        let pem = String::from_utf8(der).expect("PEM");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("base64");
        for at in 0..der.len() {
            assert!(super::not_after(&der[..at]).is_none() || at > 60);
            let mut other = der.clone();
            other[at] ^= 0xff;
            let _ = super::not_after(&other);
        }
    }
}
