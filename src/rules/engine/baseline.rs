//! An earlier report: what it knows does not fail a run again, and what went away since is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::need::ClusterId;
use crate::path::HopId;
use crate::rules::{
    AffectedObject, CheckContext, Confidence, Evidence, EvidenceSource, Finding, Gap, Rule,
    Severity,
};

/// A file that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no JSON, or a report that lacks something.
    #[error("it is no UpgradeReport as -o json prints it: {0}")]
    Format(#[from] serde_json::Error),
    /// It is something else.
    #[error(
        "it is {} of {}, not an UpgradeReport of kubectl-upgrade/v1; make one with -o json",
        if kind.is_empty() { "no kind" } else { kind },
        if api_version.is_empty() { "no apiVersion" } else { api_version }
    )]
    UnexpectedKind {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// It was written by a newer program.
    #[error(
        "it is an UpgradeReport of {0}, which is newer than this program; update kubectl upgrade-check"
    )]
    UnsupportedVersion(String),
}

/// The part of an `UpgradeReport` that a later run is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    findings: Vec<BaselineFinding>,
    /// What it could not look at: what is new now may have been there then.
    pub gap_count: usize,
    severity_by_object: BTreeMap<BaselineKey, Severity>,
}

/// A finding of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BaselineFinding {
    /// The rule.
    pub id: String,
    /// How bad it was.
    pub severity: Severity,
    /// How sure it was.
    pub confidence: Confidence,
    /// As it was.
    pub fingerprint: String,
    /// The hop at which it would have bitten.
    pub hop: Option<HopId>,
    /// The rule's title.
    pub title: String,
    /// What it was about.
    pub message: String,
    /// What was to be done.
    pub remedy: String,
    /// Where to read more.
    pub reference: String,
    /// Which objects.
    pub objects: Vec<AffectedObject>,
}

/// Keys may be added to reports, and so may be kinds of evidence.
pub(crate) fn deserialize_known_evidence<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<Evidence>, D::Error> {
    let values = Vec::<Value>::deserialize(from)?;
    let known = values.into_iter().map(serde_json::from_value);
    Ok(known.filter_map(Result::ok).collect())
}

/// What makes an object of a finding the same as in another run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct BaselineKey {
    rule: String,
    hop: Option<HopId>,
    cluster: Option<ClusterId>,
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl BaselineKey {
    fn new(rule: &str, hop: Option<&HopId>, object: &AffectedObject) -> Self {
        Self {
            rule: rule.to_owned(),
            hop: hop.cloned(),
            cluster: object.cluster.clone(),
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        }
    }

    fn for_current(finding: &Finding, object: &AffectedObject) -> Self {
        Self::new(finding.id, finding.hop.as_ref(), object)
    }

    fn for_baseline(finding: &BaselineFinding, object: &AffectedObject) -> Self {
        Self::new(&finding.id, finding.hop.as_ref(), object)
    }
}

/// What of a baseline is no longer found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Resolved {
    /// Looked at again: findings of the baseline, with the objects that are gone.
    pub(crate) findings: Vec<BaselineFinding>,
    /// Objects that were not looked at again.
    pub(crate) unchecked_objects: usize,
}

impl Baseline {
    /// Reads what an earlier run printed with `-o json`.
    ///
    /// # Errors
    /// When it is something else, or of a newer version.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct Report {
            findings: Vec<BaselineFinding>,
            gaps: Vec<Value>,
        }
        let value: Value = serde_json::from_str(text)?;
        let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (kind, api_version) = (word("kind"), word("apiVersion"));
        if kind != "UpgradeReport" || !api_version.starts_with("kubectl-upgrade/v") {
            return Err(BaselineError::UnexpectedKind { kind, api_version });
        }
        if api_version != "kubectl-upgrade/v1" {
            return Err(BaselineError::UnsupportedVersion(api_version));
        }
        let report: Report = serde_json::from_value(value)?;
        let mut known = BTreeMap::new();
        for finding in &report.findings {
            for object in &finding.objects {
                let severity = known
                    .entry(BaselineKey::for_baseline(finding, object))
                    .or_insert(finding.severity);
                *severity = finding.severity.max(*severity);
            }
        }
        Ok(Self {
            findings: report.findings,
            gap_count: report.gaps.len(),
            severity_by_object: known,
        })
    }

    /// Whether the baseline has this object, and had it at least as bad: what has become worse is news.
    pub(crate) fn covers(&self, finding: &Finding, object: &AffectedObject) -> bool {
        let then = self
            .severity_by_object
            .get(&BaselineKey::for_current(finding, object));
        then.is_some_and(|severity| *severity >= finding.severity)
    }

    /// What is no longer found by these rules.
    pub(crate) fn resolved_since(&self, now: &CurrentRun<'_>) -> Resolved {
        let found: std::collections::BTreeSet<BaselineKey> = now
            .findings
            .iter()
            .flat_map(|finding| {
                let objects = finding.objects.iter();
                objects.map(|object| BaselineKey::for_current(finding, object))
            })
            .collect();
        let mut gone = Resolved::default();
        for finding in &self.findings {
            let (resolved, unseen): (Vec<AffectedObject>, Vec<AffectedObject>) = finding
                .objects
                .iter()
                .filter(|object| {
                    !now.is_of_other_cluster(object)
                        && !found.contains(&BaselineKey::for_baseline(finding, object))
                })
                .cloned()
                .partition(|object| now.has_checked(finding, object));
            gone.unchecked_objects += unseen.len();
            if !resolved.is_empty() {
                gone.findings.push(BaselineFinding {
                    objects: resolved,
                    ..finding.clone()
                });
            }
        }
        gone
    }
}

/// What this run has looked at.
pub(crate) struct CurrentRun<'a> {
    pub(crate) context: &'a CheckContext<'a>,
    pub(crate) rules: &'a [&'a Rule],
    pub(crate) findings: &'a [Finding],
    pub(crate) gaps: &'a [Gap],
}

impl CurrentRun<'_> {
    /// Whether this run would have found the object if it were still as it was: only then it is gone for good.
    fn has_checked(&self, finding: &BaselineFinding, object: &AffectedObject) -> bool {
        let asked = self.rules.iter().any(|rule| rule.id == finding.id);
        let whole = !self.gaps.iter().any(|gap| gap.rules.contains(&finding.id));
        let on_the_way = finding.hop.as_ref().is_none_or(|hop| {
            let hops = &self.context.path.hops;
            hops.iter().any(|step| HopId::from(step) == *hop)
        });
        asked && whole && on_the_way && self.is_in_scope(object)
    }

    /// Whether the evaluation of another cluster of the run says what became of the object.
    fn is_of_other_cluster(&self, object: &AffectedObject) -> bool {
        let mut others = self.context.other_clusters.iter();
        others.any(|other| object.cluster.as_ref() == Some(&other.id))
    }

    fn is_in_scope(&self, object: &AffectedObject) -> bool {
        let files_read = self.context.manifests.files_read;
        let by_file = |evidence: &Evidence| evidence.source == EvidenceSource::File;
        if files_read == 0 && object.evidence.iter().any(by_file) {
            return false;
        }
        match &object.cluster {
            None => files_read > 0,
            Some(id) => self.context.cluster.is_some_and(|cluster| {
                let scope = cluster.namespace.as_ref();
                cluster.id == *id && (scope.is_none() || scope == object.namespace.as_ref())
            }),
        }
    }
}
