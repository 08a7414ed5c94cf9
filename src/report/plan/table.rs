//! The plan as a tree for people.

use super::super::{Look, grid::grid, terminal};
use super::UpgradePlan;

/// A line for each step.
pub(super) fn table(plan: &UpgradePlan, look: &Look, _wide: bool) -> String {
    let rows = plan.steps.iter().map(|step| {
        vec![
            step.state.word().to_owned(),
            terminal::cell(&step.hop.to).into_owned(),
            terminal::cell(&step.title).into_owned(),
        ]
    });
    let header = ["STATE", "HOP", "STEP"];
    let lines = grid(look.headers.then_some(&header), rows.collect());
    lines.into_iter().map(|line| line + "\n").collect()
}
