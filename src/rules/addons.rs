//! `addon-compat`, `addon-autoscaler`, `addon-metrics-server` and `cni-version`: add-ons whose release does not support a
//! minor on the path. The row of an add-on in the catalog names its rule.

use std::collections::BTreeMap;

use super::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput,
    Severity, TableRule,
};
use crate::catalog::addons::{
    Addon, Compatibility, CompatibilityRange, SupportLevel, UpgradeOrder,
};
use crate::catalog::{AddonCatalog, Minor, MinorRange, Release};
use crate::detect::{InstalledAddon, addons};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{Need, NeedContext};
use crate::path::{HopId, UpgradePath};

/// Its id, by which rows of the catalog name it.
#[derive(Debug)]
struct AddonRule(&'static str);

const DETECTION: &str = "By the image tags of Deployments, DaemonSets and StatefulSets, against the minors that the vendor supports. The finding belongs to the first hop into an unsupported minor. Images without a version tag, and releases for which no support is published, are left out. An add-on that is upgraded with or after the control plane, and for which no release supports both minors, is a step of the hop instead, unless it does not support the running minor either.";

/// The rules. They live as long as the program, which reads them once.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let rule = |id, title, why, remedy, reference, source: &'static str| {
        let sources: &'static [&'static str] = Box::leak(Box::new([source]));
        let rule: &'static Rule = Box::leak(Box::new(Rule {
            id,
            severity: Severity::Warning,
            title,
            applies_to: Applicability::Text("each minor"),
            why,
            detection: DETECTION,
            remedy,
            reference,
            sources,
            kind: RuleKind::Table(Box::leak(Box::new(AddonRule(id)))),
            ..Rule::DEFAULT
        }));
        rule
    };
    [
        rule(
            "addon-autoscaler",
            "cluster-autoscaler is built for another minor",
            "It contains the scheduler of its own minor. With another minor, it may mispredict where pods can be scheduled, and scale wrongly.",
            "Upgrade cluster-autoscaler to the cluster's minor after the control plane of each hop.",
            "https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases",
            "kubernetes/autoscaler cluster-autoscaler/README.md",
        ),
        rule(
            "addon-compat",
            "An add-on does not support the target",
            "The vendor has not tested or does not support this release with the minor. APIs that it needs may be removed, and a failing webhook or controller affects other workloads.",
            "Upgrade the add-on to a release that supports both minors before this hop.",
            "https://kubernetes.io/docs/tasks/administer-cluster/cluster-upgrade/",
            "release documentation of each add-on, by the rows of addons.tsv",
        ),
        rule(
            "addon-metrics-server",
            "metrics-server is too old",
            "Without metrics, autoscalers stop scaling and kubectl top fails. An unavailable aggregated API also slows down discovery and the deletion of namespaces.",
            "Upgrade metrics-server to a release that supports the minor.",
            "https://github.com/kubernetes-sigs/metrics-server#compatibility-matrix",
            "kubernetes-sigs/metrics-server README.md",
        ),
        rule(
            "cni-version",
            "The network plugin was not tested with the target",
            "If the pod network fails, new nodes do not become Ready and pods cannot reach each other.",
            "Upgrade the network plugin to a release that was tested with both minors before this hop.",
            "https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/",
            "release documentation of each network plugin, by the rows of addons.tsv",
        ),
    ]
    .into_iter()
}

impl TableRule for AddonRule {
    fn needs(&self, _: &NeedContext<'_>) -> Vec<Need> {
        addons::workload_needs().to_vec()
    }

    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> RuleOutput {
        let clusters = context.cluster.into_iter();
        RuleOutput {
            findings: self.findings(rule, context),
            unevaluated: clusters
                .flat_map(|cluster| addons::unrecorded_images(cluster, context.catalog))
                .collect(),
        }
    }
}

impl AddonRule {
    fn findings(&self, rule: &Rule, context: &CheckContext<'_>) -> Vec<Finding> {
        let known = &context.catalog.addons;
        let mut found: BTreeMap<(String, UnsupportedMinor), Vec<AffectedObject>> = BTreeMap::new();
        let Some((cluster, detected)) = context.cluster.zip(context.detected.as_ref()) else {
            return Vec::new();
        };

        let running = cluster.discovery.effective_minor();
        for it in &detected.addons {
            let addon = known
                .find(&it.component)
                .filter(|addon| addon.rule == self.0);
            let (Some(addon), Some(version)) = (addon, &it.version) else {
                continue;
            };
            if let Some(misfit) =
                find_unsupported_minor(known, addon, version, running, context.path)
            {
                let object = addon_object(it);
                let key = (it.component.clone(), misfit);
                found.entry(key).or_default().push(object);
            }
        }

        found
            .into_iter()
            .filter_map(|((component, misfit), objects)| {
                let addon = known.find(&component)?;
                Finding::new(rule, draft_finding(rule, known, addon, misfit, objects))
            })
            .collect()
    }
}

/// A release and a minor that it does not support.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct UnsupportedMinor {
    version: Release,
    /// The minor before that one on the path.
    last_supported: Minor,
    /// The unsupported minor.
    unsupported: Minor,
    /// The hop into it; `None` if it is running.
    hop: Option<HopId>,
}

/// The first unsupported minor on the path; `None` if there is none, if support is unknown, or if the upgrade of the add-on
/// is an ordinary step of a hop.
fn find_unsupported_minor(
    known: &AddonCatalog,
    addon: &Addon,
    version: &Release,
    running: Minor,
    path: &UpgradePath,
) -> Option<UnsupportedMinor> {
    let is_not_for = |minor| {
        known.compatibility(&addon.component, version, minor) == Compatibility::Incompatible
    };
    let misfit = |from, to, hop| {
        Some(UnsupportedMinor {
            version: version.clone(),
            last_supported: from,
            unsupported: to,
            hop,
        })
    };
    let mut before = running;
    let mut hops = path
        .kubernetes_hops()
        .filter(|hop| hop.minor() > running)
        .peekable();
    if hops.peek().is_none() && is_not_for(running) {
        return misfit(running, running, None);
    }
    for hop in hops {
        if is_not_for(hop.minor()) {
            let bridged = !known
                .bridging_ranges(&addon.component, before, hop.minor())
                .is_empty();
            if addon.upgrade_order == UpgradeOrder::BeforeControlPlane || bridged {
                return misfit(before, hop.minor(), Some(HopId::from(hop)));
            }
            // It is upgraded in this hop; only an unsupported running minor is a finding.
            return match is_not_for(before) && before == running {
                true => misfit(running, running, None),
                false => None,
            };
        }
        before = hop.minor();
    }
    None
}

fn addon_object(it: &InstalledAddon) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: Some(it.namespace.clone()),
        api_version: "apps/v1".to_owned(),
        kind: it.kind.to_owned(),
        name: it.name.clone(),
        owner: it.owner.clone(),
        evidence: vec![Evidence::new(
            EvidenceSource::Spec,
            format!("image {}", it.image),
        )],
    }
}

fn draft_finding(
    rule: &Rule,
    known: &AddonCatalog,
    addon: &Addon,
    misfit: UnsupportedMinor,
    objects: Vec<AffectedObject>,
) -> FindingDraft {
    let UnsupportedMinor {
        version,
        last_supported: from,
        unsupported: to,
        ..
    } = &misfit;
    let rows: Vec<&CompatibilityRange> = known.limiting_ranges(&addon.component, version).collect();
    let ranges: Vec<String> = rows.iter().map(|row| row.kubernetes.to_string()).collect();
    let (is, not) = support_phrase(rows.first().map(|row| row.support_level));
    let bridge = known
        .bridging_ranges(&addon.component, *from, *to)
        .into_iter()
        .next();
    FindingDraft {
        subject: format!("{} {version}", addon.component),
        severity: rule.severity,
        confidence: Confidence::Certain,
        message: format!(
            "{} {version} {is} {}, {not} {to}",
            addon.title,
            ranges.join(" and ")
        ),
        remedy: match bridge {
            Some(row) if misfit.hop.is_some() => format!(
                "Upgrade {} before this hop; {} supports both {from} and {to} ({}).",
                addon.title,
                row.versions,
                range_phrase(row.kubernetes)
            ),
            _ => rule.remedy.to_owned(),
        },
        hop: misfit.hop,
        objects,
    }
}

/// The phrases before the supported minors and before the unsupported one.
fn support_phrase(strength: Option<SupportLevel>) -> (&'static str, &'static str) {
    match strength {
        Some(SupportLevel::Tested) => ("was tested with", "not with"),
        Some(SupportLevel::Recommended) => ("is recommended for", "not for"),
        Some(SupportLevel::Minimum) => ("needs", "not"),
        Some(SupportLevel::Expected) => ("is expected to work on", "not on"),
        Some(SupportLevel::Supported | SupportLevel::KubeadmDefault) | None => {
            ("is supported on", "not on")
        }
    }
}

fn range_phrase(span: MinorRange) -> String {
    format!("it supports {span}")
}

#[cfg(test)]
mod tests {
    use super::find_unsupported_minor;
    use crate::catalog::Catalog;
    use crate::path::{HopId, UpgradePath};

    /// The minor that a release does not support, and the hop of the finding.
    fn unsupported(
        component: &str,
        version: &str,
        running: &str,
        to: &str,
    ) -> Option<(String, Option<String>)> {
        let catalog = Catalog::embedded().expect("the catalog");
        let running = format!("{running}.0").parse().expect("a version");
        let to = [to.parse().expect("a target")];
        let path =
            UpgradePath::for_kubernetes(Some(&running), None, &to, &catalog).expect("a path");
        let addon = catalog.addons.find(component).expect("an add-on");
        let version = version.parse().expect("a version");
        let found =
            find_unsupported_minor(&catalog.addons, addon, &version, running.minor(), &path)?;
        let hop = found.hop.map(|hop: HopId| hop.to.to_string());
        Some((found.unsupported.to_string(), hop))
    }

    #[test]
    fn an_add_on_is_reported_at_the_first_hop_that_it_does_not_support() {
        for (component, version, running, to, expected) in [
            (
                "cert-manager",
                "1.13.2",
                "1.26",
                "1.29",
                Some(("1.28", Some("1.28"))),
            ),
            ("cert-manager", "1.14.0", "1.26", "1.29", None),
            // Too new for the running minor: the hop fixes it.
            ("ingress-nginx", "1.12.0", "1.27", "1.28", None),
            // No support is published for the release or the minor.
            ("longhorn", "1.8.1", "1.27", "1.28", None),
            ("cert-manager", "1.21.0", "1.36", "1.37", None),
            // No release supports both minors: it is upgraded after the control plane of each hop.
            ("cluster-autoscaler", "1.27.1", "1.27", "1.30", None),
            (
                "cluster-autoscaler",
                "1.26.1",
                "1.27",
                "1.28",
                Some(("1.27", None)),
            ),
            ("cluster-autoscaler", "1.28.1", "1.27", "1.28", None),
            ("cluster-autoscaler", "1.28.1", "1.27", "1.29", None),
            // Here one is.
            (
                "metrics-server",
                "0.3.7",
                "1.20",
                "1.22",
                Some(("1.22", Some("1.22"))),
            ),
            (
                "metrics-server",
                "0.3.7",
                "1.23",
                "1.24",
                Some(("1.24", Some("1.24"))),
            ),
            ("metrics-server", "0.9.0", "1.33", "1.34", None),
        ] {
            let found = unsupported(component, version, running, to);
            let expected = expected.map(|(minor, hop)| (minor.to_owned(), hop.map(str::to_owned)));
            assert_eq!(
                found, expected,
                "{component} {version} on {running} to {to}"
            );
        }
    }

    #[test]
    fn without_a_hop_what_runs_counts() {
        let at = |version| unsupported("cluster-autoscaler", version, "1.27", "1.27");
        assert_eq!(at("1.27.1"), None);
        assert_eq!(at("1.26.1"), Some(("1.27".to_owned(), None)));
    }
}
