//! Rules on what Kyma needs from around it: a Kubernetes that it runs on, and images that can be pulled.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{UPGRADE_PAGE, hops, needs_of_hops};
use crate::catalog::{ClosedRegistry, EdgeConfidence, PlatformName, VersionSpec};
use crate::detect;
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::facts::kyma;
use crate::need::{Need, NeedContext};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::ObjectRow;
use crate::text::names::plan_name;

/// `kyma-kubernetes-range`: releases of Kyma that do not run on the Kubernetes of the cluster.
pub(crate) const KUBERNETES_RANGE: Rule = Rule {
    id: "kyma-kubernetes-range",
    severity: Severity::Blocker,
    title: "A release of Kyma does not run on the Kubernetes of the cluster",
    why: "The artifacts of Kyma use APIs that later minors of Kubernetes do not serve: the installer cannot be applied, or its components cannot.",
    detection: "By the minor of the API server, and the range of each release that is on the way. It is a blocker if the API server does not serve APIs of the artifacts, and a warning if the release was only never tested there, or runs there already.",
    remedy: concat!(
        "Upgrade Kyma before Kubernetes, in the order that ",
        plan_name!(),
        " has. Where Kubernetes is ahead already, a Kyma that fits has to be installed on another cluster."
    ),
    reference: UPGRADE_PAGE,
    sources: &[
        "kyma-project/kyma installation/resources and resources, tags 1.0.0 to 2.20.0",
        "kyma-project/website content/blog-posts",
    ],
    kind: RuleKind::Code {
        needs: |context| detect::kyma_needs(context.discovery),
        evaluate: evaluate_range,
    },
    ..Rule::DEFAULT
};

fn evaluate_range(context: &CheckContext<'_>) -> Vec<Finding> {
    let (Some(cluster), Some(detected)) = (context.cluster, &context.detected) else {
        return Vec::new();
    };
    let (Some(running), Some(platform)) = (
        detected.platform(PlatformName::Kyma),
        context.catalog.platform(PlatformName::Kyma),
    ) else {
        return Vec::new();
    };
    let mut minor = detected.effective_minor;
    let mut findings = Vec::new();
    let mut check = |release: &VersionSpec, minor, hop: Option<HopId>| {
        let row = release.release().and_then(|one| platform.find_release(one));
        let Some((row, range)) = row.and_then(|row| Some((row, row.kubernetes_range?))) else {
            return;
        };
        if range.contains(minor) {
            return;
        }
        let era = context.catalog.kyma.era(release.minor());
        let can_be_applied = era.is_none_or(|era| era.kubernetes_range.contains(minor));
        let detail = format!("Kubernetes {minor}");
        let evidence = Evidence::new(EvidenceSource::Discovery, detail);
        let object = AffectedObject::cluster(cluster, evidence);
        let draft = FindingDraft {
            severity: match hop {
                Some(_) if !can_be_applied => Severity::Blocker,
                _ => Severity::Warning,
            },
            confidence: match row.range_confidence {
                Some(EdgeConfidence::Published) => Confidence::Certain,
                _ => Confidence::Likely,
            },
            hop,
            ..FindingDraft::new(
                &KUBERNETES_RANGE,
                release.to_string(),
                format!("Kyma {release} runs on Kubernetes {range}"),
                vec![object],
            )
        };
        findings.extend(Finding::new(&KUBERNETES_RANGE, draft));
    };
    if let Some(version) = &running.version {
        check(&VersionSpec::Release(version.clone()), minor, None);
    }
    for hop in &context.path.hops {
        match hop.platform {
            PlatformName::Kubernetes => minor = hop.minor(),
            PlatformName::Kyma => check(&hop.to, minor, Some(HopId::from(hop))),
            _ => {}
        }
    }
    findings
}

/// `kyma-image-gone`: images in a registry that was shut down.
pub(crate) const IMAGE_GONE: Rule = Rule {
    id: "kyma-image-gone",
    severity: Severity::Warning,
    title: "An image of Kyma may not be available any more",
    why: "Its registry was shut down. What was not copied elsewhere cannot be pulled: a new installer does not start, and pods that a drain moves to another node do not either.",
    detection: "By the image of the installer of each release on the way, and the images of Deployments in kyma-installer and kyma-system. Whether an image can still be pulled is not tried.",
    remedy: "Pull the images on a node before anything is deleted. Copy those that are only there into a registry of your own, and use kyma upgrade --custom-image, or set the image in the artifact of the installer.",
    reference: "https://cloud.google.com/artifact-registry/docs/transition/prepare-gcr-shutdown",
    sources: &[
        "https://cloud.google.com/artifact-registry/docs/transition/prepare-gcr-shutdown",
        "kyma-project/kyma issue 17276",
    ],
    kind: RuleKind::Code {
        needs: image_needs,
        evaluate: evaluate_images,
    },
    ..Rule::DEFAULT
};

fn image_needs(context: &NeedContext<'_>) -> Vec<Need> {
    needs_of_hops(
        context,
        [kyma::installer_need(), kyma::system_deployments_need()],
    )
}

/// Where releases of the installer were published.
const INSTALLER_IMAGE: &str = "eu.gcr.io/kyma-project/kyma-installer";

fn evaluate_images(context: &CheckContext<'_>) -> Vec<Finding> {
    let today = context.now.to_zoned(TimeZone::UTC).date();
    let closed = |image: &str| {
        let host = image.split('/').next().unwrap_or_default();
        let mut registries = context.catalog.kyma.registries.iter();
        registries.find(|one| one.host == host && one.unreadable_since <= today)
    };
    let installer = context.objects(&kyma::installer_need());
    let mut findings = Vec::new();
    let table = &context.catalog.kyma;
    for hop in hops(context.path) {
        let is_installed_by_image = table.has_installer(hop.minor());
        let image = format!("{INSTALLER_IMAGE}:{}", hop.to);
        let Some(registry) = closed(&image).filter(|_| is_installed_by_image) else {
            continue;
        };
        let objects = installer.iter().map(|row| object(row, image.clone()));
        findings.extend(finding(
            registry,
            Some(HopId::from(hop)),
            format!(
                "the installer of Kyma {} is an image of this registry",
                hop.to
            ),
            objects.collect(),
        ));
    }
    let deployments = installer
        .iter()
        .chain(context.objects(&kyma::system_deployments_need()));
    let mut running: BTreeMap<&str, (&ClosedRegistry, Vec<AffectedObject>)> = BTreeMap::new();
    for row in deployments {
        let containers = row.object.pointer("/spec/template/spec/containers");
        let containers = containers.and_then(|list| list.as_array());
        let images = containers.into_iter().flatten();
        let images = images.filter_map(|one| one.get("image")?.as_str());
        for image in images {
            if let Some(registry) = closed(image) {
                let entry = running.entry(&registry.host);
                let (_, objects) = entry.or_insert((registry, Vec::new()));
                objects.push(object(row, image.to_owned()));
            }
        }
    }
    for (registry, objects) in running.into_values() {
        let message = "its pods cannot start on a node that does not have the image yet";
        findings.extend(finding(registry, None, message.to_owned(), objects));
    }
    findings
}

fn finding(
    registry: &ClosedRegistry,
    hop: Option<HopId>,
    message: String,
    objects: Vec<AffectedObject>,
) -> Option<Finding> {
    let draft = FindingDraft {
        confidence: Confidence::Possible,
        hop,
        ..FindingDraft::new(&IMAGE_GONE, &registry.host, message, objects)
    };
    Finding::new(&IMAGE_GONE, draft)
}

fn object(row: &ObjectRow, image: String) -> AffectedObject {
    let evidence = Evidence::new(EvidenceSource::Spec, image);
    AffectedObject::new("apps/v1", "Deployment", &row.meta, evidence)
}
