//! Rules about the control plane: version skew, flags, kubeadm configuration, readiness, support.

pub(super) mod arguments;
pub(super) mod end_of_life;
pub(super) mod kubeadm_config;
pub(super) mod patch_behind;
pub(super) mod readyz;
pub(super) mod skew;
