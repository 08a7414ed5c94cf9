//! How far an upgrade is.

use jiff::Timestamp;

use super::estimate::RemainingTime;

/// The nodes of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolProgress {
    /// Name; empty for workers without a pool.
    pub name: String,
    /// Whether these are the nodes of the control plane.
    pub is_control_plane: bool,
    /// Nodes that run an older version, or one that cannot be read.
    pub old: usize,
    /// Nodes that run the new version and are not ready or still cordoned.
    pub settling: usize,
    /// Nodes that run the new version, are ready and schedulable.
    pub upgraded: usize,
}

impl PoolProgress {
    /// All of its nodes.
    #[must_use]
    pub fn total(&self) -> usize {
        self.old + self.settling + self.upgraded
    }
}

/// What the upgrade is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradePhase {
    /// Nothing has begun, or nothing is being upgraded.
    Waiting,
    /// The control plane is being upgraded.
    ControlPlane,
    /// Add-ons in kube-system are being rolled out.
    Addons,
    /// Nodes are being upgraded.
    Nodes,
    /// A platform is being upgraded.
    Platform,
    /// All parts run the version.
    Finished,
}

/// How far an upgrade is, in nodes, or in the parts of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Nodes that run the version, are ready and schedulable; or parts that are installed.
    pub done: usize,
    /// Nodes, or parts.
    pub total: usize,
    /// What is being upgraded.
    pub phase: UpgradePhase,
    /// When the watch first saw the upgrade under way; `None` if it is not.
    pub started_at: Option<Timestamp>,
    /// The time that the remaining nodes take; `None` without a basis.
    pub remaining: Option<RemainingTime>,
}

impl Progress {
    /// Whole percent, rounded down.
    #[must_use]
    pub fn percent(&self) -> usize {
        match self.total {
            0 => 0,
            total => self.done * 100 / total,
        }
    }
}
