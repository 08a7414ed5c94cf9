//! Candidates for the word that is being typed, within a second and without a word on stderr.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Command;
use clap_complete::env::Shells;

use super::live::with_live_values;

/// The time for candidates, so that the process ends within a second.
const DEADLINE: Duration = Duration::from_millis(850);

/// Directives of cobra, which add up.
///
/// Source: kubernetes/kubectl pkg/cmd/plugin/plugin_completion.go, spf13/cobra completions.go.
const DEFAULT: u8 = 0;
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// Candidates for the last of these words, in the form that kubectl reads: one a line with its description, then a
/// directive.
pub(crate) fn for_kubectl(command: Command, words: Vec<OsString>) -> String {
    let typed = words.last().cloned().unwrap_or_default();
    let lines = within_deadline(move || kubectl_lines(command, words, &typed));
    lines.unwrap_or_else(|| format!(":{NO_FILES}\n"))
}

fn kubectl_lines(command: Command, words: Vec<OsString>, typed: &OsStr) -> String {
    let index = words.len();
    let mut command = with_live_values(command, &words);
    let mut argv = vec![OsString::from(command.get_name())];
    argv.extend(words);
    let directory = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut command, argv, index, directory.as_deref());
    let typed = typed.to_string_lossy();
    // Of `--flag=value`, kubectl expects the value.
    let (flag, value) = match typed.find('=').filter(|_| typed.starts_with("--")) {
        Some(at) => typed.split_at(at + 1),
        None => ("", &*typed),
    };
    let found = found.unwrap_or_default();
    let mut text = String::new();
    let mut directive = NO_FILES;
    for candidate in &found {
        let shown = candidate.get_value().to_string_lossy();
        let shown = shown.strip_prefix(flag).unwrap_or(&shown);
        if shown.ends_with(['/', '=']) {
            directive |= NO_SPACE;
        }
        text.push_str(shown);
        if let Some(help) = candidate.get_help() {
            let help = help.to_string();
            text.push('\t');
            text.push_str(help.lines().next().unwrap_or_default());
        }
        text.push('\n');
    }
    // Shells know home directories.
    if found.is_empty() && value.starts_with('~') {
        directive = DEFAULT;
    }
    format!("{text}:{directive}\n")
}

/// Candidates for a script of this shell, which calls the program with `-- WORDS`.
pub(crate) fn for_shell(command: Command, shell: &OsStr, argv: Vec<OsString>) -> String {
    let shell = shell.to_string_lossy().into_owned();
    let candidates = within_deadline(move || shell_lines(command, &shell, argv));
    candidates.unwrap_or_default()
}

fn shell_lines(command: Command, shell: &str, argv: Vec<OsString>) -> String {
    let shells = Shells::builtins();
    let words = argv.into_iter().skip_while(|word| word != "--").skip(1);
    let words: Vec<OsString> = words.collect();
    let (Some(shell), Some((_, typed))) = (shells.completer(shell), words.split_first()) else {
        return String::new();
    };
    let mut command = with_live_values(command, typed);
    let directory = std::env::current_dir().ok();
    if shell.name() == "bash" {
        return bash_lines(&mut command, words, directory.as_deref());
    }
    let mut text = Vec::new();
    let written = shell.write_complete(&mut command, words, directory.as_deref(), &mut text);
    match written {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

/// bash makes words of `--flag=value` at the equals sign, and expects the value alone.
fn bash_lines(command: &mut Command, words: Vec<OsString>, directory: Option<&Path>) -> String {
    let variable = |name: &str| std::env::var(name).ok();
    let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok());
    let words = words
        .into_iter()
        .take(index.unwrap_or(usize::MAX).saturating_add(1));
    let mut words: Vec<OsString> = words.collect();
    if let Some(value) = words.last_mut().filter(|word| *word == "=") {
        value.clear();
    }
    words.retain(|word| word != "=");
    let index = words.len().saturating_sub(1);
    let found = clap_complete::engine::complete(command, words, index, directory);
    let found = found.unwrap_or_default().into_iter();
    let values = found.map(|candidate| candidate.get_value().to_string_lossy().into_owned());
    let separator = variable("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
    values.collect::<Vec<_>>().join(&separator)
}

/// What this makes, unless it takes too long: a cluster may not answer.
fn within_deadline(make: impl FnOnce() -> String + Send + 'static) -> Option<String> {
    silence_stderr();
    let (sender, receiver) = mpsc::channel();
    // Not joined: it ends with the process.
    thread::spawn(move || sender.send(make()));
    receiver.recv_timeout(DEADLINE).ok()
}

/// The terminal shows a command line, and credential plugins print to stderr.
fn silence_stderr() {
    #[cfg(unix)]
    if let Ok(null) = std::fs::File::create("/dev/null") {
        let _ = rustix::stdio::dup2_stderr(null);
    }
}
