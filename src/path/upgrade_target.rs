//! What `--to` and `--from` say.

use std::str::FromStr;

use crate::catalog::{ParseVersionError, PlatformName, VersionSpec};

/// The value of `--to` and `--from`: `[PLATFORM=]VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeTarget {
    /// `None` if only a version was given.
    pub platform: Option<PlatformName>,
    /// The version to reach or to start from.
    pub version: VersionSpec,
}

impl FromStr for UpgradeTarget {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let (platform, version) = match text.split_once('=') {
            Some((name, version)) => {
                let name = name.to_lowercase().parse();
                let expected =
                    "expected PLATFORM=VERSION with the platform kubernetes, kyma or dkp";
                let name = name.map_err(|_| ParseVersionError::new(text, expected))?;
                (Some(name), version)
            }
            None => (None, text),
        };
        let version = version.parse().map_err(|_| {
            let expected = "expected [PLATFORM=]VERSION, such as 1.25 or kubernetes=1.25.3";
            ParseVersionError::new(text, expected)
        })?;
        Ok(Self { platform, version })
    }
}
