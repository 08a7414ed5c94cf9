//! What the fast tests and the golden files have in common: clusters of a few lines, the built programs, comparison.

pub(crate) mod cluster;
pub(crate) mod document;
pub(crate) mod golden;
pub(crate) mod names;
pub(crate) mod patch;
pub(crate) mod picture;
pub(crate) mod program;
mod selection;
pub(crate) mod variant;
