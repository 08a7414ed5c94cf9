//! The rule engine: context, findings, evaluation, policy, and rules that are data.

pub(super) mod baseline;
pub(super) mod cel;
pub(super) mod context;
mod coverage;
pub mod data_rule;
pub(super) mod evaluate;
pub(super) mod finding;
pub(super) mod hazards;
pub(crate) mod manifests;
pub(crate) mod match_conditions;
mod narrowing;
pub(super) mod policy;
pub(super) mod rule;
pub(super) mod waivers;
