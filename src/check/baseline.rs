//! An earlier report: what it knows does not fail a run again, and what went away since is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Confidence, Evidence, Finding, Gap, Object, Rule, Severity, Situation, Source};
use crate::need::ClusterId;
use crate::path::HopRef;

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
    Other {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// It was written by a newer program.
    #[error(
        "it is an UpgradeReport of {0}, which is newer than this program; update kubectl upgrade-check"
    )]
    Newer(String),
}

/// The part of an `UpgradeReport` that a later run is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    findings: Vec<PastFinding>,
    /// What it could not look at: what is new now may have been there then.
    pub gaps: usize,
    known: BTreeMap<Key, Severity>,
}

/// A finding of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PastFinding {
    /// The rule.
    pub id: String,
    /// How bad it was.
    pub severity: Severity,
    /// How sure it was.
    pub confidence: Confidence,
    /// As it was.
    pub fingerprint: String,
    /// The hop at which it would have bitten.
    pub hop: Option<HopRef>,
    /// The rule's title.
    pub title: String,
    /// What it was about.
    pub message: String,
    /// What was to be done.
    pub remedy: String,
    /// Where to read more.
    pub reference: String,
    /// Which objects.
    pub objects: Vec<Object>,
}

/// Keys may be added to reports, and so may be kinds of evidence.
pub(super) fn known_evidence<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<Evidence>, D::Error> {
    let values = Vec::<Value>::deserialize(from)?;
    let known = values.into_iter().map(serde_json::from_value);
    Ok(known.filter_map(Result::ok).collect())
}

/// What makes an object of a finding the same as in another run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: String,
    hop: Option<HopRef>,
    cluster: Option<ClusterId>,
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl Key {
    fn new(rule: &str, hop: Option<&HopRef>, object: &Object) -> Self {
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

    fn now(finding: &Finding, object: &Object) -> Self {
        Self::new(finding.id, finding.hop.as_ref(), object)
    }

    fn then(finding: &PastFinding, object: &Object) -> Self {
        Self::new(&finding.id, finding.hop.as_ref(), object)
    }
}

/// What of a baseline is no longer found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gone {
    /// Looked at again: findings of the baseline, with the objects that are gone.
    pub(super) resolved: Vec<PastFinding>,
    /// Objects that were not looked at again.
    pub(super) unseen: usize,
}

impl Baseline {
    /// Reads what an earlier run printed with `-o json`.
    ///
    /// # Errors
    /// When it is something else, or of a newer version.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct Report {
            findings: Vec<PastFinding>,
            gaps: Vec<Value>,
        }
        let value: Value = serde_json::from_str(text)?;
        let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (kind, api_version) = (word("kind"), word("apiVersion"));
        if kind != "UpgradeReport" || !api_version.starts_with("kubectl-upgrade/v") {
            return Err(BaselineError::Other { kind, api_version });
        }
        if api_version != "kubectl-upgrade/v1" {
            return Err(BaselineError::Newer(api_version));
        }
        let report: Report = serde_json::from_value(value)?;
        let mut known = BTreeMap::new();
        for finding in &report.findings {
            for object in &finding.objects {
                let severity = known
                    .entry(Key::then(finding, object))
                    .or_insert(finding.severity);
                *severity = finding.severity.max(*severity);
            }
        }
        Ok(Self {
            findings: report.findings,
            gaps: report.gaps.len(),
            known,
        })
    }

    /// Whether the baseline has this object, and had it at least as bad: what has become worse is news.
    pub(super) fn knows(&self, finding: &Finding, object: &Object) -> bool {
        let then = self.known.get(&Key::now(finding, object));
        then.is_some_and(|severity| *severity >= finding.severity)
    }

    /// What is no longer found by these rules.
    pub(super) fn gone(&self, now: &Now<'_>) -> Gone {
        let found: std::collections::BTreeSet<Key> = now
            .findings
            .iter()
            .flat_map(|finding| {
                let objects = finding.objects.iter();
                objects.map(|object| Key::now(finding, object))
            })
            .collect();
        let mut gone = Gone::default();
        for finding in &self.findings {
            let (resolved, unseen): (Vec<Object>, Vec<Object>) = finding
                .objects
                .iter()
                .filter(|object| !found.contains(&Key::then(finding, object)))
                .cloned()
                .partition(|object| now.looked_at(finding, object));
            gone.unseen += unseen.len();
            if !resolved.is_empty() {
                gone.resolved.push(PastFinding {
                    objects: resolved,
                    ..finding.clone()
                });
            }
        }
        gone
    }
}

/// What this run has looked at.
pub(super) struct Now<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) rules: &'a [&'a Rule],
    pub(super) findings: &'a [Finding],
    pub(super) gaps: &'a [Gap],
}

impl Now<'_> {
    /// Whether this run would have found the object if it were still as it was: only then it is gone for good.
    fn looked_at(&self, finding: &PastFinding, object: &Object) -> bool {
        let asked = self.rules.iter().any(|rule| rule.id == finding.id);
        let whole = !self.gaps.iter().any(|gap| gap.rules.contains(&finding.id));
        let on_the_way = finding.hop.as_ref().is_none_or(|hop| {
            let hops = &self.situation.path.hops;
            hops.iter().any(|step| HopRef::from(step) == *hop)
        });
        asked && whole && on_the_way && self.in_scope(object)
    }

    fn in_scope(&self, object: &Object) -> bool {
        let snapshot = self.situation.snapshot;
        let by_file = |evidence: &Evidence| evidence.source == Source::File;
        if snapshot.files.read == 0 && object.evidence.iter().any(by_file) {
            return false;
        }
        match &object.cluster {
            None => snapshot.files.read > 0,
            Some(id) => snapshot.clusters.iter().any(|picture| {
                let scope = picture.namespace.as_ref();
                picture.id == *id && (scope.is_none() || scope == object.namespace.as_ref())
            }),
        }
    }
}
