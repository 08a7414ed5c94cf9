//! A terminal's screen as SVG.

use std::fmt::Write;

/// Width of a letter and height of a line, in pixels.
const CELL: (usize, usize) = (8, 18);
const MARGIN: usize = 16;

/// Lines of text with the colors of our own styles.
pub(crate) fn svg(name: &str, screen: &str, columns: usize) -> String {
    let lines: Vec<String> = screen
        .lines()
        .flat_map(|line| wrap(line, columns))
        .collect();
    let width = columns * CELL.0 + 2 * MARGIN;
    let height = lines.len() * CELL.1 + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{name}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"13\" fill=\"#e6edf3\" xml:space=\"preserve\">\n"
    );
    for (row, line) in lines.iter().enumerate() {
        let y = MARGIN + (row + 1) * CELL.1 - 5;
        writeln!(out, "<text x=\"{MARGIN}\" y=\"{y}\">{}</text>", spans(line)).expect("memory");
    }
    out + "</g>\n</svg>\n"
}

/// A line that is too long, in pieces between words; without colors, it has no sequences that count as columns.
fn wrap(line: &str, columns: usize) -> Vec<String> {
    let is_long = !line.contains('\u{1b}') && line.chars().count() > columns
        || console::measure_text_width(line) > columns;
    if !is_long {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("a line");
        let width = console::measure_text_width(last) + console::measure_text_width(word) + 1;
        match last.is_empty() || width <= columns {
            true if last.is_empty() => *last = word.to_owned(),
            true => *last += &format!(" {word}"),
            false => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The pieces of a line in their colors.
fn spans(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let mut out = escape(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (code, text) = piece.split_once('m').expect("a sequence of ours");
        let look = match code {
            "31;1" => "fill=\"#ff7b72\" font-weight=\"bold\"",
            "32;1" => "fill=\"#7ee787\" font-weight=\"bold\"",
            "32" => "fill=\"#7ee787\"",
            "33" => "fill=\"#e3b341\"",
            "2" => "fill=\"#8b949e\"",
            "1" => "font-weight=\"bold\"",
            "0" => "",
            other => panic!("an unknown color: {other}"),
        };
        match (look, text) {
            (_, "") => {}
            ("", text) => out += &escape(text),
            (look, text) => out += &format!("<tspan {look}>{}</tspan>", escape(text)),
        }
    }
    out
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace(' ', "\u{a0}")
}
