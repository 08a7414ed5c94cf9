//! Everything a rule may look at.

use std::sync::OnceLock;

use jiff::Timestamp;

use super::budget::Covered;
use crate::catalog::Catalog;
use crate::claims::{self, Usage};
use crate::detect::Detected;
use crate::need::{ClusterId, Need};
use crate::path::Path;
use crate::snapshot::{Picture, Rows, Snapshot};

/// What is known when rules speak.
#[derive(Debug)]
pub struct Situation<'a> {
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// What is known about the world.
    pub catalog: &'a Catalog,
    /// Where the cluster is to go.
    pub path: &'a Path,
    /// The clock.
    pub now: Timestamp,
    /// What runs, for each cluster of the snapshot.
    pub detected: Vec<Detected>,
    /// Who still uses which API, as the claims resolve.
    pub usages: Vec<Usage>,
    /// Which pods budgets cover, of each cluster where both were read, once a rule has asked: several do.
    pub(super) covered: OnceLock<Vec<Covered>>,
}

impl<'a> Situation<'a> {
    /// Looks at a snapshot: a pure function of its arguments.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        catalog: &'a Catalog,
        path: &'a Path,
        now: Timestamp,
    ) -> Self {
        let mut detected: Vec<Detected> = snapshot
            .clusters
            .iter()
            .map(|picture| Detected::new(picture, catalog))
            .collect();
        // A cluster of the snapshot was looked at, whichever of them knows it.
        let seen = |id: &ClusterId| snapshot.clusters.iter().any(|picture| picture.id == *id);
        for (picture, detected) in snapshot.clusters.iter().zip(&mut detected) {
            detected
                .unseen
                .retain(|unseen| unseen.cluster == picture.id || !seen(&unseen.cluster));
        }
        Self {
            snapshot,
            catalog,
            path,
            now,
            detected,
            usages: claims::resolve(snapshot, catalog, path),
            covered: OnceLock::new(),
        }
    }

    /// The rows that answer a need, for each cluster where it was met.
    pub fn rows(&self, need: &Need) -> impl Iterator<Item = (&'a Picture, &'a Rows)> {
        self.snapshot.clusters.iter().filter_map(move |picture| {
            let rows = picture.read(need, self.catalog).ok()??;
            Some((picture, rows))
        })
    }
}

/// Each cluster of the snapshot with what it turned out to be.
pub(super) fn clusters<'a>(
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = (&'a Picture, &'a Detected)> {
    situation.snapshot.clusters.iter().zip(&situation.detected)
}
