//! Why a pod is not ready, in a sentence.

use super::cause::{Patience, WaitCause};
use crate::text::ellipsize;

/// The most characters of a message of kubelet or scheduler.
const MAX_MESSAGE: usize = 300;

/// A reason.
#[derive(Debug)]
pub(super) struct NotReady {
    pub(super) cause: WaitCause,
    pub(super) why: String,
    pub(super) patience: Patience,
}

impl NotReady {
    pub(super) fn new(cause: WaitCause, why: &str) -> Self {
        Self {
            cause,
            why: ellipsize(
                &why.split_whitespace().collect::<Vec<_>>().join(" "),
                MAX_MESSAGE,
            )
            .into(),
            patience: cause.patience(),
        }
    }
}
