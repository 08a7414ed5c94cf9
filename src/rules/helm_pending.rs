//! `helm-pending`: Helm releases that stand in the middle of an operation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::api_usage::helm_release_needs;
use crate::catalog::GroupResource;
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{DetailLevel, ListSelector, Need};
use crate::snapshot::MetaRow;

/// Statuses in which Helm refuses the next operation; and those that show that it went on.
/// Source: helm/helm pkg/release/status.go, pkg/action/upgrade.go.
const PENDING_STATUSES: [&str; 4] = [
    "pending-install",
    "pending-rollback",
    "pending-upgrade",
    "uninstalling",
];
const TERMINAL_STATUSES: [&str; 2] = ["failed", "uninstalled"];

/// An operation that began later than this may still be at work.
const MAX_OPERATION_TIME: SignedDuration = SignedDuration::from_mins(10);

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "helm-pending",
    severity: Severity::Warning,
    title: "A Helm release is stuck in an operation",
    why: "Helm refuses to upgrade the release: another operation is in progress. Changes that the upgrade needs from a newer chart cannot be deployed.",
    detection: "By the labels of Helm's records, without their contents: the newest revision is pending. An operation that began less than ten minutes ago may still be running and is a note.",
    remedy: "If no operation is running, use helm rollback to the last deployed revision, or delete the record of the pending one.",
    reference: "https://helm.sh/docs/helm/helm_rollback/",
    sources: &[
        "helm/helm pkg/storage/driver/secrets.go",
        "helm/helm pkg/action/upgrade.go",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            let mut needs = undeployed_records_needs().to_vec();
            needs.extend(helm_release_needs());
            needs
        },
        evaluate,
    },
    ..Rule::DEFAULT
};

/// Metadata of the records that are neither deployed nor replaced, wherever Helm keeps them.
fn undeployed_records_needs() -> [Need; 2] {
    let statuses: Vec<&str> = TERMINAL_STATUSES
        .into_iter()
        .chain(PENDING_STATUSES)
        .collect();
    let labels = format!("owner=helm,status in ({})", statuses.join(","));
    helm_release_needs().map(|need| match need.target {
        crate::need::ReadTarget::Objects {
            resource, selector, ..
        } => Need::selected(
            resource,
            ListSelector {
                labels: labels.clone(),
                fields: selector.fields,
            },
            DetailLevel::Metadata,
        ),
        crate::need::ReadTarget::NonResourceUrl { .. } => need,
    })
}

/// A revision, as its record's labels have it.
struct HelmRevision<'a> {
    number: u64,
    status: &'a str,
    since: Option<Timestamp>,
    meta: &'a MetaRow,
}

impl<'a> HelmRevision<'a> {
    fn from_labels(row: &'a MetaRow) -> Option<((Option<&'a str>, &'a str), Self)> {
        let label = |name: &str| row.helm_labels.get(name).map(String::as_str);
        let time = |name: &str| Timestamp::from_second(label(name)?.parse().ok()?).ok();
        let revision = Self {
            number: label("version")?.parse().ok()?,
            status: label("status")?,
            since: time("modifiedAt").or_else(|| time("createdAt")),
            meta: row,
        };
        Some(((row.namespace.as_deref(), label("name")?), revision))
    }
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
    for (pending, deployed) in undeployed_records_needs().iter().zip(&helm_release_needs()) {
        let Some(kind) = storage_kind(pending) else {
            continue;
        };
        // Without the deployed revisions, the newest one is unknown.
        let (Some(rows), Some(running)) = (context.rows(pending), context.rows(deployed)) else {
            continue;
        };
        let mut newest: BTreeMap<_, HelmRevision<'_>> = BTreeMap::new();
        for (release, revision) in rows.metadata().filter_map(HelmRevision::from_labels) {
            let known = newest.get(&release).map(|known| known.number);
            if known.is_none_or(|known| known < revision.number) {
                newest.insert(release, revision);
            }
        }
        for ((namespace, name), revision) in newest {
            let went_on = running.helm_releases().iter().any(|row| {
                Some(row.namespace.as_str()) == namespace
                    && row.release == name
                    && row.revision > revision.number
            });
            if went_on || !PENDING_STATUSES.contains(&revision.status) {
                continue;
            }
            let (severity, object) = pending_object(context, kind, name, &revision);
            found.entry(severity).or_default().push(object);
        }
    }
    found
        .into_iter()
        .filter_map(|(severity, objects)| {
            let message = match severity {
                Severity::Note => "an operation of Helm is at work",
                _ => "its next upgrade is refused",
            };
            let draft = FindingDraft {
                severity,
                confidence: Confidence::Likely,
                ..FindingDraft::new(&RULE, RULE.id, message, objects)
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}

fn storage_kind(need: &Need) -> Option<&'static str> {
    match &need.target {
        crate::need::ReadTarget::Objects { resource, .. }
            if *resource == GroupResource::new("", "configmaps") =>
        {
            Some("ConfigMap")
        }
        crate::need::ReadTarget::Objects { .. } => Some("Secret"),
        crate::need::ReadTarget::NonResourceUrl { .. } => None,
    }
}

fn pending_object(
    context: &CheckContext<'_>,
    kind: &str,
    release: &str,
    revision: &HelmRevision<'_>,
) -> (Severity, AffectedObject) {
    let is_recent = revision
        .since
        .is_some_and(|since| context.now.duration_since(since) < MAX_OPERATION_TIME);
    let namespace = revision.meta.namespace.as_deref().unwrap_or_default();
    let detail = format!(
        "helm release {namespace}/{release} v{} is {}",
        revision.number, revision.status
    );
    let evidence = Evidence {
        time: revision.since,
        ..Evidence::new(EvidenceSource::Helm, detail)
    };
    let object = AffectedObject {
        owner: None,
        ..AffectedObject::new("v1", kind, revision.meta, evidence)
    };
    let severity = match is_recent {
        true => Severity::Note,
        false => Severity::Warning,
    };
    (severity, object)
}
