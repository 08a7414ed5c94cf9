//! A large cluster on a real API server, read by `upgrade-check`, by a bare client, and the usual way.
//!
//! `make bench` runs it and writes the measured part of `docs/performance.md`. Nothing is asserted but that everything
//! runs to its end: times belong to the machine. Flags, or variables of the same meaning:
//!
//! * `--runs N`, `BENCH_RUNS`: how often each is measured, alternating; 7
//! * `--ways N`, `BENCH_WAYS`: how often the ways to read are; 3
//! * `--scale S`, `BENCH_SCALE`: 1 is 5,000 nodes and 150,000 pods; the small cluster has a tenth of it
//! * `--versions A,B`, `BENCH_VERSIONS`: API servers; 1.24.17,1.37.0
//! * `--watch SECONDS`, `BENCH_WATCH`: how long `upgrade-watch` and informers follow a rollout; 120, and 0 for not at all
//! * `--fleet N`, `BENCH_FLEET`: how many clusters one run reads; 40, and 0 for not at all
//! * `--section fleet`, `BENCH_SECTION`: measure only this section, and leave the others of the page as they are
//! * `--beside PROGRAM`, `BENCH_BESIDE`: another build of `kubectl-upgrade-check`, measured beside this one
//! * `--write FILE`, `BENCH_WRITE`: where the tables go; without it they are only printed

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and stops when something cannot be measured"
)]

mod client;
mod fleet;
mod manifests;
mod measure;
mod page;
mod plan;
mod program;
mod rollout;
mod suite;
mod watch;
mod ways;

#[path = "../testbed/mod.rs"]
mod testbed;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) runs: usize,
    pub(crate) ways: usize,
    pub(crate) scale: f64,
    pub(crate) versions: Vec<String>,
    /// Seconds.
    pub(crate) watch: u64,
    /// Clusters.
    pub(crate) fleet: usize,
    /// Another build of the program.
    pub(crate) beside: Option<PathBuf>,
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, plan] = args.as_slice()
        && first == client::FLAG
    {
        return client::run(plan.as_ref());
    }
    let settings = Settings {
        runs: setting(&args, "runs", 7),
        ways: setting(&args, "ways", 3),
        scale: setting(&args, "scale", 1.0),
        versions: setting(&args, "versions", "1.24.17,1.37.0".to_owned())
            .split(',')
            .filter(|version| !version.is_empty())
            .map(str::to_owned)
            .collect(),
        watch: setting(&args, "watch", 120),
        fleet: setting(&args, "fleet", 40),
        beside: path_setting(&args, "beside"),
        write: path_setting(&args, "write"),
    };
    if setting(&args, "section", String::new()) == "fleet" {
        let section = fleet::run(&settings);
        println!("{section}");
        if let Some(path) = &settings.write {
            page::write_section(path, &section);
        }
        return ExitCode::SUCCESS;
    }
    let mut text = page::head(&settings) + &suite::files(settings.runs);
    for version in &settings.versions {
        let section = suite::run(version, &settings);
        println!("{section}");
        text += &section;
    }
    if settings.watch > 0 {
        let section = watch::run(&settings);
        println!("{section}");
        text += &section;
    }
    if settings.fleet > 0 {
        let section = fleet::run(&settings);
        println!("{section}");
        text += &section;
    }
    if let Some(path) = &settings.write {
        page::write(path, &text);
    }
    ExitCode::SUCCESS
}

fn path_setting(args: &[String], name: &str) -> Option<PathBuf> {
    let path = setting(args, name, PathBuf::new());
    (path != PathBuf::new()).then_some(path)
}

fn setting<T: FromStr>(args: &[String], name: &str, default: T) -> T {
    let flag = format!("--{name}");
    let given = args.windows(2).find(|pair| pair[0] == flag);
    let variable = format!("BENCH_{}", name.to_uppercase());
    let text = given.map(|pair| pair[1].clone()).or_else(|| {
        std::env::var(&variable)
            .ok()
            .filter(|text| !text.is_empty())
    });
    match text {
        Some(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{flag} or {variable}: {text:?} will not do")),
        None => default,
    }
}
