//! Golden files: `UPDATE=1 cargo test` writes them, every other run compares.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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

/// Compares what a page shows of the program: the block behind the comment that begins so.
#[track_caller]
pub(crate) fn shown(page: &str, comment: &str, text: &str) {
    // Tests run side by side, and several blocks may be of one page.
    static PAGES: Mutex<()> = Mutex::new(());
    let _turn = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let begins =
        format!("<!-- {comment}; made by `UPDATE=1 cargo test --test fast`. -->\n```text\n");
    let whole = fs::read_to_string(in_repository(page)).expect("the page");
    let (before, rest) = whole.split_once(&begins).expect("the place on the page");
    let end = rest.find("```\n").expect("the end of the block");
    let after = &rest[end..];
    compare(page, &format!("{before}{begins}{text}{after}"));
}
