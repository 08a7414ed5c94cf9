use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn decode(payload: &[u8]) -> Result<HelmRelease, HelmError> {
    static CATALOG: std::sync::LazyLock<&Catalog> =
        std::sync::LazyLock::new(|| Catalog::embedded().expect("the catalog is sound"));
    decode_record(&record(payload, None), &CATALOG)
}

fn record(payload: &[u8], status: Option<&str>) -> HelmRecord {
    HelmRecord {
        storage: HelmStorage::Secret,
        created: None,
        status: status.map(str::to_owned),
        payload: payload.to_vec(),
    }
}

fn packed(json: &str) -> Vec<u8> {
    STANDARD.encode(gzip(json.as_bytes())).into_bytes()
}

fn cart() -> String {
    let manifest = "---\n# Source: cart/templates/pdb.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: cart\n\
        ---\n# Source: cart/templates/role.yaml\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: cart\n\
        ---\n# Source: cart/templates/own.yaml\napiVersion: example.com/v1\nkind: Basket\nmetadata:\n  name: cart\n\
        ---\n# Source: cart/templates/other.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: cart\n  namespace: other\n\
        ---\n# Source: cart/templates/bad.yaml\na: b: c\n";
    let hook = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata:\n  name: hook\n";
    serde_json::json!({
        "name": "cart",
        "namespace": "shop",
        "version": 4,
        "info": {"status": "deployed", "notes": "hunter2"},
        "config": {"password": "hunter2", "deep": [[[{}]]]},
        "chart": {
            "metadata": {"name": "cart", "version": "1.2.0"},
            "values": {"password": "hunter2"},
            "templates": [{"name": "templates/pdb.yaml", "data": "e30="}],
        },
        "manifest": manifest,
        "hooks": [{"path": "cart/templates/hook.yaml", "manifest": hook, "events": ["pre-upgrade"]}, {"manifest": null}],
    })
    .to_string()
}

#[test]
fn a_record_is_reduced_to_its_objects() {
    let release = decode(&packed(&cart())).expect("it is a record");
    assert_eq!(release.row.status, "deployed");
    let row = &release.row;
    assert_eq!(
        (
            row.namespace.as_str(),
            row.release.as_str(),
            row.revision,
            row.chart.as_str()
        ),
        ("shop", "cart", 4, "cart-1.2.0")
    );
    let objects: Vec<_> = row
        .objects
        .iter()
        .map(|object| {
            (
                object.kind.as_str(),
                object.namespace.as_deref(),
                object.location.as_str(),
            )
        })
        .collect();
    assert_eq!(
        objects,
        [
            (
                "PodDisruptionBudget",
                Some("shop"),
                "cart/templates/pdb.yaml"
            ),
            ("ClusterRole", None, "cart/templates/role.yaml"),
            ("Basket", Some("shop"), "cart/templates/own.yaml"),
            ("Pod", Some("other"), "cart/templates/other.yaml"),
            ("CronJob", Some("shop"), "cart/templates/hook.yaml"),
        ]
    );
    assert_eq!(release.skipped_objects.len(), 1);
    assert_eq!(
        release.skipped_objects[0].what,
        "helm release shop/cart document 5 (cart/templates/bad.yaml), line 28"
    );
    assert!(!format!("{release:?}").contains("hunter2"));
}

#[test]
fn line_ends_in_base64_and_missing_gzip_are_tolerated() {
    let expected = decode(&packed(&cart())).expect("it is a record").row;
    let wrapped: Vec<u8> = packed(&cart())
        .chunks(60)
        .flat_map(|line| [line, b"\r\n"].concat())
        .collect();
    assert_eq!(decode(&wrapped).expect("it is a record").row, expected);
    let plain = STANDARD.encode(cart());
    assert_eq!(
        decode(plain.as_bytes()).expect("it is a record").row,
        expected
    );
    let twice = STANDARD.encode(&wrapped);
    let once = decode_secret_data(&twice).expect("it is base64");
    assert_eq!(decode(&once).expect("it is a record").row, expected);
}

#[test]
fn sparse_records_are_read() {
    let release = decode(&packed(
        r#"{"name":"a","version":1,"hooks":null,"chart":null,"info":null}"#,
    ))
    .expect("it is a record");
    assert_eq!(release.row.status, "");
    assert_eq!(release.row.objects, []);
    assert_eq!(release.row.chart, "");
}

#[test]
fn damage_is_named_and_never_quoted() {
    let whole = gzip(cart().as_bytes());
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2);
    let mut flipped = whole.clone();
    let end = flipped.len() - 5;
    flipped[end] ^= 0xff;
    let encode = |bytes: &[u8]| STANDARD.encode(bytes).into_bytes();
    assert!(matches!(decode(b"not base64!"), Err(HelmError::Base64(_))));
    assert!(matches!(decode(&encode(&torn)), Err(HelmError::Gzip(_))));
    assert!(matches!(decode(&encode(&flipped)), Err(HelmError::Gzip(_))));
    assert!(matches!(decode(b""), Err(HelmError::Json { .. })));
    for text in [
        "[]",
        "{}",
        r#"{"name":"a","version":"hunter2"}"#,
        r#"{"name":"a","version":1,"chart":"hunter2"}"#,
    ] {
        let error = decode(&packed(text)).expect_err("it is no record");
        assert!(matches!(error, HelmError::Json { .. }), "{text}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}

#[test]
fn a_bomb_stops_at_the_bound() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(br#"{"name":"a","version":1,"config":""#)
        .expect("memory takes it");
    let block = vec![b'a'; 1 << 20];
    for _ in 0..=MAX_MIB {
        encoder.write_all(&block).expect("memory takes it");
    }
    encoder.write_all(br#""}"#).expect("memory takes it");
    let bomb = STANDARD.encode(encoder.finish().expect("memory takes it"));
    let error = decode(bomb.as_bytes()).expect_err("it is a bomb");
    assert!(matches!(error, HelmError::TooLarge));
    assert!(error.to_string().contains("64 MiB"));
}

#[test]
fn deep_json_is_no_danger() {
    let json = format!(
        r#"{{"name":"a","version":1,"config":{}{}}}"#,
        "[".repeat(99_999),
        "]".repeat(99_999)
    );
    assert!(decode(&packed(&json)).is_ok());
}

#[test]
fn the_newest_deployed_revision_counts() {
    let row = |namespace: &str, release: &str, revision, storage| HelmReleaseRow {
        status: "deployed".to_owned(),
        label: None,
        namespace: namespace.into(),
        release: release.into(),
        revision,
        chart: String::new(),
        storage,
        created_at: None,
        objects: Vec::new(),
    };
    let rows = newest_revisions(vec![
        row("b", "x", 2, HelmStorage::Secret),
        row("b", "x", 10, HelmStorage::Secret),
        row("b", "x", 9, HelmStorage::Secret),
        row("b", "x", 1, HelmStorage::ConfigMap),
        row("a", "z", 1, HelmStorage::Secret),
        row("a", "y", 3, HelmStorage::Secret),
    ]);
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (row.namespace.as_str(), row.release.as_str(), row.revision))
        .collect();
    assert_eq!(
        keys,
        [("a", "y", 3), ("a", "z", 1), ("b", "x", 10), ("b", "x", 1)]
    );
}

proptest! {
    #![proptest_config(crate::mutate::cases(64))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode(STANDARD.encode(&bytes).as_bytes());
        let _ = decode(STANDARD.encode([&GZIP_MAGIC[..], &bytes].concat()).as_bytes());
        let _ = decode(STANDARD.encode(gzip(&bytes)).as_bytes());
    }
}

proptest! {
    #![proptest_config(crate::mutate::cases(128))]

    #[test]
    fn no_damage_to_a_record_panics(
        json in crate::mutate::damaged(vec![cart().into_bytes()]),
        packed in crate::mutate::damaged(vec![packed(&cart())]),
    ) {
        let _ = decode(STANDARD.encode(&json).as_bytes());
        let _ = decode(STANDARD.encode(gzip(&json)).as_bytes());
        let _ = decode(&packed);
        let _ = decode_secret_data(&packed);
    }
}

#[test]
fn what_a_record_repeats_is_bounded() {
    let long = "n".repeat(300);
    for text in [
        format!(r#"{{"name":"{long}","version":1}}"#),
        format!(r#"{{"name":"a","namespace":"{long}","version":1}}"#),
    ] {
        let error = decode(&packed(&text)).expect_err("no such name");
        assert!(matches!(error, HelmError::NameTooLong), "{error:?}");
    }
    let hooks = vec![serde_json::json!({"path": long.repeat(10), "manifest": "a: b: c"}); 250];
    let record = serde_json::json!({"name": "a", "namespace": "b", "version": 1, "hooks": hooks});
    let release = decode(&packed(&record.to_string())).expect("a record");
    assert_eq!(
        release.skipped_objects.len(),
        101,
        "those of all hooks together"
    );
    assert_eq!(
        release.skipped_objects[100].why,
        "150 more documents cannot be understood"
    );
    assert!(release.skipped_objects[0].what.len() < 1200);
}

#[test]
fn label_and_record_that_differ_are_reported() {
    static CATALOG: std::sync::LazyLock<&Catalog> =
        std::sync::LazyLock::new(|| Catalog::embedded().expect("the catalog is sound"));
    let inner = |status: &str| packed(&cart().replace("deployed", status));
    for (label, status, faults) in [
        (None, "deployed", 1),
        (None, "superseded", 1),
        (Some("deployed"), "deployed", 1),
        (Some("deployed"), "failed", 2),
        (Some("Deployed"), "deployed", 2),
        (Some("superseded"), "deployed", 2),
    ] {
        let release = record(&inner(status), label).decode(&CATALOG);
        let release = release.expect("it is a record");
        assert_eq!(release.row.status, status);
        let reported = release.skipped_objects.len();
        assert_eq!(reported, faults, "{label:?} {status}");
        let is_deployed = label.unwrap_or(status) == "deployed";
        assert_eq!(release.row.is_labelled_deployed(), is_deployed);
    }
}

/// Revisions of one release as (label, record), oldest first, and the one that `helm upgrade` of 3.22 compares with.
#[test]
fn the_revision_is_chosen_as_helm_does() {
    for (revisions, current) in [
        (
            vec![("deployed", "deployed"), ("failed", "failed")],
            Some(1),
        ),
        (
            vec![("deployed", "deployed"), ("deployed", "deployed")],
            Some(2),
        ),
        (
            vec![("superseded", "superseded"), ("failed", "failed")],
            Some(2),
        ),
        (
            vec![("superseded", "superseded"), ("superseded", "superseded")],
            Some(2),
        ),
        (
            vec![("deployed", "superseded"), ("superseded", "deployed")],
            Some(2),
        ),
        (
            vec![("deployed", "superseded"), ("superseded", "superseded")],
            Some(1),
        ),
        (
            vec![("superseded", "deployed"), ("failed", "failed")],
            Some(2),
        ),
        (vec![("weird", "deployed")], Some(1)),
        (vec![("", "deployed")], Some(1)),
        (
            vec![
                ("deployed", "deployed"),
                ("pending-upgrade", "pending-upgrade"),
            ],
            Some(1),
        ),
        (vec![("pending-install", "pending-install")], Some(1)),
        (
            vec![("superseded", "superseded"), ("uninstalled", "uninstalled")],
            None,
        ),
    ] {
        let rows = revisions
            .iter()
            .zip(1..)
            .map(|((label, status), revision)| HelmReleaseRow {
                namespace: "shop".to_owned(),
                release: "cart".to_owned(),
                revision,
                chart: String::new(),
                storage: HelmStorage::Secret,
                created_at: None,
                status: (*status).to_owned(),
                label: Some((*label).to_owned()),
                objects: Vec::new(),
            });
        let kept = newest_revisions(rows.collect());
        let kept: Vec<&HelmReleaseRow> = kept.iter().collect();
        let chosen = HelmReleaseRow::current(&kept).map(|row| row.revision);
        assert_eq!(chosen, current, "{revisions:?}");
    }
}

#[test]
fn records_of_helm_2_are_read() {
    static CATALOG: std::sync::LazyLock<&Catalog> =
        std::sync::LazyLock::new(|| Catalog::embedded().expect("the catalog is sound"));
    let release = TillerRelease {
        name: "cart".to_owned(),
        info: Some(TillerInfo {
            status: Some(TillerStatus { code: 1 }),
        }),
        chart: Some(TillerChart {
            metadata: Some(TillerChartMetadata {
                name: "cart".to_owned(),
                version: "1.2.0".to_owned(),
            }),
        }),
        manifest: "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart}\n"
            .to_owned(),
        hooks: Vec::new(),
        version: 4,
        namespace: "shop".to_owned(),
    };
    let stored = |payload: Vec<u8>| HelmRecord {
        storage: HelmStorage::Tiller,
        ..record(&STANDARD.encode(payload).into_bytes(), Some("DEPLOYED"))
    };
    let read = stored(gzip(&release.encode_to_vec())).decode(&CATALOG);
    let row = read.expect("it is a record").row;
    assert_eq!((row.chart.as_str(), row.revision), ("cart-1.2.0", 4));
    assert_eq!(row.objects[0].namespace.as_deref(), Some("shop"));
    let broken = stored(gzip(b"\x0a\xff")).decode(&CATALOG);
    assert!(matches!(broken, Err(HelmError::Tiller)), "{broken:?}");
}
