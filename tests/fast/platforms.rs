//! Platforms: every cell of both matrices of DKP and every hop of Kyma, as the vendors' tables have them, asked of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use kubectl_upgrade::catalog::{Catalog, PlatformName, Release};
use serde_json::Value;

use crate::golden;
use crate::program::{run, text};
use crate::ways::way;

/// How many programs run at a time.
const AT_A_TIME: usize = 4;

/// A manifest of which no rule says anything.
const MANIFEST: &str = "tests/fixtures/manifests/account.yaml";

pub(crate) fn release(text: &str) -> Release {
    text.parse().expect("a release")
}

fn table(name: &str) -> Vec<Vec<String>> {
    let path = golden::in_repository(&format!("tests/fixtures/paths/{name}"));
    let text = std::fs::read_to_string(path).expect("a table");
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// `(from, to, answer)` of each cell; `turned` where the columns are what is left.
fn cells(name: &str, turned: bool) -> Vec<(String, String, String)> {
    let table = table(name);
    let (head, rows) = table.split_first().expect("a head");
    let cell = |row: &Vec<String>, column: usize| {
        let (row, column, answer) = (row[0].clone(), head[column].clone(), row[column].clone());
        match turned {
            true => (column, row, answer),
            false => (row, column, answer),
        }
    };
    rows.iter()
        .flat_map(|row| (1..head.len()).map(move |column| cell(row, column)))
        .collect()
}

/// Asks the program about each pair.
fn ask(platform: &str, pairs: &[(String, String)]) -> Vec<Output> {
    let asked = |(from, to): &(String, String)| {
        let from = format!("{platform}={from}");
        let to = format!("{platform}={to}");
        run(&[
            "--local", "-f", MANIFEST, "--from", &from, "--to", &to, "-o", "json",
        ])
    };
    let mut answers = Vec::new();
    for some in pairs.chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|pair| scope.spawn(move || asked(pair)))
                .collect();
            let ended = running.into_iter();
            answers.extend(ended.map(|one| one.join().expect("the program ran")));
        });
    }
    answers
}

/// The hops of a platform in an answer: `(from, to)` of each.
fn hops(output: &Output, platform: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let path = report["path"].as_array().expect("a path");
    let word = |hop: &Value, key: &str| hop[key].as_str().expect("a text").to_owned();
    path.iter()
        .filter(|hop| hop["platform"] == platform)
        .map(|hop| {
            assert!(!word(hop, "source").is_empty(), "{hop} has no source");
            (word(hop, "from"), word(hop, "to"))
        })
        .collect()
}

/// How many hops lead from a release to another over the cells that say yes; none where nothing does.
fn counted(cells: &[(String, String, String)], from: &str, to: &str) -> Option<usize> {
    let mut reached = BTreeSet::from([from]);
    for hops in 0..cells.len() {
        if reached.contains(to) {
            return Some(hops);
        }
        let on = cells
            .iter()
            .filter(|(from, _, answer)| answer == "yes" && reached.contains(from.as_str()));
        let on: Vec<&str> = on.map(|(_, to, _)| to.as_str()).collect();
        reached.extend(on);
    }
    None
}

#[test]
fn every_cell_of_both_matrices_of_dkp() {
    let older = cells("dkp-2.2.tsv", false);
    let newer = cells("dkp-2.3.tsv", true);
    assert_eq!((older.len(), newer.len()), (16, 64));
    for cells in [older, newer] {
        let (down, up): (Vec<_>, Vec<_>) = cells
            .iter()
            .partition(|(from, to, _)| release(to) < release(from));
        for (from, to, answer) in down {
            assert_ne!(answer, "yes", "dkp {from} to {to}");
            let said = way(&[&format!("dkp={from}")], &[&format!("dkp={to}")]);
            assert!(said.contains("cannot be downgraded"), "{said}");
        }
        let pairs: Vec<_> = up
            .iter()
            .map(|(from, to, _)| (from.clone(), to.clone()))
            .collect();
        for ((from, to, answer), output) in up.into_iter().zip(ask("dkp", &pairs)) {
            let name = format!("dkp {from} to {to}");
            let said = text(&output.stderr);
            let code = output.status.code();
            // Where no hop of ours is in the matrix, none may be taken.
            let Some(count) = counted(&cells, from, to) else {
                assert_eq!(code, Some(3), "{name}: {said}");
                assert!(said.contains("nearest reachable release"), "{name}: {said}");
                continue;
            };
            assert_eq!(code, Some(0), "{name}: {said}");
            let hops = hops(&output, "dkp");
            assert_eq!(hops.len(), count, "{name}: {hops:?}");
            assert_eq!(answer == "yes", count == 1, "{name}");
            for (from, to) in hops {
                let supported = (from, to, "yes".to_owned());
                assert!(cells.contains(&supported), "{name} goes by {supported:?}");
            }
        }
    }
}

#[test]
fn every_hop_of_kyma() {
    let minors: Vec<(String, Vec<String>)> = table("kyma.tsv")[1..]
        .iter()
        .map(|row| {
            let releases = row[1].split(' ').map(str::to_owned).collect();
            (row[0].clone(), releases)
        })
        .collect();
    let catalog = Catalog::embedded().expect("the catalog");
    let kyma = catalog.platform(PlatformName::Kyma).expect("Kyma");
    let known: Vec<&str> = kyma
        .releases()
        .iter()
        .map(|row| row.release.raw.as_str())
        .collect();
    let listed: Vec<&str> = minors
        .iter()
        .flat_map(|(_, releases)| releases)
        .map(String::as_str)
        .collect();
    assert_eq!(known, listed);
    // The one stepping stone that is no final release, and the other candidate that an older guide names.
    let candidates = ["1.16.0-rc4", "1.16.0-rc3"];
    for (at, (minor, releases)) in minors.iter().enumerate() {
        for from in releases {
            for (other, (_, targets)) in minors.iter().enumerate() {
                for to in targets {
                    let edge = kyma.edge(&release(from), &release(to)).is_some();
                    let up = release(from) < release(to);
                    let expected = if other == at + 1 {
                        let of_1_16 =
                            |one: &str| !one.starts_with("1.16.") || candidates.contains(&one);
                        of_1_16(from) && of_1_16(to)
                    } else {
                        other == at && up
                    };
                    assert_eq!(edge, expected, "{from} to {to}");
                }
            }
        }
        assert!(!releases.is_empty(), "{minor}");
    }
    let newest = |at: usize| minors[at].1.last().expect("a release").clone();
    let pairs: Vec<_> = (1..minors.len())
        .map(|at| (newest(at - 1), newest(at)))
        .collect();
    for ((from, to), output) in pairs.iter().zip(ask("kyma", &pairs)) {
        // Nothing of Kyma is judged without a cluster.
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
        assert_eq!(hops(&output, "kyma"), [(from.clone(), to.clone())]);
    }
}

#[test]
fn a_target_newer_than_the_catalog_is_not_refused_but_a_gap() {
    let output = run(&[
        "--local",
        "-f",
        MANIFEST,
        "--from",
        "dkp=2.17.1",
        "--to",
        "dkp=2.18.0",
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["gaps"][0]["what"], "what DKP 2.18.0 changes");
}

#[test]
fn findings_name_the_hop_of_kubernetes_at_which_they_bite() {
    let manifest = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("budget.yaml");
    std::fs::write(&file, manifest).expect("a file");
    let file = file.display().to_string();
    let output = run(&[
        "--local",
        "-f",
        MANIFEST,
        "--from",
        "dkp=2.4.0",
        "--to",
        "dkp=2.6",
        "-f",
        &file,
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let hop = &report["findings"][0]["hop"];
    assert_eq!(
        (&hop["platform"], &hop["to"]),
        (&"kubernetes".into(), &"1.25".into())
    );
    assert!(text(&output.stderr).contains("no published source"));
}

#[test]
fn people_read_which_platform_goes_where() {
    let output = run(&[
        "--local",
        "-f",
        MANIFEST,
        "--from",
        "dkp=2.1.1",
        "--to",
        "dkp=2.3.0",
    ]);
    let said = text(&output.stdout);
    let way = "DKP 2.1.1 → 2.2.2, Kubernetes 1.21.6 → 1.22.8, DKP 2.2.2 → 2.3.0, Kubernetes 1.22.8 → 1.23.7";
    assert!(said.contains(way), "{said}");
    let output = run(&[
        "--local",
        "-f",
        MANIFEST,
        "--from",
        "dkp=2.1.2",
        "--to",
        "dkp=2.1.0",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Velero"));
}

#[test]
fn the_start_may_name_each_platform_once() {
    for (args, says) in [
        (&["--from", "kyma=1.10", "--from", "kyma=1.11"][..], "twice"),
        (&["--from", "moon=1.10"], "kyma"),
        (&["--from", "cluster-api=1.5.0"], "dkp"),
    ] {
        let output = run(&[args, &["--local", "-f", MANIFEST, "--to", "kyma=1.14"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            text(&output.stderr).contains(says),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn the_catalog_lists_platforms_with_their_ranges_and_dates() {
    let output = run(&["catalog", "-o", "json"]);
    let catalog: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let platforms = catalog["platforms"].as_array().expect("platforms");
    let ends: BTreeMap<&str, (&str, &str)> = platforms
        .iter()
        .map(|platform| {
            let word = |key: &str| platform[key].as_str().expect("a text");
            assert_eq!(word("date").len(), "2026-08-22".len());
            (word("name"), (word("oldest"), word("newest")))
        })
        .collect();
    assert_eq!(ends["kyma"], ("0.4", "2.20"));
    assert_eq!(ends["dkp"], ("1.8", "2.17"));
    assert_eq!(ends["kubernetes"].0, "1.16");
    let table = text(&run(&["catalog"]).stdout);
    let row = table
        .lines()
        .find(|line| line.starts_with("dkp ") && line.contains(" 2.2 "));
    let row = row.expect("the row of 2.2");
    assert!(
        row.contains("2.2.3") && row.contains("1.21 to 1.22"),
        "{row}"
    );
}
