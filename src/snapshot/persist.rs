//! Saving and loading a snapshot: gzip of two JSON documents, a header that stays readable for every later version and
//! the snapshot itself.

use crate::text::parsers::json_error_text;
use crate::text::{kind_text, os_error_text};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::{Snapshot, format1};
use crate::text::names::CHECK;

/// The version of the format, raised if a reader of the old format would misunderstand the new one. Since format 2 the
/// ledger has the fields that full objects hold; format 3 has clusters that were not read.
pub const FORMAT: u32 = 3;

/// The oldest format that says all that a snapshot says, so that older versions can read what they understand.
fn format_of(snapshot: &Snapshot) -> u32 {
    match snapshot.unread.is_empty() {
        true => 2,
        false => FORMAT,
    }
}

const API_VERSION: &str = "kubectl-upgrade/v1";
const KIND: &str = "Snapshot";
/// Maximum size of the contents: far above that of the largest cluster that Kubernetes supports.
const MAX_BYTES: u64 = 4 << 30;

/// Maximum compression ratio: that of snapshots is twenty to sixty, that of a decompression bomb about a thousand.
const MAX_RATIO: u64 = 200;

/// What any file may expand to, however small.
const MIN_EXPANSION_LIMIT: u64 = 16 << 20;

/// Why a snapshot could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[error("{path} {problem}")]
pub struct SnapshotError {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub problem: SnapshotProblem,
}

/// What is wrong with the file of a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotProblem {
    /// It cannot be read.
    #[error("cannot be read: {}", os_error_text(.0))]
    Unreadable(#[from] std::io::Error),
    /// It cannot be written.
    #[error("cannot be saved: {}; an existing file is unchanged", os_error_text(.0))]
    WriteFailed(std::io::Error),
    /// It is something else.
    #[error("is not a snapshot of kubectl {CHECK}: {0}")]
    NotASnapshot(String),
    /// It was made by a newer version.
    #[error(
        "has snapshot format {found}, made by version {by}; this version reads up to format {FORMAT}: use the newer version to read it"
    )]
    UnsupportedFormat {
        /// Its format.
        found: u32,
        /// The version that made it.
        by: String,
    },
    /// It expands too much.
    #[error(
        "is no snapshot that this program has written: it expands to more than {MAX_RATIO} times its size"
    )]
    DecompressionBomb,
    /// It ends too early or is damaged: where and how.
    #[error("is damaged or was cut off: {0}; save it again")]
    Damaged(String),
}

impl SnapshotProblem {
    fn of_file(self, path: &Path) -> SnapshotError {
        SnapshotError {
            path: path.display().to_string(),
            problem: self,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotHeader {
    api_version: String,
    kind: String,
    format: u32,
    tool_version: String,
}

/// Writes a snapshot to a temporary file and renames it, so that an existing file survives a full disk. Pipes and devices
/// are written to directly.
///
/// # Errors
/// When it cannot be written.
pub fn save(snapshot: &Snapshot, path: &Path) -> Result<(), SnapshotError> {
    let is_other = std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir());
    let saved = if is_other {
        File::options()
            .write(true)
            .open(path)
            .and_then(|there| write_gzip(snapshot, BufWriter::new(there)))
    } else {
        write_atomically(snapshot, path)
    };
    saved.map_err(|error| SnapshotProblem::WriteFailed(error).of_file(path))
}

fn write_atomically(snapshot: &Snapshot, path: &Path) -> std::io::Result<()> {
    // The target of a link, because a rename would replace the link.
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".upgrade-snapshot-")
        .tempfile_in(folder)?;
    write_gzip(snapshot, BufWriter::new(file.as_file_mut()))?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

fn write_gzip(snapshot: &Snapshot, to: impl Write) -> std::io::Result<()> {
    let mut gzip = GzEncoder::new(to, Compression::default());
    let header = SnapshotHeader {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        format: format_of(snapshot),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    serde_json::to_writer(&mut gzip, &header)?;
    gzip.write_all(b"\n")?;
    serde_json::to_writer(&mut gzip, snapshot)?;
    gzip.write_all(b"\n")?;
    gzip.finish()?.flush()
}

/// Reads a snapshot.
///
/// # Errors
/// When the file cannot be read, is something else, is newer than this version, or is damaged.
pub fn load(path: &Path) -> Result<Snapshot, SnapshotError> {
    read_file(path).map_err(|problem| problem.of_file(path))
}

fn read_file(path: &Path) -> Result<Snapshot, SnapshotProblem> {
    let file = File::open(path)?;
    let size = file.metadata().map_or(0, |file| file.len());
    let limit = size
        .saturating_mul(MAX_RATIO)
        .clamp(MIN_EXPANSION_LIMIT, MAX_BYTES);
    read_limited(BufReader::new(file), limit)
}

/// Reads what expands to `limit` bytes at most.
fn read_limited(mut from: impl BufRead, limit: u64) -> Result<Snapshot, SnapshotProblem> {
    let magic = from.fill_buf()?;
    if !magic.starts_with(&[0x1f, 0x8b]) {
        let why = if magic.is_empty() {
            "it is empty"
        } else {
            "make one with --save-snapshot"
        };
        return Err(SnapshotProblem::NotASnapshot(why.to_owned()));
    }
    let mut text = BufReader::new(MultiGzDecoder::new(from).take(limit));
    match parse_documents(&mut text) {
        Err(SnapshotProblem::Damaged(_)) if text.get_ref().limit() == 0 => {
            Err(SnapshotProblem::DecompressionBomb)
        }
        other => other,
    }
}

/// How a file is damaged, without words of its compression.
fn damage_text(error: &serde_json::Error) -> String {
    match error.io_error_kind() {
        None => json_error_text(error),
        Some(std::io::ErrorKind::UnexpectedEof) => "it ends too early".to_owned(),
        Some(_) => "its compressed data is not readable".to_owned(),
    }
}

/// The header and the snapshot behind it.
fn parse_documents(text: impl Read) -> Result<Snapshot, SnapshotProblem> {
    let damaged = |error: serde_json::Error| SnapshotProblem::Damaged(damage_text(&error));
    let mut documents = serde_json::Deserializer::from_reader(text);
    let header = SnapshotHeader::deserialize(&mut documents).map_err(|error| {
        if error.is_eof() || error.is_io() {
            damaged(error)
        } else {
            let why = "it does not begin with the header of one";
            SnapshotProblem::NotASnapshot(why.to_owned())
        }
    })?;
    if header.api_version != API_VERSION || header.kind != KIND {
        let why = format!("it has {}", kind_text(&header.kind, &header.api_version));
        return Err(SnapshotProblem::NotASnapshot(why));
    }
    if header.format > FORMAT {
        return Err(SnapshotProblem::UnsupportedFormat {
            found: header.format,
            by: header.tool_version,
        });
    }
    let mut snapshot = Snapshot::deserialize(&mut documents).map_err(damaged)?;
    if header.format < 2 {
        format1::complete(&mut snapshot);
    }
    documents.end().map_err(damaged)?;
    Ok(snapshot)
}
