//! The log on stderr, or in the view that has the terminal.

use std::io::Write;

use super::args::LogArgs;
use super::terminal::keep;
use crate::report::terminal;

/// Maximum length of an event.
const MAX_EVENT_CHARS: usize = 4000;

/// Starts logging at the level of `-v`.
pub(super) fn init_logging(flags: &LogArgs, redact: bool) {
    let level = match flags.verbosity {
        // Events contain names.
        _ if redact => "off",
        // Our error messages include what libraries log.
        0..=3 => "off,kubectl_upgrade=warn",
        4..=5 => "off,kubectl_upgrade=info",
        6..=7 => "off,kubectl_upgrade=debug",
        _ => "info,kubectl_upgrade=trace",
    };
    // A second call, as in tests, has no effect.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(|| EscapingStderr)
        .without_time()
        // It would panic if stderr is closed.
        .log_internal_errors(false)
        .try_init();
}

/// Standard error, with each event escaped to one line.
struct EscapingStderr;

impl Write for EscapingStderr {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = terminal::escape_truncated(text.trim_end_matches('\n'), MAX_EVENT_CHARS);
        if !keep(&line) {
            writeln!(std::io::stderr(), "{line}")?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
