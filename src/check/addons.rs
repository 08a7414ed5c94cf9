//! `addon-compat`, `addon-autoscaler`, `addon-metrics-server` and `cni-version`: add-ons whose release is not for a minor on
//! the path. Which of them looks at an add-on says its row in the catalog.

use std::collections::BTreeMap;

use super::{Body, Finding, Object, RowRule, Rule, Said, Severity, Situation};
use crate::catalog::addons::{Addon, Claim, Fit, Place, Row};
use crate::catalog::{Addons, Minor, Release, Span};
use crate::detect::{Installed, addons};
use crate::evidence::{Confidence, Evidence, Source};
use crate::need::{Asking, Need};
use crate::path::{HopRef, Path};
use crate::snapshot::Unmet;

/// What is different about each of the rules.
#[derive(Debug)]
struct Of(&'static str);

const HOW: &str = "By the tags of the images of Deployments, DaemonSets and StatefulSets, against the ranges of minors that the makers of the add-on publish. It is told at the first hop into a minor that the release is not for; what comes after is the next release's. An image that is named by its digest alone, a tag that is no version and a release that no range speaks of tell nothing. One that goes with or after the control plane, and for which no release is for both minors, is a step of the hop; it is told only where it is not for the minor that runs either.";

/// The rules. They live as long as the program, which reads them once.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let rule = |id, title, why, mend, reference, source: &'static str| {
        let sources: &'static [&'static str] = Box::leak(Box::new([source]));
        let rule: &'static Rule = Box::leak(Box::new(Rule {
            id,
            severity: Severity::Warning,
            title,
            applies_to: "each minor",
            why,
            how: HOW,
            mend,
            reference,
            sources,
            reads_files: false,
            body: Body::Row(Box::new(Of(id))),
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

impl RowRule for Of {
    fn needs(&self, _: &Asking<'_>) -> Vec<Need> {
        addons::workloads().to_vec()
    }

    fn evaluate(&self, rule: &Rule, situation: &Situation<'_>) -> Vec<Finding> {
        let known = &situation.catalog.addons;
        let mut found: BTreeMap<(String, Misfit), Vec<Object>> = BTreeMap::new();
        for (picture, detected) in super::situation::clusters(situation) {
            let running = picture.survey.effective_minor();
            for it in &detected.addons {
                let addon = known
                    .find(&it.component)
                    .filter(|addon| addon.rule == self.0);
                let (Some(addon), Some(version)) = (addon, &it.version) else {
                    continue;
                };
                if let Some(misfit) = misfit(known, addon, version, running, situation.path) {
                    let object = object(it, picture.id.clone());
                    let key = (it.component.clone(), misfit);
                    found.entry(key).or_default().push(object);
                }
            }
        }
        found
            .into_iter()
            .filter_map(|((component, misfit), objects)| {
                let addon = known.find(&component)?;
                Finding::new(rule, said(rule, known, addon, misfit, objects))
            })
            .collect()
    }

    fn faults(&self, situation: &Situation<'_>) -> Vec<Unmet> {
        let pictures = situation.snapshot.clusters.iter();
        pictures
            .flat_map(|picture| addons::unkept_images(picture, situation.catalog))
            .collect()
    }
}

/// A release and the minor that it is not for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Misfit {
    version: Release,
    /// The minor before that one, on the way.
    from: Minor,
    /// The minor that it is not for.
    to: Minor,
    /// The hop into it; none where it runs already.
    hop: Option<HopRef>,
}

/// Where on the way a release is not for the minor; none where it is, where that is not known, and where its upgrade is a
/// step of a hop like any other.
fn misfit(
    known: &Addons,
    addon: &Addon,
    version: &Release,
    running: Minor,
    path: &Path,
) -> Option<Misfit> {
    let is_not_for = |minor| known.fits(&addon.component, version, minor) == Fit::No;
    let misfit = |from, to, hop| {
        Some(Misfit {
            version: version.clone(),
            from,
            to,
            hop,
        })
    };
    let mut before = running;
    let mut hops = path
        .of_kubernetes()
        .filter(|hop| hop.minor > running)
        .peekable();
    if hops.peek().is_none() && is_not_for(running) {
        return misfit(running, running, None);
    }
    for hop in hops {
        if is_not_for(hop.minor) {
            let bridged = !known
                .bridging(&addon.component, before, hop.minor)
                .is_empty();
            if addon.place == Place::Before || bridged {
                return misfit(before, hop.minor, Some(HopRef::from(hop)));
            }
            // It goes with this hop; what is wrong is only that it does not fit before.
            return match is_not_for(before) && before == running {
                true => misfit(running, running, None),
                false => None,
            };
        }
        before = hop.minor;
    }
    None
}

fn object(it: &Installed, cluster: crate::need::ClusterId) -> Object {
    Object {
        cluster: Some(cluster),
        namespace: Some(it.namespace.clone()),
        api_version: "apps/v1".to_owned(),
        kind: it.kind.to_owned(),
        name: it.name.clone(),
        owner: it.owner.clone(),
        evidence: vec![Evidence::new(Source::Spec, format!("image {}", it.image))],
    }
}

fn said(rule: &Rule, known: &Addons, addon: &Addon, misfit: Misfit, objects: Vec<Object>) -> Said {
    let Misfit {
        version, from, to, ..
    } = &misfit;
    let rows: Vec<&Row> = known.limits(&addon.component, version).collect();
    let ranges: Vec<String> = rows.iter().map(|row| row.kubernetes.to_string()).collect();
    let (is, not) = verb(rows.first().map(|row| row.strength));
    let bridge = known
        .bridging(&addon.component, *from, *to)
        .into_iter()
        .next();
    Said {
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
                short(row.kubernetes)
            ),
            _ => rule.mend.to_owned(),
        },
        hop: misfit.hop,
        objects,
    }
}

/// What sources say of a release, as words before the minors that it is for and the one that it is not.
fn verb(strength: Option<Claim>) -> (&'static str, &'static str) {
    match strength {
        Some(Claim::Tested) => ("was tested with", "not with"),
        Some(Claim::Recommended) => ("is meant for", "not for"),
        Some(Claim::Minimum) => ("needs", "not"),
        Some(Claim::Expected) => ("is expected to work on", "not on"),
        Some(Claim::Supported | Claim::KubeadmDefault) | None => ("is supported on", "not on"),
    }
}

fn short(span: Span) -> String {
    format!("it is for {span}")
}

#[cfg(test)]
mod tests {
    use super::misfit;
    use crate::catalog::Catalog;
    use crate::path::{HopRef, Path};

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
        let path = Path::find(Some(&running), None, &to, &catalog).expect("a path");
        let addon = catalog.addons.find(component).expect("an add-on");
        let version = version.parse().expect("a version");
        let found = misfit(&catalog.addons, addon, &version, running.minor(), &path)?;
        let hop = found.hop.map(|hop: HopRef| hop.to);
        Some((found.to.to_string(), hop))
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
