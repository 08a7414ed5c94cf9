//! Embedded tables.

use serde::de::DeserializeOwned;

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
