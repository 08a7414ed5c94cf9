//! Rules on the Installation of Kyma 1: whether its installer has finished, and what the one of the new release lacks.

use super::{UPGRADE_PAGE, from_minor, hops, minor_hops, needs_of_hops};
use crate::catalog::GroupResource;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::kyma::{self, InstallerProgress, KymaComponent, KymaInstallation};
use crate::need::{Need, NeedContext};
use crate::path::{Hop, HopId};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    needs_of_hops(context, [kyma::installations_need()])
}

/// `kyma-installation`: an installer that has not finished, or has given up.
pub(crate) const UNFINISHED: Rule = Rule {
    id: "kyma-installation",
    severity: Severity::Blocker,
    title: "The installer of Kyma has not finished",
    why: "kyma upgrade starts only when the Installation is Installed, and otherwise follows the installation that is under way. A new installer would begin on components that are half installed.",
    detection: "By the state and the conditions of the Installation, and its label action. Error with that label means that the installer tries again; without it, it has given up. The state of the release before stays until a new installer starts. An installer at work is a warning.",
    remedy: "Fix what status.errorLog says, and let the installer try again: kubectl -n default label installation/kyma-installation action=install --overwrite",
    reference: "https://github.com/kyma-project/kyma/blob/release-1.24/docs/kyma/10-04-common-errors.md",
    sources: &[
        "kyma-project/kyma components/kyma-operator/pkg/statusmanager, pkg/conditionmanager, tags 1.7.0 to 1.24.0",
        "kyma-project/cli release-1.24 pkg/installation/upgrade.go",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_unfinished,
    },
    ..Rule::DEFAULT
};

fn evaluate_unfinished(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(installation) = installation(context) else {
        return Vec::new();
    };
    let (severity, message) = match installation.progress {
        InstallerProgress::Finished => return Vec::new(),
        InstallerProgress::Failed => (Severity::Blocker, "the installer has given up"),
        InstallerProgress::Working { .. } => (Severity::Warning, "the installer is at work"),
    };
    let error = installation.last_error.map(|(component, times)| {
        let times = crate::text::pluralize(times as usize, "time");
        format!("; {component} failed {times}")
    });
    let detail = format!(
        "state {}, {}{}",
        installation.state,
        installation.description,
        error.unwrap_or_default()
    );
    let object = object(context, &installation, EvidenceSource::Status, detail);
    let finding = UNFINISHED.finding(severity, UNFINISHED.id, message, [object]);
    finding.into_iter().collect()
}

/// `kyma-component-lost`: components that the Installation of the new release does not list.
pub(crate) const COMPONENT_LOST: Rule = Rule {
    id: "kyma-component-lost",
    severity: Severity::Warning,
    title: "A component is not in the Installation of the new release",
    why: "Applying the Installation of the release replaces spec.components. A component that was added, or whose source was changed, is no longer upgraded; the installer never removes it either.",
    detection: "By spec.components of the Installation, compared with the list for clusters of the running release and of each release on the way. What Kyma itself drops is a note.",
    remedy: "Add the component, with its source, to the Installation of the new release before it is applied, or give it in the file of kyma upgrade --components.",
    reference: UPGRADE_PAGE,
    sources: &[
        "kyma-project/kyma installation/resources/installer-cr-cluster.yaml.tpl, tags 1.0.0 to 1.24.0",
        "kyma-project/kyma release-1.24 docs/kyma/04-08-update.md",
    ],
    kind: RuleKind::Code {
        needs,
        evaluate: evaluate_lost,
    },
    ..Rule::DEFAULT
};

fn evaluate_lost(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(installation) = installation(context) else {
        return Vec::new();
    };
    let table = &context.catalog.kyma;
    let mut findings = Vec::new();
    if let Some(hop) = hops(context.path).find(|hop| table.has_installer(hop.minor())) {
        let own = |one: &&KymaComponent| {
            one.source.is_some()
                || !from_minor(hop).is_none_or(|from| table.has_component(&one.name, from))
                    && !table.has_component(&one.name, hop.minor())
        };
        let names = installation.components.iter().filter(own).map(|one| {
            let source = one.source.as_ref();
            source.map_or_else(|| one.name.clone(), |url| format!("{url} for {}", one.name))
        });
        let names: Vec<String> = names.collect();
        let message = format!(
            "the Installation of Kyma {} has it not, or not from this source",
            hop.to
        );
        findings.extend(lost(
            context,
            &installation,
            hop,
            Severity::Warning,
            &message,
            names,
        ));
    }
    for hop in minor_hops(context.path).filter(|hop| table.has_installer(hop.minor())) {
        let Some(from) = from_minor(hop) else {
            continue;
        };
        let gone = installation.components.iter().filter(|one| {
            table.has_component(&one.name, from) && !table.has_component(&one.name, hop.minor())
        });
        let names: Vec<String> = gone.map(|one| one.release.clone()).collect();
        let message = format!(
            "Kyma {} does not have it any more: its Helm release stays behind",
            hop.to
        );
        findings.extend(lost(
            context,
            &installation,
            hop,
            Severity::Note,
            &message,
            names,
        ));
    }
    findings
}

fn lost(
    context: &CheckContext<'_>,
    installation: &KymaInstallation<'_>,
    hop: &Hop,
    severity: Severity,
    message: &str,
    names: Vec<String>,
) -> Option<Finding> {
    let detail = names.join(", ");
    let objects =
        (!names.is_empty()).then(|| object(context, installation, EvidenceSource::Spec, detail));
    let mut draft = FindingDraft::new(
        &COMPONENT_LOST,
        severity.as_str(),
        message,
        objects.into_iter().collect(),
    );
    if severity == Severity::Note {
        draft.remedy = "Delete its Helm release once nothing uses it.".to_owned();
    }
    Finding::new(
        &COMPONENT_LOST,
        FindingDraft {
            severity,
            hop: Some(HopId::from(hop)),
            ..draft
        },
    )
}

/// The Installation, unless a newer Kyma runs beside it.
pub(super) fn installation<'a>(context: &CheckContext<'a>) -> Option<KymaInstallation<'a>> {
    let first = hops(context.path).next()?;
    let from = from_minor(first);
    let era = from.and_then(|from| context.catalog.kyma.era(from));
    if era.is_some_and(|era| !era.installer) {
        return None;
    }
    KymaInstallation::new(context.view()?)
}

fn object(
    context: &CheckContext<'_>,
    installation: &KymaInstallation<'_>,
    source: EvidenceSource,
    detail: String,
) -> AffectedObject {
    let resource = GroupResource::new("installer.kyma-project.io", "installations");
    let gvk = context.listed_gvk(&resource);
    let api_version = gvk.map(|gvk| gvk.api_version()).unwrap_or_default();
    let evidence = Evidence::new(source, detail);
    AffectedObject::new(api_version, "Installation", installation.meta, evidence)
}
