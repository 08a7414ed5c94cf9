//! Rows, field by field.

use std::collections::BTreeMap;

use super::super::intern::Interner;
use super::super::metadata::Row;
use super::super::nodes::machine_deployment_of_set;
use super::super::{
    EndpointSliceRow, FieldManager, HelmReleaseRow, LastApplied, ManifestObject, MetaRow, NodeRow,
    ObjectRow, Placement, PodFields, Rows, SharedStr, WorkloadRow,
};
use super::pseudonymizer::Pseudonymizer;
use super::token_kinds::is_upper_camel_case;
use crate::need::ReadTarget;

/// The labels that Helm puts on its records.
const HELM_LABELS: [&str; 5] = ["name", "version", "status", "createdAt", "modifiedAt"];

impl Pseudonymizer<'_> {
    pub(super) fn redact_rows(&self, subject: &ReadTarget, rows: &mut Rows) {
        match rows {
            Rows::Metadata(rows) => redact_each(rows, |row| self.redact_metadata(row)),
            Rows::Nodes(rows) => rows.iter_mut().for_each(|row| self.redact_node(row)),
            Rows::Pods(rows) => redact_each(rows, |row| row.update(|pod| self.redact_pod(pod))),
            Rows::HelmReleases(rows) => rows
                .iter_mut()
                .for_each(|row| self.redact_helm_release(row)),
            Rows::EndpointSlices(rows) => redact_each(rows, |row: &mut EndpointSliceRow| {
                self.redact_metadata(&mut row.meta);
                row.service_name = self.redact_name(&row.service_name);
            }),
            Rows::Workloads(rows) => redact_each(rows, |row| self.redact_workload(row)),
            Rows::Objects(rows) => redact_each(rows, |row: &mut ObjectRow| {
                self.redact_metadata(&mut row.meta);
                self.redact_object(&mut row.object);
            }),
            Rows::TextLines(lines) => {
                let is_readyz = matches!(subject, ReadTarget::NonResourceUrl { path, .. } if path.starts_with("/readyz"));
                for line in lines.iter_mut() {
                    *line = if is_readyz {
                        redact_readyz_line(line)
                    } else {
                        self.redact_text(line)
                    };
                }
            }
        }
    }

    fn redact_names<'t>(&self, texts: impl IntoIterator<Item = &'t mut SharedStr>) {
        for text in texts {
            *text = self.redact_name(text).into();
        }
    }

    fn redact_metadata(&self, row: &mut MetaRow) {
        row.namespace = row.namespace.take().map(|name| self.redact_name(&name));
        row.name = self.redact_name(&row.name);
        // The UID of kube-system is the key.
        row.uid = row.uid.map(|uid| self.key.pseudonymize_uid(uid));
        row.owner = row.owner.take().map(|owner| self.redact_owner(&owner));
        self.redact_traces(&mut row.field_managers, &mut row.last_applied);
        row.helm_labels
            .retain(|key, _| HELM_LABELS.contains(&key.as_str()));
        for (key, value) in &mut row.helm_labels {
            *value = match key.as_str() {
                "name" => self.redact_name(value),
                _ if is_helm_label_value(value) => std::mem::take(value),
                _ => self.redact_text(value),
            };
        }
        for owner in &mut row.owner_references {
            owner.kind = self.redact_kind(&owner.api_version, &owner.kind).into();
            owner.api_version = self.redact_api_version(&owner.api_version).into();
            owner.name = self.redact_name(&owner.name).into();
            owner.uid = owner.uid.map(|uid| self.key.pseudonymize_uid(uid));
        }
    }

    fn redact_traces(&self, managers: &mut [FieldManager], applied: &mut [LastApplied]) {
        for manager in managers {
            manager.name = self.redact_field_manager(&manager.name).into();
            manager.api_version = self.redact_api_version(&manager.api_version).into();
            manager.subresource = self.redact_name(&manager.subresource).into();
        }
        for applied in applied {
            applied.annotation = self.redact_label_key(&applied.annotation).into();
            applied.kind = self.redact_kind(&applied.api_version, &applied.kind).into();
            applied.api_version = self.redact_api_version(&applied.api_version).into();
        }
    }

    fn redact_node(&self, row: &mut NodeRow) {
        row.name = self.redact_name(&row.name);
        row.uid = row.uid.map(|uid| self.key.pseudonymize_uid(uid));
        let labels = std::mem::take(&mut row.labels).into_iter();
        row.labels = labels
            .map(|(key, value)| (self.redact_label_key(&key), self.redact_text(&value)))
            .collect::<BTreeMap<_, _>>();
        // The rest of a provider ID names accounts, zones and machines.
        let scheme = row.provider_id.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(|scheme| scheme.chars().all(|it| it.is_ascii_alphanumeric()));
        row.provider_id = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
        row.os_image = self.redact_os_image(&row.os_image);
        for flag in row.component_flags.iter_mut().flatten() {
            *flag = self.redact_argument(flag);
        }
        row.kubelet_version = self.redact_text(row.kubelet_version.as_ref()).into();
        row.container_runtime_version = self.redact_text(&row.container_runtime_version);
        for taint in &mut row.taint_keys {
            *taint = self.redact_label_key(taint);
        }
        for condition in &mut row.conditions {
            for text in [
                &mut condition.kind,
                &mut condition.status,
                &mut condition.reason,
            ] {
                if !is_upper_camel_case(text) {
                    *text = self.redact_text(text);
                }
            }
        }
        row.cri_socket = row
            .cri_socket
            .take()
            .map(|socket| self.redact_text(&socket));
        row.capi_cluster = row.capi_cluster.take().map(|cluster| {
            let parts = cluster.split('/').map(|part| self.redact_name(part));
            parts.collect::<Vec<_>>().join("/")
        });
        row.capi_machine_owner = row.capi_machine_owner.take().map(|owner| {
            let (kind, name) = owner.split_once('/').unwrap_or_default();
            let shown = match is_upper_camel_case(kind) {
                true => kind.to_owned(),
                false => self.redact_name(kind),
            };
            // The suffix of a MachineSet is random, and rules derive the MachineDeployment from it.
            let named = match kind == "MachineSet" {
                true => machine_deployment_of_set(name).unwrap_or(name),
                false => name,
            };
            format!(
                "{shown}/{}{}",
                self.redact_name(named),
                &name[named.len()..]
            )
        });
    }

    fn redact_pod(&self, row: &mut PodFields) {
        row.name = self.redact_name(&row.name);
        row.labels = self.redact_labels(&row.labels);
        self.redact_names([&mut row.namespace, &mut row.node_name]);
        if let Some(owner) = &mut row.controller {
            self.redact_names([&mut owner.kind, &mut owner.name]);
        }
        self.redact_names(&mut row.only_node);
        self.redact_names(&mut row.volume_claims);
        self.redact_placement(row.placement.as_deref_mut());
        self.redact_names(&mut row.in_tree_volumes);
        for finalizer in &mut row.finalizers {
            *finalizer = self.redact_label_key(finalizer).into();
        }
    }

    fn redact_workload(&self, row: &mut WorkloadRow) {
        self.redact_metadata(&mut row.meta);
        if !is_upper_camel_case(&row.update_strategy) {
            self.redact_names([&mut row.update_strategy]);
        }
        for image in &mut row.images {
            *image = self.redact_image(image).into();
        }
        self.redact_names(&mut row.in_tree_volumes);
        if let Some(selector) = &mut row.selector {
            selector.match_labels = self.redact_labels(&selector.match_labels);
            for part in &mut selector.match_expressions {
                part.key = self.redact_label_key(&part.key).into();
                for value in &mut part.values {
                    *value = self.redact_text(value).into();
                }
            }
        }
        self.redact_placement(row.placement.as_deref_mut());
    }

    fn redact_placement(&self, placement: Option<&mut Placement>) {
        for key in placement.into_iter().flat_map(Placement::keys_mut) {
            *key = self.redact_label_key(key).into();
        }
    }

    pub(super) fn redact_helm_release(&self, row: &mut HelmReleaseRow) {
        row.namespace = self.redact_name(&row.namespace);
        row.release = self.redact_name(&row.release);
        row.chart = self.redact_chart(&row.chart);
        for status in row.label.iter_mut().chain([&mut row.status]) {
            if !is_helm_label_value(status) {
                *status = self.redact_text(status);
            }
        }
        row.objects
            .iter_mut()
            .for_each(|it| self.redact_manifest(it));
    }

    pub(super) fn redact_manifest(&self, object: &mut ManifestObject) {
        object.kind = self.redact_kind(&object.api_version, &object.kind);
        object.api_version = self.redact_api_version(&object.api_version);
        object.namespace = object.namespace.take().map(|name| self.redact_name(&name));
        object.name = self.redact_name(&object.name);
        object.location = self.redact_location(&object.location);
        if let Some(fields) = &mut object.fields {
            self.redact_object(fields);
        }
        if let Some(live) = &mut object.live {
            self.redact_traces(&mut live.field_managers, &mut live.last_applied);
        }
        for reference in &mut object.references {
            reference.kind = self.redact_kind(&reference.api_version, &reference.kind);
            reference.api_version = self.redact_api_version(&reference.api_version);
            reference.name = self.redact_name(&reference.name);
        }
    }
}

/// Redacts rows and interns their strings again.
fn redact_each<T: Row>(rows: &mut [T], redact: impl Fn(&mut T)) {
    let mut pool = Interner::default();
    for row in rows {
        redact(row);
        row.intern_with(&mut pool);
    }
}

/// Whether it is the status, revision or time of a Helm release record.
fn is_helm_label_value(value: &str) -> bool {
    const STATES: [&str; 9] = [
        "unknown",
        "deployed",
        "uninstalled",
        "superseded",
        "failed",
        "uninstalling",
        "pending-install",
        "pending-upgrade",
        "pending-rollback",
    ];
    STATES.contains(&value) || value.chars().all(|letter| letter.is_ascii_digit())
}

/// Keeps the name and the mark of a failed check of the API server.
fn redact_readyz_line(line: &str) -> String {
    match line.strip_prefix('[') {
        Some(_) => line.split(':').next().unwrap_or_default().to_owned(),
        None => String::new(),
    }
}
