//! How far the clock of the API server is from the local one.

use std::sync::OnceLock;

use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use super::http_date::parse_date_header;

/// Smaller differences are ignored: the ages judged by the clock are hours at least.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The difference of the clocks, measured on the first response that has a date.
#[derive(Debug, Default)]
pub(super) struct ClockSkew(OnceLock<SignedDuration>);

impl ClockSkew {
    /// Compares the clocks by the headers of a response to a request that was sent at `sent_at`.
    pub(super) fn record(&self, sent_at: Timestamp, headers: &HeaderMap) {
        if let Some(date) = parse_date_header(headers, header::DATE) {
            let _ = self.0.set(skew_between(sent_at, date, Timestamp::now()));
        }
    }

    /// How far the API server's clock is ahead, negative if it is behind; `None` if the difference is small or unknown.
    pub(super) fn get(&self) -> Option<SignedDuration> {
        let skew = self.0.get().copied()?;
        (skew.abs() > MAX_CLOCK_SKEW).then_some(skew)
    }
}

/// The server dated its response between request and arrival; what lies outside is skew.
fn skew_between(sent_at: Timestamp, date: Timestamp, arrived_at: Timestamp) -> SignedDuration {
    if date > arrived_at {
        date.duration_since(arrived_at)
    } else if date < sent_at {
        date.duration_since(sent_at)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::skew_between;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_slow_response_is_no_skew() {
        let (sent, arrived) = (time("2026-01-01T10:00:00Z"), time("2026-01-01T10:30:00Z"));
        for (date, hours) in [
            ("2026-01-01T10:00:00Z", 0),
            ("2026-01-01T10:29:59Z", 0),
            ("2026-01-01T12:30:00Z", 2),
            ("2026-01-01T08:00:00Z", -2),
        ] {
            let expected = SignedDuration::from_hours(hours);
            assert_eq!(skew_between(sent, time(date), arrived), expected, "{date}");
        }
    }
}
