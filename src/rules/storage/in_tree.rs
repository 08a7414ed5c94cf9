//! `vol-*`: volumes of in-tree plugins. Each row of `volumes.tsv` is a rule.
//!
//! Evidence are volumes, storage classes, and pods and templates that use such a volume without a claim, in the cluster and
//! in manifests and Helm releases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::{GroupResource, InTreeStatus, VolumePlugin, volume_plugins};
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::{pods, workloads};
use crate::need::{DetailLevel, Need, NeedContext, ReadTarget};
use crate::rules::engine::data_rule::{LoadRulesError, object_from_meta, object_from_row};
use crate::rules::engine::manifests::{POD_SPECS, manifest_contents};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, RuleOutput,
    Severity, TableRule,
};
use crate::snapshot::{ClusterView, ObjectRow, PodRow, Rows, WorkloadRow};

/// All persistent volumes.
pub(crate) fn persistent_volumes_need(volume_field: &str) -> Need {
    let resource = GroupResource::new("", "persistentvolumes");
    Need::objects(resource, DetailLevel::Full).with_fields(&[
        "spec.claimRef.name",
        "spec.claimRef.namespace",
        "status.phase",
        volume_field,
    ])
}

/// All storage classes.
pub(crate) fn storage_classes_need() -> Need {
    Need::objects(storage_resource("storageclasses"), DetailLevel::Full)
        .with_fields(&["provisioner"])
}

/// The kinds that list CSI drivers: CSIDriver, which is optional, and CSINode.
pub(crate) fn csi_driver_needs() -> [Need; 2] {
    [
        Need::objects(storage_resource("csidrivers"), DetailLevel::Metadata),
        Need::objects(storage_resource("csinodes"), DetailLevel::Full)
            .with_fields(&["spec.drivers.name"]),
    ]
}

/// A resource of the group `storage.k8s.io`.
pub(crate) fn storage_resource(plural: &str) -> GroupResource {
    GroupResource::new("storage.k8s.io", plural)
}

/// The CSI drivers that this cluster knows; none where not everything was read that names one.
pub(crate) fn installed_csi_drivers(view: ClusterView<'_>) -> Option<BTreeSet<&str>> {
    let mut names = BTreeSet::new();
    let [objects, nodes] = csi_driver_needs();
    if let Some(rows) = view.cluster.rows_for(&objects, view.catalog).ok()? {
        names.extend(rows.metadata().map(|row| row.name.as_str()));
    }
    if let Some(rows) = view.cluster.rows_for(&nodes, view.catalog).ok()? {
        let drivers = rows.objects().iter().flat_map(|row| {
            let drivers = row.object["spec"]["drivers"].as_array();
            drivers.into_iter().flatten()
        });
        names.extend(drivers.filter_map(|driver| driver["name"].as_str()));
    }
    Some(names)
}

/// Whether a pod may mount the volume: it is bound, or about to be. Volumes without a claim, or whose claim is deleted, are
/// not mounted.
pub(crate) fn is_in_use(volume: &Value) -> bool {
    let phase = volume["status"]["phase"].as_str();
    !matches!(phase, Some("Available" | "Released" | "Failed"))
}

/// Evidence about a volume, with its claim.
pub(crate) fn volume_evidence(what: &str, volume: &Value) -> Evidence {
    let claim = &volume["spec"]["claimRef"];
    let detail = match (claim["namespace"].as_str(), claim["name"].as_str()) {
        (Some(namespace), Some(name)) => format!("{what}, claim {namespace}/{name}"),
        _ => what.to_owned(),
    };
    Evidence::new(EvidenceSource::Spec, detail)
}

/// The rules of the table.
pub(crate) fn volume_rules() -> Result<Vec<&'static Rule>, LoadRulesError> {
    let plugins = volume_plugins().map_err(|error| LoadRulesError::File {
        file: error.table.to_owned(),
        reason: error.source.to_string(),
    })?;
    Ok(plugins.into_iter().map(plugin_rule).collect())
}

/// The rule of a row. It lives as long as the program, which reads its rules once.
fn plugin_rule(plugin: VolumePlugin) -> &'static Rule {
    let VolumePlugin {
        name,
        effective_from: from,
        ..
    } = &plugin;
    let driver = &plugin.csi_driver;
    let (severity, title, why, remedy) = match plugin.status {
        InTreeStatus::MigratedToCsi => (
            Severity::Blocker,
            format!("Volumes of {name} need a CSI driver that is missing"),
            format!("From {from} on, Kubernetes delegates them to the CSI driver {driver}. Without it, they cannot be provisioned, attached or mounted."),
            format!("Install the CSI driver {driver} before this hop."),
        ),
        InTreeStatus::Removed => (
            Severity::Blocker,
            format!("Volumes of {name} can no longer be mounted"),
            format!("The plugin is removed in {from}, and nothing replaces it: pods that use one of its volumes do not start."),
            "Move the data to volumes of a CSI driver before this hop, then delete the old volumes and storage classes.".to_owned(),
        ),
        InTreeStatus::Deprecated => (
            Severity::Note,
            format!("{name} is deprecated"),
            format!("It has been deprecated since {from} and gets no new features. Its removal is not scheduled."),
            "Plan the move to volumes of a CSI driver.".to_owned(),
        ),
    };
    let remedy = format!("{remedy} {}", plugin.remedy).trim().to_owned();
    let sources: Vec<&'static str> = plugin
        .source
        .split("; ")
        .map(|source| &*source.to_owned().leak())
        .collect();
    Box::leak(Box::new(Rule {
        id: plugin.id.clone().leak(),
        severity,
        title: title.leak(),
        applies_to: Applicability::Text(from.to_string().leak()),
        why: why.leak(),
        detection: detection_text(&plugin).leak(),
        remedy: remedy.leak(),
        reference: plugin.reference.clone().leak(),
        sources: sources.leak(),
        reads_files: true,
        kind: RuleKind::Table(Box::leak(Box::new(plugin))),
        ..Rule::DEFAULT
    }))
}

fn detection_text(plugin: &VolumePlugin) -> String {
    let mut how = format!("By spec.{} of persistent volumes", plugin.field);
    if !plugin.provisioner.is_empty() {
        how += &format!(" and by storage classes with {}", plugin.provisioner);
    }
    how += match plugin.status {
        InTreeStatus::MigratedToCsi => {
            ", where neither a CSIDriver nor a CSINode names the driver. Unused volumes and storage classes are a warning, and so is everything if the driver is already needed."
        }
        InTreeStatus::Removed => {
            ". Unused volumes, storage classes, and plugins that are already removed are a warning."
        }
        InTreeStatus::Deprecated => ".",
    };
    how + " Pods, and templates of workloads, that use such a volume without a claim count like volumes in use. Manifests and Helm releases are read too."
}

impl TableRule for VolumePlugin {
    fn needs(&self, context: &NeedContext<'_>) -> Vec<Need> {
        if !context.path.reaches(self.effective_from) {
            return Vec::new();
        }
        let mut needs = vec![self.volumes_need(), pods::pods_need()];
        needs.extend(workloads::all());
        if !self.provisioner.is_empty() {
            needs.push(storage_classes_need());
        }
        if self.status == InTreeStatus::MigratedToCsi {
            needs.extend(csi_driver_needs());
        }
        needs
    }

    fn evaluate(&self, rule: &Rule, context: &CheckContext<'_>) -> RuleOutput {
        if !context.path.reaches(self.effective_from) {
            return RuleOutput::default();
        }
        let worst = self.blocker_from;
        let hop = worst
            .and_then(|worst| context.path.hop_into(worst))
            .or_else(|| context.path.hop_into(self.effective_from));
        let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
        for (severity, object) in self.all_affected(context) {
            // If the change is already in effect, the upgrade adds nothing to it.
            let milder = hop.is_none();
            let not_yet = self
                .blocker_from
                .is_some_and(|worst| !context.path.reaches(worst));
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

        let message = match (self.status, &hop) {
            (InTreeStatus::MigratedToCsi, _) if context.cluster.is_some() => {
                format!("the CSI driver {} is missing", self.csi_driver)
            }
            (InTreeStatus::MigratedToCsi, _) => {
                format!(
                    "its volume needs the CSI driver {} from {} on",
                    self.csi_driver, self.effective_from
                )
            }
            (InTreeStatus::Removed, Some(hop)) => {
                format!("the plugin {} is removed in {}", self.name, hop.to)
            }
            (InTreeStatus::Removed, None) => {
                format!(
                    "the plugin {} was removed in {}",
                    self.name, self.effective_from
                )
            }
            (InTreeStatus::Deprecated, _) => {
                format!(
                    "{} has been deprecated since {}",
                    self.name, self.effective_from
                )
            }
        };
        let draft = |(severity, objects)| FindingDraft {
            severity,
            hop: hop.clone(),
            ..FindingDraft::new(rule, self.id.as_str(), message.as_str(), objects)
        };
        let findings = found.into_iter().map(draft);
        findings
            .filter_map(|draft| Finding::new(rule, draft))
            .collect::<Vec<_>>()
            .into()
    }
}

impl VolumePlugin {
    fn volumes_need(&self) -> Need {
        persistent_volumes_need(&format!("spec.{}[]", self.field))
    }

    /// Whether its driver is installed, or that is unknown.
    fn has_driver(&self, view: ClusterView<'_>) -> bool {
        self.status == InTreeStatus::MigratedToCsi
            && installed_csi_drivers(view)
                .is_none_or(|drivers| drivers.contains(self.csi_driver.as_str()))
    }

    /// Every object of this plugin, each with its severity: an object that is both in the cluster and in a manifest once.
    fn all_affected(&self, context: &CheckContext<'_>) -> Vec<(Severity, AffectedObject)> {
        let view = context.view();
        if view.is_some_and(|view| self.has_driver(view)) {
            return Vec::new();
        }
        let mut found = view.map_or_else(Vec::new, |view| self.affected_objects(view));
        for content in manifest_contents(context) {
            let Some((severity, detail)) = self.use_in_manifest(content.fields) else {
                continue;
            };
            // Whether the driver will be there is unknown.
            let is_open = view.is_none() && self.status == InTreeStatus::MigratedToCsi;
            let severity = if is_open { Severity::Note } else { severity };
            let object = content.affected(detail);
            match found.iter_mut().find(|(_, other)| other.is_same(&object)) {
                Some((_, other)) => other.evidence.extend(object.evidence),
                None => found.push((severity, object)),
            }
        }
        found
    }

    /// Where the fields of a manifest name the plugin: a PersistentVolume, a StorageClass, or a pod or its template.
    fn use_in_manifest(&self, fields: &Value) -> Option<(Severity, String)> {
        if fields
            .pointer("/spec")
            .is_some_and(|spec| spec.get(&self.field).is_some())
        {
            return Some((Severity::Blocker, format!("spec.{}", self.field)));
        }
        let provisioner = fields.get("provisioner").and_then(Value::as_str);
        if !self.provisioner.is_empty() && provisioner == Some(&self.provisioner) {
            return Some((
                Severity::Warning,
                format!("provisioner {}", self.provisioner),
            ));
        }
        let volumes = POD_SPECS
            .iter()
            .find_map(|path| fields.pointer(path)?.get("volumes"));
        let mut volumes = volumes.and_then(Value::as_array)?.iter();
        let is_used = volumes.any(|volume| volume.get(&self.field).is_some_and(Value::is_object));
        is_used.then(|| (Severity::Blocker, self.inline_detail()))
    }

    fn inline_detail(&self) -> String {
        format!("spec.volumes with {}", self.field)
    }

    /// Volumes, storage classes, workloads and pods of this plugin, each with its severity.
    fn affected_objects(&self, view: ClusterView<'_>) -> Vec<(Severity, AffectedObject)> {
        let mut found = Vec::new();
        for (api, row) in objects_with_gvk(view, &self.volumes_need()) {
            if !row.object["spec"][&self.field].is_object() {
                continue;
            }
            // Only a claimed volume can have a pod that waits for the driver.
            let is_claimed = row.object["spec"]["claimRef"].is_object();
            let used = is_in_use(&row.object)
                && (is_claimed || self.status != InTreeStatus::MigratedToCsi);
            let severity = if used {
                Severity::Blocker
            } else {
                Severity::Warning
            };
            let evidence = volume_evidence(&format!("spec.{}", self.field), &row.object);
            found.push((severity, object_from_row(&api, row, evidence)));
        }
        for (api, row) in objects_with_gvk(view, &storage_classes_need()) {
            let provisioner = row.object["provisioner"].as_str().unwrap_or_default();
            if !self.provisioner.is_empty() && provisioner == self.provisioner {
                let evidence =
                    Evidence::new(EvidenceSource::Spec, format!("provisioner {provisioner}"));
                found.push((Severity::Warning, object_from_row(&api, row, evidence)));
            }
        }
        for need in workloads::all() {
            found.extend(self.affected_workloads(view, &need));
        }
        found.extend(self.affected_pods(view));
        found
    }

    /// Workloads whose templates use such a volume without a claim.
    fn affected_workloads(
        &self,
        view: ClusterView<'_>,
        need: &Need,
    ) -> Vec<(Severity, AffectedObject)> {
        let ReadTarget::Objects { resource, .. } = &need.target else {
            return Vec::new();
        };
        let Some(api) = view.listed_gvk(resource) else {
            return Vec::new();
        };
        let rows = view.rows(need).into_iter().flat_map(Rows::workloads);
        let names = |row: &&WorkloadRow| {
            row.in_tree_volumes
                .iter()
                .any(|field| **field == *self.field)
        };
        let affected = rows.filter(names).map(|row| {
            let evidence = Evidence::new(EvidenceSource::Spec, self.inline_detail());
            (
                Severity::Blocker,
                object_from_meta(&api, &row.meta, evidence),
            )
        });
        affected.collect()
    }

    /// Unfinished pods that use such a volume without a claim.
    fn affected_pods(&self, view: ClusterView<'_>) -> Vec<(Severity, AffectedObject)> {
        let pods = view
            .rows(&pods::pods_need())
            .into_iter()
            .flat_map(Rows::pods);
        let names = |pod: &&PodRow| {
            !pod.is_finished()
                && pod
                    .in_tree_volumes
                    .iter()
                    .any(|volume| **volume == *self.field)
        };
        pods.filter(names)
            .map(|pod| {
                let evidence = Evidence::new(EvidenceSource::Spec, self.inline_detail());
                (Severity::Blocker, AffectedObject::pod(pod, evidence))
            })
            .collect()
    }
}

/// The whole objects that answer a need, with the API through which they were listed.
pub(crate) fn objects_with_gvk<'a>(
    view: ClusterView<'a>,
    need: &Need,
) -> Vec<(crate::catalog::Gvk, &'a ObjectRow)> {
    let ReadTarget::Objects { resource, .. } = &need.target else {
        return Vec::new();
    };
    let Some(api) = view.listed_gvk(resource) else {
        return Vec::new();
    };
    view.objects(need)
        .iter()
        .map(|row| (api.clone(), row))
        .collect()
}
