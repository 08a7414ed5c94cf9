//! Revisions of Helm releases, and the one that Helm compares the next one with.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::metadata::{ManifestObject, Row};

impl Row for HelmReleaseRow {}

/// Where Helm keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HelmStorage {
    /// The default.
    Secret,
    /// `HELM_DRIVER=configmap`.
    ConfigMap,
    /// ConfigMaps of Tiller, the server of Helm 2.
    Tiller,
}

/// One revision of a Helm release that the next operation may compare with, reduced to what its manifest holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmReleaseRow {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Revision.
    pub revision: u64,
    /// Chart and its version, `cart-1.2.0`; empty where the record has none.
    pub chart: String,
    /// Where the record is kept.
    pub storage: HelmStorage,
    /// When the record was made, by the API server's clock.
    #[serde(rename = "created")]
    pub created_at: Option<Timestamp>,
    /// `info.status` of the record, such as `deployed`. Older snapshots have only whether it failed.
    #[serde(
        default = "deployed",
        alias = "failed",
        deserialize_with = "status_or_failed",
        skip_serializing_if = "is_deployed"
    )]
    pub status: String,
    /// The status that its label has, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the manifest and the hooks hold.
    pub objects: Vec<ManifestObject>,
}

fn deployed() -> String {
    "deployed".to_owned()
}

fn is_deployed(status: &str) -> bool {
    status == "deployed"
}

fn status_or_failed<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Status {
        Failed(bool),
        Text(String),
    }
    Ok(match Status::deserialize(value)? {
        Status::Text(status) => status,
        Status::Failed(true) => "failed".to_owned(),
        Status::Failed(false) => deployed(),
    })
}

impl HelmReleaseRow {
    /// The release that it is a revision of.
    #[must_use]
    pub fn release_key(&self) -> (&str, &str, HelmStorage) {
        (&self.namespace, &self.release, self.storage)
    }

    /// Whether Helm finds it when it looks for the deployed revision.
    #[must_use]
    pub fn is_labelled_deployed(&self) -> bool {
        is_deployed(self.label.as_deref().unwrap_or(&self.status))
    }

    /// The revision of one release with which Helm compares the next one: the newest one if it is deployed by its own
    /// record, otherwise the newest one with the label of a deployed one, otherwise the newest one. `None` if there is
    /// none, or the release is uninstalled. Where it is neither deployed nor failed nor superseded, Helm refuses an
    /// upgrade, but still reads it to uninstall the release.
    ///
    /// Source: helm/helm pkg/action/upgrade.go (prepareUpgrade), pkg/storage/storage.go (Deployed, Last).
    pub fn current<'r>(revisions: &[&'r Self]) -> Option<&'r Self> {
        let newest = revisions.iter().max_by_key(|row| row.revision)?;
        let labelled = revisions.iter().filter(|row| row.is_labelled_deployed());
        let is_installed = !matches!(newest.status.as_str(), "uninstalled" | "deleted");
        match is_deployed(&newest.status) {
            true => Some(newest),
            false => labelled
                .max_by_key(|row| row.revision)
                .or(Some(newest).filter(|_| is_installed))
                .copied(),
        }
    }

    /// Whether an operation made it that has not ended, or has broken off, by a status of Helm 2 to 4.
    #[must_use]
    pub fn is_pending_status(status: &str) -> bool {
        status.starts_with("pending") || matches!(status, "uninstalling" | "deleting")
    }

    /// The revisions of one release that its next operations read: [`Self::current`]; where the newest one is pending,
    /// also that one, and if none is deployed the newest one before it, to which a rollback goes back.
    ///
    /// Source: helm/helm pkg/action/rollback.go (prepareRollback, performRollback).
    pub fn consulted<'r>(revisions: &[&'r Self]) -> Vec<&'r Self> {
        let newest = revisions.iter().max_by_key(|row| row.revision).copied();
        let pending = newest.filter(|row| Self::is_pending_status(&row.status));
        let current = Self::current(revisions);
        let is_pending = current.is_some() && current == pending;
        let settled = revisions.iter().filter(|row| {
            let status = row.status.as_str();
            is_pending
                && !Self::is_pending_status(status)
                && !matches!(status, "uninstalled" | "deleted")
        });
        let settled = settled.max_by_key(|row| row.revision).copied();
        let pending = pending.filter(|_| !is_pending);
        current.into_iter().chain(pending).chain(settled).collect()
    }
}
