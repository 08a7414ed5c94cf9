//! Manifests about to be applied: files, directories and standard input, as named by `-f`.
//!
//! At most one file per CPU is in memory at a time. Manifests that a rule may report are kept by name, others are only
//! counted. A file that cannot be read or parsed is a gap.

mod checkouts;
mod members;
mod parallel;
mod rendered;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::decoder::Origin;
use super::external::{self, ExternalSource, GitRepository};
use super::held::{SetMember, UnreadMember};
use super::{helm, placeholders};
use crate::catalog::{Catalog, has_manifest_ending};
use crate::snapshot::{ApiCounter, HelmReleaseRow, ManifestFiles, ManifestFilter, MissingData};
use crate::text::names::CHECK;
use crate::text::os_error_text;
use checkouts::Checkouts;
use parallel::{FileDecodeContext, FileResult, FileYield, WorkItem, decode_bytes};
use source::{display_path, read_limited};

/// What standard input is called in locations.
pub const STDIN_NAME: &str = "stdin";

/// Entries below a link to a directory that are inspected for manifests.
const MAX_LINKED: usize = 10_000;

/// Why `-f` cannot be followed at all.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is no such file or directory.
    #[error(
        "cannot read -f {path}: there is no such file or directory; check the spelling and the directory \
         that you run this in (standard input is -f -)"
    )]
    NotFound {
        /// As it was given.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It is a URL.
    #[error(
        "cannot read -f {url}: URLs are not read; download it, or pipe it in: curl -sSfL URL | kubectl {CHECK} -f -"
    )]
    Url {
        /// As it was given.
        url: String,
    },
    /// It may be there, but cannot be looked at.
    #[error("cannot read -f {path}: {}; check who may read it and the directories above it", os_error_text(.source))]
    Inaccessible {
        /// As it was given.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Reads the files and directories of `-f`, and `stdin`, with its name in locations, for `-`.
///
/// Directories are walked in the order of names: `.yaml`, `.yml` and `.json`, hidden directories too, as kubectl does it,
/// except those of version control and of mounted volumes. A link to a directory with such files, which is not followed,
/// is a gap. A file that is named, with `-f` or in a kustomization, is read whatever its
/// name. A directory that is a
/// Helm chart is a gap, for its templates are no manifests. Helm release records in files are decoded and of each release
/// the newest deployed revision is kept. Namespaces stay empty where a manifest names none. Manifests that are of no
/// interest are counted.
///
/// # Errors
/// When something that was named does not exist or cannot be looked at. What cannot be read or understood within it is a
/// gap in [`ManifestFiles::gaps`](crate::snapshot::ManifestFiles::gaps).
pub fn read(
    paths: &[PathBuf],
    (stdin_name, mut stdin): (&str, impl Read),
    catalog: &Catalog,
    interest: ManifestFilter,
) -> Result<ManifestFiles, FilesError> {
    let mut reading = ManifestCollector {
        context: FileDecodeContext {
            catalog,
            filter: interest,
        },
        files: ManifestFiles::default(),
        other_apis: ApiCounter::default(),
        releases: Vec::new(),
        // A walk alone meets no file twice.
        visited: (paths.len() > 1).then(BTreeSet::new),
        pending: Vec::new(),
        unrendered: Vec::new(),
        sources: Vec::new(),
        external: Vec::new(),
        git_repositories: Vec::new(),
        possible_members: BTreeMap::new(),
        unread_members: Vec::new(),
        directories: BTreeSet::new(),
        yields: BTreeMap::new(),
        current_source: 0,
    };
    for (source, path) in paths.iter().enumerate() {
        reading.current_source = source;
        reading.sources.push(SourceYield::default());
        if path.as_os_str() == "-" {
            if reading.mark_visited(path) {
                let bytes = read_limited(&mut stdin).and_then(|bytes| match bytes.is_empty() {
                    true => Err("no manifest was read: it is empty; a command that writes to it may have failed".to_owned()),
                    false => Ok(bytes),
                });
                let taken = decode_bytes(
                    stdin_name,
                    Origin::Rendered(stdin_name),
                    bytes,
                    reading.context,
                );
                reading.push_item(WorkItem::Done(Box::new(taken)));
            }
            continue;
        }
        let metadata = fs::metadata(path).map_err(|source| {
            let path = path.display().to_string();
            if path.starts_with("https://") || path.starts_with("http://") {
                return FilesError::Url { url: path };
            }
            match source.kind() {
                io::ErrorKind::NotFound => FilesError::NotFound { path, source },
                _ => FilesError::Inaccessible { path, source },
            }
        })?;
        if metadata.is_dir() {
            reading.walk_directory(path);
        } else {
            reading.add_file(path, false);
        }
    }
    reading.flush();
    let roots: Vec<PathBuf> = paths.iter().map(|path| external::normalize(path)).collect();
    reading.read_listed(&roots);
    reading.read_members();
    reading.add_unrendered();
    reading.add_unread(&roots);
    Ok(reading.finish(paths))
}

struct ManifestCollector<'a> {
    context: FileDecodeContext<'a>,
    files: ManifestFiles,
    other_apis: ApiCounter,
    releases: Vec<HelmReleaseRow>,
    /// Files read so far, for one may be named twice or lie in a directory that is named too; none where only one thing is
    /// named.
    visited: Option<BTreeSet<PathBuf>>,
    /// What is to be done next, in the order in which its results count, with the index of its source.
    pending: Vec<(usize, WorkItem)>,
    /// Files that have to be rendered, with the index of their source and how.
    unrendered: Vec<(usize, PathBuf, &'a str)>,
    /// What each path of `-f` yielded so far.
    sources: Vec<SourceYield>,
    /// What renders objects that are elsewhere, or in one of the directories, with the index of its source.
    external: Vec<(usize, ExternalSource)>,
    /// The repositories that they refer to.
    git_repositories: Vec<GitRepository>,
    /// ConfigMaps and Secrets that may be members of objects in other files, with their file.
    possible_members: BTreeMap<SetMember, PathBuf>,
    /// What objects have as members and is in other files, with the index of its source.
    unread_members: Vec<(usize, UnreadMember)>,
    /// Directories that were walked.
    directories: BTreeSet<PathBuf>,
    /// What each file yielded, by its path without `.` and `..`.
    yields: BTreeMap<PathBuf, FileYield>,
    /// The index of the source that is read now.
    current_source: usize,
}

/// What one path of `-f` yielded.
#[derive(Default)]
struct SourceYield {
    /// Files that were read.
    files: usize,
    /// Whether there is a manifest or a gap, or something that another path has read already.
    has_result: bool,
}

impl SourceYield {
    /// The gap of a path that holds no manifest at all: whoever names it expects it to be checked.
    fn gap(&self, path: &Path) -> MissingData {
        let why = match self.files {
            0 => {
                "no manifest was read: the directory holds no .yaml, .yml or .json file".to_owned()
            }
            1 => "no manifest was read: no document in it has an apiVersion and a kind".to_owned(),
            files => format!(
                "no manifest was read: no document in its {files} files has an apiVersion and a kind"
            ),
        };
        MissingData {
            what: display_path(path),
            why,
            rbac: None,
        }
    }
}

impl ManifestCollector<'_> {
    /// Adds the gaps of what renders objects that were not read.
    fn add_unread(&mut self, roots: &[PathBuf]) {
        let mut gaps = Vec::new();
        let paths = self.external.iter();
        let paths = paths.flat_map(|(_, source)| source.repository_paths());
        let checkouts = Checkouts::new(roots, &self.directories, &self.git_repositories, paths);
        for (source, external) in &self.external {
            let mut conflicts = external
                .repository_paths()
                .filter_map(|path| checkouts.conflict(path));
            let conflict = conflicts.next();
            let gap = external.gap(
                |path, is_patch| self.is_read(path, is_patch, roots),
                |path| {
                    checkouts.is_read(path, |directory| holds_result(&self.yields, directory))
                        && checkouts.conflict(path).is_none()
                },
            );
            let gap = gap.map(|mut gap| {
                gap.why = conflict
                    .into_iter()
                    .chain([gap.why])
                    .collect::<Vec<_>>()
                    .join("; ");
                gap
            });
            // What it points to was read, there or below another path.
            self.sources[*source].has_result |= gap.is_some() || external.has_targets();
            gaps.extend(gap);
        }
        self.files.gaps.extend(external::listed(gaps));
        self.drop_patch_gaps();
    }

    /// Drops the gaps of patches without an apiVersion: those of kustomize have a target of their own.
    fn drop_patch_gaps(&mut self) {
        let sources = self.external.iter();
        let patches: Vec<String> = sources
            .flat_map(|(_, source)| source.patch_paths())
            .map(|path| format!("{}, line ", display_path(&path)))
            .collect();
        let is_patch = |gap: &MissingData| patches.iter().any(|path| gap.what.starts_with(path));
        let missing = placeholders::MISSING_API_VERSION;
        self.files
            .gaps
            .retain(|gap| !(gap.why == missing && is_patch(gap)));
    }

    fn finish(self, paths: &[PathBuf]) -> ManifestFiles {
        let mut files = self.files;
        let definitions = files.objects.iter();
        let definitions = definitions.filter(|object| object.kind == "CustomResourceDefinition");
        // The name of a definition ends in its group.
        let groups: BTreeSet<&str> = definitions
            .filter_map(|object| object.name.split_once('.'))
            .map(|(_, group)| group)
            .collect();
        files
            .unknown_apis
            .retain(|api| !groups.contains(api.group.as_str()));
        files.api_counts = self.other_apis.into_counts();
        files.helm_releases = helm::newest_revisions(self.releases);
        // Whatever the cause, nothing at all is no result.
        let is_nothing = files.manifests_read() == 0 && files.gaps.is_empty();
        let sources = paths.iter().zip(self.sources);
        let empty: Vec<MissingData> = sources
            .filter(|(_, source)| is_nothing || !source.has_result)
            .map(|(path, source)| source.gap(path))
            .collect();
        files.gaps.extend(empty);
        files
    }

    fn walk_directory(&mut self, root: &Path) {
        let mut entries = WalkDir::new(root).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let at = error.path().unwrap_or(root).to_owned();
                    self.add_gap(display_path(&at), walk_error_message(&error));
                    continue;
                }
            };
            if entry.file_type().is_dir() {
                let chart = entry.path().join("Chart.yaml").is_file();
                if chart {
                    self.add_chart_gap(entry.path());
                }
                if chart || is_skipped(&entry) {
                    entries.skip_current_dir();
                } else {
                    self.add_empty_submodules(entry.path());
                    self.directories.insert(external::normalize(entry.path()));
                }
            } else if self.may_hold_manifests(entry.path()) && can_be_read(&entry) {
                self.add_file(entry.path(), true);
            } else if entry.path_is_symlink() && !is_skipped(&entry) {
                self.add_link(entry.path(), root);
            }
        }
    }

    /// Adds the gaps of submodules that are not checked out.
    fn add_empty_submodules(&mut self, directory: &Path) {
        for submodule in checkouts::empty_submodules(directory) {
            let why = "an empty submodule of git: run `git submodule update --init`";
            self.add_gap(display_path(&submodule), why.to_owned());
        }
    }

    /// Manifests by their names, what is rendered to them, and a kustomization without an ending.
    fn may_hold_manifests(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name == "Kustomization" || has_manifest_ending(name))
            || rendered::row_of(path, self.context.catalog).is_some()
    }

    /// Adds the gap of a link to a directory with manifests that are not below the root.
    fn add_link(&mut self, path: &Path, root: &Path) {
        let resolved = fs::canonicalize(path).ok().zip(fs::canonicalize(root).ok());
        let Some((target, _)) = resolved.filter(|(target, root)| !target.starts_with(root)) else {
            return;
        };
        let entries = WalkDir::new(target).into_iter().take(MAX_LINKED).flatten();
        let mut files = entries.filter(|entry| entry.file_type().is_file());
        if files.any(|entry| self.may_hold_manifests(entry.path())) {
            let why = "a link to a directory, which is not followed; name the directory with -f";
            self.add_gap(display_path(path), why.to_owned());
        }
    }

    /// Adds a file that was met in a directory, or that somebody names, whatever its name.
    fn add_file(&mut self, path: &Path, is_walked: bool) {
        let path = path.strip_prefix(".").unwrap_or(path);
        let row = rendered::row_of(path, self.context.catalog);
        // A kustomization may list it, whatever its name.
        if let Some(row) = row.filter(|_| is_walked) {
            let source = self.current_source;
            return self.unrendered.push((source, path.to_owned(), &row.hint));
        }
        if !self.mark_visited(path) {
            return;
        }
        if let Some(row) = row.filter(|row| rendered::must_be_rendered(path, row)) {
            return self.add_rendered_gap(path, &row.hint);
        }
        if path.extension().is_some_and(|extension| extension == "tgz") {
            self.add_chart_gap(path);
            return;
        }
        self.push_item(WorkItem::File(path.to_owned()));
    }

    /// Reads what members hold that are in other files than the objects that name them.
    fn read_members(&mut self) {
        let mut unread = std::mem::take(&mut self.unread_members);
        unread.retain(|(_, unread)| {
            let name = &unread.member.name;
            !self
                .external
                .iter()
                .any(|(_, source)| source.generates(name))
        });
        for (source, result) in members::read(unread, &self.possible_members, self.context) {
            self.current_source = source;
            self.push_item(WorkItem::Done(Box::new(result)));
        }
        self.flush();
        // What members of members name is unheard of.
        let unread = std::mem::take(&mut self.unread_members).into_iter();
        let unread = unread.filter(|(_, unread)| !unread.is_mounted);
        self.files.gaps.extend(unread.map(|(_, unread)| unread.gap));
    }

    /// Adds the gaps of files that have to be rendered, except those that were read as they are.
    fn add_unrendered(&mut self) {
        for (source, path, hint) in std::mem::take(&mut self.unrendered) {
            self.current_source = source;
            match self.yields.contains_key(&external::normalize(&path)) {
                true => self.sources[source].has_result = true,
                false => self.add_rendered_gap(&path, hint),
            }
        }
        self.flush();
    }

    fn add_rendered_gap(&mut self, path: &Path, hint: &str) {
        self.yields
            .insert(external::normalize(path), FileYield::Result);
        self.add_gap(display_path(path), format!("not rendered: {hint}"));
    }

    fn mark_visited(&mut self, path: &Path) -> bool {
        let is_new = self.visited.as_mut();
        let is_new = is_new.is_none_or(|visited| visited.insert(path.to_owned()));
        if let Some(source) = self.sources.get_mut(self.current_source) {
            source.has_result |= !is_new;
        }
        is_new
    }

    fn add_chart_gap(&mut self, path: &Path) {
        self.yields
            .insert(external::normalize(path), FileYield::Result);
        let why = "not rendered: pipe `helm template` into `-f -`".to_owned();
        self.add_gap(format!("Helm chart {}", display_path(path)), why);
    }

    fn add_gap(&mut self, what: String, why: String) {
        self.push_item(WorkItem::Done(Box::new(FileResult::from_gap(what, why))));
    }

    fn push_item(&mut self, step: WorkItem) {
        self.pending.push((self.current_source, step));
        if self.pending.len() >= parallel::BATCH_SIZE {
            self.flush();
        }
    }

    /// Does what is to be done, and adds what it brings.
    fn flush(&mut self) {
        let (sources, steps): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        let paths: Vec<_> = steps.iter().map(WorkItem::path).collect();
        let results = parallel::run_batch(steps, self.context);
        for ((index, path), taken) in sources.into_iter().zip(paths).zip(results) {
            let source = &mut self.sources[index];
            source.files += 1;
            source.has_result |= taken.has_manifests || !taken.gaps.is_empty();
            if let Some(path) = path {
                let members = taken.possible_members.iter().cloned();
                let members = members.map(|member| (member, path.clone()));
                self.possible_members.extend(members);
                self.yields.insert(path, taken.file_yield());
            }
            let unread = taken.unread_members.into_iter();
            self.unread_members
                .extend(unread.map(|unread| (index, unread)));
            self.files.objects.extend(taken.objects);
            self.other_apis.merge(taken.other_apis);
            self.files.gaps.extend(taken.gaps);
            self.files.unknown_apis.extend(taken.unknown_apis);
            let external = taken.external.into_iter();
            self.external
                .extend(external.map(|external| (index, external)));
            self.git_repositories.extend(taken.git_repositories);
            self.files.files_read += taken.files_read;
            self.files.files_skipped += taken.files_skipped;
            self.releases.extend(taken.releases);
        }
    }
}

fn walk_error_message(error: &walkdir::Error) -> String {
    error
        .io_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// Directories of version control, and those in which mounted volumes keep the files that they link to. The directory that
/// was named is read whatever its name.
fn is_skipped(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    let is_of_tool = [".git", ".hg", ".svn"]
        .iter()
        .any(|tool| tool.as_bytes() == name);
    entry.depth() > 0 && (is_of_tool || name.starts_with(b".."))
}

/// Not pipes and devices, which might never end, nor links to directories. A link that leads nowhere is tried, so that it
/// becomes a gap.
fn can_be_read(entry: &DirEntry) -> bool {
    match fs::metadata(entry.path()) {
        Ok(metadata) => metadata.is_file(),
        Err(_) => true,
    }
}

impl ManifestCollector<'_> {
    /// Reads what kustomizations list and the walk passed by. What is read may list more.
    fn read_listed(&mut self, roots: &[PathBuf]) {
        let mut done = 0;
        while done < self.external.len() {
            let sources = &self.external[done..];
            let paths: Vec<PathBuf> = sources
                .iter()
                .flat_map(|(_, source)| source.local_paths())
                .collect();
            done = self.external.len();
            for path in paths {
                self.read_listed_path(&path, roots);
            }
            self.flush();
        }
    }

    fn read_listed_path(&mut self, path: &Path, roots: &[PathBuf]) {
        let Some(source) = roots.iter().position(|root| is_below(path, root)) else {
            return;
        };
        self.current_source = source;
        if self.yields.contains_key(path) {
            return;
        }
        let kind = fs::symlink_metadata(path).map(|metadata| metadata.file_type());
        match kind {
            Ok(kind) if kind.is_dir() && !self.directories.contains(path) => {
                self.walk_directory(path);
            }
            // A link to a directory is not followed.
            Ok(kind) if !kind.is_dir() && path.is_file() => {
                self.add_file(path, false);
            }
            _ => {}
        }
    }

    /// Whether what is at this path below one of the roots was read: a file with manifests or without any content, for a
    /// patch any, or a directory that holds a kustomization or manifests.
    fn is_read(&self, path: &Path, is_patch: bool, roots: &[PathBuf]) -> bool {
        if !roots.iter().any(|root| is_below(path, root)) {
            return false;
        }
        match self.yields.get(path) {
            Some(FileYield::Result | FileYield::Blank) => true,
            Some(FileYield::Foreign) => is_patch,
            None => {
                let is_kustomization = |name: &str| self.yields.contains_key(&path.join(name));
                let mut names = external::KUSTOMIZATION_NAMES.iter();
                names.any(|name| is_kustomization(name)) || holds_result(&self.yields, path)
            }
        }
    }
}

/// Whether any file below a directory yielded something.
fn holds_result(yields: &BTreeMap<PathBuf, FileYield>, directory: &Path) -> bool {
    let below = yields.range(directory.to_owned()..);
    below
        .take_while(|(path, _)| path.starts_with(directory))
        .any(|(_, of_file)| *of_file == FileYield::Result)
}

/// Whether a path is that of a root or below it.
fn is_below(path: &Path, root: &Path) -> bool {
    path.strip_prefix(root)
        .is_ok_and(|rest| !rest.components().any(|part| part == Component::ParentDir))
}
