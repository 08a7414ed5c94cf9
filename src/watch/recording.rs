//! Recordings: a header and observations, a line of JSON each, as gzip.
//!
//! The compressor is flushed every second, so that a file that was cut off anywhere is readable up to there. (Flushing after
//! each line would double its size.) `zcat` shows
//! it, and the lines without gzip are a recording too.

use crate::text::os_error_text;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::observation::Observation;
use crate::need::ClusterId;
use crate::snapshot::Uid;
use crate::text::names::WATCH;

/// `apiVersion` of the header.
const API_VERSION: &str = "kubectl-upgrade/v1";
/// `kind` of the header.
const KIND: &str = "UpgradeRecording";
/// How often what was appended is written out.
const FLUSH_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// The newest format that can be read.
const FORMAT: u32 = 1;
/// The longest line that is read, in bytes: a list of 5,000 nodes takes about 2 MB.
const MAX_LINE_BYTES: u64 = 256 << 20;
/// What gzip begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingHeader {
    api_version: String,
    kind: String,
    format: u32,
    /// The cluster that was watched.
    pub cluster: ClusterId,
    /// The UID of its namespace kube-system; `None` if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// When the watch began.
    pub started_at: Timestamp,
    /// Whether its names are pseudonyms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "redacted")]
    pub is_redacted: bool,
}

impl RecordingHeader {
    /// The header of a recording of the current format.
    #[must_use]
    pub fn new(cluster: ClusterId, started_at: Timestamp) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            format: FORMAT,
            cluster,
            uid: None,
            started_at,
            is_redacted: false,
        }
    }
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read or written.
    #[error("{path}: {}", os_error_text(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file to record to exists already.
    #[error("{} exists already; name another file to record to", .0.display())]
    Exists(PathBuf),
    /// It is no recording, or one of a newer format.
    #[error("{path} is not a recording of {WATCH}: {why}")]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A line cannot be understood.
    #[error("{path}, line {line}: {why}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

/// Appends observations to a file.
#[derive(Debug)]
pub struct RecordingWriter {
    file: BufWriter<GzEncoder<File>>,
    path: PathBuf,
    /// When the last lines were written out.
    flushed_at: Timestamp,
}

impl RecordingWriter {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// If the file exists or cannot be created.
    pub fn create(path: &Path, header: &RecordingHeader) -> Result<Self, RecordingError> {
        let file = File::create_new(path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => RecordingError::Exists(path.to_owned()),
            _ => RecordingError::Io {
                path: path.to_owned(),
                source,
            },
        })?;
        let mut writer = Self {
            file: BufWriter::new(GzEncoder::new(file, Compression::default())),
            path: path.to_owned(),
            flushed_at: header.started_at,
        };
        writer.append_line(header)?;
        writer.flush(header.started_at)?;
        Ok(writer)
    }

    /// Appends an observation.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, observation: &Observation) -> Result<(), RecordingError> {
        self.append_line(observation)?;
        match observation.at.duration_since(self.flushed_at) < FLUSH_EVERY {
            true => Ok(()),
            false => self.flush(observation.at),
        }
    }

    /// Writes out what was appended: what is lost if the process is killed is what came after the last call.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self, at: Timestamp) -> Result<(), RecordingError> {
        self.flushed_at = at;
        self.file.flush().map_err(|source| RecordingError::Io {
            path: self.path.clone(),
            source,
        })
    }

    fn append_line(&mut self, value: &impl Serialize) -> Result<(), RecordingError> {
        let written = serde_json::to_writer(&mut self.file, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|source| RecordingError::Io {
            path: self.path.clone(),
            source,
        })
    }
}

/// The observations of a recording, read one at a time.
pub struct Recording {
    /// The header.
    pub header: RecordingHeader,
    lines: Lines,
    path: PathBuf,
}

impl Recording {
    /// Opens a recording and reads its header.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let io_error = |source| RecordingError::Io {
            path: path.to_owned(),
            source,
        };
        let not_a_recording = |why: String| RecordingError::NotARecording {
            path: path.to_owned(),
            why,
        };
        let mut lines = Lines::open(path).map_err(io_error)?;
        let first = lines
            .next_line()
            .map_err(|error| not_a_recording(error.to_string()))?;
        let first =
            first.ok_or_else(|| not_a_recording("it is empty or was cut off".to_owned()))?;
        let header: RecordingHeader =
            serde_json::from_slice(&first).map_err(|error| match first.ends_with(b"\n") {
                true => not_a_recording(error.to_string()),
                false => not_a_recording("it is another file, or was cut off".to_owned()),
            })?;
        if header.api_version != API_VERSION || header.kind != KIND {
            return Err(not_a_recording(format!("its kind is {}", header.kind)));
        }
        if header.format > FORMAT {
            let why = format!("format {} is newer than this program reads", header.format);
            return Err(not_a_recording(why));
        }
        Ok(Self {
            header,
            lines,
            path: path.to_owned(),
        })
    }
}

impl Recording {
    /// Whether the recording, read to where it ends, has lost its end: the watch still runs or was killed, or the file was cut
    /// off.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.lines.is_cut_off
    }
}

impl Iterator for Recording {
    type Item = Result<Observation, RecordingError>;

    /// The next observation. The last line may be cut off: then the recording ends before it.
    fn next(&mut self) -> Option<Self::Item> {
        let error = |line, why: String| RecordingError::Line {
            path: self.path.clone(),
            line,
            why,
        };
        let line = match self.lines.next_line() {
            Ok(line) => line?,
            Err(why) => return Some(Err(error(self.lines.number + 1, why.to_string()))),
        };
        match serde_json::from_slice(&line) {
            Ok(observation) => Some(Ok(observation)),
            Err(why) if why.is_eof() => {
                self.lines.is_cut_off = true;
                None
            }
            Err(why) => Some(Err(error(self.lines.number, why.to_string()))),
        }
    }
}

/// The lines of a file, compressed or not, of limited length.
struct Lines {
    input: Box<dyn BufRead + Send>,
    /// That of the last line, from 1.
    number: usize,
    /// Whether the file ends where nothing ends.
    is_cut_off: bool,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        (&mut file).take(2).read_to_end(&mut magic)?;
        file.rewind()?;
        let input: Box<dyn BufRead + Send> = match magic == GZIP_MAGIC {
            true => Box::new(BufReader::new(GzDecoder::new(file))),
            false => Box::new(BufReader::new(file)),
        };
        Ok(Self {
            input,
            number: 0,
            is_cut_off: false,
        })
    }

    /// The next line; `None` at the end of the file, where it was cut off too.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = (&mut self.input)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line);
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.is_cut_off = true,
            Err(error) => return Err(error),
            Ok(bytes) if u64::try_from(bytes).is_ok_and(|bytes| bytes == MAX_LINE_BYTES) => {
                return Err(io::Error::other("the line is too long"));
            }
            Ok(_) => {}
        }
        self.number += 1;
        Ok((!line.is_empty()).then_some(line))
    }
}
