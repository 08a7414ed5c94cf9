//! `kyma-helm-stuck`: Helm releases of components that the installer cannot upgrade.

use std::collections::BTreeMap;

use super::installation::installation;
use super::{hops, needs_of_hops};
use crate::api_usage::{helm_record_needs, other_records_needs};
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::kyma::installations_need;
use crate::need::{Need, NeedContext};
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::{HelmStorage, Rows};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "kyma-helm-stuck",
    severity: Severity::Blocker,
    title: "The installer of Kyma cannot upgrade the Helm release of a component",
    why: "Older installers install a release that is not deployed, which fails on its name without an end. Newer ones stop at one without a deployed revision to go back to, and delete and install a first revision that failed, with the data of the component.",
    detection: "By the newest revision of each release that the Installation names, in Secrets, or in ConfigMaps of Tiller where Helm 3 has no record of it. What the installer can repair is a warning.",
    remedy: "Make its newest revision a deployed one, with helm rollback, before the upgrade. Where no revision was ever deployed, delete the release, and its data is lost.",
    reference: "https://github.com/kyma-project/kyma/blob/release-1.24/docs/kyma/10-04-common-errors.md",
    sources: &[
        "kyma-project/kyma release-1.7 components/kyma-operator/pkg/kymainstallation/stepsfactory.go",
        "kyma-project/kyma 1.13.0 and 1.24.0 components/kyma-operator/pkg/kymahelm/release.go",
        "kyma-project/kyma issues 3467, 7866",
    ],
    kind: RuleKind::Code { needs, evaluate },
    ..Rule::DEFAULT
};

fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = helm_record_needs();
    needs.push(installations_need());
    needs_of_hops(context, needs)
}

/// The newest revision of a release.
#[derive(Debug, Clone)]
struct NewestRevision {
    namespace: String,
    number: u64,
    status: String,
    /// Whether any revision is deployed.
    has_deployed: bool,
    /// The name of its record; none if only its content was read.
    record: Option<String>,
    storage: HelmStorage,
}

impl NewestRevision {
    /// Records of Helm 3 come before those of Tiller, which stay after the conversion.
    fn merge(&mut self, other: Self) {
        let is_old = |one: &Self| one.storage == HelmStorage::Tiller;
        match (is_old(self), is_old(&other)) {
            (true, false) => *self = other,
            (false, true) => {}
            _ => {
                let has_deployed = self.has_deployed || other.has_deployed;
                if other.number > self.number {
                    *self = other;
                }
                self.has_deployed = has_deployed;
            }
        }
    }

    /// What the installer does with it, if it does not just upgrade it.
    fn effect(&self, recovers: bool) -> Option<(Severity, &'static str)> {
        let status = self.status.replace('_', "-");
        match status.as_str() {
            "deployed" => None,
            _ if !recovers => Some((
                Severity::Blocker,
                "the Helm release is not deployed: the installer would try to install it again, without an end",
            )),
            "superseded" => Some((
                Severity::Blocker,
                "the Helm release has no current revision: the installer stops",
            )),
            "pending-install" | "pending-upgrade" | "pending-rollback" => Some((
                Severity::Warning,
                "the Helm release is in an operation, which the installer first has to undo",
            )),
            _ if self.number <= 1 => Some((
                Severity::Warning,
                "the Helm release failed in its first revision: the installer deletes it and installs it again",
            )),
            _ if self.has_deployed => None,
            _ => Some((
                Severity::Blocker,
                "the Helm release has no deployed revision to go back to: the installer stops",
            )),
        }
    }
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let (Some(hop), Some(installation)) = (hops(context.path).next(), installation(context)) else {
        return Vec::new();
    };
    let era = context.catalog.kyma.era(hop.minor());
    let Some(era) = era.filter(|era| era.installer) else {
        return Vec::new();
    };
    let newest = newest_revisions(context);
    let mut found: BTreeMap<(Severity, &str), Vec<AffectedObject>> = BTreeMap::new();
    for component in &installation.components {
        let Some(revision) = newest.get(&component.release) else {
            continue;
        };
        if let Some((severity, message)) = revision.effect(era.recovers_releases) {
            let object = record(&component.release, revision);
            found.entry((severity, message)).or_default().push(object);
        }
    }
    let findings = found
        .into_iter()
        .filter_map(|((severity, message), objects)| {
            let draft = FindingDraft {
                severity,
                hop: Some(HopId::from(hop)),
                ..FindingDraft::new(&RULE, message, message, objects)
            };
            Finding::new(&RULE, draft)
        });
    findings.collect()
}

/// By name alone, as the installer looks for them.
fn newest_revisions(context: &CheckContext<'_>) -> BTreeMap<String, NewestRevision> {
    let mut newest: BTreeMap<String, NewestRevision> = BTreeMap::new();
    let mut add = |release: &str, revision: NewestRevision| match newest.get_mut(release) {
        Some(known) => known.merge(revision),
        None => drop(newest.insert(release.to_owned(), revision)),
    };
    for need in other_records_needs() {
        for row in context.rows(&need).into_iter().flat_map(Rows::metadata) {
            let label = |name: &str| row.helm_labels.get(name);
            let number = label("version").and_then(|number| number.parse().ok());
            let (Some(release), Some(number), Some(status)) =
                (label("name"), number, label("status"))
            else {
                continue;
            };
            let revision = NewestRevision {
                namespace: row.namespace.clone().unwrap_or_default(),
                number,
                status: status.clone(),
                has_deployed: false,
                storage: HelmStorage::Secret,
                record: Some(row.name.clone()),
            };
            add(release, revision);
        }
    }
    let readings = context.cluster.into_iter();
    let readings = readings.flat_map(|cluster| &cluster.ledger);
    for row in readings.flat_map(|reading| reading.rows.helm_releases()) {
        let revision = NewestRevision {
            namespace: row.namespace.clone(),
            number: row.revision,
            status: row.status.to_lowercase(),
            has_deployed: row.is_labelled_deployed() || row.status == "deployed",
            storage: row.storage,
            record: None,
        };
        add(&row.release, revision);
    }
    newest
}

/// The object that records a revision.
fn record(release: &str, revision: &NewestRevision) -> AffectedObject {
    let NewestRevision {
        number,
        storage,
        record,
        ..
    } = revision;
    let (kind, namespace, name) = match storage {
        HelmStorage::Tiller => ("ConfigMap", "kube-system", format!("{release}.v{number}")),
        HelmStorage::ConfigMap => (
            "ConfigMap",
            &*revision.namespace,
            helm3_name(release, *number),
        ),
        HelmStorage::Secret => ("Secret", &*revision.namespace, helm3_name(release, *number)),
    };
    let name = record.clone().unwrap_or(name);
    let detail = format!("helm release {release} v{number} is {}", revision.status);
    let evidence = Evidence::new(EvidenceSource::Helm, detail);
    AffectedObject {
        namespace: Some(namespace.to_owned()),
        ..AffectedObject::cluster_scoped("v1", kind, &name, evidence)
    }
}

fn helm3_name(release: &str, number: u64) -> String {
    format!("sh.helm.release.v1.{release}.v{number}")
}

#[cfg(test)]
mod tests {
    use super::{HelmStorage, NewestRevision, Severity};

    fn revision(number: u64, status: &str, has_deployed: bool) -> NewestRevision {
        NewestRevision {
            namespace: "kyma-system".to_owned(),
            number,
            status: status.to_owned(),
            has_deployed,
            storage: HelmStorage::Secret,
            record: None,
        }
    }

    #[test]
    fn what_the_installer_cannot_upgrade_blocks() {
        for (number, status, has_deployed, recovers, expected) in [
            (2, "deployed", true, false, None),
            (2, "failed", true, false, Some(Severity::Blocker)),
            (1, "pending_upgrade", false, false, Some(Severity::Blocker)),
            (2, "deployed", true, true, None),
            (3, "failed", true, true, None),
            (3, "failed", false, true, Some(Severity::Blocker)),
            (1, "failed", false, true, Some(Severity::Warning)),
            (3, "superseded", true, true, Some(Severity::Blocker)),
            (3, "pending-upgrade", true, true, Some(Severity::Warning)),
            (1, "pending-install", false, true, Some(Severity::Warning)),
        ] {
            let effect = revision(number, status, has_deployed).effect(recovers);
            let severity = effect.map(|(severity, _)| severity);
            assert_eq!(
                severity, expected,
                "{number} {status} {has_deployed} {recovers}"
            );
        }
    }

    #[test]
    fn records_of_helm_3_come_before_those_of_tiller() {
        let tiller = NewestRevision {
            storage: HelmStorage::Tiller,
            ..revision(9, "failed", false)
        };
        for (mut one, other) in [
            (tiller.clone(), revision(2, "deployed", true)),
            (revision(2, "deployed", true), tiller),
        ] {
            one.merge(other);
            assert_eq!((one.number, one.status.as_str()), (2, "deployed"));
        }
        let mut failed = revision(3, "failed", false);
        failed.merge(revision(2, "deployed", true));
        assert!(failed.has_deployed && failed.number == 3);
    }
}
