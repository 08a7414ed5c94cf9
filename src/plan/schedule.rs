//! Which steps fit into which opening of the maintenance windows.

use jiff::{Span, Timestamp};

use super::window::Window;
use super::{ScopeLevel, Step, StepState};

/// One opening of a window, with the steps that are planned for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSlot {
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
    pub slots: Vec<WindowSlot>,
    /// Ids of steps that fit into no opening that is left.
    pub unscheduled: Vec<String>,
}

/// Puts what is left of the steps into the next openings, in their order, each as early as it can be. Only steps that interrupt
/// somebody, or from which no way leads back, need one; workers of a pool go side by side, so many at a time.
#[must_use]
pub(super) fn schedule_steps(
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
    for group in parallel_groups(steps, parallel) {
        let seconds = group
            .iter()
            .map(|step| duration_seconds(step))
            .max()
            .unwrap_or(0);
        let ids = group.iter().map(|step| step.id.clone());
        let fits = |&at: &usize| {
            let (start, end, _) = openings[at];
            end.duration_since(free.max(start)).as_secs() >= seconds
        };
        let Some(at) = (current..openings.len()).find(fits) else {
            schedule.unscheduled.extend(ids);
            continue;
        };
        let (start, end, text) = openings[at];
        current = at;
        free = free.max(start) + Span::new().seconds(seconds);
        let slot = schedule.slots.last_mut();
        match slot.filter(|slot| (slot.start, slot.end) == (start, end)) {
            Some(slot) => slot.steps.extend(ids),
            None => schedule.slots.push(WindowSlot {
                window: text.to_owned(),
                start,
                end,
                steps: ids.collect(),
            }),
        }
    }
    schedule
}

fn duration_seconds(step: &Step) -> i64 {
    let seconds = step
        .duration
        .max_seconds
        .or(step.duration.min_seconds)
        .unwrap_or(0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn needs_window(step: &Step) -> bool {
    step.state != StepState::Done && (!step.interrupts.is_empty() || !step.is_reversible)
}

/// Steps that go side by side.
fn parallel_groups(steps: &[Step], parallel: u32) -> Vec<Vec<&Step>> {
    let parallel = usize::try_from(parallel).unwrap_or(usize::MAX).max(1);
    let mut groups: Vec<Vec<&Step>> = Vec::new();
    for step in steps.iter().filter(|step| needs_window(step)) {
        let together = |group: &&mut Vec<&Step>| {
            let is_worker = step.scope.level == ScopeLevel::Node && step.scope.pool.is_some();
            is_worker
                && group.len() < parallel
                && group.first().is_some_and(|first| {
                    first.scope.level == ScopeLevel::Node
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

    use super::{Window, schedule_steps};
    use crate::catalog::PlatformName;
    use crate::conditions::CompletionCondition;
    use crate::path::HopId;
    use crate::plan::{ActionId, DurationEstimate, ScopeLevel, Step, StepScope, StepState};

    fn now(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn step(id: &str, high: Option<u64>, pool: Option<&str>) -> Step {
        Step {
            id: id.to_owned(),
            hop: HopId {
                platform: PlatformName::Kubernetes,
                to: "1.25".parse().expect("a minor"),
            },
            action: ActionId::new("node"),
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
            interrupts: vec!["somebody".to_owned()],
            is_reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    fn told(steps: &[Step], parallel: u32) -> (Vec<String>, Vec<String>) {
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
        let found = schedule_steps(&[hours("a", 2), hours("b", 3), hours("c", 2)], &once, 1, at);
        assert_eq!(
            (found.slots.len(), found.slots[0].steps.join(" ")),
            (1, "a c".to_owned())
        );
        assert_eq!(found.unscheduled, ["b"]);
        // Where windows overlap, the second begins when the step before it ends.
        let both = [
            window("2026-11-21 20:00-23:00 UTC"),
            window("2026-11-21 21:00-24:00 UTC"),
        ];
        let found = schedule_steps(&[hours("a", 2), hours("b", 2), hours("c", 1)], &both, 1, at);
        let told: Vec<String> = found
            .slots
            .iter()
            .map(|slot| slot.steps.join(" "))
            .collect();
        assert_eq!(
            (told, found.unscheduled),
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
        done.state = StepState::Done;
        assert_eq!(told(&[quiet, done], 1), (vec![], vec![]));
    }
}
