//! `kubectl upgrade-check`: from an evaluation to a report.

use std::path::Path;

use super::args::{CheckArgs, SourceArgs};
use super::console::{Console, remark_line};
use super::exit::{CliError, Exit};
use super::policy;
use super::run::{ClusterCommand, Outcome};
use super::source::{CHECK_PROFILE, CommandProfile};
use crate::api::v1::UpgradeReport;
use crate::fleet::Fleet;
use crate::report;
use crate::rules::Policy;

impl ClusterCommand for CheckArgs {
    const PROFILE: CommandProfile = CHECK_PROFILE;

    fn source(&self) -> &SourceArgs {
        &self.source
    }

    fn snapshot_file(&self) -> Option<&Path> {
        self.save_snapshot.as_deref()
    }

    fn policy(&self) -> Result<Policy, CliError> {
        policy::load_policy(&self.policy, &self.source.read.rule_filter)
    }

    fn conclude(&self, fleet: &Fleet<'_>, policy: &Policy) -> Result<Outcome, CliError> {
        let evaluation = fleet.combined(policy);
        let document = UpgradeReport::from_fleet(fleet, &evaluation)
            .ok_or_else(|| CliError::could_not_run("there is nothing to check"))?;
        let look = Console::render_options(self.output_args);
        let exit = Exit::from_evaluation(&evaluation, self.policy.allow_gaps);
        let remarks = evaluation.remarks.iter();
        let mut notes: Vec<String> = remarks.map(|remark| remark_line(remark)).collect();
        notes.extend(policy::exit_note(&evaluation, exit));
        Ok(Outcome {
            notes,
            text: report::render_report(self.output, &document, &look)
                .map_err(CliError::could_not_run)?,
            exit,
        })
    }
}
