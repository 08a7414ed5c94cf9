//! Blockers to resolve before a hop, each as a step.

use super::draft::{HopContext, StepDraft, StepTarget};
use super::step::Step;
use crate::catalog::DurationEstimate;
use crate::conditions::CompletionCondition;
use crate::rules::{AffectedObject, Finding, Severity, object_path};
use crate::text::first_and_more;

/// A step for each blocker of this hop, in the order of the findings.
pub(super) fn remediation_steps(findings: &[Finding], hop: &HopContext<'_>) -> Vec<StepDraft> {
    let blockers = findings.iter().filter(|finding| {
        finding.severity == Severity::Blocker
            && finding.hop.as_ref() == Some(&hop.hop_id)
            && !finding.has_own_steps
    });
    blockers
        .map(|finding| remediation_step(hop, finding))
        .collect()
}

fn remediation_step(hop: &HopContext<'_>, finding: &Finding) -> StepDraft {
    let action = format!("{}-{}", finding.id, finding.fingerprint);
    let done_when = CompletionCondition::FindingsResolved {
        fingerprints: vec![finding.fingerprint.clone()],
    };
    StepDraft::from(Step {
        duration: DurationEstimate::unknown("depends on the owners of the objects"),
        links: vec![finding.reference.to_owned()],
        objects: finding.objects.iter().map(describe_object).collect(),
        ..hop.step_skeleton(
            &action,
            &StepTarget::Cluster,
            remediation_title(finding),
            done_when,
        )
    })
}

/// What to do, with the first object: `Move horizontalpodautoscaler/shop/web to autoscaling/v2`.
fn remediation_title(finding: &Finding) -> String {
    let first = finding
        .objects
        .first()
        .map(|object| object_path(&object.kind, object.namespace.as_deref(), &object.name));
    let objects = first_and_more(&first.unwrap_or_default(), finding.objects.len());
    match &finding.replacement {
        Some(replacement) => format!("Move {objects} to {replacement}"),
        None => format!("Fix {objects}: {}", finding.message),
    }
}

/// An object with who must change it: its owner, or else its last writer.
pub(super) fn describe_object(object: &AffectedObject) -> String {
    let mut writers = object
        .evidence
        .iter()
        .filter_map(|evidence| evidence.writer.as_ref());
    let writer = writers.next().map(|writer| format!("written by {writer}"));
    let path = object_path(&object.kind, object.namespace.as_deref(), &object.name);
    match object.owner.clone().or(writer) {
        Some(who) => format!("{path} ({who})"),
        None => path,
    }
}
