//! Rules about owner references.

pub(super) mod cross_namespace;
pub(super) mod dead_owner;
