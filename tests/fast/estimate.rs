//! How far the estimated time left is from the time that was left, over rollouts that were recorded or made: the table of
//! `docs/watch.md`.

use std::fmt::Write;
use std::fs;

use jiff::{SignedDuration, Timestamp};
use kubectl_upgrade::watch::estimate_remaining;

use crate::golden;

const PAGE: &str = "docs/watch.md";
const BEGIN: &str =
    "<!-- Made by `UPDATE=1 cargo test --test fast`: the table of estimates; do not edit. -->\n";
const END: &str = "<!-- The end of the table of estimates. -->\n";
/// Parts of the nodes that are done when an estimate is judged.
const QUARTERS: [usize; 3] = [1, 2, 3];

/// A rollout: when each node was done, in seconds since the first one began.
struct Rollout {
    name: &'static str,
    finished: Vec<f64>,
}

/// Numbers that look random and are the same in every run: xorshift64*.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Seconds within a tenth of `mean`.
    fn even(&mut self, mean: f64) -> f64 {
        mean * (0.9 + 0.2 * self.unit())
    }

    /// Seconds with a heavy tail: log-normal, with this median.
    fn heavy(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }
}

/// Nodes that are replaced some at a time, each as soon as one of the others is done.
fn pool(start: f64, nodes: usize, at_a_time: usize, mut seconds: impl FnMut() -> f64) -> Vec<f64> {
    let mut slots = vec![start; at_a_time];
    let mut finished = Vec::new();
    for _ in 0..nodes {
        slots.sort_by(f64::total_cmp);
        slots[0] += seconds();
        finished.push(slots[0]);
    }
    finished.sort_by(f64::total_cmp);
    finished
}

/// Nodes that are replaced in groups; the next one begins when all of a group are done.
fn groups(nodes: usize, size: usize, random: &mut Random) -> Vec<f64> {
    let mut start = 0.0;
    let mut finished: Vec<f64> = Vec::new();
    while finished.len() < nodes {
        start += random.even(240.0);
        let group = size.min(nodes - finished.len());
        finished.extend((0..group).map(|_| start + 3.0 * random.unit()));
    }
    finished.sort_by(f64::total_cmp);
    finished
}

/// The rollout of a recording of Cluster API, by the lines of its golden file: `07:12:27Z  1/8  machine … is gone`.
fn recorded(name: &'static str, file: &str) -> Rollout {
    let text = golden::in_repository(&format!("tests/fixtures/watch/{file}.txt"));
    let text = fs::read_to_string(text).expect("a golden file");
    let mut start = None;
    let mut finished = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let time = words.next().expect("a time").trim_end_matches('Z');
        let time = format!("2026-11-30T{time}Z")
            .parse::<Timestamp>()
            .expect("a time");
        let done = words
            .next()
            .and_then(|word| word.split('/').next()?.parse::<usize>().ok());
        if line.contains("is to run") {
            start = Some(time);
        }
        if let Some(start) = start
            && done.expect("a number") > finished.len()
        {
            finished.push(time.duration_since(start).as_secs_f64());
        }
    }
    Rollout { name, finished }
}

fn rollouts() -> Vec<Rollout> {
    let mut random = Random(20_261_130);
    let made = |name, finished| Rollout { name, finished };
    let even = pool(0.0, 40, 2, || random.even(120.0));
    let heavy = pool(0.0, 40, 1, || random.heavy(60.0, 1.0));
    let mut stalled = pool(0.0, 30, 1, || random.even(60.0));
    for time in &mut stalled[15..] {
        *time += 1800.0;
    }
    let mut pools = pool(0.0, 20, 2, || random.even(60.0));
    pools.extend(pool(pools[19], 20, 2, || random.even(180.0)));
    vec![
        made("40 even nodes, 2 at a time", even),
        made("40 nodes with heavy-tailed times", heavy),
        made("30 nodes, stalled for 30 minutes after the 15th", stalled),
        made("two pools of 20, the second three times slower", pools),
        made("40 nodes, surge of 4", groups(40, 4, &mut random)),
        made("6 nodes", pool(0.0, 6, 1, || random.heavy(120.0, 0.4))),
        made(
            "15 minutes of control plane, then 30 nodes",
            pool(900.0, 30, 1, || random.even(60.0)),
        ),
        recorded(
            "recorded: Cluster API, 3 + 5 machines, one minor",
            "cluster-api-v1beta1",
        ),
        recorded(
            "recorded: Cluster API, 3 + 5 machines, two minors in a chain",
            "cluster-api-chained",
        ),
    ]
}

/// What two estimators said at a time, in seconds.
struct Judged {
    left: f64,
    low: f64,
    high: f64,
    naive: f64,
}

impl Judged {
    fn error(&self) -> f64 {
        (f64::midpoint(self.low, self.high) - self.left).abs() / self.left
    }

    fn naive_error(&self) -> f64 {
        (self.naive - self.left).abs() / self.left
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::try_from_secs_f64(seconds).expect("a duration")
}

fn judge(rollout: &Rollout, done: usize) -> Judged {
    let total = rollout.finished.len();
    let now = rollout.finished[done - 1];
    let finished: Vec<Timestamp> = rollout.finished[..done]
        .iter()
        .map(|time| at(*time))
        .collect();
    let range = estimate_remaining(at(0.0), &finished, total - done, at(now)).expect("a basis");
    Judged {
        left: rollout.finished[total - 1] - now,
        low: range.low.as_secs_f64(),
        high: range.high.as_secs_f64(),
        naive: now / done as f64 * (total - done) as f64,
    }
}

fn minutes(seconds: f64) -> String {
    format!("{:.1}", seconds / 60.0)
}

fn table() -> String {
    let mut table = String::from(
        "| rollout | nodes done | minutes left | estimate | error of its middle | naive | error |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let (mut inside, mut worse, mut errors, mut naive_errors) = (0, 0, Vec::new(), Vec::new());
    for rollout in rollouts() {
        let total = rollout.finished.len();
        let mut quarters = QUARTERS
            .map(|quarter| (total * quarter).div_ceil(4).max(3))
            .to_vec();
        quarters.dedup();
        for done in quarters {
            let judged = judge(&rollout, done);
            let is_inside = (judged.low - 1.0..=judged.high + 1.0).contains(&judged.left);
            inside += usize::from(is_inside);
            worse += usize::from(judged.error() > judged.naive_error() + 0.05);
            errors.push(judged.error());
            naive_errors.push(judged.naive_error());
            writeln!(
                table,
                "| {} | {done} of {total} | {} | {} to {} | {:.0} % | {} | {:.0} % |",
                rollout.name,
                minutes(judged.left),
                minutes(judged.low),
                minutes(judged.high),
                100.0 * judged.error(),
                minutes(judged.naive),
                100.0 * judged.naive_error(),
            )
            .expect("memory");
        }
    }
    let mean = |errors: &[f64]| 100.0 * errors.iter().sum::<f64>() / errors.len() as f64;
    let rows = errors.len();
    assert!(
        mean(&errors) < mean(&naive_errors),
        "the naive estimator is better"
    );
    writeln!(
        table,
        "\nIn {inside} of {rows} rows the time left is within the range. The mean error of its middle is {:.0} %, that of the \
         naive estimator {:.0} %; the naive one is closer by more than 5 points in {worse} rows.",
        mean(&errors),
        mean(&naive_errors),
    )
    .expect("memory");
    table
}

#[test]
fn the_table_of_estimates() {
    let page = fs::read_to_string(golden::in_repository(PAGE)).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    golden::compare(PAGE, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

#[test]
fn the_end_of_an_even_rollout_does_not_jump_about() {
    let rollouts = rollouts();
    for rollout in rollouts
        .iter()
        .filter(|rollout| rollout.name.contains("even nodes"))
    {
        let total = rollout.finished.len();
        let ends: Vec<f64> = (total / 4..total)
            .map(|done| {
                let judged = judge(rollout, done);
                rollout.finished[done - 1] + f64::midpoint(judged.low, judged.high)
            })
            .collect();
        let end = rollout.finished[total - 1];
        for pair in ends.windows(2) {
            assert!((pair[1] - pair[0]).abs() < 0.1 * end, "{pair:?} of {end}");
        }
    }
}
