//! `matchConditions` of webhooks, as far as they can be evaluated without a request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::cel::CelProgram;

/// What is known of a request: the fields of `request` that a condition may read here.
const KNOWN_FIELDS: [&str; 5] = [
    "namespace",
    "operation",
    "resource.group",
    "resource.resource",
    "subResource",
];

/// A condition of a webhook.
#[derive(Debug, Deserialize)]
pub(crate) struct MatchCondition {
    /// CEL; `None` in snapshots that have only the number of conditions.
    #[serde(default)]
    expression: Option<String>,
}

/// A request for a write, as far as conditions are evaluated for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownRequest<'a> {
    pub(crate) group: &'a str,
    /// Plural name, with `/subresource` for a subresource.
    pub(crate) resource: &'a str,
    pub(crate) operation: &'a str,
    /// Empty for objects of the cluster.
    pub(crate) namespace: &'a str,
}

/// Whether a webhook with these conditions is called for a request; `None` if that depends on more than is known of it. A
/// condition that fails counts as one that holds, since the webhook fails closed.
///
/// Source: kubernetes/apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go.
pub(crate) fn is_called(conditions: &[MatchCondition], request: KnownRequest<'_>) -> Option<bool> {
    let (resource, subresource) = request
        .resource
        .split_once('/')
        .unwrap_or((request.resource, ""));
    let request = json!({
        "namespace": request.namespace,
        "operation": request.operation,
        "resource": {"group": request.group, "resource": resource},
        "subResource": subresource,
    });
    all_hold(conditions, &request)
}

/// Whether a webhook with these conditions is called for no request at all.
pub(crate) fn never_called(conditions: &[MatchCondition]) -> bool {
    all_hold(conditions, &json!({})) == Some(false)
}

fn all_hold(conditions: &[MatchCondition], request: &Value) -> Option<bool> {
    let outcomes = conditions.iter().map(|condition| {
        let expression = condition.expression.as_deref()?;
        let program = CelProgram::compile(expression).ok()?;
        let outcome = program.holds_for_request(request);
        outcome.filter(|_| reads_known_fields(expression))
    });
    let outcomes: Vec<Option<bool>> = outcomes.collect();
    match outcomes.contains(&Some(false)) {
        true => Some(false),
        false => outcomes.iter().all(Option::is_some).then_some(true),
    }
}

/// Whether an expression reads `request` only field by field, and asks for the presence of no field: otherwise a field that
/// is unknown would look like one that is missing. Reading an unknown field is an error of the evaluation.
fn reads_known_fields(expression: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut reads = expression.split("request");
    let before = reads.next().unwrap_or_default();
    let mut previous = before.trim_end();
    for after in reads {
        let is_presence = previous.ends_with("has(") || previous.ends_with("has (");
        let known = KNOWN_FIELDS.iter().any(|field| {
            let rest = after
                .strip_prefix('.')
                .and_then(|rest| rest.strip_prefix(field));
            rest.is_some_and(|rest| !rest.starts_with(is_word))
        });
        let path = after.strip_prefix('.').unwrap_or_default();
        let is_nested = path.starts_with("resource.") || !path.starts_with("resource");
        if is_presence && !known || path.is_empty() || !is_nested {
            return false;
        }
        previous = after.trim_end();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{KnownRequest, MatchCondition, is_called, never_called};

    fn condition(expression: &str) -> Vec<MatchCondition> {
        vec![MatchCondition {
            expression: Some(expression.to_owned()),
        }]
    }

    #[test]
    fn conditions_are_evaluated_as_far_as_the_request_is_known() {
        let request = KnownRequest {
            group: "",
            resource: "pods/eviction",
            operation: "CREATE",
            namespace: "shop",
        };
        for (expression, called) in [
            ("true", Some(true)),
            ("false", Some(false)),
            ("request.operation == 'CREATE'", Some(true)),
            ("request.resource.resource != 'pods'", Some(false)),
            ("request.subResource != 'eviction'", Some(false)),
            (
                "!(request.namespace in ['kube-system', 'shop'])",
                Some(false),
            ),
            (
                "!(request.resource.group == 'coordination.k8s.io' && request.userInfo.username == 'x')",
                Some(true),
            ),
            ("!('system:nodes' in request.userInfo.groups)", None),
            ("has(request.dryRun) && request.dryRun", None),
            ("request.resource == {'group': 'a'}", None),
            ("'dryRun' in request", None),
            ("object.metadata.name == 'cart'", None),
            ("!has(object.metadata.labels)", None),
            ("oldObject == null", None),
            ("authorizer.requestResource.check('x').allowed()", None),
            ("no expression", None),
        ] {
            assert_eq!(
                is_called(&condition(expression), request),
                called,
                "{expression}"
            );
        }
        let mut several = condition("request.userInfo.username != 'x'");
        several.extend(condition("request.operation == 'UPDATE'"));
        assert_eq!(is_called(&several, request), Some(false));
    }

    #[test]
    fn only_constants_exclude_every_request() {
        assert!(never_called(&condition("false")));
        assert!(!never_called(&condition("true")));
        assert!(!never_called(&condition("request.operation == 'UPDATE'")));
        let without_expression = [MatchCondition { expression: None }];
        assert!(!never_called(&without_expression));
    }
}
