//! `node-old-ubuntu`: nodes on Ubuntu 18.04.

use kubectl_upgrade::detect;
use kubectl_upgrade::evidence::{Evidence, EvidenceSource};
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
        needs: |_| vec![detect::nodes()],
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    let need = detect::nodes();
    let objects = situation.rows(&need).flat_map(|(picture, rows)| {
        let old = rows
            .nodes()
            .iter()
            .filter(|node| node.os_image.starts_with("Ubuntu 18.04"));
        old.map(|node| AffectedObject {
            cluster: Some(picture.id.clone()),
            namespace: None,
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: node.name.clone(),
            owner: None,
            evidence: vec![Evidence::new(EvidenceSource::Status, node.os_image.clone())],
        })
    });
    let message = "the operating system has no security fixes any more";
    let said = FindingDraft::new(&RULE, "", message, objects.collect());
    Finding::new(&RULE, said).into_iter().collect()
}
