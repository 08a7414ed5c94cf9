//! `-o name`: what to hand to another kubectl.

use std::collections::BTreeSet;

use super::terminal;
use crate::api::v1::{ObjectDoc, UpgradeReport};

/// `kind.group/name -n namespace` of every object of every finding, once, sorted: arguments of `xargs -L1 kubectl get`, and
/// what a waivers file takes.
///
/// What is no object of the API, such as the cluster itself, has no such name and is left out, as is a use of an API of
/// which no object is known, and a manifest in a run over clusters: it may not have been applied. Waived objects are left
/// out too: these names are a list of work to do.
pub(super) fn object_names(report: &UpgradeReport) -> String {
    let has_cluster = !report.clusters.is_empty();
    let names: BTreeSet<String> = report
        .findings
        .iter()
        .flat_map(|finding| &finding.objects)
        .filter(|object| object.waiver.is_none())
        .filter(|object| !object.api_version.is_empty() && !object.name.is_empty())
        .filter(|object| object.cluster.is_some() || !has_cluster)
        .map(object_name)
        .collect();
    names.into_iter().map(|name| name + "\n").collect()
}

/// The name of an object for kubectl and for waivers.
pub(super) fn object_name(object: &ObjectDoc) -> String {
    let group = object
        .api_version
        .split_once('/')
        .map_or_else(String::new, |(group, _)| format!(".{group}"));
    let namespace = object.namespace.as_ref();
    let namespace = namespace.map(|namespace| format!(" -n {namespace}"));
    let text = format!(
        "{}{group}/{}{}",
        object.kind.to_lowercase(),
        object.name,
        namespace.unwrap_or_default()
    );
    // A kind, a group, a namespace and a name as long as Kubernetes allows them fit.
    terminal::escape_truncated(&text, 3 * terminal::MAX_CHARS).into_owned()
}
