//! Which steps go into which opening of the maintenance windows.

use jiff::{Span, Timestamp};

use super::step::{ScopeLevel, Step, StepState};
use super::window::Window;

/// One opening of a window, with the steps scheduled for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSlot {
    /// The window as given.
    pub window: String,
    /// When it opens; the time of the plan if it is open already.
    pub start: Timestamp,
    /// When it closes.
    pub end: Timestamp,
    /// Step ids in order.
    pub steps: Vec<String>,
    /// Whether the steps are known to fit: false if any of them has no known maximum duration.
    pub is_proven: bool,
}

/// Steps by maintenance window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The openings that are used, in order.
    pub slots: Vec<WindowSlot>,
    /// Ids of steps that fit into none of the remaining openings.
    pub unscheduled: Vec<String>,
}

/// Puts the remaining disruptive or irreversible steps into openings, in order and as early as possible. Up to `parallel` workers
/// of a pool share one place. A step without a known maximum takes its minimum, or no time, and makes its slot unproven.
#[must_use]
pub(super) fn schedule_steps(
    steps: &[Step],
    windows: &[Window],
    parallel: u32,
    now: Timestamp,
) -> Schedule {
    let openings = windows.iter().flat_map(|window| {
        let openings = window.openings(now);
        openings.map(|(start, end)| (start, end, window.text.as_str()))
    });
    let mut openings: Vec<(Timestamp, Timestamp, &str)> = openings.collect();
    openings.sort();
    let mut schedule = Schedule::default();
    // The opening that is being filled, and when its last step ends.
    let mut current = 0;
    let mut busy_until = now;
    for group in parallel_groups(steps, parallel) {
        let seconds = group.iter().map(|step| assumed_seconds(step)).max();
        let seconds = seconds.unwrap_or(0);
        let is_proven = group.iter().all(|step| step.duration.max_seconds.is_some());
        let ids = group.iter().map(|step| step.id.clone());
        let fits = |&index: &usize| {
            let (start, end, _) = openings[index];
            end.duration_since(busy_until.max(start)).as_secs() >= seconds
        };
        let Some(index) = (current..openings.len()).find(fits) else {
            schedule.unscheduled.extend(ids);
            continue;
        };
        let (start, end, window) = openings[index];
        current = index;
        busy_until = busy_until.max(start) + Span::new().seconds(seconds);
        let slot = schedule.slots.last_mut();
        match slot.filter(|slot| (slot.start, slot.end) == (start, end)) {
            Some(slot) => {
                slot.steps.extend(ids);
                slot.is_proven &= is_proven;
            }
            None => schedule.slots.push(WindowSlot {
                window: window.to_owned(),
                start,
                end,
                steps: ids.collect(),
                is_proven,
            }),
        }
    }
    schedule
}

/// The maximum duration, else the minimum, else zero.
fn assumed_seconds(step: &Step) -> i64 {
    let duration = &step.duration;
    let seconds = duration.max_seconds.or(duration.min_seconds);
    i64::try_from(seconds.unwrap_or(0)).unwrap_or(i64::MAX)
}

fn needs_window(step: &Step) -> bool {
    step.state != StepState::Done && (!step.interrupts.is_empty() || !step.is_reversible)
}

/// Steps that run at the same time: up to `parallel` workers of a pool, else one.
fn parallel_groups(steps: &[Step], parallel: u32) -> Vec<Vec<&Step>> {
    let parallel = usize::try_from(parallel).unwrap_or(usize::MAX).max(1);
    let mut groups: Vec<Vec<&Step>> = Vec::new();
    for step in steps.iter().filter(|step| needs_window(step)) {
        let is_worker = step.scope.level == ScopeLevel::Node && step.scope.pool.is_some();
        let can_join = |group: &&mut Vec<&Step>| {
            is_worker
                && group.len() < parallel
                && group.first().is_some_and(|first| {
                    first.scope.level == ScopeLevel::Node
                        && first.scope.pool == step.scope.pool
                        && first.hop == step.hop
                })
        };
        match groups.last_mut().filter(can_join) {
            Some(group) => group.push(step),
            None => groups.push(vec![step]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Window, schedule_steps};
    use crate::catalog::PlatformName;
    use crate::conditions::CompletionCondition;
    use crate::path::HopId;
    use crate::plan::{DurationEstimate, ScopeLevel, Step, StepScope, StepState};

    fn now(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn step(id: &str, high: Option<u64>, pool: Option<&str>) -> Step {
        Step {
            id: id.to_owned(),
            cluster: None,
            planned_for: None,
            hop: HopId {
                platform: PlatformName::Kubernetes,
                to: "1.25".parse().expect("a minor"),
            },
            action: "node".to_owned(),
            scope: StepScope {
                level: ScopeLevel::Node,
                name: id.to_owned(),
                pool: pool.map(str::to_owned),
            },
            title: id.to_owned(),
            shared_title: id.to_owned(),
            state: StepState::Todo,
            progress: None,
            commands: Vec::new(),
            gates: Vec::new(),
            done_when: CompletionCondition::Manual,
            duration: DurationEstimate {
                min_seconds: Some(60),
                max_seconds: high,
                basis: String::new(),
            },
            evidence: Vec::new(),
            interrupts: vec!["pods restart".to_owned()],
            is_reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    fn schedule(steps: &[Step], parallel: u32) -> (Vec<String>, Vec<String>) {
        let windows = ["Sat 22:00-00:00 UTC".parse().expect("a window")];
        let found = schedule_steps(steps, &windows, parallel, now("2026-11-21T12:00:00Z"));
        let slots = found.slots.iter();
        let slots =
            slots.map(|slot| format!("{}: {}", slot.start.strftime("%d"), slot.steps.join(" ")));
        (slots.collect(), found.unscheduled)
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
        let (slots, misfits) = schedule(&steps, 1);
        assert_eq!(slots, ["21: a b", "28: d e"]);
        assert_eq!(misfits, ["c"]);
    }

    #[test]
    fn steps_of_unknown_length_are_not_proven_to_fit() {
        let windows = ["Sat 22:00-00:00 UTC".parse().expect("a window")];
        let is_proven = |steps: &[Step]| {
            let found = schedule_steps(steps, &windows, 1, now("2026-11-21T12:00:00Z"));
            let slots = found.slots.iter();
            slots.map(|slot| slot.is_proven).collect::<Vec<_>>()
        };
        let hour = |id| step(id, Some(3600), None);
        assert_eq!(is_proven(&[hour("a"), hour("b"), hour("c")]), [true, true]);
        // It may take many hours: the window is not proven to be long enough for it and what follows.
        let mut long = step("long", None, None);
        long.duration.min_seconds = None;
        let steps = [hour("a"), long, hour("b"), hour("c")];
        assert_eq!(is_proven(&steps), [false, true]);
        // One that takes longer than the window at least does not fit.
        let mut longer = step("longer", None, None);
        longer.duration.min_seconds = Some(3 * 3600);
        let found = schedule_steps(&[longer], &windows, 1, now("2026-11-21T12:00:00Z"));
        assert_eq!((found.slots.len(), found.unscheduled.len()), (0, 1));
    }

    #[test]
    fn no_step_is_lost_and_no_two_run_at_a_time() {
        let at = now("2026-11-21T12:00:00Z");
        let window = |text: &str| text.parse::<Window>().expect("a window");
        let hours = |id: &str, hours: u64| step(id, Some(hours * 3600), None);
        // Long enough for each, but not for both.
        let once = [window("2026-11-21 20:00-24:00 UTC")];
        let found = schedule_steps(&[hours("a", 2), hours("b", 3), hours("c", 2)], &once, 1, at);
        assert_eq!(
            (found.slots.len(), found.slots[0].steps.join(" ")),
            (1, "a c".to_owned())
        );
        assert_eq!(found.unscheduled, ["b"]);
        // In overlapping windows, a step begins when the one before it ends.
        let both = [
            window("2026-11-21 20:00-23:00 UTC"),
            window("2026-11-21 21:00-24:00 UTC"),
        ];
        let found = schedule_steps(&[hours("a", 2), hours("b", 2), hours("c", 1)], &both, 1, at);
        let slots: Vec<String> = found
            .slots
            .iter()
            .map(|slot| slot.steps.join(" "))
            .collect();
        assert_eq!(
            (slots, found.unscheduled),
            (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()])
        );
    }

    #[test]
    fn workers_of_a_pool_run_in_parallel() {
        let hour = Some(3600);
        let workers: Vec<Step> = ["a", "b", "c", "d"]
            .map(|name| step(name, hour, Some("pool")))
            .into();
        assert_eq!(schedule(&workers, 1).0, ["21: a b", "28: c d"]);
        assert_eq!(schedule(&workers, 2).0, ["21: a b c d"]);
    }

    #[test]
    fn steps_that_interrupt_nothing_need_no_window() {
        let mut quiet = step("quiet", Some(9 * 3600), None);
        quiet.interrupts.clear();
        let mut done = step("done", Some(9 * 3600), None);
        done.state = StepState::Done;
        assert_eq!(schedule(&[quiet, done], 1), (vec![], vec![]));
    }
}
