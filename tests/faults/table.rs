//! The table of faults: what `docs/reliability.md` shows, and what the trials are held to.

use libtest_mimic::Failed;

/// One fault.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The trial that proves it.
    pub(crate) test: String,
    /// Words that must be on stderr or in a gap; empty where nothing is said.
    pub(crate) said: String,
    /// The exit code of a run in which nothing else would make it fail.
    pub(crate) exit: i32,
}

const FILES: [&str; 2] = [include_str!("wire.tsv"), include_str!("local.tsv")];

/// All rows. Columns: fault, what comes of it, what is said, exit code, test.
pub(crate) fn rows() -> Vec<Row> {
    let lines = FILES
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| !line.is_empty());
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_fault, _outcome, said, exit, test] = columns[..] else {
            panic!("not five columns: {line}");
        };
        Row {
            test: test.to_owned(),
            said: said.to_owned(),
            exit: exit.parse().expect("an exit code"),
        }
    };
    lines.map(row).collect()
}

/// Whether the trials are those of the table, each once.
pub(crate) fn same(trials: &[&str], rows: &[String]) -> Result<(), Failed> {
    let mut trials = trials.to_vec();
    let mut rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    trials.sort_unstable();
    rows.sort_unstable();
    if trials == rows {
        Ok(())
    } else {
        Err(format!("trials {trials:#?}\nrows {rows:#?}").into())
    }
}
