//! `addon-compat`, `addon-autoscaler`, `addon-metrics-server` and `cni-version`: add-ons whose release does not support a
//! minor on the path. The row of an add-on in the catalog names its rule.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput,
    Severity, TableRule,
};
use crate::catalog::addons::{
    Addon, Compatibility, CompatibilityRange, Coverage, SupportLevel, UpgradeOrder,
};
use crate::catalog::{AddonCatalog, Minor, Release};
use crate::detect::{InstalledAddon, addons};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{Need, NeedContext};
use crate::path::{Hop, HopId, UpgradePath};
use crate::snapshot::MissingData;

/// Its id, by which rows of the catalog name it.
#[derive(Debug)]
struct AddonRule(&'static str);

/// The rule that also names the add-ons without compatibility data.
const COMPATIBILITY: &str = "addon-compat";

const DETECTION: &str = "By the image tags of Deployments, DaemonSets and StatefulSets, against the minors that the vendor supports. The finding belongs to the first hop into an unsupported minor. A release older than every published range counts as incompatible with minors newer than the oldest range supports, and is a gap for the others; a release between two ranges is a gap. An add-on whose release is unknown is a gap too; one for which no support is published is named in a remark. An add-on that is upgraded with or after the control plane, and for which no release supports both minors, is a step of the hop instead, unless it does not support the running minor either.";

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
            COMPATIBILITY,
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
        RuleOutput {
            findings: self.findings(rule, context),
            unevaluated: self.unevaluated(context),
            remarks: self.remarks(context),
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
        for installed in &detected.addons {
            let addon = known
                .find(&installed.component)
                .filter(|addon| addon.rule == self.0);
            let (Some(addon), Some(version)) = (addon, &installed.version) else {
                continue;
            };
            if let Some(unsupported) =
                find_unsupported_minor(known, addon, version, running, context.path)
            {
                let key = (installed.component.clone(), unsupported);
                found.entry(key).or_default().push(addon_object(installed));
            }
        }

        found
            .into_iter()
            .filter_map(|((component, unsupported), objects)| {
                let addon = known.find(&component)?;
                let draft = draft_finding(rule, known, addon, unsupported, objects);
                Finding::new(rule, draft)
            })
            .collect()
    }

    fn unevaluated(&self, context: &CheckContext<'_>) -> Vec<MissingData> {
        let clusters = context.cluster.into_iter();
        let images =
            clusters.flat_map(|cluster| addons::unrecorded_images(cluster, context.catalog));
        let known = &context.catalog.addons;
        let unknown = unknown_addons(context).filter_map(|(installed, addon, minor)| {
            if addon.rule != self.0 {
                return None;
            }
            let Some(release) = &installed.version else {
                let is_listed = known.ranges().any(|row| row.component == addon.component);
                let why = installed.unknown_version_reason.clone();
                return why.filter(|_| is_listed).map(|why| MissingData {
                    what: format!(
                        "whether {} in {} supports {minor}",
                        addon.title, installed.namespace
                    ),
                    why: format!("its release is unknown: {why}"),
                    rbac: None,
                });
            };
            let why = match known.coverage(&addon.component, release) {
                Coverage::OlderThanAll(first) => {
                    let (is, _) = support_phrase(first.support_level);
                    format!(
                        "the catalog knows its support only from {} on, which {is} {}",
                        first.versions, first.kubernetes
                    )
                }
                Coverage::Between => "the catalog knows older and newer releases only".to_owned(),
                Coverage::Listed | Coverage::NewerThanAll | Coverage::NoRanges => return None,
            };
            Some(MissingData {
                what: format!("whether {} {release} supports {minor}", addon.title),
                why,
                rbac: None,
            })
        });
        images.chain(unknown).collect()
    }

    /// The add-ons of all rules whose support the catalog does not know, once.
    fn remarks(&self, context: &CheckContext<'_>) -> Vec<String> {
        if self.0 != COMPATIBILITY {
            return Vec::new();
        }
        let known = &context.catalog.addons;
        let mut names: BTreeMap<Minor, BTreeSet<String>> = BTreeMap::new();
        for (installed, addon, minor) in unknown_addons(context) {
            let name = match &installed.version {
                None if known.ranges().any(|row| row.component == addon.component) => continue,
                None => format!("{} (release unknown)", addon.title),
                Some(release) => match known.coverage(&addon.component, release) {
                    Coverage::OlderThanAll(_) | Coverage::Between => continue,
                    Coverage::Listed | Coverage::NewerThanAll | Coverage::NoRanges => {
                        format!("{} {release}", addon.title)
                    }
                },
            };
            names.entry(minor).or_default().insert(name);
        }
        let remark = |(minor, names): (Minor, BTreeSet<String>)| {
            let names: Vec<String> = names.into_iter().collect();
            format!(
                "the catalog does not know whether these add-ons support {minor}, check with their vendors: {}",
                names.join(", ")
            )
        };
        names.into_iter().map(remark).collect()
    }
}

/// Add-ons that are not part of Kubernetes and whose support of a minor of the path is unknown, with the first such minor.
fn unknown_addons<'a>(
    context: &'a CheckContext<'_>,
) -> impl Iterator<Item = (&'a InstalledAddon, &'a Addon, Minor)> {
    let known = &context.catalog.addons;
    let minors: Vec<Minor> = context.path.kubernetes_hops().map(Hop::minor).collect();
    let installed = context.detected.iter().flat_map(|found| &found.addons);
    installed.filter_map(move |installed| {
        let addon = known.find(&installed.component)?;
        if addon.upgrade_order == UpgradeOrder::WithControlPlane {
            return None;
        }
        let minor = minors.iter().find(|minor| match &installed.version {
            Some(release) => {
                known.compatibility(&addon.component, release, **minor) == Compatibility::Unknown
            }
            None => true,
        })?;
        Some((installed, addon, *minor))
    })
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
    let is_unsupported = |minor| {
        known.compatibility(&addon.component, version, minor) == Compatibility::Incompatible
    };
    let unsupported = |from, to, hop| {
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
    if hops.peek().is_none() && is_unsupported(running) {
        return unsupported(running, running, None);
    }
    for hop in hops {
        if is_unsupported(hop.minor()) {
            let bridged = !known
                .bridging_ranges(&addon.component, before, hop.minor())
                .is_empty();
            if addon.upgrade_order == UpgradeOrder::BeforeControlPlane || bridged {
                return unsupported(before, hop.minor(), Some(HopId::from(hop)));
            }
            // It is upgraded in this hop; only an unsupported running minor is a finding.
            return match is_unsupported(before) && before == running {
                true => unsupported(running, running, None),
                false => None,
            };
        }
        before = hop.minor();
    }
    None
}

fn addon_object(installed: &InstalledAddon) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: Some(installed.namespace.clone()),
        api_version: "apps/v1".to_owned(),
        kind: installed.kind.to_owned(),
        name: installed.name.clone(),
        owner: installed.owner.clone(),
        evidence: vec![Evidence::new(
            EvidenceSource::Spec,
            format!("image {}", installed.image),
        )],
    }
}

fn draft_finding(
    rule: &Rule,
    known: &AddonCatalog,
    addon: &Addon,
    unsupported: UnsupportedMinor,
    objects: Vec<AffectedObject>,
) -> FindingDraft {
    let UnsupportedMinor {
        version,
        last_supported: from,
        unsupported: to,
        ..
    } = &unsupported;
    let bridge = known
        .bridging_ranges(&addon.component, *from, *to)
        .into_iter()
        .next();
    FindingDraft {
        replacement: None,
        subject: format!("{} {version}", addon.component),
        severity: rule.severity,
        confidence: Confidence::Certain,
        message: match bridge {
            None if !addon.retired.is_empty() => {
                support_message(known, addon, version, *to) + "; it is retired"
            }
            _ => support_message(known, addon, version, *to),
        },
        remedy: match bridge {
            Some(row) if unsupported.hop.is_some() => format!(
                "Upgrade {} before this hop; {} supports both {from} and {to} (it supports {}).",
                addon.title, row.versions, row.kubernetes
            ),
            None if !addon.retired.is_empty() => format!("{}.", addon.retired),
            _ => rule.remedy.to_owned(),
        },
        hop: unsupported.hop,
        objects,
    }
}

fn support_message(known: &AddonCatalog, addon: &Addon, version: &Release, to: Minor) -> String {
    let title = &addon.title;
    if let Coverage::OlderThanAll(first) = known.coverage(&addon.component, version) {
        let (is, not) = support_phrase(first.support_level);
        return format!(
            "{title} {version} is older than {}, which {is} {}, {not} {to}",
            first.versions, first.kubernetes
        );
    }
    let rows: Vec<&CompatibilityRange> = known.limiting_ranges(&addon.component, version).collect();
    let ranges: Vec<String> = rows.iter().map(|row| row.kubernetes.to_string()).collect();
    let level = rows.first().map(|row| row.support_level);
    let (is, not) = support_phrase(level.unwrap_or(SupportLevel::Supported));
    format!(
        "{title} {version} {is} {}, {not} {to}",
        ranges.join(" and ")
    )
}

/// The phrases before the supported minors and before the unsupported one.
fn support_phrase(level: SupportLevel) -> (&'static str, &'static str) {
    match level {
        SupportLevel::Tested => ("was tested with", "not with"),
        SupportLevel::Recommended => ("is recommended for", "not for"),
        SupportLevel::Minimum => ("needs", "not"),
        SupportLevel::Expected => ("is expected to work on", "not on"),
        SupportLevel::Supported | SupportLevel::KubeadmDefault => ("is supported on", "not on"),
    }
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
        let path = UpgradePath::for_kubernetes(Some(&running), None, &to, catalog).expect("a path");
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
