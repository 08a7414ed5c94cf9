//! From uses of an API to findings: what the rules on APIs share.

use std::collections::BTreeMap;

use super::{Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Api, Gvk};
use crate::claims::{Life, Usage, Weight};
use crate::evidence::{Confidence, Source};
use crate::path::HopRef;

/// Kinds that have a rule of their own in place of `api-removed`.
pub(super) const OWN_RULES: [&str; 2] = ["CustomResourceDefinition", "PodSecurityPolicy"];

/// One finding for each API, hop and severity among these uses.
pub(super) fn findings<'a>(
    rule: &Rule,
    situation: &Situation<'_>,
    usages: impl Iterator<Item = &'a Usage>,
) -> Vec<Finding> {
    let mut groups: BTreeMap<(&Gvk, Option<HopRef>, Severity), Vec<&Usage>> = BTreeMap::new();
    for usage in usages {
        let hop = match usage.life {
            Life::Removed(minor) => situation.path.hop_into(minor),
            Life::Deprecated(_) => None,
        };
        let severity = severity(usage, hop.as_ref(), situation);
        groups
            .entry((&usage.api, hop, severity))
            .or_default()
            .push(usage);
    }
    groups
        .into_iter()
        .filter_map(|((gvk, hop, severity), usages)| {
            let api = situation.catalog.apis.find(gvk)?;
            Finding::new(
                rule,
                Said {
                    subject: gvk.to_string(),
                    severity,
                    confidence: usages.iter().map(|usage| confidence(usage)).max()?,
                    message: message(api, usages.first()?, hop.as_ref(), situation),
                    remedy: remedy(api, &usages, successor(api, usages.first()?, situation)),
                    hop,
                    objects: usages.iter().map(|usage| object(usage)).collect(),
                },
            )
        })
        .collect()
}

/// A removal blocks where a writer will use the API again, warns where that is only likely or the removal only announced,
/// and is a note where nothing but the metric speaks.
fn severity(usage: &Usage, hop: Option<&HopRef>, situation: &Situation<'_>) -> Severity {
    let Life::Removed(minor) = usage.life else {
        return Severity::Note;
    };
    let announced = situation
        .catalog
        .kubernetes
        .newest()
        .is_some_and(|newest| minor > newest.minor);
    let recorded_in_file = usage
        .evidence
        .iter()
        .any(|evidence| evidence.source == Source::File);
    match usage.weight {
        Weight::Metric => Severity::Note,
        Weight::Hint => Severity::Warning,
        Weight::Written | Weight::Recorded if announced => Severity::Warning,
        // Gone before this upgrade began: a release that holds it cannot be upgraded any more, but this upgrade breaks nothing
        // new. A file about to be applied fails whatever happens.
        Weight::Written | Weight::Recorded if hop.is_none() && !recorded_in_file => {
            Severity::Warning
        }
        Weight::Written | Weight::Recorded => Severity::Blocker,
    }
}

fn confidence(usage: &Usage) -> Confidence {
    match usage.weight {
        Weight::Recorded => Confidence::Certain,
        Weight::Written => Confidence::Likely,
        Weight::Hint | Weight::Metric => Confidence::Possible,
    }
}

fn message(api: &Api, usage: &Usage, hop: Option<&HopRef>, situation: &Situation<'_>) -> String {
    let name = api.gvk().api_version();
    let instead = instead(api, successor(api, usage, situation));
    let newest = situation.catalog.kubernetes.newest().map(|row| row.minor);
    match usage.life {
        Life::Removed(minor) if usage.weight == Weight::Metric => {
            format!("some client asked for {}, gone in {minor}", api.gvk())
        }
        Life::Removed(minor) if newest.is_some_and(|newest| minor > newest) => {
            format!("{name} is announced to go in {minor}; {instead}")
        }
        Life::Removed(minor) if hop.is_none() => {
            format!("{name} is gone since {minor}; {instead}")
        }
        Life::Removed(minor) => format!("{name} is gone in {minor}; {instead}"),
        Life::Deprecated(minor) => {
            let end = api
                .removed
                .map_or_else(String::new, |removed| format!(", gone in {removed}"));
            format!("{name} is deprecated since {minor}{end}; {instead}")
        }
    }
}

/// Where to move: an API that is there before the hop at which this one goes, if there is one, and after it.
fn successor<'a>(api: &Api, usage: &Usage, situation: &Situation<'a>) -> Option<&'a Api> {
    let after = match usage.life {
        Life::Removed(minor) => minor,
        Life::Deprecated(_) => situation.path.to,
    };
    let before = situation.path.from;
    situation.catalog.apis.successor(api, before, after)
}

/// `use policy/v1`, with the kind where it is another one.
fn instead(api: &Api, next: Option<&Api>) -> String {
    match next.map(Api::gvk) {
        Some(next) if next.kind == api.gvk().kind => format!("use {}", next.api_version()),
        Some(next) => format!("use {next}"),
        None if api.note.is_empty() => "nothing replaces it".to_owned(),
        None => api.note.clone(),
    }
}

fn remedy(api: &Api, usages: &[&Usage], next: Option<&Api>) -> String {
    let mut told: Vec<String> = Vec::new();
    let speaks = |source| {
        usages
            .iter()
            .any(|usage| usage.evidence.iter().any(|found| found.source == source))
    };
    let Some(to) = next.map(|next| next.gvk().api_version()) else {
        let name = api.gvk();
        return format!(
            "Remove {name} from manifests, charts and clients: nothing replaces it.{}",
            note(api)
        );
    };
    if speaks(Source::Helm) {
        told.push(format!(
            "Upgrade the Helm release to a chart that renders {to}, before Kubernetes: Helm cannot upgrade a release whose stored manifest holds an API that is gone."
        ));
    }
    if speaks(Source::File) {
        told.push(format!("Change apiVersion in the manifest to {to}."));
    }
    // Where the next thing that is applied is known, its writer has been told above.
    let only_remembered = usages.iter().any(|usage| usage.weight < Weight::Recorded);
    if speaks(Source::ManagedFields) && only_remembered {
        told.push(format!(
            "Make the writer that is named write through {to}: update it, or change the manifest it applies."
        ));
    }
    if speaks(Source::LastApplied) {
        told.push(format!(
            "Apply the manifest once more with apiVersion {to}: the annotation is what the next kubectl apply compares with."
        ));
    }
    if told.is_empty() {
        told.push("Find the client in the audit log: the metric does not name it.".to_owned());
    }
    told.push("Stored objects need no change: the API server converts them.".to_owned());
    told.join(" ") + &note(api)
}

fn note(api: &Api) -> String {
    if api.note.is_empty() {
        String::new()
    } else {
        format!(" Mind: {}.", api.note)
    }
}

/// The object of a finding: the old version, the kind, and who speaks. The metric speaks of the cluster, not of an object.
pub(super) fn object(usage: &Usage) -> Object {
    if let (Weight::Metric, Some(cluster)) = (usage.weight, &usage.object.cluster) {
        return Object {
            cluster: Some(cluster.clone()),
            namespace: None,
            api_version: usage.api.api_version(),
            kind: "Cluster".to_owned(),
            name: cluster.to_string(),
            owner: None,
            evidence: usage.evidence.clone(),
        };
    }
    Object {
        cluster: usage.object.cluster.clone(),
        namespace: usage.object.namespace.clone(),
        api_version: usage.api.api_version(),
        kind: usage.api.kind.clone(),
        name: usage.object.name.clone(),
        owner: usage.owner.clone(),
        evidence: usage.evidence.clone(),
    }
}
