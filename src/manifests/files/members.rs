//! Manifests in ConfigMaps and Secrets that objects in other files have as members.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::parallel::{FileDecodeContext, FileResult, decode_member_file};
use crate::manifests::held::{SetMember, UnreadMember};

/// What members hold that are in other files than the objects that name them, with the index of the source of those; a gap
/// for each that is in none.
pub(super) fn read(
    unread: Vec<(usize, UnreadMember)>,
    files: &BTreeMap<SetMember, PathBuf>,
    context: FileDecodeContext<'_>,
) -> Vec<(usize, FileResult)> {
    let mut found: BTreeMap<(&PathBuf, usize), Vec<UnreadMember>> = BTreeMap::new();
    let mut results = Vec::new();
    for (source, unread) in unread {
        match files.get(&unread.member) {
            Some(path) => found.entry((path, source)).or_default().push(unread),
            None if unread.is_mounted => {}
            None => {
                let gap = FileResult::from_gap(unread.gap.what, unread.gap.why);
                results.push((source, gap));
            }
        }
    }
    let held = found
        .into_iter()
        .map(|((path, source), members)| (source, decode_member_file(path, &members, context)));
    results.extend(held);
    results
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BUDGET, gaps, locations, read_tree, tree};

    #[test]
    fn members_in_another_file_are_read() {
        let set = |kind: &str, name: &str| {
            format!(
                "apiVersion: addons.cluster.x-k8s.io/v1beta1\nkind: ClusterResourceSet\nmetadata: {{name: addons}}\nspec: {{resources: [{{kind: {kind}, name: {name}}}]}}\n"
            )
        };
        let body = BUDGET.replace('\n', "\n    ");
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cart}}\ndata:\n  pdb.yaml: |\n    {body}\n---\n{BUDGET}"
        );
        for (first, second) in [("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")] {
            let owner = set("ConfigMap", "cart");
            let dir = tree(&[(first, owner.as_bytes()), (second, map.as_bytes())]);
            let files = read_tree(&dir);
            let mut locations = locations(&files, &dir);
            locations.sort();
            let plain = format!("{second} document 2, line 11");
            assert_eq!(
                locations,
                [
                    format!("{second} document 1, line 1 (ConfigMap cart)"),
                    plain
                ]
            );
            assert_eq!(gaps(&files, &dir), [""; 0]);
            assert_eq!(files.files_read, 2);
        }
        let alone = |kind: &str, name: &str| {
            let owner = set(kind, name);
            let dir = tree(&[("a.yaml", owner.as_bytes()), ("b.yaml", map.as_bytes())]);
            gaps(&read_tree(&dir), &dir)
        };
        assert_eq!(
            alone("ConfigMap", "other"),
            [
                "ConfigMap other of a ClusterResourceSet in a.yaml: its manifests were not read: name them with -f"
            ]
        );
        assert_eq!(alone("Secret", "cart").len(), 1);
    }
}
