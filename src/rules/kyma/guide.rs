//! `kyma-guide-action`: objects that a migration guide asks to change.

use crate::catalog::{Catalog, GroupResource, Gvk, ObjectCheck, PlatformName, StepTemplate};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, FieldPaths, Need, NeedContext};
use crate::path::{Hop, HopId, UpgradePath};
use crate::rules::engine::cel::{CelBindings, CelCompileError, CelProgram, CelVariables};
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::{
    AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput, Severity,
    TableRule,
};
use crate::snapshot::MissingData;
use crate::text::names::{PLAN, plan_name};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "kyma-guide-action",
    severity: Severity::Blocker,
    title: "A migration guide of Kyma asks for a change",
    why: "Each minor of Kyma has its own preparations and repairs. Those that were left out make the upgrade fail, or break what it leaves.",
    detection: "For each hop, by the objects that its guide or its release notes name. Actions that show in no object are steps of the plan for a person to confirm.",
    remedy: concat!("Carry out the step of this name in ", plan_name!(), "."),
    reference: "https://github.com/kyma-project/kyma/tree/release-1.24/docs/migration-guides",
    sources: &[
        "kyma-project/kyma docs/migration-guides and docs/migration-guide-*.md, branches release-0.9 to release-2.20",
        "kyma-project/website content/blog-posts",
    ],
    has_own_steps: true,
    kind: RuleKind::Table(&GuideActions),
    ..Rule::DEFAULT
};

/// A check whose expressions are ready.
struct CompiledCheck<'a> {
    check: &'a ObjectCheck,
    when: CelProgram,
    evidence: CelProgram,
}

impl<'a> CompiledCheck<'a> {
    fn new(check: &'a ObjectCheck) -> Result<Self, CelCompileError> {
        Ok(Self {
            check,
            when: CelProgram::compile(&check.when)?,
            evidence: CelProgram::compile(&check.evidence)?,
        })
    }

    fn need(&self, resource: &GroupResource) -> Need {
        let mut fields = FieldPaths::default();
        fields.union(&self.when.field_paths());
        fields.union(&self.evidence.field_paths());
        let need = match (&self.check.namespace, &self.check.name) {
            (Some(namespace), Some(name)) => Need::single_object(resource.clone(), namespace, name),
            (Some(namespace), None) => {
                Need::objects(resource.clone(), DetailLevel::Full).in_namespace(namespace)
            }
            _ => Need::objects(resource.clone(), DetailLevel::Full),
        };
        Need {
            field_paths: fields,
            ..need
        }
    }
}

/// The objects that need a step, and those of which that is unknown.
#[derive(Debug, Default)]
pub(crate) struct CheckedObjects {
    pub(crate) affected: Vec<AffectedObject>,
    pub(crate) unevaluated: Vec<MissingData>,
}

/// The objects that need a step; `None` if they were not read.
pub(crate) fn checked_objects(
    context: &CheckContext<'_>,
    check: &ObjectCheck,
) -> Option<CheckedObjects> {
    let view = context.view()?;
    let compiled = CompiledCheck::new(check).ok()?;
    let mut bindings = CelBindings::new(CelVariables {
        running: view.cluster.discovery.effective_minor().minor,
        target: context.path.to.map_or(0, |to| to.minor),
        now: context.now.as_second(),
    });
    let mut objects = CheckedObjects::default();
    for resource in check.resources() {
        let need = compiled.need(&resource);
        let Some(rows) = view.cluster.rows_for(&need, context.catalog).ok()? else {
            continue;
        };
        let gvk = view.listed_gvk(&resource);
        let gvk = gvk.unwrap_or_else(|| Gvk::new(&check.group, &resource.plural));
        for row in rows.objects() {
            let result = compiled.when.eval_bool(&row.object, &mut bindings);
            let result = result.and_then(|holds| match holds {
                true => compiled
                    .evidence
                    .eval_string(&row.object, &mut bindings)
                    .map(Some),
                false => Ok(None),
            });
            match result {
                Ok(Some(detail)) => {
                    let evidence = Evidence::new(EvidenceSource::Spec, detail);
                    objects.affected.push(object_from_row(&gvk, row, evidence));
                }
                Ok(None) => {}
                Err(why) => objects.unevaluated.push(MissingData {
                    what: format!("{resource} {}", row.meta.namespaced_name()),
                    why: format!("rule {} cannot be evaluated on it: {why}", RULE.id),
                    rbac: None,
                }),
            }
        }
    }
    Some(objects)
}

/// Steps with a check, each with the hop that it is for.
fn checked_steps<'a>(
    catalog: &'a Catalog,
    path: &'a UpgradePath,
) -> impl Iterator<Item = (&'a Hop, &'a StepTemplate, &'a ObjectCheck)> {
    super::hops(path).flat_map(|hop| {
        let procedures = catalog.procedures.iter();
        let procedures = procedures.filter(|one| one.platform == PlatformName::Kyma);
        let steps = procedures.flat_map(|procedure| &procedure.steps);
        let is_crossing = super::from_minor(hop) != Some(hop.minor());
        let steps = steps.filter(move |step| {
            step.target_minors.contains(hop.minor()) && (is_crossing || !step.requires_minor_change)
        });
        steps.filter_map(move |step| Some((hop, step, step.check.as_ref()?)))
    })
}

/// The steps of the guides that have a check.
#[derive(Debug)]
struct GuideActions;

impl TableRule for GuideActions {
    fn needs(&self, context: &NeedContext<'_>) -> Vec<Need> {
        let checks = checked_steps(context.catalog, context.path);
        let needs = checks.flat_map(|(_, _, check)| {
            let compiled = CompiledCheck::new(check).ok().into_iter();
            compiled.flat_map(|compiled| {
                let resources = check.resources();
                resources
                    .map(|resource| compiled.need(&resource))
                    .collect::<Vec<_>>()
            })
        });
        super::needs_of_hops(context, needs)
    }

    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> RuleOutput {
        let mut output = RuleOutput::default();
        for (hop, step, check) in checked_steps(context.catalog, context.path) {
            let Some(objects) = checked_objects(context, check) else {
                continue;
            };
            output.unevaluated.extend(objects.unevaluated);
            let title = step.title.render(|name| match name {
                "to" => Some(hop.to.to_string()),
                _ => None,
            });
            let draft = FindingDraft {
                severity: match check.blocks {
                    true => Severity::Blocker,
                    false => Severity::Warning,
                },
                hop: Some(HopId::from(hop)),
                remedy: format!("{PLAN} has the step: {title}"),
                ..FindingDraft::new(rule, &step.id, &check.message, objects.affected)
            };
            output.findings.extend(Finding::new(rule, draft));
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CompiledCheck;
    use crate::catalog::Catalog;

    #[test]
    fn every_check_can_be_evaluated_and_has_words_of_its_own() {
        let catalog = Catalog::embedded().expect("the catalog");
        let mut messages = BTreeSet::new();
        let steps = catalog.procedures.iter().flat_map(|one| &one.steps);
        for step in steps {
            let Some(check) = &step.check else { continue };
            let compiled = CompiledCheck::new(check);
            assert!(compiled.is_ok(), "{}: {:?}", step.id, compiled.err());
            assert!(messages.insert(&check.message), "{}", step.id);
            for resource in check.resources() {
                let built_in = catalog.apis.apis_of(&resource).next().is_some();
                let mut custom = catalog.custom_apis.iter();
                let is_known = built_in
                    || custom
                        .any(|api| api.group == resource.group && api.resource == resource.plural);
                assert!(is_known, "{}: {resource}", step.id);
            }
        }
        assert!(messages.len() > 20);
    }
}
