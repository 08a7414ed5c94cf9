//! The clusters of one run: each evaluated by itself, with its own path, then seen together. A run over one cluster is a
//! fleet of one.
//!
//! A [`FleetMember`] holds what reports say of a cluster, so that its snapshot can be dropped before the next one is read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::detect::DetectedCluster;
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::ClusterId;
use crate::path::UpgradePath;
use crate::rules::{CheckContext, Evaluation, Finding, Gap, Policy, Rule, Summary, evaluate};
use crate::snapshot::{ClusterSnapshot, Snapshot, Uid, UnreadCluster};

/// What a report says of a cluster besides its evaluation.
#[derive(Debug, Clone)]
pub struct MemberCluster {
    /// Its id, as findings and gaps name it.
    pub id: ClusterId,
    /// The kubeconfig context, if any.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: String,
    /// The only namespace that was read; `None` for all.
    pub namespace: Option<String>,
    /// What was detected in it.
    pub detected: DetectedCluster,
    /// The ids by which other clusters may refer to it.
    pub known_ids: BTreeSet<ClusterId>,
    /// The UID of namespace kube-system, if it was read.
    pub uid: Option<Uid>,
}

/// A cluster after its evaluation, or the manifests alone under `--local`.
#[derive(Debug, Clone)]
pub struct FleetMember<T> {
    /// The cluster; `None` under `--local`.
    pub cluster: Option<MemberCluster>,
    /// Its path.
    pub path: UpgradePath,
    /// The clock of its evaluation.
    pub now: Timestamp,
    /// The findings, and the verdict on this cluster.
    pub evaluation: Evaluation,
    /// Of the objects that were read, those in manifests: all clusters of a run share them.
    manifest_objects: usize,
    /// What the command makes of the cluster.
    pub part: T,
}

/// What became of a cluster of a run.
#[derive(Debug, Clone)]
pub enum FleetCluster<T> {
    /// It was evaluated.
    Evaluated(Box<FleetMember<T>>),
    /// It was not read, or is another one by another name.
    Unread(UnreadCluster),
    /// No supported path leads from it to the target.
    WithoutPath(UnreadCluster),
}

/// The clusters of one run.
#[derive(Debug, Clone)]
pub struct Fleet<T> {
    /// Those that were evaluated, in the order of the run.
    pub members: Vec<FleetMember<T>>,
    /// Those that were not, in the order of the run.
    pub unread: Vec<UnreadCluster>,
    /// Of those, the ones from which no supported path leads to the target.
    pub dead_ends: BTreeSet<ClusterId>,
}

impl MemberCluster {
    fn new(cluster: &ClusterSnapshot, detected: DetectedCluster) -> Self {
        Self {
            id: cluster.id.clone(),
            context: cluster.context.clone(),
            server: cluster.server.clone(),
            namespace: cluster.namespace.clone(),
            known_ids: cluster.known_ids(),
            uid: cluster.uid(),
            detected,
        }
    }

    /// The cluster of a context; `None` under `--local`.
    #[must_use]
    pub fn of_context(context: &CheckContext<'_>) -> Option<Self> {
        let detected = context.detected.clone();
        Some(Self::new(context.cluster?, detected?))
    }
}

impl<T> FleetMember<T> {
    /// Evaluates the rules on one cluster. `part` is made while its snapshot is there.
    pub fn evaluate(
        context: &CheckContext<'_>,
        rules: &[&Rule],
        policy: &Policy,
        part: impl FnOnce(&CheckContext<'_>, &Evaluation) -> T,
    ) -> Self {
        let evaluation = evaluate(context, rules, policy);
        let part = part(context, &evaluation);
        Self::new(context, evaluation, part)
    }

    /// A cluster with its evaluation.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, evaluation: Evaluation, part: T) -> Self {
        Self {
            cluster: MemberCluster::of_context(context),
            path: context.path.clone(),
            now: context.now,
            evaluation,
            manifest_objects: context.manifests.objects_read(),
            part,
        }
    }

    /// Its id; `None` under `--local`.
    #[must_use]
    pub fn id(&self) -> Option<&ClusterId> {
        self.cluster.as_ref().map(|cluster| &cluster.id)
    }
}

/// The gap that a cluster leaves that was not read; `None` if it was, under another name.
fn unread_gap(cluster: &UnreadCluster) -> Option<Gap> {
    cluster.same_as.is_none().then(|| Gap {
        what: format!("the cluster {}", cluster.id),
        why: cluster.why.clone(),
        cluster: Some(cluster.id.clone()),
        rules: Vec::new(),
        rbac: cluster.rbac.clone(),
    })
}

impl<T> Fleet<T> {
    /// The clusters of a run together. A cluster under several names is kept under the first, and a cluster that another one
    /// knows is no gap of that one if the run has it.
    #[must_use]
    pub fn new(clusters: Vec<FleetCluster<T>>, policy: &Policy) -> Self {
        let mut fleet = Self {
            members: Vec::new(),
            unread: Vec::new(),
            dead_ends: BTreeSet::new(),
        };
        let mut by_uid: BTreeMap<Uid, ClusterId> = BTreeMap::new();
        for cluster in clusters {
            match cluster {
                FleetCluster::Evaluated(member) => match member.same_as(&mut by_uid) {
                    Some(same) => fleet.unread.push(same),
                    None => fleet.members.push(*member),
                },
                FleetCluster::Unread(cluster) => fleet.unread.push(cluster),
                FleetCluster::WithoutPath(cluster) => {
                    fleet.dead_ends.insert(cluster.id.clone());
                    fleet.unread.push(cluster);
                }
            }
        }
        fleet.drop_gaps_of_members(policy);
        fleet
    }

    /// Evaluates the rules on each cluster of a snapshot: a pure function of its arguments.
    #[must_use]
    pub fn evaluate(
        snapshot: &Snapshot,
        paths: &[UpgradePath],
        (catalog, now): (&Catalog, Timestamp),
        rules: &[&Rule],
        policy: &Policy,
        part: impl Fn(&CheckContext<'_>, &Evaluation) -> T,
    ) -> Self {
        let clusters: Vec<Option<&ClusterSnapshot>> = match snapshot.clusters.as_slice() {
            [] => vec![None],
            clusters => clusters.iter().map(Some).collect(),
        };
        let members = clusters.into_iter().zip(paths).map(|(cluster, path)| {
            let context = CheckContext::for_cluster(snapshot, cluster, catalog, path, now);
            FleetCluster::Evaluated(Box::new(FleetMember::evaluate(
                &context, rules, policy, &part,
            )))
        });
        let unread = snapshot.unread.iter().cloned().map(FleetCluster::Unread);
        Self::new(members.chain(unread).collect(), policy)
    }

    /// Whether the run has several clusters.
    #[must_use]
    pub fn has_several(&self) -> bool {
        self.members.len() + self.missing().count() > 1
    }

    /// Clusters that were not read, each with its gap.
    pub fn missing(&self) -> impl Iterator<Item = (&UnreadCluster, Gap)> {
        let unread = self.unread.iter();
        unread.filter_map(|cluster| Some((cluster, unread_gap(cluster)?)))
    }

    /// Which clusters of the run are the same.
    pub fn same_remarks(&self) -> impl Iterator<Item = String> {
        self.unread.iter().filter_map(same_remark)
    }

    /// Drops what a cluster says of others that it knows and that the run has read, or has a gap for.
    fn drop_gaps_of_members(&mut self, policy: &Policy) {
        if !self.has_several() {
            return;
        }
        let read = self.members.iter().filter_map(|member| {
            let cluster = member.cluster.as_ref()?;
            Some((cluster.id.clone(), cluster.known_ids.clone()))
        });
        let missing = self.missing().map(|(cluster, _)| {
            let id = cluster.id.clone();
            (id.clone(), BTreeSet::from([id]))
        });
        let ids: Vec<(ClusterId, BTreeSet<ClusterId>)> = read.chain(missing).collect();
        for member in &mut self.members {
            let own = member.cluster.as_ref().map(|cluster| cluster.id.clone());
            let is_of_other = |gap: &Gap| {
                let mut others = ids.iter().filter(|(id, _)| Some(id) != own.as_ref());
                let about = gap.cluster.as_ref().filter(|id| own.as_ref() != Some(*id));
                about.is_some_and(|about| others.any(|(_, ids)| ids.contains(about)))
            };
            let evaluation = std::mem::take(&mut member.evaluation);
            member.evaluation = evaluation.without_gaps(is_of_other, policy);
        }
    }

    /// The evaluations of all clusters as one. A gap or a remark that several clusters share is listed once, and so is a
    /// finding that rests on manifests alone if it has the same hop.
    #[must_use]
    pub fn combined(&self, policy: &Policy) -> Evaluation {
        match self.members.as_slice() {
            [only] if self.unread.is_empty() => only.evaluation.clone(),
            _ => self.merged(policy),
        }
    }

    fn merged(&self, policy: &Policy) -> Evaluation {
        let mut all = Evaluation::default();
        let mut findings: Vec<Finding> = Vec::new();
        let mut in_manifests = 0;
        for member in &self.members {
            let evaluation = &member.evaluation;
            let is_new = |finding: &&Finding| {
                let mut others = findings.iter();
                !rests_on_manifests(finding)
                    || !others.any(|other| is_same_in_manifests(finding, other))
            };
            let new: Vec<Finding> = evaluation.findings.iter().filter(is_new).cloned().collect();
            findings.extend(new);
            all.gaps.extend(evaluation.gaps.clone());
            all.remarks.extend(evaluation.remarks.clone());
            all.resolved_findings
                .extend(evaluation.resolved_findings.clone());
            all.looked.extend(&evaluation.looked);
            in_manifests = member.manifest_objects;
            let Summary {
                skipped,
                rules_evaluated,
                objects_read,
                manifests_read,
                ..
            } = evaluation.summary;
            all.summary.manifests_read = manifests_read;
            all.summary.skipped = skipped;
            all.summary.rules_evaluated = all.summary.rules_evaluated.max(rules_evaluated);
            all.summary.objects_read += objects_read - in_manifests;
        }
        all.summary.objects_read += in_manifests;
        all.gaps.extend(self.missing().map(|(_, gap)| gap));
        all.remarks.extend(self.same_remarks());
        all.gaps.sort();
        all.gaps.dedup();
        all.remarks.sort();
        all.remarks.dedup();
        all.with_findings(findings, policy)
    }
}

impl<T> FleetMember<T> {
    /// The cluster of the run that it is by another name.
    fn same_as(&self, by_uid: &mut BTreeMap<Uid, ClusterId>) -> Option<UnreadCluster> {
        let cluster = self.cluster.as_ref()?;
        let first = by_uid
            .entry(cluster.uid?)
            .or_insert_with(|| cluster.id.clone());
        (*first != cluster.id).then(|| UnreadCluster::same_as(cluster.id.clone(), first.clone()))
    }
}

fn same_remark(cluster: &UnreadCluster) -> Option<String> {
    let same = cluster.same_as.as_ref()?;
    Some(format!(
        "{} is the same cluster as {same}, which the report has: {}",
        cluster.id, cluster.why
    ))
}

/// Whether manifests alone show a finding.
fn rests_on_manifests(finding: &Finding) -> bool {
    let by_file = |evidence: &Evidence| evidence.source == EvidenceSource::File;
    let mut objects = finding.objects.iter();
    objects.all(|object| object.evidence.iter().all(by_file))
}

/// Whether two clusters have the same finding on manifests: it tells nothing of either of them.
fn is_same_in_manifests(one: &Finding, other: &Finding) -> bool {
    let without_cluster = |finding: &Finding| {
        let mut objects = finding.objects.clone();
        objects.iter_mut().for_each(|object| object.cluster = None);
        objects
    };
    one.id == other.id
        && one.hop == other.hop
        && one.message == other.message
        && without_cluster(one) == without_cluster(other)
}
