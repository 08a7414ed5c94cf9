//! `node-kubelet-too-old` and `node-kubelet-too-new`: kubelets outside the window that the version skew policy allows.

use std::collections::BTreeMap;

use super::node_state::{count, node_object};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Minor, Release};
use crate::detect;
use crate::evidence::{Evidence, Source};
use crate::path::HopRef;

/// Kubelets too far behind the first hop.
pub(super) const TOO_OLD: Rule = Rule {
    id: "node-kubelet-too-old",
    severity: Severity::Blocker,
    title: "A kubelet is too old for the target API server",
    applies_to: "any",
    why: "A kubelet may be at most three minors behind the API server (two if it is older than 1.25). Beyond that nothing is tested, and fields and APIs that the kubelet needs may be gone.",
    how: "By status.nodeInfo.kubeletVersion of each node against the first hop. Later hops are judged with the nodes as the upgrade leaves them.",
    mend: "Upgrade these nodes before the control plane takes this hop.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/3935-oldest-node-newest-control-plane/README.md",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: too_old,
    },
};

/// Kubelets ahead of the API server.
pub(super) const TOO_NEW: Rule = Rule {
    id: "node-kubelet-too-new",
    severity: Severity::Blocker,
    title: "A kubelet is newer than the API server",
    applies_to: "any",
    why: "A kubelet must never be newer than the API server it talks to: it may use fields and APIs that the server does not have.",
    how: "By status.nodeInfo.kubeletVersion of each node against the API server, or the minor it emulates.",
    mend: "Upgrade the API server to the kubelet's minor first, or put these nodes back.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions/README.md",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: too_new,
    },
};

fn too_old(situation: &Situation<'_>) -> Vec<Finding> {
    let Some(hop) = situation.path.first_minor_hop() else {
        return Vec::new();
    };
    let said = |nodes: &str, minor: Minor| {
        format!(
            "{nodes} with kubelet {minor}, too old for an API server {}",
            hop.minor
        )
    };
    by_minor(
        situation,
        &TOO_OLD,
        Some(HopRef::from(hop)),
        said,
        |kubelet, _| {
            let limit = situation.catalog.may_lag("kubelet", kubelet);
            match (limit, hop.minor.ahead_of(kubelet)) {
                (Some(limit), Some(behind)) => behind > i64::from(limit.minors_behind),
                _ => false,
            }
        },
    )
}

fn too_new(situation: &Situation<'_>) -> Vec<Finding> {
    let said = |nodes: &str, minor: Minor| {
        format!("{nodes} with kubelet {minor}, newer than the API server")
    };
    by_minor(situation, &TOO_NEW, None, said, |kubelet, server| {
        kubelet > server
    })
}

/// One finding for each kubelet minor that is outside the window.
fn by_minor(
    situation: &Situation<'_>,
    rule: &Rule,
    hop: Option<HopRef>,
    said: impl Fn(&str, Minor) -> String,
    outside: impl Fn(Minor, Minor) -> bool,
) -> Vec<Finding> {
    let mut found: BTreeMap<Minor, Vec<Object>> = BTreeMap::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        let server = picture.survey.effective_minor();
        for node in rows.nodes() {
            let Ok(kubelet) = node.kubelet_version.parse::<Release>() else {
                continue;
            };
            if outside(kubelet.minor(), server) {
                let detail = format!("kubelet {}", node.kubelet_version);
                let object = node_object(picture, node, Evidence::new(Source::Status, detail));
                found.entry(kubelet.minor()).or_default().push(object);
            }
        }
    }
    found
        .into_iter()
        .filter_map(|(minor, objects)| {
            let nodes = count(objects.len());
            let said = Said {
                hop: hop.clone(),
                ..Said::new(rule, minor.to_string(), said(&nodes, minor), objects)
            };
            Finding::new(rule, said)
        })
        .collect()
}
