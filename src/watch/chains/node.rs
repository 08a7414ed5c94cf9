//! Nodes that join, and the certificates that they ask for.

use jiff::Timestamp;

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::reads::{self, items_at, text_at};
use crate::need::Need;
use crate::watch::nodes::NodePhase;
use crate::watch::object::EventObject;
use crate::watch::progress::UpgradePhase;

/// Requests for a first certificate, while nodes are being upgraded: who asks is no node yet.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let is_of_nodes = waits.picture.goal.is_some()
        && matches!(
            waits.picture.phase(),
            UpgradePhase::ControlPlane | UpgradePhase::Nodes
        );
    is_of_nodes
        .then(reads::bootstrap_requests)
        .into_iter()
        .collect()
}

/// Requests that nobody has decided on, and the first node that does not become ready or schedulable.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let mut found = pending_requests(waits);
    let mut nodes = waits
        .in_flight
        .keys()
        .filter(|name| !waits.draining_since.contains_key(*name));
    let stuck = nodes.find_map(|name| {
        let state = waits.picture.nodes.get(name)?;
        let (cause, why) = match state.phase {
            NodePhase::Joining => (
                WaitCause::NodeNotReady,
                "runs the new version and is not ready",
            ),
            NodePhase::Down => (WaitCause::NodeNotReady, "is not ready"),
            NodePhase::Cordoned => (
                WaitCause::NodeCordoned,
                "runs the new version and is still cordoned",
            ),
            _ => return None,
        };
        let node = EventObject::new("Node", None, name, why);
        Some(Found::new(cause, vec![node], waits.at))
    });
    found.extend(stuck);
    found
}

fn pending_requests(waits: &Waits<'_>) -> Vec<Found> {
    let rows = waits.read(&reads::bootstrap_requests()).unwrap_or_default();
    let pending = rows
        .iter()
        .filter(|row| items_at(&row.object, "/status/conditions").next().is_none());
    let found = pending.map(|row| {
        let who = text_at(&row.object, "/spec/username");
        let why = format!("of {who} is neither approved nor denied");
        let request = EventObject::new("CertificateSigningRequest", None, &row.meta.name, why);
        let since = text_at(&row.object, "/metadata/creationTimestamp").parse();
        let since: Timestamp = since.unwrap_or(waits.at);
        // A kubelet asks again every few minutes.
        Found::new(WaitCause::CsrPending, vec![request], since).owned_by(who)
    });
    found.collect()
}
