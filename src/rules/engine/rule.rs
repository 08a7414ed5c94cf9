//! Rules: texts, needs and evaluation, and the findings that they produce.

use std::collections::BTreeMap;

use super::finding::fingerprint;
use crate::catalog::Catalog;
use crate::evidence::Confidence;
use crate::need::{Need, NeedContext, ReadRequest};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, Severity};
use crate::snapshot::{ClusterView, MissingData};

/// A check with a stable id, its texts, the needs it rests on and the code or data that evaluates it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// The highest severity of its findings.
    pub severity: Severity,
    /// One line, without a full stop.
    pub title: &'static str,
    /// The targets it applies to.
    pub applies_to: Applicability,
    /// Why it matters.
    pub why: &'static str,
    /// What it detects, by which fields, and what does not count as evidence.
    pub detection: &'static str,
    /// What to do about its findings, in general.
    pub remedy: &'static str,
    /// Documentation to read.
    pub reference: &'static str,
    /// The sources that the rule was derived from.
    pub sources: &'static [&'static str],
    /// What to do, case by case, from the catalog; a line for each. For a kind of objects, what it says of this kind alone.
    pub details: fn(&Catalog, Option<&str>) -> String,
    /// Whether it inspects manifests given with `-f`, so that an unreadable one is a gap of this rule.
    pub reads_files: bool,
    /// Whether its blockers block each drain of a node that runs one of the pods concerned, not only the next hop.
    pub gates_drains: bool,
    /// Whether a procedure has steps that resolve its findings, so that a plan adds no step for each of them.
    pub has_own_steps: bool,
    /// Needs that snapshots of earlier releases do not meet. The rule is evaluated without them too, and reports itself what
    /// it misses.
    pub optional_needs: fn(&NeedContext<'_>) -> Vec<Need>,
    /// Requests that depend on what its needs returned. The rule itself reports which of them have no answer.
    pub follow_up: fn(ClusterView<'_>) -> Vec<ReadRequest>,
    /// What was read and could not be evaluated; for rules that are code.
    pub unevaluated: fn(&CheckContext<'_>) -> Vec<MissingData>,
    /// How it is evaluated.
    pub kind: RuleKind,
}

/// The targets that a rule applies to.
#[derive(Debug, Clone, Copy)]
pub enum Applicability {
    /// A phrase.
    Text(&'static str),
    /// Minors that tables of the catalog list.
    Computed(fn(&Catalog) -> String),
}

impl Applicability {
    /// `any`, `1.25`, `each minor that removes an API`.
    #[must_use]
    pub fn describe(&self, catalog: &Catalog) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Computed(describe) => describe(catalog),
        }
    }
}

/// How a rule is evaluated.
#[derive(Debug, Clone, Copy)]
pub enum RuleKind {
    /// By code: for kinds with very many objects, and for rules that combine several kinds.
    Code {
        /// The needs on this path.
        needs: fn(&NeedContext<'_>) -> Vec<Need>,
        /// The findings. A need that was not met has no rows here; the engine reports it as a gap.
        evaluate: fn(&CheckContext<'_>) -> Vec<Finding>,
    },
    /// By a row of data and the code that evaluates such rows.
    Table(&'static dyn TableRule),
}

/// A row of data that is a rule: the same code, other facts.
pub trait TableRule: std::fmt::Debug + Send + Sync {
    /// The needs on this path.
    fn needs(&self, context: &NeedContext<'_>) -> Vec<Need>;

    /// The need of a rule that inspects objects of one kind one by one, whatever the path.
    fn object_need(&self) -> Option<Need> {
        None
    }

    /// The findings, and what was read and could not be evaluated. A need that was not met has no rows here; the engine
    /// reports it as a gap.
    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> RuleOutput;
}

/// The result of a rule.
#[derive(Debug, Default)]
pub struct RuleOutput {
    /// Findings.
    pub findings: Vec<Finding>,
    /// What was read and could not be evaluated.
    pub unevaluated: Vec<MissingData>,
    /// What its answer does not cover, although everything it needs was read.
    pub remarks: Vec<String>,
}

impl From<Vec<Finding>> for RuleOutput {
    fn from(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            ..Self::default()
        }
    }
}

impl Rule {
    /// For struct update: a rule on the cluster that applies to any target. The texts must be set.
    pub const DEFAULT: Self = Self {
        id: "",
        severity: Severity::Note,
        title: "",
        applies_to: Applicability::Text("any"),
        why: "",
        detection: "",
        remedy: "",
        reference: "",
        sources: &[],
        details: |_, _| String::new(),
        reads_files: false,
        gates_drains: false,
        has_own_steps: false,
        optional_needs: |_| Vec::new(),
        follow_up: |_| Vec::new(),
        unevaluated: |_| Vec::new(),
        kind: RuleKind::Code {
            needs: |_| Vec::new(),
            evaluate: |_| Vec::new(),
        },
    };

    /// The needs on this path.
    #[must_use]
    pub fn needs(&self, context: &NeedContext<'_>) -> Vec<Need> {
        match &self.kind {
            RuleKind::Code { needs, .. } => needs(context),
            RuleKind::Table(row) => row.needs(context),
        }
    }

    /// The findings about the cluster, and what could not be evaluated.
    #[must_use]
    pub fn evaluate(&self, context: &CheckContext<'_>) -> RuleOutput {
        let mut output = match &self.kind {
            RuleKind::Code { evaluate, .. } => RuleOutput {
                findings: evaluate(context),
                unevaluated: (self.unevaluated)(context),
                remarks: Vec::new(),
            },
            RuleKind::Table(row) => row.evaluate(self, context),
        };
        for finding in &mut output.findings {
            finding.assign_cluster(context);
        }
        output
    }

    /// One finding about the cluster as it is now, with the severity of the rule; none without objects.
    pub(crate) fn findings(
        &self,
        message: impl Into<String>,
        objects: impl IntoIterator<Item = AffectedObject>,
    ) -> Vec<Finding> {
        let finding = self.finding(self.severity, "", message, objects);
        finding.into_iter().collect()
    }

    /// A finding about the cluster as it is now; `None` without objects.
    pub(crate) fn finding(
        &self,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
        objects: impl IntoIterator<Item = AffectedObject>,
    ) -> Option<Finding> {
        let objects = objects.into_iter().collect();
        let draft = FindingDraft {
            severity,
            ..FindingDraft::new(self, subject, message, objects)
        };
        Finding::new(self, draft)
    }

    /// One finding for each severity, about the cluster as it is now.
    pub(crate) fn findings_by_severity(
        &self,
        message: &str,
        objects: BTreeMap<Severity, Vec<AffectedObject>>,
    ) -> Vec<Finding> {
        let findings = objects.into_iter();
        findings
            .filter_map(|(severity, objects)| self.finding(severity, self.id, message, objects))
            .collect()
    }

    /// One finding for each hop, with the severity of the rule.
    pub(crate) fn findings_per_hop(
        &self,
        message: &str,
        objects: BTreeMap<Option<HopId>, Vec<AffectedObject>>,
    ) -> Vec<Finding> {
        let drafts = objects.into_iter().map(|(hop, objects)| FindingDraft {
            hop,
            ..FindingDraft::new(self, self.id, message, objects)
        });
        drafts
            .filter_map(|draft| Finding::new(self, draft))
            .collect()
    }
}

/// The parts of a finding that differ from its rule.
#[derive(Debug, Clone)]
pub struct FindingDraft {
    /// What the finding is about within its rule, such as an API: part of the fingerprint.
    pub subject: String,
    /// At most the severity of the rule; a higher one is lowered to it.
    pub severity: Severity,
    /// How certain it is.
    pub confidence: Confidence,
    /// The hop that it blocks or affects.
    pub hop: Option<HopId>,
    /// The message.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// What to move the objects to, if that is the remedy.
    pub replacement: Option<String>,
    /// The affected objects; without any there is no finding.
    pub objects: Vec<AffectedObject>,
}

impl FindingDraft {
    /// A draft with the severity and remedy of the rule, certain, and about the cluster as it is now.
    #[must_use]
    pub fn new(
        rule: &Rule,
        subject: impl Into<String>,
        message: impl Into<String>,
        objects: Vec<AffectedObject>,
    ) -> Self {
        Self {
            subject: subject.into(),
            severity: rule.severity,
            confidence: Confidence::Certain,
            hop: None,
            message: message.into(),
            remedy: rule.remedy.to_owned(),
            replacement: None,
            objects,
        }
    }
}

impl Finding {
    /// The only constructor, so that no part can be left out. `None` without objects.
    #[must_use]
    pub fn new(rule: &Rule, draft: FindingDraft) -> Option<Self> {
        let mut objects = draft.objects;
        objects.sort();
        objects.dedup();
        if objects.is_empty() {
            return None;
        }
        let severity = draft.severity.min(rule.severity);
        let hop = draft.hop.as_ref().map(ToString::to_string);
        let key = [
            rule.id,
            &draft.subject,
            hop.as_deref().unwrap_or_default(),
            severity.as_str(),
        ];
        Some(Self {
            id: rule.id,
            severity,
            confidence: draft.confidence,
            fingerprint: fingerprint(&key),
            hop: draft.hop,
            title: rule.title,
            message: draft.message,
            remedy: draft.remedy,
            replacement: draft.replacement,
            reference: rule.reference,
            gates_drains: rule.gates_drains,
            has_own_steps: rule.has_own_steps,
            objects,
        })
    }
}
