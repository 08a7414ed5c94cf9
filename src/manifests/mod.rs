//! Manifests: text in YAML or JSON to the objects it describes, from files and from Helm records.

mod content;
mod decoder;
mod documents;
mod encoded;
mod external;
mod fast_yaml;
pub mod files;
mod foreign;
mod header;
mod held;
pub(crate) mod helm;
pub(crate) mod helm_record;
mod lenient;
mod nested;
mod parse;
mod placeholders;
mod traces;

pub(crate) use documents::truncate_name;
