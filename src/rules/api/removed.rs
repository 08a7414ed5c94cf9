//! `api-removed`: an API version in use that the target does not serve.

use super::{crd_v1beta1, fields, psp_present, usage};
use crate::api_usage;
use crate::api_usage::ApiLifecycle;
use crate::rules::{Applicability, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "api-removed",
    severity: Severity::Blocker,
    title: "An API version in use is not served by the target",
    applies_to: Applicability::Text("each minor that removes an API"),
    why: "After the upgrade, the API server answers every request for that version with 404. Charts and manifests that use it can no longer be applied, Helm can no longer upgrade a release whose stored manifest contains it, and controllers that write through it stop working. Stored objects are kept and served in the replacement version, except those of alpha versions without a conversion, which can no longer be read.",
    detection: "By evidence that writers leave, strongest first: manifests given with -f, the newest deployed revision of each Helm release (in Secrets and ConfigMaps), managedFields (with the writer and the time), the last-applied annotations of kubectl and kapp, references inside objects, and the metric apiserver_requested_deprecated_apis. An object that is only listed in an old version is not evidence, because the API server converts objects on read. An old managedFields entry is stale once the same manager has written through another version, or once its Helm release or last-applied annotation contains another version. Objects that Kubernetes itself writes are left out.",
    remedy: "Migrate the listed manifests, charts and clients to the replacement before the upgrade. Delete stored objects of alpha versions without a conversion; others need no change.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    sources: &[
        "kubernetes/apiserver pkg/server/deleted_kinds.go",
        "kubernetes/apiserver pkg/endpoints/metrics/metrics.go",
        "kubernetes-sigs/structured-merge-diff merge/update.go",
    ],
    kind: RuleKind::Code {
        needs: api_usage::needs,
        evaluate,
    },
    details: fields::describe_changes,
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let usages = context.api_usages.iter().filter(|usage| {
        matches!(usage.lifecycle, ApiLifecycle::Removed(_))
            && usage.api.kind != crd_v1beta1::KIND
            && !psp_present::reports(usage, context)
    });
    usage::usage_findings(&RULE, context, usages)
}
