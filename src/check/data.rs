//! Rules that are data: a resource, a predicate over each of its objects, texts, and from which target on it matters.
//!
//! The files stand in `src/catalog/rules`; each row is a rule. A rule sees one object at a time. What needs several kinds
//! at once, and kinds with very many objects, are rules of code.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::cel::{Around, BadExpression, Program, Surroundings};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation, Spoken};
use crate::catalog::{Catalog, Gvk, Minor, Resource};
use crate::evidence::{Evidence, Source};
use crate::need::{Asking, Depth, Need};
use crate::path::Path;
use crate::snapshot::{JsonRow, MetaRow, Picture, Unmet};

/// The embedded files.
const FILES: &[(&str, &str)] = &[
    ("apis.yaml", include_str!("../catalog/rules/apis.yaml")),
    (
        "budgets.yaml",
        include_str!("../catalog/rules/budgets.yaml"),
    ),
    ("jobs.yaml", include_str!("../catalog/rules/jobs.yaml")),
];

/// A file of rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is no file of rules.
    #[error("{file}: {why}")]
    File {
        /// Which file.
        file: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// An expression in it is none.
    #[error("{file}: rule {id}, field {field}: {source}")]
    Expression {
        /// Which file.
        file: String,
        /// Which rule.
        id: String,
        /// Which field of it.
        field: &'static str,
        /// What is wrong, with line and column.
        source: BadExpression,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleSet {
    api_version: String,
    kind: String,
    rules: Vec<Row>,
}

/// One row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    id: String,
    severity: Severity,
    title: String,
    /// First target minor at which it matters; any if it is left out.
    from: Option<Minor>,
    /// Last target minor at which it matters.
    to: Option<Minor>,
    /// From this target minor on it is as severe as `severity` says, before that a warning.
    worst_from: Option<Minor>,
    resource: ResourceRow,
    /// Where the evidence is: `spec` or `status`.
    seen: Source,
    when: String,
    /// A milder severity for objects for which this holds.
    #[serde(default)]
    milder: Vec<Milder>,
    /// What was seen, as a text.
    evidence: String,
    message: String,
    why: String,
    how: String,
    remedy: String,
    reference: String,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceRow {
    group: String,
    plural: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Milder {
    severity: Severity,
    when: String,
}

/// The part of a rule that is data.
#[derive(Debug)]
pub struct DataRule {
    from: Option<Minor>,
    to: Option<Minor>,
    worst_from: Option<Minor>,
    resource: Resource,
    seen: Source,
    when: Program,
    milder: Vec<(Severity, Program)>,
    evidence: Program,
    message: &'static str,
}

/// The rules of the embedded files.
pub(super) fn embedded() -> Result<Vec<&'static Rule>, RuleError> {
    let mut rules = Vec::new();
    for (name, text) in FILES {
        rules.extend(parse(name, text)?);
    }
    Ok(rules)
}

/// The rules of one file. They live as long as the program, which reads its rules once.
///
/// # Errors
/// When the text is no file of rules, with line and column.
pub fn parse(file: &str, text: &str) -> Result<Vec<&'static Rule>, RuleError> {
    let bad = |why: String| RuleError::File {
        file: file.to_owned(),
        why,
    };
    let set: RuleSet = serde_saphyr::from_str(text).map_err(|error| bad(error.to_string()))?;
    if (set.api_version.as_str(), set.kind.as_str()) != ("kubectl-upgrade/v1", "RuleSet") {
        return Err(bad(format!(
            "it is a {} of {}, not a RuleSet of kubectl-upgrade/v1",
            set.kind, set.api_version
        )));
    }
    set.rules.into_iter().map(|row| rule(file, row)).collect()
}

fn rule(file: &str, row: Row) -> Result<&'static Rule, RuleError> {
    let compile = |field, text: &str| {
        Program::compile(text).map_err(|source| RuleError::Expression {
            file: file.to_owned(),
            id: row.id.clone(),
            field,
            source,
        })
    };
    let milder = row
        .milder
        .iter()
        .map(|milder| Ok((milder.severity, compile("milder", &milder.when)?)))
        .collect::<Result<_, RuleError>>()?;
    let body = DataRule {
        from: row.from,
        to: row.to,
        worst_from: row.worst_from,
        resource: Resource::new(&row.resource.group, &row.resource.plural),
        seen: row.seen,
        when: compile("when", &row.when)?,
        milder,
        evidence: compile("evidence", &row.evidence)?,
        message: row.message.leak(),
    };
    let applies_to = match (row.from, row.worst_from) {
        (None, _) => "any".to_owned(),
        (Some(from), None) => from.to_string(),
        (Some(from), Some(worst)) => format!("{from}, at its worst from {worst}"),
    };
    let sources: Vec<&'static str> = row
        .sources
        .into_iter()
        .map(|source| &*source.leak())
        .collect();
    Ok(Box::leak(Box::new(Rule {
        id: row.id.leak(),
        severity: row.severity,
        title: row.title.leak(),
        applies_to: applies_to.leak(),
        why: row.why.trim().to_owned().leak(),
        how: row.how.trim().to_owned().leak(),
        mend: row.remedy.trim().to_owned().leak(),
        reference: row.reference.leak(),
        sources: sources.leak(),
        reads_files: false,
        body: Body::Data(Box::new(body)),
    })))
}

impl DataRule {
    /// Its objects, where it matters on this path.
    pub(super) fn needs(&self, asking: &Asking<'_>) -> Vec<Need> {
        if self.matters(asking.path) {
            vec![self.need()]
        } else {
            Vec::new()
        }
    }

    fn need(&self) -> Need {
        Need::objects(self.resource.clone(), Depth::Whole)
    }

    fn matters(&self, path: &Path) -> bool {
        self.from.is_none_or(|from| from <= path.to) && self.to.is_none_or(|to| path.to <= to)
    }

    /// One finding for each severity, with the objects for which the predicate holds.
    pub(super) fn evaluate(&self, rule: &Rule, situation: &Situation<'_>) -> Spoken {
        let mut spoken = Spoken::default();
        if !self.matters(situation.path) {
            return spoken;
        }
        let mut found: BTreeMap<Severity, Vec<Object>> = BTreeMap::new();
        let need = self.need();
        for (picture, rows) in situation.rows(&need) {
            let mut around = Around::new(Surroundings {
                running: picture.survey.effective_minor().minor,
                target: situation.path.to.minor,
                now: situation.now.as_second(),
            });
            let Some(api) = listed_through(&self.resource, picture, situation.catalog) else {
                continue;
            };
            for row in rows.json() {
                match self.judge(rule, row, &mut around) {
                    Ok(None) => {}
                    Ok(Some((severity, detail))) => {
                        let object = object(picture, &api, row, Evidence::new(self.seen, detail));
                        found.entry(severity).or_default().push(object);
                    }
                    Err(why) => spoken.faults.push(Unmet {
                        what: format!("{} {}", self.resource, place(row)),
                        why: format!("rule {} cannot be evaluated on it: {why}", rule.id),
                        rbac: None,
                    }),
                }
            }
        }
        let hop = self.from.and_then(|from| situation.path.hop_into(from));
        spoken.findings = found
            .into_iter()
            .filter_map(|(severity, objects)| {
                let said = Said {
                    severity: self.at(severity, situation.path),
                    hop: hop.clone(),
                    ..Said::new(rule, rule.id, self.message, objects)
                };
                Finding::new(rule, said)
            })
            .collect();
        spoken
    }

    /// Whether the rule has something to say of an object: how severe it is, and what was seen.
    fn judge(
        &self,
        rule: &Rule,
        row: &JsonRow,
        around: &mut Around,
    ) -> Result<Option<(Severity, String)>, String> {
        if !self.when.holds(&row.object, around)? {
            return Ok(None);
        }
        let mut severity = rule.severity;
        for (milder, when) in &self.milder {
            if when.holds(&row.object, around)? {
                severity = severity.min(*milder);
            }
        }
        let detail = self.evidence.text(&row.object, around)?;
        Ok(Some((severity, detail)))
    }

    /// A hazard that blocks only from a later minor on warns before.
    fn at(&self, severity: Severity, path: &Path) -> Severity {
        match self.worst_from {
            Some(worst) if path.to < worst => severity.min(Severity::Warning),
            _ => severity,
        }
    }
}

/// The API through which these objects were listed on a cluster.
pub(super) fn listed_through(
    resource: &Resource,
    picture: &Picture,
    catalog: &Catalog,
) -> Option<Gvk> {
    let minor = picture.survey.effective_minor();
    let serves = |api_version: &str| picture.survey.serves(api_version);
    if let Some(api) = catalog.apis.best_served(resource, minor, serves) {
        return Some(api.gvk());
    }
    let group_versions = &picture.survey.group_versions;
    let custom = catalog.custom.best_served(resource, group_versions)?;
    Some(Gvk::new(&custom.api_version, &custom.kind))
}

fn place(row: &JsonRow) -> String {
    match &row.meta.namespace {
        Some(namespace) => format!("{namespace}/{}", row.meta.name),
        None => row.meta.name.clone(),
    }
}

/// The object of a finding. Items of a list do not say what they are: the API through which they were listed does.
pub(super) fn object(picture: &Picture, api: &Gvk, row: &JsonRow, evidence: Evidence) -> Object {
    object_of(picture, api, &row.meta, evidence)
}

/// The object of a finding, by its metadata.
pub(super) fn object_of(
    picture: &Picture,
    api: &Gvk,
    meta: &MetaRow,
    evidence: Evidence,
) -> Object {
    Object::new(picture, api.api_version(), &api.kind, meta, evidence)
}
