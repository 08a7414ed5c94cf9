//! Rules that are data: a resource, a predicate over each of its objects, texts, and from which target on it matters.
//!
//! The files stand in `src/catalog/rules`; each row is a rule. A rule sees one object at a time. What needs several kinds
//! at once, and kinds with very many objects, are rules of code.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::cel::{CelBindings, CelCompileError, CelProgram, CelVariables};
use crate::catalog::{GroupResource, Gvk, Minor};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, FieldPaths, Need, NeedContext};
use crate::path::UpgradePath;
use crate::rules::{
    AffectedObject, AppliesTo, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput,
    Severity,
};
use crate::snapshot::{MetaRow, MissingData, ObjectRow};

/// The embedded files.
const RULE_FILES: &[(&str, &str)] = &[
    ("apis.yaml", include_str!("../../catalog/rules/apis.yaml")),
    (
        "budgets.yaml",
        include_str!("../../catalog/rules/budgets.yaml"),
    ),
    ("jobs.yaml", include_str!("../../catalog/rules/jobs.yaml")),
];

/// A file of rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadRulesError {
    /// It is no file of rules.
    #[error("{file}: {reason}")]
    File {
        /// Which file.
        file: String,
        /// What is wrong, with line and column.
        reason: String,
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
        source: CelCompileError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleSet {
    api_version: String,
    kind: String,
    rules: Vec<DataRuleSpec>,
}

/// One row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DataRuleSpec {
    id: String,
    severity: Severity,
    title: String,
    /// First target minor at which it matters; any if it is left out.
    from: Option<Minor>,
    /// Last target minor at which it matters.
    to: Option<Minor>,
    /// From this target minor on it is as severe as `severity` says, before that a warning.
    #[serde(rename = "worstFrom")]
    full_severity_from: Option<Minor>,
    resource: ResourceSpec,
    /// Where the evidence is: `spec` or `status`.
    #[serde(rename = "seen")]
    evidence_source: EvidenceSource,
    when: String,
    /// A milder severity for objects for which this holds.
    #[serde(default)]
    #[serde(rename = "milder")]
    severity_overrides: Vec<SeverityOverride>,
    /// What was seen, as a text.
    evidence: String,
    message: String,
    why: String,
    #[serde(rename = "how")]
    detection: String,
    remedy: String,
    reference: String,
    sources: Vec<String>,
    /// [`Rule::gates_drains`].
    #[serde(default)]
    gates_drains: bool,
    /// [`Rule::has_own_steps`].
    #[serde(default)]
    has_own_steps: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceSpec {
    group: String,
    plural: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeverityOverride {
    severity: Severity,
    when: String,
}

/// The part of a rule that is data.
#[derive(Debug)]
pub struct DataRule {
    from: Option<Minor>,
    to: Option<Minor>,
    full_severity_from: Option<Minor>,
    resource: GroupResource,
    evidence_source: EvidenceSource,
    when: CelProgram,
    severity_overrides: Vec<(Severity, CelProgram)>,
    evidence: CelProgram,
    message: &'static str,
}

/// The rules of the embedded files.
pub(crate) fn embedded_rules() -> Result<Vec<&'static Rule>, LoadRulesError> {
    let mut rules = Vec::new();
    for (name, text) in RULE_FILES {
        rules.extend(parse_rules(name, text)?);
    }
    Ok(rules)
}

/// The rules of one file. They live as long as the program, which reads its rules once.
///
/// # Errors
/// When the text is no file of rules, with line and column.
pub fn parse_rules(file: &str, text: &str) -> Result<Vec<&'static Rule>, LoadRulesError> {
    let bad = |why: String| LoadRulesError::File {
        file: file.to_owned(),
        reason: why,
    };
    let set: RuleSet = serde_saphyr::from_str(text).map_err(|error| bad(error.to_string()))?;
    if (set.api_version.as_str(), set.kind.as_str()) != ("kubectl-upgrade/v1", "RuleSet") {
        return Err(bad(format!(
            "it is a {} of {}, not a RuleSet of kubectl-upgrade/v1",
            set.kind, set.api_version
        )));
    }
    set.rules
        .into_iter()
        .map(|row| compile_rule(file, row))
        .collect()
}

fn compile_rule(file: &str, row: DataRuleSpec) -> Result<&'static Rule, LoadRulesError> {
    let compile = |field, text: &str| {
        CelProgram::compile(text).map_err(|source| LoadRulesError::Expression {
            file: file.to_owned(),
            id: row.id.clone(),
            field,
            source,
        })
    };
    let milder = row
        .severity_overrides
        .iter()
        .map(|milder| Ok((milder.severity, compile("milder", &milder.when)?)))
        .collect::<Result<_, LoadRulesError>>()?;
    let body = DataRule {
        from: row.from,
        to: row.to,
        full_severity_from: row.full_severity_from,
        resource: GroupResource::new(&row.resource.group, &row.resource.plural),
        evidence_source: row.evidence_source,
        when: compile("when", &row.when)?,
        severity_overrides: milder,
        evidence: compile("evidence", &row.evidence)?,
        message: row.message.leak(),
    };
    let applies_to = match (row.from, row.full_severity_from) {
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
        applies_to: AppliesTo::Text(applies_to.leak()),
        why: row.why.trim().to_owned().leak(),
        detection: row.detection.trim().to_owned().leak(),
        remedy: row.remedy.trim().to_owned().leak(),
        reference: row.reference.leak(),
        sources: sources.leak(),
        gates_drains: row.gates_drains,
        has_own_steps: row.has_own_steps,
        kind: RuleKind::Data(Box::leak(Box::new(body))),
        ..Rule::DEFAULT
    })))
}

impl DataRule {
    /// Its objects, where it matters on this path.
    pub(crate) fn needs(&self, asking: &NeedContext<'_>) -> Vec<Need> {
        if self.applies_to_path(asking.path) {
            vec![self.need()]
        } else {
            Vec::new()
        }
    }

    fn need(&self) -> Need {
        let overrides = self.severity_overrides.iter().map(|(_, when)| when);
        let expressions = overrides.chain([&self.when, &self.evidence]);
        let mut field_paths = FieldPaths::default();
        for expression in expressions {
            field_paths.union(&expression.field_paths());
        }
        Need {
            field_paths,
            ..Need::objects(self.resource.clone(), DetailLevel::Full)
        }
    }

    fn applies_to_path(&self, path: &UpgradePath) -> bool {
        self.from.is_none_or(|from| path.reaches(from))
            && self.to.is_none_or(|to| path.to.is_none_or(|end| end <= to))
    }

    /// One finding for each severity, with the objects for which the predicate holds.
    pub(crate) fn evaluate(&self, rule: &Rule, situation: &CheckContext<'_>) -> RuleOutput {
        let mut spoken = RuleOutput::default();
        if !self.applies_to_path(situation.path) {
            return spoken;
        }
        let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
        let need = self.need();
        let (Some(cluster), Some(api)) = (situation.cluster, situation.listed_gvk(&self.resource))
        else {
            return spoken;
        };

        let mut around = CelBindings::new(CelVariables {
            running: cluster.discovery.effective_minor().minor,
            target: situation.path.to.map_or(0, |to| to.minor),
            now: situation.now.as_second(),
        });
        for row in situation.objects(&need) {
            match self.evaluate_object(rule, row, &mut around) {
                Ok(None) => {}
                Ok(Some((severity, detail))) => {
                    let object =
                        object_from_row(&api, row, Evidence::new(self.evidence_source, detail));
                    found.entry(severity).or_default().push(object);
                }
                Err(why) => spoken.unevaluated.push(MissingData {
                    what: format!("{} {}", self.resource, row.meta.namespaced_name()),
                    why: format!("rule {} cannot be evaluated on it: {why}", rule.id),
                    rbac: None,
                }),
            }
        }

        let hop = self.from.and_then(|from| situation.path.hop_into(from));
        spoken.findings = found
            .into_iter()
            .filter_map(|(severity, objects)| {
                let said = FindingDraft {
                    severity: self.severity_for_path(severity, situation.path),
                    hop: hop.clone(),
                    ..FindingDraft::new(rule, rule.id, self.message, objects)
                };
                Finding::new(rule, said)
            })
            .collect();
        spoken
    }

    /// Whether the rule has something to say of an object: how severe it is, and what was seen.
    fn evaluate_object(
        &self,
        rule: &Rule,
        row: &ObjectRow,
        around: &mut CelBindings,
    ) -> Result<Option<(Severity, String)>, String> {
        if !self.when.eval_bool(&row.object, around)? {
            return Ok(None);
        }
        let mut severity = rule.severity;
        for (milder, when) in &self.severity_overrides {
            if when.eval_bool(&row.object, around)? {
                severity = severity.min(*milder);
            }
        }
        let detail = self.evidence.eval_string(&row.object, around)?;
        Ok(Some((severity, detail)))
    }

    /// A hazard that blocks only from a later minor on warns before.
    fn severity_for_path(&self, severity: Severity, path: &UpgradePath) -> Severity {
        match self.full_severity_from {
            Some(worst) if !path.reaches(worst) => severity.min(Severity::Warning),
            _ => severity,
        }
    }
}

/// The object of a finding. Items of a list do not say what they are: the API through which they were listed does.
pub(crate) fn object_from_row(api: &Gvk, row: &ObjectRow, evidence: Evidence) -> AffectedObject {
    object_from_meta(api, &row.meta, evidence)
}

/// The object of a finding, by its metadata.
pub(crate) fn object_from_meta(api: &Gvk, meta: &MetaRow, evidence: Evidence) -> AffectedObject {
    AffectedObject::new(api.api_version(), &api.kind, meta, evidence)
}
