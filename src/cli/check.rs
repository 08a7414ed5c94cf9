//! `kubectl upgrade-check`: from an evaluation to a report.

use std::path::Path;

use super::args::{CheckArgs, SourceArgs};
use super::console::{Console, remark_line};
use super::evaluation::{ClusterCommand, Outcome, RunInfo};
use super::exit::{CliError, Exit};
use super::policy;
use super::profile::{CHECK_PROFILE, CommandProfile};
use crate::api::v1::UpgradeReport;
use crate::fleet::Fleet;
use crate::report;
use crate::rules::{CheckContext, Evaluation, Policy};

impl ClusterCommand for CheckArgs {
    const PROFILE: CommandProfile = CHECK_PROFILE;

    type Part = ();

    fn source(&self) -> &SourceArgs {
        &self.source
    }

    fn snapshot_file(&self) -> Option<&Path> {
        self.save_snapshot.as_deref()
    }

    fn policy(&self) -> Result<Policy, CliError> {
        policy::load_policy(&self.policy, &self.source.read.rule_filter)
    }

    fn part(&self, _context: &CheckContext<'_>, _evaluation: &Evaluation) {}

    fn conclude(&self, fleet: &Fleet<()>, run: &RunInfo<'_>) -> Result<Outcome, CliError> {
        let evaluation = fleet.combined(run.policy);
        let made = (run.now, run.catalog.date);
        let document = UpgradeReport::from_fleet(fleet, &evaluation, made);
        let look = Console::render_options(self.output_args);
        let exit = match fleet.dead_ends.is_empty() {
            true => Exit::from_evaluation(&evaluation, self.policy.allow_gaps),
            false => Exit::Blocked,
        };
        let remarks = evaluation.remarks.iter();
        let mut notes: Vec<String> = remarks.map(|remark| remark_line(remark)).collect();
        if fleet.dead_ends.is_empty() {
            notes.extend(policy::exit_note(&evaluation, exit));
        }
        Ok(Outcome {
            notes,
            text: report::render_report(self.output, &document, &look)
                .map_err(CliError::could_not_run)?,
            exit,
        })
    }
}
