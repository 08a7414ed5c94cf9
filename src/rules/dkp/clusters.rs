//! Rules on the clusters that Kommander looks after.

use serde_json::Value;

use super::{GUIDE, estate, hops, needs, object};
use crate::catalog::{GroupResource, MinorRange};
use crate::detect;
use crate::evidence::EvidenceSource;
use crate::facts::capi;
use crate::facts::dkp::KonvoyCluster;
use crate::need::{DetailLevel, Need, NeedContext};
use crate::path::{Hop, HopId};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::MissingData;
use crate::text::names::plan_name;

/// `dkp-attached-k8s`: attached clusters outside of the range that Kommander can be upgraded with.
pub(crate) const ATTACHED_RANGE: Rule = Rule {
    id: "dkp-attached-k8s",
    severity: Severity::Blocker,
    title: "An attached cluster runs a Kubernetes that DKP cannot be upgraded with",
    why: "The platform applications of the new release are deployed to attached clusters too, and do not run there.",
    detection: "By status.kubernetesVersion of KommanderClusters without a cluster of Cluster API, compared with the range that the upgrade guide of the release states. A cluster that reports no version is a gap. Releases without a published range are left out.",
    remedy: "Upgrade or detach the cluster before Kommander is upgraded.",
    reference: GUIDE,
    sources: &[
        "mesosphere/dcos-docs-site pages/dkp/konvoy/2.2/dkp-upgrade/upgrade-kommander",
        "mesosphere/dcos-docs-site pages/dkp/konvoy/2.3/dkp-upgrade/upgrade-kommander",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_attached,
    },
    unevaluated: unknown_attached,
    ..Rule::DEFAULT
};

/// The first hop, and the Kubernetes minors of attached clusters that it needs. Later hops begin after these clusters had
/// their turn.
fn attached_range<'a>(context: &'a CheckContext<'_>) -> Option<(&'a Hop, MinorRange)> {
    let hop = hops(context.path).next()?;
    let minor = context.catalog.dkp.minor(hop.minor());
    Some((hop, minor?.attached_range?))
}

/// Attached clusters whose version cannot be compared.
fn unknown_attached(context: &CheckContext<'_>) -> Vec<MissingData> {
    let Some((hop, range)) = attached_range(context) else {
        return Vec::new();
    };
    let estate = estate(context);
    let unknown = estate.attached.iter().filter(|one| one.version.is_none());
    let gaps = unknown.map(|cluster| MissingData {
        what: format!(
            "whether the attached cluster {}/{} runs Kubernetes {range}, which DKP {} needs",
            cluster.namespace, cluster.name, hop.to
        ),
        why: match &cluster.reported {
            Some(text) => format!("its KommanderCluster reports {text}, which is no version"),
            None => "its KommanderCluster reports no version".to_owned(),
        },
        rbac: None,
    });
    gaps.collect()
}

fn evaluate_attached(context: &CheckContext<'_>) -> Vec<Finding> {
    let estate = estate(context);
    let Some((hop, range)) = attached_range(context) else {
        return Vec::new();
    };
    let objects = estate.attached.iter().filter_map(|cluster| {
        let version = cluster.version.as_ref()?;
        (!range.contains(version.minor())).then(|| {
            let detail = format!("status.kubernetesVersion {version}");
            let place = ("KommanderCluster", &*cluster.namespace, &*cluster.name);
            let resource = ("kommander.mesosphere.io", "kommanderclusters");
            let mut object = object(context, resource, place, detail);
            object.evidence[0].source = EvidenceSource::Status;
            object
        })
    });
    let message = format!(
        "DKP {} needs attached clusters at Kubernetes {range}",
        hop.to
    );
    let draft = FindingDraft {
        hop: Some(HopId::from(hop)),
        ..FindingDraft::new(&ATTACHED_RANGE, "", message, objects.collect())
    };
    Finding::new(&ATTACHED_RANGE, draft).into_iter().collect()
}

/// `dkp-mgmt-k8s`: managed clusters behind the Kubernetes of the running release.
pub(crate) const MANAGED_BEHIND: Rule = Rule {
    id: "dkp-mgmt-k8s",
    severity: Severity::Blocker,
    title: "A managed cluster is not at the Kubernetes of the running DKP",
    why: "A hop of DKP begins on the Kubernetes that the release before it ships. A control plane cannot skip a minor, and the new applications do not run on the old one.",
    detection: "By the version in the KubeadmControlPlane of each Cluster that the management cluster holds, compared with the range of the release to upgrade to.",
    remedy: "Finish the upgrade of the running release on this cluster first.",
    reference: GUIDE,
    sources: &["mesosphere/dcos-docs-site pages/dkp/konvoy/2.3/dkp-upgrade/upgrade-kommander"],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_managed,
    },
    ..Rule::DEFAULT
};

fn evaluate_managed(context: &CheckContext<'_>) -> Vec<Finding> {
    let estate = estate(context);
    let Some(hop) = hops(context.path).next() else {
        return Vec::new();
    };
    let platform = context.catalog.platform(hop.platform);
    let row = platform.zip(hop.to.release());
    let range = row.and_then(|(platform, to)| platform.find_release(to)?.kubernetes_range);
    let Some(range) = range else {
        return Vec::new();
    };
    let objects = estate.managed.iter().filter_map(|cluster| {
        let version = cluster.version.as_ref()?;
        (!range.contains(version.minor()))
            .then(|| cluster_object(context, cluster, format!("Kubernetes {version}")))
    });
    let message = format!("DKP {} runs on Kubernetes {range}", hop.to);
    let draft = FindingDraft {
        hop: Some(HopId::from(hop)),
        ..FindingDraft::new(&MANAGED_BEHIND, "", message, objects.collect())
    };
    Finding::new(&MANAGED_BEHIND, draft).into_iter().collect()
}

/// `dkp-pre-provisioned-single-cp`: a control plane of one machine that is deleted before it is replaced.
pub(crate) const SINGLE_CONTROL_PLANE: Rule = Rule {
    id: "dkp-pre-provisioned-single-cp",
    severity: Severity::Blocker,
    title: "A pre-provisioned control plane has a single machine",
    why: "Pre-provisioned machines are taken out before they are set up again, because there is no spare one. A control plane of one machine cannot be updated so.",
    detection: "By the infrastructure of each Cluster, and spec.replicas of its KubeadmControlPlane.",
    remedy: "Add machines to the inventory and scale the control plane to three.",
    reference: "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/konvoy/2.1/choose-infrastructure/pre-provisioned/upgrade/control-plane/index.md",
    sources: &[
        "mesosphere/dcos-docs-site pages/dkp/konvoy/2.1/choose-infrastructure/pre-provisioned/upgrade/control-plane",
        "mesosphere/dcos-docs-site pages/dkp/kommander/2.2/release-notes/2.2.0",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_single,
    },
    ..Rule::DEFAULT
};

/// The provider whose machines are replaced in place.
const PREPROVISIONED: &str = "preprovisioned";

fn evaluate_single(context: &CheckContext<'_>) -> Vec<Finding> {
    let (Some(view), Some(_)) = (context.view(), hops(context.path).next()) else {
        return Vec::new();
    };
    let estate = estate(context);
    let clusters = estate.management.iter().chain(&estate.managed);
    let objects = clusters
        .filter(|one| one.provider == PREPROVISIONED)
        .filter_map(|cluster| {
            let place = (cluster.namespace.as_str(), cluster.control_plane.1.as_str());
            let need = detect::kubeadm_control_planes_need();
            let rollout = capi::machine_rollout(view, &need, place, "/spec/version")?;
            (rollout.desired == 1).then(|| {
                let resource = ("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes");
                let place = ("KubeadmControlPlane", place.0, place.1);
                object(context, resource, place, "replicas 1".to_owned())
            })
        });
    SINGLE_CONTROL_PLANE.findings(
        "it cannot be updated: its only machine is taken out first",
        objects,
    )
}

/// `dkp-provider-unsupported`: clusters that the CLI cannot upgrade.
pub(crate) const PROVIDER_UNSUPPORTED: Rule = Rule {
    id: "dkp-provider-unsupported",
    severity: Severity::Warning,
    title: "The CLI of DKP cannot upgrade a cluster of this provider",
    why: "Not every release has update commands for every provider: such clusters are upgraded by hand or with the tools of the provider.",
    detection: "By the infrastructure and control plane of each Cluster, and the published commands of the release.",
    remedy: concat!(
        "Follow the steps that ",
        plan_name!(),
        " shows in place of the commands."
    ),
    reference: "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/konvoy/2.3/dkp-upgrade/upgrade-konvoy/enterprise/index.md",
    sources: &["mesosphere/dcos-docs-site pages/dkp/kommander/2.3/cli/dkp/update/controlplane"],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_provider,
    },
    ..Rule::DEFAULT
};

fn evaluate_provider(context: &CheckContext<'_>) -> Vec<Finding> {
    let estate = estate(context);
    let Some(hop) = hops(context.path).last() else {
        return Vec::new();
    };
    let table = &context.catalog.dkp;
    let has_command = |provider: &str| {
        let command = format!("update controlplane {provider}");
        table.cli.find(&command, hop.minor()).is_some()
    };
    // 2.1 and older have no such commands at all.
    let clusters = estate.management.iter().chain(&estate.managed);
    let clusters = clusters.filter(|one| !has_command(&one.provider) && has_command("aws"));
    let objects: Vec<AffectedObject> = clusters
        .map(|one| cluster_object(context, one, format!("provider {}", one.provider)))
        .collect();
    let message = format!("DKP {} has no update command for its provider", hop.to);
    let draft = FindingDraft {
        hop: Some(HopId::from(hop)),
        ..FindingDraft::new(&PROVIDER_UNSUPPORTED, "", message, objects)
    };
    Finding::new(&PROVIDER_UNSUPPORTED, draft)
        .into_iter()
        .collect()
}

/// `dkp-flatcar-calico`: Calico of Flatcar clusters that is not upgraded with the core addons.
pub(crate) const FLATCAR_CALICO: Rule = Rule {
    id: "dkp-flatcar-calico",
    severity: Severity::Warning,
    title: "Calico of a pre-provisioned Flatcar cluster is not upgraded",
    why: "The ClusterResourceSet of Calico selects clusters by their operating system. One that does not select this cluster leaves the old Calico on it.",
    detection: "By the label konvoy.d2iq.io/osHint of pre-provisioned Clusters, compared with spec.clusterSelector of the ClusterResourceSets in their namespace. Release notes of 2.2.2 and 2.4.0 state it, those of 2.2.3 no longer.",
    remedy: "Set the selector of calico-cni-installation-NAME to konvoy.d2iq.io/osHint: flatcar, and flexVolumePath in its ConfigMap to /opt/libexec/kubernetes/kubelet-plugins/volume/exec/.",
    reference: "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/kommander/2.2/release-notes/2.2.2/index.md",
    sources: &["mesosphere/dcos-docs-site pages/dkp/kommander/2.2/release-notes/2.2.2"],
    kind: RuleKind::Code {
        needs: flatcar_needs,
        evaluate: evaluate_flatcar,
    },
    ..Rule::DEFAULT
};

/// The label with the operating system of a cluster.
const OS_HINT: &str = "konvoy.d2iq.io/osHint";
const FLATCAR: &str = "flatcar";

fn resource_sets_need() -> Need {
    let resource = GroupResource::new("addons.cluster.x-k8s.io", "clusterresourcesets");
    Need::objects(resource, DetailLevel::Full).with_fields(&["spec.clusterSelector.matchLabels"])
}

fn flatcar_needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = needs(context);
    if !needs.is_empty() && detect::serves_cluster_api(context.discovery) {
        needs.push(resource_sets_need());
    }
    needs
}

fn evaluate_flatcar(context: &CheckContext<'_>) -> Vec<Finding> {
    let (Some(view), Some(_)) = (context.view(), hops(context.path).next()) else {
        return Vec::new();
    };
    let runs_flatcar = |labels: Option<&Value>| {
        labels.and_then(|labels| labels.get(OS_HINT)?.as_str()) == Some(FLATCAR)
    };
    let clusters = context.objects(&detect::capi_clusters_need()).iter();
    let clusters = clusters.filter(|row| runs_flatcar(row.object.pointer("/metadata/labels")));
    let clusters = clusters.map(|row| KonvoyCluster::new(view, row));
    let objects = clusters.filter_map(|cluster| {
        let sets = context.objects(&resource_sets_need()).iter();
        let sets = sets.filter(|set| set.meta.namespace.as_ref() == Some(&cluster.namespace));
        let mut selectors = sets.map(|set| set.object.pointer("/spec/clusterSelector/matchLabels"));
        let has_sets = selectors.clone().next().is_some();
        let is_left_out = has_sets && !selectors.any(runs_flatcar);
        (is_left_out && cluster.provider == PREPROVISIONED).then(|| {
            let detail = format!("label {OS_HINT}: {FLATCAR}, which no ClusterResourceSet selects");
            cluster_object(context, &cluster, detail)
        })
    });
    FLATCAR_CALICO.findings(
        "the cluster keeps its Calico when the core addons are upgraded",
        objects,
    )
}

fn cluster_object(
    context: &CheckContext<'_>,
    cluster: &KonvoyCluster,
    detail: String,
) -> AffectedObject {
    let place = ("Cluster", &*cluster.namespace, &*cluster.name);
    object(context, ("cluster.x-k8s.io", "clusters"), place, detail)
}
