//! Cluster API: whether this is a management cluster, its providers, and the clusters it looks after.

use super::capi_topology::{TopologyVersions, cluster_classes_need, rollout_remark};
use super::version_evidence::{VersionClaim, VersionEvidence, resolve_version};
use super::view::{container_images, label_of, list_need, serves_group_suffix, str_at, string_at};
use super::{DetectedPlatform, Detection, PlatformComponent};
use crate::catalog::ImageRef;
use crate::catalog::{GroupResource, PlatformName};
use crate::need::{DetailLevel, Discovery, ListSelector, Need};
use crate::snapshot::{ClusterView, ObjectRow};

/// The label that clusterctl puts on everything it installs. Source: kubernetes-sigs/cluster-api cmd/clusterctl/api/v1alpha3.
const CLUSTERCTL_LABEL: &str = "clusterctl.cluster.x-k8s.io";

/// The label that names the provider. Source: the same.
const PROVIDER_LABEL: &str = "cluster.x-k8s.io/provider";

/// The name of the core provider in that label and in its `Provider` object.
const CORE_PROVIDER: &str = "cluster-api";

/// What shows how far a rolling update of machines has come.
pub const ROLLOUT_FIELDS: &[&str] = &[
    "metadata.generation",
    "spec.replicas",
    "status.availableReplicas",
    "status.observedGeneration",
    "status.readyReplicas",
    "status.replicas",
    "status.upToDateReplicas",
    "status.updatedReplicas",
];

const DKP_PROVIDER_LABEL: &str = "konvoy.d2iq.io/provider";

/// What detection of Cluster API came to.
#[derive(Debug, Default)]
pub(super) struct CapiDetection {
    pub(super) detection: Detection,
    /// Versions of the core provider, as it is written.
    pub(super) core_provider_version: Option<String>,
    /// Its Clusters.
    pub(super) clusters: Vec<CapiCluster>,
    /// Signs of DKP on it.
    pub(super) konvoy_hints: Vec<String>,
    /// What its topology allows, if it manages itself.
    pub(super) topology_versions: Option<TopologyVersions>,
}

/// A Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CapiCluster {
    pub(super) namespace: String,
    pub(super) name: String,
    /// What its control plane is asked to be.
    pub(super) kubernetes_version: Option<String>,
    /// Kind of its infrastructure.
    pub(super) infrastructure_kind: Option<String>,
    pub(super) phase: Option<String>,
    /// Whether it is the cluster that was read.
    pub(super) is_inspected: bool,
}

fn providers_need() -> Need {
    list_need(
        "clusterctl.cluster.x-k8s.io",
        "providers",
        &["providerName", "type", "version"],
    )
}

/// Clusters that Cluster API looks after.
#[must_use]
pub fn capi_clusters_need() -> Need {
    list_need(
        "cluster.x-k8s.io",
        "clusters",
        &[
            "metadata.annotations",
            "metadata.generation",
            "metadata.labels",
            "spec.controlPlaneEndpoint",
            "spec.controlPlaneRef.kind",
            "spec.controlPlaneRef.name",
            "spec.infrastructureRef.kind",
            "spec.topology.class",
            "spec.topology.classNamespace",
            "spec.topology.classRef",
            "spec.topology.version",
            "spec.topology.workers.machineDeployments.metadata.annotations",
            "spec.topology.workers.machineDeployments.name",
            "spec.topology.workers.machinePools.metadata.annotations",
            "spec.topology.workers.machinePools.name",
            "status.conditions",
            "status.phase",
            "status.v1beta2.conditions",
        ],
    )
}

/// Whether its objects can be here at all.
#[must_use]
pub fn serves_cluster_api(survey: &Discovery) -> bool {
    let mut versions = survey.group_versions.iter();
    versions.any(|text| text.starts_with("cluster.x-k8s.io/"))
}

/// Control planes that Cluster API looks after.
#[must_use]
pub fn kubeadm_control_planes_need() -> Need {
    list_need(
        "controlplane.cluster.x-k8s.io",
        "kubeadmcontrolplanes",
        &[
            ROLLOUT_FIELDS,
            &[
                "metadata.labels",
                "spec.version",
                "status.conditions",
                "status.v1beta2.conditions",
            ],
        ]
        .concat(),
    )
}

/// Deployments of providers, wherever they are.
fn provider_deployments_need() -> Need {
    Need::selected(
        GroupResource::new("apps", "deployments"),
        ListSelector::by_labels(CLUSTERCTL_LABEL),
        DetailLevel::Full,
    )
    .with_fields(&["metadata.labels", "spec.template.spec.containers.image"])
}

/// What Cluster API is detected from.
pub(super) fn needs(survey: &Discovery) -> Vec<Need> {
    if serves_group_suffix(survey, "cluster.x-k8s.io") {
        vec![
            providers_need(),
            capi_clusters_need(),
            cluster_classes_need(),
            kubeadm_control_planes_need(),
            provider_deployments_need(),
        ]
    } else {
        Vec::new()
    }
}

/// Looks for a management cluster. CRDs alone make none: they stay behind.
pub(super) fn detect(look: &ClusterView<'_>) -> CapiDetection {
    let served = look.served_group_versions("cluster.x-k8s.io");
    if served.is_empty() {
        return CapiDetection::default();
    }
    let inventory = look.objects(&providers_need());
    let deployments: &[ObjectRow] = look.objects(&provider_deployments_need());
    let clusters = capi_clusters(look);
    let cluster_rows = look.objects(&capi_clusters_need());
    let mut found = Detection::default();
    if inventory.is_empty() && deployments.is_empty() && clusters.is_empty() {
        found.remarks.push(format!(
            "APIs of Cluster API are served ({}), but neither a provider nor a Cluster is there: this is no management cluster",
            served.join(", ")
        ));
        return CapiDetection {
            detection: found,
            ..CapiDetection::default()
        };
    }
    let control_planes = look.objects(&kubeadm_control_planes_need());
    let remarks = cluster_rows
        .iter()
        .filter_map(|row| rollout_remark(row, control_plane_of(row, control_planes)));
    found.remarks.extend(remarks);
    let inspected = cluster_rows.iter().find(|row| {
        let namespace = row.meta.namespace.as_deref().unwrap_or_default();
        is_inspected_cluster(look, row, namespace)
    });
    let components = components(inventory, deployments);
    let rungs = version_evidence(look, inventory, deployments, clusters.len());
    let settled = resolve_version(&rungs);
    found.missing.extend(settled.gap("Cluster API"));
    found.remarks.extend(settled.conflict_remark("Cluster API"));
    found.platform = Some(DetectedPlatform {
        name: PlatformName::ClusterApi,
        version: settled.version,
        evidence: settled.evidence,
        variant: None,
        components,
    });
    let core =
        core_provider_from_inventory(inventory).or_else(|| core_provider_from_image(deployments));
    CapiDetection {
        detection: found,
        konvoy_hints: konvoy_hints(look, inventory),
        core_provider_version: core.map(|(_, version)| version),
        clusters,
        topology_versions: inspected.and_then(|row| TopologyVersions::new(look, row)),
    }
}

fn version_evidence(
    look: &ClusterView<'_>,
    inventory: &[ObjectRow],
    deployments: &[ObjectRow],
    clusters: usize,
) -> Vec<VersionEvidence> {
    let mut rungs = Vec::new();
    let version = |seen: &str, text: &str| {
        let seen = format!("{seen}: {text}");
        VersionEvidence::from_version(look.catalog, seen, PlatformName::ClusterApi, text)
    };
    if let Some((at, text)) = core_provider_from_inventory(inventory) {
        rungs.push(version(&format!("version of provider {at}"), &text));
    }
    if let Some((at, text)) = core_provider_from_image(deployments) {
        rungs.push(version(&format!("image of deployment {at}"), &text));
    }
    if clusters > 0 {
        rungs.push(VersionEvidence::new(
            format!("Clusters: {clusters}"),
            VersionClaim::PresenceOnly,
        ));
    }
    rungs
}

/// The core provider, by the inventory that clusterctl keeps.
fn core_provider_from_inventory(inventory: &[ObjectRow]) -> Option<(String, String)> {
    inventory
        .iter()
        .filter(|row| {
            str_at(&row.object, "/type") == Some("CoreProvider")
                || str_at(&row.object, "/providerName") == Some(CORE_PROVIDER)
        })
        .find_map(|row| {
            Some((
                row.meta.namespaced_name().to_string(),
                string_at(&row.object, "/version")?,
            ))
        })
}

/// The same by the image that runs.
fn core_provider_from_image(deployments: &[ObjectRow]) -> Option<(String, String)> {
    deployments
        .iter()
        .filter(|row| label_of(&row.object, PROVIDER_LABEL) == Some(CORE_PROVIDER))
        .find_map(|row| {
            Some((
                row.meta.namespaced_name().to_string(),
                provider_image_tag(row)?,
            ))
        })
}

/// The tag of the image of a provider. Old releases ran a proxy for metrics beside the manager.
fn provider_image_tag(row: &ObjectRow) -> Option<String> {
    let mut images = container_images(&row.object).map(ImageRef::new);
    let manager =
        images.find(|image| !image.repository.ends_with("kube-rbac-proxy") && image.tag.is_some());
    manager?.tag.map(str::to_owned)
}

fn components(inventory: &[ObjectRow], deployments: &[ObjectRow]) -> Vec<PlatformComponent> {
    let listed = inventory.iter().map(|row| PlatformComponent {
        name: row.meta.name.clone(),
        version: string_at(&row.object, "/version"),
        state: None,
    });
    let running = deployments.iter().filter_map(|row| {
        Some(PlatformComponent {
            name: label_of(&row.object, PROVIDER_LABEL)?.to_owned(),
            version: provider_image_tag(row),
            state: None,
        })
    });
    let mut components: Vec<PlatformComponent> = if inventory.is_empty() {
        running.collect()
    } else {
        listed.collect()
    };
    components.sort();
    components.dedup();
    components
}

/// The KubeadmControlPlane of a Cluster.
fn control_plane_of<'a>(cluster: &ObjectRow, planes: &'a [ObjectRow]) -> Option<&'a ObjectRow> {
    let name = str_at(&cluster.object, "/spec/controlPlaneRef/name")?;
    planes
        .iter()
        .find(|plane| plane.meta.name == name && plane.meta.namespace == cluster.meta.namespace)
}

fn capi_clusters(look: &ClusterView<'_>) -> Vec<CapiCluster> {
    let planes = look.objects(&kubeadm_control_planes_need());
    let rows = look.objects(&capi_clusters_need());
    let mut found: Vec<CapiCluster> = rows
        .iter()
        .map(|row| {
            let namespace = row.meta.namespace.clone().unwrap_or_default();
            let asked = control_plane_of(row, planes)
                .and_then(|plane| string_at(&plane.object, "/spec/version"));
            CapiCluster {
                kubernetes_version: asked
                    .or_else(|| string_at(&row.object, "/spec/topology/version")),
                infrastructure_kind: string_at(&row.object, "/spec/infrastructureRef/kind"),
                phase: string_at(&row.object, "/status/phase"),
                is_inspected: is_inspected_cluster(look, row, &namespace),
                name: row.meta.name.clone(),
                namespace,
            }
        })
        .collect();
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    found
}

/// Whether a Cluster is the one that was read: by what its machines' nodes say, else by the address of its API
/// server.
fn is_inspected_cluster(look: &ClusterView<'_>, row: &ObjectRow, namespace: &str) -> bool {
    let names = [
        format!("{namespace}/{}", row.meta.name),
        format!("/{}", row.meta.name),
    ];
    let mut nodes = look.nodes().unwrap_or_default().iter();
    if nodes.any(|node| {
        node.capi_cluster
            .as_ref()
            .is_some_and(|cluster| names.contains(cluster))
    }) {
        return true;
    }
    let endpoint = "/spec/controlPlaneEndpoint";
    let Some(host) = str_at(&row.object, &format!("{endpoint}/host")) else {
        return false;
    };
    let port = row.object.pointer(&format!("{endpoint}/port"));
    let port = port.and_then(serde_json::Value::as_u64).unwrap_or(6443);
    let server = look.cluster.server.trim_end_matches('/');
    let address = server.strip_prefix("https://").unwrap_or(server);
    let bracketed = format!("[{host}]:{port}");
    address == format!("{host}:{port}") || address == bracketed || (address == host && port == 443)
}

/// Marks that DKP leaves on Cluster API.
fn konvoy_hints(look: &ClusterView<'_>, inventory: &[ObjectRow]) -> Vec<String> {
    let mut marks: Vec<String> = look
        .served_group_versions("konvoy.d2iq.io")
        .into_iter()
        .map(|api| format!("{api} is served"))
        .collect();
    marks.extend(inventory.iter().filter_map(|row| {
        let version = str_at(&row.object, "/version").filter(|text| text.contains("d2iq"))?;
        Some(format!(
            "version of provider {}: {version}",
            row.meta.namespaced_name()
        ))
    }));
    marks.extend(
        look.objects(&capi_clusters_need())
            .iter()
            .filter_map(|row| {
                let provider = label_of(&row.object, DKP_PROVIDER_LABEL)?;
                Some(format!(
                    "label {DKP_PROVIDER_LABEL}={provider} of Cluster {}",
                    row.meta.namespaced_name()
                ))
            }),
    );
    marks
}
