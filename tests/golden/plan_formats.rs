//! Plans in every format: to be read by people.

use std::collections::BTreeSet;

use kubectl_upgrade::report::OutputFormat;
use libtest_mimic::Trial;

use crate::document::{PLAN_FORMATS as FOLDER, half_way, plan_at, plan_in, shop_plan};
use crate::program::{plan_without_a_path, text};
use crate::{case, golden};

/// A golden file, and what makes it.
type Case = (String, Box<dyn FnOnce() -> String + Send>);

pub(crate) fn trials() -> Vec<Trial> {
    let cases = cases();
    let files: BTreeSet<String> = cases.iter().map(|(file, _)| file.clone()).collect();
    let all = case(
        "plan_formats",
        "every_golden_file_has_its_test",
        move || {
            let names = golden::names(FOLDER).into_iter();
            let golden = names.filter(|name| !name.ends_with(".yaml"));
            assert_eq!(golden.collect::<BTreeSet<_>>(), files);
        },
    );
    let trials = cases.into_iter().map(|(file, tell)| {
        case("plan_formats", &file.clone(), move || {
            golden::compare(&format!("{FOLDER}/{file}"), &tell());
        })
    });
    trials.chain([all]).collect()
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for name in ["shop-to-1.26", "half-way"] {
        let plan = move || match name {
            "half-way" => half_way(),
            _ => shop_plan("1.26"),
        };
        for width in [80, 200] {
            let tell = move || plan_at(width, &plan());
            cases.push((format!("{name}.{width}.txt"), Box::new(tell)));
        }
        for (format, ending) in [
            (OutputFormat::Table, "txt"),
            (OutputFormat::Wide, "wide.txt"),
            (OutputFormat::Json, "json"),
            (OutputFormat::Markdown, "md"),
            (OutputFormat::Html, "html"),
        ] {
            let tell = move || plan_in(format, &plan());
            cases.push((format!("{name}.{ending}"), Box::new(tell)));
        }
    }
    for (format, ending) in [("markdown", "md"), ("html", "html")] {
        let tell = || page_without_a_path(format);
        cases.push((format!("no-path.{ending}"), Box::new(tell)));
    }
    cases
}

/// A file for a change request is never empty: where nothing leads to the target, it says so.
fn page_without_a_path(format: &str) -> String {
    let output = plan_without_a_path(format);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    let why = stderr.trim_end().strip_prefix("error: ").expect("an error");
    assert!(why.contains("nearest reachable release"), "{stderr}");
    text(&output.stdout)
}
