//! `volumeattachment-stuck`: volumes that can be neither attached nor detached.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::in_tree::{objects_with_gvk, storage_resource};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need};
use crate::rules::{CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::text::ellipsize;

/// As long as the attach-detach controller itself waits before it forces a detach; what is younger may be under way.
///
/// Source: kubernetes/kubernetes pkg/controller/volume/attachdetach/attach_detach_controller.go.
const MAX_WAIT_FOR_UNMOUNT: SignedDuration = SignedDuration::from_mins(6);

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "volumeattachment-stuck",
    severity: Severity::Warning,
    title: "A volume can be neither attached nor detached",
    why: "A drain moves pods with their volumes. Until a volume is detached from its node, its pod cannot start on another one.",
    detection: "By VolumeAttachments older than six minutes that report an error, have been in deletion for longer than that, or name a node that does not exist.",
    remedy: "Check the CSI driver's controller and its pods on that node. Delete an attachment manually only if its volume is not mounted anywhere.",
    reference: "https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume-attachment-v1/",
    sources: &[
        "kubernetes/api storage/v1/types.go",
        "kubernetes/kubernetes pkg/controller/volume/attachdetach/attach_detach_controller.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![volume_attachments_need(), Need::nodes()],
        evaluate,
    },
    ..Rule::DEFAULT
};

fn volume_attachments_need() -> Need {
    Need::objects(storage_resource("volumeattachments"), DetailLevel::Full).with_fields(&[
        "metadata.creationTimestamp",
        "metadata.deletionTimestamp",
        "spec.nodeName",
        "status.attachError",
        "status.attached",
        "status.detachError",
    ])
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some((view, rows)) = context.view().zip(context.rows(&Need::nodes())) {
        let nodes: BTreeSet<&str> = rows.nodes().iter().map(|node| node.name.as_str()).collect();
        for (api, row) in objects_with_gvk(view, &volume_attachments_need()) {
            if let Some(evidence) = stuck_evidence(&row.object, &nodes, context.now) {
                objects.push(crate::rules::engine::data_rule::object_from_row(
                    &api, row, evidence,
                ));
            }
        }
    }
    let message = "a pod cannot take its volume to another node";
    let draft = FindingDraft::new(&RULE, "", message, objects);
    Finding::new(&RULE, draft).into_iter().collect()
}

/// What holds an attachment up; none where it is well, or so young that it may be under way.
fn stuck_evidence(attachment: &Value, nodes: &BTreeSet<&str>, now: Timestamp) -> Option<Evidence> {
    let since = |field: &str| {
        let time = attachment["metadata"][field].as_str()?;
        let time: Timestamp = time.parse().ok()?;
        (now.duration_since(time) >= MAX_WAIT_FOR_UNMOUNT).then_some(time)
    };
    since("creationTimestamp")?;
    let node = attachment["spec"]["nodeName"].as_str().unwrap_or_default();
    let status = &attachment["status"];
    for (field, what) in [("detachError", "detach"), ("attachError", "attach")] {
        // An error stays behind when a later attempt went well.
        let over = field == "attachError" && status["attached"] == true;
        if status[field].is_object() && !over {
            let detail = format!("cannot {what} at {node}: {}", error_summary(&status[field]));
            return Some(Evidence::new(EvidenceSource::Status, detail));
        }
    }
    if let Some(since) = since("deletionTimestamp") {
        let detail = format!("detaching from {node} since {since}");
        return Some(Evidence::new(EvidenceSource::Status, detail));
    }
    (!node.is_empty() && !nodes.contains(node)).then(|| {
        Evidence::new(
            EvidenceSource::Spec,
            format!("attached to {node}, which does not exist"),
        )
    })
}

/// The first line of a driver's message, as much of it as a cell of a table takes.
fn error_summary(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    let line = message.lines().next().unwrap_or_default();
    ellipsize(line, 60).into_owned()
}
