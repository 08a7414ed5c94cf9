//! The tables on nodes: pools, taints, container runtimes, operating systems.

use jiff::civil::Date;
use serde::Deserialize;

use super::Minor;

/// A label whose value names the pool that a node belongs to.
#[derive(Debug, Clone, Deserialize)]
pub struct PoolLabel {
    /// Key of the label.
    pub label: String,
    /// Who sets it.
    #[serde(rename = "by")]
    pub set_by: String,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A label, and taint, that kubeadm replaced by another one.
#[derive(Debug, Clone, Deserialize)]
pub struct LegacyRoleLabel {
    /// The old key.
    pub label: String,
    /// The new one.
    pub replacement: String,
    /// The minor whose kubeadm takes the label away and sets the new taint.
    #[serde(rename = "from")]
    pub removed_from: Minor,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A taint that says that somebody keeps pods off a node on purpose.
#[derive(Debug, Clone, Deserialize)]
pub struct IntentionalTaint {
    /// Key of the taint.
    pub key: String,
    /// Whether the node is about to be deleted.
    #[serde(rename = "leaving")]
    pub marks_deletion: bool,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A container runtime that kubelets stop working with.
#[derive(Debug, Clone, Deserialize)]
pub struct UnsupportedRuntime {
    /// The rule that speaks of it.
    pub rule: String,
    /// Name of the runtime, as kubelets report it before `://`.
    pub runtime: String,
    /// Only versions below this one; none for all.
    #[serde(rename = "below")]
    pub below_version: Option<Minor>,
    /// The first kubelet minor with which it is a matter.
    #[serde(rename = "from")]
    pub warn_from: Minor,
    /// The first kubelet minor that does not work with it.
    #[serde(rename = "worst_from")]
    pub unsupported_from: Minor,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl UnsupportedRuntime {
    /// Whether what a node reports, such as `containerd://1.7.2-k3s1`, is meant. A version that is none is not.
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

/// Major and minor version of a runtime.
fn parse_runtime_version(text: &str) -> Option<Minor> {
    let mut parts = text.trim_start_matches('v').split('.');
    let mut part = || parts.next()?.parse().ok();
    Some(Minor {
        major: part()?,
        minor: part()?,
    })
}

/// An operating system that is set up by default in a way that kubelets stop working with.
#[derive(Debug, Clone, Deserialize)]
pub struct UnsupportedOsImage {
    /// The rule that speaks of it.
    pub rule: String,
    /// How its name begins; a digit never follows.
    #[serde(rename = "image")]
    pub name_prefix: String,
    /// The first kubelet minor that does not work with it.
    #[serde(rename = "from")]
    pub unsupported_from: Minor,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl UnsupportedOsImage {
    /// Whether what a node reports, such as `Ubuntu 20.04.6 LTS`, is meant.
    #[must_use]
    pub fn matches(&self, reported: &str) -> bool {
        reported
            .strip_prefix(&self.name_prefix)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    }
}
