//! Names that redaction keeps: public names, and those that detection and rules look for.

use std::collections::HashSet;

use super::super::ReadResult;
use super::token_kinds::{is_api_version, is_pseudonym};
use crate::catalog::{AppliesTo, Catalog, split_app_reference, volume_plugins};
use crate::need::ReadTarget;

/// Domains of public projects: `node.kubernetes.io/…`, `metrics.k8s.io`.
const PUBLIC_DOMAINS: [&str; 9] = [
    "kubernetes.io",
    "k8s.io",
    "x-k8s.io",
    "kyma-project.io",
    "d2iq.io",
    "mesosphere.io",
    "fluxcd.io",
    "argoproj.io",
    "k14s.io",
];

/// Names of Kubernetes and of platforms.
const PUBLIC_NAMES: &str = "
    kube-system kube-public kube-node-lease default kubernetes kubernetes-admin system masters anonymous node nodes
    kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubeadm etcd coredns kube-dns
    kubeadm-config kubelet-config config.conf cloud-controller-manager kube-rbac-proxy cluster-admin
    system-cluster-critical system-node-critical foregroundDeletion orphan serviceaccount serviceaccounts bootstrappers
    control-plane master worker
    app component tier k8s-app name role version control-plane-component
    bootstrap-kubelet CoreProvider cluster-api reconciler host-cluster kommander
    installer overrides nodejs14 jwt action install success running failed error
    kyma-system kyma-installer kyma-installer-container kyma-project kyma-integration eu.gcr.io logging monitoring
    regular fast rapid experimental enterprise essential dkp mesosphere dkp-catalog-applications flatcar rancher
    ClusterApp
    local localhost 127.0.0.1 http https tcp unix npipe cluster svc
    var run containerd containerd.sock crio crio.sock cri-dockerd.sock dockershim.sock docker dockerd
    sha256 latest apiserver_requested_deprecated_apis group resource subresource removed_release
    feature-gates enable-admission-plugins disable-admission-plugins admission-control runtime-config featureGates
    sh ash bash dash busybox
    stdin templates crds charts hooks
";

/// Prefixes before another name: static pods are named after their nodes.
const NAME_PREFIXES: [&str; 5] = [
    "kube-apiserver-",
    "kube-controller-manager-",
    "kube-scheduler-",
    "etcd-",
    "k3d-",
];

/// The names to keep.
#[derive(Debug)]
pub(super) struct Allowlist<'a> {
    names: HashSet<String>,
    public_domains: HashSet<&'a str>,
    os_words: HashSet<&'a str>,
    catalog: &'a Catalog,
}

impl<'a> Allowlist<'a> {
    pub(super) fn new<'r>(
        catalog: &'a Catalog,
        readings: impl IntoIterator<Item = &'r ReadResult>,
    ) -> Self {
        let mut words: HashSet<String> =
            PUBLIC_NAMES.split_whitespace().map(str::to_owned).collect();
        for api in catalog.apis.iter() {
            let parts = api.resource.split('/').map(str::to_owned);
            words.extend(parts.chain([api.group().to_owned(), api.gvk().kind]));
        }
        for api in catalog.custom_apis.iter() {
            words.extend([&api.group, &api.kind, &api.resource].map(String::clone));
        }
        for row in &catalog.system_writes {
            let parts = row.namespaces.split(',').chain(row.operations());
            words.extend(parts.map(str::to_owned));
        }
        words.extend(catalog.field_managers.iter().map(|row| row.manager.clone()));
        words.extend(catalog.skew_limits.iter().map(|row| row.component.clone()));
        words.extend(catalog.pool_labels.iter().map(|row| row.label.clone()));
        words.extend(catalog.intentional_taints.iter().map(|row| row.key.clone()));
        words.extend(
            catalog
                .unsupported_runtimes
                .iter()
                .map(|row| row.runtime.clone()),
        );
        let signatures = catalog.provider_signatures.iter();
        let signatures = signatures.chain(&catalog.virtual_node_signatures);
        let signatures = signatures.chain(&catalog.provider_node_signatures);
        let patterns = signatures.flat_map(|row| row.pattern.split('='));
        words.extend(patterns.map(str::to_owned));
        let procedures = catalog.procedures.iter();
        words.extend(
            procedures.filter_map(|procedure| match &procedure.applies_to {
                AppliesTo::NodeLabel(label) => Some(label.clone()),
                _ => None,
            }),
        );
        for row in &catalog.legacy_role_labels {
            words.extend([row.label.clone(), row.replacement.clone()]);
        }
        for row in &catalog.provider_managed_objects {
            words.extend(row.namespaces.split(',').map(str::to_owned));
            let owner = row.owner.rsplit(' ').next().unwrap_or_default();
            words.extend([row.name.clone(), owner.to_owned()]);
        }
        for addon in catalog.addons.iter() {
            let images = addon
                .image_suffixes
                .iter()
                .flat_map(|image| image.split('/'));
            let names = images.chain(addon.charts.iter().map(String::as_str));
            words.extend(names.chain([addon.component.as_str()]).map(str::to_owned));
        }
        words.extend(catalog.dkp.app_names().map(str::to_owned));
        let components = catalog.kyma.components.iter();
        words.extend(components.map(|row| row.component.clone()));
        words.extend(catalog.dkp.providers.iter().map(|row| row.kind.clone()));
        words.extend(control_plane_names(catalog));
        for row in volume_plugins().unwrap_or_default() {
            words.extend([row.field, row.provisioner, row.csi_driver]);
        }
        words.extend(requested_names(readings));
        words.remove("");
        let images = catalog
            .unsupported_os_images
            .iter()
            .map(|row| &row.name_prefix);
        let patterns = catalog.provider_signatures.iter().map(|row| &row.pattern);
        let os_words = images
            .chain(patterns)
            .flat_map(|it| it.split(' '))
            .collect();
        let labels = catalog.pool_labels.iter().map(|row| &row.label);
        let labels = labels.chain(catalog.intentional_taints.iter().map(|row| &row.key));
        let domains = labels.filter_map(|key| key.split_once('/').map(|(domain, _)| domain));
        Self {
            names: words,
            public_domains: domains.collect(),
            os_words,
            catalog,
        }
    }

    /// Whether this name is kept.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
            || is_under_public_domain(name)
            || is_api_version(name)
            || is_pseudonym(name)
            || self.is_application_of_dkp(name)
    }

    /// Whether this is a key of an override of Kyma that rules look for.
    pub(super) fn is_override_of_kyma(&self, key: &str) -> bool {
        let mut rows = self.catalog.kyma.renamed_overrides.iter();
        rows.any(|row| row.old != "*" && row.matches(None, key))
    }

    /// Whether this is an application of DKP and a version, `kafka-operator-0.20.0`.
    fn is_application_of_dkp(&self, name: &str) -> bool {
        let app = split_app_reference(name).map(|(app, _)| app);
        app.is_some_and(|app| self.catalog.dkp.app_names().any(|known| known == app))
    }

    /// Prefixes before another name.
    pub(super) fn name_prefixes(&self) -> impl Iterator<Item = &str> {
        let provided = self.catalog.provider_managed_objects.iter();
        let provided =
            provided.flat_map(|row| row.namespaces.split(',').chain([row.name.as_str()]));
        let provided = provided.filter_map(|name| name.strip_suffix('*'));
        NAME_PREFIXES.into_iter().chain(provided)
    }

    /// Whether names below this domain are public.
    pub(super) fn is_public_domain(&self, domain: &str) -> bool {
        is_under_public_domain(domain) || self.public_domains.contains(domain)
    }

    /// The public part of an add-on's image.
    pub(super) fn public_image_part(&self, image: &str) -> Option<String> {
        self.catalog.addons.public_image_name(image)
    }

    /// Whether this field manager is kept.
    pub(super) fn is_known_field_manager(&self, manager: &str) -> bool {
        self.catalog.field_managers.writer_kind(manager).is_some()
    }

    /// Whether this word is part of the name of a public operating system.
    pub(super) fn is_os_word(&self, word: &str) -> bool {
        self.os_words.contains(word)
    }
}

fn control_plane_names(catalog: &Catalog) -> Vec<String> {
    let known = &catalog.control_plane_removals;
    let gates = known.feature_gates.iter().map(|row| row.name.clone());
    let flags = known.flags.iter().map(|row| row.flag.clone());
    let plugins = known.admission_plugins.iter().map(|row| row.plugin.clone());
    let controllers = known.controllers.iter();
    let controllers = controllers.flat_map(|row| [row.name.clone(), format!("-{}", row.name)]);
    let dependencies = known.gate_dependencies.iter();
    let dependencies = dependencies.flat_map(|row| [row.gate.clone(), row.depends_on.clone()]);
    let plugins = plugins.chain(controllers).chain(dependencies);
    gates.chain(flags).chain(plugins).collect()
}

/// Names in the targets of requests, which come from this program but for those of single records of Helm.
fn requested_names<'r>(readings: impl IntoIterator<Item = &'r ReadResult>) -> Vec<String> {
    let mut names = Vec::new();
    for reading in readings {
        let ReadTarget::Objects {
            resource,
            namespace,
            selector,
        } = &reading.target
        else {
            continue;
        };
        if reading.is_of_one_helm_record() {
            continue;
        }
        names.extend(namespace.clone());
        names.extend([resource.group.clone(), resource.plural.clone()]);
        let named = selector.fields.strip_prefix("metadata.name=");
        names.extend(named.map(str::to_owned));
    }
    names
}

fn is_under_public_domain(name: &str) -> bool {
    PUBLIC_DOMAINS.iter().any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    })
}
