//! Rows with their names replaced, field by field.

use std::collections::BTreeMap;

use super::super::nodes::machine_deployment;
use super::super::shared::{Pool, Share};
use super::super::{
    HelmRow, JsonRow, ManifestObject, MetaRow, NodeRow, PodRow, Rows, SliceRow, Text, WorkloadRow,
};
use super::shapes::is_camel;
use super::words::Words;
use crate::need::Subject;

/// The labels that Helm puts on its records.
const HELM_LABELS: [&str; 5] = ["name", "version", "status", "createdAt", "modifiedAt"];

impl Words<'_> {
    pub(super) fn rows(&self, subject: &Subject, rows: &mut Rows) {
        match rows {
            Rows::Meta(rows) => each(rows, |row| self.meta(row)),
            Rows::Nodes(rows) => rows.iter_mut().for_each(|row| self.node(row)),
            Rows::Pods(rows) => each(rows, |row| self.pod(row)),
            Rows::Helm(rows) => rows.iter_mut().for_each(|row| self.helm(row)),
            Rows::Slices(rows) => each(rows, |row: &mut SliceRow| {
                self.meta(&mut row.meta);
                row.service = self.word(&row.service);
            }),
            Rows::Workloads(rows) => each(rows, |row| self.workload(row)),
            Rows::Json(rows) => each(rows, |row: &mut JsonRow| {
                self.meta(&mut row.meta);
                self.object(&mut row.object);
            }),
            Rows::Lines(lines) => {
                let is_readyz =
                    matches!(subject, Subject::Url { path, .. } if path.starts_with("/readyz"));
                for line in lines {
                    *line = if is_readyz {
                        check(line)
                    } else {
                        self.text(line)
                    };
                }
            }
        }
    }

    fn texts<'t>(&self, texts: impl IntoIterator<Item = &'t mut Text>) {
        for text in texts {
            *text = self.word(text).into();
        }
    }

    fn meta(&self, row: &mut MetaRow) {
        row.namespace = row.namespace.take().map(|name| self.word(&name));
        row.name = self.word(&row.name);
        // One of them is the key.
        row.uid = row.uid.map(|uid| self.uid(uid));
        row.owner = row.owner.take().map(|owner| self.owner(&owner));
        for manager in &mut row.managers {
            manager.manager = self.manager(&manager.manager).into();
            manager.api_version = self.api_version(&manager.api_version).into();
            manager.subresource = self.word(&manager.subresource).into();
        }
        for applied in &mut row.applied {
            applied.annotation = self.label(&applied.annotation).into();
            applied.kind = self.kind(&applied.api_version, &applied.kind).into();
            applied.api_version = self.api_version(&applied.api_version).into();
        }
        row.labels
            .retain(|key, _| HELM_LABELS.contains(&key.as_str()));
        for (key, value) in &mut row.labels {
            *value = match key.as_str() {
                "name" => self.word(value),
                _ if is_helms_own(value) => std::mem::take(value),
                _ => self.text(value),
            };
        }
        for owner in &mut row.owners {
            owner.kind = self.kind(&owner.api_version, &owner.kind).into();
            owner.api_version = self.api_version(&owner.api_version).into();
            owner.name = self.word(&owner.name).into();
            owner.uid = owner.uid.map(|uid| self.uid(uid));
        }
    }

    fn node(&self, row: &mut NodeRow) {
        row.name = self.word(&row.name);
        let labels = std::mem::take(&mut row.labels).into_iter();
        row.labels = labels
            .map(|(key, value)| (self.label(&key), self.text(&value)))
            .collect::<BTreeMap<_, _>>();
        // Behind the mark of the provider stand accounts, zones and machines.
        let scheme = row.provider_id.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(|scheme| scheme.chars().all(|it| it.is_ascii_alphanumeric()));
        row.provider_id = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
        row.os_image = self.system(&row.os_image);
        row.kubelet_version = self.text(&row.kubelet_version);
        row.runtime = self.text(&row.runtime);
        for taint in &mut row.taints {
            *taint = self.label(taint);
        }
        for condition in &mut row.conditions {
            for text in [
                &mut condition.kind,
                &mut condition.status,
                &mut condition.reason,
            ] {
                if !is_camel(text) {
                    *text = self.text(text);
                }
            }
        }
        row.cri_socket = row.cri_socket.take().map(|socket| self.text(&socket));
        row.cluster = row.cluster.take().map(|cluster| {
            let parts = cluster.split('/').map(|part| self.word(part));
            parts.collect::<Vec<_>>().join("/")
        });
        row.machine_owner = row.machine_owner.take().map(|owner| {
            let (kind, name) = owner.split_once('/').unwrap_or_default();
            let shown = match is_camel(kind) {
                true => kind.to_owned(),
                false => self.word(kind),
            };
            // What a MachineSet has behind the name of its MachineDeployment was made at random; pools are told by it.
            let named = match kind == "MachineSet" {
                true => machine_deployment(name).unwrap_or(name),
                false => name,
            };
            format!("{shown}/{}{}", self.word(named), &name[named.len()..])
        });
    }

    fn pod(&self, row: &mut PodRow) {
        row.name = self.word(&row.name);
        row.labels = self.labels(&row.labels);
        self.texts([&mut row.namespace, &mut row.node]);
        if let Some(owner) = &mut row.owner {
            self.texts([&mut owner.kind, &mut owner.name]);
        }
        self.texts(&mut row.pinned_to);
        self.texts(&mut row.claims);
        self.texts(&mut row.volumes);
        for finalizer in &mut row.finalizers {
            *finalizer = self.label(finalizer).into();
        }
    }

    fn workload(&self, row: &mut WorkloadRow) {
        self.meta(&mut row.meta);
        if !is_camel(&row.update_strategy) {
            self.texts([&mut row.update_strategy]);
        }
        for image in &mut row.images {
            *image = self.image(image).into();
        }
        if let Some(selector) = &mut row.selector {
            selector.match_labels = self.labels(&selector.match_labels);
            for part in &mut selector.match_expressions {
                part.key = self.label(&part.key).into();
                for value in &mut part.values {
                    *value = self.text(value).into();
                }
            }
        }
        if let Some(placement) = &mut row.placement {
            let keys = placement.node_selector.iter_mut();
            let keys = keys.chain(placement.node_affinity.iter_mut().flatten());
            for key in keys.chain(&mut placement.tolerations) {
                *key = self.label(key).into();
            }
        }
    }

    pub(super) fn helm(&self, row: &mut HelmRow) {
        row.namespace = self.word(&row.namespace);
        row.release = self.word(&row.release);
        row.chart = self.chart(&row.chart);
        row.objects.iter_mut().for_each(|it| self.manifest(it));
    }

    pub(super) fn manifest(&self, object: &mut ManifestObject) {
        object.kind = self.kind(&object.api_version, &object.kind);
        object.api_version = self.api_version(&object.api_version);
        object.namespace = object.namespace.take().map(|name| self.word(&name));
        object.name = self.word(&object.name);
        object.location = self.location(&object.location);
        for reference in &mut object.references {
            reference.kind = self.kind(&reference.api_version, &reference.kind);
            reference.api_version = self.api_version(&reference.api_version);
            reference.name = self.word(&reference.name);
        }
    }
}

/// Replaces names row by row; what rows have in common is shared again.
fn each<T: Share>(rows: &mut [T], redact: impl Fn(&mut T)) {
    let mut pool = Pool::default();
    for row in rows {
        redact(row);
        row.share(&mut pool);
    }
}

/// Status, revision and time of a record of Helm.
fn is_helms_own(value: &str) -> bool {
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

/// Of a check of the API server its name, which is written in the API server, and that it failed.
fn check(line: &str) -> String {
    match line.strip_prefix('[') {
        Some(_) => line.split(':').next().unwrap_or_default().to_owned(),
        None => String::new(),
    }
}
