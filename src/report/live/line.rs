//! A line in pieces, each with its tone.

use console::{measure_text_width, truncate_str};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::report::styles::Styles;

/// What a piece of text is to the reader. Its words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    Plain,
    /// A heading.
    Heading,
    /// What must not be missed.
    Warning,
    /// What may be skipped.
    Muted,
    /// What is done.
    Success,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().add_modifier(Modifier::BOLD),
            Self::Warning => Style::new().fg(Color::Yellow),
            Self::Muted => Style::new().add_modifier(Modifier::DIM),
            Self::Success => Style::new().fg(Color::Green),
        }
    }
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ToneLine(Vec<(Tone, String)>);

impl ToneLine {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![(tone, text.into())])
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, tone: Tone, text: impl Into<String>) {
        self.0.push((tone, text.into()));
    }

    /// The line, cut at this width.
    pub(super) fn cut(mut self, width: usize) -> Self {
        let mut left = width;
        let mut is_full = false;
        self.0.retain_mut(|(_, text)| {
            let columns = measure_text_width(text);
            if is_full {
                return false;
            }
            if columns > left {
                *text = truncate_str(text, left, "…").into_owned();
                is_full = true;
            }
            left = left.saturating_sub(columns);
            true
        });
        self
    }

    /// For a frame.
    pub(super) fn to_frame(&self, is_colored: bool) -> Line<'_> {
        let spans = self.0.iter().map(|(tone, text)| match is_colored {
            true => Span::styled(text.as_str(), tone.style()),
            false => Span::raw(text.as_str()),
        });
        spans.collect::<Vec<_>>().into()
    }

    /// For a terminal that is written line by line.
    pub(super) fn to_text(&self, styles: &Styles) -> String {
        let pieces = self.0.iter().map(|(tone, text)| match tone {
            Tone::Plain => text.clone(),
            Tone::Heading => styles.heading(text),
            Tone::Warning => styles.warning(text),
            Tone::Muted => styles.muted(text),
            Tone::Success => styles.success(text),
        });
        pieces.collect()
    }
}

/// A text in as many lines as it takes, the later ones indented. Words such as commands are not broken unless they are too
/// long for a line.
pub(super) fn wrapped(tone: Tone, text: &str, width: usize, indent: [&str; 2]) -> Vec<ToneLine> {
    let options = textwrap::Options::new(width.max(20))
        .initial_indent(indent[0])
        .subsequent_indent(indent[1])
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    let lines = lines.into_iter();
    lines.map(|line| ToneLine::new(tone, line)).collect()
}

/// A cell of exactly this width.
pub(super) fn cell(text: &str, width: usize) -> String {
    let text = truncate_str(text, width, "…");
    let padding = width.saturating_sub(measure_text_width(&text));
    format!("{text}{}", " ".repeat(padding))
}

/// The width of a column: that of its widest cell, at most `limit`.
pub(super) fn column<'t>(cells: impl Iterator<Item = &'t str>, limit: usize) -> usize {
    let widest = cells.map(measure_text_width).max();
    widest.unwrap_or(0).min(limit)
}
