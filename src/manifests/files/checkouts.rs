//! Which of the directories that were read a path within a repository means.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::manifests::external::{Repository, RepositoryPath, normalize};

/// Directories that were read and are, or may be, checkouts of repositories.
pub(super) struct Checkouts<'a> {
    checkouts: Vec<Checkout>,
    /// Names and URLs of repositories.
    urls: &'a [(String, String)],
}

struct Checkout {
    /// The path by which it was read.
    directory: PathBuf,
    /// Where that is within its repository; `None` if it is not known to be in one.
    within: Option<PathBuf>,
    /// Names of its remote repositories; empty if unknown.
    remotes: BTreeSet<String>,
    /// Repositories that sources find here although nothing says that it is one of theirs.
    assumed: BTreeSet<String>,
}

impl<'a> Checkouts<'a> {
    /// Those of `-f`, and those of git below them, for sources that name these paths.
    pub(super) fn new<'b>(
        roots: &[PathBuf],
        directories: &'b BTreeSet<PathBuf>,
        urls: &'a [(String, String)],
        paths: impl Iterator<Item = &'b RepositoryPath>,
    ) -> Self {
        let mut paths = paths.peekable();
        let checkouts = match paths.peek() {
            Some(_) => {
                let roots = roots.iter().filter(|root| on_disk(root).is_dir());
                let below = directories.iter();
                let below = below.filter(|below| !roots.clone().any(|root| root == *below));
                let below = below.filter(|below| below.join(".git").exists());
                {
                    let all = roots.clone().chain(below);
                    all.map(|directory| Checkout::new(directory)).collect()
                }
            }
            None => Vec::new(),
        };
        let mut all = Self { checkouts, urls };
        let mut assumed: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for path in paths {
            let names = all.repository_names(path);
            let candidates = all.candidates(path, directories);
            for at in candidates {
                assumed.entry(at).or_default().extend(names.clone());
            }
        }
        for (at, names) in assumed {
            all.checkouts[at].assumed = names;
        }
        all
    }

    /// The checkouts in which a directory was read that the path may mean.
    fn candidates(&self, path: &RepositoryPath, directories: &BTreeSet<PathBuf>) -> Vec<usize> {
        let checkouts = self.checkouts.iter().enumerate();
        let found = checkouts.filter(|(_, checkout)| {
            let directory = checkout.directory_of(&path.path);
            directory.is_some_and(|directory| directories.contains(&directory))
        });
        found.map(|(at, _)| at).collect()
    }

    /// Whether one of the directories that a path may mean was read: of a repository that is known to be its own, or that
    /// nothing speaks against.
    pub(super) fn is_read(
        &self,
        path: &RepositoryPath,
        is_directory_read: impl Fn(&Path) -> bool,
    ) -> bool {
        let names = self.repository_names(path);
        self.checkouts.iter().any(|checkout| {
            let is_own = match checkout.remotes.is_empty() {
                true => checkout.assumed.len() < 2,
                false => names.is_empty() || !checkout.remotes.is_disjoint(&names),
            };
            let directory = checkout.directory_of(&path.path).filter(|_| is_own);
            directory.is_some_and(|directory| is_directory_read(&directory))
        })
    }

    /// The names that the repository of a path may have: forks share them, and hosts differ by how they are reached.
    fn repository_names(&self, path: &RepositoryPath) -> BTreeSet<String> {
        match &path.repository {
            None => BTreeSet::new(),
            Some(Repository::Url(url)) => BTreeSet::from([repository_name(url)]),
            Some(Repository::Object(name)) => {
                let urls = self.urls.iter().filter(|(object, _)| object == name);
                urls.map(|(_, url)| repository_name(url)).collect()
            }
        }
    }
}

impl Checkout {
    fn new(directory: &Path) -> Self {
        let canonical = fs::canonicalize(on_disk(directory)).unwrap_or_default();
        let mut above = canonical.ancestors();
        let top = above.find(|above| above.join(".git").exists());
        Self {
            directory: directory.to_owned(),
            within: top.and_then(|top| Some(canonical.strip_prefix(top).ok()?.to_owned())),
            remotes: top.map(remotes).unwrap_or_default(),
            assumed: BTreeSet::new(),
        }
    }

    /// Where a path of the repository would be.
    fn directory_of(&self, path: &str) -> Option<PathBuf> {
        let path = normalize(Path::new(path.trim_start_matches('/')));
        match &self.within {
            Some(within) => {
                let rest = path.strip_prefix(within).ok()?;
                Some(normalize(&self.directory.join(rest)))
            }
            None if path.as_os_str().is_empty() => None,
            None if self.directory.ends_with(&path) => Some(self.directory.clone()),
            None => Some(normalize(&self.directory.join(path))),
        }
    }
}

/// A normalized path as the system takes it: `-f .` is empty.
fn on_disk(path: &Path) -> &Path {
    match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    }
}

/// Names of the remote repositories of a checkout; none of a work tree, which has them elsewhere.
fn remotes(top: &Path) -> BTreeSet<String> {
    let config = fs::read_to_string(top.join(".git/config")).unwrap_or_default();
    let mut is_remote = false;
    let urls = config.lines().map(str::trim).filter_map(|line| {
        if line.starts_with('[') {
            is_remote = line.starts_with("[remote ");
        }
        let (key, url) = line.split_once('=').filter(|_| is_remote)?;
        (key.trim() == "url").then(|| repository_name(url))
    });
    urls.collect()
}

/// The last part of the URL of a repository.
fn repository_name(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let name = url.rsplit(['/', ':']).next().unwrap_or(url);
    name.to_ascii_lowercase()
}
