//! What must be mended before a hop, as steps: objects of an API that goes, and all else that blocks there.

use crate::check::{Finding, Object, Severity, object_path};
use crate::progress::Condition;

use super::expand::{Draft, Now, Work};
use super::{Step, Takes};

/// Pools that are too old have steps of their own: they catch up.
const HAS_STEPS: &str = "node-kubelet-too-old";

/// A step for each blocker that bites at this hop, in the order of the findings.
pub(super) fn steps(work: &Work<'_>, now: &Now<'_>) -> Vec<Draft> {
    let here = work.findings.iter().filter(|finding| {
        finding.severity == Severity::Blocker
            && finding.hop.as_ref() == Some(&now.hop)
            && finding.id != HAS_STEPS
    });
    here.map(|finding| of_finding(work, now, finding)).collect()
}

/// What it speaks of must be gone.
fn of_finding(work: &Work<'_>, now: &Now<'_>, finding: &Finding) -> Draft {
    let id = format!("{}-{}", finding.id, finding.fingerprint);
    let done_when = Condition::Gone {
        fingerprints: vec![finding.fingerprint.clone()],
    };
    Draft::from(Step {
        takes: Takes {
            basis: "it depends on who must change what".to_owned(),
            ..Takes::default()
        },
        links: vec![finding.reference.to_owned()],
        objects: finding.objects.iter().map(shown).collect(),
        ..work.blank(now, &id, finding.message.clone(), done_when)
    })
}

/// An object, and who must change it: its owner, or else who wrote it so.
fn shown(object: &Object) -> String {
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
