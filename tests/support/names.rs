//! The names of the plugins outside of the code: manifests, documentation, fixtures, tests.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The file that has the names.
pub(crate) const FILE: &str = "src/text/names.rs";

/// Files that mention former names with good reason.
const HISTORY: [&str; 2] = [FILE, "CHANGELOG.md"];

/// The names of Cargo.toml's programs but the last, which is all of them.
pub(crate) fn in_manifest(manifest: &str) -> Vec<String> {
    let names = manifest.split("[[bin]]\nname = \"kubectl-").skip(1);
    let names = names.filter_map(|rest| rest.split_once('"'));
    let names = names.map(|(name, _)| name.to_owned());
    names.filter(|name| name != "upgrade").collect()
}

/// The text with other names, spelled with dashes or as kubectl's files are.
pub(crate) fn renamed(text: &str, from: &[String], to: &[&str]) -> String {
    let mut text = text.to_owned();
    for (from, to) in from.iter().zip(to) {
        // Names of schemas are those of kinds.
        let (schema, hidden) = (format!("{from}.schema"), format!("{from}\0schema"));
        let hidden = hidden.replace(from.as_str(), "\0");
        text = text
            .replace(&schema, &hidden)
            .replace(from.as_str(), to)
            .replace(&from.replace('-', "_"), &to.replace('-', "_"))
            .replace(&hidden, &schema);
    }
    text
}

/// Every text file below a folder that may mention the names; nothing that is built or recorded.
fn files(root: &Path) -> Vec<PathBuf> {
    let is_ours = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !(entry.depth() == 1 && ["target", ".git", "dist"].contains(&&*name))
    };
    let entries = WalkDir::new(root).into_iter().filter_entry(is_ours);
    let files = entries
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    let files = files.map(walkdir::DirEntry::into_path);
    files
        .filter(|file| !HISTORY.iter().any(|name| file.ends_with(name)))
        .collect()
}

/// Gives the tree below `root` other names, in contents and in names of files, apart from [`FILE`].
pub(crate) fn rename(root: &Path, from: &[String], to: &[&str]) {
    for file in files(root) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue; // an archive or a recording
        };
        let changed = renamed(&text, from, to);
        if changed != text {
            fs::write(&file, changed).expect("a file of the tree");
        }
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let other = renamed(&name, from, to);
        if other != name {
            fs::rename(&file, file.with_file_name(other)).expect("a file of the tree");
        }
    }
}
