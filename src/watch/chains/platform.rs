//! Platforms that are being upgraded.

use super::cause::{Patience, WaitCause};
use super::chain::{Found, Waits};
use crate::watch::message;
use crate::watch::object::EventObject;
use crate::watch::platform::{PlatformObject, PlatformPhase};

/// What a platform that is being upgraded is at, or fails at.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let rollout = waits.picture.platform.as_ref();
    let Some(rollout) = rollout.filter(|rollout| rollout.is_upgrading()) else {
        return Vec::new();
    };
    let kind = rollout.shown_by.kind;
    let cause = match (&rollout.phase, kind) {
        (PlatformPhase::Pending { .. }, _) if rollout.root.is_some() => WaitCause::KymaInstaller,
        (PlatformPhase::Retrying { .. } | PlatformPhase::Held { .. }, "HelmRelease") => {
            WaitCause::HelmRelease
        }
        (PlatformPhase::Retrying { .. } | PlatformPhase::Held { .. }, "Kustomization") => {
            WaitCause::Kustomization
        }
        (PlatformPhase::Held { .. }, _) => WaitCause::ModuleWarning,
        (PlatformPhase::Retrying { .. } | PlatformPhase::Failed { .. }, _) => {
            WaitCause::PlatformRetries
        }
        _ => WaitCause::Platform,
    };
    let object = |object: &PlatformObject, why: &str| {
        EventObject::new(object.kind, object.namespace.as_deref(), &object.name, why)
    };
    let root = rollout.root.iter().map(|(root, why)| object(root, why));
    let state = match rollout.root {
        // The root says why.
        Some(_) => format!("{} has not begun", rollout.name()),
        None => message::platform_state(rollout),
    };
    let shown_by = object(&rollout.shown_by, &state);
    let links = std::iter::once(shown_by).chain(root).collect();
    let found = Found::new(cause, links, waits.at);
    let is_out_of_retries =
        cause == WaitCause::HelmRelease && matches!(rollout.phase, PlatformPhase::Held { .. });
    vec![match is_out_of_retries {
        true => found.with_patience(Patience::None),
        false => found,
    }]
}
