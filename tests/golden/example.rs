//! The recorded example, told by the programs as they are called, in every format.

use libtest_mimic::Trial;

use crate::program::{EXAMPLE, plan_program, run, text, with_example};
use crate::{case, golden};

const FOLDER: &str = "tests/fixtures/example";

/// Every format of `upgrade-check` with its golden file.
const FORMATS: [(&str, &str); 7] = [
    ("table", "table.txt"),
    ("wide", "wide.txt"),
    ("json", "report.json"),
    ("yaml", "report.yaml"),
    ("name", "name.txt"),
    ("markdown", "report.md"),
    ("html", "report.html"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let reports = FORMATS.into_iter().map(|(format, file)| {
        case("example", &format!("check-{format}"), move || {
            a_report_is_told_the_same_way_each_time(format, file);
        })
    });
    let plans = FORMATS.into_iter().map(|(format, _)| {
        case("example", &format!("plan-{format}"), move || {
            a_plan_is_told_the_same_way_each_time(format);
        })
    });
    reports.chain(plans).collect()
}

fn a_report_is_told_the_same_way_each_time(format: &str, file: &str) {
    let first = run(&with_example(&["-o", format]));
    let second = run(&with_example(&["-o", format]));
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    assert_eq!(first.stdout, second.stdout, "{format} is byte-identical");
    golden::compare(&format!("{FOLDER}/{file}"), &text(&first.stdout));
    assert!(
        text(&first.stderr).contains("was taken at"),
        "the clock is named"
    );
}

fn a_plan_is_told_the_same_way_each_time(format: &str) {
    let tell = || {
        let home = tempfile::tempdir().expect("a folder");
        let args = ["--snapshot", EXAMPLE, "--to", "1.26", "-o", format];
        let output = plan_program(home.path()).args(args).output();
        output.expect("the program runs")
    };
    let first = tell();
    let code = first.status.code();
    assert_eq!(code, Some(4), "made with gaps: {}", text(&first.stderr));
    assert_eq!(first.stdout, tell().stdout, "{format} is byte-identical");
    let told = text(&first.stdout);
    assert!(
        told.ends_with('\n') && !told.ends_with("\n\n"),
        "{format}: {told}"
    );
}
