//! What is reported beside the upgrade itself: steps of a plan, and warnings.

use jiff::Timestamp;

use super::super::event::{EventKind, EventScope, WatchEvent};
use super::super::needs::Part;
use super::super::picture::RolloutState;
use super::super::warnings::WarningKey;
use super::UpgradeWatch;
use crate::snapshot::{ClusterView, ReadOutcome, ReadResult, Rows};

impl UpgradeWatch<'_> {
    /// Whoever may not read events follows the upgrade without them.
    pub(super) fn take_list_of_warnings(
        &mut self,
        result: &ReadResult,
        at: Timestamp,
    ) -> Option<Vec<WatchEvent>> {
        let ReadOutcome::Forbidden { why, .. } = &result.outcome else {
            return self.take_warnings(&result.rows, at);
        };
        if std::mem::replace(&mut self.has_reported_gap, true) {
            return None;
        }
        let text = format!("warnings about nodes and pods are not shown: {why}");
        Some(vec![self.event(
            at,
            EventKind::Progress,
            self.cluster_scope(),
            text,
        )])
    }

    /// Keeps what is about something in flight. A warning is no progress, so it does not end a stall.
    pub(super) fn take_warnings(&mut self, rows: &Rows, at: Timestamp) -> Option<Vec<WatchEvent>> {
        let mut is_news = false;
        let mut events = Vec::new();
        for row in rows.objects() {
            let Some(node) = self.held_up_by(&WarningKey::of(row)) else {
                continue;
            };
            let Some(is_first) = self.warnings.add(row, &node, at) else {
                continue;
            };
            is_news = true;
            if is_first && let Some((object, text)) = self.warnings.describe(row) {
                let (scope, text) = match node.is_empty() {
                    true => (self.cluster_scope(), format!("warning: {text}")),
                    false => (
                        EventScope::Node(node.clone()),
                        format!("node {node}: warning: {text}"),
                    ),
                };
                let mut event = self.event(at, EventKind::Progress, scope, text);
                event.objects.push(object);
                events.push(event);
            }
        }
        is_news.then_some(events)
    }

    /// The node in flight that an event is about, by itself or by a pod; empty for a rollout in kube-system.
    pub(super) fn held_up_by(&self, key: &WarningKey) -> Option<String> {
        if key.kind == "Node" {
            let name = self.drains.in_flight().get_key_value(&key.name);
            return name.map(|(name, _)| name.clone());
        }
        let rollouts = &self.picture.as_ref()?.rollouts;
        let is_of = |rollout: &RolloutState| {
            let rest = key.name.strip_prefix(&rollout.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if key.namespace == "kube-system" && rollouts.iter().any(is_of) {
            return Some(String::new());
        }
        let ledger = &self.cluster.as_ref()?.ledger;
        let node = ledger.iter().find_map(|result| {
            let Part::PodsOf(node) = Part::of(&result.target) else {
                return None;
            };
            let mut pods = result.rows.pods().iter();
            let is_there = pods.any(|pod| pod.name == key.name && *pod.namespace == *key.namespace);
            is_there.then(|| node.to_owned())
        });
        node.filter(|_| key.kind == "Pod")
    }

    /// Ticks off the steps of the plan that are done.
    pub(super) fn tick_off(&mut self, at: Timestamp) -> Vec<WatchEvent> {
        let (Some(cluster), Some(picture)) = (&self.cluster, &self.picture) else {
            return Vec::new();
        };
        let view = ClusterView::new(cluster, self.catalog);
        let servers = &picture.control_plane.api_servers;
        let changes = self.plan.evaluate(view, servers, at);
        let events = changes.into_iter().map(|(step, text)| WatchEvent {
            step: Some(step),
            ..self.event(at, EventKind::Progress, self.cluster_scope(), text)
        });
        events.collect()
    }
}
