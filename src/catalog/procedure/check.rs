//! Whether a cluster needs a step, by objects in it.

use serde::Deserialize;

use crate::catalog::GroupResource;

/// Objects that need a step.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectCheck {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Plural names of their resources.
    pub plurals: Vec<String>,
    /// Their namespace; any if left out.
    pub namespace: Option<String>,
    /// Name of the only object, which has a namespace.
    pub name: Option<String>,
    /// A predicate in CEL over `object`.
    pub when: String,
    /// The evidence, as a text in CEL.
    pub evidence: String,
    /// What is wrong with them.
    pub message: String,
    /// Whether the hop must not begin while there are any.
    #[serde(default)]
    pub blocks: bool,
}

impl ObjectCheck {
    /// Their resources.
    pub fn resources(&self) -> impl Iterator<Item = GroupResource> {
        let plurals = self.plurals.iter();
        plurals.map(|plural| GroupResource::new(&self.group, plural))
    }
}
