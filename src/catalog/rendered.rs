//! Files that are no manifests themselves, but what a tool makes manifests of.

use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

/// Endings of files that kubectl reads in directories.
pub(crate) const MANIFEST_ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// How a row names files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenderedForm {
    /// A file by its whole name, in which `*` stands for any text, or all files with the ending of a manifest in a directory.
    Name,
    /// Files with an ending.
    Ending,
    /// Files with an ending behind that of a manifest.
    Template,
    /// Compressed archives with an ending.
    Archive,
}

/// Files that a tool renders to manifests.
#[derive(Debug, Clone, Deserialize)]
pub struct RenderedFile {
    /// How they are named.
    pub form: RenderedForm,
    /// The name, or the ending.
    pub name: String,
    /// Texts of which the file must contain one, separated by commas; empty if the name alone decides.
    mentions: String,
    /// How to render them.
    pub hint: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl RenderedFile {
    /// Whether this is the row of a file, by its name.
    #[must_use]
    pub fn is_named(&self, path: &Path) -> bool {
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let stem = || {
            let (rest, ending) = file.split_at_checked(file.len().checked_sub(self.name.len())?)?;
            let stem = rest.strip_suffix('.').filter(|stem| !stem.is_empty());
            stem.filter(|_| ending.eq_ignore_ascii_case(&self.name))
        };
        match self.form {
            RenderedForm::Name => match self.name.strip_suffix("/*") {
                Some(directory) => {
                    let parent = path.parent().and_then(Path::file_name);
                    let file = file.strip_suffix(".gotmpl").unwrap_or(file);
                    has_manifest_ending(file) && parent.is_some_and(|parent| parent == directory)
                }
                None => match self.name.split_once('*') {
                    Some((before, after)) => {
                        let rest = file.strip_prefix(before);
                        rest.is_some_and(|rest| rest.ends_with(after))
                    }
                    None => file == self.name,
                },
            },
            RenderedForm::Ending | RenderedForm::Archive => stem().is_some(),
            RenderedForm::Template => stem().is_some_and(has_manifest_ending),
        }
    }

    /// Texts of which the file must contain one; none if the name alone decides.
    pub fn mentions(&self) -> impl Iterator<Item = &str> {
        self.mentions.split(',').filter(|text| !text.is_empty())
    }
}

/// Whether a file name ends like that of a manifest.
pub(crate) fn has_manifest_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        let mut known = MANIFEST_ENDINGS.iter();
        known.any(|known| ending.eq_ignore_ascii_case(known))
    })
}
