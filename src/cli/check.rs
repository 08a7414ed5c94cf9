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
use crate::rules;
use crate::rules::{CheckContext, Evaluation, Policy, Severity};

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
        let mut evaluation = fleet.combined(run.policy);
        let rules = rules::rules().map_err(CliError::could_not_run)?;
        evaluation.remark_unused_waivers(rules, run.policy);
        let made = (run.now, run.catalog.date);
        let document = UpgradeReport::from_fleet(fleet, &evaluation, made);
        let exit = match fleet.dead_ends.is_empty() {
            true => Exit::from_evaluation(&evaluation, self.policy.allow_gaps),
            false => Exit::Blocked,
        };
        let reason = policy::exit_reason(&evaluation, run.policy, exit);
        let mut look = Console::render_options(self.output_args);
        look.exit_reason = reason.filter(|_| fleet.dead_ends.is_empty());
        look.passed = self.show_passed.then(|| {
            evaluation
                .passed_rules()
                .into_iter()
                .map(str::to_owned)
                .collect()
        });
        let looked = evaluation.looked.iter();
        look.evaluated = looked.copied().map(str::to_owned).collect();
        let severities = [Severity::Blocker, Severity::Warning, Severity::Note].into_iter();
        let failing = severities.filter(|severity| run.policy.fail_on.is_reached_by(*severity));
        look.failing = failing.map(Severity::as_str).collect();
        let remarks = evaluation.remarks.iter();
        let mut notes: Vec<String> = remarks.map(|remark| remark_line(remark)).collect();
        notes.extend(
            look.exit_reason
                .iter()
                .map(|reason| format!("note: {reason}")),
        );
        Ok(Outcome {
            notes,
            text: report::render_report(self.output, &document, &look)
                .map_err(CliError::could_not_run)?,
            exit,
        })
    }
}
