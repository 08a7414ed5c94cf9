//! Tips for flags of kubectl that mean nothing here.

use crate::text::names::watch_name;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags and values, and what to use instead.
const TIPS: [(&[&str], &str); 4] = [
    (
        &["-l", "--selector", "--field-selector"],
        "objects are not selected by labels: narrow the run with -n, --skip-namespace, --only or --skip",
    ),
    (
        &["-w", "--watch"],
        concat!("'kubectl ", watch_name!(), "' follows an upgrade"),
    ),
    (&["--dry-run"], "nothing is ever written"),
    (
        &["jsonpath", "go-template", "custom-columns"],
        "pipe '-o json' into jq",
    ),
];

/// The error with a tip for what it is about.
pub(super) fn improve(mut error: clap::Error, command: &mut Command) -> clap::Error {
    let subcommand = error.get(ContextKind::InvalidSubcommand);
    if let (ErrorKind::ArgumentConflict, Some(ContextValue::String(name))) =
        (error.kind(), subcommand)
    {
        let called = command.get_bin_name().unwrap_or_default();
        let message = format!(
            "flags of '{name}' follow it: '{called} {name} --help' lists those that it has"
        );
        return command.error(ErrorKind::ArgumentConflict, message);
    }
    add_tip(&mut error);
    error
}

fn add_tip(error: &mut clap::Error) {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidValue => ContextKind::InvalidValue,
        _ => return,
    };
    let Some(ContextValue::String(given)) = error.get(kind) else {
        return;
    };
    let given = given.split('=').next().unwrap_or_default();
    let tip = TIPS.iter().find(|(flags, _)| flags.contains(&given));
    if let Some((_, tip)) = tip {
        let tip = ContextValue::StyledStrs(vec![(*tip).into()]);
        error.insert(ContextKind::Suggested, tip);
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedValue);
    }
}
