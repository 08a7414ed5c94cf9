//! `--summary FILE`: the report that is written when a watch ends, however it ends.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::v1::{FollowedPlan, UpgradeSummary};
use crate::cli::console::Console;
use crate::cli::exit::CliError;
use crate::report::{SummaryFormat, render_summary};
use crate::snapshot::Uid;
use crate::watch::{SummaryBuilder, UpgradeWatch, WatchEvent};

/// A summary and its file.
pub(super) struct SummaryFile {
    path: PathBuf,
    format: SummaryFormat,
    builder: SummaryBuilder,
    last: Timestamp,
    uid: Option<String>,
    plan: Option<FollowedPlan>,
}

impl SummaryFile {
    /// # Errors
    /// If the name has another ending than the formats, or the file cannot be written: that is better known before a watch
    /// of hours.
    pub(super) fn new(
        path: &Path,
        uid: Option<Uid>,
        plan: Option<FollowedPlan>,
    ) -> Result<Self, CliError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let format = match ending {
            Some("json") => SummaryFormat::Json,
            Some("md") => SummaryFormat::Markdown,
            Some("html") => SummaryFormat::Html,
            _ => {
                return Err(CliError::usage(format!(
                    "--summary {}: the name must end in .md, .html or .json",
                    path.display()
                )));
            }
        };
        let created = File::options().create(true).append(true).open(path);
        created.map_err(|error| {
            CliError::could_not_run(format!("--summary {}: {error}", path.display()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            format,
            builder: SummaryBuilder::default(),
            last: Timestamp::UNIX_EPOCH,
            uid: uid
                .filter(|uid| !uid.is_pseudonym())
                .map(|uid| uid.to_string()),
            plan,
        })
    }

    /// Takes the events that followed from an observation.
    pub(super) fn add(&mut self, watch: &UpgradeWatch<'_>, events: &[WatchEvent], at: Timestamp) {
        self.last = at;
        self.builder.add(watch, events);
    }

    pub(super) fn write(&self, watch: &UpgradeWatch<'_>) {
        let summary = self.builder.finish(watch, self.last);
        let summary = UpgradeSummary::new(&summary, self.uid.clone(), self.plan.as_ref());
        let text = render_summary(&summary, self.format).map_err(|error| error.to_string());
        let written = text
            .and_then(|text| std::fs::write(&self.path, text).map_err(|error| error.to_string()));
        if let Err(error) = written {
            let path = self.path.display();
            Console::default().note(&format!("warning: --summary {path}: {error}"));
        }
    }
}
