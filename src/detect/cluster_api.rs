//! Cluster API: whether this is a management cluster, its providers, and the clusters it looks after.

use super::look::{Look, all, image, images, label, owned, place, serves, text};
use super::rungs::{Rung, Says, settle};
use super::{Component, DetectedPlatform, Found};
use crate::catalog::{PlatformName, Resource};
use crate::need::{Depth, Need, Selector, Survey};
use crate::snapshot::JsonRow;

/// The label that clusterctl puts on everything it installs. Source: kubernetes-sigs/cluster-api cmd/clusterctl/api/v1alpha3.
const CLUSTERCTL: &str = "clusterctl.cluster.x-k8s.io";

/// The label that names the provider. Source: the same.
const PROVIDER: &str = "cluster.x-k8s.io/provider";

/// The name of the core provider in that label and in its `Provider` object.
const CORE: &str = "cluster-api";

const DKP_PROVIDER: &str = "konvoy.d2iq.io/provider";

/// What detection of Cluster API came to.
#[derive(Debug, Default)]
pub(super) struct ClusterApi {
    pub(super) found: Found,
    /// Versions of the core provider, as it is written.
    pub(super) core: Option<String>,
    /// Its Clusters.
    pub(super) clusters: Vec<Capi>,
    /// Marks that DKP leaves on it, in words.
    pub(super) konvoy: Vec<String>,
}

/// A Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capi {
    pub(super) namespace: String,
    pub(super) name: String,
    /// What its control plane is asked to be.
    pub(super) kubernetes: Option<String>,
    /// Kind of its infrastructure.
    pub(super) infrastructure: Option<String>,
    pub(super) phase: Option<String>,
    /// Whether it is the very cluster that was looked at.
    pub(super) this: bool,
}

fn providers() -> Need {
    all("clusterctl.cluster.x-k8s.io", "providers")
}

/// Clusters that Cluster API looks after.
#[must_use]
pub fn capi_cluster_objects() -> Need {
    all("cluster.x-k8s.io", "clusters")
}

/// Pools of their machines.
#[must_use]
pub fn machine_deployments() -> Need {
    all("cluster.x-k8s.io", "machinedeployments")
}

/// Whether its objects can be here at all.
#[must_use]
pub fn serves_cluster_api(survey: &Survey) -> bool {
    let mut versions = survey.group_versions.iter();
    versions.any(|text| text.starts_with("cluster.x-k8s.io/"))
}

/// Control planes that Cluster API looks after.
#[must_use]
pub fn control_planes() -> Need {
    all("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes")
}

/// Deployments of providers, wherever they are.
fn controllers() -> Need {
    Need::selected(
        Resource::new("apps", "deployments"),
        Selector {
            labels: CLUSTERCTL.to_owned(),
            fields: String::new(),
        },
        Depth::Whole,
    )
}

/// What Cluster API is told by.
pub(super) fn needs(survey: &Survey) -> Vec<Need> {
    if serves(survey, "cluster.x-k8s.io") {
        vec![
            providers(),
            capi_cluster_objects(),
            control_planes(),
            controllers(),
        ]
    } else {
        Vec::new()
    }
}

/// Looks for a management cluster. CRDs alone make none: they stay behind.
pub(super) fn detect(look: &Look<'_>) -> ClusterApi {
    let served = look.served("cluster.x-k8s.io");
    if served.is_empty() {
        return ClusterApi::default();
    }
    let inventory = look.objects(&providers());
    let deployments: &[JsonRow] = look.objects(&controllers());
    let clusters = capi_clusters(look);
    let mut found = Found::default();
    if inventory.is_empty() && deployments.is_empty() && clusters.is_empty() {
        found.remarks.push(format!(
            "APIs of Cluster API are served ({}), but neither a provider nor a Cluster is there: this is no management cluster",
            served.join(", ")
        ));
        return ClusterApi {
            found,
            ..ClusterApi::default()
        };
    }
    let components = components(inventory, deployments);
    let rungs = rungs(look, inventory, deployments, clusters.len());
    let settled = settle(&rungs);
    found.unmet.extend(settled.gap("Cluster API"));
    found.remarks.extend(settled.remark("Cluster API"));
    found.platform = Some(DetectedPlatform {
        platform: PlatformName::ClusterApi,
        version: settled.version,
        evidence: settled.evidence,
        variant: None,
        components,
    });
    let core = core(inventory).or_else(|| core_by_image(deployments));
    ClusterApi {
        found,
        konvoy: konvoy(look, inventory),
        core: core.map(|(_, version)| version),
        clusters,
    }
}

fn rungs(
    look: &Look<'_>,
    inventory: &[JsonRow],
    deployments: &[JsonRow],
    clusters: usize,
) -> Vec<Rung> {
    let mut rungs = Vec::new();
    let version = |seen: &str, text: &str| {
        let seen = format!("{seen}: {text}");
        Rung::version(look.catalog, seen, PlatformName::ClusterApi, text)
    };
    if let Some((at, text)) = core(inventory) {
        rungs.push(version(&format!("version of provider {at}"), &text));
    }
    if let Some((at, text)) = core_by_image(deployments) {
        rungs.push(version(&format!("image of deployment {at}"), &text));
    }
    if clusters > 0 {
        rungs.push(Rung::new(format!("Clusters: {clusters}"), Says::Here));
    }
    rungs
}

/// The core provider, by the inventory that clusterctl keeps.
fn core(inventory: &[JsonRow]) -> Option<(String, String)> {
    inventory
        .iter()
        .filter(|row| {
            text(&row.object, "/type") == Some("CoreProvider")
                || text(&row.object, "/providerName") == Some(CORE)
        })
        .find_map(|row| Some((place(row), owned(&row.object, "/version")?)))
}

/// The same by the image that runs.
fn core_by_image(deployments: &[JsonRow]) -> Option<(String, String)> {
    deployments
        .iter()
        .filter(|row| label(&row.object, PROVIDER) == Some(CORE))
        .find_map(|row| Some((place(row), manager_tag(row)?)))
}

/// The tag of the image of a provider. Old releases ran a proxy for metrics beside the manager.
fn manager_tag(row: &JsonRow) -> Option<String> {
    let mut images = images(&row.object).map(image);
    images.find_map(|(repository, tag)| {
        let proxy = repository.ends_with("kube-rbac-proxy");
        (!proxy).then_some(tag).flatten().map(str::to_owned)
    })
}

fn components(inventory: &[JsonRow], deployments: &[JsonRow]) -> Vec<Component> {
    let listed = inventory.iter().map(|row| Component {
        name: row.meta.name.clone(),
        version: owned(&row.object, "/version"),
        state: None,
    });
    let running = deployments.iter().filter_map(|row| {
        Some(Component {
            name: label(&row.object, PROVIDER)?.to_owned(),
            version: manager_tag(row),
            state: None,
        })
    });
    let mut components: Vec<Component> = if inventory.is_empty() {
        running.collect()
    } else {
        listed.collect()
    };
    components.sort();
    components.dedup();
    components
}

fn capi_clusters(look: &Look<'_>) -> Vec<Capi> {
    let planes = look.objects(&control_planes());
    let rows = look.objects(&capi_cluster_objects());
    let mut found: Vec<Capi> = rows
        .iter()
        .map(|row| {
            let namespace = row.meta.namespace.clone().unwrap_or_default();
            let plane = text(&row.object, "/spec/controlPlaneRef/name");
            let plane = planes.iter().find(|candidate| {
                Some(candidate.meta.name.as_str()) == plane
                    && candidate.meta.namespace.as_deref() == Some(&namespace)
            });
            let asked = plane.and_then(|plane| owned(&plane.object, "/spec/version"));
            Capi {
                kubernetes: asked.or_else(|| owned(&row.object, "/spec/topology/version")),
                infrastructure: owned(&row.object, "/spec/infrastructureRef/kind"),
                phase: owned(&row.object, "/status/phase"),
                this: is_this(look, row, &namespace),
                name: row.meta.name.clone(),
                namespace,
            }
        })
        .collect();
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    found
}

/// Whether a Cluster is the very one that was looked at: by what its machines' nodes say, else by the address of its API
/// server.
fn is_this(look: &Look<'_>, row: &JsonRow, namespace: &str) -> bool {
    let names = [
        format!("{namespace}/{}", row.meta.name),
        format!("/{}", row.meta.name),
    ];
    let mut nodes = look.nodes().unwrap_or_default().iter();
    if nodes.any(|node| node.cluster.as_ref().is_some_and(|it| names.contains(it))) {
        return true;
    }
    let endpoint = "/spec/controlPlaneEndpoint";
    let Some(host) = text(&row.object, &format!("{endpoint}/host")) else {
        return false;
    };
    let port = row.object.pointer(&format!("{endpoint}/port"));
    let port = port.and_then(serde_json::Value::as_u64).unwrap_or(6443);
    let server = look.picture.server.trim_end_matches('/');
    let address = server.strip_prefix("https://").unwrap_or(server);
    let bracketed = format!("[{host}]:{port}");
    address == format!("{host}:{port}") || address == bracketed || (address == host && port == 443)
}

/// Marks that DKP leaves on Cluster API.
fn konvoy(look: &Look<'_>, inventory: &[JsonRow]) -> Vec<String> {
    let mut marks: Vec<String> = look
        .served("konvoy.d2iq.io")
        .into_iter()
        .map(|api| format!("{api} is served"))
        .collect();
    marks.extend(inventory.iter().filter_map(|row| {
        let version = text(&row.object, "/version").filter(|text| text.contains("d2iq"))?;
        Some(format!("version of provider {}: {version}", place(row)))
    }));
    marks.extend(
        look.objects(&capi_cluster_objects())
            .iter()
            .filter_map(|row| {
                let provider = label(&row.object, DKP_PROVIDER)?;
                Some(format!(
                    "label {DKP_PROVIDER}={provider} of Cluster {}",
                    place(row)
                ))
            }),
    );
    marks
}
