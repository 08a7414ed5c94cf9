//! An earlier report: findings that it lists do not fail a run again, and resolved ones are reported.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::need::ClusterId;
use crate::path::HopId;
use crate::rules::{
    AffectedObject, CheckContext, Confidence, Evidence, EvidenceSource, Finding, Gap, Rule,
    Severity,
};
use crate::text::kind_text;
use crate::text::names::CHECK;
use crate::text::parsers::json_error_text;

/// A file that is not a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not JSON, or an incomplete report.
    #[error("not an UpgradeReport as -o json prints it: {}", json_error_text(.0))]
    Format(#[from] serde_json::Error),
    /// It is another kind of document.
    #[error(
        "expected kind UpgradeReport of kubectl-upgrade/v1, found {}; make one with -o json",
        kind_text(kind, api_version)
    )]
    UnexpectedKind {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// It was written by a newer release.
    #[error(
        "it is an UpgradeReport of {0}, which is newer than this program; update kubectl {CHECK}"
    )]
    UnsupportedVersion(String),
}

/// The part of an `UpgradeReport` that a later run is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    findings: Vec<BaselineFinding>,
    /// Its gaps: what is new now may have existed then.
    pub gap_count: usize,
    severity_by_object: BTreeMap<BaselineKey, Severity>,
}

/// A finding of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BaselineFinding {
    /// The rule.
    pub id: String,
    /// Its severity.
    pub severity: Severity,
    /// Its confidence.
    pub confidence: Confidence,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The hop that it concerned.
    pub hop: Option<HopId>,
    /// The rule's title.
    pub title: String,
    /// Its message.
    pub message: String,
    /// Its remedy.
    pub remedy: String,
    /// Documentation to read.
    pub reference: String,
    /// Its objects.
    pub objects: Vec<AffectedObject>,
}

/// The identity of an object of a finding across runs.
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

/// Findings of a baseline that are no longer found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Resolved {
    /// Findings of the baseline with the objects that were inspected again and no longer have them.
    pub(crate) findings: Vec<BaselineFinding>,
    /// The number of objects that were not inspected again.
    pub(crate) unchecked_objects: usize,
}

impl Baseline {
    /// Parses a report that an earlier run printed with `-o json`.
    ///
    /// # Errors
    /// If it is another kind of document, or of a newer version.
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
        let mut severities = BTreeMap::new();
        for finding in &report.findings {
            for object in &finding.objects {
                let severity = severities
                    .entry(BaselineKey::for_baseline(finding, object))
                    .or_insert(finding.severity);
                *severity = finding.severity.max(*severity);
            }
        }
        Ok(Self {
            findings: report.findings,
            gap_count: report.gaps.len(),
            severity_by_object: severities,
        })
    }

    /// Whether the baseline lists this object with at least this severity. An object that has become worse is new.
    pub(crate) fn covers(&self, finding: &Finding, object: &AffectedObject) -> bool {
        let then = self
            .severity_by_object
            .get(&BaselineKey::for_current(finding, object));
        then.is_some_and(|severity| *severity >= finding.severity)
    }

    /// Findings that these rules no longer report.
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

/// What this run has inspected.
pub(crate) struct CurrentRun<'a> {
    pub(crate) context: &'a CheckContext<'a>,
    pub(crate) rules: &'a [&'a Rule],
    pub(crate) findings: &'a [Finding],
    pub(crate) gaps: &'a [Gap],
}

impl CurrentRun<'_> {
    /// Whether this run would have found the object if it were unchanged: only then is it resolved.
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
        others.any(|other| object.cluster.as_ref() == Some(other))
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
