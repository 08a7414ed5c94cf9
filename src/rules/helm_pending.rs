//! `helm-pending`: Helm releases that are stuck in an operation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::api::usage::is_removed_already;
use super::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::api_usage::{deployed_releases_need, helm_record_needs, other_records_needs};
use crate::catalog::{GroupResource, Gvk};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::{Need, ReadTarget};
use crate::snapshot::{HelmReleaseRow, MetaRow, Rows};

/// Statuses in which Helm refuses the next operation.
/// Source: helm/helm pkg/release/status.go, pkg/action/upgrade.go.
const PENDING_STATUSES: [&str; 4] = [
    "pending-install",
    "pending-rollback",
    "pending-upgrade",
    "uninstalling",
];

/// An operation that began later than this may still be at work.
const MAX_OPERATION_TIME: SignedDuration = SignedDuration::from_mins(10);

const REMEDY: &str = "If no operation is running, use helm rollback to the last deployed revision, or delete the record of the pending one.";
/// Where the deployed revision names an API that is not served: that is what leaves such records.
const REMEDY_WITHOUT_ROLLBACK: &str = "Do not use helm rollback to the last deployed revision: its stored manifest names an API that is not served any more, so that an upgrade, a rollback and an uninstall fail and leave a pending record. If no operation is running, rewrite the stored manifest with the mapkubeapis plugin, or edit the record, and delete the record of the pending revision. If an older revision names served APIs only, a rollback to it fails once and works when it is repeated.";

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "helm-pending",
    severity: Severity::Warning,
    title: "A Helm release is stuck in an operation",
    why: "Helm refuses to upgrade the release: another operation is in progress. Changes that the upgrade needs from a newer chart cannot be deployed.",
    detection: "By the labels of Helm's records, without their contents: the newest revision is pending. An operation that began less than ten minutes ago may still be running and is a note.",
    remedy: REMEDY,
    reference: "https://helm.sh/docs/helm/helm_rollback/",
    sources: &[
        "helm/helm pkg/storage/driver/secrets.go",
        "helm/helm pkg/action/upgrade.go",
    ],
    kind: RuleKind::Code {
        needs: |_| helm_record_needs(),
        evaluate,
    },
    ..Rule::DEFAULT
};

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
            // Helm hands the label modifiedAt on from revision to revision.
            since: row
                .created_at
                .or_else(|| time("createdAt"))
                .or_else(|| time("modifiedAt")),
            meta: row,
        };
        Some(((row.namespace.as_deref(), label("name")?), revision))
    }
}

/// Namespace and name of a release.
type ReleaseName<'a> = (Option<&'a str>, &'a str);

/// The newest revision of each release.
fn newest_revisions(rows: Option<&Rows>) -> BTreeMap<ReleaseName<'_>, HelmRevision<'_>> {
    let mut newest: BTreeMap<_, HelmRevision<'_>> = BTreeMap::new();
    let rows = rows.into_iter().flat_map(Rows::metadata);
    for (release, revision) in rows.filter_map(HelmRevision::from_labels) {
        let known = newest.get(&release).map(|known| known.number);
        if known.is_none_or(|known| known < revision.number) {
            newest.insert(release, revision);
        }
    }
    newest
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<(Severity, bool), Vec<AffectedObject>> = BTreeMap::new();
    let readings = context
        .cluster
        .into_iter()
        .flat_map(|cluster| &cluster.ledger);
    let read: Vec<&HelmReleaseRow> = readings
        .flat_map(|reading| reading.rows.helm_releases())
        .collect();
    for pending in &other_records_needs() {
        let Some(kind) = storage_kind(pending) else {
            continue;
        };
        // Without the deployed revisions, the newest one is unknown.
        let deployed = deployed_releases_need(pending);
        let running = deployed.and_then(|deployed| context.rows(&deployed));
        let (Some(rows), Some(_)) = (context.rows(pending), running) else {
            continue;
        };
        for ((namespace, name), revision) in newest_revisions(Some(rows)) {
            let deployed = read.iter().filter(|row| {
                row.is_labelled_deployed()
                    && Some(row.namespace.as_str()) == namespace
                    && row.release == name
            });
            let went_on = deployed.clone().any(|row| row.revision > revision.number);
            if went_on || !PENDING_STATUSES.contains(&revision.status) {
                continue;
            }
            let (severity, object) = pending_object(context, kind, name, &revision);
            let cannot_roll_back = deployed.clone().any(|row| names_removed_api(row, context));
            let group = (severity, cannot_roll_back);
            found.entry(group).or_default().push(object);
        }
    }
    found
        .into_iter()
        .filter_map(|((severity, cannot_roll_back), objects)| {
            let message = match severity {
                Severity::Note => "a Helm operation is in progress",
                _ if cannot_roll_back => "its next upgrade is refused, and a rollback fails",
                _ => "its next upgrade is refused",
            };
            let remedy = match cannot_roll_back {
                true => REMEDY_WITHOUT_ROLLBACK,
                false => REMEDY,
            };
            let draft = FindingDraft {
                severity,
                confidence: Confidence::Likely,
                remedy: remedy.to_owned(),
                ..FindingDraft::new(&RULE, RULE.id, message, objects)
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}

/// Whether the stored manifest of a revision names an API that the running server does not serve any more.
fn names_removed_api(release: &HelmReleaseRow, context: &CheckContext<'_>) -> bool {
    release.objects.iter().any(|object| {
        let gvk = Gvk::new(&object.api_version, &object.kind);
        let api = context.catalog.apis.find(&gvk);
        api.is_some_and(|api| is_removed_already(api, context))
    })
}

fn storage_kind(need: &Need) -> Option<&'static str> {
    match &need.target {
        ReadTarget::Objects { resource, .. }
            if *resource == GroupResource::new("", "configmaps") =>
        {
            Some("ConfigMap")
        }
        ReadTarget::Objects { .. } => Some("Secret"),
        ReadTarget::NonResourceUrl { .. } => None,
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
