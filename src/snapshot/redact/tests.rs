//! Words and objects, one by one; whole snapshots are redacted in `tests/fast/redact.rs`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::known::Known;
use super::shapes::{is_pseudonym, reason};
use super::words::Words;
use super::{Files, Key, Snapshot};
use crate::catalog::Catalog;
use crate::certificate;

fn with<T>(test: impl Fn(&Words<'_>) -> T) -> T {
    with_key(b"uid", test)
}

fn with_key<T>(key: &[u8], test: impl Fn(&Words<'_>) -> T) -> T {
    let catalog = Catalog::embedded().expect("the catalog");
    let snapshot = Snapshot {
        redacted: false,
        taken_at: Timestamp::UNIX_EPOCH,
        clusters: Vec::new(),
        files: Files::default(),
    };
    let key = Key::new(key);
    test(&Words::new(
        &key,
        Known::new(&catalog, &snapshot),
        &snapshot,
    ))
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
            "#/#:v1.27.3-rke2r1-build20230614",
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
        assert_eq!(bare(&with(|words| words.text(text))), expected, "{text}");
    }
}

#[test]
fn the_same_name_is_the_same_everywhere_and_another_with_another_key() {
    let (word, text) = with(|words| (words.word("shop"), words.text("a/shop")));
    assert!(text.ends_with(&word), "{word} {text}");
    assert_eq!(
        with(|words| words.word(&word)),
        word,
        "a pseudonym is its own"
    );
    assert_ne!(with_key(b"another", |words| words.word("shop")), word);
}

/// The key is a UID itself, that of a namespace, and must not be in any row.
#[test]
fn uids_are_replaced_and_still_lead_somewhere() {
    use crate::snapshot::{JsonRow, MetaRow, OwnerRow, Rows, Uid};
    let uid: Uid = "0a1b2c3d-4e5f-4000-8000-00000000abcd".parse().expect("one");
    let row = MetaRow {
        uid: Some(uid),
        owners: vec![OwnerRow {
            uid: Some(uid),
            ..OwnerRow::default()
        }],
        ..MetaRow::default()
    };
    let object = json!({"metadata": {"uid": uid.to_string()}});
    let subject = super::Key::need().subject;
    let mut rows = Rows::Json(vec![JsonRow { meta: row, object }]);
    let mut redact = || {
        let before = rows.clone();
        let after = std::cell::RefCell::new(before);
        with(|words| words.rows(&subject, &mut after.borrow_mut()));
        rows = after.into_inner();
        rows.clone()
    };
    let once = redact();
    let text = serde_json::to_string(&once).expect("JSON");
    assert!(!text.contains(&uid.to_string()), "{text}");
    let row = &once.json()[0].meta;
    assert!(row.uid.is_some() && row.uid == row.owners[0].uid, "{text}");
    assert_eq!(redact(), once, "once is enough");
}

#[test]
fn what_a_deployment_has_made_is_called_after_it() {
    let (one, other, pod, known, long) = with(|words| {
        let long = words.word("a-6d4f-6d4f-6d4f-6d4f-6d4f");
        (
            words.word("cart"),
            words.word("cart-7cb9d8f5"),
            words.word("cart-7cb9d8f5-x2xkp"),
            words.word("coredns-7cb9d8f5"),
            long,
        )
    });
    assert_eq!(
        other.rsplit_once('-').map(|(front, _)| front),
        Some(one.as_str())
    );
    assert_eq!(with(|words| words.word(&other)), other);
    assert!(is_pseudonym(&pod), "{pod}");
    assert!(known.starts_with("coredns-x"), "{known}");
    assert!(long.len() <= 63, "{long}");
}

#[test]
fn names_without_an_end_are_replaced_at_once() {
    for part in ["k3d-", "6d4f-", "kube-dns-", "1.2-", "a/", "[", "1m"] {
        let long = part.repeat(300_000);
        let shown = with(|words| words.word(&long));
        assert!(is_pseudonym(&shown), "{part}");
        assert!(!with(|words| words.text(&long)).is_empty());
    }
}

#[test]
fn places_are_replaced_part_by_part() {
    let all = |words: &Words<'_>| {
        [
            words.location("deploy/shop/cart.yaml document 2"),
            words.location("stdin document 1"),
            words.location("cart/templates/cronjob.yaml"),
            words.server("https://api.corp.example:6443"),
            words.server("https://[fd00::1]:6443/k8s/clusters/c-1"),
            words.owner("ReplicaSet/web-7d9"),
            words.owner("flux kustomization infra/base"),
            words.chart("cart-1.2.0"),
            words.chart("my-cart"),
            words.system("Ubuntu 22.04.3 LTS"),
            words.system("Corp Linux 5"),
            words.kind("cluster.x-k8s.io/v1beta1", "AWSCluster"),
            words.kind("corp.example/v1", "Widget"),
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
        assert_eq!(reason(text), expected);
        assert_eq!(reason(expected), expected, "once is enough");
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
        words.object(&mut object);
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
        words.object(&mut object);
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

#[test]
fn certificates_keep_their_end_and_nothing_else() {
    let ends: Vec<Timestamp> = ["2024-02-03T04:05:06Z", "2051-01-01T00:00:00Z"]
        .map(|end| end.parse().expect("a time"))
        .to_vec();
    assert_eq!(certificate::ends(&certificate::bare(&ends)), ends);
}
