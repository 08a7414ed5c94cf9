//! Tables about nodes: pool labels, taints, container runtimes, operating systems.

use jiff::civil::Date;
use serde::Deserialize;

use super::Minor;

/// A label whose value names the pool of a node.
#[derive(Debug, Clone, Deserialize)]
pub struct PoolLabel {
    /// Label key.
    pub label: String,
    /// The provider that sets it.
    #[serde(rename = "by")]
    pub set_by: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A label and taint that kubeadm replaced.
#[derive(Debug, Clone, Deserialize)]
pub struct LegacyRoleLabel {
    /// Old key.
    pub label: String,
    /// New key.
    pub replacement: String,
    /// The minor whose kubeadm removes the label and sets the new taint.
    #[serde(rename = "from")]
    pub removed_from: Minor,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A taint that keeps pods off a node on purpose.
#[derive(Debug, Clone, Deserialize)]
pub struct IntentionalTaint {
    /// Taint key.
    pub key: String,
    /// Whether the node is about to be deleted.
    #[serde(rename = "leaving")]
    pub marks_deletion: bool,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A container runtime that kubelets stop supporting.
#[derive(Debug, Clone, Deserialize)]
pub struct UnsupportedRuntime {
    /// Id of its rule.
    pub rule: String,
    /// Name that kubelets report before `://`.
    pub runtime: String,
    /// Versions below this one; `None` for all.
    #[serde(rename = "below")]
    pub below_version: Option<Minor>,
    /// The first kubelet minor that is affected.
    #[serde(rename = "from")]
    pub warn_from: Minor,
    /// The first kubelet minor that does not run with it.
    #[serde(rename = "worst_from")]
    pub unsupported_from: Minor,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl UnsupportedRuntime {
    /// Whether a reported runtime such as `containerd://1.7.2-k3s1` matches. An unreadable version does not.
    #[must_use]
    pub fn matches(&self, reported: &str) -> bool {
        let Some((runtime, version)) = reported.split_once("://") else {
            return false;
        };
        runtime == self.runtime
            && self.below_version.is_none_or(|below| {
                parse_runtime_version(version).is_some_and(|version| version < below)
            })
    }
}

/// Whether a reported runtime does not say its version, so that no limit can be applied.
#[must_use]
pub fn is_unreadable_runtime(reported: &str) -> bool {
    let version = reported.split_once("://").map(|(_, version)| version);
    version.is_none_or(|version| parse_runtime_version(version).is_none())
}

/// Parses the major and minor version of a runtime.
fn parse_runtime_version(text: &str) -> Option<Minor> {
    let mut parts = text.trim_start_matches('v').split('.');
    let mut part = || parts.next()?.parse().ok();
    Some(Minor {
        major: part()?,
        minor: part()?,
    })
}

/// An operating system whose default setup kubelets stop supporting.
#[derive(Debug, Clone, Deserialize)]
pub struct UnsupportedOsImage {
    /// Id of its rule.
    pub rule: String,
    /// Prefix of its name, not followed by a digit.
    #[serde(rename = "image")]
    pub name_prefix: String,
    /// The first kubelet minor that does not run with it.
    #[serde(rename = "from")]
    pub unsupported_from: Minor,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl UnsupportedOsImage {
    /// Whether a reported name such as `Ubuntu 20.04.6 LTS` matches.
    #[must_use]
    pub fn matches(&self, reported: &str) -> bool {
        reported
            .strip_prefix(&self.name_prefix)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    }
}
