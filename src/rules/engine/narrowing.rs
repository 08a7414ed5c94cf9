//! What a user wants of the objects of findings: owners by a label of their namespaces, and namespaces left out.

use std::collections::HashMap;

use crate::rules::{CheckContext, Finding, Policy, webhooks};
use crate::text::{glob_matches, pluralize};

/// Changes the findings as the policy says. Returns remarks: nothing is left out silently.
pub(super) fn narrow(
    findings: &mut Vec<Finding>,
    context: &CheckContext<'_>,
    policy: &Policy,
) -> Vec<String> {
    if let Some(label) = &policy.owner_label {
        name_owners(findings, context, label);
    }
    leave_out_namespaces(findings, &policy.skip_namespaces)
}

/// Sets the owner of each object in a namespace with this label.
fn name_owners(findings: &mut [Finding], context: &CheckContext<'_>, label: &str) {
    let namespaces = context.objects(&webhooks::namespaces()).iter();
    let owners: HashMap<&str, &str> = namespaces
        .filter_map(|row| {
            let owner = row.object.get("metadata")?.get("labels")?.get(label)?;
            Some((row.meta.name.as_str(), owner.as_str()?))
        })
        .collect();
    let objects = findings.iter_mut().flat_map(|finding| &mut finding.objects);
    for object in objects {
        let namespace = object.namespace.as_deref().unwrap_or(&object.name);
        let is_placed = object.namespace.is_some() || object.kind == "Namespace";
        if let Some(owner) = owners.get(namespace).filter(|_| is_placed) {
            object.owner = Some((*owner).to_owned());
        }
    }
}

fn leave_out_namespaces(findings: &mut Vec<Finding>, patterns: &[String]) -> Vec<String> {
    let mut remarks = Vec::new();
    for pattern in patterns {
        let mut dropped = 0;
        for finding in findings.iter_mut() {
            let all = finding.objects.len();
            finding.objects.retain(|object| {
                let namespace = object.namespace.as_deref();
                !namespace.is_some_and(|namespace| glob_matches(pattern, namespace))
            });
            dropped += all - finding.objects.len();
        }
        remarks.push(format!(
            "--skip-namespace {pattern}: {} of findings left out",
            pluralize(dropped, "object")
        ));
    }
    findings.retain(|finding| !finding.objects.is_empty());
    remarks
}
