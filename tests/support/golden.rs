//! Golden files: `UPDATE=1` writes them, every other run compares and shows the difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use similar::TextDiff;

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

/// The names without their ending of the files of a folder that have this one, in order.
pub(crate) fn stems(folder: &str, ending: &str) -> Vec<String> {
    let names = names(folder).into_iter();
    let stems = names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned));
    stems.collect()
}

/// Whether golden files are written, by the value of `UPDATE`.
pub(crate) fn is_update(value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("" | "0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(format!(
            "UPDATE={other}: 1 writes golden files, 0 or nothing compares them"
        )),
    }
}

/// Compares a text with a golden file of the repository, or writes it.
#[track_caller]
pub(crate) fn compare(path: &str, text: &str) {
    let update = std::env::var_os("UPDATE").map(|value| value.to_string_lossy().into_owned());
    let file = in_repository(path);
    match is_update(update.as_deref()) {
        Ok(true) => fs::write(&file, text).expect("the golden file can be written"),
        Ok(false) => {
            let golden = fs::read_to_string(&file).unwrap_or_default();
            if let Some(difference) = difference(path, &golden, text) {
                panic!("{difference}");
            }
        }
        Err(error) => panic!("{error}"),
    }
}

/// What a golden file has otherwise than what is made now; nothing where they are the same.
pub(crate) fn difference(path: &str, golden: &str, now: &str) -> Option<String> {
    let diff = (golden != now).then(|| TextDiff::from_lines(golden, now))?;
    let mut unified = diff.unified_diff();
    let unified = unified.header(path, "what is made now");
    let test = env!("CARGO_CRATE_NAME");
    Some(format!(
        "{path} differs from what is made now:\n\n{unified}\n\
         If the difference is right, run UPDATE=1 cargo test --test {test}"
    ))
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
