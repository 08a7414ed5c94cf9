//! What the user asked for, as plain data: which rules speak, what counts, who has taken on what.

use jiff::civil::Date;

use super::baseline::Baseline;
use super::waivers::{Waiver, Waivers};
use crate::rules::{AffectedObject, Finding, Rule, Severity};

/// Everything that weighs a finding and is no fact about a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Which rules speak.
    pub rule_filter: RuleFilter,
    /// From which severity on a finding fails the run.
    pub fail_on: FailOn,
    /// What somebody has taken on.
    pub waivers: Waivers,
    /// An earlier report: only what is new fails the run.
    pub baseline: Option<Baseline>,
    /// The day by which waivers expire. A wall clock, not that of the report: who replays an old picture waives today.
    pub today: Date,
}

/// `--only` and `--skip`: ids of rules that there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleFilter {
    /// These and no others; all of them where it is empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

impl RuleFilter {
    /// The rules that speak, in their order.
    #[must_use]
    pub fn select<'r>(&self, rules: &[&'r Rule]) -> Vec<&'r Rule> {
        let names = |ids: &[String], rule: &Rule| ids.iter().any(|id| id == rule.id);
        rules
            .iter()
            .copied()
            .filter(|rule| self.only.is_empty() || names(&self.only, rule))
            .filter(|rule| !names(&self.skip, rule))
            .collect()
    }
}

/// `--fail-on`: from which severity on a finding fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Blockers.
    #[default]
    Blocker,
    /// Warnings and blockers.
    Warning,
    /// All of them.
    Note,
    /// None of them.
    Never,
}

impl FailOn {
    /// Whether a finding of this severity fails the run.
    #[must_use]
    pub fn is_reached_by(self, severity: Severity) -> bool {
        let least = match self {
            Self::Blocker => Severity::Blocker,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
            Self::Never => return false,
        };
        severity >= least
    }
}

/// How an object of a finding stands to the policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyStatus {
    /// Who has taken it on.
    pub waiver: Option<Waiver>,
    /// Whether the baseline knows it; none without a baseline.
    pub in_baseline: Option<bool>,
}

impl PolicyStatus {
    /// Whether it is neither taken on nor known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.waiver.is_none() && self.in_baseline != Some(true)
    }
}

impl Policy {
    /// How an object of a finding stands.
    pub(crate) fn status_of(&self, finding: &Finding, object: &AffectedObject) -> PolicyStatus {
        PolicyStatus {
            waiver: self.waivers.find(finding.id, object, self.today).cloned(),
            in_baseline: self
                .baseline
                .as_ref()
                .map(|baseline| baseline.covers(finding, object)),
        }
    }
}
