//! Rules on fields of objects, over manifests and Helm records as well as over what a cluster holds.

use kubectl_upgrade::catalog::Catalog;

use crate::cluster::{Cluster, rules};

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
