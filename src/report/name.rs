//! `-o name`: what to hand to another kubectl.

use std::collections::BTreeSet;

use super::terminal;
use crate::api::v1::{ObjectDoc, UpgradeReport};

/// `kind.group/name` of every object of every finding, once, sorted. As in kubectl there is no namespace in it.
///
/// What is no object of the API, such as the cluster itself, has no such name and is left out, as is a use of an API of
/// which no object is known. Waived objects are left out too: these names are a list of work to do.
pub(super) fn object_names(report: &UpgradeReport) -> String {
    let names: BTreeSet<String> = report
        .findings
        .iter()
        .flat_map(|finding| &finding.objects)
        .filter(|object| object.waiver.is_none())
        .filter(|object| !object.api_version.is_empty() && !object.name.is_empty())
        .map(object_name)
        .collect();
    names.into_iter().map(|name| name + "\n").collect()
}

fn object_name(object: &ObjectDoc) -> String {
    let group = object
        .api_version
        .split_once('/')
        .map_or_else(String::new, |(group, _)| format!(".{group}"));
    let text = format!("{}{group}/{}", object.kind.to_lowercase(), object.name);
    // A kind, a group and a name as long as Kubernetes allows them fit.
    terminal::escape_truncated(&text, 2 * terminal::MAX_CHARS).into_owned()
}
