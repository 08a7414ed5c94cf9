//! Events of type Warning about what is in flight, grouped by object and reason.
//!
//! A cluster of 5,000 nodes has thousands of them, most of which repeat themselves and none of which explains why a drain
//! takes long. Only those about nodes in flight, pods of draining nodes and workloads in kube-system are kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::EventObject;
use crate::catalog::GroupResource;
use crate::need::{DetailLevel, ListSelector, Need};
use crate::snapshot::ObjectRow;
use crate::text::{ellipsize, pluralize};

/// The most objects and reasons that are kept; the oldest are dropped.
const MAX_KEPT: usize = 200;
/// The most characters of a note that are kept.
const MAX_NOTE: usize = 300;

/// Events of type Warning in all namespaces.
#[must_use]
pub fn warnings_need() -> Need {
    let selector = ListSelector::by_fields("type=Warning");
    let resource = GroupResource::new("events.k8s.io", "events");
    Need::selected(resource, selector, DetailLevel::Full).with_fields(&[
        "deprecatedCount",
        "note",
        "reason",
        "regarding.kind",
        "regarding.name",
        "regarding.namespace",
        "series.count",
    ])
}

/// An event as a watch keeps it: what repeats itself is equal but for the count.
pub(super) fn trim_warning(object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let count = ["/series/count", "/deprecatedCount"];
    let count = count
        .iter()
        .find_map(|pointer| object.pointer(pointer)?.as_u64());
    json!({
        "regarding": {
            "kind": text("/regarding/kind").unwrap_or_default(),
            "namespace": text("/regarding/namespace").unwrap_or_default(),
            "name": text("/regarding/name").unwrap_or_default(),
        },
        "reason": text("/reason").unwrap_or_default(),
        "note": ellipsize(text("/note").unwrap_or_default(), MAX_NOTE),
        "deprecatedCount": count.unwrap_or(1),
    })
}

/// What events are about and why: their key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WarningKey {
    /// Kind of the object.
    pub(super) kind: String,
    /// Its namespace; empty for cluster-scoped objects.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Why, in one word.
    reason: String,
}

impl WarningKey {
    pub(super) fn of(row: &ObjectRow) -> Self {
        let text = |pointer: &str| {
            let text = row.object.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            kind: text("/regarding/kind"),
            namespace: text("/regarding/namespace"),
            name: text("/regarding/name"),
            reason: text("/reason"),
        }
    }

    /// `pod/shop/web`.
    fn object(&self) -> String {
        let namespace = match self.namespace.is_empty() || self.kind == "Node" {
            true => String::new(),
            false => format!("{}/", self.namespace),
        };
        format!("{}/{namespace}{}", self.kind.to_lowercase(), self.name)
    }
}

/// Events of one object and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Warning {
    /// The node that it holds up; empty for workloads.
    node: String,
    /// How many there were.
    count: u64,
    /// The newest note.
    note: String,
    last: Timestamp,
}

/// The events that are kept.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kept: BTreeMap<WarningKey, Warning>,
}

impl Warnings {
    /// Takes note of an event about something on a node, or about a workload if the name of the node is empty. Returns
    /// whether it is the first of its object and reason; `None` if it says nothing new.
    pub(super) fn add(&mut self, row: &ObjectRow, node: &str, at: Timestamp) -> Option<bool> {
        let count = row.object["deprecatedCount"].as_u64().unwrap_or(1);
        let note = row.object["note"].as_str().unwrap_or_default();
        let key = WarningKey::of(row);
        let known = self.kept.get(&key);
        if known.is_some_and(|known| known.count >= count && known.note == note) {
            return None;
        }
        let is_first = known.is_none();
        let earlier = known.map_or(0, |known| known.count);
        if is_first && self.kept.len() == MAX_KEPT {
            let oldest = self.kept.iter().min_by_key(|(_, warning)| warning.last);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| self.kept.remove(&key));
        }
        let warning = Warning {
            node: node.to_owned(),
            count: count.max(earlier),
            note: note.to_owned(),
            last: at,
        };
        self.kept.insert(key, warning);
        Some(is_first)
    }

    /// Drops those about nodes that are no longer in flight.
    pub(super) fn retain_nodes(&mut self, is_in_flight: impl Fn(&str) -> bool) {
        self.kept
            .retain(|_, warning| warning.node.is_empty() || is_in_flight(&warning.node));
    }

    /// Those that hold up a node, as lines; of workloads if the name is empty.
    pub(super) fn lines<'w>(&'w self, node: &'w str) -> impl Iterator<Item = String> + 'w {
        let kept = self.kept.iter();
        kept.filter(move |(_, warning)| warning.node == node)
            .map(|(key, warning)| line(key, warning))
    }

    /// The text of an event and its object.
    pub(super) fn describe(&self, row: &ObjectRow) -> Option<(EventObject, String)> {
        let key = WarningKey::of(row);
        let warning = self.kept.get(&key)?;
        Some((
            EventObject::new(
                "Event",
                Some(&*key.namespace).filter(|namespace| !namespace.is_empty()),
                &row.meta.name,
                &key.reason,
            ),
            line(&key, warning),
        ))
    }
}

/// `pod/shop/web FailedMount (3 times): no such volume`.
fn line(key: &WarningKey, warning: &Warning) -> String {
    let count = match warning.count {
        0 | 1 => String::new(),
        count => format!(
            " ({})",
            pluralize(usize::try_from(count).unwrap_or(usize::MAX), "time")
        ),
    };
    let note = match warning.note.is_empty() {
        true => String::new(),
        false => format!(": {}", warning.note),
    };
    format!("{} {}{count}{note}", key.object(), key.reason)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::{MAX_KEPT, MAX_NOTE, Warnings, trim_warning};
    use crate::snapshot::ObjectRow;

    fn row(pod: &str, count: u64, note: &str) -> ObjectRow {
        let object = json!({"regarding": {"kind": "Pod", "namespace": "shop", "name": pod},
            "reason": "FailedKillPod", "note": note, "series": {"count": count}, "type": "Warning"});
        let mut row: ObjectRow =
            serde_json::from_value(json!({"meta": {"name": "x"}, "object": {}})).expect("a row");
        row.object = trim_warning(&object);
        row
    }

    #[test]
    fn they_are_grouped_and_the_newest_note_is_kept() {
        let mut warnings = Warnings::default();
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(warnings.add(&row("web", 1, "busy"), "a", at), Some(true));
        assert_eq!(warnings.add(&row("web", 1, "busy"), "a", at), None);
        assert_eq!(warnings.add(&row("web", 3, "stuck"), "a", at), Some(false));
        let lines: Vec<String> = warnings.lines("a").collect();
        assert_eq!(lines, ["pod/shop/web FailedKillPod (3 times): stuck"]);
        assert_eq!(warnings.lines("b").count(), 0);
        warnings.retain_nodes(|node| node == "b");
        assert_eq!(warnings.lines("a").count(), 0);
    }

    #[test]
    fn they_take_limited_memory() {
        let mut warnings = Warnings::default();
        for number in 0..=MAX_KEPT {
            let seconds = i64::try_from(number).expect("a small number");
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            warnings.add(
                &row(&format!("web-{number}"), 1, &"x".repeat(9_999)),
                "a",
                at,
            );
        }
        let lines: Vec<String> = warnings.lines("a").collect();
        assert_eq!(lines.len(), MAX_KEPT);
        assert!(
            !lines.iter().any(|line| line.contains("web-0 ")),
            "the oldest"
        );
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() < MAX_NOTE + 100)
        );
    }

    #[test]
    fn trimming_a_trimmed_one_changes_nothing() {
        let once = row("web", 7, "busy").object;
        assert_eq!(trim_warning(&once), once);
    }
}
