//! Finds, reads and merges kubeconfig files.

use crate::text::os_error_text;
use crate::text::parsers::plain_words;
use crate::text::truncate;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::error::ConnectError;
use super::options::{ConnectOptions, Env};

/// The merged kubeconfig and where it came from.
#[derive(Default)]
pub(super) struct MergedKubeconfig {
    /// The merged files; the first to set a value wins.
    pub(super) kubeconfig: Kubeconfig,
    /// The files that were read.
    pub(super) files_read: Vec<PathBuf>,
    /// The candidate files.
    pub(super) files_tried: Vec<PathBuf>,
}

/// Reads the file of `--kubeconfig`, else those of `KUBECONFIG`, else `~/.kube/config`.
///
/// A missing file is an error for the flag only; in a list it is skipped as in kubectl (kube would fail).
pub(super) fn load_kubeconfigs(
    options: &ConnectOptions,
    env: &Env<'_>,
) -> Result<MergedKubeconfig, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        let kubeconfig = read_kubeconfig(path)?
            .ok_or_else(|| ConnectError::KubeconfigNotFound { path: path.clone() })?;
        let files = vec![path.clone()];
        return Ok(MergedKubeconfig {
            kubeconfig,
            files_read: files.clone(),
            files_tried: files,
        });
    }
    let mut loaded = MergedKubeconfig {
        files_tried: candidate_paths(env),
        ..MergedKubeconfig::default()
    };
    for path in &loaded.files_tried {
        let Some(next) = read_kubeconfig(path)? else {
            continue;
        };
        loaded.kubeconfig = loaded
            .kubeconfig
            .merge(next)
            .map_err(|error| unreadable(path, error.to_string()))?;
        loaded.files_read.push(path.clone());
    }
    Ok(loaded)
}

fn candidate_paths(env: &Env<'_>) -> Vec<PathBuf> {
    if let Some(list) = env.value("KUBECONFIG") {
        return std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
    }
    let mut homes = vec![env.value("HOME").map(PathBuf::from)];
    if cfg!(windows) {
        let drive = env.value("HOMEDRIVE").zip(env.value("HOMEPATH"));
        homes.push(drive.map(|(drive, path)| {
            let mut home = drive;
            home.push(path);
            PathBuf::from(home)
        }));
        homes.push(env.value("USERPROFILE").map(PathBuf::from));
    }
    let mut files: Vec<PathBuf> = homes
        .into_iter()
        .flatten()
        .map(|home| home.join(".kube").join("config"))
        .collect();
    // Of several homes only the first that has a kubeconfig counts, as in kubectl.
    if let Some(place) = files.iter().position(|file| file.exists()) {
        files = vec![files.swap_remove(place)];
    }
    files
}

const NOT_UTF8: &str = "it is not UTF-8 text";

/// A kubeconfig with a thousand clusters and their certificates takes about 10 MiB.
const MAX_KUBECONFIG_BYTES: u64 = 64 << 20;

/// Reads a file; `None` if it does not exist. Relative paths in it become absolute.
fn read_kubeconfig(path: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    if is_truncated_utf16(path) {
        return Err(unreadable(path, NOT_UTF8));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > MAX_KUBECONFIG_BYTES) {
        let why = format!("it is larger than {} MiB", MAX_KUBECONFIG_BYTES >> 20);
        return Err(unreadable(path, why));
    }
    match Kubeconfig::read_from(path) {
        Ok(kubeconfig) => normalize(kubeconfig, path).map(Some),
        Err(KubeconfigError::ReadConfig(error, _)) => match error.kind() {
            ErrorKind::NotFound => Ok(None),
            ErrorKind::InvalidData => Err(unreadable(path, NOT_UTF8)),
            _ => Err(unreadable(path, os_error_text(&error))),
        },
        Err(KubeconfigError::Parse(error)) => Err(parse_error(path, &error)),
        Err(error) => Err(unreadable(path, error.to_string())),
    }
}

fn unreadable(path: &Path, why: impl Into<String>) -> ConnectError {
    ConnectError::Unreadable {
        path: path.to_owned(),
        why: why.into(),
    }
}

/// Whether the file is UTF-16 of an odd length, on which kube 5.0 panics. Only regular files are inspected: a pipe can be
/// read only once.
fn is_truncated_utf16(path: &Path) -> bool {
    let odd = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() % 2 == 1);
    let mut mark = [0; 2];
    odd && std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut mark))
        .is_ok_and(|()| matches!(mark, [0xFF, 0xFE] | [0xFE, 0xFF]))
}

/// Rejects other kinds of objects and drops an empty `current-context`, which in kube would hide that of the next file.
fn normalize(mut kubeconfig: Kubeconfig, path: &Path) -> Result<Kubeconfig, ConnectError> {
    // Dropped, since kube refuses to merge files of which one omits them.
    let kind = kubeconfig.kind.take().unwrap_or_default();
    let version = kubeconfig.api_version.take().unwrap_or_default();
    if !matches!(kind.as_str(), "" | "Config") || !matches!(version.as_str(), "" | "v1") {
        return Err(ConnectError::NotAKubeconfig {
            path: path.to_owned(),
            found: format!("kind {kind:?}, apiVersion {version:?}"),
        });
    }
    kubeconfig.current_context = kubeconfig
        .current_context
        .filter(|context| !context.is_empty());
    Ok(kubeconfig)
}

fn parse_error(path: &Path, error: &serde_saphyr::Error) -> ConnectError {
    let place = error.location().map_or_else(String::new, |place| {
        format!(":{}:{}", place.line(), place.column())
    });
    let why = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().filter(|key| is_field_name(key));
            let key = key.map_or_else(|| "a key".to_owned(), |key| format!("the key {key:?}"));
            format!("{key} is given twice in one mapping; remove one of them")
        }
        error => redact_quoted_values(&plain_words(&error.to_string())),
    };
    ConnectError::InvalidYaml {
        path: path.to_owned(),
        place,
        why,
    }
}

/// Whether a key looks like a field of a kubeconfig, and not like a value that slipped to its place.
fn is_field_name(key: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_alphabetic() || letter == b'-';
    key.len() <= 40 && key.bytes().all(is_plain)
}

/// The parser's message without its location and without quoted values, which may be tokens.
fn redact_quoted_values(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.find(" at line ").map_or(line, |end| &line[..end]);
    let line = line
        .strip_prefix("error: ")
        .unwrap_or(line)
        .trim_end_matches([',', ':', ' ']);
    let mut redacted = String::new();
    for (index, part) in line.split('"').enumerate() {
        redacted.push_str(if index % 2 == 0 { part } else { "…" });
    }
    truncate(&redacted, 200).to_owned()
}
