//! An object that an event or a chain names.

/// An object that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventObject {
    /// Its kind.
    pub kind: String,
    /// Its namespace; `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What is known of it; empty if it is only named.
    pub why: String,
}

impl EventObject {
    /// An object with what is known of it.
    pub(super) fn new(
        kind: impl Into<String>,
        namespace: Option<&str>,
        name: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            kind: kind.into(),
            namespace: namespace.map(str::to_owned),
            name: name.into(),
            why: why.into(),
        }
    }
}
