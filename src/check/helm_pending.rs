//! `helm-pending`: Helm releases that stand in the middle of an operation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::Resource;
use crate::claims::helm_records;
use crate::evidence::{Confidence, Evidence, Source};
use crate::need::{Depth, Need, Selector};
use crate::snapshot::{MetaRow, Picture};

/// Statuses in which Helm refuses the next operation; and those that show that it went on.
/// Source: helm/helm pkg/release/status.go, pkg/action/upgrade.go.
const PENDING: [&str; 4] = [
    "pending-install",
    "pending-rollback",
    "pending-upgrade",
    "uninstalling",
];
const OVER: [&str; 2] = ["failed", "uninstalled"];

/// An operation that began later than this may still be at work.
const AT_WORK: SignedDuration = SignedDuration::from_mins(10);

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "helm-pending",
    severity: Severity::Warning,
    title: "A Helm release is stuck in the middle of an operation",
    applies_to: "any",
    why: "Helm refuses the next upgrade of the release: another operation is in progress. What the upgrade needs from a newer chart does not get in.",
    how: "By the labels of Helm's records, without their contents: the newest revision is pending. One that began less than ten minutes ago may be at work and is a note.",
    mend: "If nobody is at work: helm rollback to the last deployed revision, or delete the record of the pending one.",
    reference: "https://helm.sh/docs/helm/helm_rollback/",
    sources: &[
        "helm/helm pkg/storage/driver/secrets.go",
        "helm/helm pkg/action/upgrade.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| {
            let mut needs = records().to_vec();
            needs.extend(helm_records());
            needs
        },
        evaluate,
    },
};

/// Metadata of the records that are neither deployed nor replaced, wherever Helm keeps them.
fn records() -> [Need; 2] {
    let statuses: Vec<&str> = OVER.into_iter().chain(PENDING).collect();
    let labels = format!("owner=helm,status in ({})", statuses.join(","));
    helm_records().map(|need| match need.subject {
        crate::need::Subject::Objects {
            resource, selector, ..
        } => Need::selected(
            resource,
            Selector {
                labels: labels.clone(),
                fields: selector.fields,
            },
            Depth::Meta,
        ),
        crate::need::Subject::Url { .. } => need,
    })
}

/// A revision, as its record's labels have it.
struct Revision<'a> {
    number: u64,
    status: &'a str,
    since: Option<Timestamp>,
    row: &'a MetaRow,
}

impl<'a> Revision<'a> {
    fn of(row: &'a MetaRow) -> Option<((Option<&'a str>, &'a str), Self)> {
        let label = |name: &str| row.labels.get(name).map(String::as_str);
        let time = |name: &str| Timestamp::from_second(label(name)?.parse().ok()?).ok();
        let revision = Self {
            number: label("version")?.parse().ok()?,
            status: label("status")?,
            since: time("modifiedAt").or_else(|| time("createdAt")),
            row,
        };
        Some(((row.namespace.as_deref(), label("name")?), revision))
    }
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Severity, Vec<Object>> = BTreeMap::new();
    for (pending, deployed) in records().iter().zip(&helm_records()) {
        let Some(kind) = kind(pending) else { continue };
        for (picture, rows) in situation.rows(pending) {
            // Without the deployed revisions it cannot be told which one is the newest.
            let Ok(Some(running)) = picture.read(deployed, situation.catalog) else {
                continue;
            };
            let mut newest: BTreeMap<_, Revision<'_>> = BTreeMap::new();
            for (release, revision) in rows.meta().filter_map(Revision::of) {
                let known = newest.get(&release).map(|known| known.number);
                if known.is_none_or(|known| known < revision.number) {
                    newest.insert(release, revision);
                }
            }
            for ((namespace, name), revision) in newest {
                let went_on = running.helm().iter().any(|row| {
                    Some(row.namespace.as_str()) == namespace
                        && row.release == name
                        && row.revision > revision.number
                });
                if went_on || !PENDING.contains(&revision.status) {
                    continue;
                }
                let (severity, object) = said(situation, picture, kind, name, &revision);
                found.entry(severity).or_default().push(object);
            }
        }
    }
    found
        .into_iter()
        .filter_map(|(severity, objects)| {
            let message = match severity {
                Severity::Note => "an operation of Helm is at work",
                _ => "its next upgrade is refused",
            };
            let said = Said {
                severity,
                confidence: Confidence::Likely,
                ..Said::new(&RULE, RULE.id, message, objects)
            };
            Finding::new(&RULE, said)
        })
        .collect()
}

fn kind(need: &Need) -> Option<&'static str> {
    match &need.subject {
        crate::need::Subject::Objects { resource, .. }
            if *resource == Resource::new("", "configmaps") =>
        {
            Some("ConfigMap")
        }
        crate::need::Subject::Objects { .. } => Some("Secret"),
        crate::need::Subject::Url { .. } => None,
    }
}

fn said(
    situation: &Situation<'_>,
    picture: &Picture,
    kind: &str,
    release: &str,
    revision: &Revision<'_>,
) -> (Severity, Object) {
    let fresh = revision
        .since
        .is_some_and(|since| situation.now.duration_since(since) < AT_WORK);
    let severity = if fresh {
        Severity::Note
    } else {
        Severity::Warning
    };
    let namespace = revision.row.namespace.clone();
    let place = namespace.as_deref().unwrap_or_default();
    let detail = format!(
        "helm release {place}/{release} v{} is {}",
        revision.number, revision.status
    );
    let object = Object {
        cluster: Some(picture.id.clone()),
        namespace: namespace.clone(),
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        name: revision.row.name.clone(),
        owner: None,
        evidence: vec![Evidence {
            time: revision.since,
            ..Evidence::new(Source::Helm, detail)
        }],
    };
    (severity, object)
}
