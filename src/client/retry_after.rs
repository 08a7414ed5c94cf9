//! The `Retry-After` header.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;

use super::http_date::parse_date_header;

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long the server asks the client to wait: seconds, or a date in the future.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // By the clock that wrote the date, if the response has it.
            let now = parse_date_header(headers, header::DATE).unwrap_or(now);
            let until =
                parse_date_header(headers, header::RETRY_AFTER).filter(|until| *until > now)?;
            until.duration_since(now).unsigned_abs()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};

    use super::retry_after;

    #[test]
    fn a_wait_is_a_number_of_seconds_or_a_date_in_the_future() {
        let now = "2026-11-21T10:00:00Z".parse().expect("a time");
        let asked = |after: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(after));
            if let Some(date) = date {
                headers.insert(header::DATE, HeaderValue::from_static(date));
            }
            retry_after(&headers, now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked("7", None), seconds(7));
        assert_eq!(asked("3600", None), seconds(30), "bounded");
        assert_eq!(asked("Sat, 21 Nov 2026 10:00:07 GMT", None), seconds(7));
        assert_eq!(asked("Sat, 21 Nov 2026 11:00:00 GMT", None), seconds(30));
        // No time to come back at.
        assert_eq!(asked("Sat, 21 Nov 2026 09:59:59 GMT", None), None);
        assert_eq!(asked("-1", None), None);
        assert_eq!(asked("soon", None), None);
        // A server whose clock is two hours ahead does not mean two hours.
        let date = Some("Sat, 21 Nov 2026 12:00:00 GMT");
        assert_eq!(asked("Sat, 21 Nov 2026 12:00:07 GMT", date), seconds(7));
        assert_eq!(asked("Sat, 21 Nov 2026 11:00:00 GMT", date), None);
        assert_eq!(asked("7", date), seconds(7));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
