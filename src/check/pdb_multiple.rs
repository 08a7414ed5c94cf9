//! `pdb-multiple`: one pod, two budgets.

use super::budget::{self, budgets};
use super::pods::{and_more, one, pods};
use super::{Body, Finding, Rule, Severity, Situation};
use crate::evidence::Source;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "pdb-multiple",
    severity: Severity::Blocker,
    title: "Two disruption budgets select the same pod",
    applies_to: "any",
    why: "An eviction of a pod with more than one budget is answered with an error, whatever the budgets allow: kubectl drain fails, and so does whatever else drains nodes.",
    how: "By the selectors of all budgets of a namespace against the labels of its pods. Only pods that a drain evicts with regard to budgets count: not those of DaemonSets, pending, finished or being deleted.",
    mend: "Leave one budget for each pod: delete one, or narrow its selector.",
    reference: "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    sources: &["kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![budgets(), pods()],
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut objects = Vec::new();
    for budgets in budget::all(situation) {
        for (together, pods) in &budgets.overlaps {
            // The order of pods in memory is not that of names.
            let Some(first) = pods.iter().map(|pod| pod.name.as_str()).min() else {
                continue;
            };
            let shared = and_more(&format!("pod {first}"), pods.len());
            for &at in together {
                let others = together.iter().filter(|&&other| other != at);
                let others: Vec<&str> = others
                    .map(|&other| budgets.all[other].row.meta.name.as_str())
                    .collect();
                let detail = format!("{shared}, with {}", others.join(", "));
                objects.push(budgets.object(&budgets.all[at], Source::Spec, detail));
            }
        }
    }
    let message = "shares pods with another budget, which no eviction survives";
    one(&RULE, RULE.severity, message, objects)
        .into_iter()
        .collect()
}
