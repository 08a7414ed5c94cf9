//! Bundles of certificates that the API server trusts when it calls somebody: whether any of them is still good.
//!
//! A bundle with one good certificate is good: that is how certificates are rotated.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::x509;

/// What a bundle is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaBundle {
    /// There is none: the API server trusts what its host trusts.
    Absent,
    /// It holds no certificate that can be read.
    Unreadable,
    /// The certificate that lasts longest lasts until then.
    ValidUntil(Timestamp),
}

impl CaBundle {
    /// Reads `caBundle` as it stands in an object: PEM in base64.
    pub(crate) fn decode(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Self::Absent;
        };
        expiry_times(text)
            .into_iter()
            .max()
            .map_or(Self::Unreadable, Self::ValidUntil)
    }

    /// What is wrong with it today.
    pub(crate) fn problem(self, now: Timestamp) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Unreadable => Some("caBundle holds no certificate".to_owned()),
            Self::ValidUntil(end) if end < now => {
                let day = end.to_zoned(jiff::tz::TimeZone::UTC).date();
                Some(format!("caBundle expired on {day}"))
            }
            Self::ValidUntil(_) => None,
        }
    }
}

/// The last second of each certificate that can be read.
pub(crate) fn expiry_times(bundle: &str) -> Vec<Timestamp> {
    let pem = STANDARD.decode(bundle).unwrap_or_default();
    x509::not_after_dates(&pem)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use jiff::Timestamp;

    use super::CaBundle;

    const EXPIRED: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJSakNCN3FBREFnRUNBZ0VCTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0hoY05NakF3TVRBeE1EQXdNREF3V2hjTk1qRXdNVEF4TURBd01EQXdXakFWTVJNd0VRWURWUVFEREFwMwpaV0pvYjI5ckxXTmhNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVKOXRnQytLOGFXZUFKZlgxCkdQM2pLU21oZ2cxTDZwYmNLWW5BbXM4NTVsdDR5dFBjdGxrSk1lMjhUaEQvOWc1NWFpMmg1bzd3eVp0bGhRRGoKUUsyZkFhTXZNQzB3REFZRFZSMFRCQVV3QXdFQi96QWRCZ05WSFE0RUZnUVUwTFdISFlxaklpbUoyVVpReS9HaAp0MFlKOGtrd0NnWUlLb1pJemowRUF3SURSd0F3UkFJZ081SjdBWW12V0tSUG5tS1Ztdk83L253UlVrQU9PMS9ZClZOQm9xdmNrZ0JBQ0lGUm51MWZYcnhHOHQ2MG1LdUUraUpmdXVNTDJwY0crQmd3Z2h6RmNHSTMzCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
    const FAR: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJTakNCOEtBREFnRUNBZ0VDTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0lCY05NakF3TVRBeE1EQXdNREF3V2hnUE1qQTVPVEF4TURFd01EQXdNREJhTUJVeEV6QVJCZ05WQkFNTQpDbmRsWW1odmIyc3RZMkV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFuMjJBTDRyeHBaNEFsCjlmVVkvZU1wS2FHQ0RVdnFsdHdwaWNDYXp6bm1XM2pLMDl5MldRa3g3YnhPRVAvMkRubHFMYUhtanZESm0yV0YKQU9OQXJaOEJveTh3TFRBTUJnTlZIUk1FQlRBREFRSC9NQjBHQTFVZERnUVdCQlRRdFljZGlxTWlLWW5aUmxETAo4YUczUmdueVNUQUtCZ2dxaGtqT1BRUURBZ05KQURCR0FpRUFsSk56STFQMzVmc0dscjBQaGlKT1Jxb1BJOE40Cm41TFFIbnY1TG1YM2NYQUNJUUN5dzV0OWJSNlJTZ2UralExNnFJcldpMG1NMGpsNWNxS3JGUTlFdFI0WXhRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    fn joined(bundles: &[&str]) -> String {
        let texts = bundles.iter().map(|bundle| STANDARD.decode(bundle));
        let all: Vec<u8> = texts.flat_map(|text| text.expect("base64")).collect();
        STANDARD.encode(all)
    }

    fn fault(bundle: &str) -> Option<String> {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        CaBundle::decode(Some(bundle)).problem(now)
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
}
