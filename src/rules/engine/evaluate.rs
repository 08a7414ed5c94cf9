//! From what the rules say to a verdict: the only place where policy enters.

use std::collections::BTreeMap;

use super::baseline::{CurrentRun, Resolved};
use crate::catalog::PlatformName;
use crate::need::{ClusterId, NeedContext, PolicyRule};
use crate::rules::{BaselineFinding, CheckContext, Finding, Policy, PolicyStatus, Rule, Severity};
use crate::snapshot::{ClusterSnapshot, ManifestFilter, MissingData};

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Nothing blocks, and everything was looked at.
    #[default]
    Ready,
    /// Something blocks.
    Blocked,
    /// Nothing blocks, but something could not be looked at.
    Incomplete,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// On which cluster; none for files.
    pub cluster: Option<ClusterId>,
    /// Which rules would have looked at it.
    pub rules: Vec<String>,
    /// What would have to be allowed.
    pub rbac: Option<PolicyRule>,
}

/// Counts of findings, not of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Findings that block and that nobody has taken on.
    pub blockers: usize,
    /// Findings that warn and that nobody has taken on.
    pub warnings: usize,
    /// Findings that note and that nobody has taken on.
    pub notes: usize,
    /// Findings that somebody has taken on.
    pub waived: usize,
    /// Rules that were left out on request.
    pub skipped: usize,
    /// Things that could not be looked at.
    pub gaps: usize,
    /// Rules that were evaluated, at least in part.
    pub rules_evaluated: usize,
    /// Objects that were read.
    pub objects_read: usize,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// In one word.
    pub verdict: Verdict,
    /// Worst first; then by hop, rule and subject.
    pub findings: Vec<Finding>,
    /// For each of the findings, how each of its objects stands to the policy.
    pub policy_statuses: Vec<Vec<PolicyStatus>>,
    /// How many findings fail the run: at or above the policy's line, with an object neither taken on nor known.
    pub failing_findings: usize,
    /// In the baseline, gone now, and looked at again.
    pub resolved_findings: Vec<BaselineFinding>,
    /// By what could not be looked at.
    pub gaps: Vec<Gap>,
    /// What else must be known of this answer: waivers that no longer count, limits of the comparison.
    pub remarks: Vec<String>,
    /// Counts.
    pub summary: Summary,
}

/// Lets the rules speak and weighs what they say: a pure function of its arguments.
///
/// The verdict tells of the cluster, with what somebody has taken on set aside. What the baseline knows and where the
/// line of the policy runs decides only what fails the run.
#[must_use]
pub fn evaluate(situation: &CheckContext<'_>, rules: &[&Rule], policy: &Policy) -> Evaluation {
    let chosen = policy.rule_filter.select(rules);
    let mut findings = Vec::new();
    let mut faults = Vec::new();
    for rule in &chosen {
        let spoken = rule.evaluate(situation);
        findings.extend(spoken.findings);
        faults.extend(spoken.unevaluated.into_iter().map(|fault| (rule.id, fault)));
    }
    let (gaps, rules_evaluated) = collect_gaps(situation, &chosen, faults);
    let resolved = policy.baseline.as_ref().map(|baseline| {
        baseline.resolved_since(&CurrentRun {
            context: situation,
            rules: &chosen,
            findings: &findings,
            gaps: &gaps,
        })
    });
    let evaluation = Evaluation {
        remarks: remarks(situation, policy, resolved.as_ref()),
        resolved_findings: resolved
            .map(|resolved| resolved.findings)
            .unwrap_or_default(),
        gaps,
        summary: Summary {
            skipped: rules.len() - chosen.len(),
            rules_evaluated,
            objects_read: objects_read(situation),
            ..Summary::default()
        },
        ..Evaluation::default()
    };
    evaluation.with_findings(findings, policy)
}

impl Evaluation {
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

/// Findings by severity; those that are waived as a whole are counted for themselves.
fn count_findings(
    mut summary: Summary,
    findings: &[Finding],
    standings: &[Vec<PolicyStatus>],
) -> Summary {
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

fn objects_read(situation: &CheckContext<'_>) -> usize {
    let in_cluster = situation.cluster.map_or(0, ClusterSnapshot::objects_read);
    situation.manifests.objects_read() + in_cluster
}

/// What else must be known.
fn remarks(situation: &CheckContext<'_>, policy: &Policy, gone: Option<&Resolved>) -> Vec<String> {
    let mut remarks: Vec<String> = policy.waivers.expired_remarks(policy.today).collect();
    let detected = situation.detected.iter();
    remarks.extend(detected.flat_map(|detected| detected.remarks.clone()));
    let objects = |number: usize| match number {
        1 => "1 object of the baseline was".to_owned(),
        _ => format!("{number} objects of the baseline were"),
    };
    if let Some(gone) = gone.filter(|gone| gone.unchecked_objects > 0) {
        remarks.push(format!(
            "{} neither found nor looked at again, and may still be there",
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
    if situation.is_redacted {
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

/// What could not be looked at, in which cluster, and the rules that it concerns.
type GapIndex = BTreeMap<(Option<ClusterId>, MissingData), Vec<String>>;

/// What could not be looked at, and how many rules could be evaluated.
///
/// A rule is evaluated over the needs that were met; each need that was not is a gap that names it, so that what it says
/// is never mistaken for the whole. A rule none of whose needs were met is not evaluated.
fn collect_gaps(
    situation: &CheckContext<'_>,
    rules: &[&Rule],
    faults: Vec<(&'static str, MissingData)>,
) -> (Vec<Gap>, usize) {
    let mut found = GapIndex::new();
    for (id, fault) in faults {
        found.entry((None, fault)).or_default().push(id.to_owned());
    }
    for unseen in detection_gaps(situation) {
        found.entry(unseen).or_default();
    }
    let evaluated = rules
        .iter()
        .filter(|rule| could_evaluate(situation, rule, &mut found))
        .count();
    let path = situation.path;
    let manifests = situation.manifests;
    let filter = path.to.map(|to| ManifestFilter {
        has_cluster: situation.cluster.is_some(),
        from: path.from,
        to: Some(to),
    });
    let forgone = filter
        .into_iter()
        .flat_map(|filter| manifests.dropped_gaps(filter, situation.catalog));
    for unmet in catalog_horizon_gaps(situation).into_iter().chain(forgone) {
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
fn could_evaluate(situation: &CheckContext<'_>, rule: &Rule, found: &mut GapIndex) -> bool {
    let mut concerns = |cluster: Option<&ClusterId>, unmet: MissingData| {
        let rules = found.entry((cluster.cloned(), unmet)).or_default();
        rules.push(rule.id.to_owned());
    };
    let (mut asked, mut met) = (0, 0);
    if let Some(picture) = situation.cluster {
        let asking = NeedContext {
            path: situation.path,
            catalog: situation.catalog,
            discovery: &picture.discovery,
        };
        for need in rule.needs(&asking) {
            asked += 1;
            match picture.rows_for(&need, situation.catalog) {
                Ok(_) => met += 1,
                Err(unmet) => concerns(Some(&picture.id), *unmet),
            }
            for fault in picture.skipped_objects(&need) {
                concerns(Some(&picture.id), fault);
            }
        }
    }
    let files = situation.manifests;
    if rule.reads_files {
        for unmet in &files.gaps {
            concerns(None, unmet.clone());
        }
    }
    met > 0 || asked == 0 || (rule.reads_files && files.files_read > 0)
}

/// What detection could not tell, and other clusters that belong to this one and were not looked at.
fn detection_gaps(
    situation: &CheckContext<'_>,
) -> impl Iterator<Item = (Option<ClusterId>, MissingData)> {
    let detected = situation.detected.iter();
    detected
        .flat_map(|detected| &detected.gaps)
        .map(|unseen| (Some(unseen.cluster.clone()), unseen.missing.clone()))
}

/// A target that is newer than the catalog is not refused: what is not known about it is a gap.
fn catalog_horizon_gaps(situation: &CheckContext<'_>) -> Vec<MissingData> {
    let newest = situation.catalog.kubernetes_releases.newest();
    let beyond = situation.path.to.zip(newest);
    let beyond = beyond.filter(|(to, newest)| *to > newest.minor);
    let kubernetes = beyond.map(|(to, newest)| MissingData {
        what: format!("what Kubernetes {to} changes"),
        why: format!(
            "the catalog of {} ends with {}; removals after it are known only as far as they were announced. Update kubectl upgrade-check",
            situation.catalog.date, newest.minor
        ),
        rbac: None,
    });
    let hops = situation.path.hops.iter();
    let platforms = hops.filter_map(|hop| {
        let platform = situation.catalog.platform(hop.platform)?;
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
