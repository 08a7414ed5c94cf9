//! Names of APIs that no API server can serve: misspelt names of built-in ones.

use super::{Api, Apis, ForeignApi, Gvk};

/// What every built-in group has at its end that has a dot in it.
const RESERVED_SUFFIX: &str = ".k8s.io";

/// Letters of a kind that may be a misspelt one: shorter ones have too many neighbours.
const SHORTEST_MISSPELT: usize = 4;

/// Characters of a kind and of a group. Longer ones are not compared, since a file may repeat them many times.
/// Source: kubernetes/apimachinery pkg/util/validation/validation.go.
const LONGEST_KIND: usize = 63;
const LONGEST_GROUP: usize = 253;

impl Apis {
    /// Why no release of Kubernetes serves this API, if it must be one of its own: it names a built-in group with a version
    /// or kind that no release has had, or a group that is a misspelt one. `None` for APIs of the table, for those of
    /// other servers and for custom resources.
    ///
    /// A custom resource may have any group with a dot in it, so of those a group is held to be misspelt if it is one edit
    /// away from a built-in one, or if it is one of k8s.io with a built-in kind; where a CustomResourceDefinition has that
    /// group, it is not. A group without a dot cannot be that of a custom resource. Source: kubernetes/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
    #[must_use]
    pub fn misspelling(&self, gvk: &Gvk, foreign: &[ForeignApi]) -> Option<String> {
        let is_endless = gvk.kind.len() > LONGEST_KIND || gvk.group.len() > LONGEST_GROUP;
        if is_endless || self.find(gvk).is_some() || foreign.iter().any(|row| row.is(gvk)) {
            return None;
        }
        let closest = || self.closest_kind(gvk);
        let it_is = |api: &Api| format!("; it is {}", api.gvk());
        let group = gvk.group.as_str();
        let mut of_group = self.iter().filter(|api| api.group() == group).peekable();
        if of_group.peek().is_some() {
            if let Some(meant) = closest() {
                return Some(format!("no known release serves {gvk}{}", it_is(meant)));
            }
            let api_version = gvk.api_version();
            return match of_group.any(|api| api.version() == gvk.version) {
                true => Some(format!(
                    "no known release serves a kind {} in {api_version}",
                    gvk.kind
                )),
                // Tools have files with a version alone.
                false if group.is_empty() => None,
                false => Some(format!("no known release serves {api_version}")),
            };
        }
        let unknown = format!("{group} is no API group of Kubernetes");
        let is_meant = |known: &&str| {
            is_one_edit_away(known, group) || known.strip_suffix(RESERVED_SUFFIX) == Some(group)
        };
        if let Some(meant) = self.iter().map(Api::group).find(is_meant) {
            return Some(format!("{unknown}; {meant} is"));
        }
        let has_dot = group.contains('.');
        let stem = group.strip_suffix(RESERVED_SUFFIX);
        let is_reserved = stem.is_some_and(|stem| self.iter().any(|api| api.group() == stem));
        let is_of_kubernetes = group.rsplit('.').nth(1) == Some("k8s");
        let meant = closest()
            .filter(|api| !has_dot || is_reserved || is_of_kubernetes && api.kind() == gvk.kind);
        match meant {
            Some(meant) => Some(format!("{unknown}{}", it_is(meant))),
            None if has_dot => None,
            None => Some(format!(
                "{unknown}, and the group of a custom resource has a dot in it"
            )),
        }
    }

    /// The API of the kind that is meant, whatever its case, in the singular or plural or with one wrong letter: of the same
    /// group and version if there is one, otherwise the newest.
    fn closest_kind(&self, gvk: &Gvk) -> Option<&Api> {
        let kind = gvk.kind.to_ascii_lowercase();
        let is_named = |api: &Api| {
            let is_plural = api.resource == kind && !kind.is_empty();
            is_plural || api.kind().eq_ignore_ascii_case(&kind)
        };
        let is_misspelt = |api: &Api| {
            kind.len() >= SHORTEST_MISSPELT
                && api.kind().len().abs_diff(kind.len()) <= 1
                && is_one_edit_away(&api.kind().to_ascii_lowercase(), &kind)
        };
        let order = |api: &&Api| {
            let is_same = (
                is_named(api),
                api.group() == gvk.group,
                api.version() == gvk.version,
            );
            (is_same, api.removed.is_none(), api.maturity())
        };
        let meant = self.iter().filter(|api| is_named(api) || is_misspelt(api));
        meant.max_by_key(order)
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
        catalog
            .apis
            .misspelling(&Gvk::new(api_version, kind), &catalog.foreign_apis)
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
                "policy/v1beta1",
                "poddisruptionbudget",
                "no known release serves policy/v1beta1 poddisruptionbudget; it is policy/v1beta1 PodDisruptionBudget",
            ),
            (
                "v1",
                "ConfigMapp",
                "no known release serves v1 ConfigMapp; it is v1 ConfigMap",
            ),
            (
                "apps.k8s.io/v1",
                "Deployment",
                "apps.k8s.io is no API group of Kubernetes; it is apps/v1 Deployment",
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
            (
                "v1",
                "Podd",
                "no known release serves v1 Podd; it is v1 Pod",
            ),
            ("v1", "Cart", "no known release serves a kind Cart in v1"),
            (
                "app/v1",
                "Deployment",
                "app is no API group of Kubernetes; apps is",
            ),
            (
                "batch/v1beta3",
                "CronJob",
                "no known release serves batch/v1beta3 CronJob; it is batch/v1 CronJob",
            ),
            (
                "network.k8s.io/v1",
                "Ingress",
                "network.k8s.io is no API group of Kubernetes; it is networking.k8s.io/v1 Ingress",
            ),
            (
                "gateway.networking.k8s.io/v1",
                "Ingress",
                "gateway.networking.k8s.io is no API group of Kubernetes; it is networking.k8s.io/v1 Ingress",
            ),
            (
                "networking.k8s.com/v1",
                "Ingress",
                "networking.k8s.com is no API group of Kubernetes; it is networking.k8s.io/v1 Ingress",
            ),
            (
                "cert-manager/v1",
                "Certificate",
                "cert-manager is no API group of Kubernetes, and the group of a custom resource has a dot in it",
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
            ("v1", "Route"),
            ("v1", "Table"),
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
            ("kubectl-upgrade/v1", "Waivers"),
            ("cert-manager.io/v1", "Certificate"),
            ("cert-manager.io/v1", "CertificateSigningRequest"),
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
            ("metrics.k8s.io/v1beta1", "PodMetrics"),
            ("audit.k8s.io/v1", "Event"),
            ("migration.k8s.io/v1alpha1", "StorageState"),
            ("apiserver.config.k8s.io/v1", "AdmissionConfiguration"),
            ("kubeadm.k8s.io/v1beta3", "ClusterConfiguration"),
            ("v1", "List"),
        ] {
            assert_eq!(misspelling(api_version, kind), None);
        }
    }
}
