//! Rules about disruption budgets.

pub(super) mod blocked;
pub(super) mod overlap;
