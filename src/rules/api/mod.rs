//! Rules about API versions that are removed or deprecated, and about who still uses them.

pub(super) mod crd_v1beta1;
pub(super) mod crd_version_dropped;
pub(super) mod deprecated;
mod fields;
pub(super) mod hpa_target;
pub(super) mod not_yet_served;
pub(super) mod psp_present;
pub(super) mod rbac_group;
pub(super) mod removed;
pub(super) mod usage;
