//! PodDisruptionBudgets: which pods a budget covers, and how the disruption controller computes it.
//!
//! Source: kubernetes/kubernetes pkg/controller/disruption/disruption.go and pkg/registry/core/pod/storage/eviction.go.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use serde_json::Value;

use super::pods::{checks_budgets, pods_need};
use super::workloads;
use super::workloads::{WorkloadIndex, desired_replicas};
use crate::catalog::{GroupResource, Gvk};
use crate::need::{DetailLevel, Need};
use crate::snapshot::{
    ClusterView, ObjectRow, PodRow, SharedLabels, WorkloadRow, label_requirement_holds,
};
use crate::text::first_and_more;

/// In this version an empty selector selects nothing.
const V1BETA1: &str = "v1beta1";

/// A label that a budget requires of its pods; `None` if its selector has no `matchLabels`.
type RequiredLabel<'a> = Option<(&'a str, &'a str)>;

/// All budgets.
pub(crate) fn budgets_need() -> Need {
    Need::objects(
        GroupResource::new("policy", "poddisruptionbudgets"),
        DetailLevel::Full,
    )
    .with_fields(&[
        "metadata.generation",
        "spec",
        "status.conditions",
        "status.currentHealthy",
        "status.desiredHealthy",
        "status.disruptionsAllowed",
        "status.expectedPods",
        "status.observedGeneration",
    ])
}

/// Budgets, pods and their workloads.
pub(crate) fn budget_needs_with_workloads() -> Vec<Need> {
    vec![
        budgets_need(),
        pods_need(),
        workloads::deployments(),
        workloads::stateful_sets(),
    ]
}

/// The budgets of one cluster.
#[derive(Debug)]
pub(crate) struct ClusterBudgets<'a> {
    /// The API through which they were listed.
    pub(crate) gvk: Gvk,
    pub(crate) budgets: Vec<DisruptionBudget<'a>>,
    /// Sets of two or more budgets, by index, with the pods that they share.
    pub(crate) overlaps: BTreeMap<Vec<usize>, Vec<&'a PodRow>>,
}

/// Which pods the budgets of a cluster cover: indexes in the order in which both were read.
#[derive(Debug, Default)]
pub(crate) struct BudgetCoverage {
    pods_by_budget: Vec<Vec<usize>>,
    overlaps: BTreeMap<Vec<usize>, Vec<usize>>,
}

/// One budget.
#[derive(Debug)]
pub(crate) struct DisruptionBudget<'a> {
    pub(crate) row: &'a ObjectRow,
    /// Pods whose eviction this budget can refuse.
    pub(crate) pods: Vec<&'a PodRow>,
}

impl<'a> ClusterBudgets<'a> {
    /// The budgets with the pods they cover; `None` if they or pods were not read. Coverage is computed once per cache.
    pub(crate) fn new(view: ClusterView<'a>, cache: &OnceLock<BudgetCoverage>) -> Option<Self> {
        let rows = view.rows(&budgets_need())?.objects();
        let pods = view.rows(&pods_need())?.pods();
        let mut budgets = Self {
            gvk: view.listed_gvk(&GroupResource::new("policy", "poddisruptionbudgets"))?,
            budgets: rows.iter().map(DisruptionBudget::new).collect(),
            overlaps: BTreeMap::new(),
        };
        let coverage = cache.get_or_init(|| budgets.compute_coverage(pods));
        let at_indexes = |indexes: &Vec<usize>| indexes.iter().map(|&at| &pods[at]).collect();
        for (budget, indexes) in budgets.budgets.iter_mut().zip(&coverage.pods_by_budget) {
            budget.pods = at_indexes(indexes);
        }
        let overlaps = coverage.overlaps.iter();
        budgets.overlaps = overlaps
            .map(|(together, indexes)| (together.clone(), at_indexes(indexes)))
            .collect();
        Some(budgets)
    }

    /// Pods with equal labels are matched once, and only against budgets that require one of these labels or none.
    fn compute_coverage(&self, pods: &[PodRow]) -> BudgetCoverage {
        // By the address of the labels: equal labels are usually interned, and otherwise matched once more.
        let mut groups: HashMap<(&str, usize), (&SharedLabels, Vec<usize>)> = HashMap::new();
        for (at, pod) in pods.iter().enumerate() {
            if checks_budgets(pod) {
                let group = groups.entry((&pod.namespace, pod.labels.address()));
                let (_, indexes) = group.or_insert_with(|| (&pod.labels, Vec::new()));
                indexes.push(at);
            }
        }
        let index = self.index_by_label();
        let mut coverage = BudgetCoverage {
            pods_by_budget: vec![Vec::new(); self.budgets.len()],
            overlaps: BTreeMap::new(),
        };
        for ((namespace, _), (labels, indexes)) in groups {
            let required = labels.iter().map(Some).chain([None]);
            let mut selecting: Vec<usize> = required
                .filter_map(|label| index.get(&(namespace, label)))
                .flatten()
                .copied()
                .filter(|&at| self.budget_selects(at, labels))
                .collect();
            selecting.sort_unstable();
            for &at in &selecting {
                coverage.pods_by_budget[at].extend(&indexes);
            }
            if selecting.len() > 1 {
                let shared = coverage.overlaps.entry(selecting).or_default();
                shared.extend(&indexes);
            }
        }
        coverage
    }

    /// Indexes of budgets by namespace and first required label.
    fn index_by_label(&self) -> HashMap<(&str, RequiredLabel<'_>), Vec<usize>> {
        let mut index: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, budget) in self.budgets.iter().enumerate() {
            let wanted = budget.row.object.pointer("/spec/selector/matchLabels");
            let wanted = wanted.and_then(Value::as_object).and_then(|labels| {
                let (key, value) = labels.iter().next()?;
                Some((key.as_str(), value.as_str()?))
            });
            index
                .entry((budget.namespace(), wanted))
                .or_default()
                .push(at);
        }
        index
    }

    fn budget_selects(&self, at: usize, labels: &SharedLabels) -> bool {
        let selector = self.budgets[at].row.object.pointer("/spec/selector");
        selects(selector, labels, &self.gvk)
    }
}

/// Whether the selector of a budget that was listed through this API selects a pod with these labels.
pub(crate) fn selects(selector: Option<&Value>, labels: &SharedLabels, gvk: &Gvk) -> bool {
    let is_empty = |selector: &Value| selector.as_object().is_some_and(serde_json::Map::is_empty);
    match selector {
        Some(selector) if is_empty(selector) => gvk.version != V1BETA1,
        Some(selector) => selector_matches(selector, labels),
        None => false,
    }
}

impl<'a> DisruptionBudget<'a> {
    fn new(row: &'a ObjectRow) -> Self {
        Self::with_pods(row, Vec::new())
    }

    /// A budget of which only these pods are looked at.
    pub(crate) fn with_pods(row: &'a ObjectRow, pods: Vec<&'a PodRow>) -> Self {
        Self { row, pods }
    }

    fn namespace(&self) -> &'a str {
        self.row.meta.namespace.as_deref().unwrap_or_default()
    }

    /// Pods whose eviction it refuses while it allows no disruptions: under AlwaysAllow, only those that are ready.
    pub(crate) fn refused_pods(&self) -> impl Iterator<Item = &'a PodRow> + '_ {
        let pods = self.pods.iter().copied();
        pods.filter(|pod| pod.is_ready || !self.allows_unready())
    }

    /// Whether it allows no disruption now, by a status that is current, and pods that it refuses are there.
    pub(crate) fn refuses_evictions(&self) -> bool {
        self.is_status_current()
            && self.status_number("expectedPods") > 0
            && self.status_number("disruptionsAllowed") == 0
            && self.refused_pods().next().is_some()
    }

    /// Whether pods that are not ready can always be evicted.
    pub(crate) fn allows_unready(&self) -> bool {
        self.row.object["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    }

    /// A number of its status.
    pub(crate) fn status_number(&self, name: &str) -> i64 {
        integer_at(&self.row.object, &format!("/status/{name}"))
    }

    /// Whether the controller has observed the latest generation.
    pub(crate) fn is_status_current(&self) -> bool {
        let object = &self.row.object;
        let observed = self.status_number("observedGeneration");
        observed > 0 && observed >= integer_at(object, "/metadata/generation")
    }

    /// Why it can never allow a disruption, as evidence; `None` if it can or this is unknown.
    pub(crate) fn impossible_reason(&self, workloads: &WorkloadIndex<'a>) -> Option<String> {
        if self.pods.is_empty()
            || (self.is_status_current() && self.status_number("disruptionsAllowed") > 0)
        {
            return None;
        }
        let spec = self.row.object.get("spec")?;
        if let Some(reason) = forbidding_limit(spec) {
            return Some(reason);
        }
        if spec.get("maxUnavailable").is_some() {
            return None;
        }
        let least = spec.get("minAvailable")?;
        if let Some(percent) = parse_percent(least) {
            let expected = self.status_number("expectedPods");
            // Rounded up, a percentage that leaves less than one pod means all of them.
            let all = self.is_status_current()
                && expected > 0
                && percent.saturating_mul(expected) > (expected - 1) * 100;
            return all.then(|| format!("minAvailable {percent}% of {expected} pods is all"));
        }
        let least = least.as_i64()?;
        let (sum, names) = self.desired_pods(workloads)?;
        (least >= sum).then(|| format!("minAvailable {least}, {names} {sum}"))
    }

    /// The sum of replicas of the workloads of its pods, with their names; `None` if one of them is unknown.
    fn desired_pods(&self, workloads: &WorkloadIndex<'a>) -> Option<(i64, String)> {
        let mut sum = 0;
        let mut owners: BTreeMap<String, &WorkloadRow> = BTreeMap::new();
        for pod in &self.pods {
            if pod.controller.is_none() {
                sum += 1;
                continue;
            }
            let (kind, row) = workloads.workload_of(pod)?;
            let name = format!("{}/{}", kind.to_lowercase(), row.meta.name);
            owners.insert(name, row);
        }
        for row in owners.values() {
            // 0 replicas with existing pods: something else manages them.
            let asked = i64::from(desired_replicas(row));
            sum += Some(asked).filter(|&asked| asked > 0)?;
        }
        let names = match owners.keys().next() {
            None => "pods without controller:".to_owned(),
            Some(name) => format!("replicas of {}:", first_and_more(name, owners.len())),
        };
        Some((sum, names))
    }
}

/// The limit by which a budget can never allow a disruption, whatever it selects.
pub(crate) fn forbidding_limit(spec: &Value) -> Option<String> {
    if let Some(most) = spec.get("maxUnavailable").filter(|most| !most.is_null()) {
        // Percentages are rounded up: anything above 0 is at least one pod.
        let none = most.as_i64() == Some(0) || parse_percent(most) == Some(0);
        return none.then(|| format!("maxUnavailable {}", display_value(most)));
    }
    let percent = parse_percent(spec.get("minAvailable")?)?;
    (percent >= 100).then(|| format!("minAvailable {percent}%"))
}

/// `"50%"` as 50.
fn parse_percent(value: &Value) -> Option<i64> {
    value.as_str()?.strip_suffix('%')?.parse().ok()
}

fn display_value(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The integer at a JSON pointer, or 0.
pub(crate) fn integer_at(object: &Value, place: &str) -> i64 {
    object.pointer(place).and_then(Value::as_i64).unwrap_or(0)
}

/// Whether a non-empty selector matches labels. An invalid selector matches nothing.
pub(crate) fn selector_matches(selector: &Value, labels: &SharedLabels) -> bool {
    let equal = selector.get("matchLabels").and_then(Value::as_object);
    let equal = equal.is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| labels.get(key) == value.as_str())
    });
    let parts = selector.get("matchExpressions").and_then(Value::as_array);
    equal
        && parts.is_none_or(|parts| {
            parts.iter().all(|part| {
                let text = |field: &str| part[field].as_str().unwrap_or_default();
                let values = part["values"].as_array().map_or(&[][..], Vec::as_slice);
                let is_listed = |value: &str| values.iter().any(|listed| listed == value);
                label_requirement_holds(text("operator"), labels.get(text("key")), is_listed)
                    .unwrap_or(false)
            })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DisruptionBudget, WorkloadIndex, selector_matches};
    use crate::snapshot::{MetaRow, ObjectRow, PodRow, SharedLabels};

    /// Whether a budget over some pod, with these limits and this many pods expected, can never allow a disruption.
    fn impossible(spec: Value, expected: i64) -> bool {
        let row = ObjectRow {
            meta: MetaRow::default(),
            object: json!({
                "metadata": {"generation": 1},
                "spec": spec,
                "status": {"observedGeneration": 1, "expectedPods": expected},
            }),
        };
        let pod = PodRow::default();
        let budget = DisruptionBudget {
            row: &row,
            pods: vec![&pod],
        };
        budget
            .impossible_reason(&WorkloadIndex::default())
            .is_some()
    }

    #[test]
    fn parts_are_rounded_up() {
        for (limit, expected, never) in [
            (json!({"maxUnavailable": 0}), 3, true),
            (json!({"maxUnavailable": "0%"}), 3, true),
            (json!({"maxUnavailable": 1}), 1, false),
            (json!({"maxUnavailable": "1%"}), 3, false),
            (json!({"minAvailable": "100%"}), 3, true),
            (json!({"minAvailable": "99%"}), 3, true),
            (json!({"minAvailable": "67%"}), 3, true),
            (json!({"minAvailable": "66%"}), 3, false),
            (json!({"minAvailable": "50%"}), 2, false),
            (json!({"minAvailable": "51%"}), 2, true),
            (json!({"minAvailable": "1%"}), 1, true),
            (json!({"minAvailable": "0%"}), 1, false),
            // The one pod has no controller.
            (json!({"minAvailable": 1}), 1, true),
            (json!({"minAvailable": 0}), 1, false),
            (json!({}), 1, false),
        ] {
            assert_eq!(
                impossible(limit.clone(), expected),
                never,
                "{limit} of {expected}"
            );
        }
    }

    #[test]
    fn selectors_fit_as_the_server_has_it() {
        let labels: SharedLabels = [("app", "web"), ("tier", "front")].into_iter().collect();
        for (selector, fits) in [
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "cart"}}), false),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "Near"}]}),
                false,
            ),
            (
                json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "zone", "operator": "Exists"}]}),
                false,
            ),
        ] {
            assert_eq!(selector_matches(&selector, &labels), fits, "{selector}");
        }
    }
}
