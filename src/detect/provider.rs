//! Kubernetes itself and the provider or distribution it comes from.

use crate::catalog::{ProviderSignature, SignatureLocation};
use crate::snapshot::{ClusterView, NodeRow};

/// The provider, and what was seen of it and of the version.
pub(super) fn detect_provider(look: &ClusterView<'_>) -> (Option<String>, Vec<String>) {
    let nodes = look.nodes().unwrap_or_default();
    let survey = &look.cluster.discovery;
    let mut evidence = vec![format!("GET /version: v{}", survey.git_version)];
    if let Some(emulated) = survey.emulation_version {
        evidence.push(format!("GET /version: emulates {emulated}"));
    }
    let version = format!("v{}", survey.git_version);
    let marks = look
        .catalog
        .provider_signatures
        .iter()
        .filter_map(|mark| Some((mark, describe_match(mark, &version, nodes)?)));
    let mut provider = None;
    for (mark, text) in marks {
        // The first mark names the provider; one that disagrees is said aloud, not dropped.
        let first = provider.get_or_insert_with(|| mark.provider.clone());
        if *first == mark.provider {
            evidence.push(format!("{}: {text}", mark.provider));
        } else {
            evidence.push(format!("conflicting: {} by {text}", mark.provider));
        }
    }
    (provider, evidence)
}

/// Where the signature was found.
fn describe_match(
    signature: &ProviderSignature,
    version: &str,
    nodes: &[NodeRow],
) -> Option<String> {
    let pattern = signature.pattern.as_str();
    match signature.location {
        SignatureLocation::Version => version
            .contains(pattern)
            .then(|| format!("{pattern} in the version")),
        _ => nodes.iter().find_map(|node| {
            let mark = describe_node_match(signature, node)?;
            Some(match signature.location {
                SignatureLocation::ProviderId => format!("{mark} of node {}", node.name),
                _ => format!("{mark} on node {}", node.name),
            })
        }),
    }
}

/// What of a node matches the signature; none if nothing does.
pub(crate) fn describe_node_match(signature: &ProviderSignature, node: &NodeRow) -> Option<String> {
    let pattern = signature.pattern.as_str();
    match signature.location {
        SignatureLocation::Version => None,
        SignatureLocation::NodeLabel => {
            let has_label = match pattern.split_once('=') {
                Some((key, value)) => node.labels.get(key).is_some_and(|other| other == value),
                None => node.labels.contains_key(pattern),
            };
            has_label.then(|| format!("label {pattern}"))
        }
        SignatureLocation::NodeTaint => {
            let mut keys = node.taint_keys.iter();
            keys.any(|key| key == pattern)
                .then(|| format!("taint {pattern}"))
        }
        SignatureLocation::KubeletVersion => {
            let version: &str = node.kubelet_version.as_ref();
            version
                .contains(pattern)
                .then(|| format!("{pattern} in the kubelet version"))
        }
        SignatureLocation::NodeName => node
            .name
            .starts_with(pattern)
            .then(|| format!("name {pattern}…")),
        SignatureLocation::OsImage => node
            .os_image
            .starts_with(pattern)
            .then(|| format!("operating system {}", node.os_image)),
        SignatureLocation::ProviderId => node
            .provider_id
            .starts_with(pattern)
            .then(|| "providerID".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::catalog::Catalog;
    use crate::detect::DetectedCluster;
    use crate::need::{ClusterId, Discovery};
    use crate::snapshot::{ClusterSnapshot, NodeRow, ReadOutcome, ReadResult, Rows};

    fn cluster(version: &str, nodes: Option<Vec<NodeRow>>) -> ClusterSnapshot {
        let need = crate::need::Need::nodes();
        ClusterSnapshot {
            id: ClusterId("c".into()),
            context: None,
            server: "https://c".into(),
            namespace: None,
            discovery: Discovery {
                git_version: version.parse().expect("a version"),
                emulation_version: None,
                group_versions: ["v1".to_owned()].into(),
            },
            ledger: nodes
                .into_iter()
                .map(|nodes| ReadResult {
                    target: need.target.clone(),
                    detail_level: need.detail_level,
                    freshness: need.freshness,
                    field_paths: need.field_paths.clone(),
                    outcome: ReadOutcome::Complete,
                    finished_at: jiff::Timestamp::UNIX_EPOCH,
                    rows: Rows::Nodes(nodes.into()),
                    skipped_objects: Vec::new(),
                    resource_version: None,
                })
                .collect(),
        }
    }

    fn detect(version: &str, nodes: Option<Vec<NodeRow>>) -> DetectedCluster {
        let catalog = Catalog::embedded().expect("the catalog");
        DetectedCluster::new(&cluster(version, nodes), catalog)
    }

    fn node(label: &str, os_image: &str) -> NodeRow {
        NodeRow {
            name: "n1".into(),
            labels: BTreeMap::from([(label.to_owned(), "x".to_owned())]),
            os_image: os_image.to_owned(),
            ..NodeRow::default()
        }
    }

    #[test]
    fn versions_of_distributions_name_the_provider_and_keep_their_minor() {
        for (version, provider) in [
            ("v1.27.3-gke.100", Some("gke")),
            ("v1.27.3-eks-a5565ad", Some("eks")),
            ("v1.27.3+k3s1", Some("k3s")),
            ("v1.27.3+rke2r1", Some("rke2")),
            ("v1.27.3", None),
        ] {
            let found = detect(version, None);
            assert_eq!(found.provider.as_deref(), provider, "{version}");
            assert_eq!(found.effective_minor.to_string(), "1.27", "{version}");
            assert_eq!(found.node_count, None, "nodes were not read");
        }
    }

    #[test]
    fn nodes_name_the_provider_where_the_version_does_not() {
        let found = detect(
            "v1.27.3",
            Some(vec![node("kubernetes.azure.com/agentpool", "")]),
        );
        assert_eq!(found.provider.as_deref(), Some("aks"));
        assert_eq!(found.node_count, Some(1));
        let found = detect("v1.27.3", Some(vec![node("x", "Talos (v1.7.0)")]));
        assert_eq!(found.provider.as_deref(), Some("talos"));
        let found = detect("v1.27.3", Some(vec![node("x", "Ubuntu by Talos fans")]));
        assert_eq!(found.provider, None);
    }

    #[test]
    fn conflicting_marks_are_said_aloud() {
        let found = detect(
            "v1.27.3-eks-1",
            Some(vec![node("cloud.google.com/gke-nodepool", "")]),
        );
        assert_eq!(found.provider.as_deref(), Some("eks"));
        assert!(
            found
                .evidence
                .iter()
                .any(|line| line.starts_with("conflicting: gke")),
            "{:?}",
            found.evidence
        );
    }
}
