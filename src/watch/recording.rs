//! Recordings: a header and observations, a line of JSON each, so that a file that was cut off anywhere is still readable.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::observation::Observation;
use crate::need::ClusterId;

/// `apiVersion` of the header.
const API_VERSION: &str = "kubectl-upgrade/v1";
/// `kind` of the header.
const KIND: &str = "UpgradeRecording";
/// The newest format that can be read.
const FORMAT: u32 = 1;
/// The longest line that is read, in bytes: a list of 5,000 nodes takes about 5 MB.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingHeader {
    api_version: String,
    kind: String,
    format: u32,
    /// The cluster that was watched.
    pub cluster: ClusterId,
    /// When the watch began.
    pub started_at: Timestamp,
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
            started_at,
        }
    }
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
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
    #[error("{path} is not a recording of upgrade-watch: {why}")]
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
    file: File,
    path: PathBuf,
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
            file,
            path: path.to_owned(),
        };
        writer.append_line(header)?;
        Ok(writer)
    }

    /// Appends an observation.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, observation: &Observation) -> Result<(), RecordingError> {
        self.append_line(observation)
    }

    fn append_line(&mut self, value: &impl Serialize) -> Result<(), RecordingError> {
        let line = serde_json::to_string(value).map_err(io::Error::from);
        // In one write, so that the file is cut off within a line at worst.
        let written = line.and_then(|line| self.file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|source| RecordingError::Io {
            path: self.path.clone(),
            source,
        })
    }
}

/// The observations of a recording, read one at a time.
#[derive(Debug)]
pub struct Recording {
    /// The header.
    pub header: RecordingHeader,
    lines: io::Lines<BufReader<io::Take<File>>>,
    path: PathBuf,
    line: usize,
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
        let file = File::open(path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let mut lines = BufReader::new(io::Read::take(file, length.max(MAX_LINE_BYTES))).lines();
        let first = lines.next().transpose().map_err(io_error)?;
        let header: RecordingHeader = serde_json::from_str(&first.unwrap_or_default())
            .map_err(|error| not_a_recording(error.to_string()))?;
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
            line: 1,
        })
    }
}

impl Iterator for Recording {
    type Item = Result<Observation, RecordingError>;

    /// The next observation. The last line may be cut off: then the recording ends before it.
    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.lines.next()? {
            Ok(line) => line,
            Err(source) => {
                let path = self.path.clone();
                return Some(Err(RecordingError::Io { path, source }));
            }
        };
        self.line += 1;
        match serde_json::from_str(&line) {
            Ok(observation) => Some(Ok(observation)),
            Err(error) if error.is_eof() => None,
            Err(error) => Some(Err(RecordingError::Line {
                path: self.path.clone(),
                line: self.line,
                why: error.to_string(),
            })),
        }
    }
}
