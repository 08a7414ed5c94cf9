//! `apiserver_requested_deprecated_apis`: which deprecated APIs this API server process was asked for since it started.
//!
//! It knows no client, and the control plane raises it too; it corroborates, and alone is at most a note.
//! Source: kubernetes/apiserver pkg/endpoints/metrics/metrics.go.

use crate::catalog::{Api, Catalog};

/// How its lines begin, for those who read the page.
pub const DEPRECATED_API_METRIC: &str = "apiserver_requested_deprecated_apis";

/// The APIs that were asked for, each with the resource, one for each line that says so.
pub(super) fn requested_apis<'a>(
    lines: &'a [String],
    catalog: &'a Catalog,
) -> impl Iterator<Item = (&'a Api, String)> {
    lines.iter().filter_map(|line| {
        let labels = line
            .strip_prefix(DEPRECATED_API_METRIC)?
            .strip_prefix('{')?;
        let (labels, value) = labels.split_once('}')?;
        if value.split_whitespace().next() == Some("0") {
            return None;
        }
        let label = |name: &str| {
            labels.split(',').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                (key.trim() == name).then(|| value.trim_matches('"'))
            })
        };
        let resource = match label("subresource") {
            Some("") | None => label("resource")?.to_owned(),
            Some(sub) => format!("{}/{sub}", label("resource")?),
        };
        let (group, version) = (label("group")?, label("version")?);
        let api = catalog.apis.iter().find(|api| {
            api.group() == group && api.version() == version && api.resource == resource
        })?;
        Some((api, resource))
    })
}

#[cfg(test)]
mod tests {
    use super::requested_apis;
    use crate::catalog::Catalog;

    #[test]
    fn reads_the_lines_of_a_real_page_and_nothing_else() {
        let catalog = Catalog::embedded().expect("the catalog");
        let lines: Vec<String> = [
            r#"apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="poddisruptionbudgets",subresource="",version="v1beta1"} 1"#,
            r#"apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="status",version="v1beta1"} 1"#,
            r#"apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"} 0"#,
            r#"apiserver_requested_deprecated_apis{group="example.com",removed_release="",resource="things",subresource="",version="v1"} 1"#,
            "apiserver_requested_deprecated_apis{group=",
            "apiserver_requested_deprecated_apis 1",
        ]
        .map(str::to_owned)
        .to_vec();
        let found: Vec<String> = requested_apis(&lines, catalog)
            .map(|(api, _)| api.gvk().to_string())
            .collect();
        assert_eq!(found, ["policy/v1beta1 PodDisruptionBudget"]);
    }
}
