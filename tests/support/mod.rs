//! What the fast tests and the golden files have in common: clusters of a few lines, the built programs, comparison.

pub(crate) mod document;
pub(crate) mod fixture;
pub(crate) mod given;
pub(crate) mod golden;
pub(crate) mod program;
pub(crate) mod variant;
pub(crate) mod workload_rows;
