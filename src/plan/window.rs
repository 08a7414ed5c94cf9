//! Maintenance windows: when they open.
//!
//! `Sat 22:00-04:00 Europe/Berlin`: days, start and end time, time zone of the IANA database. Days are
//! `Mon` to `Sun`, `Mon-Fri`, `Sat,Sun`, `daily`, or a date such as `2026-12-05`. A window that ends before it begins ends on the next
//! day. Times are local: in the night of a clock change, a window is an hour longer or shorter.

use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How far ahead openings are computed.
const MAX_DAYS_AHEAD: i32 = 400;

const EXPECTED: &str = "expected DAYS HH:MM-HH:MM TIMEZONE, such as \"Sat 22:00-04:00 Europe/Berlin\"; DAYS is Mon to Sun, \
                        Mon-Fri, Sat,Sun, daily or a date";

/// Why a text is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; {EXPECTED}")]
pub struct ParseWindowError(String);

/// When disruptive and irreversible steps may run.
#[derive(Debug, Clone)]
pub struct Window {
    pub(super) text: String,
    days: WindowDays,
    opens: Time,
    closes: Time,
    zone: TimeZone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum WindowDays {
    Weekdays(Vec<Weekday>),
    Date(Date),
}

impl FromStr for Window {
    type Err = ParseWindowError;

    fn from_str(text: &str) -> Result<Self, ParseWindowError> {
        let wrong = |what: &str| ParseWindowError(format!("{what} in the window {text:?}"));
        let words: Vec<&str> = text.split_whitespace().collect();
        let [days, times, zone] = words[..] else {
            return Err(wrong("expected three words"));
        };
        let (opens, closes) = times
            .split_once('-')
            .ok_or_else(|| wrong("no - between times"))?;
        let time = |text: &str| parse_time(text).ok_or_else(|| wrong("no time HH:MM"));
        Ok(Self {
            text: text.to_owned(),
            days: parse_days(days).ok_or_else(|| wrong("no days"))?,
            opens: time(opens)?,
            closes: time(closes)?,
            zone: TimeZone::get(zone).map_err(|_| wrong("no known time zone"))?,
        })
    }
}

/// `22:00`; `24:00` is the end of the day.
fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<i8>().ok()).flatten()
    };
    match (two(hour)?, two(minute)?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

fn parse_days(text: &str) -> Option<WindowDays> {
    if let Ok(date) = text.parse::<Date>() {
        return Some(WindowDays::Date(date));
    }
    if text.eq_ignore_ascii_case("daily") {
        return Some(WindowDays::Weekdays(
            Weekday::Monday.cycle_forward().take(7).collect(),
        ));
    }
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let last = parse_weekday(last)?;
                let week = parse_weekday(first)?.cycle_forward().take(7);
                let count = week.clone().position(|day| day == last)? + 1;
                days.extend(week.take(count));
            }
            None => days.push(parse_weekday(part)?),
        }
    }
    Some(WindowDays::Weekdays(days))
}

fn parse_weekday(text: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = NAMES
        .iter()
        .position(|name| text.eq_ignore_ascii_case(name))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

impl Window {
    /// Its openings that are not over, in order, for somewhat more than a year. An opening that a clock change skips is left out.
    pub fn openings(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (-1..MAX_DAYS_AHEAD)
            .filter_map(move |days| today.checked_add(Span::new().days(days)).ok());
        days.filter(|day| self.is_open_on(*day))
            .filter_map(move |day| {
                let at = |day: Date, time: Time| {
                    let zoned = day.to_datetime(time).to_zoned(self.zone.clone());
                    zoned.ok().map(|zoned| zoned.timestamp())
                };
                let next = day.tomorrow().ok()?;
                let end = if self.closes <= self.opens { next } else { day };
                let (start, end) = (at(day, self.opens)?, at(end, self.closes)?);
                (end > now && start < end).then_some((start.max(now), end))
            })
    }

    fn is_open_on(&self, day: Date) -> bool {
        match &self.days {
            WindowDays::Weekdays(days) => days.contains(&day.weekday()),
            WindowDays::Date(date) => *date == day,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Window;

    fn now(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn openings(window: &str, at: &str, count: usize) -> Vec<String> {
        let window: Window = window.parse().expect("a window");
        let openings = window.openings(now(at)).take(count);
        openings
            .map(|(start, end)| format!("{start:.0} {end:.0}"))
            .collect()
    }

    #[test]
    fn windows_open_at_local_time() {
        // Berlin is an hour ahead of UTC in winter, two in summer.
        assert_eq!(
            openings("Sat 22:00-04:00 Europe/Berlin", "2026-01-01T00:00:00Z", 2),
            [
                "2026-01-03T21:00:00Z 2026-01-04T03:00:00Z",
                "2026-01-10T21:00:00Z 2026-01-11T03:00:00Z"
            ]
        );
        assert_eq!(
            openings("Mon-Tue,Sun 01:00-02:30 UTC", "2026-11-21T12:00:00Z", 4),
            [
                "2026-11-22T01:00:00Z 2026-11-22T02:30:00Z",
                "2026-11-23T01:00:00Z 2026-11-23T02:30:00Z",
                "2026-11-24T01:00:00Z 2026-11-24T02:30:00Z",
                "2026-11-29T01:00:00Z 2026-11-29T02:30:00Z"
            ]
        );
        assert_eq!(
            openings("2026-12-05 20:00-24:00 UTC", "2026-11-21T12:00:00Z", 9),
            ["2026-12-05T20:00:00Z 2026-12-06T00:00:00Z"]
        );
        assert!(openings("2026-11-20 20:00-24:00 UTC", "2026-11-21T12:00:00Z", 9).is_empty());
    }

    #[test]
    fn the_night_on_which_clocks_change_is_an_hour_longer_or_shorter() {
        let length = |at: &str| {
            let window: Window = "Sat 22:00-04:00 Europe/Berlin".parse().expect("a window");
            let (start, end) = window.openings(now(at)).next().expect("an opening");
            end.duration_since(start).as_hours()
        };
        assert_eq!(length("2026-03-23T00:00:00Z"), 5);
        assert_eq!(length("2026-10-19T00:00:00Z"), 7);
        assert_eq!(length("2026-06-01T00:00:00Z"), 6);
    }

    #[test]
    fn one_that_is_open_opens_now() {
        // It opened yesterday evening.
        assert_eq!(
            openings("Sat 22:00-04:00 UTC", "2026-11-22T01:30:00Z", 1),
            ["2026-11-22T01:30:00Z 2026-11-22T04:00:00Z"]
        );
    }

    #[test]
    fn parse_errors_give_the_reason() {
        for (text, why) in [
            ("Sat 22:00-04:00", "three words"),
            ("Sat 22:00 UTC", "no - between"),
            ("Sat 22-04 UTC", "no time"),
            ("Sat 25:00-26:00 UTC", "no time"),
            ("Samstag 22:00-04:00 UTC", "no days"),
            ("Sat 22:00-04:00 Europe/Bonn", "time zone"),
        ] {
            let error = text.parse::<Window>().expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
