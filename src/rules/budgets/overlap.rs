//! `pdb-multiple`: one pod, two budgets.

use super::budget_object;
use crate::evidence::EvidenceSource;
use crate::facts::budgets::budgets_need;
use crate::facts::pods::pods_need;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};
use crate::text::first_and_more;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "pdb-multiple",
    severity: Severity::Blocker,
    title: "Two disruption budgets select the same pod",
    why: "The eviction of a pod with more than one budget fails with an error, whatever the budgets allow. kubectl drain fails, and so does every other tool that drains nodes.",
    detection: "By the selectors of all budgets in a namespace against the labels of its pods. Only pods that a drain evicts are counted, not those that are pending, finished, being deleted or managed by a DaemonSet.",
    remedy: "Keep one budget for each pod: delete the other, or narrow its selector.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    kind: RuleKind::Code {
        needs: |_| vec![budgets_need(), pods_need()],
        evaluate,
    },
    gates_drains: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    if let Some(budgets) = context.budgets() {
        for (together, pods) in &budgets.overlaps {
            // The order of pods in memory is not that of names.
            let Some(first) = pods.iter().map(|pod| pod.name.as_str()).min() else {
                continue;
            };
            let shared = first_and_more(&format!("pod {first}"), pods.len());
            for &at in together {
                let others = together.iter().filter(|&&other| other != at);
                let others: Vec<&str> = others
                    .map(|&other| budgets.budgets[other].row.meta.name.as_str())
                    .collect();
                let detail = format!("{shared}, with {}", others.join(", "));
                objects.push(budget_object(
                    &budgets,
                    &budgets.budgets[at],
                    EvidenceSource::Spec,
                    detail,
                ));
            }
        }
    }
    let message = "the budget shares pods with another budget, which no eviction survives";
    RULE.findings(message, objects)
}
