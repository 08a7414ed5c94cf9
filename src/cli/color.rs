//! Whether results are in colour.

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// Color if stdout is a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Whether to write in colour.
///
/// The flag wins; then a `NO_COLOR` that is not empty switches it off; then `CLICOLOR_FORCE` or `FORCE_COLOR`, neither empty
/// nor `0`, switch it on; then `CLICOLOR=0` or `TERM=dumb` switch it off; then it depends on whether results go to a
/// terminal. `env` looks up a variable.
pub(super) fn wants_color(
    choice: ColorArg,
    env: &dyn Fn(&str) -> Option<String>,
    is_terminal: bool,
) -> bool {
    let value = |name| env(name).unwrap_or_default();
    let forced = |name| !matches!(value(name).as_str(), "" | "0");
    match choice {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto if !value("NO_COLOR").is_empty() => false,
        ColorArg::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => true,
        ColorArg::Auto if value("CLICOLOR") == "0" || value("TERM") == "dumb" => false,
        ColorArg::Auto => is_terminal,
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorArg, wants_color};

    #[test]
    fn the_rule_of_colour() {
        use ColorArg::{Always, Auto, Never};
        type Row = (
            ColorArg,
            &'static [(&'static str, &'static str)],
            bool,
            bool,
        );
        let rows: &[Row] = &[
            // The flag wins over everything.
            (Always, &[("NO_COLOR", "1"), ("TERM", "dumb")], false, true),
            (Never, &[("FORCE_COLOR", "1")], true, false),
            // Nothing set: the terminal decides.
            (Auto, &[], true, true),
            (Auto, &[], false, false),
            // NO_COLOR counts unless it is empty, whatever its value.
            (Auto, &[("NO_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", "0")], true, false),
            (Auto, &[("NO_COLOR", "")], true, true),
            (
                Auto,
                &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")],
                true,
                false,
            ),
            (
                Auto,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                true,
                false,
            ),
            // Forcing, unless empty or 0.
            (Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Auto, &[("FORCE_COLOR", "true")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Auto, &[("FORCE_COLOR", "0")], false, false),
            (Auto, &[("FORCE_COLOR", "0")], true, true),
            (Auto, &[("FORCE_COLOR", "")], false, false),
            (
                Auto,
                &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")],
                false,
                true,
            ),
            (Auto, &[("FORCE_COLOR", "1"), ("TERM", "dumb")], false, true),
            // Declining.
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Auto, &[("CLICOLOR", "1")], true, true),
            (Auto, &[("CLICOLOR", "1")], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("TERM", "xterm-256color")], true, true),
        ];
        for (choice, variables, is_terminal, expected) in rows {
            let env = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(
                wants_color(*choice, &env, *is_terminal),
                *expected,
                "{choice:?} {variables:?} terminal {is_terminal}"
            );
        }
    }
}
