//! Files of a tree decoded side by side, for YAML takes longer to parse than to read. Results keep the order of the tree.

use std::fs::File;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{bounded, name};
use crate::catalog::Catalog;
use crate::cluster::helm;
use crate::cluster::manifest::{self, HelmRecord, Origin};
use crate::snapshot::{HelmRow, HelmStorage, Interest, ManifestObject, Tally, Unmet};

/// Steps that are done at once: enough that threads are seldom started, few enough that results do not pile up.
pub(super) const SIZE: usize = 512;

/// More threads than this wait for the disk, and each may hold a file of the greatest size.
const MAX_THREADS: usize = 8;

/// What decides which manifests are kept.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) interest: Interest,
}

/// Something to do, or done already.
pub(super) enum Step {
    /// Read and decode this file.
    File(PathBuf),
    /// Nothing more to do.
    Taken(Taken),
}

/// What a step brings.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) objects: Vec<ManifestObject>,
    /// Those that are of no interest.
    pub(super) others: Tally,
    pub(super) releases: Vec<HelmRow>,
    pub(super) gaps: Vec<Unmet>,
    /// 1 for a file with manifests.
    pub(super) read: usize,
    /// 1 for a file without.
    pub(super) skipped: usize,
}

/// What each step brings, in their order.
pub(super) fn run(steps: Vec<Step>, wanted: Wanted<'_>) -> Vec<Taken> {
    let mut files = Vec::new();
    let mut taken: Vec<Taken> = Vec::with_capacity(steps.len());
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::File(path) => {
                files.push((at, path));
                taken.push(Taken::default());
            }
            Step::Taken(done) => taken.push(done),
        }
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*at, file(path, wanted)));
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

fn file(path: &PathBuf, wanted: Wanted<'_>) -> Taken {
    let bytes = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(bounded);
    let name = name(path);
    decoded(&name, Origin::File(&name), bytes, wanted)
}

/// What one file holds.
pub(super) fn decoded(
    name: &str,
    origin: Origin<'_>,
    bytes: Result<Vec<u8>, String>,
    wanted: Wanted<'_>,
) -> Taken {
    let text = match bytes.and_then(text) {
        Ok(text) => text,
        Err(why) => return Taken::gap(name.to_owned(), why),
    };
    let decoded = manifest::decode(&text, origin);
    let mut taken = Taken {
        read: usize::from(decoded.manifests > 0),
        skipped: usize::from(decoded.manifests == 0 && decoded.faults.is_empty()),
        ..Taken::default()
    };
    for object in decoded.objects {
        if wanted.interest.takes(&object, wanted.catalog) {
            taken.objects.push(object);
        } else {
            taken.others.count(object);
        }
    }
    for fault in decoded.faults {
        taken.add_gap(fault.what, fault.why);
    }
    for record in &decoded.records {
        taken.record(record, wanted.catalog);
    }
    taken
}

impl Taken {
    /// Nothing, for this reason.
    pub(super) fn gap(what: String, why: String) -> Self {
        let mut taken = Self::default();
        taken.add_gap(what, why);
        taken
    }

    fn add_gap(&mut self, what: String, why: String) {
        let rbac = None;
        self.gaps.push(Unmet { what, why, rbac });
    }

    fn record(&mut self, record: &HelmRecord, catalog: &Catalog) {
        let payload = match record.storage {
            HelmStorage::Secret => helm::unwrap_secret(&record.payload),
            HelmStorage::ConfigMap => Ok(record.payload.clone().into_bytes()),
        };
        let release = payload.and_then(|payload| {
            helm::decode_record(&payload, record.storage, record.created, catalog)
        });
        match release {
            Ok(release) if release.is_deployed() => {
                for fault in release.faults {
                    let what = format!("{} in {}", fault.what, record.location);
                    self.add_gap(what, fault.why);
                }
                self.releases.push(release.row);
            }
            Ok(_) => {}
            Err(error) => {
                let place = if record.namespace.is_empty() {
                    record.name.clone()
                } else {
                    format!("{}/{}", record.namespace, record.name)
                };
                let what = format!("Helm record {place} in {}", record.location);
                self.add_gap(what, error.to_string());
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
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
