//! Which kubeconfig files there are, and what is in them.

use crate::text::truncate;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::error::{ConnectError, os_error_text};
use super::{ConnectOptions, Env};

/// The merged kubeconfig and where it came from.
#[derive(Default)]
pub(super) struct MergedKubeconfig {
    /// What the files say together; the first to set a value wins.
    pub(super) kubeconfig: Kubeconfig,
    /// The files that were read.
    pub(super) files_read: Vec<PathBuf>,
    /// The files that were looked for.
    pub(super) files_tried: Vec<PathBuf>,
}

/// Reads the file of `--kubeconfig`, else those of `KUBECONFIG`, else `~/.kube/config`.
///
/// A missing file is an error for the flag only; in a list it is skipped as in kubectl (kube would fail).
pub(super) fn load_kubeconfigs(
    wanted: &ConnectOptions,
    env: &Env<'_>,
) -> Result<MergedKubeconfig, ConnectError> {
    if let Some(path) = &wanted.kubeconfig {
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
        loaded.kubeconfig =
            loaded
                .kubeconfig
                .merge(next)
                .map_err(|error| ConnectError::Unreadable {
                    path: path.clone(),
                    why: error.to_string(),
                })?;
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

/// A kubeconfig with a thousand clusters and their certificates takes some 10 MiB.
const MAX_KUBECONFIG_BYTES: u64 = 64 << 20;

/// What a file says, `None` where there is no such file. Relative paths in it become absolute.
fn read_kubeconfig(path: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    if is_truncated_utf16(path) {
        return Err(not_utf8(path));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > MAX_KUBECONFIG_BYTES) {
        return Err(ConnectError::Unreadable {
            path: path.to_owned(),
            why: format!("it is larger than {} MiB", MAX_KUBECONFIG_BYTES >> 20),
        });
    }
    match Kubeconfig::read_from(path) {
        Ok(kubeconfig) => normalize(kubeconfig, path).map(Some),
        Err(KubeconfigError::ReadConfig(error, _))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(KubeconfigError::ReadConfig(error, _))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            Err(not_utf8(path))
        }
        Err(KubeconfigError::ReadConfig(error, _)) => Err(ConnectError::Unreadable {
            path: path.to_owned(),
            why: os_error_text(&error),
        }),
        Err(KubeconfigError::Parse(error)) => Err(parse_error(path, &error)),
        Err(error) => Err(ConnectError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        }),
    }
}

fn not_utf8(path: &Path) -> ConnectError {
    ConnectError::Unreadable {
        path: path.to_owned(),
        why: "it is not UTF-8 text".to_owned(),
    }
}

/// Whether the mark of UTF-16 begins an odd number of bytes: kube 5.0 panics on the last one. Only regular files are
/// looked at, what comes through a pipe can be read but once.
fn is_truncated_utf16(path: &Path) -> bool {
    let odd = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() % 2 == 1);
    let mut mark = [0; 2];
    odd && std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut mark))
        .is_ok_and(|()| matches!(mark, [0xFF, 0xFE] | [0xFE, 0xFF]))
}

/// Refuses other kinds of objects, and lets an empty `current-context` count as none: in kube it would hide that of the
/// next file.
fn normalize(mut kubeconfig: Kubeconfig, path: &Path) -> Result<Kubeconfig, ConnectError> {
    // Taken away, because two files may differ in leaving them out or empty, which kube refuses to merge.
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
    ConnectError::InvalidYaml {
        path: path.to_owned(),
        place,
        why: redact_quoted_values(&error.without_snippet().to_string()),
    }
}

/// The parser's sentence without its place, which we write ourselves, and without quoted values: they may be tokens.
fn redact_quoted_values(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.find(" at line ").map_or(line, |end| &line[..end]);
    let line = line
        .strip_prefix("error: ")
        .unwrap_or(line)
        .trim_end_matches([',', ':', ' ']);
    let mut shown = String::new();
    for (index, part) in line.split('"').enumerate() {
        shown.push_str(if index % 2 == 0 { part } else { "…" });
    }
    truncate(&shown, 200).to_owned()
}
