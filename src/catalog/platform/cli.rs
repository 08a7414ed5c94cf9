//! The published references of command-line tools: which commands a release has, with which flags.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use crate::catalog::{Minor, MinorRange};

/// A command of a CLI; a single word is the CLI itself.
#[derive(Debug, Clone, Deserialize)]
pub struct CliCommand {
    /// The minors whose reference lists it.
    pub releases: MinorRange,
    /// Its words, without that of the CLI.
    pub command: String,
    /// Its flags, in their long form where they have one.
    #[serde(deserialize_with = "words")]
    pub flags: Vec<String>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A command as a release has it.
#[derive(Debug, Clone, Copy)]
pub struct KnownCommand<'a> {
    /// Its row.
    pub row: &'a CliCommand,
    /// Whether the reference of this release was published; if not, the row is that of an earlier one.
    pub is_published: bool,
}

/// The commands of a CLI in all its releases.
#[derive(Debug)]
pub struct CliReference {
    pub(super) default_name: &'static str,
    /// One row for each command and range of releases.
    pub commands: Vec<CliCommand>,
}

impl CliReference {
    /// The longest command that a line of words begins with, in a minor or the newest one before it.
    #[must_use]
    pub fn find(&self, line: &str, release: Minor) -> Option<KnownCommand<'_>> {
        let is_prefix = |row: &&CliCommand| {
            let rest = line.strip_prefix(&row.command);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let rows = self.commands.iter().filter(is_prefix);
        let rows = rows.filter(|row| row.releases.oldest.is_none_or(|oldest| oldest <= release));
        let row = rows.max_by_key(|row| (row.command.len(), row.releases.oldest))?;
        Some(KnownCommand {
            row,
            is_published: row.releases.contains(release),
        })
    }

    /// The name of the CLI in a minor.
    #[must_use]
    pub fn name(&self, release: Minor) -> &str {
        let mut rows = self.commands.iter();
        let row = rows.find(|row| !row.command.contains(' ') && row.releases.contains(release));
        row.map_or(self.default_name, |row| &row.command)
    }
}

pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}
