//! Golden files: `UPDATE=1 cargo test` writes them, every other run compares.

use std::fs;
use std::path::{Path, PathBuf};

/// A path in the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The names in a folder of the repository, in order.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(in_repository(folder)).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Compares a text with a golden file of the repository, or writes it.
pub(crate) fn compare(path: &str, text: &str) {
    let file = in_repository(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, text).expect("the golden file can be written");
        return;
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        golden == text,
        "{path} differs from what is made now. Look at the difference; if it is right, run\n\
         UPDATE=1 cargo test --test fast\n\n--- {path}\n{golden}\n--- now\n{text}"
    );
}
