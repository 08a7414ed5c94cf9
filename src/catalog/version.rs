//! Versions of Kubernetes and platforms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::truncate;

/// Longer than any real version, such as `v1.27.3-gke.1200+build`.
const MAX_VERSION_LEN: usize = 256;

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version: {expected}")]
pub struct ParseVersionError {
    /// The text, truncated.
    pub text: String,
    /// The expected format.
    pub expected: &'static str,
}

impl ParseVersionError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: truncate(text, MAX_VERSION_LEN).to_owned(),
            expected,
        }
    }
}

/// A minor release such as `1.25`, the unit of version skew and API removals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl Minor {
    /// The minor after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            major: self.major,
            minor: self.minor.saturating_add(1),
        }
    }

    /// How many minors `self` is ahead of `other`: negative if behind, `None` across majors.
    #[must_use]
    pub fn minors_ahead_of(self, other: Self) -> Option<i64> {
        (self.major == other.major).then(|| i64::from(self.minor) - i64::from(other.minor))
    }
}

impl From<&semver::Version> for Minor {
    fn from(version: &semver::Version) -> Self {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            major: narrow(version.major),
            minor: narrow(version.minor),
        }
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Minor {
    type Err = ParseVersionError;

    /// Parses `1.25` and `v1.25`, and nothing longer.
    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let parts = text.strip_prefix('v').unwrap_or(text).split_once('.');
        parts
            .and_then(|(major, minor)| {
                Some(Self {
                    major: parse_digits(major)?,
                    minor: parse_digits(minor)?,
                })
            })
            .ok_or_else(|| ParseVersionError::new(text, "expected MAJOR.MINOR, such as 1.25"))
    }
}

/// Digits only: `u32::from_str` accepts a sign.
fn parse_digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// A Kubernetes version with its patch, such as `v1.27.3-gke.100` or `v1.24.17+k3s1`.
///
/// Build metadata and the suffixes of distributions are kept in [`Release::raw`] and ignored when versions are compared:
/// `v1.27.3-gke.100` *is* 1.27.3, it does not come before it as semantic versioning would have it. Only the upstream
/// pre-releases (`-alpha`, `-beta`, `-rc`) come before their release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Major, minor, patch, and an upstream pre-release if it is one.
    pub semver: semver::Version,
    /// As the cluster or the user wrote it, with no leading `v`.
    pub raw: String,
}

impl Release {
    /// The minor this release belongs to.
    #[must_use]
    pub fn minor(&self) -> Minor {
        Minor::from(&self.semver)
    }

    /// Major, minor and patch with no suffix: `1.27.3`.
    #[must_use]
    pub fn without_suffix(&self) -> Self {
        let semver = semver::Version::new(self.semver.major, self.semver.minor, self.semver.patch);
        Self {
            raw: semver.to_string(),
            semver,
        }
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Release {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.semver
            .cmp(&other.semver)
            .then_with(|| self.raw.cmp(&other.raw))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl FromStr for Release {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let bad = || ParseVersionError::new(text, "expected MAJOR.MINOR.PATCH, such as v1.25.3");
        if text.len() > MAX_VERSION_LEN {
            return Err(bad());
        }
        let raw = text.strip_prefix('v').unwrap_or(text);
        let (numbers, suffix) = match raw.find(['-', '+']) {
            Some(at) => raw.split_at(at),
            None => (raw, ""),
        };
        let mut semver: semver::Version = numbers.parse().map_err(|_| bad())?;
        let upstream = ["-alpha", "-beta", "-rc"]
            .iter()
            .any(|prefix| suffix.starts_with(prefix));
        if upstream {
            let pre = suffix[1..].split('+').next().unwrap_or_default();
            semver.pre = semver::Prerelease::new(pre).map_err(|_| bad())?;
        }
        Ok(Self {
            semver,
            raw: raw.to_owned(),
        })
    }
}

/// A version as a component reports it, kept verbatim even if it is not a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ReportedVersion {
    raw: String,
    release: Option<Release>,
}

impl ReportedVersion {
    /// The release it names; `None` if it is not a version.
    #[must_use]
    pub const fn release(&self) -> Option<&Release> {
        self.release.as_ref()
    }
}

impl From<String> for ReportedVersion {
    fn from(raw: String) -> Self {
        let release = raw.parse::<Release>().ok();
        // `v0.0.0-master+$Format:%H$` is what a build without a version reports.
        // Source: k8s.io/component-base version/base.go.
        let release = release.filter(|release| release.semver.major > 0);
        Self { raw, release }
    }
}

impl From<ReportedVersion> for String {
    fn from(version: ReportedVersion) -> Self {
        version.raw
    }
}

impl AsRef<str> for ReportedVersion {
    fn as_ref(&self) -> &str {
        &self.raw
    }
}

impl fmt::Display for ReportedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Minor, Release};

    fn release(text: &str) -> Release {
        text.parse().expect("a release")
    }

    #[test]
    fn distributions_write_the_same_release_in_many_ways() {
        for text in [
            "v1.27.3",
            "1.27.3",
            "v1.27.3-gke.100",
            "v1.27.3-eks-a5565ad",
            "v1.27.3+k3s1",
            "v1.27.3+rke2r1",
            "v1.27.3-dispatcher.1+build",
        ] {
            assert_eq!(release(text).without_suffix().raw, "1.27.3", "{text}");
            assert!(
                release(text).semver >= release("1.27.3").semver,
                "{text} is not before its release"
            );
        }
        assert!(release("v1.37.0-rc.0") < release("v1.37.0"));
        assert_eq!(release("v1.27.3-gke.100").to_string(), "1.27.3-gke.100");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "", "v", "1", "1.27", "1.27.x", "latest", "1.27.3.4", "-1.2.3",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
        for text in ["", "1", "1.", ".25", "1.25.3", "1.+5", "1.-5", "1.2 5"] {
            assert!(text.parse::<Minor>().is_err(), "{text}");
        }
    }

    #[test]
    fn minors_count() {
        let (old, new): (Minor, Minor) = (
            "1.9".parse().expect("a minor"),
            "v1.25".parse().expect("a minor"),
        );
        assert!(old < new);
        assert_eq!(new.minors_ahead_of(old), Some(16));
        assert_eq!(old.next().to_string(), "1.10");
    }

    /// Text that looks like a version, or almost.
    fn versions() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            (0..40_u32).prop_map(|number| number.to_string()),
            Just("4294967295".to_owned()),
            Just("18446744073709551616".to_owned()),
            "[0-9+x-]{0,3}",
        ];
        let suffix = prop_oneof![
            Just(String::new()),
            "[-+](alpha|beta|rc|gke|eks|k3s|rke2r)?[.]?[0-9a-z.+-]{0,8}",
            any::<String>(),
        ];
        ("v{0,2}", proptest::collection::vec(number, 0..5), suffix)
            .prop_map(|(v, numbers, suffix)| format!("{v}{}{suffix}", numbers.join(".")))
    }

    proptest! {
        #![proptest_config(crate::mutate::cases(2000))]

        #[test]
        fn what_is_a_version_is_read_again_as_the_same(text in versions(), other in versions()) {
            if let Ok(minor) = text.parse::<Minor>() {
                prop_assert_eq!(minor.to_string().parse::<Minor>(), Ok(minor));
                prop_assert!(minor.next() >= minor);
            }
            if let Ok(release) = text.parse::<Release>() {
                let again: Release = release.to_string().parse().expect("it was one");
                prop_assert_eq!(&again, &release);
                let plain = release.without_suffix();
                prop_assert_eq!(plain.raw.parse(), Ok(plain));
                // Numbers decide first, whatever stands behind them.
                let core = |release: &Release| (release.semver.major, release.semver.minor, release.semver.patch);
                if let Ok(other) = other.parse::<Release>() {
                    prop_assert!(core(&release) >= core(&other) || release < other);
                    prop_assert_eq!(release.cmp(&other), other.cmp(&release).reverse());
                }
                let _ = release.minor().next();
            }
        }
    }

    #[test]
    fn a_long_text_is_no_version_and_not_shown_whole() {
        let long = format!("1.2.3-{}", "x".repeat(1 << 20));
        let error = long.parse::<Release>().expect_err("too long");
        assert!(error.to_string().len() < 1000);
    }
}
