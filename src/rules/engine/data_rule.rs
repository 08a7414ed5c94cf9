//! Data rules: a resource, a predicate over each of its objects, texts, and the targets that it applies to.
//!
//! The files are in `src/catalog/rules`; each row is a rule. A data rule inspects one object at a time. Rules that combine
//! several kinds, or inspect kinds with very many objects, are code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::cel::{CelBindings, CelCompileError, CelProgram, CelVariables};
use super::manifests::{add_object, manifest_contents};
use crate::catalog::{GroupResource, Gvk, Minor, MinorRange, PlatformName};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, FieldPaths, Need, NeedContext};
use crate::path::{HopId, UpgradePath};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput,
    Severity, TableRule,
};
use crate::snapshot::{MetaRow, MissingData, ObjectRow};
use crate::text::names::expand;

/// The embedded files.
const RULE_FILES: &[(&str, &str)] = &[
    ("apis.yaml", include_str!("../../catalog/rules/apis.yaml")),
    (
        "budgets.yaml",
        include_str!("../../catalog/rules/budgets.yaml"),
    ),
    ("dkp.yaml", include_str!("../../catalog/rules/dkp.yaml")),
    ("jobs.yaml", include_str!("../../catalog/rules/jobs.yaml")),
    ("kyma.yaml", include_str!("../../catalog/rules/kyma.yaml")),
];

/// An invalid file of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadRulesError {
    /// It is not a file of rules.
    #[error("{file}: {reason}")]
    File {
        /// Which file.
        file: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// It contains an invalid expression.
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
    /// The platform whose hops it applies to; with none, it applies to hops of Kubernetes.
    platform: Option<PlatformName>,
    /// The target minors of these hops.
    #[serde(default)]
    hops: MinorRange,
    /// Whether it applies only to hops that change the minor.
    #[serde(default)]
    crossing: bool,
    /// The first target minor it applies to; any if left out.
    from: Option<Minor>,
    /// The last target minor it applies to.
    to: Option<Minor>,
    /// The first target minor with the full severity; earlier ones are a warning.
    #[serde(rename = "worstFrom")]
    full_severity_from: Option<Minor>,
    resource: ResourceSpec,
    /// Where the evidence is: `spec` or `status`.
    evidence_source: EvidenceSource,
    when: String,
    /// Lower severities for some objects.
    #[serde(default)]
    #[serde(rename = "milder")]
    severity_overrides: Vec<SeverityOverride>,
    /// The evidence, as a text.
    evidence: String,
    message: String,
    why: String,
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
    /// [`Rule::reads_files`].
    #[serde(default)]
    reads_files: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceSpec {
    group: String,
    plural: String,
    /// The only object that it inspects; all of the resource if left out.
    object: Option<ObjectName>,
}

/// A namespaced object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectName {
    namespace: String,
    name: String,
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
    /// The platform whose hops it applies to, the minors that they lead to, and whether they must change it.
    platform_hops: Option<(PlatformName, MinorRange, bool)>,
    from: Option<Minor>,
    to: Option<Minor>,
    full_severity_from: Option<Minor>,
    resource: GroupResource,
    object: Option<ObjectName>,
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
        rules.extend(parse_rules(name, &expand(text))?);
    }
    Ok(rules)
}

/// The rules of one file. They live as long as the program, which reads its rules once.
///
/// # Errors
/// If the text is not a file of rules, with line and column.
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
    let platform_hops = row
        .platform
        .map(|platform| (platform, row.hops, row.crossing));
    let body = DataRule {
        platform_hops,
        from: row.from,
        to: row.to,
        full_severity_from: row.full_severity_from,
        resource: GroupResource::new(&row.resource.group, &row.resource.plural),
        object: row.resource.object,
        evidence_source: row.evidence_source,
        when: compile("when", &row.when)?,
        severity_overrides: milder,
        evidence: compile("evidence", &row.evidence)?,
        message: row.message.leak(),
    };
    let applies_to = match (row.from, row.full_severity_from) {
        (None, _) if platform_hops.is_some() => {
            let title = row.platform.map_or("", PlatformName::title);
            format!("{title}: {}", row.hops)
        }
        (None, _) => "any".to_owned(),
        (Some(from), None) => from.to_string(),
        (Some(from), Some(worst)) => format!("{from}, at full severity from {worst}"),
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
        applies_to: Applicability::Text(applies_to.leak()),
        why: row.why.trim().to_owned().leak(),
        detection: row.detection.trim().to_owned().leak(),
        remedy: row.remedy.trim().to_owned().leak(),
        reference: row.reference.leak(),
        sources: sources.leak(),
        gates_drains: row.gates_drains,
        has_own_steps: row.has_own_steps,
        reads_files: row.reads_files,
        kind: RuleKind::Table(Box::leak(Box::new(body))),
        ..Rule::DEFAULT
    })))
}

impl DataRule {
    fn need(&self) -> Need {
        let overrides = self.severity_overrides.iter().map(|(_, when)| when);
        let expressions = overrides.chain([&self.when, &self.evidence]);
        let mut field_paths = FieldPaths::default();
        for expression in expressions {
            field_paths.union(&expression.field_paths());
        }
        let resource = self.resource.clone();
        let need = match &self.object {
            Some(object) => Need::single_object(resource, &object.namespace, &object.name),
            None => Need::objects(resource, DetailLevel::Full),
        };
        Need {
            field_paths,
            ..need
        }
    }

    fn applies_to_path(&self, path: &UpgradePath) -> bool {
        (self.platform_hops.is_none() || self.platform_hop(path).is_some())
            && self.from.is_none_or(|from| path.reaches(from))
            && self.to.is_none_or(|to| path.to.is_none_or(|end| end <= to))
    }

    /// The first hop of its platform that it applies to.
    fn platform_hop(&self, path: &UpgradePath) -> Option<HopId> {
        let (platform, minors, is_crossing) = self.platform_hops?;
        let mut hops = path.hops.iter();
        let hop = hops.find(|hop| {
            let from = hop.from.as_ref();
            let crosses = from.is_none_or(|from| from.minor() != hop.minor());
            hop.platform == platform && minors.contains(hop.minor()) && (crosses || !is_crossing)
        });
        hop.map(HopId::from)
    }

    /// Evaluates the rule on an object: the severity and the evidence, if it applies.
    fn evaluate_object(
        &self,
        rule: &Rule,
        object: &Value,
        bindings: &mut CelBindings,
    ) -> Result<Option<(Severity, String)>, String> {
        if !self.when.eval_bool(object, bindings)? {
            return Ok(None);
        }
        let mut severity = rule.severity;
        for (milder, when) in &self.severity_overrides {
            if when.eval_bool(object, bindings)? {
                severity = severity.min(*milder);
            }
        }
        let detail = self.evidence.eval_string(object, bindings)?;
        Ok(Some((severity, detail)))
    }

    /// Before the minor with the full severity, the rule only warns.
    fn severity_for_path(&self, severity: Severity, path: &UpgradePath) -> Severity {
        match self.full_severity_from {
            Some(worst) if !path.reaches(worst) => severity.min(Severity::Warning),
            _ => severity,
        }
    }
}

impl TableRule for DataRule {
    fn object_need(&self) -> Option<Need> {
        Some(self.need())
    }

    fn needs(&self, context: &NeedContext<'_>) -> Vec<Need> {
        if self.applies_to_path(context.path) {
            vec![self.need()]
        } else {
            Vec::new()
        }
    }

    /// One finding for each severity, with the objects for which the predicate holds.
    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> RuleOutput {
        let mut output = RuleOutput::default();
        if !self.applies_to_path(context.path) {
            return output;
        }
        let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
        let need = self.need();
        let cluster = context.cluster;
        let running = cluster.map(|cluster| cluster.discovery.effective_minor());
        let running = running.or(context.path.from);
        let mut bindings = CelBindings::new(CelVariables {
            running: running.map_or(0, |minor| minor.minor),
            target: context.path.to.map_or(0, |to| to.minor),
            now: context.now.as_second(),
        });
        let unevaluated = |what: String, why: String| MissingData {
            what,
            why: format!("rule {} cannot be evaluated on it: {why}", rule.id),
            rbac: None,
        };
        if let Some(api) = context.listed_gvk(&self.resource) {
            for row in context.objects(&need) {
                match self.evaluate_object(rule, &row.object, &mut bindings) {
                    Ok(None) => {}
                    Ok(Some((severity, detail))) => {
                        let evidence = Evidence::new(self.evidence_source, detail);
                        let object = object_from_row(&api, row, evidence);
                        found.entry(severity).or_default().push(object);
                    }
                    Err(why) => {
                        let what = format!("{} {}", self.resource, row.meta.namespaced_name());
                        output.unevaluated.push(unevaluated(what, why));
                    }
                }
            }
        }
        let contents = match rule.reads_files {
            true => manifest_contents(context),
            false => Vec::new(),
        };
        for content in contents {
            if !content.is_of(&self.resource, context) {
                continue;
            }
            match self.evaluate_object(rule, content.fields, &mut bindings) {
                Ok(None) => {}
                Ok(Some((severity, detail))) => {
                    add_object(found.entry(severity).or_default(), content.affected(detail));
                }
                Err(why) => {
                    let what = format!("{} in {}", content.object.name, content.object.location);
                    output.unevaluated.push(unevaluated(what, why));
                }
            }
        }

        let hop = self.from.and_then(|from| context.path.hop_into(from));
        let hop = hop.or_else(|| self.platform_hop(context.path));
        output.findings = found
            .into_iter()
            .filter_map(|(severity, objects)| {
                let draft = FindingDraft {
                    severity: self.severity_for_path(severity, context.path),
                    hop: hop.clone(),
                    ..FindingDraft::new(rule, rule.id, self.message, objects)
                };
                Finding::new(rule, draft)
            })
            .collect();
        output
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
