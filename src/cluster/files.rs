//! Manifests about to be applied: files, directories and standard input, as named by `-f`.
//!
//! As many files are in memory at a time as there are processors. Of each manifest of which something may be said its
//! names are kept, others are counted. What cannot be read or understood is a gap.

mod batch;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::helm;
use super::manifest::Origin;
use crate::catalog::Catalog;
use crate::snapshot::{Files, HelmRow, Interest, Tally};
use batch::{Step, Taken, Wanted, decoded};

/// The most that is read of one file, in MiB.
const MAX_MIB: u64 = 64;

/// What standard input is called in locations.
const STDIN: &str = "stdin";

/// Why `-f` cannot be followed at all.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is no such file or directory.
    #[error(
        "cannot read -f {path}: there is no such file or directory; check the spelling and the directory \
         that you run this in (standard input is -f -)"
    )]
    Missing {
        /// As it was given.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It may be there, but cannot be looked at.
    #[error("cannot read -f {path}: {source}; check who may read it and the directories above it")]
    Unreachable {
        /// As it was given.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Reads the files and directories of `-f`, and `stdin` for `-`.
///
/// Directories are walked in the order of names: `.yaml`, `.yml` and `.json`, without hidden directories and, as kubectl
/// does it, without following links to directories. A file that is named is read whatever its name. A directory that is a
/// Helm chart is a gap, for its templates are no manifests. Helm release records in files are decoded and of each release
/// the newest deployed revision is kept. Namespaces stay empty where a manifest names none. Manifests that are of no
/// interest are counted.
///
/// # Errors
/// When something that was named does not exist or cannot be looked at. What cannot be read or understood within it is a
/// gap in [`Files::gaps`].
pub fn read(
    paths: &[PathBuf],
    mut stdin: impl Read,
    catalog: &Catalog,
    interest: Interest,
) -> Result<Files, FilesError> {
    let mut reading = Reading {
        wanted: Wanted { catalog, interest },
        files: Files::default(),
        others: Tally::default(),
        releases: Vec::new(),
        // A walk alone meets no file twice.
        seen: (paths.len() > 1).then(BTreeSet::new),
        steps: Vec::new(),
    };
    for path in paths {
        if path.as_os_str() == "-" {
            if reading.is_new(path) {
                let bytes = bounded(&mut stdin);
                let taken = decoded(STDIN, Origin::Rendered(STDIN), bytes, reading.wanted);
                reading.step(Step::Taken(taken));
            }
            continue;
        }
        let metadata = fs::metadata(path).map_err(|source| {
            let path = path.display().to_string();
            match source.kind() {
                io::ErrorKind::NotFound => FilesError::Missing { path, source },
                _ => FilesError::Unreachable { path, source },
            }
        })?;
        if metadata.is_dir() {
            reading.walk(path);
        } else {
            reading.file(path);
        }
    }
    reading.flush();
    let mut files = reading.files;
    files.others = reading.others.counted();
    files.releases = helm::newest(reading.releases);
    Ok(files)
}

struct Reading<'a> {
    wanted: Wanted<'a>,
    files: Files,
    others: Tally,
    releases: Vec<HelmRow>,
    /// Files read so far, for one may be named twice or lie in a directory that is named too; none where only one thing is
    /// named.
    seen: Option<BTreeSet<PathBuf>>,
    /// What is to be done next, in the order in which its results count.
    steps: Vec<Step>,
}

impl Reading<'_> {
    fn walk(&mut self, root: &Path) {
        let mut entries = WalkDir::new(root).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let at = error.path().unwrap_or(root).to_owned();
                    self.gap(name(&at), walk_error(&error));
                    continue;
                }
            };
            if entry.file_type().is_dir() {
                let chart = entry.path().join("Chart.yaml").is_file();
                if chart {
                    self.chart(entry.path());
                }
                if chart || is_hidden(&entry) {
                    entries.skip_current_dir();
                }
            } else if has_manifest_extension(entry.path()) && may_be_read(&entry) {
                self.file(entry.path());
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let path = path.strip_prefix(".").unwrap_or(path);
        if !self.is_new(path) {
            return;
        }
        if path.extension().is_some_and(|extension| extension == "tgz") {
            self.chart(path);
            return;
        }
        self.step(Step::File(path.to_owned()));
    }

    fn is_new(&mut self, path: &Path) -> bool {
        let seen = self.seen.as_mut();
        seen.is_none_or(|seen| seen.insert(path.to_owned()))
    }

    fn chart(&mut self, path: &Path) {
        let why = "not rendered: pipe `helm template` into `-f -`".to_owned();
        self.gap(format!("Helm chart {}", name(path)), why);
    }

    fn gap(&mut self, what: String, why: String) {
        self.step(Step::Taken(Taken::gap(what, why)));
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        if self.steps.len() >= batch::SIZE {
            self.flush();
        }
    }

    /// Does what is to be done, and adds what it brings.
    fn flush(&mut self) {
        for taken in batch::run(std::mem::take(&mut self.steps), self.wanted) {
            self.files.objects.extend(taken.objects);
            self.others.add(taken.others);
            self.files.gaps.extend(taken.gaps);
            self.files.read += taken.read;
            self.files.skipped += taken.skipped;
            self.releases.extend(taken.releases);
        }
    }
}

/// The whole of it, or why not.
fn bounded(from: impl Read) -> Result<Vec<u8>, String> {
    let limit = MAX_MIB << 20;
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "larger than {MAX_MIB} MiB, the most that is read of one file; split it"
        ));
    }
    Ok(bytes)
}

/// A path as locations show it.
fn name(path: &Path) -> String {
    let short = path.strip_prefix(".").unwrap_or(path);
    let short = if short.as_os_str().is_empty() {
        path
    } else {
        short
    };
    short.display().to_string()
}

fn walk_error(error: &walkdir::Error) -> String {
    error
        .io_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// `.git` and the like. The directory that was named is read whatever its name.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn has_manifest_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Not pipes and devices, which might never end, nor links to directories. A link that leads nowhere is tried, so that it
/// becomes a gap.
fn may_be_read(entry: &DirEntry) -> bool {
    match fs::metadata(entry.path()) {
        Ok(metadata) => metadata.is_file(),
        Err(_) => true,
    }
}
