//! Platforms whose upgrade runs inside the cluster.

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use crate::watch::message;
use crate::watch::object::EventObject;

/// What shows that a platform is being upgraded.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let rollout = waits.picture.platform.as_ref();
    let found = rollout.filter(|one| one.is_upgrading()).map(|rollout| {
        let object = &rollout.shown_by;
        let text = message::platform_state(rollout);
        let namespace = object.namespace.as_deref();
        let link = EventObject::new(object.kind, namespace, &object.name, text);
        Found::new(WaitCause::Platform, vec![link], waits.at)
    });
    found.into_iter().collect()
}
