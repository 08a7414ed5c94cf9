//! Documents of `apiVersion: kubectl-upgrade/v1`.
//!
//! Keys are never renamed and always present; new ones are added. The types import only two values of the catalog,
//! a version and the name of a platform, so renaming an internal type cannot change a document: `convert` alone knows both
//! sides.

mod catalog;
mod cluster;
mod convert;
mod event;
mod hop;
mod measured;
mod plan;
mod report;
mod rules;
mod summary;

pub use catalog::{CatalogSummary, CertaintyDoc, MinorDoc, MinorRangeDoc, PlatformReleases};
pub use cluster::{
    CatalogDoc, ClusterDoc, ComponentDoc, DocumentMetadata, EditionDoc, EvaluatedClusterDoc,
    KnownClusterDoc, PlatformDoc, ProjectDoc, RoleDoc, SummaryDoc, ToolDoc, TopologyDoc,
    VerdictDoc, WorkspaceDoc,
};
pub use event::{
    EventObjectDoc, EventScopeDoc, EventStepDoc, EventTypeDoc, PhaseDoc, PoolDoc, UpgradeEvent,
    UpgradeProgressDoc, WaitDoc,
};
pub use hop::{HopDoc, HopIdDoc};
pub use measured::MeasuredSummary;
pub use plan::{
    ConditionDoc, DurationDoc, FollowedCluster, FollowedCondition, FollowedHop, FollowedPlan,
    FollowedStep, FollowedSummary, NodeSetDoc, PlanSummary, ProgressDoc, ScopeDoc, ScopeLevelDoc,
    SharedStepText, StepDoc, StepStateDoc, TypedConditionDoc, UpgradePlan, VersionGoalDoc,
    WindowDoc,
};
pub use report::{
    BaselineDoc, ConfidenceDoc, EvidenceDoc, EvidenceSourceDoc, FindingDoc, GapDoc, ObjectDoc,
    PermissionDoc, SeverityDoc, UpgradeReport, WaiverDoc,
};
pub use rules::{RuleDoc, RuleList, RuleStateDoc};
pub use summary::{
    HoldDoc, HopTimeDoc, NodePartDoc, NodePartTimeDoc, NodeTimeDoc, OutcomeDoc, PhaseTimeDoc,
    PlanTimeDoc, PoolTimeDoc, SpanDoc, StepTimeDoc, UpgradeSummary,
};

/// `apiVersion` of every document.
pub const API_VERSION: &str = "kubectl-upgrade/v1";

/// The JSON Schema (draft 2020-12) of [`UpgradeReport`].
pub const UPGRADE_REPORT_SCHEMA: &str = include_str!("schema/upgrade-report.schema.json");

/// The JSON Schema (draft 2020-12) of [`UpgradeEvent`].
pub const UPGRADE_EVENT_SCHEMA: &str = include_str!("schema/upgrade-event.schema.json");

/// The JSON Schema (draft 2020-12) of [`UpgradePlan`].
pub const UPGRADE_PLAN_SCHEMA: &str = include_str!("schema/upgrade-plan.schema.json");

/// The JSON Schema (draft 2020-12) of [`UpgradeSummary`].
pub const UPGRADE_SUMMARY_SCHEMA: &str = include_str!("schema/upgrade-summary.schema.json");

/// The JSON of a document of this kind.
fn parse_document(text: &str, kind: &str) -> Result<serde_json::Value, String> {
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let found = |key: &str| document.get(key).and_then(serde_json::Value::as_str);
    match (found("apiVersion"), found("kind")) {
        (Some(API_VERSION), Some(found)) if found == kind => Ok(document),
        (Some(API_VERSION), Some(found)) => Err(format!("its kind is {found}, not {kind}")),
        (Some(version), Some(found)) => Err(format!(
            "it is {found} of {version}, not {kind} of {API_VERSION}"
        )),
        _ => Err("it has no apiVersion and kind".to_owned()),
    }
}

/// Declares an enum and the word that documents use for each of its values.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`.")] #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word in the document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
use words;
