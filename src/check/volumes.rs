//! `vol-*`: volumes of plug-ins that stood in Kubernetes itself. Each row of `volumes.tsv` is a rule.
//!
//! Volumes, storage classes, and pods that name such a volume without a claim speak.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::data::{RuleError, listed_through, object};
use super::{Body, Finding, Object, RowRule, Rule, Said, Severity, Situation, pods};
use crate::catalog::{Catalog, Fate, Resource, VolumePlugin, volume_plugins};
use crate::evidence::{Evidence, Source};
use crate::need::{Asking, Depth, Need};
use crate::snapshot::{JsonRow, Picture, PodRow};

/// All persistent volumes.
pub(crate) fn persistent_volumes() -> Need {
    Need::objects(Resource::new("", "persistentvolumes"), Depth::Whole)
}

/// All storage classes.
pub(crate) fn storage_classes() -> Need {
    Need::objects(storage("storageclasses"), Depth::Whole)
}

/// Where CSI drivers are named: by an object of their own, which is optional, and on the nodes where they run.
pub(crate) fn csi_drivers() -> [Need; 2] {
    [
        Need::objects(storage("csidrivers"), Depth::Meta),
        Need::objects(storage("csinodes"), Depth::Whole),
    ]
}

/// A resource of the group of storage.
pub(super) fn storage(plural: &str) -> Resource {
    Resource::new("storage.k8s.io", plural)
}

/// The CSI drivers that this cluster knows; none where not everything was read that names one.
pub(super) fn drivers_of<'a>(picture: &'a Picture, catalog: &Catalog) -> Option<BTreeSet<&'a str>> {
    let mut names = BTreeSet::new();
    let [objects, nodes] = csi_drivers();
    if let Some(rows) = picture.read(&objects, catalog).ok()? {
        names.extend(rows.meta().map(|row| row.name.as_str()));
    }
    if let Some(rows) = picture.read(&nodes, catalog).ok()? {
        let drivers = rows.json().iter().flat_map(|row| {
            let drivers = row.object["spec"]["drivers"].as_array();
            drivers.into_iter().flatten()
        });
        names.extend(drivers.filter_map(|driver| driver["name"].as_str()));
    }
    Some(names)
}

/// Whether somebody may mount the volume: it is bound, or about to be. One that nobody has claimed, or whose claim is gone,
/// is mounted by nobody.
pub(super) fn in_use(volume: &Value) -> bool {
    let phase = volume["status"]["phase"].as_str();
    !matches!(phase, Some("Available" | "Released" | "Failed"))
}

/// What was seen of a volume, with who claims it.
pub(super) fn seen(what: &str, volume: &Value) -> Evidence {
    let claim = &volume["spec"]["claimRef"];
    let detail = match (claim["namespace"].as_str(), claim["name"].as_str()) {
        (Some(namespace), Some(name)) => format!("{what}, claim {namespace}/{name}"),
        _ => what.to_owned(),
    };
    Evidence::new(Source::Spec, detail)
}

/// The rules of the table.
pub(super) fn embedded() -> Result<Vec<&'static Rule>, RuleError> {
    let plugins = volume_plugins().map_err(|error| RuleError::File {
        file: error.table.to_owned(),
        why: error.source.to_string(),
    })?;
    Ok(plugins.into_iter().map(rule).collect())
}

/// The rule of a row. It lives as long as the program, which reads its rules once.
fn rule(plugin: VolumePlugin) -> &'static Rule {
    let VolumePlugin { name, from, .. } = &plugin;
    let driver = &plugin.driver;
    let (severity, title, why, mend) = match plugin.fate {
        Fate::Driver => (
            Severity::Warning,
            format!("Volumes of {name} need a CSI driver that is missing"),
            format!("From {from} on, Kubernetes leaves them to the CSI driver {driver}. Without it, they are neither made, attached nor mounted."),
            format!("Install the CSI driver {driver} before this hop."),
        ),
        Fate::Gone => (
            Severity::Blocker,
            format!("Volumes of {name} cannot be mounted any more"),
            format!("The plug-in is gone from {from} on, and nothing takes its volumes over: pods that use one do not start."),
            "Move the data to volumes of a CSI driver before this hop, then delete the old volumes and storage classes.".to_owned(),
        ),
        Fate::Deprecated => (
            Severity::Note,
            format!("{name} is deprecated"),
            format!("It is deprecated since {from} and gets no new features; no minor is named in which it goes."),
            "Plan the move to volumes of a CSI driver.".to_owned(),
        ),
    };
    let mend = format!("{mend} {}", plugin.remedy).trim().to_owned();
    let sources: Vec<&'static str> = plugin
        .source
        .split("; ")
        .map(|source| &*source.to_owned().leak())
        .collect();
    Box::leak(Box::new(Rule {
        id: plugin.id.clone().leak(),
        severity,
        title: title.leak(),
        applies_to: from.to_string().leak(),
        why: why.leak(),
        how: how(&plugin).leak(),
        mend: mend.leak(),
        reference: plugin.reference.clone().leak(),
        sources: sources.leak(),
        reads_files: false,
        body: Body::Row(Box::new(plugin)),
    }))
}

fn how(plugin: &VolumePlugin) -> String {
    let mut how = format!("By spec.{} of persistent volumes", plugin.field);
    if !plugin.provisioner.is_empty() {
        how += &format!(" and by storage classes with {}", plugin.provisioner);
    }
    how += match plugin.fate {
        Fate::Driver => ", where neither a CSIDriver nor a CSINode names the driver.",
        Fate::Gone => {
            ". A volume that nobody uses, a storage class, and what is gone already are a warning."
        }
        Fate::Deprecated => ".",
    };
    how + " Pods that name such a volume without a claim count like volumes in use."
}

impl RowRule for VolumePlugin {
    fn needs(&self, asking: &Asking<'_>) -> Vec<Need> {
        if asking.path.to < self.from {
            return Vec::new();
        }
        let mut needs = vec![persistent_volumes(), pods::pods()];
        if !self.provisioner.is_empty() {
            needs.push(storage_classes());
        }
        if self.fate == Fate::Driver {
            needs.extend(csi_drivers());
        }
        needs
    }

    fn evaluate(&self, rule: &Rule, situation: &Situation<'_>) -> Vec<Finding> {
        if situation.path.to < self.from {
            return Vec::new();
        }
        let worst = self.worst_from;
        let hop = worst
            .and_then(|worst| situation.path.hop_into(worst))
            .or_else(|| situation.path.hop_into(self.from));
        let mut found: BTreeMap<Severity, Vec<Object>> = BTreeMap::new();
        for (picture, catalog) in situation
            .snapshot
            .clusters
            .iter()
            .map(|it| (it, situation.catalog))
        {
            if self.is_served(picture, catalog) {
                continue;
            }
            for (severity, object) in self.objects(picture, catalog) {
                // What is gone already was seen to be gone: the upgrade changes nothing.
                let milder = hop.is_none() && self.fate == Fate::Gone;
                let not_yet = self
                    .worst_from
                    .is_some_and(|worst| situation.path.to < worst);
                let severity = if milder || not_yet {
                    severity.min(Severity::Warning)
                } else {
                    severity
                };
                found
                    .entry(severity.min(rule.severity))
                    .or_default()
                    .push(object);
            }
        }
        let message = match (self.fate, &hop) {
            (Fate::Driver, _) => format!("the CSI driver {} is missing", self.driver),
            (Fate::Gone, Some(hop)) => {
                format!("the plug-in of {} is gone in {}", self.name, hop.to)
            }
            (Fate::Gone, None) => {
                format!("the plug-in of {} is gone since {}", self.name, self.from)
            }
            (Fate::Deprecated, _) => format!("{} is deprecated since {}", self.name, self.from),
        };
        let said = |(severity, objects)| Said {
            severity,
            hop: hop.clone(),
            ..Said::new(rule, self.id.as_str(), message.as_str(), objects)
        };
        let findings = found.into_iter().map(said);
        findings
            .filter_map(|said| Finding::new(rule, said))
            .collect()
    }
}

impl VolumePlugin {
    /// Whether its driver is there, or it cannot be told.
    fn is_served(&self, picture: &Picture, catalog: &Catalog) -> bool {
        self.fate == Fate::Driver
            && drivers_of(picture, catalog)
                .is_none_or(|drivers| drivers.contains(self.driver.as_str()))
    }

    /// Volumes and storage classes of this plug-in, with the worst that can be said of each.
    fn objects(&self, picture: &Picture, catalog: &Catalog) -> Vec<(Severity, Object)> {
        let mut found = Vec::new();
        for (api, row) in whole(picture, &persistent_volumes(), catalog) {
            if !row.object["spec"][&self.field].is_object() {
                continue;
            }
            let used = in_use(&row.object);
            let severity = if used {
                Severity::Blocker
            } else {
                Severity::Warning
            };
            let evidence = seen(&format!("spec.{}", self.field), &row.object);
            found.push((severity, object(picture, &api, row, evidence)));
        }
        for (api, row) in whole(picture, &storage_classes(), catalog) {
            let provisioner = row.object["provisioner"].as_str().unwrap_or_default();
            if !self.provisioner.is_empty() && provisioner == self.provisioner {
                let evidence = Evidence::new(Source::Spec, format!("provisioner {provisioner}"));
                found.push((Severity::Warning, object(picture, &api, row, evidence)));
            }
        }
        found.extend(self.pods(picture, catalog));
        found
    }

    /// Pods that name such a volume themselves and are not finished.
    fn pods(&self, picture: &Picture, catalog: &Catalog) -> Vec<(Severity, Object)> {
        let Ok(Some(rows)) = picture.read(&pods::pods(), catalog) else {
            return Vec::new();
        };
        let names = |pod: &&PodRow| {
            !pod.finished() && pod.volumes.iter().any(|volume| **volume == *self.field)
        };
        rows.pods()
            .iter()
            .filter(names)
            .map(|pod| {
                let detail = format!("spec.volumes with {}", self.field);
                let evidence = Evidence::new(Source::Spec, detail);
                (Severity::Blocker, pods::object(picture, pod, evidence))
            })
            .collect()
    }
}

/// The whole objects that answer a need, with the API through which they were listed.
pub(super) fn whole<'a>(
    picture: &'a Picture,
    need: &Need,
    catalog: &Catalog,
) -> Vec<(crate::catalog::Gvk, &'a JsonRow)> {
    let crate::need::Subject::Objects { resource, .. } = &need.subject else {
        return Vec::new();
    };
    let rows = picture.read(need, catalog).ok().flatten();
    let (Some(rows), Some(api)) = (rows, listed_through(resource, picture, catalog)) else {
        return Vec::new();
    };
    rows.json().iter().map(|row| (api.clone(), row)).collect()
}
