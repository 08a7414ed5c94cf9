//! Formats, options and errors of rendering.

use super::styles::Styles;

/// Value of `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// One finding or group of steps per line.
    #[default]
    Table,
    /// More columns, one object or step per line.
    Wide,
    /// The document as JSON.
    Json,
    /// The document as YAML.
    Yaml,
    /// `kind.group/name -n NAMESPACE`, one object per line.
    Name,
    /// One row per rule, on one screen. Plans and lists fall back to tables.
    Summary,
    /// One object per record. Plans and lists fall back to tables.
    Csv,
    /// A test case per rule, for pipelines. Plans and lists fall back to tables.
    Junit,
    /// A waivers file to fill in. Plans and lists fall back to tables.
    Waivers,
    /// For tickets and change requests. Lists fall back to tables.
    Markdown,
    /// A standalone page. Lists fall back to tables.
    Html,
}

/// Options of text output.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// Colours.
    pub styles: Styles,
    /// Whether tables have headers.
    pub show_headers: bool,
    /// Columns of the terminal; wider tables are stacked. `None` if stdout is not a terminal: then rows are single lines.
    pub width: Option<usize>,
    /// Why the exit code is not the one of the verdict; part of the verdict line.
    pub exit_reason: Option<String>,
    /// Rules that found nothing although everything that they need was read; listed if given.
    pub passed: Option<Vec<String>>,
    /// Rules that looked at something.
    pub evaluated: Vec<String>,
    /// The severities that fail the run.
    pub failing: Vec<&'static str>,
}

impl RenderOptions {
    /// Maximum width of prose.
    pub(super) fn prose_width(&self) -> usize {
        const WIDEST: usize = 100;
        const NARROWEST: usize = 40;
        self.width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
    }
}

impl Default for RenderOptions {
    /// Plain, with headers.
    fn default() -> Self {
        Self {
            styles: Styles::default(),
            show_headers: true,
            width: None,
            exit_reason: None,
            passed: None,
            evaluated: Vec::new(),
            failing: Vec::new(),
        }
    }
}

/// `-o` of `upgrade-watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFormat {
    /// Text for people.
    Text,
    /// An `UpgradeEvent` in each line.
    Json,
}

/// A document could not be serialised. Documents of this crate always can be.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// As JSON.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// As YAML.
    #[error("the result cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// As HTML.
    #[error("the result cannot be written as a page")]
    Page(#[from] askama::Error),
}
