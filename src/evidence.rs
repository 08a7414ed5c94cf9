//! Evidence: what was seen, where, and who left it. The vocabulary that claims and findings share.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How sure it is. Ordered: possible is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// There is some evidence.
    Possible,
    /// There is trustworthy evidence.
    Likely,
    /// It was seen.
    Certain,
}

/// Where evidence was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EvidenceSource {
    /// A manifest about to be applied.
    File,
    /// A Helm release record.
    Helm,
    /// `metadata.managedFields`.
    ManagedFields,
    /// An annotation that keeps what was applied last.
    LastApplied,
    /// A field that names another object by version.
    Reference,
    /// A metric of the API server.
    Metric,
    /// The specification of an object.
    Spec,
    /// The status of an object.
    Status,
    /// What the API server says of itself.
    Discovery,
    /// The list of checks by which the API server says whether it is ready.
    Readyz,
}

/// One thing that was seen, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Evidence {
    /// What kind of trace.
    pub source: EvidenceSource,
    /// What was seen, short enough for a table cell.
    pub detail: String,
    /// Who left it: a field manager, a Helm release.
    pub writer: Option<String>,
    /// When it was left.
    pub time: Option<Timestamp>,
    /// What to open to see it: a file and document, a template of a chart, an object.
    pub location: Option<String>,
}

impl Evidence {
    /// Evidence without writer, time or place.
    #[must_use]
    pub fn new(source: EvidenceSource, detail: impl Into<String>) -> Self {
        Self {
            source,
            detail: detail.into(),
            writer: None,
            time: None,
            location: None,
        }
    }
}

/// Keys may be added to reports, and so may be kinds of evidence.
pub(crate) fn deserialize_known_evidence<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<Evidence>, D::Error> {
    let values = Vec::<Value>::deserialize(from)?;
    let known = values.into_iter().map(serde_json::from_value);
    Ok(known.filter_map(Result::ok).collect())
}
