//! Files of a tree decoded side by side, for YAML takes longer to parse than to read. Results keep the order of the tree.

use std::fs::File;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::source::{display_path, read_limited};
use crate::catalog::{Catalog, has_manifest_ending};
use crate::manifests::decoder::{
    DecodedManifests, EncodedHelmRecord, Origin, decode, decode_members,
};
use crate::manifests::external::{self, ExternalSource, GitRepository};
use crate::manifests::held::{SetMember, UnreadMember};
use crate::manifests::{foreign, helm};
use crate::snapshot::{
    ApiCounter, HelmReleaseRow, ManifestFilter, ManifestObject, MissingData, UnknownApi,
};

/// Steps that are done at once: enough that threads are seldom started, few enough that results do not pile up.
pub(super) const BATCH_SIZE: usize = 512;

/// More threads than this wait for the disk, and each may hold a file of the greatest size.
const MAX_THREADS: usize = 8;

/// What decides which manifests are kept.
#[derive(Clone, Copy)]
pub(super) struct FileDecodeContext<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) filter: ManifestFilter,
}

/// Something to do, or done already.
pub(super) enum WorkItem {
    /// Read and decode this file.
    File(PathBuf),
    /// Nothing more to do.
    Done(Box<FileResult>),
}

impl WorkItem {
    /// The path of a file, without `.` and `..`.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(external::normalize(path)),
            Self::Done(_) => None,
        }
    }
}

/// What a file yielded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileYield {
    /// Manifests, or a gap.
    Result,
    /// Nothing but comments.
    Blank,
    /// Documents, none of which is a manifest.
    Foreign,
}

/// What a step brings.
#[derive(Default)]
pub(super) struct FileResult {
    pub(super) objects: Vec<ManifestObject>,
    /// Those that are of no interest.
    pub(super) other_apis: ApiCounter,
    pub(super) releases: Vec<HelmReleaseRow>,
    pub(super) gaps: Vec<MissingData>,
    /// APIs that may be misspelt.
    pub(super) unknown_apis: Vec<UnknownApi>,
    /// Whether it holds a manifest; an empty list holds none.
    pub(super) has_manifests: bool,
    /// Whether it holds any document.
    pub(super) has_documents: bool,
    /// What renders objects that are in none of the files, unless they are.
    pub(super) external: Vec<ExternalSource>,
    /// ConfigMaps and Secrets that may be members of objects in other files.
    pub(super) possible_members: Vec<SetMember>,
    /// What objects have as members and is in other files.
    pub(super) unread_members: Vec<UnreadMember>,
    /// Names and URLs of repositories.
    pub(super) git_repositories: Vec<GitRepository>,
    /// 1 for a file with manifests.
    pub(super) files_read: usize,
    /// 1 for a file without.
    pub(super) files_skipped: usize,
}

/// What each step brings, in their order.
pub(super) fn run_batch(steps: Vec<WorkItem>, wanted: FileDecodeContext<'_>) -> Vec<FileResult> {
    let mut files = Vec::new();
    let mut taken: Vec<FileResult> = Vec::with_capacity(steps.len());
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            WorkItem::File(path) => {
                files.push((at, path));
                taken.push(FileResult::default());
            }
            WorkItem::Done(done) => taken.push(*done),
        }
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*at, decode_file(path, wanted)));
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let helpers = threads.min(MAX_THREADS).min(files.len()).saturating_sub(1);
    let done = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for helper in helpers {
            match helper.join() {
                Ok(more) => done.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        done
    });
    for (at, file) in done {
        taken[at] = file;
    }
    taken
}

fn decode_file(path: &PathBuf, wanted: FileDecodeContext<'_>) -> FileResult {
    let bytes = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(read_limited);
    let name = display_path(path);
    decode_bytes(&name, Origin::File(&name), bytes, wanted)
}

/// What one file holds.
pub(super) fn decode_bytes(
    name: &str,
    origin: Origin<'_>,
    bytes: Result<Vec<u8>, String>,
    wanted: FileDecodeContext<'_>,
) -> FileResult {
    let text = match bytes.and_then(utf8_text) {
        Ok(text) => text,
        Err(why) => return FileResult::from_gap(name.to_owned(), why),
    };
    let mut decoded = decode(&text, origin, wanted.catalog);
    if decoded.manifest_count == 0 {
        let is_plain = decoded.has_plain_text
            && has_manifest_ending(name)
            && !foreign::is_json_value(name, &text);
        let what = foreign::description(&text, is_plain);
        if let Some(what) = what.filter(|_| !foreign::is_variables(Path::new(name))) {
            let why = format!("no manifest was read: it is {what}");
            return FileResult::from_gap(name.to_owned(), why);
        }
        if foreign::is_settings(name, &text) {
            decoded.skipped_objects.clear();
        }
    }
    result_of(name, decoded, wanted)
}

/// What the members in a file hold, which objects in other files name.
pub(super) fn decode_member_file(
    path: &Path,
    members: &[UnreadMember],
    wanted: FileDecodeContext<'_>,
) -> FileResult {
    let bytes = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(read_limited);
    let name = display_path(path);
    match bytes.and_then(utf8_text) {
        Ok(text) => {
            let decoded = decode_members(&text, Origin::File(&name), members, wanted.catalog);
            FileResult {
                files_read: 0,
                files_skipped: 0,
                ..result_of(&name, decoded, wanted)
            }
        }
        Err(why) => FileResult::from_gap(name, why),
    }
}

fn result_of(name: &str, decoded: DecodedManifests, wanted: FileDecodeContext<'_>) -> FileResult {
    let mut taken = FileResult {
        has_manifests: !decoded.objects.is_empty() || !decoded.helm_records.is_empty(),
        has_documents: decoded.has_documents,
        files_read: usize::from(decoded.manifest_count > 0),
        files_skipped: usize::from(
            decoded.manifest_count == 0 && decoded.skipped_objects.is_empty(),
        ),
        external: decoded.external,
        git_repositories: decoded.git_repositories,
        possible_members: decoded.possible_members,
        unread_members: decoded.unread_members,
        unknown_apis: decoded.unknown_apis,
        ..FileResult::default()
    };
    let is_silent = |object: &ManifestObject| {
        let traces = object.live.as_ref();
        traces.is_some_and(|live| live.field_managers.is_empty() && live.last_applied.is_empty())
    };
    let concerned = decoded.objects.iter().filter(|object| is_silent(object));
    let filter = ManifestFilter {
        has_cluster: true,
        ..wanted.filter
    };
    let silent = concerned.filter(|object| filter.keeps(object, wanted.catalog));
    let silent = silent.count();
    if silent > 0 {
        let why = "copies of live objects without managedFields: the version in which they were printed does not show \
                   who writes them; add --show-managed-fields, or name the manifests";
        taken.add_gap(format!("{silent} objects in {name}"), why.to_owned());
    }
    for object in decoded.objects {
        if wanted.filter.keeps(&object, wanted.catalog) {
            taken.objects.push(object);
        } else {
            taken.other_apis.count(object);
        }
    }
    for fault in decoded.skipped_objects {
        taken.add_gap(fault.what, fault.why);
    }
    for record in decoded.helm_records {
        taken.add_helm_record(record, wanted.catalog);
    }
    taken
}

impl FileResult {
    /// Nothing, for this reason.
    pub(super) fn from_gap(what: String, why: String) -> Self {
        let mut taken = Self::default();
        taken.add_gap(what, why);
        taken
    }

    /// What to say of the file. A kustomization yields what it lists.
    pub(super) fn file_yield(&self) -> FileYield {
        let has_result = self.has_manifests || !self.gaps.is_empty() || !self.external.is_empty();
        match self.has_documents {
            _ if has_result => FileYield::Result,
            true => FileYield::Foreign,
            false => FileYield::Blank,
        }
    }

    fn add_gap(&mut self, what: String, why: String) {
        let rbac = None;
        self.gaps.push(MissingData { what, why, rbac });
    }

    fn add_helm_record(&mut self, encoded: EncodedHelmRecord, catalog: &Catalog) {
        let EncodedHelmRecord {
            mut record,
            is_secret,
            name,
            location,
        } = encoded;
        let decoded = match is_secret {
            true => helm::decode_secret_data(&record.payload).and_then(|payload| {
                record.payload = payload;
                record.decode(catalog)
            }),
            false => record.decode(catalog),
        };
        match decoded {
            Ok(release) => {
                for fault in release.skipped_objects {
                    self.add_gap(format!("{} in {location}", fault.what), fault.why);
                }
                self.releases.push(release.row);
            }
            Err(error) => {
                self.add_gap(
                    format!("Helm record {name} in {location}"),
                    error.to_string(),
                );
            }
        }
    }
}

fn utf8_text(bytes: Vec<u8>) -> Result<String, String> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|_| {
        if utf16 {
            // What `>` writes in PowerShell on Windows.
            "UTF-16 text; save it as UTF-8".to_owned()
        } else {
            "not UTF-8 text".to_owned()
        }
    })
}
