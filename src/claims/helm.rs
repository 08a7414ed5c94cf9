//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use super::{Claim, Trace, file};
use crate::catalog::{Catalog, Writer};
use crate::evidence::{Evidence, Source};
use crate::need::ClusterId;
use crate::snapshot::{HelmRow, ManifestObject};

/// The claim of one object of the release's manifest, of any version; none for kinds that are not Kubernetes' own.
pub(super) fn claim(
    release: &HelmRow,
    object: &ManifestObject,
    cluster: Option<&ClusterId>,
    catalog: &Catalog,
) -> Option<Claim> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    let (api, key) = file::api_and_key(object, cluster, catalog)?;
    Some(Claim {
        api,
        object: key,
        trace: Trace::Helm,
        writer: Some(Writer::Helm),
        time: release.created,
        evidence: Evidence {
            source: Source::Helm,
            detail: format!("{name} v{}", release.revision),
            writer: Some("helm".to_owned()),
            time: release.created,
            location: Some(object.location.clone()),
        },
        owner: Some(name),
    })
}
