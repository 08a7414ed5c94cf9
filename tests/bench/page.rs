//! The tables, on the terminal and in `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Settings;
use crate::measure::{Sample, Samples};
use crate::program::CHECK;
use crate::suite::Measured;
use crate::{fleet, watch};

const BEGIN: &str = "<!-- measured: begin (make bench writes what follows) -->";
const END: &str = "<!-- measured: end -->";
const MB: f64 = 1e6;

/// What was measured on, and the sizes of the binaries.
pub(crate) fn head(settings: &Settings) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "Scale {}, each measured {} times, alternating; medians, with least and most in brackets. Clients and servers \
         share {cores} cores ({model}), over loopback with TLS.\n\n",
        settings.scale, settings.runs
    );
    let target = Path::new(CHECK).parent().and_then(Path::parent);
    for (profile, file) in [
        ("release", Some(Path::new(CHECK).to_owned())),
        (
            "dist",
            target.map(|target| target.join("dist/kubectl-upgrade-check")),
        ),
    ] {
        if let Some(length) = file
            .and_then(|file| fs::metadata(file).ok())
            .map(|file| file.len())
        {
            let _ = writeln!(
                text,
                "The program built with profile `{profile}`: {:.1} MB.\n",
                length as f64 / MB
            );
        }
    }
    text
}

/// Trees of manifests.
pub(crate) fn files(of_sizes: &[(usize, Samples)]) -> String {
    let mut text = "### Manifests in a tree, `-f DIRECTORY --local`\n\n".to_owned();
    text +=
        "| files | wall, s | processor time, s | peak memory, MB |\n| --- | --- | --- | --- |\n";
    for (files, samples) in of_sizes {
        let _ = writeln!(
            text,
            "| {files} | {} | {:.2} | {:.0} |",
            wall(samples),
            samples.median(|s| s.client),
            samples.median(|s| s.peak) / MB,
        );
    }
    text.push('\n');
    text
}

/// Everything of one version.
pub(crate) fn section(m: &Measured) -> String {
    let mut text = format!("### API server {}\n\n", m.version);
    let count = |name: &str| m.report[name].as_array().map_or(0, Vec::len);
    let _ = writeln!(
        text,
        "{} findings, {} gaps; up to {} requests in flight. At rest the API server holds {:.1} GB, etcd {:.1} GB.\n",
        count("findings"),
        count("gaps"),
        m.parallel,
        m.resting.0 / 1e9,
        m.resting.1 / 1e9
    );
    clients(&mut text, m);
    wishes(&mut text, m);
    helm(&mut text, m);
    ways(&mut text, m);
    text
}

fn clients(text: &mut String, m: &Measured) {
    *text += "| | wall, s | client CPU, s | API server CPU, s | etcd CPU, s | peak memory, MB | requests | MB received |\n";
    *text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (name, samples, like) in [
        ("(a) bare download of the same", &m.bare, Some(&m.bare)),
        ("(b) `upgrade-check`", &m.check, Some(&m.bare)),
        ("(c) the same at a tenth", &m.tenth, None),
        ("(d) the usual way, thrown away", &m.usual, Some(&m.usual)),
        ("(b) another build", &m.beside, None),
    ] {
        if samples.0.is_empty() {
            continue;
        }
        let traffic = like.map(Samples::traffic).map_or_else(
            || "| | |".to_owned(),
            |(requests, bytes)| format!("| {requests} | {:.0} |", bytes as f64 / MB),
        );
        let _ = writeln!(
            text,
            "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.0} {traffic}",
            wall(samples),
            samples.median(|s| s.client),
            samples.median(|s| s.server),
            samples.median(|s| s.etcd),
            samples.median(|s| s.peak) / MB,
        );
    }
    text.push('\n');
}

fn wall(samples: &Samples) -> String {
    let (least, most) = samples.range(|s| s.seconds);
    format!(
        "{:.2} ({least:.2}–{most:.2})",
        samples.median(|s| s.seconds)
    )
}

/// What a figure ought to be.
enum Wish {
    AtLeast(f64),
    AtMost(f64),
}

/// Each figure beside what we want it to be.
fn wishes(text: &mut String, m: &Measured) {
    use Wish::{AtLeast, AtMost};
    let seconds: fn(&Sample) -> f64 = |s| s.seconds;
    let peak: fn(&Sample) -> f64 = |s| s.peak;
    let ratio = |over: &Samples, under: &Samples, of| over.median(of) / under.median(of);
    let rows = [
        (
            "b/a: beside a bare download",
            ratio(&m.check, &m.bare, seconds),
            "",
            AtMost(1.15),
        ),
        (
            "d/b: faster than the usual way",
            ratio(&m.usual, &m.check, seconds),
            "",
            AtLeast(4.0),
        ),
        (
            "time from (c) to (b), ten times the size",
            ratio(&m.check, &m.tenth, seconds),
            "",
            AtMost(10.0),
        ),
        (
            "memory from (c) to (b)",
            ratio(&m.check, &m.tenth, peak),
            "",
            AtMost(10.0),
        ),
        (
            "peak memory of (b)",
            m.check.median(peak) / MB,
            " MB",
            AtMost(200.0),
        ),
        (
            "a saved snapshot",
            m.snapshot_bytes as f64 / MB,
            " MB",
            AtMost(40.0),
        ),
        (
            "reading it back",
            m.snapshot.median(seconds),
            " s",
            AtMost(3.0),
        ),
        (
            "peak memory meanwhile",
            m.snapshot.median(peak) / MB,
            " MB",
            AtMost(200.0),
        ),
        (
            "`--version`",
            m.version_flag.median(seconds) * 1e3,
            " ms",
            AtMost(20.0),
        ),
    ];
    wish_table(text, &rows);
}

/// A row: the figure, its value, its unit, and the wish.
type WishRow = (&'static str, f64, &'static str, Wish);

fn wish_table(text: &mut String, rows: &[WishRow]) {
    *text += "| | measured | wish | met |\n| --- | --- | --- | --- |\n";
    for (name, value, unit, wish) in rows {
        let (sign, wish, met) = match wish {
            Wish::AtLeast(wish) => ('≥', wish, value >= wish),
            Wish::AtMost(wish) => ('≤', wish, value <= wish),
        };
        let met = if met { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "| {name} | {value:.2}{unit} | {sign} {wish}{unit} | {met} |"
        );
    }
    text.push('\n');
}

fn helm(text: &mut String, m: &Measured) {
    let (requests, bytes) = m.helm_bare.traffic();
    let (bare, check) = (
        m.helm_bare.median(|s| s.client),
        m.helm_check.median(|s| s.client),
    );
    let _ = writeln!(
        text,
        "Helm's records: {requests} requests, {:.1} MB. Downloading them takes a client {bare:.2} s of processor time; \
         `--only helm-pending`, which unpacks and parses those that are deployed and looks at little else, {check:.2} s \
         ({} s of wall time beside {} s).\n",
        bytes as f64 / MB,
        wall(&m.helm_check),
        wall(&m.helm_bare)
    );
}

fn ways(text: &mut String, m: &Measured) {
    *text += "Ways to read all pods and nodes, thrown away:\n\n";
    *text += "| | wall, s | MB | requests | client CPU, s | API server CPU, s | etcd CPU, s | API server grows by, MB |\n";
    *text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (name, samples) in &m.ways {
        let (requests, bytes) = samples.traffic();
        let _ = writeln!(
            text,
            "| {name} | {} | {:.0} | {requests} | {:.2} | {:.2} | {:.2} | {:.0} |",
            wall(samples),
            bytes as f64 / MB,
            samples.median(|s| s.client),
            samples.median(|s| s.server),
            samples.median(|s| s.etcd),
            samples.median(|s| s.growth) / MB,
        );
    }
    text.push('\n');
}

/// `upgrade-watch` beside informers.
pub(crate) fn watch(m: &watch::Measured) -> String {
    let seconds: fn(&Sample) -> f64 = |s| s.seconds;
    let mut text = "### `upgrade-watch` beside client-go's shared informers\n\n".to_owned();
    let _ = writeln!(
        text,
        "One node a second is upgraded and the pods of ten other nodes are deleted, for {} s. The informers keep nodes, pods \
         and warning events.\n",
        m.seconds
    );
    text +=
        "| | ready after, s | processor time, s | peak memory, MB |\n| --- | --- | --- | --- |\n";
    for (name, client) in [("informers", &m.informers), ("`upgrade-watch`", &m.watch)] {
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:.2} | {:.0} |",
            client.ready_seconds,
            client.cpu_seconds,
            client.peak_bytes / MB
        );
    }
    let percentile = |share: f64| {
        let index = (m.latencies.len() as f64 * share).ceil() as usize;
        let latency = m
            .latencies
            .get(index.saturating_sub(1))
            .or(m.latencies.last());
        latency.copied().unwrap_or(f64::NAN)
    };
    let (start, end) = (m.recording.0 as f64, m.recording.1 as f64);
    let per_day = start + (end - start) / m.seconds as f64 * 86_400.0;
    let _ = writeln!(
        text,
        "\nA line follows its change after {:.3} s (median), {:.3} s at most; {} of {} changes had no line. `--once` takes {} s, a \
         bare download of the same lists {} s.\n",
        percentile(0.5),
        percentile(1.0),
        m.lost,
        m.latencies.len() + m.lost,
        wall(&m.once),
        wall(&m.bare),
    );
    let rows = [
        (
            "memory beside informers",
            m.watch.peak_bytes / m.informers.peak_bytes,
            "",
            Wish::AtMost(0.05),
        ),
        (
            "processor time beside informers",
            m.watch.cpu_seconds / m.informers.cpu_seconds,
            "",
            Wish::AtMost(0.2),
        ),
        (
            "first picture beside a bare download",
            m.once.median(seconds) / m.bare.median(seconds),
            "",
            Wish::AtMost(1.15),
        ),
        (
            "change to line, 99th percentile",
            percentile(0.99),
            " s",
            Wish::AtMost(1.0),
        ),
        (
            "a day of this, recorded",
            per_day / MB,
            " MB",
            Wish::AtMost(50.0),
        ),
    ];
    wish_table(&mut text, &rows);
    text
}

/// Many clusters in one run.
pub(crate) fn fleet(m: &fleet::Measured) -> String {
    let mut text = format!("### {} clusters in one run, `--contexts`\n\n", m.clusters);
    let _ = writeln!(
        text,
        "Contexts that share {} API servers with {} nodes each, every one behind a connection with a delay of 20 ms on each \
         way; {} clusters at a time.\n",
        m.servers,
        m.nodes,
        fleet::BOUND
    );
    text += "| | wall, s | client CPU, s | peak memory, MB |\n| --- | --- | --- | --- |\n";
    let alone = m
        .alone
        .iter()
        .map(|samples| ("one cluster".to_owned(), samples));
    let several = [
        (format!("{} clusters", fleet::FEW), &m.few),
        (format!("{} clusters", m.clusters), &m.all),
    ];
    for (name, samples) in alone.chain(several) {
        let _ = writeln!(
            text,
            "| {name} | {} | {:.2} | {:.0} |",
            wall(samples),
            samples.median(|s| s.client),
            samples.median(|s| s.peak) / MB,
        );
    }
    text.push('\n');
    let rows = [
        (
            "all clusters beside 1.3 × the slowest and a quarter of the others",
            m.all.median(|s| s.seconds) / m.allowance(),
            "",
            Wish::AtMost(1.0),
        ),
        (
            "memory beside a run over four",
            m.all.median(|s| s.peak) / m.few.median(|s| s.peak),
            "",
            Wish::AtMost(2.0),
        ),
    ];
    wish_table(&mut text, &rows);
    text
}

/// The page before and between its markers, and behind them.
fn parts(path: &Path) -> (String, String, String) {
    let page = fs::read_to_string(path).unwrap_or_else(|_| format!("{BEGIN}\n{END}\n"));
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has the first marker");
    let (tables, after) = rest
        .split_once(END)
        .expect("the page has the second marker");
    (
        before.to_owned(),
        tables.trim().to_owned(),
        after.to_owned(),
    )
}

/// Puts one section, which begins with its heading, in the place of that with the same last words, or behind all others.
pub(crate) fn write_section(path: &Path, section: &str) {
    const HEADING: &str = "\n### ";
    let kind = |text: &str| {
        let heading = text.lines().next().unwrap_or_default();
        heading
            .trim_start_matches(|letter: char| !letter.is_alphabetic())
            .to_owned()
    };
    let (_, tables, _) = parts(path);
    let mut sections: Vec<String> = tables.split(HEADING).map(str::to_owned).collect();
    sections.retain(|old| kind(old) != kind(section));
    let new = section.trim().trim_start_matches(HEADING.trim_start());
    sections.push(new.to_owned());
    let sections: Vec<&str> = sections.iter().map(|one| one.trim_end()).collect();
    write(path, &sections.join(&format!("\n{HEADING}")));
}

/// Puts the tables between the markers of the page, and leaves the prose around them.
pub(crate) fn write(path: &Path, tables: &str) {
    let (before, _, after) = parts(path);
    let page = format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables.trim_end());
    fs::write(path, page).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
