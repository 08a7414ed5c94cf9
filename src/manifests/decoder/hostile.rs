//! Input that somebody made to do harm, and input that merely looks like it.

use proptest::prelude::*;

use super::tests::{faults, file, lines};
use super::*;

#[test]
fn faults_do_not_quote_values() {
    for text in [
        "kind: Secret\nstringData:\n  key: hunter2\n bad\n",
        "{\"kind\": \"Secret\", \"data\": {\"key\": \"hunter2\"}",
        "kind: Secret\nstringData: {key: !!int hunter2}\n",
        "kind: Secret\nstringData: {key: !!float hunter2}\n",
        "kind: Secret\nstringData: {key: \"hunter2}\n",
        "kind: Secret\n? hunter2\nx\n",
        "kind: Secret\nhunter2: {a\n",
    ] {
        let faults = faults(&file(text));
        assert_eq!(faults.len(), 1, "{text}");
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }
}

#[test]
fn large_values_and_many_comments_are_fine() {
    let value = "v".repeat(2 << 20);
    let comments = "    # c\n".repeat(200);
    let text = format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  annotations:\n{comments}    a: \"{value}\"\n    b: |\n      {value}\n  name: a\n"
    );
    assert_eq!(lines(&file(&text)), ["v1 Node -/a cart.yaml"]);
}

#[test]
fn nesting_is_bounded() {
    for text in [
        "[".repeat(10_000),
        "{\"a\":".repeat(10_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
        "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [".repeat(10_000),
    ] {
        let faults = faults(&file(&text));
        assert_eq!(faults.len(), 1, "{}", &text[..10]);
    }
    let deep = format!(
        "kind: Node\napiVersion: v1\nx: {}{}\n",
        "[".repeat(55),
        "]".repeat(55)
    );
    assert_eq!(lines(&file(&deep)).len(), 1);
    // JSON that is not kept costs no stack, however deep.
    let deep = format!(
        r#"{{"kind":"Node","apiVersion":"v1","x":{}{}}}"#,
        "[".repeat(99_999),
        "]".repeat(99_999)
    );
    assert_eq!(lines(&file(&deep)).len(), 1);
}

#[test]
fn aliases_are_bounded() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..20 {
        let below = vec![format!("*a{}", level - 1); 10].join(",");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let bomb = faults(&file(&text));
    assert_eq!(bomb.len(), 1);
    assert!(bomb[0].contains("aliases"), "{bomb:?}");
    assert_eq!(
        faults(&file("a: &a [*a]\nkind: Node\napiVersion: v1\n")).len(),
        1
    );
}

#[test]
fn the_number_of_objects_is_bounded() {
    let left = Cell::new(2);
    let list = r#"{"kind":"List","apiVersion":"v1","items":[{},{}]}"#;
    let (documents, broken) = parse::parse_documents(list, &left);
    assert!(documents.is_empty());
    assert!(broken.is_some_and(|broken| broken.message.contains("too many objects")));
}

#[test]
fn the_number_of_faults_is_bounded() {
    let decoded = file(&format!(
        "{}---\nkind: Node\napiVersion: v1\n",
        "---\na: b: c\n".repeat(150)
    ));
    assert_eq!(lines(&decoded).len(), 1);
    let faults = faults(&decoded);
    assert_eq!(faults.len(), MAX_LISTED_SKIPPED + 1);
    assert_eq!(
        faults[MAX_LISTED_SKIPPED],
        "cart.yaml: 50 more documents cannot be understood"
    );
}

#[test]
fn documents_beyond_the_bound_are_one_fault() {
    let one = "---\n{\"kind\":\"Node\",\"apiVersion\":\"v1\"}\n";
    let decoded = file(&one.repeat(MAX_OBJECTS + 3));
    assert_eq!(decoded.objects.len(), MAX_OBJECTS);
    assert_eq!(
        faults(&decoded),
        ["cart.yaml, line 1000001 and below: more than 500000 objects; split it"]
    );
}

/// Pieces that make up manifests, so that random texts get beyond the first character.
fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "---\n",
        "...\n",
        "apiVersion: v1\n",
        "kind: List\n",
        "kind: Secret\n",
        "items:\n",
        "- ",
        "  ",
        "\t",
        "metadata:\n",
        "name: a\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ": ",
        ",",
        "|\n",
        "&a ",
        "*a\n",
        "<<: ",
        "# Source: x\n",
        "\r\n",
        "%YAML 1.2\n",
        "!!binary ",
        "data:\n",
        "release: ",
        "é",
        "\u{0}",
        "\u{feff}",
        "type: helm.sh/release.v1\n",
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(crate::mutate::cases(256))]

    #[test]
    fn no_text_panics(text in ".*") {
        file(&text);
    }

    #[test]
    fn no_manifest_like_text_panics(text in pieces()) {
        let decoded = file(&text);
        for fault in &decoded.skipped_objects {
            prop_assert!(fault.what.starts_with("cart.yaml"));
        }
    }

    #[test]
    fn chunks_lose_no_content(text in pieces()) {
        let lines: Vec<&str> = text.lines().collect();
        for chunk in split_documents(&text) {
            let first = chunk.text.lines().next().unwrap_or_default();
            prop_assert_eq!(lines[chunk.first_line - 1], first);
        }
    }
}

/// One of each thing that is taken from a manifest.
const VALID: [&str; 4] = [
    "# Source: cart/templates/pdb.yaml\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart, namespace: shop, labels: {owner: helm}}\n---\nx: &x {apiVersion: v1, kind: Node}\n<<: *x\nmetadata:\n  name: |\n    a\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: autoscaling/v2\n  kind: HorizontalPodAutoscaler\n  metadata: {generateName: web-}\n  spec: {scaleTargetRef: {apiVersion: apps/v1beta1, kind: Deployment, name: web}}\n",
    r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a","creationTimestamp":"2026-01-01T00:00:00Z"}}]}{"apiVersion":"v1","kind":"Node"}"#,
    "apiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\ndata: {release: YQ==}\nmetadata: {name: a, labels: {status: deployed}}\n",
];

proptest! {
    #![proptest_config(crate::mutate::cases(512))]

    #[test]
    fn no_damage_panics(text in crate::mutate::damaged_text(&VALID)) {
        let decoded = file(&text);
        prop_assert!(decoded.skipped_objects.len() <= MAX_LISTED_SKIPPED + 1);
    }
}

#[test]
fn what_aliases_repeat_is_bounded() {
    let name = "n".repeat(1 << 20);
    let aliases = vec!["*x"; 1000].join(",");
    let text = format!(
        "x: &x {{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}\napiVersion: v1\nkind: List\nitems: [{aliases}]\n"
    );
    let decoded = file(&text);
    assert!(decoded.objects.is_empty());
    let faults = faults(&decoded);
    assert!(faults[0].contains("8 MiB"), "{faults:?}");
    // A few are fine.
    let text = text.replace(&name, "cart");
    assert_eq!(file(&text).objects.len(), 1000);
}

#[test]
fn what_a_list_lends_to_its_items_is_bounded() {
    let item = r#"{"metadata":{"name":"a"}}"#;
    let text = format!(
        r#"{{"kind":"{}List","apiVersion":"k.example/v1","items":[{}]}}"#,
        "k".repeat(1 << 20),
        vec![item; 1000].join(",")
    );
    let decoded = file(&text);
    assert!(
        decoded.objects.len() <= MAX_OBJECT_BYTES >> 20,
        "{}",
        decoded.objects.len()
    );
    assert_eq!(
        faults(&decoded),
        ["cart.yaml: its objects take more than 128 MiB; split it"]
    );
    let source = "s".repeat(1 << 20);
    let items = "- {apiVersion: v1, kind: Node}\n".repeat(1000);
    let text = format!("# Source: {source}\napiVersion: v1\nkind: List\nitems:\n{items}");
    let decoded = decode(
        &text,
        Origin::Rendered("x"),
        Catalog::embedded().expect("the catalog"),
    );
    assert_eq!(decoded.objects.len(), 1000);
    assert_eq!(
        decoded.objects[0].location.len(),
        super::super::documents::MAX_NAME
    );
}
