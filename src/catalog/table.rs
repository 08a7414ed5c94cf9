//! Embedded tables.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A malformed data file. Cannot happen in a released binary, because tests load the same bytes.
#[derive(Debug, thiserror::Error)]
#[error("the built-in table {table} cannot be read")]
pub struct CatalogError {
    /// Name of the file.
    pub table: &'static str,
    /// Cause, with the line.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Parses an embedded table.
pub(crate) fn load_table<T: DeserializeOwned>(
    name: &'static str,
    text: &str,
) -> Result<Vec<T>, CatalogError> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source| CatalogError {
            table: name,
            source: Box::new(source),
        })
}

/// A cell with several values.
pub(super) fn comma_separated<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts = text.split(',').filter(|part| !part.is_empty());
    Ok(parts.map(str::to_owned).collect())
}
