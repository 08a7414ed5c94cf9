//! Where objects other than pods hold settings of Kubernetes components.

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::control_plane::RemovedFlag;

/// How an object holds settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingForm {
    /// The ClusterConfiguration of kubeadm.
    Kubeadm,
    /// Texts that kubeadm's configuration is patched with, which need not name an apiVersion.
    KubeadmPatches,
    /// Flags: a mapping, a list of names and values, or a list of words.
    Args,
    /// Feature gates: a mapping, or a list of names and values.
    Gates,
    /// Admission plugins of the API server.
    Plugins,
    /// APIs that the API server is told to serve.
    Apis,
    /// Anything that is set there may matter and is not judged.
    Unjudged,
    /// Flags that are not judged: those matter that a release removes, or whose values one may remove.
    UnjudgedFlags,
}

/// Parts of the names of flags whose values name what a release removes.
const NAMING_FLAGS: [&str; 5] = [
    "feature-gates",
    "admission-plugins",
    "admission-control",
    "runtime-config",
    "controllers",
];

/// A place in a kind of object with settings of a component.
#[derive(Debug, Clone, Deserialize)]
pub struct ComponentSettings {
    /// API group.
    pub group: String,
    /// Kind; empty for files of installers, which have neither apiVersion nor kind.
    pub kind: String,
    /// Path of the settings, through sequences; empty for the object as a whole.
    pub path: String,
    /// The component; empty if there are several or it is not known.
    pub component: String,
    /// How they are written.
    pub form: SettingForm,
    /// Texts of which what is not judged must contain one to matter, separated by commas; empty if it always does.
    mentions: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// What is read of a ClusterConfiguration.
const KUBEADM_FIELDS: [&str; 5] = [
    "apiServer.extraArgs",
    "controllerManager.extraArgs",
    "scheduler.extraArgs",
    "etcd.local.extraArgs",
    "featureGates",
];

impl ComponentSettings {
    /// The paths that have to be kept of an object.
    pub(super) fn kept_paths(&self) -> Vec<String> {
        match self.form {
            SettingForm::Unjudged | SettingForm::UnjudgedFlags => Vec::new(),
            SettingForm::Kubeadm => {
                let paths = KUBEADM_FIELDS.iter();
                paths.map(|field| joined(&self.path, field)).collect()
            }
            _ => vec![self.path.clone()],
        }
    }

    /// Whether a text may be a file of an installer with such settings.
    #[must_use]
    pub fn may_be_in_file(&self, text: &str) -> bool {
        let field = self.path.rsplit('.').next().unwrap_or_default();
        self.kind.is_empty() && text.contains(field)
    }

    /// What an object has at the path.
    #[must_use]
    pub fn values<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let steps = self.path.split('.').filter(|step| !step.is_empty());
        steps.fold(vec![object], |values, step| {
            let items = values.into_iter().flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                value => vec![value],
            });
            items.filter_map(|value| value.get(step)).collect()
        })
    }

    /// Whether an object sets something there that is not judged and may matter.
    #[must_use]
    pub fn is_unjudged_in(&self, object: &Value, flags: &[RemovedFlag]) -> bool {
        let names_any = |text: &str| {
            let mut naming = NAMING_FLAGS.iter();
            naming.any(|flag| text.contains(flag))
                || flags.iter().any(|row| text.contains(row.flag.as_str()))
        };
        let matters = |value: &&Value| match value {
            Value::Null | Value::Bool(false) => false,
            value => {
                let text = value.to_string();
                let is_empty = ["\"\"", "[]", "{}"].contains(&text.as_str());
                let mut mentions = self.mentions.split(',').filter(|text| !text.is_empty());
                let is_mentioned =
                    self.mentions.is_empty() || mentions.any(|word| text.contains(word));
                let is_of_concern = self.form == SettingForm::Unjudged || names_any(&text);
                !is_empty && is_mentioned && is_of_concern
            }
        };
        let forms = [SettingForm::Unjudged, SettingForm::UnjudgedFlags];
        forms.contains(&self.form) && self.values(object).iter().any(matters)
    }
}

fn joined(above: &str, field: &str) -> String {
    match above.is_empty() {
        true => field.to_owned(),
        false => format!("{above}.{field}"),
    }
}
