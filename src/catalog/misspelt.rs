//! Names of APIs that no API server can serve: misspelt names of built-in ones.

use std::collections::BTreeSet;

use super::{Api, Apis, Gvk};

/// What every built-in group has at its end that has a dot in it.
const RESERVED_SUFFIX: &str = ".k8s.io";

impl Apis {
    /// Why no release of Kubernetes serves this API, if it must be one of its own: it names a built-in group with a version
    /// or kind that no release has had, or a group that is a misspelt one. `None` for APIs of the table and for custom
    /// resources.
    ///
    /// A custom resource may have any group with a dot in it, so of those only a group one edit away from a built-in one is
    /// held to be misspelt. Source: kubernetes/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
    #[must_use]
    pub fn misspelling(&self, gvk: &Gvk) -> Option<String> {
        if self.find(gvk).is_some() {
            return None;
        }
        let api_version = gvk.api_version();
        let mut of_group = self.iter().filter(|api| api.group() == gvk.group);
        let kind = self.closest_kind(gvk);
        let hint = || kind.map_or_else(String::new, |api| format!("; it is {}", api.gvk()));
        if gvk.group.is_empty() {
            // Other API servers have had kinds of their own here, such as OpenShift.
            kind?;
            return Some(format!("no known release serves {gvk}{}", hint()));
        }
        if of_group.next().is_some() {
            return Some(match of_group.any(|api| api.version() == gvk.version) {
                _ if kind.is_some() => format!("no known release serves {gvk}{}", hint()),
                true => format!(
                    "no known release serves a kind {} in {api_version}",
                    gvk.kind
                ),
                false => format!("no known release serves {api_version}"),
            });
        }
        let groups: BTreeSet<&str> = self.iter().map(Api::group).collect();
        let is_meant = |group: &&&str| {
            is_one_edit_away(group, &gvk.group)
                || group.strip_suffix(RESERVED_SUFFIX) == Some(&gvk.group)
        };
        if let Some(meant) = groups.iter().find(is_meant) {
            return Some(format!(
                "{} is no API group of Kubernetes; {meant} is",
                gvk.group
            ));
        }
        kind.filter(|_| !gvk.group.contains('.'))?;
        Some(format!(
            "{} is no API group of Kubernetes{}",
            gvk.group,
            hint()
        ))
    }

    /// The newest API of the kind that is meant, whatever its case, in the singular or plural: one of the same group if there
    /// is one.
    fn closest_kind(&self, gvk: &Gvk) -> Option<&Api> {
        let kind = gvk.kind.to_ascii_lowercase();
        let is_meant = |api: &&Api| {
            let plural = api.resource == kind && !kind.is_empty();
            plural || api.kind().eq_ignore_ascii_case(&kind)
        };
        let order = |api: &&Api| {
            (
                api.group() == gvk.group,
                api.removed.is_none(),
                api.maturity(),
            )
        };
        self.iter().filter(is_meant).max_by_key(order)
    }
}

/// Whether a letter was left out, added, replaced or swapped with the next one.
fn is_one_edit_away(a: &str, b: &str) -> bool {
    let (short, long) = match a.len() <= b.len() {
        true => (a.as_bytes(), b.as_bytes()),
        false => (b.as_bytes(), a.as_bytes()),
    };
    if long.len() - short.len() > 1 || short == long || short.is_empty() {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match (short, long) {
        (short, [_, rest @ ..]) if short == rest => true,
        ([_, short @ ..], [_, long @ ..]) if short == long => true,
        ([a, b, short @ ..], [c, d, long @ ..]) => (a, b) == (d, c) && short == long,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_one_edit_away;
    use crate::catalog::{Catalog, Gvk};

    fn misspelling(api_version: &str, kind: &str) -> Option<String> {
        let catalog = Catalog::embedded().expect("the catalog");
        catalog.apis.misspelling(&Gvk::new(api_version, kind))
    }

    #[test]
    fn one_edit_is_one_letter() {
        for (a, b) in [
            ("extensions", "extension"),
            ("polciy", "policy"),
            ("batch", "batsh"),
            ("apps", "aapps"),
            ("ab", "ba"),
        ] {
            assert!(is_one_edit_away(a, b) && is_one_edit_away(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("apps", "apps"),
            ("", "a"),
            ("apps", "ap"),
            ("abcd", "badc"),
        ] {
            assert!(
                !is_one_edit_away(a, b) && !is_one_edit_away(b, a),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn names_that_no_release_has_had_are_explained() {
        for (api_version, kind, why) in [
            (
                "policy/v3",
                "PodDisruptionBudget",
                "no known release serves policy/v3 PodDisruptionBudget; it is policy/v1 PodDisruptionBudget",
            ),
            ("policy/v3", "Cart", "no known release serves policy/v3"),
            (
                "apps/v1",
                "deployment",
                "no known release serves apps/v1 deployment; it is apps/v1 Deployment",
            ),
            (
                "apps/v1",
                "Deployments",
                "no known release serves apps/v1 Deployments; it is apps/v1 Deployment",
            ),
            (
                "apps/v1",
                "Cart",
                "no known release serves a kind Cart in apps/v1",
            ),
            (
                "v1",
                "Deployment",
                "no known release serves v1 Deployment; it is apps/v1 Deployment",
            ),
            (
                "v1",
                "services",
                "no known release serves v1 services; it is v1 Service",
            ),
            ("v2", "Pod", "no known release serves v2 Pod; it is v1 Pod"),
            (
                "extension/v1beta1",
                "Ingress",
                "extension is no API group of Kubernetes; extensions is",
            ),
            (
                "networking.k8s.oi/v1",
                "Ingress",
                "networking.k8s.oi is no API group of Kubernetes; networking.k8s.io is",
            ),
            (
                "rbac.authorization/v1",
                "Role",
                "rbac.authorization is no API group of Kubernetes; rbac.authorization.k8s.io is",
            ),
            (
                "rbac/v1",
                "Role",
                "rbac is no API group of Kubernetes; it is rbac.authorization.k8s.io/v1 Role",
            ),
            (
                "core/v1",
                "Pod",
                "core is no API group of Kubernetes; it is v1 Pod",
            ),
        ] {
            assert_eq!(misspelling(api_version, kind).as_deref(), Some(why));
        }
    }

    #[test]
    fn custom_resources_and_kinds_of_other_servers_are_spelt_right() {
        for (api_version, kind) in [
            ("policy/v1beta1", "PodSecurityPolicy"),
            ("apps/v1alpha1", "PetSet"),
            ("v1", "Config"),
            ("v1", "DeploymentConfig"),
            ("v1alpha1", "HostnameConfig"),
            ("serving.knative.dev/v1", "Service"),
            ("cluster.x-k8s.io/v1beta2", "Cluster"),
            ("scheduling.sigs.k8s.io/v1alpha1", "PodGroup"),
            ("migration.k8s.io/v1alpha1", "StorageVersionMigration"),
            ("networking.x-k8s.io/v1alpha1", "Gateway"),
            ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
            ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
            ("apps.shop.example/v3", "Deployment"),
            ("skaffold/v4beta6", "Config"),
        ] {
            assert_eq!(misspelling(api_version, kind), None);
        }
    }
}
