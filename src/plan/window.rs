//! Maintenance windows: when they open, and which steps fit into them.
//!
//! `Sat 22:00-04:00 Europe/Berlin`: days, a time of the day to begin and one to end, a time zone of the IANA database. Days are
//! `Mon` to `Sun`, `Mon-Fri`, `Sat,Sun`, `daily`, or a date as `2026-12-05`. A window that ends before it begins ends on the next
//! day. Times are those of clocks on the wall: when clocks change at night, a window is an hour longer or shorter.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::{Level, State, Step};

/// So far ahead windows are looked for.
const DAYS: i32 = 400;

const EXPECTED: &str = "expected DAYS HH:MM-HH:MM TIMEZONE, such as \"Sat 22:00-04:00 Europe/Berlin\"; DAYS is Mon to Sun, \
                        Mon-Fri, Sat,Sun, daily or a date";

/// A text that is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; {EXPECTED}")]
pub struct NotAWindow(String);

/// When steps may run that interrupt somebody or that no way leads back from.
#[derive(Debug, Clone)]
pub struct Window {
    text: String,
    days: Days,
    opens: Time,
    closes: Time,
    zone: TimeZone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    Weekdays(Vec<Weekday>),
    Date(Date),
}

/// One opening of a window, with the steps that are planned for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The window as it was asked for.
    pub window: String,
    /// When it opens; now, where it is open already.
    pub start: Timestamp,
    /// When it closes.
    pub end: Timestamp,
    /// Ids, in order; steps of which it is not known how long they take at most stand in it with what they take at least.
    pub steps: Vec<String>,
}

/// What comes of putting steps into windows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Those openings that are used, in order.
    pub slots: Vec<Slot>,
    /// Ids of steps that fit into no opening that is left.
    pub misfits: Vec<String>,
}

impl FromStr for Window {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Self, NotAWindow> {
        let wrong = |what: &str| NotAWindow(format!("{what} in the window {text:?}"));
        let words: Vec<&str> = text.split_whitespace().collect();
        let [days, times, zone] = words[..] else {
            return Err(wrong("there are not three words"));
        };
        let (opens, closes) = times
            .split_once('-')
            .ok_or_else(|| wrong("no - between times"))?;
        let time = |text: &str| clock(text).ok_or_else(|| wrong("no time HH:MM"));
        Ok(Self {
            text: text.to_owned(),
            days: days_of(days).ok_or_else(|| wrong("no days"))?,
            opens: time(opens)?,
            closes: time(closes)?,
            zone: TimeZone::get(zone).map_err(|_| wrong("no known time zone"))?,
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `22:00`; `24:00` is the end of the day.
fn clock(text: &str) -> Option<Time> {
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

fn days_of(text: &str) -> Option<Days> {
    if let Ok(date) = text.parse::<Date>() {
        return Some(Days::Date(date));
    }
    if text.eq_ignore_ascii_case("daily") {
        return Some(Days::Weekdays(
            Weekday::Monday.cycle_forward().take(7).collect(),
        ));
    }
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let last = weekday(last)?;
                let week = weekday(first)?.cycle_forward().take(7);
                let count = week.clone().position(|day| day == last)? + 1;
                days.extend(week.take(count));
            }
            None => days.push(weekday(part)?),
        }
    }
    Some(Days::Weekdays(days))
}

fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = NAMES
        .iter()
        .position(|name| text.eq_ignore_ascii_case(name))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

impl Window {
    /// Its openings that are not over, in order, for somewhat more than a year. An opening that clocks skip is not one.
    pub fn openings(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let today = now.to_zoned(self.zone.clone()).date();
        let days =
            (-1..DAYS).filter_map(move |days| today.checked_add(Span::new().days(days)).ok());
        days.filter(|day| self.is_on(*day)).filter_map(move |day| {
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

    fn is_on(&self, day: Date) -> bool {
        match &self.days {
            Days::Weekdays(days) => days.contains(&day.weekday()),
            Days::Date(date) => *date == day,
        }
    }
}

/// Puts what is left of the steps into the next openings, in their order, each as early as it can be. Only steps that interrupt
/// somebody, or from which no way leads back, need one; workers of a pool go side by side, so many at a time.
#[must_use]
pub(super) fn schedule(
    steps: &[Step],
    windows: &[Window],
    parallel: u32,
    now: Timestamp,
) -> Schedule {
    let mut openings: Vec<(Timestamp, Timestamp, &str)> = windows
        .iter()
        .flat_map(|window| {
            let text = window.text.as_str();
            window
                .openings(now)
                .map(move |(start, end)| (start, end, text))
        })
        .collect();
    openings.sort();
    let mut schedule = Schedule::default();
    // The opening that is being filled, and up to when it is.
    let mut current = 0;
    let mut free = now;
    for group in groups(steps, parallel) {
        let seconds = group.iter().map(|step| length(step)).max().unwrap_or(0);
        let ids = group.iter().map(|step| step.id.clone());
        let fits = |&at: &usize| {
            let (start, end, _) = openings[at];
            end.duration_since(free.max(start)).as_secs() >= seconds
        };
        let Some(at) = (current..openings.len()).find(fits) else {
            schedule.misfits.extend(ids);
            continue;
        };
        let (start, end, text) = openings[at];
        current = at;
        free = free.max(start) + Span::new().seconds(seconds);
        let slot = schedule.slots.last_mut();
        match slot.filter(|slot| (slot.start, slot.end) == (start, end)) {
            Some(slot) => slot.steps.extend(ids),
            None => schedule.slots.push(Slot {
                window: text.to_owned(),
                start,
                end,
                steps: ids.collect(),
            }),
        }
    }
    schedule
}

fn length(step: &Step) -> i64 {
    let seconds = step.takes.high.or(step.takes.low).unwrap_or(0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn needs_one(step: &Step) -> bool {
    step.state != State::Done && (!step.interrupts.is_empty() || !step.reversible)
}

/// Steps that go side by side.
fn groups(steps: &[Step], parallel: u32) -> Vec<Vec<&Step>> {
    let parallel = usize::try_from(parallel).unwrap_or(usize::MAX).max(1);
    let mut groups: Vec<Vec<&Step>> = Vec::new();
    for step in steps.iter().filter(|step| needs_one(step)) {
        let together = |group: &&mut Vec<&Step>| {
            let is_worker = step.scope.level == Level::Node && step.scope.pool.is_some();
            is_worker
                && group.len() < parallel
                && group.first().is_some_and(|first| {
                    first.scope.level == Level::Node
                        && first.scope.pool == step.scope.pool
                        && first.hop == step.hop
                })
        };
        match groups.last_mut().filter(together) {
            Some(group) => group.push(step),
            None => groups.push(vec![step]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Window, schedule};
    use crate::path::HopRef;
    use crate::plan::{Level, Scope, State, Step, Takes};
    use crate::progress::Condition;

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
    fn windows_open_by_the_clock_on_the_wall() {
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
    fn what_is_no_window_says_why() {
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

    fn step(id: &str, high: Option<u64>, pool: Option<&str>) -> Step {
        Step {
            id: id.to_owned(),
            hop: HopRef {
                platform: "kubernetes".to_owned(),
                to: "1.25".to_owned(),
            },
            scope: Scope {
                level: Level::Node,
                name: id.to_owned(),
                pool: pool.map(str::to_owned),
            },
            title: id.to_owned(),
            state: State::Todo,
            progress: None,
            commands: Vec::new(),
            gates: Vec::new(),
            done_when: Condition::ByHand,
            takes: Takes {
                low: Some(60),
                high,
                basis: String::new(),
            },
            interrupts: vec!["somebody".to_owned()],
            reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    fn told(steps: &[Step], parallel: u32) -> (Vec<String>, Vec<String>) {
        let windows = ["Sat 22:00-00:00 UTC".parse().expect("a window")];
        let found = schedule(steps, &windows, parallel, now("2026-11-21T12:00:00Z"));
        let slots = found.slots.iter();
        let slots =
            slots.map(|slot| format!("{}: {}", slot.start.strftime("%d"), slot.steps.join(" ")));
        (slots.collect(), found.misfits)
    }

    #[test]
    fn steps_fill_windows_in_their_order() {
        let hour = Some(3600);
        let steps = [
            step("a", hour, None),
            step("b", hour, None),
            step("c", Some(4 * 3600), None),
            step("d", Some(5400), None),
            step("e", None, None),
        ];
        let (slots, misfits) = told(&steps, 1);
        assert_eq!(slots, ["21: a b", "28: d e"]);
        assert_eq!(misfits, ["c"]);
    }

    #[test]
    fn no_step_is_lost_and_no_two_run_at_a_time() {
        let at = now("2026-11-21T12:00:00Z");
        let window = |text: &str| text.parse::<Window>().expect("a window");
        let hours = |id: &str, hours: u64| step(id, Some(hours * 3600), None);
        // The only opening is used up by then, though it was long enough.
        let once = [window("2026-11-21 20:00-24:00 UTC")];
        let found = schedule(&[hours("a", 2), hours("b", 3), hours("c", 2)], &once, 1, at);
        assert_eq!(
            (found.slots.len(), found.slots[0].steps.join(" ")),
            (1, "a c".to_owned())
        );
        assert_eq!(found.misfits, ["b"]);
        // Where windows overlap, the second begins when the step before it ends.
        let both = [
            window("2026-11-21 20:00-23:00 UTC"),
            window("2026-11-21 21:00-24:00 UTC"),
        ];
        let found = schedule(&[hours("a", 2), hours("b", 2), hours("c", 1)], &both, 1, at);
        let told: Vec<String> = found
            .slots
            .iter()
            .map(|slot| slot.steps.join(" "))
            .collect();
        assert_eq!(
            (told, found.misfits),
            (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()])
        );
    }

    #[test]
    fn workers_of_a_pool_go_side_by_side() {
        let hour = Some(3600);
        let workers: Vec<Step> = ["a", "b", "c", "d"]
            .map(|name| step(name, hour, Some("pool")))
            .into();
        assert_eq!(told(&workers, 1).0, ["21: a b", "28: c d"]);
        assert_eq!(told(&workers, 2).0, ["21: a b c d"]);
    }

    #[test]
    fn what_interrupts_nobody_needs_no_window() {
        let mut quiet = step("quiet", Some(9 * 3600), None);
        quiet.interrupts.clear();
        let mut done = step("done", Some(9 * 3600), None);
        done.state = State::Done;
        assert_eq!(told(&[quiet, done], 1), (vec![], vec![]));
    }
}
