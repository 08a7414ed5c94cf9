//! What must be mended before a hop, as steps: objects of an API that goes, and all else that blocks there.

use crate::conditions::CompletionCondition;
use crate::rules::{AffectedObject, Finding, Severity, object_path};

use super::builder::{HopContext, PlanBuilder, StepDraft};
use super::{DurationEstimate, Step};

/// A step for each blocker that bites at this hop, in the order of the findings.
pub(super) fn remediation_steps(work: &PlanBuilder<'_>, now: &HopContext<'_>) -> Vec<StepDraft> {
    let here = work.findings.iter().filter(|finding| {
        finding.severity == Severity::Blocker
            && finding.hop.as_ref() == Some(&now.hop_id)
            && !finding.has_own_steps
    });
    here.map(|finding| remediation_step(work, now, finding))
        .collect()
}

/// What it speaks of must be gone.
fn remediation_step(work: &PlanBuilder<'_>, now: &HopContext<'_>, finding: &Finding) -> StepDraft {
    let id = format!("{}-{}", finding.id, finding.fingerprint);
    let done_when = CompletionCondition::FindingsResolved {
        fingerprints: vec![finding.fingerprint.clone()],
    };
    StepDraft::from(Step {
        duration: DurationEstimate {
            basis: "it depends on who must change what".to_owned(),
            ..DurationEstimate::default()
        },
        links: vec![finding.reference.to_owned()],
        objects: finding.objects.iter().map(describe_object).collect(),
        ..work.step_skeleton(now, &id, finding.message.clone(), done_when)
    })
}

/// An object, and who must change it: its owner, or else who wrote it so.
fn describe_object(object: &AffectedObject) -> String {
    let mut writers = object
        .evidence
        .iter()
        .filter_map(|seen| seen.writer.as_ref());
    let writer = writers.next().map(|writer| format!("written by {writer}"));
    let path = object_path(&object.kind, object.namespace.as_deref(), &object.name);
    match object.owner.clone().or(writer) {
        Some(who) => format!("{path} ({who})"),
        None => path,
    }
}
