//! `volumeattachment-stuck`: volumes that can be neither attached nor detached.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::volumes::{storage, whole};
use super::{Body, Finding, Rule, Said, Severity, Situation};
use crate::detect;
use crate::evidence::{Evidence, Source};
use crate::need::{Depth, Need};

/// As long as the attach-detach controller itself waits before it forces a detach; what is younger may be under way.
///
/// Source: kubernetes/kubernetes pkg/controller/volume/attachdetach/attach_detach_controller.go.
const PATIENCE: SignedDuration = SignedDuration::from_mins(6);

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volumeattachment-stuck",
    severity: Severity::Warning,
    title: "A volume can be neither attached nor detached",
    applies_to: "any",
    why: "A drain moves pods with their volumes. As long as a volume does not leave its node, its pod starts nowhere else.",
    how: "By volume attachments older than six minutes that have an error, are being deleted for longer than that, or name a node that is gone.",
    mend: "Look at the CSI driver's controller and at its pods on that node. Delete an attachment by hand only when its volume is mounted nowhere.",
    reference: "https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume-attachment-v1/",
    sources: &[
        "kubernetes/api storage/v1/types.go",
        "kubernetes/kubernetes pkg/controller/volume/attachdetach/attach_detach_controller.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![attachments(), detect::nodes()],
        evaluate,
    },
};

fn attachments() -> Need {
    Need::objects(storage("volumeattachments"), Depth::Whole)
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        let nodes: BTreeSet<&str> = rows.nodes().iter().map(|node| node.name.as_str()).collect();
        for (api, row) in whole(picture, &attachments(), situation.catalog) {
            if let Some(evidence) = stuck(&row.object, &nodes, situation.now) {
                objects.push(super::data::object(picture, &api, row, evidence));
            }
        }
    }
    let message = "a pod cannot take its volume to another node";
    let said = Said::new(&RULE, "", message, objects);
    Finding::new(&RULE, said).into_iter().collect()
}

/// What holds an attachment up; none where it is well, or so young that it may be under way.
fn stuck(attachment: &Value, nodes: &BTreeSet<&str>, now: Timestamp) -> Option<Evidence> {
    let since = |field: &str| {
        let time = attachment["metadata"][field].as_str()?;
        let time: Timestamp = time.parse().ok()?;
        (now.duration_since(time) >= PATIENCE).then_some(time)
    };
    since("creationTimestamp")?;
    let node = attachment["spec"]["nodeName"].as_str().unwrap_or_default();
    let status = &attachment["status"];
    for (field, what) in [("detachError", "detach"), ("attachError", "attach")] {
        // An error stays behind when a later attempt went well.
        let over = field == "attachError" && status["attached"] == true;
        if status[field].is_object() && !over {
            let detail = format!("cannot {what} at {node}: {}", reason(&status[field]));
            return Some(Evidence::new(Source::Status, detail));
        }
    }
    if let Some(since) = since("deletionTimestamp") {
        let detail = format!("leaves {node} since {since}");
        return Some(Evidence::new(Source::Status, detail));
    }
    (!node.is_empty() && !nodes.contains(node))
        .then(|| Evidence::new(Source::Spec, format!("attached to {node}, which is gone")))
}

/// The first line of a driver's message, as much of it as a cell of a table takes.
fn reason(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    let line = message.lines().next().unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
