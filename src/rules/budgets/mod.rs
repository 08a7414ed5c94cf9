//! Rules about disruption budgets.

pub(super) mod blocked;
pub(super) mod overlap;

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::budgets::{ClusterBudgets, DisruptionBudget};
use crate::rules::AffectedObject;

fn budget_object(
    budgets: &ClusterBudgets<'_>,
    budget: &DisruptionBudget<'_>,
    source: EvidenceSource,
    detail: String,
) -> AffectedObject {
    let evidence = Evidence::new(source, detail);
    super::engine::data_rule::object_from_row(&budgets.gvk, budget.row, evidence)
}
