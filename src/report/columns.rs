//! Columns as kubectl prints them: upper-case headers, three spaces between columns, no borders, no trailing spaces.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// The lines of a table; none, not even a header, where there are no rows.
///
/// Cells must be single lines that are safe on a terminal; escape sequences of our own styles take no width.
pub(super) fn format_columns(header: Option<&[&str]>, rows: Vec<Vec<String>>) -> Vec<String> {
    let Some(columns) = rows.first().map(Vec::len) else {
        return Vec::new();
    };
    let mut builder = Builder::with_capacity(rows.len() + 1, columns);
    if let Some(header) = header {
        builder.push_record(header.iter().copied());
    }
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table
        .with(Style::empty())
        .with(Alignment::left())
        .with(Padding::new(0, 3, 0, 0))
        .modify(Columns::last(), Padding::zero());
    // The last column is padded too; trailing spaces are a nuisance in copied lines.
    table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::format_columns;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_stand_three_spaces_apart() {
        let lines = format_columns(
            Some(&["NAME", "WHY"]),
            vec![
                row(&["a", "short"]),
                row(&["日本", ""]),
                row(&["longer-name", "x"]),
            ],
        );
        insta::assert_snapshot!(lines.join("\n"), @r"
        NAME          WHY
        a             short
        日本
        longer-name   x
        ");
    }

    #[test]
    fn no_rows_no_header() {
        assert!(format_columns(Some(&["NAME"]), Vec::new()).is_empty());
    }

    #[test]
    fn colours_take_no_width() {
        let lines = format_columns(
            None,
            vec![
                row(&["\u{1b}[31mbad\u{1b}[0m", "1"]),
                row(&["good", "\u{1b}[2m2\u{1b}[0m"]),
            ],
        );
        assert_eq!(
            lines,
            ["\u{1b}[31mbad\u{1b}[0m    1", "good   \u{1b}[2m2\u{1b}[0m"]
        );
    }
}
