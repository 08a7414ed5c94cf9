//! Plans of the system-upgrade-controller.

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use crate::watch::object::EventObject;
use crate::watch::plans::NodePlan;

/// A Plan whose Job failed, or else one that is being applied.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let plans = || waits.picture.plans.iter();
    let failed = plans().find_map(|(name, plan)| {
        let failure = plan.failure.as_ref()?;
        Some((name, format!("does not go on: {failure}")))
    });
    let applied = || {
        let is_applied = |(_, plan): &(&String, &NodePlan)| !plan.applying.is_empty();
        let (name, plan) = plans().find(is_applied)?;
        let nodes: Vec<&str> = plan.applying.iter().map(String::as_str).collect();
        Some((name, format!("is being applied to {}", nodes.join(", "))))
    };
    let plan = failed.or_else(applied).map(|(name, why)| {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        let plan = EventObject::new("Plan", Some(namespace), name, why);
        Found::new(WaitCause::Plan, vec![plan], waits.at)
    });
    plan.into_iter().collect()
}
