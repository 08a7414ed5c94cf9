//! Words and objects, one by one; whole snapshots are redacted in `tests/fast/redact.rs`.

use serde_json::{Value, json};

use super::RedactionKey;
use super::allowlist::Allowlist;
use super::pseudonymizer::Pseudonymizer;
use super::token_kinds::{is_pseudonym, redact_reason};
use crate::catalog::Catalog;

fn with<T>(test: impl Fn(&Pseudonymizer<'_>) -> T) -> T {
    with_key(b"uid", test)
}

fn with_key<T>(key: &[u8], test: impl Fn(&Pseudonymizer<'_>) -> T) -> T {
    let catalog = Catalog::embedded().expect("the catalog");
    let key = RedactionKey::new(key);
    test(&Pseudonymizer::new(&key, Allowlist::new(catalog, [])))
}

/// The text with every pseudonym as `#`.
fn bare(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("name-") {
        let word = rest.get(at..at + 17).unwrap_or_default();
        shown.push_str(&rest[..at]);
        shown.push_str(if is_pseudonym(word) { "#" } else { word });
        rest = rest.get(at + 17..).unwrap_or_default();
    }
    shown + rest
}

#[test]
fn names_are_replaced_and_shapes_stay() {
    for (text, expected) in [
        ("shop", "#"),
        ("shop/web", "#/#"),
        (
            "system:serviceaccount:shop:web",
            "system:serviceaccount:#:#",
        ),
        ("system:node:ip-10-0-0-1.corp.example", "system:node:#"),
        ("https://web.shop.svc:8443/convert", "https://#:8443/#"),
        (
            "registry.corp.example:5000/shop/web:1.2.3",
            "#:5000/#/#:1.2.3",
        ),
        (
            "registry.k8s.io/kube-apiserver:v1.27.3",
            "registry.k8s.io/kube-apiserver:v1.27.3",
        ),
        (
            "rancher/hardened-kubernetes:v1.27.3-rke2r1-build20230614",
            "rancher/#:v1.27.3-rke2r1-build20230614",
        ),
        ("eu.gcr.io/shop", "eu.gcr.io/#"),
        ("127.0.0.1/shop", "127.0.0.1/#"),
        ("web:1.2.3-shop", "#:1.2.3-#"),
        ("10.0.0.1", "#"),
        ("10.96.0.0/12", "#/12"),
        ("fd00::1:2", "#"),
        ("advertise=[2001:db8::7]:6443,fd00::/64", "#=#:6443,#/64"),
        ("127.0.0.1", "127.0.0.1"),
        ("kube-apiserver-cp1", "kube-apiserver-#"),
        ("kommander-0.1.0", "kommander-0.1.0"),
        ("kube-dns-0.1.0-shop", "kube-dns-0.1.0-#"),
        ("kubernetes.io/hostname", "kubernetes.io/hostname"),
        (
            "node-role.kubernetes.io/master",
            "node-role.kubernetes.io/master",
        ),
        (
            "node-role.kubernetes.io/gpu-shop",
            "node-role.kubernetes.io/#",
        ),
        (
            "node-restriction.kubernetes.io/shop",
            "node-restriction.kubernetes.io/#",
        ),
        ("eks.amazonaws.com/nodegroup", "eks.amazonaws.com/nodegroup"),
        ("corp.example/team", "#/#"),
        ("4h0m0s", "4h0m0s"),
        ("1Gi", "1Gi"),
        ("50%", "50%"),
        ("123456789012", "#"),
        ("2023-01-01T00:00:00Z", "2023-01-01T00:00:00Z"),
        ("*", "*"),
        ("", ""),
        ("gce.shop", "gce.#"),
        ("бухгалтерия", "#"),
    ] {
        assert_eq!(
            bare(&with(|words| words.redact_text(text))),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_same_name_is_the_same_everywhere_and_another_with_another_key() {
    let (word, text) = with(|words| (words.redact_name("shop"), words.redact_text("a/shop")));
    assert!(text.ends_with(&word), "{word} {text}");
    assert_eq!(
        with(|words| words.redact_name(&word)),
        word,
        "a pseudonym is its own"
    );
    assert_ne!(
        with_key(b"another", |words| words.redact_name("shop")),
        word
    );
}

/// The key is a UID itself, that of a namespace, and must not be in any row.
#[test]
fn uids_are_replaced_and_still_lead_somewhere() {
    use crate::snapshot::{MetaRow, ObjectRow, OwnerReferenceRow, Rows, Uid};
    let uid: Uid = "0a1b2c3d-4e5f-4000-8000-00000000abcd".parse().expect("one");
    let row = MetaRow {
        uid: Some(uid),
        owner_references: vec![OwnerReferenceRow {
            uid: Some(uid),
            ..OwnerReferenceRow::default()
        }],
        ..MetaRow::default()
    };
    let object = json!({"metadata": {"uid": uid.to_string()}});
    let subject = super::RedactionKey::need().target;
    let mut rows = Rows::Objects(vec![ObjectRow { meta: row, object }].into());
    let mut redact = || {
        let before = rows.clone();
        let after = std::cell::RefCell::new(before);
        with(|words| words.redact_rows(&subject, &mut after.borrow_mut()));
        rows = after.into_inner();
        rows.clone()
    };
    let once = redact();
    let text = serde_json::to_string(&once).expect("JSON");
    assert!(!text.contains(&uid.to_string()), "{text}");
    let row = &once.objects()[0].meta;
    assert!(
        row.uid.is_some() && row.uid == row.owner_references[0].uid,
        "{text}"
    );
    assert_eq!(redact(), once, "once is enough");
}

#[test]
fn what_a_deployment_has_made_is_called_after_it() {
    let (one, other, pod, known, long) = with(|words| {
        let long = words.redact_name("a-6d4f-6d4f-6d4f-6d4f-6d4f");
        (
            words.redact_name("cart"),
            words.redact_name("cart-7cb9d8f5"),
            words.redact_name("cart-7cb9d8f5-x2xkp"),
            words.redact_name("coredns-7cb9d8f5"),
            long,
        )
    });
    assert_eq!(
        other.rsplit_once('-').map(|(front, _)| front),
        Some(one.as_str())
    );
    assert_eq!(with(|words| words.redact_name(&other)), other);
    assert!(is_pseudonym(&pod), "{pod}");
    assert!(known.starts_with("coredns-x"), "{known}");
    assert!(long.len() <= 63, "{long}");
}

#[test]
fn names_without_an_end_are_replaced_at_once() {
    for part in ["k3d-", "6d4f-", "kube-dns-", "1.2-", "a/", "[", "1m"] {
        let long = part.repeat(300_000);
        let shown = with(|words| words.redact_name(&long));
        assert!(is_pseudonym(&shown), "{part}");
        assert!(!with(|words| words.redact_text(&long)).is_empty());
    }
}

#[test]
fn places_are_replaced_part_by_part() {
    let all = |words: &Pseudonymizer<'_>| {
        [
            words.redact_location("deploy/shop/cart.yaml document 2"),
            words.redact_location("stdin document 1"),
            words.redact_location("cart/templates/cronjob.yaml"),
            words.redact_server_url("https://api.corp.example:6443"),
            words.redact_server_url("https://[fd00::1]:6443/k8s/clusters/c-1"),
            words.redact_owner("ReplicaSet/web-7d9"),
            words.redact_owner("flux kustomization infra/base"),
            words.redact_chart("cart-1.2.0"),
            words.redact_chart("my-cart"),
            words.redact_os_image("Ubuntu 22.04.3 LTS"),
            words.redact_os_image("Corp Linux 5"),
            words.redact_kind("cluster.x-k8s.io/v1beta1", "AWSCluster"),
            words.redact_kind("corp.example/v1", "Widget"),
        ]
        .map(|text| bare(&text))
    };
    assert_eq!(
        with(all),
        [
            "#/#/#.yaml document 2",
            "stdin document 1",
            "#/templates/#.yaml",
            "https://#:6443",
            "https://#:6443/#/clusters/#",
            "ReplicaSet/#",
            "flux kustomization #/#",
            "#-1.2.0",
            "#",
            "Ubuntu 22.04.3",
            "Linux 5",
            "AWSCluster",
            "#",
        ]
    );
}

#[test]
fn of_reasons_stays_what_holds_no_names() {
    for (text, expected) in [
        (
            "Error from server (Forbidden): nodes is forbidden: User \"ann\" cannot",
            "Error from server (Forbidden); more is left out by --redact",
        ),
        (
            "Gave up waiting for corp.example after 5s",
            "Gave up; more is left out by --redact",
        ),
        (
            "corp.example is odd",
            "it failed; more is left out by --redact",
        ),
    ] {
        assert_eq!(redact_reason(text), expected);
        assert_eq!(redact_reason(expected), expected, "once is enough");
    }
}

#[test]
fn objects_keep_their_shape() {
    let mut object = json!({
        "metadata": {
            "name": "web", "uid": "1-2", "labels": {"team": "blue", "app": "web"},
            "annotations": {"corp.example/note": "call Ann", "kubernetes.io/config.mirror": "abc"},
        },
        "spec": {
            "selector": {"matchLabels": {"team": "blue"}, "matchExpressions": [{"key": "team", "operator": "In", "values": ["blue"]}]},
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "command": ["kube-apiserver", "--feature-gates=PodSecurity=true", "--oidc-issuer-url=https://corp.example/x"],
            "replicas": 3,
        },
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Broken", "message": "Ann broke it", "lastTransitionTime": "2023-01-01T00:00:00Z"}]},
    });
    let shown = with(|words| {
        let mut object = object.clone();
        words.redact_object(&mut object);
        object
    });
    object = serde_json::from_str(&bare(&shown.to_string())).expect("JSON");
    assert_eq!(
        object,
        json!({
            "metadata": {
                "name": "#", "labels": {"#": "#", "app": "#"},
                "annotations": {"kubernetes.io/config.mirror": ""},
            },
            "spec": {
                "selector": {"matchLabels": {"#": "#"}, "matchExpressions": [{"key": "#", "operator": "In", "values": ["#"]}]},
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "#"},
                "command": ["kube-apiserver", "--feature-gates=PodSecurity=true", "--oidc-issuer-url=https://#/#"],
                "replicas": 3,
            },
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Broken", "message": "", "lastTransitionTime": "2023-01-01T00:00:00Z"}]},
        })
    );
    let same = |path: &str| {
        shown
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    assert_eq!(same("/metadata/name"), same("/spec/scaleTargetRef/name"));
    assert_eq!(same("/metadata/name"), same("/metadata/labels/app"));
}

#[test]
fn documents_in_config_maps_can_still_be_read() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nclusterName: shop\ncontrolPlaneEndpoint: \"api.corp.example:6443\"\n\
        apiServer:\n  certSANs:\n  - api.corp.example\n  extraArgs:\n    feature-gates: PodSecurity=true\n    ssh-user: ann\n";
    let object = with(|words| {
        let mut object = json!({"data": {"ClusterConfiguration": text}});
        words.redact_object(&mut object);
        object
    });
    let shown = object["data"]["ClusterConfiguration"]
        .as_str()
        .expect("a text")
        .to_owned();
    let read: Value = serde_saphyr::from_str(&bare(&shown).replace('#', "x")).expect("YAML");
    assert_eq!(read["apiVersion"], "kubeadm.k8s.io/v1beta2");
    assert_eq!(read["kind"], "ClusterConfiguration");
    assert_eq!(read["clusterName"], "x");
    assert_eq!(read["controlPlaneEndpoint"], "x:6443");
    assert_eq!(read["apiServer"]["certSANs"][0], "x");
    assert_eq!(
        read["apiServer"]["extraArgs"]["feature-gates"],
        "PodSecurity=true"
    );
    assert_eq!(read["apiServer"]["extraArgs"]["ssh-user"], "x");
}
