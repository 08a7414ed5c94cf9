//! `node-old-ubuntu`: nodes on Ubuntu 18.04.

use kubectl_upgrade::evidence::{Evidence, EvidenceSource};
use kubectl_upgrade::need::Need;
use kubectl_upgrade::rules::{
    AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "node-old-ubuntu",
    severity: Severity::Warning,
    title: "A node runs Ubuntu 18.04",
    why: "It has had no security fixes since May 2023.",
    detection: "By status.nodeInfo.osImage of each node.",
    remedy: "Replace these nodes by ones with a newer image.",
    reference: "https://ubuntu.com/about/release-cycle",
    sources: &["endoflife-date/endoflife.date products/ubuntu.md"],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let nodes = context.nodes().iter();
    let old = nodes.filter(|node| node.os_image.starts_with("Ubuntu 18.04"));
    let objects = old.map(|node| {
        let evidence = Evidence::new(EvidenceSource::Status, node.os_image.clone());
        AffectedObject::cluster_scoped("v1", "Node", &node.name, evidence)
    });
    let message = "the operating system has no security fixes any more";
    let draft = FindingDraft::new(&RULE, "", message, objects.collect());
    Finding::new(&RULE, draft).into_iter().collect()
}
