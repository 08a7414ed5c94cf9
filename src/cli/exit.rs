//! Exit codes and the errors that lead to them.

use std::process::ExitCode;

use crate::need::ClusterId;
use crate::rules::Evaluation;

/// How a command ends. Through kubectl on Windows every code but 0 becomes 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Ready; or the command did what it was asked for.
    Success = 0,
    /// It could not run at all: no kubeconfig, unknown context, unauthorised, nobody there.
    CouldNotRun = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Something blocks; or there is no supported path.
    Blocked = 3,
    /// Nothing blocks, but something could not be looked at.
    Incomplete = 4,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The code of a judgement. With `allow_gaps` an incomplete one ends well; what fails the run still does.
    #[must_use]
    pub fn from_evaluation(evaluation: &Evaluation, allow_gaps: bool) -> Self {
        match (evaluation.failing_findings, evaluation.gaps.len()) {
            (1.., _) => Self::Blocked,
            (0, 1..) if !allow_gaps => Self::Incomplete,
            (0, _) => Self::Success,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends without a result: what to print after `error: `, and the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// What was attempted, on what, why it failed, what to try.
    pub message: String,
    /// The code.
    pub exit: Exit,
}

impl CliError {
    /// It could not run at all.
    pub fn could_not_run(why: impl std::fmt::Display) -> Self {
        Self {
            message: why.to_string(),
            exit: Exit::CouldNotRun,
        }
    }

    /// The same error, with the cluster that it is about.
    pub fn in_cluster(self, id: &ClusterId) -> Self {
        Self {
            message: format!("cluster {id}: {}", self.message),
            ..self
        }
    }

    /// The command line asks for something that cannot be.
    pub fn usage(why: impl std::fmt::Display) -> Self {
        Self {
            message: why.to_string(),
            exit: Exit::Usage,
        }
    }
}
