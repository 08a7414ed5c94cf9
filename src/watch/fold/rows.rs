//! From observations to the rows of the cluster.

use std::collections::BTreeSet;

use super::super::needs::Part;
use super::super::nodes::NodeUpdate;
use super::super::observation::Change;
use super::{RECENT_PROBES, UpgradeWatch};
use crate::catalog::Release;
use crate::need::{Discovery, Need, ReadTarget};
use crate::snapshot::{ClusterSnapshot, ReadOutcome, ReadResult, RowKey, Rows};

impl UpgradeWatch<'_> {
    /// Changes the rows of the cluster; `None` if they say the same already.
    pub(super) fn apply(&mut self, change: &Change) -> Option<Touched> {
        match change {
            Change::Discovery(discovery) => {
                self.record_version(&discovery.git_version);
                match &mut self.cluster {
                    Some(cluster) => cluster.discovery = discovery.clone(),
                    None => self.cluster = Some(self.empty_cluster(discovery)),
                }
                Some(Touched::ApiServers)
            }
            Change::Probe { version } => {
                self.record_version(version);
                Some(Touched::ApiServers)
            }
            Change::List(result) => self.merge_list(result),
            Change::Apply { target, rows } => {
                let held = self.reading_mut(target)?;
                let has_changed = held.rows.upsert_all(rows.clone());
                has_changed.then(|| self.touched(target, rows))
            }
            Change::Delete {
                target,
                namespace,
                name,
                uid,
            } => {
                let key = RowKey {
                    namespace,
                    name,
                    uid: *uid,
                };
                let has_changed = self.reading_mut(target)?.rows.remove(key);
                has_changed.then(|| match Part::of(target) {
                    Part::Nodes => Touched::Nodes(vec![NodeUpdate::gone(name)]),
                    part => Touched::from(part),
                })
            }
            Change::Outage { .. } => None,
        }
    }

    /// A list that failed says nothing: what cannot be read now has not gone.
    pub(super) fn merge_list(&mut self, result: &ReadResult) -> Option<Touched> {
        let part = Part::of(&result.target);
        let has_failed = matches!(result.outcome, ReadOutcome::Failed { .. });
        // Of a list that was never read, why is worth knowing.
        if has_failed && (part != Part::Waits || self.reading_mut(&result.target).is_some()) {
            return None;
        }
        self.cluster.as_ref()?;
        if let Part::PodsOf(node) = part
            && !self.drains.followed().contains(node)
        {
            return None;
        }
        let is_wanted = |need: &Need| need.target == result.target;
        if part == Part::Waits && !self.wanted.iter().any(is_wanted) {
            return None;
        }
        let mut touched = self.touched(&result.target, &result.rows);
        if let (Touched::Nodes(updates), Some(picture)) = (&mut touched, &self.picture) {
            let listed: BTreeSet<&str> = result.rows.nodes().iter().map(|row| &*row.name).collect();
            let gone = picture.nodes.names().filter(|name| !listed.contains(name));
            updates.extend(gone.map(NodeUpdate::gone));
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.merge(vec![result.clone()]);
        }
        Some(touched)
    }

    /// What is computed from these rows.
    pub(super) fn touched(&self, target: &ReadTarget, rows: &Rows) -> Touched {
        let goal = self
            .picture
            .as_ref()
            .and_then(|picture| picture.goal.as_ref());
        match Part::of(target) {
            // The first picture is made of all rows.
            Part::Nodes if self.picture.is_none() => Touched::Nodes(Vec::new()),
            Part::Nodes => {
                let rows = rows.nodes().iter();
                Touched::Nodes(
                    rows.map(|row| NodeUpdate::new(row, goal, self.catalog))
                        .collect(),
                )
            }
            part => Touched::from(part),
        }
    }

    pub(super) fn record_version(&mut self, version: &Release) {
        if self.probes.len() == RECENT_PROBES {
            self.probes.pop_front();
        }
        self.probes.push_back(version.clone());
    }

    pub(super) fn reading_mut(&mut self, target: &ReadTarget) -> Option<&mut ReadResult> {
        let ledger = &mut self.cluster.as_mut()?.ledger;
        ledger.iter_mut().find(|result| result.target == *target)
    }

    pub(super) fn empty_cluster(&self, discovery: &Discovery) -> ClusterSnapshot {
        ClusterSnapshot {
            id: self.id.clone(),
            context: None,
            server: String::new(),
            namespace: None,
            discovery: discovery.clone(),
            ledger: Vec::new(),
        }
    }
}

/// The part of the picture that an observation changed.
#[derive(Debug)]
pub(super) enum Touched {
    Nothing,
    ApiServers,
    Nodes(Vec<NodeUpdate>),
    PodsOf(String),
    StaticPods,
    Rollouts,
    Managed,
    Plans,
    Platform,
    Waits,
}

impl Touched {
    pub(super) fn is_of_nodes(&self) -> bool {
        matches!(self, Self::Nodes(_))
    }
}

impl From<Part<'_>> for Touched {
    fn from(part: Part<'_>) -> Self {
        match part {
            Part::PodsOf(node) => Self::PodsOf(node.to_owned()),
            Part::StaticPods => Self::StaticPods,
            Part::Rollouts => Self::Rollouts,
            Part::Managed => Self::Managed,
            Part::Nodes | Part::Warnings | Part::None => Self::Nothing,
            Part::Plans => Self::Plans,
            Part::Platform => Self::Platform,
            Part::Waits => Self::Waits,
        }
    }
}
