//! Rules about the control plane: version skew, flags, kubeadm configuration, readiness, support.

pub(super) mod arguments;
pub(super) mod end_of_life;
pub(super) mod kubeadm_config;
pub(super) mod patch_behind;
pub(super) mod readyz;
pub(super) mod skew;

use crate::evidence::{Evidence, EvidenceSource};
use crate::rules::AffectedObject;
use crate::snapshot::ObjectRow;

fn kube_system_object(
    row: &ObjectRow,
    api_version: &str,
    kind: &str,
    detail: String,
) -> AffectedObject {
    let evidence = Evidence::new(EvidenceSource::Spec, detail);
    AffectedObject::new(api_version, kind, &row.meta, evidence)
}
