//! All measurements against one version of the API server.

use std::fs;

use serde_json::Value;

use crate::measure::{Output, Sample, Samples, measure};
use crate::page;
use crate::plan::Plan;
use crate::program::{Bench, quiet_check};
use crate::testbed::cluster::Cluster;
use crate::ways;
use crate::{Settings, manifests};

/// The rule that needs Helm's records and little else.
const HELM_RULE: [&str; 2] = ["--only", "helm-pending"];

/// What was measured of one version.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) version: String,
    pub(crate) parallel: usize,
    pub(crate) report: Value,
    /// (a), (b), (c), (d).
    pub(crate) bare: Samples,
    pub(crate) check: Samples,
    /// Another build of the program on the same cluster; empty without one.
    pub(crate) beside: Samples,
    pub(crate) tenth: Samples,
    pub(crate) usual: Samples,
    pub(crate) helm_bare: Samples,
    pub(crate) helm_check: Samples,
    pub(crate) ways: Vec<(&'static str, Samples)>,
    pub(crate) snapshot_bytes: u64,
    pub(crate) snapshot: Samples,
    pub(crate) version_flag: Samples,
    /// Bytes that API server and etcd rest at.
    pub(crate) resting: (f64, f64),
}

/// Starts both clusters and measures, alternating.
pub(crate) fn run(version: &str, settings: &Settings) -> String {
    eprintln!(
        "{version}: loading a cluster of scale {} and one of a tenth",
        settings.scale
    );
    let large = Bench::start(version, settings.scale, None);
    let small = Bench::start(version, settings.scale / 10.0, None);
    let (plan, report) = large.record(&[]);
    let (helm_plan, _) = large.record(&HELM_RULE);
    small.record(&[]);
    let usual = plan.usual_way();
    let helm_plan = helm_plan.helm();
    let ways = ways::ways(&large.kubeconfig(), &namespaces(&large));
    let mut of_ways = vec![Samples::default(); ways.len()];
    let mut measured = Measured {
        version: version.to_owned(),
        parallel: plan.parallel,
        report,
        ..Measured::default()
    };
    save(&large);
    for round in 1..=settings.runs {
        eprintln!("{version}: round {round} of {}", settings.runs);
        measured.bare.0.push(large.bare(&plan));
        measured.check.0.push(large.check(&["-o", "json"]));
        if let Some(program) = &settings.beside {
            let sample = large.check_with(program, &["-o", "json"]);
            measured.beside.0.push(sample);
        }
        measured.tenth.0.push(small.check(&["-o", "json"]));
        measured.usual.0.push(large.bare(&usual));
        helm(&large, &helm_plan, &mut measured);
        if round <= settings.ways {
            ways::measure(&large, &ways, &mut of_ways);
        }
        measured.snapshot.0.push(read_back(&large));
        measured.version_flag.0.push(large.check(&["--version"]));
    }
    measured.ways = ways.iter().map(|(name, _)| *name).zip(of_ways).collect();
    measured.snapshot_bytes = fs::metadata(large.file("snapshot")).map_or(0, |file| file.len());
    let (api, etcd) = large.servers();
    measured.resting = (rss(api), rss(etcd));
    page::section(&measured)
}

/// Manifests in a tree.
const FILES: usize = 50_000;

/// Measures a tree of manifests and none, which has what the program costs by itself.
pub(crate) fn files(runs: usize) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut of_sizes = Vec::new();
    for files in [FILES / 10, FILES] {
        let tree = folder.path().join(files.to_string());
        manifests::tree(&tree, files);
        let mut samples = Samples::default();
        for _ in 0..runs {
            let mut command = quiet_check(folder.path());
            command.args(["--local", "--to", "1.25", "-o", "json", "-f"]);
            command.arg(&tree);
            let nobody = (0, 0);
            samples
                .0
                .push(measure(&mut command, nobody, &[3], Output::Kept));
        }
        let found = samples.0.last().map_or("", |sample| &sample.stdout);
        let report: Value = serde_json::from_str(found).expect("a report");
        let objects = report["findings"][0]["objects"].as_array().map(Vec::len);
        assert_eq!(objects, Some(manifests::removed(files)), "{files} files");
        of_sizes.push((files, samples));
    }
    page::files(&of_sizes)
}

fn helm(large: &Bench, plan: &Plan, measured: &mut Measured) {
    measured.helm_bare.0.push(large.bare(plan));
    let args = [&HELM_RULE[..], &["-o", "json"]].concat();
    measured.helm_check.0.push(large.check(&args));
}

fn rss(pid: u32) -> f64 {
    crate::measure::status(pid, "VmRSS:")
}

fn save(large: &Bench) {
    let file = large.file("snapshot");
    large.check(&["-o", "name", "--save-snapshot", &file.to_string_lossy()]);
}

fn read_back(large: &Bench) -> Sample {
    let file = large.file("snapshot");
    let mut command = quiet_check(file.parent().expect("its folder"));
    command.arg("--snapshot").arg(&file).args(["-o", "name"]);
    measure(
        &mut command,
        large.servers(),
        &[0, 3, 4],
        Output::ThrownAway,
    )
}

fn namespaces(bench: &Bench) -> Vec<String> {
    let cluster: &Cluster = bench.cluster();
    let names = cluster.kubectl(&["get", "namespaces", "-o", "name"]).ok();
    let names = names
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("namespace/"));
    names.map(str::to_owned).collect()
}
