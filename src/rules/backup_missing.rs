//! `backup-missing`: no recent backup of the cluster.

use jiff::Timestamp;

use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::facts::backups::{BackupStatus, backup_needs, newest_backup};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "backup-missing",
    severity: Severity::Warning,
    title: "There is no recent backup of the cluster",
    why: "No control plane component can be downgraded to an earlier minor. If a hop fails, only a backup leads back, to the time at which it was taken.",
    detection: "By Velero backups that are completed, not expired, and include all namespaces and resources, and by etcd snapshots that k3s and RKE2 report as ready. The newest is older than 24 hours, or there is none. Clusters that serve neither API, or on which k3s or RKE2 has never recorded a snapshot, are left out: backups may be taken outside the API.",
    remedy: "Take a backup, and test that it can be restored, before the first hop.",
    reference: "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#backing-up-an-etcd-cluster",
    sources: &[
        "vmware-tanzu/velero pkg/apis/velero/v1/backup_types.go",
        "k3s-io/api k3s.cattle.io/v1/types.go",
    ],
    kind: RuleKind::Code {
        needs: |context| match context.path.hops.is_empty() {
            true => Vec::new(),
            false => backup_needs().collect(),
        },
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(view) = context.view().filter(|_| !context.path.hops.is_empty()) else {
        return Vec::new();
    };
    let (message, object) = match newest_backup(view, context.now) {
        BackupStatus::Found(backup) if !backup.is_fresh(context.now) => {
            let evidence = completion_evidence(backup.completed_at);
            (
                "the newest backup is older than 24 hours",
                AffectedObject::new(backup.api_version, backup.kind, backup.meta, evidence),
            )
        }
        BackupStatus::None => {
            let detail = "no usable backup among those recorded";
            let evidence = Evidence::new(EvidenceSource::Status, detail);
            (
                "no completed backup of the whole cluster is recorded",
                AffectedObject::cluster(view.cluster, evidence),
            )
        }
        BackupStatus::Found(_) | BackupStatus::Unknown { .. } => return Vec::new(),
    };
    let draft = FindingDraft {
        // Backups may be taken outside the API.
        confidence: Confidence::Likely,
        ..FindingDraft::new(&RULE, view.cluster.id.to_string(), message, vec![object])
    };
    Finding::new(&RULE, draft).into_iter().collect()
}

fn completion_evidence(at: Timestamp) -> Evidence {
    Evidence {
        time: Some(at),
        ..Evidence::new(EvidenceSource::Status, format!("completed {at:.0}"))
    }
}
