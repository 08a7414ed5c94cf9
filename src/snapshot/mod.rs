//! What was seen, as plain data: the same type whether it came from a live cluster, from files or from a saved file.
//!
//! Rows are reachable only through the ledger: [`Picture::read`] answers a [`Need`] with rows, or says why it cannot. So an
//! empty list always means "looked, and there are none".

mod file;
mod files;
mod nodes;
mod pods;
mod redact;
mod rows;
mod shared;
mod trim;
mod uid;
mod workloads;

pub use file::{FORMAT, SnapshotError, load, save};
pub use files::{Counted, Files, Interest, Tally};
pub use nodes::{NodeCondition, NodeRow};
pub use pods::{Phase, PodOwner, PodRow};
pub use redact::{Key, redact};
pub use rows::{
    Applied, HelmRow, HelmStorage, JsonRow, Manager, ManifestObject, MetaRow, OwnerRow, Reference,
    Rows, SliceRow,
};
pub use shared::{Labels, Pool, Text};
pub use trim::trim;
pub use uid::{NotAUuid, Uid};
pub use workloads::{LabelSelector, Placement, Requirement, WorkloadRow, WorkloadStatus};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Served};
use crate::need::{AccessRule, ClusterId, Depth, Freshness, Need, Request, Subject, Survey, plan};

/// How a reading ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// All of it was seen.
    Complete,
    /// The server has no such resource after all.
    NotServed,
    /// It is not allowed.
    Refused {
        /// The server's words.
        why: String,
        /// What would have to be allowed.
        rbac: AccessRule,
    },
    /// It failed, at the beginning or half-way: what came is dropped, for a part looks like the whole.
    Failed {
        /// What happened.
        why: String,
    },
}

/// A single object that came but could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// Which object.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
}

/// One line of the ledger: what was asked, how it ended, what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// What was asked for.
    pub subject: Subject,
    /// How deep.
    pub depth: Depth,
    /// How fresh.
    pub freshness: Freshness,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Timestamp,
    /// What came; empty unless complete.
    pub rows: Rows,
    /// Objects that came but could not be understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// Why a need is not met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmet {
    /// What was not seen.
    pub what: String,
    /// Why.
    pub why: String,
    /// What would have to be allowed, where permission is what lacks.
    pub rbac: Option<AccessRule>,
}

/// One cluster as it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// Which one.
    pub id: ClusterId,
    /// Name of the kubeconfig context, none if there was none.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: String,
    /// The namespace that was looked at, none for all.
    pub namespace: Option<String>,
    /// What the server is and offers.
    pub survey: Survey,
    /// The ledger.
    pub readings: Vec<Reading>,
}

impl Picture {
    /// The rows that answer a need; `None` inside `Ok` where the server has no such resource, so that there are none.
    ///
    /// # Errors
    /// When the need is not met: it was refused, it failed, or it was never asked.
    pub fn read(&self, need: &Need, catalog: &Catalog) -> Result<Option<&Rows>, Box<Unmet>> {
        let unmet = |why: &str, rbac: Option<&AccessRule>| {
            Box::new(Unmet {
                what: need.subject.to_string(),
                why: why.to_owned(),
                rbac: rbac.cloned(),
            })
        };
        let reading = self.readings.iter().find(|reading| {
            reading.subject == need.subject
                && reading.depth.serves(need.depth)
                && reading.freshness >= need.freshness
        });
        match reading {
            Some(reading) => match &reading.outcome {
                Outcome::Complete => Ok(Some(&reading.rows)),
                Outcome::NotServed => Ok(None),
                Outcome::Refused { why, rbac } => Err(unmet(why, Some(rbac))),
                Outcome::Failed { why } => Err(unmet(why, None)),
            },
            None if self.offers(need, catalog) => Err(unmet(
                "it was not read when this picture was taken; read the cluster again",
                None,
            )),
            None if self.should_offer(need, catalog) => Err(unmet(
                "discovery does not offer it, although API servers of this version serve it unless told otherwise",
                None,
            )),
            None => Ok(None),
        }
    }

    /// Discovery that lacks a group looks like a server without it: an aggregator that is not ready, a proxy, or
    /// `--runtime-config`.
    fn should_offer(&self, need: &Need, catalog: &Catalog) -> bool {
        let Subject::Objects { resource, .. } = &need.subject else {
            return false;
        };
        let minor = self.survey.effective_minor();
        let mut family = catalog.apis.family(resource);
        family.any(|api| api.exists_in(minor) && api.served == Served::Yes)
    }

    /// Whether a request was answered already, at its depth and as fresh.
    #[must_use]
    pub fn holds(&self, request: &Request) -> bool {
        self.readings.iter().any(|reading| {
            reading.subject == request.subject
                && reading.depth.serves(request.depth)
                && reading.freshness >= request.freshness
        })
    }

    /// Adds the readings of a later round, in the order of subjects. One that goes deeper takes the place of an earlier one.
    pub fn add(&mut self, readings: Vec<Reading>) {
        self.readings
            .retain(|old| readings.iter().all(|new| new.subject != old.subject));
        self.readings.extend(readings);
        self.readings.sort_by(|a, b| a.subject.cmp(&b.subject));
    }

    fn offers(&self, need: &Need, catalog: &Catalog) -> bool {
        !plan(std::slice::from_ref(need), &self.survey, catalog, None).is_empty()
    }

    /// Single objects of a need that came but could not be understood.
    pub fn faults<'a>(&'a self, need: &'a Need) -> impl Iterator<Item = Unmet> + 'a {
        self.readings
            .iter()
            .filter(|reading| reading.subject == need.subject)
            .flat_map(|reading| &reading.faults)
            .map(|fault| Unmet {
                what: fault.what.clone(),
                why: fault.why.clone(),
                rbac: None,
            })
    }

    /// Objects seen over all readings.
    #[must_use]
    pub fn objects_read(&self) -> usize {
        self.readings
            .iter()
            .filter(|reading| matches!(reading.subject, Subject::Objects { .. }))
            .map(|reading| reading.rows.len())
            .sum()
    }
}

/// Everything that was seen in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// When it was complete.
    pub taken_at: Timestamp,
    /// The clusters; none under `--local`.
    pub clusters: Vec<Picture>,
    /// Manifests about to be applied.
    #[serde(default)]
    pub files: Files,
    /// Whether names in it are pseudonyms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}
