//! Why no connection could be prepared, in sentences for a person.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::fmt::friendly::{Spacing, SpanPrinter};

use super::suggestions::Suggestions;
use crate::text::os_error_text;

/// Why a kubeconfig, the flags and the environment did not make a connection.
///
/// The text of each begins in lower case, says what was attempted, on which file or entry, why it failed and what to try,
/// and never holds a credential. The caller puts `error: ` before it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a kubeconfig nor a pod's service account was found.
    #[error(
        "no kubeconfig: looked for {tried}, which {verb} not exist; name one with --kubeconfig or KUBECONFIG, or an address with --server",
        tried = listed(tried),
        verb = if tried.len() == 1 { "does" } else { "do" }
    )]
    NoKubeconfig {
        /// The files that were looked for, in order.
        tried: Vec<PathBuf>,
    },
    /// The file that was named does not exist.
    #[error("kubeconfig {} does not exist; check --kubeconfig", path.display())]
    KubeconfigNotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read, or is no text.
    #[error("cannot read kubeconfig {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The file is not what a kubeconfig looks like.
    #[error("kubeconfig {}{place} cannot be parsed: {why}", path.display())]
    InvalidYaml {
        /// The file.
        path: PathBuf,
        /// `:LINE:COLUMN`, or nothing where it is not known.
        place: String,
        /// What the parser expected, without the text of the file: that may hold credentials.
        why: String,
    },
    /// The file holds something else.
    #[error("{} is not a kubeconfig: it holds {found}", path.display())]
    NotAKubeconfig {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// The kubeconfig chooses no context and neither do the flags.
    #[error("no context is chosen: current-context is not set in {files}; choose one with --context{known}", files = listed(files))]
    NoContext {
        /// The files that were read.
        files: Vec<PathBuf>,
        /// The contexts that there are.
        known: Suggestions,
    },
    /// The kubeconfig is empty, or as good as that.
    #[error("the kubeconfig holds no context: {files}; name another one with --kubeconfig or KUBECONFIG, or an address with --server", files = listed(files))]
    NoContexts {
        /// The files that were read.
        files: Vec<PathBuf>,
    },
    /// A name that the kubeconfig does not know.
    #[error("{what} {name:?} ({by}) does not exist in {files}{known}", files = listed(files))]
    UnknownEntry {
        /// `context`, `cluster` or `user`.
        what: &'static str,
        /// The name.
        name: String,
        /// Who asks for it: a flag, `current-context`, a context.
        by: String,
        /// The files that were read.
        files: Vec<PathBuf>,
        /// The names that there are.
        known: Suggestions,
    },
    /// The cluster entry has no address.
    #[error("cluster {cluster:?} has no server address in {files}; add one there or name one with --server", files = listed(files))]
    NoServer {
        /// The entry.
        cluster: String,
        /// The files that were read.
        files: Vec<PathBuf>,
    },
    /// An address that cannot be used.
    #[error("cannot use {by} {value:?}: {why}")]
    InvalidAddress {
        /// Who gives it: a flag, a variable, an entry.
        by: String,
        /// The address, without a password.
        value: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// Flags or entries that exclude one another, or values that no request can carry.
    #[error("{0}")]
    InvalidOptions(String),
    /// A certificate, a key or a token that cannot be loaded.
    #[error("cannot load {what} of {owner} from {from}: {why}")]
    InvalidCredential {
        /// What it is.
        what: &'static str,
        /// The cluster or user entry.
        owner: String,
        /// The file or field.
        from: String,
        /// Why.
        why: String,
    },
    /// An authentication provider that is gone or unknown.
    #[error("user {user:?} logs in through the auth-provider {name:?}, {advice}")]
    UnsupportedAuthProvider {
        /// The user entry.
        user: String,
        /// The provider.
        name: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The credential plugin is not there.
    #[error(
        "the credential plugin {command:?} of user {user:?} is not installed or not in PATH{hint}"
    )]
    ExecPluginNotFound {
        /// Its command.
        command: String,
        /// The user entry.
        user: String,
        /// A line break and the install hint of the kubeconfig, or nothing.
        hint: String,
    },
    /// The credential plugin gave no answer in time and was stopped.
    #[error(
        "the credential plugin {command:?} of user {user:?} gave no answer within {} and was stopped; run it by hand to see what it waits for, or give it longer with --request-timeout",
        format_timeout(*after)
    )]
    ExecPluginTimedOut {
        /// Its command.
        command: String,
        /// The user entry.
        user: String,
        /// The time it was given.
        after: Duration,
    },
    /// The credential plugin did not give credentials.
    #[error("the credential plugin {command:?} of user {user:?} failed: {why}")]
    ExecPluginFailed {
        /// Its command.
        command: String,
        /// The user entry.
        user: String,
        /// Why, without what it printed: that may hold credentials.
        why: String,
    },
    /// The environment says that this is a pod, but its service account cannot be used.
    #[error(
        "cannot use the service account of this pod: {why}; name a kubeconfig with --kubeconfig"
    )]
    InClusterConfig {
        /// Why.
        why: String,
    },
}

impl ConnectError {
    /// Whether the flags contradict one another, so that a usage error is the better ending.
    #[must_use]
    pub fn is_usage_error(&self) -> bool {
        matches!(self, Self::InvalidOptions(_))
    }
}

/// Paths, separated by commas, as many as fit a line.
fn listed(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let mut text = paths
        .iter()
        .take(SHOWN)
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    if paths.len() > SHOWN {
        text.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    if text.is_empty() {
        text.push_str("the kubeconfig");
    }
    text
}

/// The error of a credential file.
pub(super) fn unreadable_credential(
    what: &'static str,
    owner: &str,
    path: &Path,
    error: &std::io::Error,
) -> ConnectError {
    ConnectError::InvalidCredential {
        what,
        owner: owner.to_owned(),
        from: path.display().to_string(),
        why: os_error_text(error),
    }
}

/// A timeout as flags spell it: `30s`, `1m30s`.
pub(crate) fn format_timeout(timeout: Duration) -> String {
    const PRINTER: SpanPrinter = SpanPrinter::new().spacing(Spacing::None);
    PRINTER.unsigned_duration_to_string(&timeout)
}
