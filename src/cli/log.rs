//! Where the log goes, and how much of it.

use std::io::Write;

use super::args::SourceArgs;
use crate::report::terminal;

/// How much of an event of the log is shown.
const MAX_EVENT_CHARS: usize = 4000;

/// Begins to log as the flags say.
pub(super) fn init_logging(flags: &SourceArgs) {
    let level = match flags.verbosity {
        // Events name what they are about.
        _ if flags.redact => "off",
        // What libraries log of an error is in our own message already.
        0..=3 => "off,kubectl_upgrade=warn",
        4..=5 => "off,kubectl_upgrade=info",
        6..=7 => "off,kubectl_upgrade=debug",
        _ => "info,kubectl_upgrade=trace",
    };
    // A second call, as tests make, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(|| EscapingStderr)
        .without_time()
        // It would panic where stderr is closed.
        .log_internal_errors(false)
        .try_init();
}

/// Standard error for logs: what came from a cluster is escaped, each event stays one line.
struct EscapingStderr;

impl Write for EscapingStderr {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = terminal::escape_truncated(text.trim_end_matches('\n'), MAX_EVENT_CHARS);
        writeln!(std::io::stderr(), "{line}")?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
