//! Exit codes and the errors that lead to them.

use std::process::ExitCode;

use crate::need::ClusterId;
use crate::rules::Evaluation;

/// How a command ends. Through kubectl on Windows every code but 0 becomes 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Ready, or the command succeeded.
    Success = 0,
    /// Could not run: no kubeconfig, unknown context, unauthorised, API server unreachable.
    CouldNotRun = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A finding blocks, or there is no supported path.
    Blocked = 3,
    /// Nothing blocks, but there are gaps.
    Incomplete = 4,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The exit code of an evaluation. With `allow_gaps`, gaps alone do not fail the run.
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
    /// What was attempted, why it failed, and what to try.
    pub message: String,
    /// The code.
    pub exit: Exit,
}

impl CliError {
    /// Could not run.
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

    /// The command line is invalid.
    pub fn usage(why: impl std::fmt::Display) -> Self {
        Self {
            message: why.to_string(),
            exit: Exit::Usage,
        }
    }
}
