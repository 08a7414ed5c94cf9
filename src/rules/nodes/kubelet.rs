//! `node-kubelet-too-old` and `node-kubelet-too-new`: kubelets outside the window that the version skew policy allows.

use std::collections::BTreeMap;

use super::state::node_object;
use crate::catalog::Minor;
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::Need;
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::text::pluralize;

/// Kubelets too far behind the first hop.
pub(crate) const TOO_OLD: Rule = Rule {
    id: "node-kubelet-too-old",
    severity: Severity::Blocker,
    title: "A kubelet is too old for the target API server",
    why: "The version skew policy limits how many minors a kubelet may be behind the API server. Larger differences are not tested, and fields and APIs that the kubelet needs may be removed.",
    detection: "By status.nodeInfo.kubeletVersion of each node against the first hop. For later hops, the plan assumes that nodes have been upgraded on the way.",
    remedy: "Upgrade these nodes before the control plane takes this hop.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/3935-oldest-node-newest-control-plane/README.md",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: too_old,
    },
    has_own_steps: true,
    ..Rule::DEFAULT
};

/// Kubelets ahead of the API server.
pub(crate) const TOO_NEW: Rule = Rule {
    id: "node-kubelet-too-new",
    severity: Severity::Blocker,
    title: "A kubelet is newer than the API server",
    why: "A kubelet must never be newer than its API server: it may use fields and APIs that the server does not have.",
    detection: "By status.nodeInfo.kubeletVersion of each node against the version of the API server, or the minor that it emulates.",
    remedy: "Upgrade the API server to the kubelet's minor first, or downgrade these nodes.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions/README.md",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: too_new,
    },
    ..Rule::DEFAULT
};

fn too_old(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(hop) = context.path.first_minor_hop() else {
        return Vec::new();
    };
    let message = |nodes: &str, minor: Minor| {
        format!(
            "{nodes} with kubelet {minor}, too old for an API server {}",
            hop.minor()
        )
    };
    findings_by_minor(
        context,
        &TOO_OLD,
        Some(HopId::from(hop)),
        message,
        |kubelet, _| {
            let limit = context.catalog.skew_limit("kubelet", kubelet);
            match (limit, hop.minor().minors_ahead_of(kubelet)) {
                (Some(limit), Some(behind)) => behind > i64::from(limit.minors_behind),
                _ => false,
            }
        },
    )
}

fn too_new(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = |nodes: &str, minor: Minor| {
        format!("{nodes} with kubelet {minor}, newer than the API server")
    };
    findings_by_minor(context, &TOO_NEW, None, message, |kubelet, server| {
        kubelet > server
    })
}

/// One finding for each kubelet minor that is outside the window.
fn findings_by_minor(
    context: &CheckContext<'_>,
    rule: &Rule,
    hop: Option<HopId>,
    message: impl Fn(&str, Minor) -> String,
    outside: impl Fn(Minor, Minor) -> bool,
) -> Vec<Finding> {
    let mut found: BTreeMap<Minor, Vec<AffectedObject>> = BTreeMap::new();

    let Some(server) = context
        .cluster
        .map(|cluster| cluster.discovery.effective_minor())
    else {
        return Vec::new();
    };
    for node in context.nodes() {
        let Some(kubelet) = node.kubelet_version.release() else {
            continue;
        };
        if outside(kubelet.minor(), server) {
            let detail = format!("kubelet {}", node.kubelet_version);
            let object = node_object(node, Evidence::new(EvidenceSource::Status, detail));
            found.entry(kubelet.minor()).or_default().push(object);
        }
    }

    found
        .into_iter()
        .filter_map(|(minor, objects)| {
            let nodes = pluralize(objects.len(), "node");
            let draft = FindingDraft {
                hop: hop.clone(),
                ..FindingDraft::new(rule, minor.to_string(), message(&nodes, minor), objects)
            };
            Finding::new(rule, draft)
        })
        .collect()
}
