//! The name of the executable, and what follows from it.

use std::ffi::OsStr;
use std::path::Path;

/// A program of such a name is asked for candidates in place of a run.
const COMPLETION_PREFIX: &str = "kubectl_complete-";

/// The last part of `argv[0]`, without `.exe`.
fn program_stem(argv0: &OsStr) -> String {
    let name = Path::new(argv0)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

/// The command as the user typed it: kubectl turns dashes inside a word into underscores before it looks on PATH, so
/// `kubectl-upgrade_check` was called as `kubectl upgrade-check` and `kubectl-upgrade-check` as `kubectl upgrade check`.
pub(super) fn invocation_name(argv0: &OsStr) -> String {
    let stem = program_stem(argv0);
    match stem.strip_prefix("kubectl-") {
        Some(words) => format!("kubectl {}", words.replace('-', " ").replace('_', "-")),
        None => stem,
    }
}

/// Whether kubectl asks for completion of a command line.
pub(super) fn is_completion_request(argv0: &OsStr) -> bool {
    program_stem(argv0).starts_with(COMPLETION_PREFIX)
}

/// The name of a plugin whose program has this name: `kubectl-upgrade_check` is that of `upgrade-check`.
pub(super) fn plugin_name(argv0: &OsStr) -> Option<String> {
    let stem = program_stem(argv0);
    let name = stem
        .strip_prefix("kubectl-")
        .or_else(|| stem.strip_prefix(COMPLETION_PREFIX))?;
    Some(name.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{invocation_name, is_completion_request};

    #[test]
    fn the_command_is_spelled_as_it_was_typed() {
        for (argv0, typed) in [
            (
                "/home/u/.krew/bin/kubectl-upgrade_check",
                "kubectl upgrade-check",
            ),
            ("kubectl-upgrade-check", "kubectl upgrade check"),
            ("/opt/kubectl-upgrade_check.exe", "kubectl upgrade-check"),
            ("target/debug/check", "check"),
            ("", ""),
        ] {
            assert_eq!(invocation_name(OsStr::new(argv0)), typed, "{argv0}");
        }
        assert!(is_completion_request(OsStr::new(
            "/bin/kubectl_complete-upgrade_check"
        )));
        assert!(!is_completion_request(OsStr::new(
            "/bin/kubectl-upgrade_check"
        )));
    }
}
