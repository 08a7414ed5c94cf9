//! Colour, decided once and carried as a value. Meaning never depends on it.

use crate::api::v1::{SeverityDoc, StepStateDoc, VerdictDoc};
use std::fmt::Display;

use owo_colors::{OwoColorize, Style};

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

    /// What is done.
    #[must_use]
    pub fn success(&self, text: &str) -> String {
        paint(text, self.success)
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
    use super::Styles;
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
}
