//! The roles.

use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{
    DetailLevel, FieldPaths, Freshness, ListSelector, PolicyRule, ReadRequest, ReadTarget,
};
use crate::report::{RbacSubject, render_rbac};

fn list(group: &str, plural: &str, namespace: Option<&str>) -> ReadRequest {
    ReadRequest {
        target: ReadTarget::Objects {
            namespace: None,
            resource: GroupResource::new(group, plural),
            selector: ListSelector::default(),
        },
        detail_level: DetailLevel::Metadata,
        freshness: Freshness::WatchCache,
        field_paths: FieldPaths::default(),
        path: String::new(),
        api_version: String::new(),
        rbac: PolicyRule::allow_list(group, plural, namespace),
        all_namespaces: false,
        max_objects: None,
    }
}

fn metrics() -> ReadRequest {
    ReadRequest {
        rbac: PolicyRule::allow_get_url("/metrics"),
        ..list("", "", None)
    }
}

#[test]
fn one_role_with_secrets_or_without() {
    let requests = [
        list("policy", "poddisruptionbudgets", None),
        list("", "secrets", None),
        metrics(),
        list("", "nodes", None),
        list("", "configmaps", None),
        list("", "configmaps", None),
    ];
    let rules = requests.map(|request| request.rbac);
    insta::assert_snapshot!(render_rbac(&rules, None, true).expect("a role"), @r#"
    # What kubectl upgrade-check reads, and nothing else; it never writes.
    # Discovery and /version are open to every user who is logged in (Kubernetes' own role system:discovery).
    #
    # kubectl-upgrade-reader is bound to the group kubectl-upgrade-readers.
    #
    # It includes Secrets, because Helm keeps its releases in them and RBAC cannot allow Secrets of one type alone.
    # --no-secrets prints a role without them.
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: kubectl-upgrade-reader
    rules:
    - nonResourceURLs:
      - /metrics
      verbs:
      - get
    - apiGroups:
      - ""
      resources:
      - configmaps
      - nodes
      - secrets
      verbs:
      - list
    - apiGroups:
      - policy
      resources:
      - poddisruptionbudgets
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: kubectl-upgrade-reader
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: kubectl-upgrade-reader
    subjects:
    - apiGroup: rbac.authorization.k8s.io
      kind: Group
      name: kubectl-upgrade-readers
    "#);
    insta::assert_snapshot!(render_rbac(&rules, None, false).expect("a role"), @r#"
    # What kubectl upgrade-check reads, and nothing else; it never writes.
    # Discovery and /version are open to every user who is logged in (Kubernetes' own role system:discovery).
    #
    # kubectl-upgrade-reader-no-secrets is bound to the group kubectl-upgrade-readers-no-secrets.
    #
    # It cannot read the releases that Helm keeps in Secrets, which is Helm's default: what their manifests use is then
    # a gap in the report, and the verdict is incomplete.
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: kubectl-upgrade-reader-no-secrets
    rules:
    - nonResourceURLs:
      - /metrics
      verbs:
      - get
    - apiGroups:
      - ""
      resources:
      - configmaps
      - nodes
      verbs:
      - list
    - apiGroups:
      - policy
      resources:
      - poddisruptionbudgets
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: kubectl-upgrade-reader-no-secrets
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: kubectl-upgrade-reader-no-secrets
    subjects:
    - apiGroup: rbac.authorization.k8s.io
      kind: Group
      name: kubectl-upgrade-readers-no-secrets
    "#);
}

#[test]
fn a_namespace_takes_a_role_of_its_own() {
    let requests = [
        list("", "nodes", None),
        list("apps", "deployments", Some("shop")),
    ];
    let bind = RbacSubject {
        kind: "User".into(),
        name: "eve\n---\nkind: x".into(),
    };
    let text =
        render_rbac(&requests.map(|request| request.rbac), Some(&bind), true).expect("roles");
    insta::assert_snapshot!(text, @r#"
    # What kubectl upgrade-check reads, and nothing else; it never writes.
    # Discovery and /version are open to every user who is logged in (Kubernetes' own role system:discovery).
    #
    # kubectl-upgrade-reader is bound to the user eve\n---\nkind: x.
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: kubectl-upgrade-reader
    rules:
    - apiGroups:
      - ""
      resources:
      - nodes
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: kubectl-upgrade-reader
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: kubectl-upgrade-reader
    subjects:
    - apiGroup: rbac.authorization.k8s.io
      kind: User
      name: "eve\n---\nkind: x"
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: kubectl-upgrade-reader
      namespace: shop
    rules:
    - apiGroups:
      - apps
      resources:
      - deployments
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: kubectl-upgrade-reader
      namespace: shop
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: Role
      name: kubectl-upgrade-reader
    subjects:
    - apiGroup: rbac.authorization.k8s.io
      kind: User
      name: "eve\n---\nkind: x"
    "#);
}

/// Whatever names are, the text is as many documents as there are roles and bindings, and a comment.
#[test]
fn names_cannot_break_out() {
    let bind = RbacSubject {
        kind: "User".into(),
        name: "x\n---\n\u{2028}a: b\u{85}# ".into(),
    };
    let text = render_rbac(
        &[list("a\nb: c", "'\"", Some("- x")).rbac],
        Some(&bind),
        true,
    )
    .expect("roles");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    assert_eq!(documents.len(), 2, "{text}");
    assert_eq!(documents[1]["subjects"][0]["name"], bind.name.as_str());
    assert_eq!(documents[0]["metadata"]["namespace"], "- x");
}
