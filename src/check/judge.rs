//! From what the rules say to a verdict: the only place where policy enters.

use std::collections::BTreeMap;

use serde::Serialize;

use super::baseline::{Gone, Now};
use super::{Finding, PastFinding, Policy, Rule, Severity, Situation, Standing};
use crate::catalog::PlatformName;
use crate::need::{AccessRule, Asking, ClusterId};
use crate::snapshot::Unmet;

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing blocks, and everything was looked at.
    Ready,
    /// Something blocks.
    Blocked,
    /// Nothing blocks, but something could not be looked at.
    Incomplete,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    pub rbac: Option<AccessRule>,
}

/// Counts of findings, not of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// In one word.
    pub verdict: Verdict,
    /// Worst first; then by hop, rule and subject.
    pub findings: Vec<Finding>,
    /// For each of the findings, how each of its objects stands to the policy.
    pub standings: Vec<Vec<Standing>>,
    /// How many findings fail the run: at or above the policy's line, with an object neither taken on nor known.
    pub failing: usize,
    /// In the baseline, gone now, and looked at again.
    pub resolved: Vec<PastFinding>,
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
pub fn judge(situation: &Situation<'_>, rules: &[&Rule], policy: &Policy) -> Judgement {
    let chosen = policy.choice.of(rules);
    let mut findings = Vec::new();
    let mut faults = Vec::new();
    for rule in &chosen {
        let spoken = rule.evaluate(situation);
        findings.extend(spoken.findings);
        faults.extend(spoken.faults.into_iter().map(|fault| (rule.id, fault)));
    }
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    let (gaps, rules_evaluated) = gaps(situation, &chosen, faults);
    let standings: Vec<Vec<Standing>> = findings
        .iter()
        .map(|finding| {
            let objects = finding.objects.iter();
            objects
                .map(|object| policy.standing(finding, object))
                .collect()
        })
        .collect();
    let failing = findings
        .iter()
        .zip(&standings)
        .filter(|(finding, standings)| {
            policy.fail_on.counts(finding.severity) && standings.iter().any(Standing::is_open)
        })
        .count();
    let gone = policy.baseline.as_ref().map(|baseline| {
        baseline.gone(&Now {
            situation,
            rules: &chosen,
            findings: &findings,
            gaps: &gaps,
        })
    });
    let remarks = remarks(situation, policy, gone.as_ref());
    let summary = Summary {
        skipped: rules.len() - chosen.len(),
        gaps: gaps.len(),
        rules_evaluated,
        objects_read: objects_read(situation),
        ..counts(&findings, &standings)
    };
    let verdict = match (summary.blockers, summary.gaps) {
        (1.., _) => Verdict::Blocked,
        (0, 1..) => Verdict::Incomplete,
        (0, 0) => Verdict::Ready,
    };
    Judgement {
        verdict,
        findings,
        standings,
        failing,
        resolved: gone.map(|gone| gone.resolved).unwrap_or_default(),
        gaps,
        remarks,
        summary,
    }
}

/// Findings by severity; those that are waived as a whole are counted for themselves.
fn counts(findings: &[Finding], standings: &[Vec<Standing>]) -> Summary {
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

fn objects_read(situation: &Situation<'_>) -> usize {
    let clusters = situation.snapshot.clusters.iter();
    let seen: usize = clusters.map(crate::snapshot::Picture::objects_read).sum();
    situation.snapshot.files.objects_read() + seen
}

/// What else must be known.
fn remarks(situation: &Situation<'_>, policy: &Policy, gone: Option<&Gone>) -> Vec<String> {
    let mut remarks: Vec<String> = policy.waivers.expired(policy.today).collect();
    let detected = situation.detected.iter();
    remarks.extend(detected.flat_map(|detected| detected.remarks.clone()));
    let objects = |number: usize| match number {
        1 => "1 object of the baseline was".to_owned(),
        _ => format!("{number} objects of the baseline were"),
    };
    if let Some(gone) = gone.filter(|gone| gone.unseen > 0) {
        remarks.push(format!(
            "{} neither found nor looked at again, and may still be there",
            objects(gone.unseen)
        ));
    }
    if policy
        .baseline
        .as_ref()
        .is_some_and(|baseline| baseline.gaps > 0)
    {
        remarks.push(
            "the baseline was incomplete: what is new may be what it could not see".to_owned(),
        );
    }
    if situation.snapshot.redacted {
        remarks.push("names in this report are pseudonyms (--redact)".to_owned());
    }
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Worst first; what holds already before what a hop brings, nearer hops before farther ones.
fn order(finding: &Finding) -> impl Ord {
    let hop = finding.hop.as_ref().map(|hop| {
        let minor = hop.to.parse::<crate::catalog::Minor>().ok();
        (hop.platform.clone(), minor, hop.to.clone())
    });
    (
        std::cmp::Reverse(finding.severity),
        hop,
        finding.id,
        finding.message.clone(),
        finding.fingerprint.clone(),
    )
}

/// What could not be looked at, in which cluster, and the rules that it concerns.
type Unlooked = BTreeMap<(Option<ClusterId>, Unmet), Vec<String>>;

/// What could not be looked at, and how many rules could be evaluated.
///
/// A rule is evaluated over the needs that were met; each need that was not is a gap that names it, so that what it says
/// is never mistaken for the whole. A rule none of whose needs were met is not evaluated.
fn gaps(
    situation: &Situation<'_>,
    rules: &[&Rule],
    faults: Vec<(&'static str, Unmet)>,
) -> (Vec<Gap>, usize) {
    let mut found = Unlooked::new();
    for (id, fault) in faults {
        found.entry((None, fault)).or_default().push(id.to_owned());
    }
    for unseen in unseen(situation) {
        found.entry(unseen).or_default();
    }
    let evaluated = rules
        .iter()
        .filter(|rule| evaluated(situation, rule, &mut found))
        .count();
    let path = situation.path;
    let forgone = situation
        .snapshot
        .forgone(path.from, path.to, situation.catalog);
    for unmet in beyond_the_catalog(situation).into_iter().chain(forgone) {
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
fn evaluated(situation: &Situation<'_>, rule: &Rule, found: &mut Unlooked) -> bool {
    let mut concerns = |cluster: Option<&ClusterId>, unmet: Unmet| {
        let rules = found.entry((cluster.cloned(), unmet)).or_default();
        rules.push(rule.id.to_owned());
    };
    let (mut asked, mut met) = (0, 0);
    for picture in &situation.snapshot.clusters {
        let asking = Asking {
            path: situation.path,
            catalog: situation.catalog,
            survey: &picture.survey,
        };
        for need in rule.needs(&asking) {
            asked += 1;
            match picture.read(&need, situation.catalog) {
                Ok(_) => met += 1,
                Err(unmet) => concerns(Some(&picture.id), *unmet),
            }
            for fault in picture.faults(&need) {
                concerns(Some(&picture.id), fault);
            }
        }
    }
    let files = &situation.snapshot.files;
    if rule.reads_files {
        for unmet in &files.gaps {
            concerns(None, unmet.clone());
        }
    }
    met > 0 || asked == 0 || (rule.reads_files && files.read > 0)
}

/// What detection could not tell, and other clusters that belong to this one and were not looked at.
fn unseen(situation: &Situation<'_>) -> impl Iterator<Item = (Option<ClusterId>, Unmet)> {
    let detected = situation.detected.iter();
    detected
        .flat_map(|detected| &detected.unseen)
        .map(|unseen| (Some(unseen.cluster.clone()), unseen.unmet.clone()))
}

/// A target that is newer than the catalog is not refused: what is not known about it is a gap.
fn beyond_the_catalog(situation: &Situation<'_>) -> Vec<Unmet> {
    let newest = situation.catalog.kubernetes.newest();
    let newest = newest.filter(|newest| situation.path.to > newest.minor);
    let kubernetes = newest.map(|newest| Unmet {
        what: format!("what Kubernetes {} changes", situation.path.to),
        why: format!(
            "the catalog of {} ends with {}; removals after it are known only as far as they were announced. Update kubectl upgrade-check",
            situation.catalog.date, newest.minor
        ),
        rbac: None,
    });
    let hops = situation.path.hops.iter();
    let platforms = hops.filter_map(|hop| {
        let platform = situation.catalog.platform(hop.platform.parse().ok()?)?;
        let newest = &platform.newest()?.release;
        let unknown = platform.name != PlatformName::Kubernetes && hop.minor > newest.minor();
        unknown.then(|| Unmet {
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
