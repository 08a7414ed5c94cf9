//! The remaining time of an upgrade, from its own finished nodes.

use jiff::{SignedDuration, Timestamp};

/// Finished nodes before there is an estimate: with fewer, one slow node decides it.
const MIN_FINISHED: usize = 3;
/// Of the intervals between finished nodes, how many the low end leaves out at the top: a tenth, and at least one.
const TRIMMED_FRACTION: usize = 10;

/// A range of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeft {
    /// If the remaining nodes take as long as most nodes took.
    pub low: SignedDuration,
    /// If they take as long as all nodes took on average, with as many slow ones among them, and as long again as the current
    /// silence.
    pub high: SignedDuration,
    /// How many finished nodes it rests on.
    pub finished: usize,
    /// How long these took altogether.
    pub elapsed: SignedDuration,
}

/// Estimates the time that `remaining` nodes take.
///
/// `started_at` is when the first node began, `finished` when each node was done, in order. The intervals between finished
/// nodes include how many are upgraded at a time. The low end is their mean without the longest ones; the high end the mean
/// of all, or of all with the time since the last finished node as another one, and twice the standard error. Neither end
/// shrinks because nothing happens.
#[must_use]
pub fn estimate_remaining(
    started_at: Timestamp,
    finished: &[Timestamp],
    remaining: usize,
    now: Timestamp,
) -> Option<TimeLeft> {
    let last = *finished.last()?;
    if finished.len() < MIN_FINISHED || remaining == 0 {
        return None;
    }
    let starts = std::iter::once(&started_at).chain(finished);
    let intervals = starts.zip(finished);
    let mut seconds: Vec<f64> = intervals
        .map(|(from, to)| to.duration_since(*from).as_secs_f64().max(0.0))
        .collect();
    let silence = now.duration_since(last).as_secs_f64().max(0.0);
    seconds.sort_by(f64::total_cmp);
    let trimmed = seconds.len() - (seconds.len() / TRIMMED_FRACTION).max(1);
    let low = mean(&seconds[..trimmed]);
    if silence > mean(&seconds) {
        seconds.push(silence);
    }
    let average = mean(&seconds);
    let count = remaining as f64;
    // The standard deviation of the sum of `remaining` intervals.
    let spread = deviation(&seconds, average) * count.sqrt();
    Some(TimeLeft {
        low: whole_seconds(low * count),
        high: whole_seconds(average * count + 2.0 * spread),
        finished: finished.len(),
        elapsed: last.duration_since(started_at),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / (values.len().max(2) - 1) as f64).sqrt()
}

fn whole_seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_secs(seconds.round() as i64)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{TimeLeft, estimate_remaining};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn estimate(finished: &[i64], remaining: usize, now: i64) -> Option<TimeLeft> {
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
