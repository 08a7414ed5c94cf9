//! `addon-compat`, `addon-autoscaler`, `addon-metrics-server` and `cni-version`: add-ons whose release is not for a minor on
//! the path. Which of them looks at an add-on says its row in the catalog.

use std::collections::BTreeMap;

use super::{
    AffectedObject, AppliesTo, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
    TableRule,
};
use crate::catalog::addons::{
    Addon, Compatibility, CompatibilityRange, SupportLevel, UpgradeOrder,
};
use crate::catalog::{AddonCatalog, Minor, MinorRange, Release};
use crate::detect::{InstalledAddon, addons};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{Need, NeedContext};
use crate::path::{HopId, UpgradePath};
use crate::snapshot::MissingData;

/// What is different about each of the rules.
#[derive(Debug)]
struct AddonRule(&'static str);

const DETECTION: &str = "By the tags of the images of Deployments, DaemonSets and StatefulSets, against the ranges of minors that the makers of the add-on publish. It is told at the first hop into a minor that the release is not for; what comes after is the next release's. An image that is named by its digest alone, a tag that is no version and a release that no range speaks of tell nothing. One that goes with or after the control plane, and for which no release is for both minors, is a step of the hop; it is told only where it is not for the minor that runs either.";

/// The rules. They live as long as the program, which reads them once.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let rule = |id, title, why, mend, reference, source: &'static str| {
        let sources: &'static [&'static str] = Box::leak(Box::new([source]));
        let rule: &'static Rule = Box::leak(Box::new(Rule {
            id,
            severity: Severity::Warning,
            title,
            applies_to: AppliesTo::Text("each minor"),
            why,
            detection: DETECTION,
            remedy: mend,
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
            "cluster-autoscaler is of another minor",
            "It carries the scheduler of its own minor: with another one it may judge wrongly which pods fit where, and scale by that.",
            "Use the cluster-autoscaler of the cluster's minor, after the control plane of each hop.",
            "https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases",
            "kubernetes/autoscaler cluster-autoscaler/README.md",
        ),
        rule(
            "addon-compat",
            "An add-on is not for the target",
            "Its makers have not tested or do not support this release with the minor: what it needs of the API may be gone, and a webhook or controller of it that fails takes others with it.",
            "Upgrade the add-on to a release that is for both minors before this hop.",
            "https://kubernetes.io/docs/tasks/administer-cluster/cluster-upgrade/",
            "release documentation of each add-on, by the rows of addons.tsv",
        ),
        rule(
            "addon-metrics-server",
            "metrics-server is too old",
            "Without metrics, autoscalers stand still and kubectl top fails; an aggregated API that is down also slows discovery and the deletion of namespaces.",
            "Upgrade metrics-server to a release that is for the minor.",
            "https://github.com/kubernetes-sigs/metrics-server#compatibility-matrix",
            "kubernetes-sigs/metrics-server README.md",
        ),
        rule(
            "cni-version",
            "The network plugin was not tested with the target",
            "Where the network of pods fails, new nodes do not become Ready and pods do not reach one another.",
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

    fn evaluate(&self, rule: &Rule, situation: &CheckContext<'_>) -> Vec<Finding> {
        let known = &situation.catalog.addons;
        let mut found: BTreeMap<(String, UnsupportedMinor), Vec<AffectedObject>> = BTreeMap::new();
        let Some((cluster, detected)) = situation.cluster.zip(situation.detected.as_ref()) else {
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
                find_unsupported_minor(known, addon, version, running, situation.path)
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

    fn unevaluated(&self, situation: &CheckContext<'_>) -> Vec<MissingData> {
        let clusters = situation.cluster.into_iter();
        clusters
            .flat_map(|cluster| addons::unrecorded_images(cluster, situation.catalog))
            .collect()
    }
}

/// A release and the minor that it is not for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct UnsupportedMinor {
    version: Release,
    /// The minor before that one, on the way.
    last_supported: Minor,
    /// The minor that it is not for.
    unsupported: Minor,
    /// The hop into it; none where it runs already.
    hop: Option<HopId>,
}

/// Where on the way a release is not for the minor; none where it is, where that is not known, and where its upgrade is a
/// step of a hop like any other.
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
            // It goes with this hop; what is wrong is only that it does not fit before.
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
                "Upgrade {} before this hop; {} is for both {from} and {to} ({}).",
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

/// What sources say of a release, as words before the minors that it is for and the one that it is not.
fn support_phrase(strength: Option<SupportLevel>) -> (&'static str, &'static str) {
    match strength {
        Some(SupportLevel::Tested) => ("was tested with", "not with"),
        Some(SupportLevel::Recommended) => ("is meant for", "not for"),
        Some(SupportLevel::Minimum) => ("needs", "not"),
        Some(SupportLevel::Expected) => ("is expected to work on", "not on"),
        Some(SupportLevel::Supported | SupportLevel::KubeadmDefault) | None => {
            ("is supported on", "not on")
        }
    }
}

fn range_phrase(span: MinorRange) -> String {
    format!("it is for {span}")
}

#[cfg(test)]
mod tests {
    use super::find_unsupported_minor;
    use crate::catalog::Catalog;
    use crate::path::{HopId, UpgradePath};

    /// The minor that a release is not for, and the hop at which it is told.
    fn told(
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
    fn an_add_on_is_told_at_the_first_hop_that_it_is_not_for() {
        for (component, version, running, to, expected) in [
            (
                "cert-manager",
                "1.13.2",
                "1.26",
                "1.29",
                Some(("1.28", Some("1.28"))),
            ),
            ("cert-manager", "1.14.0", "1.26", "1.29", None),
            // Too new for what runs: the hop mends it.
            ("ingress-nginx", "1.12.0", "1.27", "1.28", None),
            // Nobody says anything of the release, or of the minor.
            ("longhorn", "1.8.1", "1.27", "1.28", None),
            ("cert-manager", "1.21.0", "1.36", "1.37", None),
            // No release is for both minors: after the control plane it goes with each hop.
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
            let found = told(component, version, running, to);
            let expected = expected.map(|(minor, hop)| (minor.to_owned(), hop.map(str::to_owned)));
            assert_eq!(
                found, expected,
                "{component} {version} on {running} to {to}"
            );
        }
    }

    #[test]
    fn without_a_hop_what_runs_counts() {
        let at = |version| told("cluster-autoscaler", version, "1.27", "1.27");
        assert_eq!(at("1.27.1"), None);
        assert_eq!(at("1.26.1"), Some(("1.27".to_owned(), None)));
    }
}
