//! Manifests: text in YAML or JSON to the objects it describes, from files and from Helm records.

mod decoder;
mod documents;
mod fast_yaml;
pub mod files;
mod header;
pub(crate) mod helm;
mod parse;

pub(crate) use decoder::truncate_name;
