//! Volumes that are not attached or detached.

use jiff::{SignedDuration, Timestamp};

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::reads::{self, items_at, text_at};
use super::reason::NotReady;
use crate::snapshot::ObjectRow;
use crate::watch::object::EventObject;

/// How long a node may be cordoned before its volumes are looked at, once it has no pods left.
const LATE_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Whether it is time to look at the volumes of an empty node.
pub(super) fn is_late(since: Timestamp, at: Timestamp) -> bool {
    at.duration_since(since) >= LATE_AFTER
}

/// The volumes that are still attached to a node without pods, if they are being detached or that fails.
pub(super) fn not_detached(
    waits: &Waits<'_>,
    node: &str,
    link: EventObject,
    since: Timestamp,
) -> Vec<Found> {
    let rows = waits.read(&reads::volume_attachments()).unwrap_or_default();
    let is_stuck = |row: &&ObjectRow| {
        let object = &row.object;
        text_at(object, "/spec/nodeName") == node
            && (object.pointer("/metadata/deletionTimestamp").is_some()
                || object.pointer("/status/detachError/message").is_some())
    };
    let found = rows.iter().filter(is_stuck).map(|row| {
        let volume = text_at(&row.object, "/spec/source/persistentVolumeName");
        let driver = text_at(&row.object, "/spec/attacher");
        let error = match text_at(&row.object, "/status/detachError/message") {
            "" => String::new(),
            error => format!(": {error}"),
        };
        let why = format!("keeps volume {volume} attached, {driver} has not detached it{error}");
        let attachment = EventObject::new("VolumeAttachment", None, &row.meta.name, why);
        Found::new(
            WaitCause::VolumeDetach,
            vec![link.clone(), attachment],
            since,
        )
    });
    found.collect()
}

/// Why the volume of a pod that was scheduled cannot be attached to its node.
pub(super) fn not_attached(waits: &Waits<'_>, pod: &ObjectRow) -> Option<NotReady> {
    let node = text_at(&pod.object, "/spec/nodeName");
    let claims = waits.read(&reads::claims_of(pod.meta.namespace.as_deref()?))?;
    let attachments = waits.read(&reads::volume_attachments())?;
    items_at(&pod.object, "/spec/volumes").find_map(|volume| {
        let claim = text_at(volume, "/persistentVolumeClaim/claimName");
        let claim = claims.iter().find(|row| row.meta.name == claim)?;
        let volume = text_at(&claim.object, "/spec/volumeName");
        let mut own = attachments.iter().map(|row| &row.object);
        let failed = own.find(|object| {
            !volume.is_empty()
                && text_at(object, "/spec/source/persistentVolumeName") == volume
                && text_at(object, "/spec/nodeName") == node
                && object.pointer("/status/attachError/message").is_some()
        })?;
        let error = text_at(failed, "/status/attachError/message");
        let text = format!("volume {volume} cannot be attached to node {node}: {error}");
        Some(NotReady::new(WaitCause::VolumeAttach, &text))
    })
}
