//! Colour, decided once and carried as a value. Meaning never depends on it.

use crate::api::v1::{SeverityDoc, StepStateDoc, VerdictDoc};
use std::fmt::Display;

use owo_colors::{OwoColorize, Style};

/// What `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// As the environment and the terminal have it.
    #[default]
    Auto,
    /// With colour.
    Always,
    /// Without.
    Never,
}

/// Whether to write in colour.
///
/// The flag wins; then a `NO_COLOR` that is not empty switches it off; then `CLICOLOR_FORCE` or `FORCE_COLOR`, neither empty
/// nor `0`, switch it on; then `CLICOLOR=0` or `TERM=dumb` switch it off; then it depends on whether results go to a
/// terminal. `env` looks up a variable.
pub fn wants_color(
    choice: ColorChoice,
    env: &dyn Fn(&str) -> Option<String>,
    is_terminal: bool,
) -> bool {
    let value = |name| env(name).unwrap_or_default();
    let forced = |name| !matches!(value(name).as_str(), "" | "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if !value("NO_COLOR").is_empty() => false,
        ColorChoice::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => true,
        ColorChoice::Auto if value("CLICOLOR") == "0" || value("TERM") == "dumb" => false,
        ColorChoice::Auto => is_terminal,
    }
}

/// How words look. Plain by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    error: Style,
    warning: Style,
    muted: Style,
    success: Style,
    heading: Style,
}

impl Styles {
    /// In colour.
    #[must_use]
    pub fn colored() -> Self {
        Self {
            error: Style::new().red().bold(),
            warning: Style::new().yellow(),
            muted: Style::new().dimmed(),
            success: Style::new().green().bold(),
            heading: Style::new().bold(),
        }
    }

    /// Coloured or plain.
    #[must_use]
    pub fn new(colored: bool) -> Self {
        if colored {
            Self::colored()
        } else {
            Self::default()
        }
    }

    /// The word for a severity.
    #[must_use]
    pub fn severity(&self, severity: SeverityDoc) -> String {
        let style = match severity {
            SeverityDoc::Blocker => self.error,
            SeverityDoc::Warning => self.warning,
            SeverityDoc::Note => self.muted,
        };
        paint(severity.as_str(), style)
    }

    /// The word for a severity that does not fail the run, with the reason.
    #[must_use]
    pub fn muted_severity(&self, severity: SeverityDoc, why: &str) -> String {
        paint(format_args!("{} ({why})", severity.as_str()), self.muted)
    }

    /// The word for a verdict.
    #[must_use]
    pub fn verdict(&self, verdict: VerdictDoc) -> String {
        match verdict {
            VerdictDoc::Ready => paint("ready", self.success),
            VerdictDoc::Blocked => paint("blocked", self.error),
            VerdictDoc::Incomplete => paint("incomplete", self.warning),
        }
    }

    /// The word for how far a step is.
    #[must_use]
    pub fn state(&self, state: StepStateDoc) -> String {
        let style = match state {
            StepStateDoc::Done => self.success,
            StepStateDoc::InProgress | StepStateDoc::Unknown => self.warning,
            StepStateDoc::Todo | StepStateDoc::Manual => Style::new(),
            StepStateDoc::Blocked => self.error,
        };
        paint(state.as_str(), style)
    }

    /// What must not be missed.
    #[must_use]
    pub fn warning(&self, text: &str) -> String {
        paint(text, self.warning)
    }

    /// What may be skipped.
    #[must_use]
    pub fn muted(&self, text: &str) -> String {
        paint(text, self.muted)
    }

    /// A heading.
    #[must_use]
    pub fn heading(&self, text: &str) -> String {
        paint(text, self.heading)
    }
}

fn paint(text: impl Display, style: Style) -> String {
    text.style(style).to_string()
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Styles, wants_color};
    use crate::api::v1::{SeverityDoc, VerdictDoc};

    #[test]
    fn plain_styles_leave_text_alone() {
        let plain = Styles::default();
        assert_eq!(plain.severity(SeverityDoc::Blocker), "blocker");
        assert_eq!(plain.verdict(VerdictDoc::Incomplete), "incomplete");
        assert_eq!(plain.heading("now"), "now");
    }

    #[test]
    fn colour_says_nothing_that_the_word_does_not() {
        let colored = Styles::new(true);
        assert_eq!(
            colored.severity(SeverityDoc::Blocker),
            "\u{1b}[31;1mblocker\u{1b}[0m"
        );
        assert_eq!(
            colored.severity(SeverityDoc::Warning),
            "\u{1b}[33mwarning\u{1b}[0m"
        );
        assert_eq!(
            colored.severity(SeverityDoc::Note),
            "\u{1b}[2mnote\u{1b}[0m"
        );
        assert_eq!(
            colored.verdict(VerdictDoc::Ready),
            "\u{1b}[32;1mready\u{1b}[0m"
        );
    }

    #[test]
    fn the_rule_of_colour() {
        use ColorChoice::{Always, Auto, Never};
        type Row = (
            ColorChoice,
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
