//! Rows of a table that is wider than the terminal: several lines each.

use console::measure_text_width;

use super::cells::NONE_CELL;
use super::columns::format_columns;
use super::options::RenderOptions;
use super::wrap;

/// A table with its header; if a row is wider than the terminal, stacked rows. `named` says from which cell on these have the
/// names of their columns: all but empty ones.
pub(super) fn table_or_stacked(
    header: &[&str],
    rows: Vec<Vec<String>>,
    named: usize,
    look: &RenderOptions,
) -> Vec<String> {
    let lines = format_columns(look.show_headers.then_some(header), rows.clone());
    let fits = |limit: usize| lines.iter().all(|line| measure_text_width(line) <= limit);
    let Some(limit) = look.width.filter(|limit| !fits(*limit)) else {
        return lines;
    };
    let rows = rows.into_iter().map(|mut row| {
        let last = row.split_off(named.min(row.len()));
        let cells = header.iter().skip(named).zip(last);
        let cells = cells.filter(|(_, cell)| cell != NONE_CELL && cell != "-");
        let cells = cells.map(|(name, cell)| format!("{} {cell}", name.to_lowercase()));
        row.push(cells.collect::<Vec<_>>().join(" · "));
        row
    });
    stacked_rows(&rows.collect::<Vec<_>>(), limit)
}

/// Each row as lines: the first three cells on one line, or two if that is too long, the others wrapped below.
///
/// ```text
/// blocker   api-removed   poddisruptionbudget/shop/cart
///           policy/v1beta1 is gone in 1.25; use policy/v1
///           helm release shop/cart v4
/// ```
pub(super) fn stacked_rows(rows: &[Vec<String>], limit: usize) -> Vec<String> {
    let first = |row: &Vec<String>| row.first().map_or(0, |cell| measure_text_width(cell));
    let indent = rows.iter().map(first).max().unwrap_or(0) + COLUMN_GAP;
    rows.iter()
        .map(|row| {
            let mut lines = String::new();
            let head = row.first().map_or("", String::as_str);
            lines.push_str(head);
            lines.push_str(&" ".repeat(indent.saturating_sub(measure_text_width(head))));
            let named: Vec<&str> = row.iter().skip(1).take(2).map(String::as_str).collect();
            let named = named.join(&" ".repeat(COLUMN_GAP));
            let fits = indent + measure_text_width(&named) <= limit;
            let beside = if fits { 2 } else { 1 };
            lines.push_str(match fits {
                true => &named,
                false => row.get(1).map_or("", String::as_str),
            });
            lines.push('\n');
            for cell in row.iter().skip(1 + beside).filter(|cell| !cell.is_empty()) {
                lines.push_str(&wrap::wrap(cell, &" ".repeat(indent), limit));
            }
            lines.trim_end().to_owned()
        })
        .collect()
}

/// Each row as a line of columns; if one is wider than the terminal, all cells but the first are wrapped below it. Indented by
/// `indent` spaces.
///
/// ```text
///     poddisruptionbudget/shop/cart
///       helm release shop/cart v4
/// ```
pub(super) fn columns_or_stacked(
    rows: Vec<Vec<String>>,
    indent: usize,
    limit: Option<usize>,
) -> String {
    let in_columns = format_columns(None, rows.clone());
    let indented = |by: usize| " ".repeat(by);
    let fits = |limit: usize| {
        in_columns
            .iter()
            .all(|line| indent + measure_text_width(line) <= limit)
    };
    let Some(limit) = limit.filter(|limit| !fits(*limit)) else {
        let lines = in_columns.iter();
        return lines
            .map(|line| format!("{}{line}\n", indented(indent)))
            .collect();
    };
    let mut out = String::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            let deeper = if place == 0 { 0 } else { 2 };
            out.push_str(&wrap::wrap(cell, &indented(indent + deeper), limit));
        }
    }
    out
}

/// Spaces between two cells, as in tables.
const COLUMN_GAP: usize = 3;

#[cfg(test)]
mod tests {
    use super::{RenderOptions, columns_or_stacked, stacked_rows, table_or_stacked};

    #[test]
    fn a_row_becomes_lines_that_fit() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let told = stacked_rows(
            &[
                row([
                    "blocker",
                    "api-removed",
                    "poddisruptionbudget/shop/cart",
                    "policy/v1beta1 is gone in 1.25; use policy/v1",
                    "helm release shop/cart v4",
                ]),
                row([
                    "note",
                    "patch-behind",
                    "cluster/shop",
                    "1.24.3 runs, 1.24.17 is the newest patch",
                    "",
                ]),
            ],
            40,
        );
        insta::assert_snapshot!(told.join("\n"), @r"
        blocker   api-removed
                  poddisruptionbudget/shop/cart
                  policy/v1beta1 is gone in
                  1.25; use policy/v1
                  helm release shop/cart v4
        note      patch-behind   cluster/shop
                  1.24.3 runs, 1.24.17 is the
                  newest patch
        ");
    }

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let row = [
            "blocker",
            "api-removed",
            "poddisruptionbudget/shop/cart",
            "why",
        ];
        let shown = stacked_rows(&[row.map(str::to_owned).to_vec()], 30);
        insta::assert_snapshot!(shown.join("\n"), @r"
        blocker   api-removed
                  poddisruptionbudget/shop/cart
                  why
        ");
    }

    /// No line of a table is left to the terminal to break, and what loses its header is named.
    #[test]
    fn a_table_that_does_not_fit_is_stacked() {
        let header = ["PLATFORM", "MINOR", "NEWEST", "RELEASED", "KUBERNETES"];
        let rows = vec![
            ["dkp", "2.2", "2.2.3", "2022-04-08", "1.21 to 1.22"]
                .map(str::to_owned)
                .to_vec(),
            ["dkp", "1.8", "1.8.5", "-", "1.18 to 1.20"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let look = |width| RenderOptions {
            width: Some(width),
            ..RenderOptions::default()
        };
        let shown = |width| table_or_stacked(&header, rows.clone(), 3, &look(width)).join("\n");
        assert!(shown(80).starts_with("PLATFORM   MINOR"), "{}", shown(80));
        insta::assert_snapshot!(shown(46), @r"
        dkp   2.2   2.2.3
              released 2022-04-08 · kubernetes 1.21 to
              1.22
        dkp   1.8   1.8.5
              kubernetes 1.18 to 1.20
        ");
    }

    #[test]
    fn a_list_is_in_columns_where_they_fit() {
        let cells = [
            vec![
                "budget/shop/cart".to_owned(),
                "helm release cart v4".to_owned(),
            ],
            vec!["budget/a".to_owned(), "kubectl wrote it".to_owned()],
        ];
        let told = |limit| columns_or_stacked(cells.to_vec(), 2, limit);
        assert_eq!(told(None), told(Some(41)));
        insta::assert_snapshot!(told(Some(41)), @r"
        budget/shop/cart   helm release cart v4
        budget/a           kubectl wrote it
        ");
        insta::assert_snapshot!(told(Some(40)), @r"
        budget/shop/cart
          helm release cart v4
        budget/a
          kubectl wrote it
        ");
    }
}
