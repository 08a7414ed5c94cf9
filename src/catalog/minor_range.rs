//! Ranges of minors, and versions of varying precision.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{Minor, ParseVersionError, Release};

/// An inclusive range of minors; either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MinorRange {
    /// The first minor; `None` if open.
    pub oldest: Option<Minor>,
    /// The last minor; `None` if open.
    pub newest: Option<Minor>,
}

impl MinorRange {
    /// All minors.
    pub const ANY: Self = Self {
        oldest: None,
        newest: None,
    };

    /// Whether the range contains a minor.
    #[must_use]
    pub fn contains(&self, minor: Minor) -> bool {
        self.distance(minor) == 0
    }

    /// How many minors lie between the range and a minor; across majors, more than any range is long.
    #[must_use]
    pub fn distance(&self, minor: Minor) -> u32 {
        let far = |from: Minor, to: Minor| match to.minors_ahead_of(from) {
            Some(minors) => u32::try_from(minors).unwrap_or(0),
            None => 1000 * to.major.abs_diff(from.major),
        };
        match (self.oldest, self.newest) {
            (Some(oldest), _) if minor < oldest => far(minor, oldest),
            (_, Some(newest)) if newest < minor => far(newest, minor),
            _ => 0,
        }
    }
}

impl fmt::Display for MinorRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.oldest, self.newest) {
            (Some(oldest), Some(newest)) if oldest == newest => oldest.fmt(f),
            (Some(oldest), Some(newest)) => write!(f, "{oldest} to {newest}"),
            (Some(oldest), None) => write!(f, "{oldest} and later"),
            (None, Some(newest)) => write!(f, "up to {newest}"),
            (None, None) => f.write_str("any"),
        }
    }
}

impl FromStr for MinorRange {
    type Err = ParseVersionError;

    /// Reads `1.21..1.22`, `1.21..`, `..1.22`, `..` and `1.21` alone.
    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let end = |end: &str| match end {
            "" => Ok(None),
            minor => minor.parse().map(Some),
        };
        match text.split_once("..") {
            Some((oldest, newest)) => Ok(Self {
                oldest: end(oldest)?,
                newest: end(newest)?,
            }),
            None => {
                let minor = Some(text.parse()?);
                Ok(Self {
                    oldest: minor,
                    newest: minor,
                })
            }
        }
    }
}

/// A version as users write it: a minor or a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSpec {
    /// `1.25`: its newest patch or all of its patches.
    Minor(Minor),
    /// `1.25.3`.
    Release(Release),
}

impl VersionSpec {
    /// The minor it belongs to.
    #[must_use]
    pub fn minor(&self) -> Minor {
        match self {
            Self::Minor(minor) => *minor,
            Self::Release(release) => release.minor(),
        }
    }

    /// The release, if it names one rather than a whole minor.
    #[must_use]
    pub const fn release(&self) -> Option<&Release> {
        match self {
            Self::Minor(_) => None,
            Self::Release(release) => Some(release),
        }
    }

    /// Whether it names this release or its minor.
    #[must_use]
    pub fn matches(&self, release: &Release) -> bool {
        match self {
            Self::Minor(minor) => release.minor() == *minor,
            Self::Release(one) => one.semver == release.semver,
        }
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => minor.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for VersionSpec {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        text.parse()
            .map(Self::Minor)
            .or_else(|_| text.parse().map(Self::Release))
    }
}

impl PartialOrd for VersionSpec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A minor sorts before its releases.
impl Ord for VersionSpec {
    fn cmp(&self, other: &Self) -> Ordering {
        let minors = self.minor().cmp(&other.minor());
        minors.then_with(|| self.release().cmp(&other.release()))
    }
}

/// An inclusive range of releases. An end that is a minor stands for all of its patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    /// First version.
    pub oldest: VersionSpec,
    /// Last version.
    pub newest: VersionSpec,
}

impl VersionRange {
    /// Whether the range contains a release.
    #[must_use]
    pub fn contains(&self, release: &Release) -> bool {
        let after = match &self.oldest {
            VersionSpec::Minor(minor) => *minor <= release.minor(),
            VersionSpec::Release(oldest) => oldest.semver <= release.semver,
        };
        let before = match &self.newest {
            VersionSpec::Minor(minor) => release.minor() <= *minor,
            VersionSpec::Release(newest) => release.semver <= newest.semver,
        };
        after && before
    }

    /// The minor and patch of its end, as a sort key.
    #[must_use]
    pub fn newest_key(&self) -> (Minor, u64) {
        match &self.newest {
            VersionSpec::Minor(minor) => (*minor, u64::MAX),
            VersionSpec::Release(release) => (release.minor(), release.semver.patch),
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.newest {
            newest if *newest == self.oldest => newest.fmt(f),
            VersionSpec::Minor(minor) if *minor == self.oldest.minor() => {
                write!(f, "{} and later patches of {minor}", self.oldest)
            }
            newest => write!(f, "{} to {newest}", self.oldest),
        }
    }
}

impl FromStr for VersionRange {
    type Err = ParseVersionError;

    /// Reads `1.12`, `1.10.0` and `1.15.0..1.15.1`.
    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let (oldest, newest) = text.split_once("..").unwrap_or((text, text));
        Ok(Self {
            oldest: oldest.parse()?,
            newest: newest.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::MinorRange;

    #[test]
    fn spans_are_read_and_measured() {
        let span = |text: &str| text.parse::<MinorRange>().expect("a span");
        let minor = |text: &str| text.parse().expect("a minor");
        assert_eq!(span("1.21..1.22").to_string(), "1.21 to 1.22");
        assert_eq!(span("1.21").to_string(), "1.21");
        assert_eq!(span(".."), MinorRange::ANY);
        assert_eq!(span("1.21..1.22").distance(minor("1.20")), 1);
        assert_eq!(span("1.21..1.22").distance(minor("1.25")), 3);
        assert_eq!(span("..1.22").distance(minor("1.2")), 0);
        assert!(!span("0.9").contains(minor("1.0")));
        assert!("1.21...1.22".parse::<MinorRange>().is_err());
    }
}
