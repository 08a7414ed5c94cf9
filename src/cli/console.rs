//! The streams of a command: results on stdout, everything else on stderr, escaped.

use std::io::{ErrorKind, IsTerminal, Write};

use super::args::{LogArgs, OutputArgs};
use super::color::wants_color;
use super::exit::{CliError, Exit};
use super::terminal::keep;
use crate::report::{RenderOptions, Styles, terminal};
use crate::text::os_error_text;

/// Maximum length of a line on stderr.
const LONGEST_LINE: usize = 20 * terminal::MAX_CHARS;

/// What a command prints to. By default notes are printed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Console {
    pub(super) is_quiet: bool,
}

impl Console {
    pub(super) fn new(log: &LogArgs) -> Self {
        Self {
            is_quiet: log.quiet,
        }
    }

    /// Prints a line on stderr, unless quiet.
    pub(super) fn note(self, line: &str) {
        if !self.is_quiet {
            eprint_line(line);
        }
    }

    /// Prints a result. A closed pipe is not an error: the exit code stays that of the result.
    pub(super) fn print(text: &str, exit: Exit) -> Exit {
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Ok(()) => exit,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
            Err(error) => Self::print_error(&CliError::could_not_run(format!(
                "cannot write the result: {}",
                os_error_text(&error)
            ))),
        }
    }

    /// Prints why a command ended, unless a signal ended it, and returns its exit code. Messages may have several lines, as
    /// install hints of credential plugins do; all but the first are indented, so that none of them can look like a message of
    /// its own.
    pub(super) fn print_error(error: &CliError) -> Exit {
        if !matches!(error.exit, Exit::Interrupted | Exit::Terminated) {
            let mut lines = error.message.lines().take(30);
            eprint_line(&format!("error: {}", lines.next().unwrap_or_default()));
            lines.for_each(|line| eprint_line(&format!("  {line}")));
        }
        error.exit
    }

    /// Prints help on stdout and usage errors on stderr. clap does not escape arguments, which may be copied from anywhere.
    pub(super) fn print_clap(error: &clap::Error) -> Exit {
        let plain = error.to_string();
        let harmless = |letter: char| matches!(letter, '\n' | '\t') || !terminal::is_unsafe(letter);
        let mut lines = plain.lines();
        let first = lines.next().unwrap_or_default();
        // clap wraps help, and breaks usage errors inside words.
        let fits = |line: &str| stderr_width().is_none_or(|width| line.chars().count() <= width);
        let is_shown_whole = !error.use_stderr() || plain.lines().all(fits);
        let is_safe =
            plain.chars().all(harmless) && !lines.clone().any(|line| line.starts_with("error:"));
        if is_safe && is_shown_whole {
            let _ = error.print();
        } else if is_safe {
            plain.lines().for_each(eprint_line);
        } else {
            eprint_line(first);
            lines.for_each(|line| eprint_line(&format!("  {line}")));
        }
        match error.use_stderr() {
            true => Exit::Usage,
            false => Exit::Success,
        }
    }

    /// How results are rendered for stdout.
    pub(super) fn render_options(flags: OutputArgs) -> RenderOptions {
        let is_terminal = std::io::stdout().is_terminal();
        let env = |name: &str| std::env::var(name).ok();
        let size = terminal_size::terminal_size().filter(|_| is_terminal);
        RenderOptions {
            styles: Styles::new(wants_color(flags.color, &env, is_terminal)),
            show_headers: !flags.no_headers,
            width: size.map(|(width, _)| usize::from(width.0)),
            ..RenderOptions::default()
        }
    }
}

/// A remark as a line of stderr.
pub(super) fn remark_line(remark: &str) -> String {
    match remark.starts_with("warning: ") {
        true => remark.to_owned(),
        false => format!("note: {remark}"),
    }
}

/// Prints an escaped line of limited length on stderr, or in the view that has the terminal; on a terminal without breaks inside words.
fn eprint_line(line: &str) {
    let line = terminal::escape_truncated(line, LONGEST_LINE);
    if keep(&line) {
        return;
    }
    let line = match stderr_width() {
        Some(width) => textwrap::fill(&line, wrap_options(width)),
        None => line.into_owned(),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The columns of stderr, if it is a terminal.
fn stderr_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some(usize::from(width.0))
}

/// Words such as paths and commands stay whole, so that they can be copied.
fn wrap_options<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width.max(20))
        .subsequent_indent("  ")
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}
