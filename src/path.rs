//! Targets and the way to them, hop by hop.

use std::fmt;
use std::str::FromStr;

use crate::catalog::{Catalog, Minor, NotAVersion, Release};

/// The name of the one platform that is always there.
pub const KUBERNETES: &str = "kubernetes";

/// What `--to` and `--from` take: `[PLATFORM=]VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// None where only a version was given.
    pub platform: Option<String>,
    /// Which version.
    pub version: Wanted,
}

/// A version as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// `1.25`: its newest patch.
    Minor(Minor),
    /// `1.25.3`.
    Release(Release),
}

impl Wanted {
    /// The minor that is meant.
    #[must_use]
    pub fn minor(&self) -> Minor {
        match self {
            Self::Minor(minor) => *minor,
            Self::Release(release) => release.minor(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => minor.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let (platform, version) = match text.split_once('=') {
            Some((platform, version)) => (Some(platform.to_lowercase()), version),
            None => (None, text),
        };
        let version = version
            .parse()
            .map(Wanted::Minor)
            .or_else(|_| version.parse().map(Wanted::Release))
            .map_err(|_| {
                let expected = "expected [PLATFORM=]VERSION, such as 1.25 or kubernetes=1.25.3";
                NotAVersion::new(text, expected)
            })?;
        Ok(Self { platform, version })
    }
}

/// One step of a platform from a release to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Which platform.
    pub platform: String,
    /// The release it leaves; none where the start is not known (`--local` without `--from`).
    pub from: Option<String>,
    /// The release it reaches.
    pub to: String,
    /// The minor it reaches.
    pub minor: Minor,
    /// Why this hop is supported.
    pub source: String,
}

/// The way from what is running to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The minor that counts today; none where the start is not known.
    pub from: Option<Minor>,
    /// The minor in which it ends.
    pub to: Minor,
    /// In order; none when there is nothing to do.
    pub hops: Vec<Hop>,
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A platform that was not found in the cluster, or is not known at all.
    #[error(
        "--to names the platform {0:?}; this cluster runs kubernetes only. Try --to kubernetes=VERSION"
    )]
    UnknownPlatform(String),
    /// The same platform twice.
    #[error("--to names kubernetes twice; give one target for each platform")]
    Twice,
    /// Down.
    #[error(
        "the target {to} is older than the running {from}: Kubernetes cannot be downgraded. To go back, restore etcd from a backup taken before the upgrade"
    )]
    Down {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
    },
    /// A slip of the fingers, or a server that says nonsense.
    #[error(
        "the target {to} is more than {MOST_HOPS} minors away from the running {from}; is that what was meant?"
    )]
    TooFar {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
    },
    /// Nothing leads there.
    #[error(
        "no supported path from {from} to {to}: no edge leaves major version {major}; the nearest reachable release is {nearest}"
    )]
    NoEdge {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
        /// The major that cannot be left.
        major: u32,
        /// The newest release that can be reached.
        nearest: String,
    },
}

/// Hops of one path: Kubernetes took ten years for the first forty minors.
const MOST_HOPS: u32 = 100;

/// The rule that every hop of Kubernetes rests on.
const ONE_MINOR_AT_A_TIME: &str = "kubernetes/website content/en/releases/version-skew-policy.md: the API server goes up one minor at a time";

impl Path {
    /// The way from the running release to the wanted ones.
    ///
    /// `emulated` is the minor that the API server pretends to be; hops are counted from it. Without a target the way is
    /// one hop to the next minor that the catalog knows, or none.
    ///
    /// # Errors
    /// When a target is unknown, below what runs, or cannot be reached.
    pub fn find(
        running: Option<&Release>,
        emulated: Option<Minor>,
        targets: &[Target],
        catalog: &Catalog,
    ) -> Result<Self, PathError> {
        let wanted = wanted(targets)?;
        let Some(running) = running else {
            return Ok(Self::from_nowhere(wanted, catalog));
        };
        let start = emulated.unwrap_or_else(|| running.minor());
        let wanted = match wanted {
            Some(wanted) => wanted.clone(),
            None if catalog.kubernetes.find(start.next()).is_some() => Wanted::Minor(start.next()),
            None => return Ok(Self::stay(start)),
        };
        refuse_down(running, start, &wanted)?;
        let end = wanted.minor();
        if end.major != start.major {
            return Err(PathError::NoEdge {
                from: running.plain(),
                to: wanted.to_string(),
                major: start.major,
                nearest: catalog
                    .kubernetes
                    .newest()
                    .map_or_else(|| running.plain(), |row| row.newest_patch.to_string()),
            });
        }
        if end.minor.saturating_sub(start.minor) > MOST_HOPS {
            return Err(PathError::TooFar {
                from: running.plain(),
                to: wanted.to_string(),
            });
        }
        let mut path = Self::stay(start);
        path.to = end;
        let mut at = running.plain();
        if end == start {
            let to = release_text(&wanted, end, catalog);
            let newer = to
                .parse::<Release>()
                .is_ok_and(|to| to.semver > running.semver);
            if newer {
                path.hops.push(hop(Some(at), to, end));
            }
            return Ok(path);
        }
        let mut minor = start;
        while minor < end {
            minor = minor.next();
            let to = if minor == end {
                release_text(&wanted, minor, catalog)
            } else {
                newest_patch(minor, catalog)
            };
            path.hops.push(hop(Some(at), to.clone(), minor));
            at = to;
        }
        Ok(path)
    }

    /// No hop: the checks that hold without one.
    fn stay(minor: Minor) -> Self {
        Self {
            from: Some(minor),
            to: minor,
            hops: Vec::new(),
        }
    }

    fn from_nowhere(wanted: Option<&Wanted>, catalog: &Catalog) -> Self {
        let newest = catalog
            .kubernetes
            .newest()
            .map_or(Minor { major: 1, minor: 0 }, |row| row.minor);
        let wanted = wanted.cloned().unwrap_or(Wanted::Minor(newest));
        let end = wanted.minor();
        Self {
            from: None,
            to: end,
            hops: vec![hop(None, release_text(&wanted, end, catalog), end)],
        }
    }

    /// The hop at which something bites that ends with this minor; none if it lies behind us or beyond the target.
    #[must_use]
    pub fn hop_into(&self, minor: Minor) -> Option<HopRef> {
        let ahead = self.from.is_none_or(|from| from < minor) && minor <= self.to;
        ahead.then(|| HopRef {
            platform: KUBERNETES.to_owned(),
            to: minor.to_string(),
        })
    }

    /// The first hop that changes the minor.
    #[must_use]
    pub fn first_minor_hop(&self) -> Option<&Hop> {
        self.hops
            .iter()
            .find(|hop| self.from.is_some_and(|from| hop.minor > from))
    }
}

/// A hop as findings name it: the platform, and the minor for Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct HopRef {
    /// Which platform.
    pub platform: String,
    /// `1.25`.
    pub to: String,
}

impl From<&Hop> for HopRef {
    fn from(hop: &Hop) -> Self {
        Self {
            platform: hop.platform.clone(),
            to: hop.minor.to_string(),
        }
    }
}

impl fmt::Display for HopRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.platform, self.to)
    }
}

fn wanted(targets: &[Target]) -> Result<Option<&Wanted>, PathError> {
    let mut found = None;
    for target in targets {
        match target.platform.as_deref() {
            None | Some(KUBERNETES) if found.is_some() => return Err(PathError::Twice),
            None | Some(KUBERNETES) => found = Some(&target.version),
            Some(other) => return Err(PathError::UnknownPlatform(other.to_owned())),
        }
    }
    Ok(found)
}

fn refuse_down(running: &Release, start: Minor, wanted: &Wanted) -> Result<(), PathError> {
    let down = match wanted {
        Wanted::Minor(minor) => *minor < start,
        Wanted::Release(release) => {
            release.minor() < start
                || (release.minor() == running.minor() && release.semver < running.semver)
        }
    };
    if down {
        return Err(PathError::Down {
            from: running.plain(),
            to: wanted.to_string(),
        });
    }
    Ok(())
}

fn newest_patch(minor: Minor, catalog: &Catalog) -> String {
    catalog
        .kubernetes
        .find(minor)
        .map_or_else(|| minor.to_string(), |row| row.newest_patch.to_string())
}

fn release_text(wanted: &Wanted, minor: Minor, catalog: &Catalog) -> String {
    match wanted {
        Wanted::Minor(_) => newest_patch(minor, catalog),
        Wanted::Release(release) => release.to_string(),
    }
}

fn hop(from: Option<String>, to: String, minor: Minor) -> Hop {
    Hop {
        platform: KUBERNETES.to_owned(),
        from,
        to,
        minor,
        source: ONE_MINOR_AT_A_TIME.to_owned(),
    }
}
