//! The remaining time of an upgrade, from its own finished nodes.

use jiff::{SignedDuration, Timestamp};

/// Finished nodes before there is an estimate: with fewer, one slow node decides it.
const MIN_FINISHED: usize = 3;
/// Nodes that finish within this part of the mean interval are one burst: they were upgraded together.
const BURST_GAP: f64 = 0.2;
/// A burst counts at most as long as this many medians: a stall says little about the nodes after it.
const MAX_MEDIANS: f64 = 6.0;
/// The first burst is left out from this many medians of the others: it holds what came before the nodes.
const MAX_FIRST_MEDIANS: f64 = 2.5;
/// The latest bursts that also count by themselves, or half of all: the pool at hand may be slower than those before it.
const RECENT_BURSTS: usize = 8;
/// How many standard deviations the ends are from the mean: four of five upgrades of even nodes end in between.
const DEVIATIONS: f64 = 1.3;

/// A range of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemainingTime {
    /// If the remaining nodes take as long as the faster ones did.
    pub low: SignedDuration,
    /// If they take as long as the slower ones did, and as long again as the current silence is unusual.
    pub high: SignedDuration,
    /// How many finished nodes it rests on.
    pub finished: usize,
    /// How long these took altogether.
    pub elapsed: SignedDuration,
}

/// Nodes that finished together, and the time since the ones before.
#[derive(Debug, Clone, Copy)]
struct Burst {
    seconds: f64,
    nodes: f64,
}

/// Estimates the time that `remaining` nodes take.
///
/// `started_at` is when the first node began, `finished` when each node was done, in order. What counts is the time between
/// finished nodes, which includes how many are upgraded at a time. The mean time of all and of the latest ones, whichever is
/// shorter and longer, with the spread that the sum of the remaining ones has, are the ends of the range. Neither end shrinks
/// because nothing happens.
#[must_use]
pub fn estimate_remaining(
    started_at: Timestamp,
    finished: &[Timestamp],
    remaining: usize,
    now: Timestamp,
) -> Option<RemainingTime> {
    let last = *finished.last()?;
    if finished.len() < MIN_FINISHED || remaining == 0 {
        return None;
    }
    let bursts = bursts(started_at, finished);
    if matches!(bursts[..], [Burst { seconds, .. }] if seconds < 1.0) {
        // They were all seen at once: how long they took is unknown.
        return None;
    }
    let count = bursts.len() as f64;
    let nodes = bursts.iter().map(|burst| burst.nodes).sum::<f64>() / count;
    // The bursts that are left, if these have as many nodes.
    let left = remaining as f64 / nodes;
    let all = seconds_per_node(&bursts) * nodes;
    let recent = bursts.len()
        - RECENT_BURSTS
            .max(bursts.len().div_ceil(2))
            .min(bursts.len());
    let recent = seconds_per_node(&bursts[recent..]) * nodes;
    // Of the sum of what is left, and of the mean itself, which rests on few bursts.
    let spread = deviation(&bursts) * (left + left * left / count).sqrt() * (1.0 + 1.0 / count);
    let fastest = bursts
        .iter()
        .map(|burst| burst.seconds)
        .fold(f64::INFINITY, f64::min);
    let low = all.min(recent) * left - DEVIATIONS * spread;
    let high = all.max(recent) * left + DEVIATIONS * spread;
    let silence = now.duration_since(last).as_secs_f64();
    Some(RemainingTime {
        low: whole_seconds(low.max(fastest * left)),
        high: whole_seconds(high + (silence - all).max(0.0)),
        finished: finished.len(),
        elapsed: last.duration_since(started_at),
    })
}

/// The bursts, without a first one that is too long and a last one that may be incomplete, and none longer than some medians.
fn bursts(started_at: Timestamp, finished: &[Timestamp]) -> Vec<Burst> {
    let starts = std::iter::once(&started_at).chain(finished);
    let intervals = starts.zip(finished);
    let intervals: Vec<f64> = intervals
        .map(|(from, to)| to.duration_since(*from).as_secs_f64().max(0.0))
        .collect();
    let between = &intervals[1..];
    let gap = BURST_GAP * between.iter().sum::<f64>() / between.len() as f64;
    let mut bursts: Vec<Burst> = Vec::new();
    for seconds in intervals {
        match bursts.last_mut() {
            Some(burst) if seconds < gap => {
                burst.seconds += seconds;
                burst.nodes += 1.0;
            }
            _ => bursts.push(Burst {
                seconds,
                nodes: 1.0,
            }),
        }
    }
    if bursts.len() > 2 && bursts[0].seconds > MAX_FIRST_MEDIANS * median(&bursts[1..]) {
        bursts.remove(0);
    }
    if let [others @ .., last] = bursts.as_slice()
        && others.len() > 1
        && last.nodes < others.iter().map(|burst| burst.nodes).sum::<f64>() / others.len() as f64
    {
        bursts.pop();
    }
    let longest = MAX_MEDIANS * median(&bursts);
    for burst in &mut bursts {
        burst.seconds = burst.seconds.min(longest);
    }
    bursts
}

fn median(bursts: &[Burst]) -> f64 {
    let mut seconds: Vec<f64> = bursts.iter().map(|burst| burst.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    match seconds.len() % 2 {
        0 => f64::midpoint(seconds[middle - 1], seconds[middle]),
        _ => seconds[middle],
    }
}

fn seconds_per_node(bursts: &[Burst]) -> f64 {
    let sum = |value: fn(&Burst) -> f64| bursts.iter().map(value).sum::<f64>();
    sum(|burst| burst.seconds) / sum(|burst| burst.nodes)
}

/// The standard deviation of the durations.
fn deviation(bursts: &[Burst]) -> f64 {
    let mean = bursts.iter().map(|burst| burst.seconds).sum::<f64>() / bursts.len() as f64;
    let squares = bursts.iter().map(|burst| (burst.seconds - mean).powi(2));
    (squares.sum::<f64>() / (bursts.len().max(2) - 1) as f64).sqrt()
}

fn whole_seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_secs(seconds.round() as i64)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{RemainingTime, estimate_remaining};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn estimate(finished: &[i64], remaining: usize, now: i64) -> Option<RemainingTime> {
        let finished: Vec<Timestamp> = finished.iter().map(|seconds| at(*seconds)).collect();
        estimate_remaining(at(0), &finished, remaining, at(now))
    }

    #[test]
    fn there_is_none_before_three_nodes_are_done_and_after_the_last() {
        assert_eq!(estimate(&[], 5, 60), None);
        assert_eq!(estimate(&[60, 120], 5, 120), None);
        assert!(estimate(&[60, 120, 180], 5, 180).is_some());
        assert_eq!(estimate(&[60, 120, 180], 0, 180), None);
    }

    #[test]
    fn equal_nodes_give_a_narrow_range() {
        let range = estimate(&[60, 120, 180, 240], 10, 240).expect("an estimate");
        assert_eq!(range.low, SignedDuration::from_mins(10));
        assert_eq!(range.high, SignedDuration::from_mins(10));
        assert_eq!(range.elapsed, SignedDuration::from_mins(4));
    }

    #[test]
    fn a_slow_node_widens_the_range_upwards_only() {
        let range = estimate(&[60, 120, 180, 900], 10, 900).expect("an estimate");
        assert_eq!(range.low, SignedDuration::from_mins(10));
        assert!(range.high > SignedDuration::from_mins(37), "{range:?}");
    }

    #[test]
    fn nodes_that_are_upgraded_together_count_together() {
        let range = estimate(&[60, 60, 60, 60, 120, 121, 121, 121], 8, 121).expect("an estimate");
        assert!(range.low >= SignedDuration::from_secs(119), "{range:?}");
        assert!(range.high <= SignedDuration::from_secs(124), "{range:?}");
    }

    #[test]
    fn what_came_before_the_nodes_does_not_count() {
        let range = estimate(&[960, 1020, 1080, 1140], 10, 1140).expect("an estimate");
        assert_eq!(
            (range.low, range.high),
            (SignedDuration::from_mins(10), SignedDuration::from_mins(10))
        );
    }

    #[test]
    fn a_pool_that_is_slower_raises_the_high_end() {
        let finished: Vec<i64> = (1..=12)
            .map(|number| 60 * number)
            .chain((1..=8).map(|number| 720 + 180 * number))
            .collect();
        let range = estimate(&finished, 10, 2160).expect("an estimate");
        assert!(range.high > SignedDuration::from_mins(30), "{range:?}");
    }

    #[test]
    fn silence_never_shortens_it() {
        let mut before = estimate(&[60, 120, 180, 240], 4, 240).expect("an estimate");
        for now in [260, 300, 400, 2000] {
            let range = estimate(&[60, 120, 180, 240], 4, now).expect("an estimate");
            assert!(
                range.low >= before.low && range.high >= before.high,
                "{now}: {range:?}"
            );
            before = range;
        }
    }
}
