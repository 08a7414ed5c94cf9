//! The Installation of Kyma 1, how far its installer is, and the overrides of its components.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, MetaRow, ObjectRow};

/// The namespace of the installer and of overrides.
pub(crate) const KYMA_INSTALLER: &str = "kyma-installer";
/// The namespace of most components.
pub(crate) const KYMA_SYSTEM: &str = "kyma-system";

const INSTALLATION_FIELDS: &[&str] = &[
    "metadata.labels",
    "spec.components.name",
    "spec.components.release",
    "spec.components.source.url",
    "status.conditions.status",
    "status.conditions.type",
    "status.description",
    "status.errorLog.component",
    "status.errorLog.occurrences",
    "status.state",
];

/// Installations: release artifacts have one, `default/kyma-installation`.
pub(crate) fn installations_need() -> Need {
    let resource = GroupResource::new("installer.kyma-project.io", "installations");
    Need::objects(resource, DetailLevel::Full).with_fields(INSTALLATION_FIELDS)
}

/// The same, with what only following them takes: when a run began or ended, and the texts of errors.
pub(crate) fn followed_installations_need() -> Need {
    let times = [
        "status.conditions.lastTransitionTime",
        "status.errorLog.log",
    ];
    installations_need().with_fields(&[INSTALLATION_FIELDS, &times].concat())
}

/// The Deployment of the installer.
pub(crate) fn installer_need() -> Need {
    let resource = GroupResource::new("apps", "deployments");
    Need::single_object(resource, KYMA_INSTALLER, KYMA_INSTALLER)
        .with_fields(&["spec.template.spec.containers.image"])
}

/// Deployments of components.
pub(crate) fn system_deployments_need() -> Need {
    let resource = GroupResource::new("apps", "deployments");
    Need::labelled_in_namespace(resource, KYMA_SYSTEM, "", DetailLevel::Full)
        .with_fields(&["spec.template.spec.containers.image"])
}

/// What the engine of Kyma 2 reports of each component.
pub(crate) fn component_reports_need() -> Need {
    let labels = "reconciler.kyma-project.io/reconciliation-summary=true";
    let selector = crate::need::ListSelector::by_labels(labels);
    let resource = GroupResource::new("", "configmaps");
    Need::selected(resource, selector, DetailLevel::Full).with_fields(&[
        "data.name",
        "data.status",
        "data.version",
    ])
}

/// ConfigMaps and Secrets with overrides, of which only the keys are read.
pub(crate) fn overrides_needs() -> [Need; 2] {
    ["configmaps", "secrets"].map(|plural| {
        let resource = GroupResource::new("", plural);
        let labels = "installer=overrides";
        Need::labelled_in_namespace(resource, KYMA_INSTALLER, labels, DetailLevel::Full)
            .with_fields(&["data{}", "metadata.labels.component"])
    })
}

/// A component of an Installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KymaComponent {
    pub(crate) name: String,
    /// Its Helm release.
    pub(crate) release: String,
    /// Where its chart comes from, if not from the installer's image.
    pub(crate) source: Option<String>,
}

/// How far the installer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InstallerProgress {
    /// Installed, and nothing is requested.
    Finished,
    /// It works, is about to, or tries again.
    Working {
        /// Components before the one that it works on.
        done: usize,
        /// Components in all.
        total: usize,
    },
    /// It gave up.
    Failed,
}

/// The Installation.
#[derive(Debug)]
pub(crate) struct KymaInstallation<'a> {
    pub(crate) meta: &'a MetaRow,
    pub(crate) components: Vec<KymaComponent>,
    pub(crate) state: &'a str,
    pub(crate) description: &'a str,
    pub(crate) progress: InstallerProgress,
    /// The last component that failed, and how often.
    pub(crate) last_error: Option<(&'a str, u64)>,
    /// What was logged of that; `None` if it was not read.
    pub(crate) last_log: Option<&'a str>,
    /// Whether the installer was told to install.
    pub(crate) is_requested: bool,
    /// When the last run began or ended; `None` if that was not read, or there was none.
    pub(crate) run_changed_at: Option<Timestamp>,
}

impl<'a> KymaInstallation<'a> {
    /// The Installation of a cluster; `None` if it has none, or it was not read.
    pub(crate) fn new(view: ClusterView<'a>) -> Option<Self> {
        let row = view.objects(&installations_need()).first()?;
        let items = row.object.pointer("/spec/components");
        let items = items.and_then(Value::as_array).into_iter().flatten();
        let components = items.filter_map(|item| {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str);
            let name = text("/name")?;
            Some(KymaComponent {
                name: name.to_owned(),
                release: text("/release").unwrap_or(name).to_owned(),
                source: text("/source/url").map(str::to_owned),
            })
        });
        let components: Vec<KymaComponent> = components.collect();
        let description = text_at(row, "/status/description").unwrap_or_default();
        let errors = row.object.pointer("/status/errorLog");
        let entry = errors.and_then(Value::as_array).and_then(|log| log.last());
        let error = entry.and_then(|entry| {
            let component = entry.get("component")?.as_str()?;
            let times = entry.get("occurrences").and_then(Value::as_u64);
            Some((component, times.unwrap_or(1)))
        });
        Some(Self {
            meta: &row.meta,
            progress: progress(row, &components, description),
            components,
            state: text_at(row, "/status/state").unwrap_or_default(),
            description,
            last_error: error,
            last_log: entry.and_then(|entry| entry.get("log")?.as_str()),
            is_requested: row.object.pointer("/metadata/labels/action").is_some(),
            run_changed_at: condition(row, "Installing")
                .and_then(|one| one.get("lastTransitionTime")?.as_str()?.parse().ok()),
        })
    }
}

impl KymaInstallation<'_> {
    /// How many components come before the one that its description names; `None` if it names none.
    pub(crate) fn turn(&self) -> Option<usize> {
        turn(&self.components, self.description)
    }
}

/// The condition of this type.
fn condition<'a>(row: &'a ObjectRow, wanted: &str) -> Option<&'a Value> {
    let conditions = row.object.pointer("/status/conditions")?.as_array()?;
    let mut conditions = conditions.iter();
    conditions.find(|one| one["type"] == wanted)
}

/// The status of the release before stays until the new installer starts: as long as something is requested, it has not
/// finished. Before 1.11 the label stays too, so the condition Installing decides.
/// Source: kyma-project/kyma components/kyma-operator/pkg/statusmanager and pkg/conditionmanager.
fn progress(row: &ObjectRow, components: &[KymaComponent], description: &str) -> InstallerProgress {
    let condition = |wanted: &str| condition(row, wanted)?.get("status")?.as_str();
    let is_requested = row.object.pointer("/metadata/labels/action").is_some();
    let state = text_at(row, "/status/state").unwrap_or_default();
    let is_working = condition("Installing") == Some("True");
    if state == "Installed" && !is_requested && !is_working {
        return InstallerProgress::Finished;
    }
    if !is_requested && !is_working && (condition("Error") == Some("True") || state == "Error") {
        return InstallerProgress::Failed;
    }
    InstallerProgress::Working {
        done: turn(components, description)
            .filter(|_| state != "Installed")
            .unwrap_or_default(),
        total: components.len().max(1),
    }
}

/// How many components come before the one whose Helm release a description names; `None` if it names none.
fn turn(components: &[KymaComponent], description: &str) -> Option<usize> {
    let release = description.rsplit(' ').next().unwrap_or_default();
    let mut releases = components.iter();
    releases.position(|one| one.release == release)
}

/// What a component of Kyma 2 reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComponentReport<'a> {
    pub(crate) meta: &'a MetaRow,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// `running`, `success`, `failed` while it is tried again, or `error`.
    pub(crate) status: &'a str,
}

/// The reports of the components of Kyma 2; `None` if they were not read.
pub(crate) fn component_reports(
    view: ClusterView<'_>,
) -> Option<impl Iterator<Item = ComponentReport<'_>>> {
    let rows = view.rows(&component_reports_need())?.objects().iter();
    Some(rows.filter_map(|row| {
        Some(ComponentReport {
            meta: &row.meta,
            name: text_at(row, "/data/name").unwrap_or(&row.meta.name),
            version: text_at(row, "/data/version")?,
            status: text_at(row, "/data/status").unwrap_or_default(),
        })
    }))
}

/// Of the components of Kyma 2 that report a version, those that are done and all; `None` if none does or they were not read.
/// Reports of components that were dropped stay, with an older version.
pub(crate) fn reported_components(
    view: ClusterView<'_>,
    is_at: impl Fn(&str) -> bool,
) -> Option<(usize, usize)> {
    let at_version = component_reports(view)?.filter(|report| is_at(report.version));
    let statuses: Vec<_> = at_version.map(|report| report.status).collect();
    let done = statuses.iter().filter(|status| **status == "success");
    (!statuses.is_empty()).then(|| (done.count(), statuses.len()))
}

/// A ConfigMap or Secret with overrides.
#[derive(Debug)]
pub(crate) struct KymaOverrides<'a> {
    pub(crate) kind: &'static str,
    pub(crate) meta: &'a MetaRow,
    /// The component; none if they are for all.
    pub(crate) component: Option<&'a str>,
    pub(crate) keys: BTreeSet<&'a str>,
}

/// All overrides that were read.
pub(crate) fn overrides(view: ClusterView<'_>) -> Vec<KymaOverrides<'_>> {
    let kinds = ["ConfigMap", "Secret"].into_iter().zip(overrides_needs());
    let rows = kinds.flat_map(|(kind, need)| {
        let rows = view.objects(&need).iter();
        rows.map(move |row| KymaOverrides {
            kind,
            meta: &row.meta,
            component: text_at(row, "/metadata/labels/component"),
            keys: keys_at(&row.object),
        })
    });
    rows.collect()
}

/// The keys of `data`.
pub(crate) fn keys_at(object: &Value) -> BTreeSet<&str> {
    let data = object.get("data").and_then(Value::as_object);
    data.into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

fn text_at<'a>(row: &'a ObjectRow, path: &str) -> Option<&'a str> {
    row.object.pointer(path).and_then(Value::as_str)
}
