//! The names of the plugins are in one place, and everything else follows.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use walkdir::WalkDir;

use kubectl_upgrade::text::names::ALL;

use crate::golden::{in_repository, is_update};
use crate::support::names::{FILE, HISTORY, renamed};

/// The names of Cargo.toml's programs but the last, which is all of them.
fn in_manifest(manifest: &str) -> Vec<String> {
    let names = manifest.split("[[bin]]\nname = \"kubectl-").skip(1);
    let names = names.filter_map(|rest| rest.split_once('"'));
    let names = names.map(|(name, _)| name.to_owned());
    names.filter(|name| name != "upgrade").collect()
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
fn rename(root: &Path, from: &[String], to: &[&str]) {
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

/// Changing the line in `src/text/names.rs` fails here until `UPDATE=1` has renamed what mentions the plugin elsewhere.
#[test]
fn what_mentions_the_plugins_follows_their_names() {
    let manifest = fs::read_to_string(in_repository("Cargo.toml")).expect("Cargo.toml");
    let former = in_manifest(&manifest);
    if former == ALL {
        return;
    }
    let update = std::env::var("UPDATE").ok();
    assert!(
        is_update(update.as_deref()).expect("0 or 1"),
        "Cargo.toml has {former:?} and {FILE} has {ALL:?}: run `UPDATE=1 cargo test --test fast names::` to rename everything"
    );
    rename(&in_repository("."), &former, &ALL);
}

#[test]
fn no_other_source_spells_a_name() {
    let mut spelled = Vec::new();
    for file in WalkDir::new(in_repository("src")).into_iter().flatten() {
        let path = file.path();
        let is_other = !path.ends_with(FILE) && !path.to_string_lossy().contains("tests");
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        let found = match path.extension().and_then(|ending| ending.to_str()) {
            Some("rs") if is_other => literals(text.parse().expect("a source")),
            Some("yaml" | "tsv") => text.lines().map(str::to_owned).collect(),
            _ => continue,
        };
        let with_name = found.into_iter().filter(|text| spells_a_name(text));
        spelled.extend(with_name.map(|text| format!("{}: {text}", path.display())));
    }
    assert!(spelled.is_empty(), "{}", spelled.join("\n"));
}

fn spells_a_name(text: &str) -> bool {
    let names = ALL.iter();
    let mut spellings = names.flat_map(|name| [(*name).to_owned(), name.replace('-', "_")]);
    spellings.any(|name| text.replace(&format!("{name}.schema"), "").contains(&name))
}

/// The literals outside of tests and documentation.
fn literals(tokens: TokenStream) -> Vec<String> {
    let tokens = Vec::from_iter(tokens);
    let mut found = Vec::new();
    let mut is_test = false;
    for token in tokens {
        match token {
            TokenTree::Literal(literal) => found.push(literal.to_string()),
            TokenTree::Group(group) => {
                let text = group.to_string();
                if text.starts_with("[doc =") {
                    continue;
                }
                if !is_test {
                    found.extend(literals(group.stream()));
                }
                // What an attribute is on ends with the next braces.
                is_test = (is_test && !text.starts_with('{')) || text == "[cfg (test)]";
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
    found
}

#[test]
fn every_spelling_is_renamed() {
    let from = ["a-check".to_owned()];
    let text = "kubectl a-check, kubectl-a-check, kubectl-a_check, schema/a-check.schema.json";
    assert_eq!(
        renamed(text, &from, &["b-c-d"]),
        "kubectl b-c-d, kubectl-b-c-d, kubectl-b_c_d, schema/a-check.schema.json"
    );
}

#[test]
fn literals_are_those_of_the_program() {
    let source = r#"
        //! "doc"
        /// "doc"
        fn a() { b("one", format!("two")); }
        #[cfg(test)]
        mod tests { fn c() { d("test"); } }
        const E: &str = concat!("three", "four");
    "#;
    let found = literals(source.parse().expect("Rust"));
    assert_eq!(found, ["\"one\"", "\"two\"", "\"three\"", "\"four\""]);
}
