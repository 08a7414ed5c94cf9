//! The policy of a run: which rules are evaluated, which findings fail the run, waivers and baseline.

use jiff::civil::Date;

use super::baseline::Baseline;
use super::waivers::{Waiver, Waivers};
use crate::rules::{AffectedObject, Finding, Rule, Severity};

/// Everything that decides about findings and is not a fact about a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// The rules to evaluate.
    pub rule_filter: RuleFilter,
    /// The minimum severity that fails the run.
    pub fail_on: FailOn,
    /// Accepted findings.
    pub waivers: Waivers,
    /// An earlier report: only new findings fail the run.
    pub baseline: Option<Baseline>,
    /// The date for expiry of waivers: today, even if the snapshot is old.
    pub today: Date,
    /// The label of objects' namespaces that names their owner.
    pub owner_label: Option<String>,
    /// Namespaces, as patterns, whose objects are left out of findings.
    pub skip_namespaces: Vec<String>,
}

/// `--only` and `--skip`: known ids of rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleFilter {
    /// Only these; all if empty.
    pub only: Vec<String>,
    /// All but these.
    pub skip: Vec<String>,
}

impl RuleFilter {
    /// The selected rules, in their order.
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

/// `--fail-on`: the minimum severity that fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Blockers.
    #[default]
    Blocker,
    /// Warnings and blockers.
    Warning,
    /// All findings.
    Note,
    /// No findings.
    Never,
}

impl FailOn {
    /// The least severity that fails the run, if one does.
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Blocker => Some(Severity::Blocker),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }

    /// The value of the flag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.severity().map_or("never", Severity::as_str)
    }

    /// Whether a finding of this severity fails the run.
    #[must_use]
    pub fn is_reached_by(self, severity: Severity) -> bool {
        self.severity().is_some_and(|least| severity >= least)
    }
}

/// The policy status of an object of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyStatus {
    /// The waiver that accepts it.
    pub waiver: Option<Waiver>,
    /// Whether the baseline lists it; `None` without a baseline.
    pub in_baseline: Option<bool>,
}

impl PolicyStatus {
    /// Whether it is neither waived nor in the baseline.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.waiver.is_none() && self.in_baseline != Some(true)
    }
}

impl Policy {
    /// The policy status of an object of a finding.
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
