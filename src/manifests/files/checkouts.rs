//! Which of the directories that were read a path within a repository means.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::manifests::documents::truncate_name;
use crate::manifests::external::{GitRepository, Repository, RepositoryPath, normalize};

/// Directories that were read and are, or may be, checkouts of repositories.
pub(super) struct Checkouts<'a> {
    checkouts: Vec<Checkout>,
    /// Repositories that sources refer to by name.
    repositories: &'a [GitRepository],
}

struct Checkout {
    /// The path by which it was read.
    directory: PathBuf,
    /// Where that is within its repository; `None` if it is not known to be in one.
    within: Option<PathBuf>,
    /// Names of its remote repositories; empty if unknown.
    remotes: BTreeSet<String>,
    /// What is checked out; `None` if it is unknown.
    head: Option<Head>,
    /// Repositories that sources find here although nothing says that it is one of theirs.
    assumed: BTreeSet<String>,
}

impl<'a> Checkouts<'a> {
    /// Those of `-f`, and those of git below them, for sources that name these paths.
    pub(super) fn new<'b>(
        roots: &[PathBuf],
        directories: &'b BTreeSet<PathBuf>,
        repositories: &'a [GitRepository],
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
        let mut all = Self {
            checkouts,
            repositories,
        };
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

    /// What speaks against the revision that is checked out, where a source names another one.
    pub(super) fn conflict(&self, path: &RepositoryPath) -> Option<String> {
        let of_object = match &path.repository {
            Some(Repository::Object(name)) => {
                let mut own = self.repositories.iter().filter(|own| own.name == *name);
                own.find_map(|own| own.revision.as_deref())
            }
            _ => None,
        };
        let revision = path.revision.as_deref().or(of_object)?;
        let names = self.repository_names(path);
        let mut own = self
            .checkouts
            .iter()
            .filter(|own| !own.remotes.is_disjoint(&names));
        let other = own.find_map(|own| own.head.as_ref()?.other_than(revision))?;
        Some(format!(
            "{other} is checked out, the source names {}",
            truncate_name(revision)
        ))
    }

    /// The names that the repository of a path may have.
    fn repository_names(&self, path: &RepositoryPath) -> BTreeSet<String> {
        match &path.repository {
            None => BTreeSet::new(),
            Some(Repository::Url(url)) => BTreeSet::from([repository_name(url)]),
            Some(Repository::Object(name)) => {
                let own = self.repositories.iter().filter(|own| own.name == *name);
                own.map(|own| repository_name(&own.url)).collect()
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
            head: top.and_then(Head::new),
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
            None if path.as_os_str().is_empty() => Some(self.directory.clone()),
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

/// Parts of paths that depend on how a repository is reached, at Azure and Bitbucket.
const TRANSPORT_PARTS: [&str; 3] = ["v3", "_git", "scm"];

/// Host, owner and name in the URL of a repository, without how it is reached.
fn repository_name(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or(("", rest)),
        None => url.split_once([':', '/']).unwrap_or(("", url)),
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host);
    let host = host.strip_prefix("ssh.").unwrap_or(host);
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parts = parts.filter(|part| !TRANSPORT_PARTS.contains(part));
    let name: Vec<&str> = std::iter::once(host).chain(parts).collect();
    name.join("/").to_ascii_lowercase()
}

/// What is checked out.
struct Head {
    git: PathBuf,
    /// The branch; `None` for a commit by itself, as pipelines check it out.
    branch: Option<String>,
    /// That commit.
    commit: Option<String>,
}

/// What the default branch is called where git does not tell.
const DEFAULT_BRANCHES: [&str; 3] = ["main", "master", "trunk"];

impl Head {
    fn new(top: &Path) -> Option<Self> {
        let git = top.join(".git");
        let head = fs::read_to_string(git.join("HEAD")).ok()?;
        let head = head.trim();
        let branch = head.strip_prefix("ref: refs/heads/").map(str::to_owned);
        let commit = (!head.contains(' ')).then(|| head.to_owned());
        Some(Self {
            git,
            branch,
            commit,
        })
    }

    /// What is checked out, if a revision means something else. What is on a branch, or is a commit by itself, is meant for the
    /// default branch: a source that names that one will have it.
    fn other_than(&self, revision: &str) -> Option<String> {
        let revision = revision.trim();
        let revision = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        let default = self.default_branch();
        let is_default = match &default {
            Some(default) => default == revision,
            None => self.branch.is_none() && DEFAULT_BRANCHES.contains(&revision),
        };
        let is_own = ["", "HEAD", "*"].contains(&revision)
            || self.branch.as_deref() == Some(revision)
            || is_default;
        let branch = self.branch.as_ref();
        let mut head = branch.map_or_else(Vec::new, |branch| {
            self.commits(&format!("refs/heads/{branch}"))
        });
        head.extend(self.commit.clone());
        let places = ["refs/heads/", "refs/remotes/origin/", "refs/tags/"].iter();
        let same = places
            .flat_map(|place| self.commits(&format!("{place}{revision}")))
            .any(|commit| head.contains(&commit));
        let is_commit =
            revision.len() >= 7 && head.iter().any(|commit| commit.starts_with(revision));
        let shown = match (&self.branch, &self.commit) {
            (Some(branch), _) => format!("branch {branch}"),
            (None, commit) => {
                let commit = commit.as_deref().unwrap_or("HEAD");
                format!("commit {}", commit.get(..7).unwrap_or(commit))
            }
        };
        (!is_own && !same && !is_commit).then_some(shown)
    }

    /// The default branch of the remote repository; `None` if it is unknown.
    fn default_branch(&self) -> Option<String> {
        let head = fs::read_to_string(self.git.join("refs/remotes/origin/HEAD")).ok()?;
        let branch = head.trim().strip_prefix("ref: refs/remotes/origin/")?;
        Some(branch.to_owned())
    }

    /// The commit of a reference; of a tag with a message that tag and its commit.
    fn commits(&self, reference: &str) -> Vec<String> {
        let loose = fs::read_to_string(self.git.join(reference)).into_iter();
        let mut found: Vec<String> = loose.map(|text| text.trim().to_owned()).collect();
        let packed = fs::read_to_string(self.git.join("packed-refs")).unwrap_or_default();
        let mut lines = packed.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((commit, _)) = line.split_once(' ').filter(|(_, name)| *name == reference)
            else {
                continue;
            };
            found.push(commit.to_owned());
            let peeled = lines.peek().and_then(|line| line.strip_prefix('^'));
            found.extend(peeled.map(str::to_owned));
        }
        found
    }
}

/// The submodules of a directory that are not checked out.
pub(super) fn empty_submodules(directory: &Path) -> Vec<PathBuf> {
    let modules = fs::read_to_string(directory.join(".gitmodules")).unwrap_or_default();
    let paths = modules.lines().filter_map(|line| {
        let (key, path) = line.split_once('=')?;
        (key.trim() == "path").then(|| directory.join(path.trim()))
    });
    let is_empty = |path: &PathBuf| {
        let entries = fs::read_dir(path);
        entries.map_or(true, |mut entries| entries.next().is_none())
    };
    paths.filter(is_empty).collect()
}
