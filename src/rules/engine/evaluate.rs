//! From what the rules say to a verdict: the only place where policy enters.

use std::collections::BTreeMap;

use super::baseline::{CurrentRun, Resolved};
use crate::catalog::PlatformName;
use crate::need::{ClusterId, NeedContext, PolicyRule};
use crate::rules::{BaselineFinding, CheckContext, Finding, Policy, PolicyStatus, Rule, Severity};
use crate::snapshot::{ClusterSnapshot, ManifestFilter, MissingData};

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing blocks, and everything was inspected.
    Ready,
    /// Something blocks.
    Blocked,
    /// Nothing blocks, but something could not be inspected.
    Incomplete,
}

/// Something that could not be inspected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// On which cluster; none for files.
    pub cluster: Option<ClusterId>,
    /// The rules that would have inspected it.
    pub rules: Vec<String>,
    /// What would have to be allowed.
    pub rbac: Option<PolicyRule>,
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
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// In one word.
    pub verdict: Verdict,
    /// Worst first; then by hop, rule and subject.
    pub findings: Vec<Finding>,
    /// For each finding, the policy status of each of its objects.
    pub policy_statuses: Vec<Vec<PolicyStatus>>,
    /// How many findings fail the run: at or above the policy's line, with an object neither taken on nor known.
    pub failing_findings: usize,
    /// Findings of the baseline that were inspected again and are resolved.
    pub resolved_findings: Vec<BaselineFinding>,
    /// By what could not be inspected.
    pub gaps: Vec<Gap>,
    /// What else must be known of this answer: waivers that no longer count, limits of the comparison.
    pub remarks: Vec<String>,
    /// Counts.
    pub summary: Summary,
}

/// Evaluates the rules and applies the policy: a pure function of its arguments.
///
/// The verdict tells of the cluster, with what somebody has taken on set aside. What the baseline knows and where the
/// line of the policy runs decides only what fails the run.
#[must_use]
pub fn evaluate(context: &CheckContext<'_>, rules: &[&Rule], policy: &Policy) -> Evaluation {
    let chosen = policy.rule_filter.select(rules);
    let mut findings = Vec::new();
    let mut faults = Vec::new();
    for rule in &chosen {
        let spoken = rule.evaluate(context);
        findings.extend(spoken.findings);
        faults.extend(spoken.unevaluated.into_iter().map(|fault| (rule.id, fault)));
    }
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    let (gaps, rules_evaluated) = collect_gaps(context, &chosen, faults);
    let standings: Vec<Vec<PolicyStatus>> = findings
        .iter()
        .map(|finding| {
            let objects = finding.objects.iter();
            objects
                .map(|object| policy.status_of(finding, object))
                .collect()
        })
        .collect();
    let failing = findings
        .iter()
        .zip(&standings)
        .filter(|(finding, standings)| {
            policy.fail_on.is_reached_by(finding.severity)
                && standings.iter().any(PolicyStatus::is_open)
        })
        .count();
    let gone = policy.baseline.as_ref().map(|baseline| {
        baseline.resolved_since(&CurrentRun {
            context: context,
            rules: &chosen,
            findings: &findings,
            gaps: &gaps,
        })
    });
    let remarks = remarks(context, policy, gone.as_ref());
    let summary = Summary {
        skipped: rules.len() - chosen.len(),
        gaps: gaps.len(),
        rules_evaluated,
        objects_read: objects_read(context),
        ..count_findings(&findings, &standings)
    };
    let verdict = match (summary.blockers, summary.gaps) {
        (1.., _) => Verdict::Blocked,
        (0, 1..) => Verdict::Incomplete,
        (0, 0) => Verdict::Ready,
    };
    Evaluation {
        verdict,
        findings,
        policy_statuses: standings,
        failing_findings: failing,
        resolved_findings: gone.map(|gone| gone.findings).unwrap_or_default(),
        gaps,
        remarks,
        summary,
    }
}

/// Findings by severity; those that are waived as a whole are counted for themselves.
fn count_findings(findings: &[Finding], standings: &[Vec<PolicyStatus>]) -> Summary {
    let mut summary = Summary::default();
    for (finding, standings) in findings.iter().zip(standings) {
        let count = match finding.severity {
            _ if standings.iter().all(|standing| standing.waiver.is_some()) => &mut summary.waived,
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

/// What else must be known.
fn remarks(context: &CheckContext<'_>, policy: &Policy, gone: Option<&Resolved>) -> Vec<String> {
    let mut remarks: Vec<String> = policy.waivers.expired_remarks(policy.today).collect();
    let detected = context.detected.iter();
    remarks.extend(detected.flat_map(|detected| detected.remarks.clone()));
    let objects = |number: usize| match number {
        1 => "1 object of the baseline was".to_owned(),
        _ => format!("{number} objects of the baseline were"),
    };
    if let Some(gone) = gone.filter(|gone| gone.unchecked_objects > 0) {
        remarks.push(format!(
            "{} neither found nor inspected again, and may still exist",
            objects(gone.unchecked_objects)
        ));
    }
    if policy
        .baseline
        .as_ref()
        .is_some_and(|baseline| baseline.gap_count > 0)
    {
        remarks.push(
            "the baseline was incomplete: what is new may be what it could not see".to_owned(),
        );
    }
    if context.is_redacted {
        remarks.push("names in this report are pseudonyms (--redact)".to_owned());
    }
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Worst first; what holds already before what a hop brings, nearer hops before farther ones.
fn sort_key(finding: &Finding) -> impl Ord {
    (
        std::cmp::Reverse(finding.severity),
        finding.hop.clone(),
        finding.id,
        finding.message.clone(),
        finding.fingerprint.clone(),
    )
}

/// What could not be inspected, in which cluster, and the rules that need it.
type GapIndex = BTreeMap<(Option<ClusterId>, MissingData), Vec<String>>;

/// Gaps, and the number of rules that could be evaluated.
///
/// A rule is evaluated over the needs that were met; each need that was not is a gap that names it, so that what it says
/// is never mistaken for the whole. A rule none of whose needs were met is not evaluated.
fn collect_gaps(
    context: &CheckContext<'_>,
    rules: &[&Rule],
    faults: Vec<(&'static str, MissingData)>,
) -> (Vec<Gap>, usize) {
    let mut found = GapIndex::new();
    for (id, fault) in faults {
        found.entry((None, fault)).or_default().push(id.to_owned());
    }
    for unseen in detection_gaps(context) {
        found.entry(unseen).or_default();
    }
    let evaluated = rules
        .iter()
        .filter(|rule| could_evaluate(context, rule, &mut found))
        .count();
    let path = context.path;
    let manifests = context.manifests;
    let filter = path.to.map(|to| ManifestFilter {
        has_cluster: context.cluster.is_some(),
        from: path.from,
        to: Some(to),
    });
    let forgone = filter
        .into_iter()
        .flat_map(|filter| manifests.dropped_gaps(filter, context.catalog));
    for unmet in catalog_horizon_gaps(context).into_iter().chain(forgone) {
        let concerned = rules.iter().filter(|rule| rule.reads_files);
        let ids = concerned.map(|rule| rule.id.to_owned());
        found.entry((None, unmet)).or_default().extend(ids);
    }
    let gaps = found
        .into_iter()
        .map(|((cluster, unmet), mut rules)| {
            rules.sort();
            rules.dedup();
            Gap {
                what: unmet.what,
                why: unmet.why,
                cluster,
                rules,
                rbac: unmet.rbac,
            }
        })
        .collect();
    (gaps, evaluated)
}

/// Whether a rule could be evaluated at all; what it could not look at is put to the rest.
fn could_evaluate(context: &CheckContext<'_>, rule: &Rule, found: &mut GapIndex) -> bool {
    let mut concerns = |cluster: Option<&ClusterId>, unmet: MissingData| {
        let rules = found.entry((cluster.cloned(), unmet)).or_default();
        rules.push(rule.id.to_owned());
    };
    let (mut asked, mut met) = (0, 0);
    if let Some(picture) = context.cluster {
        let context = NeedContext {
            path: context.path,
            catalog: context.catalog,
            discovery: &picture.discovery,
        };
        for need in rule.needs(&context) {
            asked += 1;
            match picture.rows_for(&need, context.catalog) {
                Ok(_) => met += 1,
                Err(unmet) => concerns(Some(&picture.id), *unmet),
            }
            for fault in picture.skipped_objects(&need) {
                concerns(Some(&picture.id), fault);
            }
        }
    }
    let files = context.manifests;
    if rule.reads_files {
        for unmet in &files.gaps {
            concerns(None, unmet.clone());
        }
    }
    met > 0 || asked == 0 || (rule.reads_files && files.files_read > 0)
}

/// Gaps of detection, and related clusters that were not inspected.
fn detection_gaps(
    context: &CheckContext<'_>,
) -> impl Iterator<Item = (Option<ClusterId>, MissingData)> {
    let detected = context.detected.iter();
    detected
        .flat_map(|detected| &detected.gaps)
        .map(|unseen| (Some(unseen.cluster.clone()), unseen.missing.clone()))
}

/// A target that is newer than the catalog is not refused: what is not known about it is a gap.
fn catalog_horizon_gaps(context: &CheckContext<'_>) -> Vec<MissingData> {
    let newest = context.catalog.kubernetes_releases.newest();
    let beyond = context.path.to.zip(newest);
    let beyond = beyond.filter(|(to, newest)| *to > newest.minor);
    let kubernetes = beyond.map(|(to, newest)| MissingData {
        what: format!("what Kubernetes {to} changes"),
        why: format!(
            "the catalog of {} ends with {}; removals after it are known only as far as they were announced. Update kubectl upgrade-check",
            context.catalog.date, newest.minor
        ),
        rbac: None,
    });
    let hops = context.path.hops.iter();
    let platforms = hops.filter_map(|hop| {
        let platform = context.catalog.platform(hop.platform)?;
        let newest = &platform.newest_release()?.release;
        let unknown = platform.name != PlatformName::Kubernetes && hop.minor() > newest.minor();
        unknown.then(|| MissingData {
            what: format!("what {} {} changes", platform.title, hop.to),
            why: format!(
                "the catalog of {} ends with {newest}. Update kubectl upgrade-check",
                platform.date
            ),
            rbac: None,
        })
    });
    kubernetes.into_iter().chain(platforms).collect()
}
