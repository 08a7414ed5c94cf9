//! The clusters of one run: each evaluated by itself, with its own path, then seen together.

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::evidence::{Evidence, EvidenceSource};
use crate::path::UpgradePath;
use crate::rules::{CheckContext, Evaluation, Finding, Policy, Rule, Summary, evaluate};
use crate::snapshot::{ClusterSnapshot, Snapshot};

/// One cluster of a run, or the manifests alone under `--local`.
#[derive(Debug)]
pub struct ClusterEvaluation<'a> {
    /// The cluster, its path and what was detected.
    pub context: CheckContext<'a>,
    /// The findings, and the verdict on this cluster.
    pub evaluation: Evaluation,
}

/// The clusters of one run.
#[derive(Debug)]
pub struct Fleet<'a> {
    /// In the order of the snapshot; never empty.
    pub members: Vec<ClusterEvaluation<'a>>,
}

/// The contexts of the clusters of a snapshot, each with its own path; one without a cluster if the snapshot has none.
///
/// A cluster that another one knows is no gap of that one if the snapshot holds it.
#[must_use]
pub fn contexts<'a>(
    snapshot: &'a Snapshot,
    paths: &'a [UpgradePath],
    catalog: &'a Catalog,
    now: Timestamp,
) -> Vec<CheckContext<'a>> {
    let clusters: Vec<Option<&ClusterSnapshot>> = match snapshot.clusters.as_slice() {
        [] => vec![None],
        clusters => clusters.iter().map(Some).collect(),
    };
    let members = clusters.into_iter().zip(paths);
    let mut contexts: Vec<CheckContext<'a>> = members
        .map(|(cluster, path)| CheckContext::for_cluster(snapshot, cluster, catalog, path, now))
        .collect();
    for context in &mut contexts {
        let (Some(cluster), Some(detected)) = (context.cluster, &mut context.detected) else {
            continue;
        };
        for (name, release) in &context.path.stated {
            detected.accept_release(*name, release);
        }
        let others = &context.other_clusters;
        detected.gaps.retain(|gap| {
            gap.cluster == cluster.id || !others.iter().any(|other| other.is_known_as(&gap.cluster))
        });
    }
    contexts
}

impl<'a> Fleet<'a> {
    /// Evaluates the rules on each cluster of a snapshot: a pure function of its arguments.
    #[must_use]
    pub fn evaluate(contexts: Vec<CheckContext<'a>>, rules: &[&Rule], policy: &Policy) -> Self {
        let members = contexts.into_iter().map(|context| ClusterEvaluation {
            evaluation: evaluate(&context, rules, policy),
            context,
        });
        Self {
            members: members.collect(),
        }
    }

    /// The evaluations of all clusters as one. A gap or a remark that several clusters share is listed once, and so is a
    /// finding that rests on manifests alone if it has the same hop.
    #[must_use]
    pub fn combined(&self, policy: &Policy) -> Evaluation {
        let [only] = self.members.as_slice() else {
            return self.merged(policy);
        };
        only.evaluation.clone()
    }

    fn merged(&self, policy: &Policy) -> Evaluation {
        let mut all = Evaluation::default();
        let mut findings: Vec<Finding> = Vec::new();
        let mut in_manifests = 0;
        for ClusterEvaluation {
            context,
            evaluation,
        } in &self.members
        {
            for finding in &evaluation.findings {
                if !findings
                    .iter()
                    .any(|other| is_same_in_manifests(finding, other))
                {
                    findings.push(finding.clone());
                }
            }
            all.gaps.extend(evaluation.gaps.clone());
            all.remarks.extend(evaluation.remarks.clone());
            all.resolved_findings
                .extend(evaluation.resolved_findings.clone());
            in_manifests = context.manifests.objects_read();
            all.summary.manifests_read = context.manifests.manifests_read();
            let Summary {
                skipped,
                rules_evaluated,
                objects_read,
                ..
            } = evaluation.summary;
            all.summary.skipped = skipped;
            all.summary.rules_evaluated = all.summary.rules_evaluated.max(rules_evaluated);
            all.summary.objects_read += objects_read - in_manifests;
        }
        all.summary.objects_read += in_manifests;
        all.gaps.sort();
        all.gaps.dedup();
        all.remarks.sort();
        all.remarks.dedup();
        all.with_findings(findings, policy)
    }
}

/// Whether two clusters have the same finding on manifests: it tells nothing of either of them.
fn is_same_in_manifests(one: &Finding, other: &Finding) -> bool {
    let by_file = |evidence: &Evidence| evidence.source == EvidenceSource::File;
    let without_cluster = |finding: &Finding| {
        let mut objects = finding.objects.clone();
        objects.iter_mut().for_each(|object| object.cluster = None);
        objects
    };
    one.id == other.id
        && one.hop == other.hop
        && one.message == other.message
        && one
            .objects
            .iter()
            .flat_map(|object| &object.evidence)
            .all(by_file)
        && without_cluster(one) == without_cluster(other)
}
