//! Records of Helm releases: what `helm upgrade` and `helm rollback` start from.

use super::{Claim, Trace, file};
use crate::catalog::{Catalog, Writer};
use crate::evidence::{Evidence, Source};
use crate::need::ClusterId;
use crate::snapshot::HelmRow;

/// One claim for each object of the release's manifest, of every version.
pub(super) fn claims(
    release: &HelmRow,
    cluster: Option<&ClusterId>,
    catalog: &Catalog,
) -> Vec<Claim> {
    let name = format!("helm release {}/{}", release.namespace, release.release);
    release
        .objects
        .iter()
        .filter_map(|object| {
            let (api, key) = file::api_and_key(object, cluster, catalog)?;
            Some(Claim {
                api,
                object: key,
                trace: Trace::Helm,
                writer: Some(Writer::Helm),
                time: release.created,
                owner: Some(name.clone()),
                evidence: Evidence {
                    source: Source::Helm,
                    detail: format!("{name} v{}", release.revision),
                    writer: Some("helm".to_owned()),
                    time: release.created,
                    location: Some(object.location.clone()),
                },
            })
        })
        .collect()
}
