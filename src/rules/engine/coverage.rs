//! What the rules of a run could look at: how many were evaluated, and the gaps.

use std::collections::{BTreeMap, BTreeSet};

use crate::api_usage::{deployed_releases_need, other_records_needs, unread_releases};
use crate::catalog::PlatformName;
use crate::need::{ClusterId, Need, NeedContext};
use crate::rules::{CheckContext, Gap, Rule};
use crate::snapshot::{ClusterSnapshot, ManifestFilter, MissingData};
use crate::text::names::CHECK;

/// Missing data by cluster, with the rules that need it.
type GapIndex = BTreeMap<(Option<ClusterId>, MissingData), Vec<String>>;

/// What rules could look at, and what they could not.
pub(super) struct RuleCoverage {
    /// By what could not be inspected.
    pub(super) gaps: Vec<Gap>,
    /// Rules that were evaluated, at least in part.
    pub(super) rules_evaluated: usize,
    /// Those of them that looked at something, sorted.
    pub(super) looked: BTreeSet<&'static str>,
}

impl RuleCoverage {
    /// A rule is evaluated on the needs that were met; each unmet need is a gap that names the rule. A rule none of whose needs
    /// were met is not evaluated. `unevaluated` is what rules say themselves.
    pub(super) fn of(
        context: &CheckContext<'_>,
        rules: &[&Rule],
        unevaluated: Vec<(&'static str, MissingData)>,
    ) -> Self {
        let mut found = GapIndex::new();
        let cluster = context
            .cluster_id()
            .filter(|_| !context.other_clusters.is_empty());
        for (id, missing) in unevaluated {
            let rules = found.entry((cluster.cloned(), missing)).or_default();
            rules.push(id.to_owned());
        }
        for gap in context.detected.iter().flat_map(|detected| &detected.gaps) {
            let gap = (Some(gap.cluster.clone()), gap.missing.clone());
            found.entry(gap).or_default();
        }
        let mut looked = BTreeSet::new();
        let mut rules_evaluated = 0;
        for rule in rules {
            let evaluated_by = evaluated_by(context, rule, &mut found);
            rules_evaluated += usize::from(evaluated_by.is_some());
            if let Some(EvaluatedBy::Objects) = evaluated_by {
                looked.insert(rule.id);
            }
        }
        add_gaps_of_manifests(context, rules, rules_evaluated, &mut found);
        Self {
            gaps: found.into_iter().map(into_gap).collect(),
            rules_evaluated,
            looked,
        }
    }
}

/// Gaps of rules that inspect manifests, and of those that cannot where there is nothing else.
fn add_gaps_of_manifests(
    context: &CheckContext<'_>,
    rules: &[&Rule],
    rules_evaluated: usize,
    found: &mut GapIndex,
) {
    let path = context.path;
    let filter = path.to.map(|to| ManifestFilter {
        has_cluster: context.cluster.is_some(),
        from: path.from,
        to: Some(to),
        oldest: Some(to),
    });
    let dropped = filter
        .into_iter()
        .flat_map(|filter| context.manifests.dropped_gaps(filter, context.catalog));
    for missing in platforms_without_cluster(context) {
        found.entry((None, missing)).or_default();
    }
    let ids = |reads_files: bool| {
        let concerned = rules
            .iter()
            .filter(move |rule| rule.reads_files || !reads_files);
        concerned.map(|rule| rule.id.to_owned())
    };
    for missing in catalog_horizon_gaps(context).into_iter().chain(dropped) {
        found.entry((None, missing)).or_default().extend(ids(true));
    }
    if let Some(missing) = rules_without_cluster(context, rules, rules_evaluated) {
        found.entry((None, missing)).or_default().extend(ids(false));
    }
}

fn into_gap(
    ((cluster, missing), mut rules): ((Option<ClusterId>, MissingData), Vec<String>),
) -> Gap {
    rules.sort();
    rules.dedup();
    Gap {
        what: missing.what,
        why: missing.why,
        cluster,
        rules,
        rbac: missing.rbac,
    }
}

/// The chosen rules, where there are only manifests and none of them inspects those.
fn rules_without_cluster(
    context: &CheckContext<'_>,
    rules: &[&Rule],
    rules_evaluated: usize,
) -> Option<MissingData> {
    let is_silent = rules_evaluated == 0 && !rules.is_empty();
    let has_only_manifests = context.cluster.is_none() && context.manifests.manifests_read() > 0;
    (is_silent && has_only_manifests).then(|| MissingData {
        what: "the chosen rules".to_owned(),
        why: "they inspect a cluster, and only manifests are given: leave --local out, or choose rules that read manifests".to_owned(),
        rbac: None,
    })
}

/// The platforms on the path, where there are only manifests and the minor of Kubernetes is unknown, so that nothing judges
/// them: the rules of a platform inspect a cluster.
fn platforms_without_cluster(context: &CheckContext<'_>) -> BTreeSet<MissingData> {
    let is_judged = context.cluster.is_some() || context.path.to.is_some();
    if is_judged || context.manifests.manifests_read() == 0 {
        return BTreeSet::new();
    }
    let hops = context.path.hops.iter();
    hops.map(|hop| MissingData {
        what: format!("the manifests, for {}", hop.platform.title()),
        why: "its rules inspect a cluster, and the minor of Kubernetes is unknown: run the command without --local, or add --to kubernetes=VERSION"
            .to_owned(),
        rbac: None,
    })
    .collect()
}

/// What a rule was evaluated by.
enum EvaluatedBy {
    /// Objects of a cluster or manifests.
    Objects,
    /// Version and discovery alone; so is a rule of a platform that is not there.
    Facts,
}

/// What a rule could be evaluated by, at least in part. Adds its missing data.
fn evaluated_by(
    context: &CheckContext<'_>,
    rule: &Rule,
    found: &mut GapIndex,
) -> Option<EvaluatedBy> {
    let mut concerns = |cluster: Option<&ClusterId>, missing: MissingData| {
        let rules = found.entry((cluster.cloned(), missing)).or_default();
        rules.push(rule.id.to_owned());
    };
    let (mut needs, mut met) = (0, 0);
    let (view, mut reads_helm) = (context.view(), false);
    if let Some(cluster) = context.cluster {
        let need_context = NeedContext {
            path: context.path,
            catalog: context.catalog,
            discovery: &cluster.discovery,
        };
        for need in rule.needs(&need_context) {
            needs += 1;
            match cluster.rows_for(&need, context.catalog) {
                Ok(_) => met += 1,
                Err(missing) if is_refused_with_releases(&need, &missing, cluster, context) => {}
                Err(missing) => concerns(Some(&cluster.id), *missing),
            }
            for skipped in cluster.skipped_objects(&need) {
                concerns(Some(&cluster.id), skipped);
            }
            reads_helm |= other_records_needs().contains(&need);
        }
    }
    for missing in view
        .filter(|_| reads_helm)
        .into_iter()
        .flat_map(unread_releases)
    {
        concerns(context.cluster_id(), missing);
    }
    let files = context.manifests;
    if rule.reads_files {
        let served = context
            .cluster
            .map(|cluster| &cluster.discovery.group_versions);
        for missing in files.gaps_beside(served) {
            concerns(None, missing.clone());
        }
    }
    if met > 0 || (rule.reads_files && files.manifests_read() > 0) {
        return Some(EvaluatedBy::Objects);
    }
    (context.cluster.is_some() && needs == 0).then_some(EvaluatedBy::Facts)
}

/// Whether records of Helm were refused like the deployed ones of the same resource, which are a gap already.
fn is_refused_with_releases(
    need: &Need,
    missing: &MissingData,
    cluster: &ClusterSnapshot,
    context: &CheckContext<'_>,
) -> bool {
    let deployed = deployed_releases_need(need);
    let deployed = deployed.and_then(|deployed| cluster.rows_for(&deployed, context.catalog).err());
    missing.rbac.is_some() && deployed.is_some_and(|deployed| deployed.rbac == missing.rbac)
}

/// A target newer than the catalog is no error: what the catalog does not know of it is a gap.
fn catalog_horizon_gaps(context: &CheckContext<'_>) -> Vec<MissingData> {
    let newest = context.catalog.kubernetes_releases.newest();
    let beyond = context.path.to.zip(newest);
    let beyond = beyond.filter(|(to, newest)| *to > newest.minor);
    let beta = |to| context.catalog.kubernetes_releases.beta(to);
    let kubernetes = beyond.map(|(to, newest)| MissingData {
        what: format!("what Kubernetes {to} changes"),
        why: match beta(to) {
            Some(beta) => format!(
                "the catalog is based on {}; more may change before {to} is released (planned for {}). Update kubectl {CHECK} after the release",
                beta.newest_patch, beta.released
            ),
            None => format!(
                "the catalog of {} ends with {} (newest known); removals after it are known only as far as they were announced. Update kubectl {CHECK}",
                context.catalog.date, newest.minor
            ),
        },
        rbac: None,
    });
    let hops = context.path.hops.iter();
    let platforms = hops.filter_map(|hop| {
        let platform = context.catalog.platform(hop.platform)?;
        let newest = &platform.newest_release()?.release;
        let unknown = platform.name != PlatformName::Kubernetes && hop.minor() > newest.minor();
        unknown.then(|| MissingData {
            what: format!("what {} {} changes", platform.title, hop.to),
            why: format!(
                "the catalog of {} ends with {newest}. Update kubectl {CHECK}",
                platform.date
            ),
            rbac: None,
        })
    });
    kubernetes.into_iter().chain(platforms).collect()
}
