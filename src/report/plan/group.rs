//! Hops of a plan, and in each of them the steps that are alike, folded into one.
//!
//! Steps are alike that differ only in their node: the same hop, action, pool and state.

use crate::api::v1::{
    DurationDoc, HopDoc, HopIdDoc, ScopeLevelDoc, StepDoc, StepStateDoc, UpgradePlan,
};
use crate::plan::parallelism;

/// What stands for the node in what steps have in common.
const EACH_NODE: &str = "each node";

/// One hop and its steps.
pub(super) struct HopGroups<'a> {
    /// As steps name it.
    pub(super) hop: &'a HopIdDoc,
    /// As the path has it; none where it has no such hop.
    pub(super) path_hop: Option<&'a HopDoc>,
    /// In order.
    pub(super) groups: Vec<StepGroup<'a>>,
}

/// Steps that are alike.
pub(super) struct StepGroup<'a> {
    /// Never empty.
    pub(super) steps: Vec<&'a StepDoc>,
    /// As many there are with those in other states.
    pub(super) total: usize,
    first: &'a StepDoc,
}

/// The plan, hop by hop.
pub(super) fn group_by_hop(plan: &UpgradePlan) -> Vec<HopGroups<'_>> {
    let hops = plan.steps.chunk_by(|one, next| one.hop == next.hop);
    hops.filter_map(|steps| {
        let to = &steps.first()?.hop;
        Some(HopGroups {
            hop: to,
            path_hop: plan.path.iter().find(|hop| hop.id() == *to),
            groups: group_steps(steps),
        })
    })
    .collect()
}

fn group_steps(steps: &[StepDoc]) -> Vec<StepGroup<'_>> {
    let mut folds: Vec<StepGroup<'_>> = Vec::new();
    for alike in steps.chunk_by(|one, next| action_key(one) == action_key(next)) {
        let mut of_action: Vec<StepGroup<'_>> = Vec::new();
        for step in alike {
            match of_action.iter_mut().find(|fold| fold.state() == step.state) {
                Some(fold) => fold.steps.push(step),
                None => of_action.push(StepGroup {
                    steps: vec![step],
                    total: alike.len(),
                    first: step,
                }),
            }
        }
        folds.extend(of_action);
    }
    folds
}

/// What two steps have in common that differ in their node only.
fn action_key(step: &StepDoc) -> (&str, Option<&str>) {
    let id = match step.scope.level {
        ScopeLevelDoc::Node => step.id.strip_suffix(step.scope.name.as_str()),
        _ => None,
    };
    (id.unwrap_or(&step.id), step.scope.pool.as_deref())
}

impl StepGroup<'_> {
    pub(super) fn state(&self) -> StepStateDoc {
        self.first.state
    }

    /// The first of its steps, in which they are all alike but for the node.
    pub(super) fn first(&self) -> &StepDoc {
        self.first
    }

    /// What is done.
    pub(super) fn title(&self) -> String {
        let title = self.common_text(|step| step.title.clone());
        title.unwrap_or_else(|| self.first.title.clone())
    }

    /// What all its steps say alike but for the name of the node; none where they differ in more.
    pub(super) fn common_text(&self, said: impl Fn(&StepDoc) -> String) -> Option<String> {
        if let [only] = self.steps[..] {
            return Some(said(only));
        }
        let alike = |step: &StepDoc| replace_word(&said(step), &step.scope.name, EACH_NODE);
        let text = alike(self.first);
        let mut others = self.steps.iter().skip(1);
        others.all(|step| alike(step) == text).then_some(text)
    }

    /// How long it takes, so many nodes of a pool at a time.
    pub(super) fn duration(&self, parallel: u32) -> DurationDoc {
        let mut sum = DurationDoc {
            low: None,
            high: Some(0),
        };
        for step in &self.steps {
            let by = parallelism(step.scope.pool.as_deref(), parallel);
            if let Some(low) = step.duration_seconds.low {
                sum.low = Some(sum.low.unwrap_or(0) + low.div_ceil(by));
            }
            let high = step.duration_seconds.high.map(|high| high.div_ceil(by));
            sum.high = sum.high.zip(high).map(|(sum, high)| sum + high);
        }
        sum
    }
}

/// The step to do next: the first that the cluster shows as not done; where it shows none, the first behind what is done of
/// which a person must know.
pub(super) fn next_step(plan: &UpgradePlan) -> Option<&StepDoc> {
    let is_open = |step: &&StepDoc| {
        matches!(
            step.state,
            StepStateDoc::InProgress | StepStateDoc::Todo | StepStateDoc::Blocked
        )
    };
    let last_done = plan
        .steps
        .iter()
        .rposition(|step| step.state == StepStateDoc::Done);
    let behind = plan.steps.get(last_done.map_or(0, |at| at + 1)..);
    let open = plan.steps.iter().find(is_open);
    open.or_else(|| behind.unwrap_or_default().first())
}

/// A text with another name in place of this one, where it stands as a word of its own.
fn replace_word(text: &str, name: &str, other: &str) -> String {
    if name.is_empty() {
        return text.to_owned();
    }
    let of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(name) {
        let end = at + name.len();
        let before = text[..at].chars().next_back().is_some_and(of_name);
        let after = text[end..].chars().next().is_some_and(of_name);
        if !before && !after {
            out.push_str(&text[from..at]);
            out.push_str(other);
            from = end;
        }
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::replace_word;

    #[test]
    fn names_are_whole_words() {
        for (text, shown) in [
            (
                "Drain a, upgrade its kubelet",
                "Drain each node, upgrade its kubelet",
            ),
            ("pods of a move", "pods of each node move"),
            ("a-1 is not a", "a-1 is not each node"),
            ("at a_b", "at a_b"),
            ("", ""),
        ] {
            assert_eq!(replace_word(text, "a", "each node"), shown);
        }
        assert_eq!(replace_word("x", "", "y"), "x");
    }
}
