//! Everything a rule may look at.

use std::sync::OnceLock;

use jiff::Timestamp;

use crate::api_usage;
use crate::api_usage::ApiUsage;
use crate::catalog::Catalog;
use crate::detect::DetectedCluster;
use crate::facts::budgets::BudgetCoverage;
use crate::need::{ClusterId, Need};
use crate::path::UpgradePath;
use crate::snapshot::{ClusterSnapshot, Rows, Snapshot};

/// What is known when rules speak.
#[derive(Debug)]
pub struct CheckContext<'a> {
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// What is known about the world.
    pub catalog: &'a Catalog,
    /// Where the cluster is to go.
    pub path: &'a UpgradePath,
    /// The clock.
    pub now: Timestamp,
    /// What runs, for each cluster of the snapshot.
    pub detected: Vec<DetectedCluster>,
    /// Who still uses which API, as the claims resolve.
    pub api_usages: Vec<ApiUsage>,
    /// Which pods budgets cover, of each cluster where both were read, once a rule has asked: several do.
    pub(crate) budget_coverage: OnceLock<Vec<BudgetCoverage>>,
}

impl<'a> CheckContext<'a> {
    /// Looks at a snapshot: a pure function of its arguments.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        catalog: &'a Catalog,
        path: &'a UpgradePath,
        now: Timestamp,
    ) -> Self {
        let mut detected: Vec<DetectedCluster> = snapshot
            .clusters
            .iter()
            .map(|picture| DetectedCluster::new(picture, catalog))
            .collect();
        // A cluster of the snapshot was looked at, whichever of them knows it.
        let seen = |id: &ClusterId| snapshot.clusters.iter().any(|picture| picture.id == *id);
        for (picture, detected) in snapshot.clusters.iter().zip(&mut detected) {
            detected
                .gaps
                .retain(|unseen| unseen.cluster == picture.id || !seen(&unseen.cluster));
        }
        Self {
            snapshot,
            catalog,
            path,
            now,
            detected,
            api_usages: api_usage::resolve_usages(snapshot, catalog, path),
            budget_coverage: OnceLock::new(),
        }
    }

    /// The rows that answer a need, for each cluster where it was met.
    pub fn rows(&self, need: &Need) -> impl Iterator<Item = (&'a ClusterSnapshot, &'a Rows)> {
        self.snapshot.clusters.iter().filter_map(move |picture| {
            let rows = picture.rows_for(need, self.catalog).ok()??;
            Some((picture, rows))
        })
    }
}

/// Each cluster of the snapshot with what it turned out to be.
pub(in crate::rules) fn clusters_with_detection<'a>(
    situation: &'a CheckContext<'_>,
) -> impl Iterator<Item = (&'a ClusterSnapshot, &'a DetectedCluster)> {
    situation.snapshot.clusters.iter().zip(&situation.detected)
}
