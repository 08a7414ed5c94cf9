//! Findings from uses of an API, shared by the rules about APIs.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::field_advice;
use crate::api_usage::{ApiLifecycle, ApiUsage, EvidenceStrength};
use crate::catalog::{Api, Catalog, Gvk, ManagedCandidate, Minor, StoredObjects};
use crate::evidence::{Confidence, EvidenceSource};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, Severity};

/// The minors that remove an API of this kind.
pub(super) fn removal_minors(catalog: &Catalog, kind: &str, filter: fn(&Api) -> bool) -> String {
    let apis = catalog.apis.iter();
    let apis = apis.filter(|api| api.gvk().kind == kind && filter(api));
    let minors: BTreeSet<Minor> = apis.filter_map(|api| api.removed).collect();
    let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
    minors.join(", ")
}

/// What uses of one finding have in common; the last is the provider that manages their objects.
type UsageGroup<'a> = (&'a Gvk, Option<HopId>, Severity, Option<&'a str>);

/// The provider that manages the object of a use and updates it with the cluster. A copy in a file or a Helm release has
/// another writer.
///
/// The severity is milder than that of other uses: a note, or a warning if the marks of the provider may be copied ones.
fn managing_provider<'a>(
    usage: &ApiUsage,
    context: &CheckContext<'a>,
) -> Option<(&'a str, Severity)> {
    let mut evidence = usage.evidence.iter();
    if evidence.any(|one| matches!(one.source, EvidenceSource::File | EvidenceSource::Helm)) {
        return None;
    }
    let provider = context.detected.as_ref()?.provider.as_deref();
    let object = ManagedCandidate {
        kind: &usage.api.kind,
        namespace: usage.object.namespace.as_deref(),
        name: &usage.object.name,
        owner: usage.owner.as_deref(),
    };
    let row = context.catalog.managing_provider(&object, provider)?;
    let severity = match row.is_certain_of(&object) {
        true => Severity::Note,
        false => Severity::Warning,
    };
    Some((&row.managed_by, severity))
}

/// One finding for each API, hop, severity and managing provider among these uses.
pub(crate) fn usage_findings<'a>(
    rule: &Rule,
    context: &CheckContext<'_>,
    usages: impl Iterator<Item = &'a ApiUsage>,
) -> Vec<Finding> {
    let mut groups: BTreeMap<UsageGroup<'_>, Vec<&ApiUsage>> = BTreeMap::new();
    for usage in usages {
        let hop = match usage.lifecycle {
            ApiLifecycle::Removed(minor) => context.path.hop_into(minor),
            ApiLifecycle::Deprecated(_) => None,
        };
        let severity = usage_severity(usage, hop.as_ref(), context);
        let (provider, severity) = match managing_provider(usage, context) {
            Some((provider, milder)) => (Some(provider), severity.min(milder)),
            None => (None, severity),
        };
        groups
            .entry((&usage.api, hop, severity, provider))
            .or_default()
            .push(usage);
    }
    groups
        .into_iter()
        .filter_map(|((gvk, hop, severity, provider), usages)| {
            let api = context.catalog.apis.find(gvk)?;
            let first = usages.first()?;
            let message = usage_message(api, first, hop.as_ref(), context);
            let objects = usages.iter().map(|usage| usage_object(usage, context));
            let draft = FindingDraft {
                subject: gvk.to_string(),
                severity,
                confidence: usages.iter().map(|usage| usage_confidence(usage)).max()?,
                message,
                remedy: usage_remedy(
                    api,
                    &usages,
                    Replacement::of(api, first, context).map(|found| found.next),
                    context,
                ),
                hop,
                replacement: Replacement::of(api, first, context)
                    .map(|found| replacement_name(api, found.next)),
                objects: objects.collect(),
            };
            let draft = match provider {
                None => draft,
                Some(provider) => FindingDraft {
                    replacement: None,
                    subject: format!("{gvk} of {provider}"),
                    message: format!("{}; {provider} manages the object", draft.message),
                    remedy: format!("Nothing: {provider} updates its objects with the cluster."),
                    ..draft
                },
            };
            Finding::new(rule, draft)
        })
        .collect()
}

/// A removal blocks where a writer will use the API again, warns where that is only likely or the removal only announced,
/// and is a note if the metric is the only evidence.
fn usage_severity(usage: &ApiUsage, hop: Option<&HopId>, context: &CheckContext<'_>) -> Severity {
    let ApiLifecycle::Removed(minor) = usage.lifecycle else {
        return Severity::Note;
    };
    let announced = context
        .catalog
        .kubernetes_releases
        .newest_known()
        .is_some_and(|newest| minor > newest.minor);
    let recorded_in_file = usage
        .evidence
        .iter()
        .any(|evidence| evidence.source == EvidenceSource::File);
    match usage.strength {
        EvidenceStrength::Metric => Severity::Note,
        EvidenceStrength::PossiblyStale => Severity::Warning,
        EvidenceStrength::Written | EvidenceStrength::ToBeApplied if announced => Severity::Warning,
        // Removed before this upgrade: a Helm release that contains it cannot be upgraded already, so this upgrade breaks
        // nothing new. A manifest about to be applied fails in any case.
        EvidenceStrength::Written | EvidenceStrength::ToBeApplied
            if hop.is_none() && !recorded_in_file =>
        {
            Severity::Warning
        }
        EvidenceStrength::Written | EvidenceStrength::ToBeApplied => Severity::Blocker,
    }
}

fn usage_confidence(usage: &ApiUsage) -> Confidence {
    match usage.strength {
        EvidenceStrength::ToBeApplied => Confidence::Certain,
        EvidenceStrength::Written => Confidence::Likely,
        EvidenceStrength::PossiblyStale | EvidenceStrength::Metric => Confidence::Possible,
    }
}

fn usage_message(
    api: &Api,
    usage: &ApiUsage,
    hop: Option<&HopId>,
    context: &CheckContext<'_>,
) -> String {
    let name = api.gvk().api_version();
    let instead = replacement_phrase(api, Replacement::of(api, usage, context));
    let newest = context
        .catalog
        .kubernetes_releases
        .newest_known()
        .map(|row| row.minor);
    match usage.lifecycle {
        ApiLifecycle::Removed(minor) if usage.strength == EvidenceStrength::Metric => {
            format!("a client requested {}, removed in {minor}", api.gvk())
        }
        ApiLifecycle::Removed(minor) if newest.is_some_and(|newest| minor > newest) => {
            format!("the removal of {name} is announced for {minor}; {instead}")
        }
        ApiLifecycle::Removed(minor) if hop.is_none() => {
            format!("{name} was removed in {minor}; {instead}")
        }
        ApiLifecycle::Removed(minor) => format!("{name} is removed in {minor}; {instead}"),
        ApiLifecycle::Deprecated(minor) => {
            let end = api.removed.map_or_else(String::new, |removed| {
                let beta = context.catalog.kubernetes_releases.beta_suffix(removed);
                format!(", removed in {removed}{beta}")
            });
            format!("{name} has been deprecated since {minor}{end}; {instead}")
        }
    }
}

/// The API to migrate to: the newest one that both the running minor and the target serve.
#[derive(Debug, Clone, Copy)]
struct Replacement<'a> {
    /// What to use now.
    next: &'a Api,
    /// What to use later, if no API is served by both.
    later: Option<&'a Api>,
    /// From when on it is served, if that is after the removal.
    served_from: Option<Minor>,
}

impl<'a> Replacement<'a> {
    fn of(api: &Api, usage: &ApiUsage, context: &CheckContext<'a>) -> Option<Self> {
        let (apis, before) = (&context.catalog.apis, context.path.from);
        let ApiLifecycle::Removed(removal) = usage.lifecycle else {
            let next = apis.successor(api, before, context.path.to?)?;
            return Some(Self {
                next,
                later: None,
                served_from: None,
            });
        };
        let target = context.path.to.unwrap_or(removal).max(removal);
        let at_target = apis.successor(api, before, target)?;
        let is_served = |next: &&Api| before.is_some_and(|before| next.exists_in(before));
        let interim = apis.successor(api, before, removal).filter(is_served);
        Some(match interim.filter(|_| !is_served(&at_target)) {
            Some(interim) => Self {
                next: interim,
                later: Some(at_target),
                served_from: None,
            },
            None => Self {
                next: at_target,
                later: None,
                served_from: Some(at_target.introduced)
                    .filter(|from| *from > removal && before.is_some_and(|before| *from > before)),
            },
        })
    }
}

/// `policy/v1`, with the kind where it is another one.
fn replacement_name(api: &Api, next: &Api) -> String {
    match next.gvk() {
        next if next.kind == api.gvk().kind => next.api_version(),
        next => next.to_string(),
    }
}

/// `use policy/v1`, with the kind where it is another one.
fn replacement_phrase(api: &Api, replacement: Option<Replacement<'_>>) -> String {
    let name = |next: &Api| replacement_name(api, next);
    match replacement {
        Some(Replacement {
            next,
            served_from: Some(from),
            ..
        }) => format!("use {}, served from {from} on", name(next)),
        Some(Replacement {
            next, later: None, ..
        }) => format!("use {}", name(next)),
        Some(Replacement {
            next,
            later: Some(later),
            ..
        }) => format!(
            "use {}, and {} from {} on",
            name(next),
            name(later),
            later.introduced
        ),
        None if api.note.is_empty() => "nothing replaces it".to_owned(),
        None => api.note.clone(),
    }
}

fn usage_remedy(
    api: &Api,
    usages: &[&ApiUsage],
    next: Option<&Api>,
    context: &CheckContext<'_>,
) -> String {
    let is_gone = is_removed_already(api, context);
    let mut sentences: Vec<String> = Vec::new();
    let has_evidence = |source| {
        usages
            .iter()
            .any(|usage| usage.evidence.iter().any(|found| found.source == source))
    };
    let Some(to) = next.map(|next| next.gvk().api_version()) else {
        let name = api.gvk();
        let instead = match api.note.is_empty() {
            true => ": nothing replaces it",
            false => "",
        };
        let removal = format!("Remove {name} from manifests, charts and clients{instead}.");
        let advice = deletion_advice(api, is_gone).map(|advice| format!("{advice} "));
        return advice.unwrap_or_default() + &removal + &api_note(api);
    };
    if has_evidence(EvidenceSource::Helm) {
        sentences.push(helm_remedy(&to, is_gone));
    }
    if has_evidence(EvidenceSource::File) {
        sentences.push(format!("Change apiVersion in the manifest to {to}."));
    }
    // Where the next thing that is applied is known, its writer has been sentences above.
    let only_remembered = usages
        .iter()
        .any(|usage| usage.strength < EvidenceStrength::ToBeApplied);
    if has_evidence(EvidenceSource::ManagedFields) && only_remembered {
        sentences.push(format!(
            "Update the named field manager, or the manifest it applies, to use {to}."
        ));
    }
    if usages.iter().any(|usage| usage.has_applier) && only_remembered {
        sentences.push(format!(
            "Apply once through {to} before the hop. Otherwise the API server drops the manager's managedFields entry at the first write after the hop, and fields that you later remove from the manifest stay on the object."
        ));
    }
    if has_evidence(EvidenceSource::LastApplied) {
        sentences.push(format!(
            "Apply the manifest again with apiVersion {to}: the next kubectl apply compares with the annotation."
        ));
    }
    if sentences.is_empty() {
        sentences.push("Find the client in the audit log: the metric does not name it.".to_owned());
    }
    sentences.extend(next.and_then(|next| new_form(api, next, context)));
    sentences.push(match (deletion_advice(api, is_gone), api.stored_objects) {
        (Some(advice), _) => format!("{advice} Create them again through {to}."),
        (None, StoredObjects::Unreadable) => {
            format!("Objects that are still stored through it cannot be read any more: create them again through {to}.")
        }
        (None, StoredObjects::Converted) => {
            "Stored objects need no change: the API server converts them.".to_owned()
        }
    });
    sentences.join(" ") + &api_note(api)
}

/// What the manifest looks like in the API to migrate to, if that differs in more than `apiVersion`.
fn new_form(api: &Api, next: &Api, context: &CheckContext<'_>) -> Option<String> {
    let advice = field_advice(context.catalog, &api.gvk(), &next.gvk())?;
    let is_served = context.path.from.is_some_and(|from| next.exists_in(from));
    if !is_served || api.stored_objects == StoredObjects::Unreadable {
        return Some(advice);
    }
    Some(format!(
        "{advice} 'kubectl get {}.{}.{} NAME -o yaml' prints a live object with its new fields.",
        next.resource,
        next.version(),
        next.group()
    ))
}

/// What to do about stored objects that API servers cannot decode after the removal, which is still to come.
fn deletion_advice(api: &Api, is_gone: bool) -> Option<String> {
    let applies = api.stored_objects == StoredObjects::Unreadable && !is_gone;
    let gvk = api.gvk();
    let removed = api.removed.filter(|_| applies)?;
    Some(format!(
        "Delete the stored {} objects of {} before the upgrade to {removed}: there is no conversion, so later API servers cannot read them.",
        gvk.kind,
        gvk.api_version()
    ))
}

/// Whether the running server does not serve the API any more.
pub(crate) fn is_removed_already(api: &Api, context: &CheckContext<'_>) -> bool {
    let from = context.path.from;
    api.removed
        .is_some_and(|removed| from.is_some_and(|from| removed <= from))
}

/// What to do about a release whose stored manifest names an API that is removed, or that the server does not serve any
/// more: then neither an upgrade nor a rollback can read what the release holds.
fn helm_remedy(to: &str, is_gone: bool) -> String {
    if is_gone {
        return "helm upgrade and helm rollback fail on the release, and leave a pending record, because its stored manifest names an API that is not served any more: rewrite the manifest with the mapkubeapis plugin, or edit the record. If an older revision names served APIs only, a rollback to it fails once and works when it is repeated.".to_owned();
    }
    format!(
        "Upgrade the Helm release to a chart that renders {to}, before Kubernetes: Helm cannot upgrade or roll back a release whose stored manifest contains a removed API."
    )
}

fn api_note(api: &Api) -> String {
    if api.note.is_empty() {
        String::new()
    } else {
        format!(" Note: {}.", api.note)
    }
}

/// The object of a finding, in the old version. The metric names no object, so the cluster is the object.
pub(crate) fn usage_object(usage: &ApiUsage, context: &CheckContext<'_>) -> AffectedObject {
    let object = AffectedObject {
        cluster: None,
        namespace: usage.object.namespace.clone(),
        api_version: usage.api.api_version(),
        kind: usage.api.kind.clone(),
        name: usage.object.name.clone(),
        owner: usage.owner.clone(),
        evidence: usage.evidence.clone(),
    };
    match (usage.strength, context.cluster_id()) {
        (EvidenceStrength::Metric, Some(id)) => AffectedObject {
            namespace: None,
            kind: "Cluster".to_owned(),
            name: id.to_string(),
            owner: None,
            ..object
        },
        _ => object,
    }
}
