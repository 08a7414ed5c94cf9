//! The recorded example, told by the programs as they are called, in every format.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::program::{EXAMPLE, run, run_plan, text, with_example};
use crate::{case, golden};

const FOLDER: &str = "tests/fixtures/example";

/// Every format of `upgrade-check` with its golden file.
const FORMATS: [(&str, &str); 7] = [
    ("table", "table.txt"),
    ("wide", "wide.txt"),
    ("json", "report.json"),
    // The same values.
    ("yaml", "report.json"),
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
    if format == "yaml" {
        assert_eq!(parsed_yaml(&text(&first.stdout)), report());
    } else {
        golden::compare(&format!("{FOLDER}/{file}"), &text(&first.stdout));
    }
    assert!(
        text(&first.stderr).contains("was taken at"),
        "the clock is named"
    );
}

fn parsed_yaml(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).expect("YAML")
}

/// The golden report.
fn report() -> Value {
    let json = std::fs::read(golden::in_repository(&format!("{FOLDER}/report.json")));
    serde_json::from_slice(&json.expect("the report")).expect("JSON")
}

fn a_plan_is_told_the_same_way_each_time(format: &str) {
    let tell = || run_plan(&["--snapshot", EXAMPLE, "--to", "1.26", "-o", format]);
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
