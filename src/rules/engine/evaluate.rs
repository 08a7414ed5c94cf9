//! From findings to a verdict. Policy is applied here only.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::baseline::{CurrentRun, Resolved};
use super::coverage::RuleCoverage;
use super::narrowing::narrow;
use crate::path::HopId;
use crate::rules::{
    BaselineFinding, CheckContext, Finding, Gap, Policy, PolicyStatus, Rule, Severity,
};
use crate::snapshot::ClusterSnapshot;
use crate::text::pluralize;

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Nothing blocks, and everything was inspected.
    #[default]
    Ready,
    /// Something blocks.
    Blocked,
    /// Nothing blocks, but something could not be inspected.
    Incomplete,
}

/// Counts of findings, not of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Blockers that are not waived.
    pub blockers: usize,
    /// Warnings that are not waived.
    pub warnings: usize,
    /// Notes that are not waived.
    pub notes: usize,
    /// Waived findings.
    pub waived: usize,
    /// Rules that were left out on request.
    pub skipped: usize,
    /// Gaps.
    pub gaps: usize,
    /// Rules that were evaluated, at least in part.
    pub rules_evaluated: usize,
    /// Objects that were read.
    pub objects_read: usize,
    /// Those of them that are manifests, and Helm releases recorded in manifests.
    pub manifests_read: usize,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// In one word.
    pub verdict: Verdict,
    /// Worst first; then by hop, rule and subject.
    pub findings: Vec<Finding>,
    /// For each finding, the policy status of each of its objects.
    pub policy_statuses: Vec<Vec<PolicyStatus>>,
    /// How many findings fail the run: at or above the policy's line, with an object neither taken on nor known.
    pub failing_findings: usize,
    /// In the baseline, resolved now, and looked at again.
    pub resolved_findings: Vec<BaselineFinding>,
    /// By what could not be inspected.
    pub gaps: Vec<Gap>,
    /// What else must be known of this answer: waivers that no longer count, limits of the comparison.
    pub remarks: Vec<String>,
    /// The rules that looked at something, sorted.
    pub looked: BTreeSet<&'static str>,
    /// Counts.
    pub summary: Summary,
}

/// Evaluates the rules on one cluster: a pure function of its arguments.
///
/// The verdict is about the cluster without waived findings. The baseline and `--fail-on` decide only what fails the run.
#[must_use]
pub fn evaluate(context: &CheckContext<'_>, rules: &[&Rule], policy: &Policy) -> Evaluation {
    let chosen = policy.rule_filter.select(rules);
    let mut findings = Vec::new();
    let mut unevaluated = Vec::new();
    let mut rule_remarks = Vec::new();
    for rule in &chosen {
        let output = rule.evaluate(context);
        findings.extend(output.findings);
        rule_remarks.extend(output.remarks);
        unevaluated.extend(
            output
                .unevaluated
                .into_iter()
                .map(|missing| (rule.id, missing)),
        );
    }
    name_betas(&mut findings, context);
    rule_remarks.extend(narrow(&mut findings, context, policy));
    let RuleCoverage {
        gaps,
        rules_evaluated,
        looked,
    } = RuleCoverage::of(context, &chosen, unevaluated);
    let resolved = policy.baseline.as_ref().map(|baseline| {
        baseline.resolved_since(&CurrentRun {
            context,
            rules: &chosen,
            findings: &findings,
            gaps: &gaps,
        })
    });
    let evaluation = Evaluation {
        remarks: [remarks(context, policy, resolved.as_ref()), rule_remarks].concat(),
        resolved_findings: resolved
            .map(|resolved| resolved.findings)
            .unwrap_or_default(),
        gaps,
        looked,
        summary: Summary {
            skipped: rules.len() - chosen.len(),
            rules_evaluated,
            objects_read: objects_read(context),
            manifests_read: context.manifests.manifests_read(),
            ..Summary::default()
        },
        ..Evaluation::default()
    };
    evaluation.with_findings(findings, policy)
}

/// Says of findings about a minor that is not released yet on which beta they rest.
fn name_betas(findings: &mut [Finding], context: &CheckContext<'_>) {
    let betas: Vec<(HopId, String)> = context
        .path
        .kubernetes_hops()
        .map(|hop| {
            let suffix = context.catalog.kubernetes_releases.beta_suffix(hop.minor());
            (HopId::from(hop), suffix)
        })
        .collect();
    for finding in findings {
        let beta = betas
            .iter()
            .find(|(hop, _)| finding.hop.as_ref() == Some(hop));
        finding.message += beta.map_or("", |(_, suffix)| suffix);
    }
}

impl Evaluation {
    /// The rules that found nothing although everything that they need was read.
    #[must_use]
    pub fn passed_rules(&self) -> Vec<&'static str> {
        let found = |id: &str| self.findings.iter().any(|finding| finding.id == id);
        let looked = self.looked.iter().copied();
        looked
            .filter(|id| !found(id) && !self.has_gap_of(id))
            .collect()
    }

    /// Adds a remark about each waiver that matches nothing, although its rule could look at everything.
    pub fn remark_unused_waivers(&mut self, rules: &[&Rule], policy: &Policy) {
        let chosen = policy.rule_filter.select(rules);
        let is_complete =
            |id: &str| chosen.iter().any(|rule| rule.id == id) && !self.has_gap_of(id);
        let unused = policy
            .waivers
            .unused_remarks(policy.today, &self.findings, is_complete);
        self.remarks.extend(unused);
    }

    fn has_gap_of(&self, rule: &str) -> bool {
        let mut ids = self.gaps.iter().flat_map(|gap| &gap.rules);
        ids.any(|id| id == rule)
    }

    /// The same without some gaps.
    #[must_use]
    pub(crate) fn without_gaps(mut self, drop: impl Fn(&Gap) -> bool, policy: &Policy) -> Self {
        self.gaps.retain(|gap| !drop(gap));
        let findings = std::mem::take(&mut self.findings);
        // What was counted is counted again.
        let Summary {
            skipped,
            rules_evaluated,
            objects_read,
            manifests_read,
            ..
        } = self.summary;
        self.summary = Summary {
            skipped,
            rules_evaluated,
            objects_read,
            manifests_read,
            ..Summary::default()
        };
        self.with_findings(findings, policy)
    }

    /// The same with these findings, sorted and weighed by a policy; the verdict and the counts of findings and gaps follow.
    #[must_use]
    pub(crate) fn with_findings(self, mut findings: Vec<Finding>, policy: &Policy) -> Self {
        findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        let statuses = findings.iter().map(|finding| {
            let objects = finding.objects.iter();
            objects
                .map(|object| policy.status_of(finding, object))
                .collect()
        });
        let policy_statuses: Vec<Vec<PolicyStatus>> = statuses.collect();
        let summary = Summary {
            gaps: self.gaps.len(),
            ..count_findings(self.summary, &findings, &policy_statuses)
        };
        let weighed = findings.iter().zip(&policy_statuses);
        let fails = |(finding, statuses): &(&Finding, &Vec<PolicyStatus>)| {
            policy.fail_on.is_reached_by(finding.severity)
                && statuses.iter().any(PolicyStatus::is_open)
        };
        Self {
            verdict: match (summary.blockers, summary.gaps) {
                (1.., _) => Verdict::Blocked,
                (0, 1..) => Verdict::Incomplete,
                (0, 0) => Verdict::Ready,
            },
            failing_findings: weighed.filter(fails).count(),
            findings,
            policy_statuses,
            summary,
            ..self
        }
    }
}

/// Counts findings by severity, and those that are waived as a whole by themselves.
fn count_findings(
    mut summary: Summary,
    findings: &[Finding],
    statuses: &[Vec<PolicyStatus>],
) -> Summary {
    for (finding, statuses) in findings.iter().zip(statuses) {
        let count = match finding.severity {
            _ if statuses.iter().all(|status| status.waiver.is_some()) => &mut summary.waived,
            Severity::Blocker => &mut summary.blockers,
            Severity::Warning => &mut summary.warnings,
            Severity::Note => &mut summary.notes,
        };
        *count += 1;
    }
    summary
}

fn objects_read(context: &CheckContext<'_>) -> usize {
    let in_cluster = context.cluster.map_or(0, ClusterSnapshot::objects_read);
    context.manifests.objects_read() + in_cluster
}

/// Remarks on the whole evaluation.
fn remarks(
    context: &CheckContext<'_>,
    policy: &Policy,
    resolved: Option<&Resolved>,
) -> Vec<String> {
    let mut remarks: Vec<String> = policy.waivers.expired_remarks(policy.today).collect();
    let today = context.now.to_zoned(TimeZone::UTC).date();
    remarks.extend(context.catalog.age_remark(today));
    let detected = context.detected.iter();
    remarks.extend(detected.flat_map(|detected| detected.remarks.clone()));
    remarks.extend(context.unfinished_hop().map(|hop| hop.remark()));
    if let Some(resolved) = resolved.filter(|resolved| resolved.unchecked_objects > 0) {
        let objects = pluralize(resolved.unchecked_objects, "object");
        remarks.push(format!(
            "{objects} of the baseline could not be inspected again and may still be affected"
        ));
    }
    if policy
        .baseline
        .as_ref()
        .is_some_and(|baseline| baseline.gap_count > 0)
    {
        remarks.push(
            "the baseline has gaps: findings marked as new may have existed before".to_owned(),
        );
    }
    if context.is_redacted {
        remarks.push("names in this report are pseudonyms (--redact)".to_owned());
    }
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Worst first; findings without a hop before those of hops, in the order of hops. Equal ones keep the order in which rules and
/// clusters gave them: a fingerprint contains a UID, and would sort them otherwise on each cluster.
fn sort_key(finding: &Finding) -> impl Ord {
    (
        std::cmp::Reverse(finding.severity),
        finding.hop.clone(),
        finding.id,
        finding.message.clone(),
    )
}
