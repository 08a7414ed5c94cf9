//! Rules on fields of objects, over manifests and Helm records as well as over what a cluster holds.

use kubectl_upgrade::catalog::Catalog;
use serde_json::Value;

use crate::cluster::{Cluster, rules};
use crate::program::run;

/// `kind/name: evidence` of the objects that a rule reports.
fn reported(id: &str, input: &str) -> Vec<String> {
    let catalog = Catalog::embedded().expect("the catalog");
    let (evaluation, _) = Cluster::parse(input, id).evaluate(catalog, rules());
    let mut gaps = evaluation.gaps.iter();
    assert!(
        !gaps.any(|gap| gap.rules.iter().any(|rule| rule == id)),
        "{input}"
    );
    let findings = evaluation
        .findings
        .iter()
        .filter(|finding| finding.id == id);
    let objects = findings.flat_map(|finding| &finding.objects);
    objects
        .map(|object| {
            format!(
                "{}/{}: {}",
                object.kind, object.name, object.evidence[0].detail
            )
        })
        .collect()
}

const CRD: &str = "
  - apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: carts.shop.example}
    spec:
      group: shop.example
      scope: Namespaced
      names: {kind: Cart, plural: carts}
      versions: [{name: v1beta1, served: true, storage: false}, {name: v1, served: true, storage: true}]
";

#[test]
fn rules_on_crds_read_manifests() {
    let input = |more: &str| {
        format!(
            "kubernetes: 1.30.14\nto: '1.31'\nnow: 2025-01-01T00:00:00Z\nfiles:\n  crd.yaml:{CRD}      {more}\n"
        )
    };
    let conversion = |bundle: &str| {
        format!(
            "conversion: {{strategy: Webhook, webhook: {{clientConfig: {{caBundle: {bundle}}}}}}}"
        )
    };
    let found = |id: &str, more: &str| reported(id, &input(more));
    assert_eq!(
        found("crd-cabundle-invalid", &conversion("Cg==")),
        ["CustomResourceDefinition/carts.shop.example: caBundle holds no certificate"]
    );
    assert_eq!(found("crd-cabundle-invalid", &conversion("''")), [""; 0]);
    assert_eq!(
        found("crd-nonstructural", "preserveUnknownFields: true"),
        ["CustomResourceDefinition/carts.shop.example: preserveUnknownFields: true"]
    );
    assert_eq!(
        found("crd-nonstructural", "preserveUnknownFields: false"),
        [""; 0]
    );
}

#[test]
fn rules_on_crds_read_helm_releases() {
    let manifest = |flag: bool| {
        serde_json::json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "carts.shop.example"},
            "spec": {"preserveUnknownFields": flag, "versions": [{"name": "v1"}]},
        })
    };
    let found = |flag: bool| {
        let input = format!(
            "kubernetes: 1.30.14\nnow: 2025-01-01T00:00:00Z\nhelm:\n- {{name: cart, namespace: shop, version: 1, info: {{status: deployed, last_deployed: 2024-12-01T00:00:00Z}}, manifest: '{}'}}\n",
            manifest(flag)
        );
        reported("crd-nonstructural", &input)
    };
    assert_eq!(found(true).len(), 1);
    assert_eq!(found(false), [""; 0]);
}

const NODE: &str = "
- apiVersion: v1
  kind: Node
  metadata: {name: cp-1, labels: {node-role.kubernetes.io/master: ''}}
  status: {nodeInfo: {kubeletVersion: v1.23.17}, conditions: [{type: Ready, status: 'True'}]}";

/// Objects that choose nodes by a key.
fn choosers(key: &str) -> String {
    let template = format!(
        "template: {{spec: {{nodeSelector: {{{key}: ''}}, containers: [{{name: a, image: 'shop/a:1'}}]}}}}"
    );
    format!(
        "
- {{apiVersion: batch/v1, kind: CronJob, metadata: {{namespace: ops, name: backup}}, spec: {{jobTemplate: {{spec: {{{template}}}}}}}}}
- {{apiVersion: batch/v1, kind: Job, metadata: {{namespace: ops, name: once}}, spec: {{{template}}}}}
- {{apiVersion: v1, kind: Pod, metadata: {{namespace: ops, name: bare}}, spec: {{nodeName: cp-1, nodeSelector: {{{key}: ''}}}}, status: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}}}
- {{apiVersion: upgrade.cattle.io/v1, kind: Plan, metadata: {{namespace: ops, name: server}}, spec: {{nodeSelector: {{matchExpressions: [{{key: {key}, operator: In, values: ['true']}}]}}}}}}
- {{apiVersion: crd.projectcalico.org/v1, kind: BGPPeer, metadata: {{name: reflectors}}, spec: {{peerSelector: has({key})}}}}
"
    )
}

#[test]
fn the_label_of_masters_is_found_wherever_it_chooses_nodes() {
    let id = "node-label-master";
    let head = "kubernetes: 1.23.17\nto: '1.24'\nnow: 2023-01-01T00:00:00Z\nobjects:";
    let found = |key: &str| reported(id, &format!("{head}{NODE}{}", choosers(key)));
    let old = "node-role.kubernetes.io/master";
    let mut names = found(old);
    names.sort();
    assert_eq!(
        names,
        [
            "BGPPeer/reflectors: peerSelector: node-role.kubernetes.io/master",
            "CronJob/backup: nodeSelector: node-role.kubernetes.io/master",
            "Job/once: nodeSelector: node-role.kubernetes.io/master",
            "Plan/server: nodeSelector: node-role.kubernetes.io/master",
            "Pod/bare: nodeSelector: node-role.kubernetes.io/master",
        ]
    );
    assert_eq!(found("node-role.kubernetes.io/control-plane"), [""; 0]);

    let files = |key: &str| {
        let objects = choosers(key).replace("\n- ", "\n  - ");
        reported(id, &format!("{head}{NODE}\nfiles:\n  all.yaml:{objects}"))
    };
    assert_eq!(files(old).len(), 5);
    assert_eq!(files("node-role.kubernetes.io/control-plane"), [""; 0]);
}

/// `hop: message: roles` of each line on roles, for files alone.
fn lost_groups(to: &str, rules: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let roles = rules.iter().map(|(name, rule)| {
        format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\nrules: [{rule}]\n")
    });
    let file = folder.path().join("roles.yaml");
    std::fs::write(&file, roles.collect::<Vec<_>>().join("---\n")).expect("a file");
    let file = file.to_str().expect("a path");
    let output = run(&["--local", "-f", file, "--to", to, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("a list").iter();
    let lines = findings.map(|finding| {
        let objects = finding["objects"].as_array().expect("a list").iter();
        let names: Vec<&str> = objects.filter_map(|one| one["name"].as_str()).collect();
        let message = finding["message"].as_str().expect("a text");
        format!("{message}: {}", names.join(", "))
    });
    lines.collect()
}

#[test]
fn a_role_has_one_line_for_each_hop_and_none_for_what_went_long_ago() {
    let all = "{apiGroups: [extensions], resources: ['*'], verbs: [get]}";
    let ingresses = "{apiGroups: [extensions], resources: [ingresses], verbs: [get]}";
    assert_eq!(
        lost_groups("1.22", &[("all", all), ("ingresses", ingresses)]),
        [
            "the role grants verbs on daemonsets, deployments, replicasets, networkpolicies only in extensions, which loses them in 1.16; add apps, networking.k8s.io: all",
            "the role grants verbs on ingresses only in extensions, which loses them in 1.22; add networking.k8s.io: all, ingresses",
        ]
    );
    let jobs =
        "{apiGroups: [extensions], resources: [jobs, horizontalpodautoscalers], verbs: [get]}";
    assert_eq!(lost_groups("1.22", &[("jobs", jobs)]), [""; 0]);
    let deployments = "{apiGroups: [extensions], resources: [deployments], verbs: [get]}";
    assert_eq!(
        lost_groups("1.16", &[("deployments", deployments)]),
        [
            "the role grants verbs on deployments only in extensions, which loses them in 1.16; add apps: deployments"
        ]
    );
}
