use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::parse::parse_yaml;
use super::parse_fast;
use crate::mutate;

/// What the skim finds in a text is what the parser finds; whether it found anything.
fn agrees(text: &str) -> bool {
    let Some(document) = parse_fast(text) else {
        return false;
    };
    match parse_yaml(text, &Cell::new(10)) {
        Ok(parsed) => assert_eq!(document, parsed, "{text:?}"),
        Err(broken) => panic!("{text:?} is broken: {:?} {}", broken.line, broken.message),
    }
    true
}

/// As charts are rendered.
const RENDERED: &str = r#"---
# Source: cart/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "cart"
  namespace: shop
  creationTimestamp: null
  labels:
    app.kubernetes.io/name: cart
    "helm.sh/chart": cart-1.2.0 # of ours
  annotations: {}
spec:
  replicas: 2
  template:
    metadata:
      name: inner
    spec:
      containers:
      - name: cart
        image: "registry.example/cart:1.2.0@sha256:0123"
        args: ["--port", "8080", -v, {a: b, 'c': [1, 2]}]
        command:
          - /bin/sh
          - -c
          - |
            # not a comment
              indented: "
            	tab

            exec cart
          - --quiet
        env:
        -   name: 'IT''S'
            value: "a\"b \\ c: d"
        - name: EMPTY
          value:
        - name: LONG
          value: text that goes on
            below it

            and further
        -
          name: LATER
        resources: {requests: {cpu: 100m}}

        # a comment
      - name: second
  other: >-

    folded
  url: http://example.org:80/?a=b&c
  odd: -1.5e3
"#;

const SERVICE: &str = "kind: Service\napiVersion: v1\nmetadata:\n  generateName: cart-\n  name: cart\ntype: ClusterIP\nspec:\n  ports:\n  - port: 80\n    name: http\n  selector:\n    app: cart\ndata: {}\n";

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  labels:\n    owner: helm\n    status: deployed\n  name: sh.helm.release.v1.cart.v1\ntype: helm.sh/release.v1\ndata:\n  release: aGVsbQ==\n";

const HPA: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: cart\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: cart\n";

#[test]
fn what_charts_render_is_skimmed() {
    for text in [RENDERED, SERVICE] {
        let lines: Vec<&str> = text.lines().collect();
        for end in 1..=lines.len() {
            let part = lines[..end].join("\n");
            let begun = part.lines().any(|line| !line.starts_with(['#', '-']));
            assert_eq!(agrees(&part), begun, "{part}");
        }
    }
}

#[test]
fn what_is_unusual_is_left_to_the_parser() {
    let usual = "apiVersion: v1\nkind: A\nmetadata:\n  name: a\n";
    assert!(agrees(usual));
    for unusual in [
        "x: &a 1\n",
        "x: *a\n",
        "x: !!str 1\n",
        "? x\n: y\n",
        "x:\ty\n",
        "x: {a: b\n",
        "x: \"a\n  b\"\n",
        "x: |2\n   y\n",
        "x: a: b\n",
        "x: a\n y: b\n",
        " x: a\n",
        "- x\n",
        "x\n",
        "x: \u{e9}\n",
        "x: y\r\n",
        "items: []\n",
        "kind: B\n",
        "metadata:\n",
        "spec: {scaleTargetRef: {}}\n",
        "spec:\n  scaleTargetRef: {}\n",
        "data: {release: x}\n",
        "x: |\n# c\n  y\n",
        "x: a\n# c\n  b\n",
        "x: |\n    \n  y\n",
        "x:\n  y\n",
        "<<: {}\n",
        "---\n",
    ] {
        assert!(
            parse_fast(&format!("{usual}{unusual}")).is_none(),
            "{unusual:?}"
        );
    }
    for first in [
        "%YAML 1.2\n---\n",
        "--- # x\n",
        "---\n---\n",
        "- x\n",
        "{}\n",
    ] {
        assert!(
            parse_fast(&format!("{first}{usual}")).is_none(),
            "{first:?}"
        );
    }
    for value in [
        "1",
        "1.0",
        "null",
        "~",
        "true",
        "Yes",
        "0x1",
        "",
        "a b",
        ".inf",
        "2024-01-01",
    ] {
        let text = format!("kind: {value}\n");
        assert!(parse_fast(&text).is_none(), "{text}");
    }
    for text in ["", "\n", "# x", "---\n", SECRET, HPA] {
        assert!(parse_fast(text).is_none(), "{text:?}");
    }
}

/// Pieces of lines, some of them in places where they mean nothing.
const PIECES: [&str; 72] = [
    "",
    "- ",
    "- - ",
    "-",
    "-   ",
    "# ",
    "a",
    "b: ",
    "b:",
    "c: d",
    "c: \"d\"",
    "\"c\": 'd'",
    "'c': d",
    "c: |",
    "c: >-",
    "c: |+ ",
    "c: |2",
    "|",
    ">",
    "- |",
    "apiVersion: ",
    "apiVersion: v1",
    "kind: ",
    "kind: A",
    "kind: \"1\"",
    "type: Opaque",
    "metadata:",
    "metadata: {}",
    "name: x",
    "name: ",
    "name: 1",
    "namespace: 'y'",
    "labels:",
    "owner: helm",
    "creationTimestamp: null",
    "spec:",
    "data:",
    "items:",
    "scaleTargetRef:",
    "release: x",
    "text",
    "text: text: text",
    "text #c",
    " #c",
    ": ",
    ":",
    "::",
    "http://x:1/",
    "\"",
    "'",
    "\"a\\n\"",
    "\"a\\q\"",
    "''''",
    "{",
    "}",
    "[",
    "]",
    "{a: b}",
    "[a, b]",
    "[a: b]",
    "{a: [b, {c: d}]}",
    "{a: 'b', }",
    "&a ",
    "*a",
    "!x",
    "? ",
    "-1",
    "--x",
    "1e999",
    "~",
    "\t",
    "---",
];

fn lines() -> impl Strategy<Value = String> {
    let line = (
        0..5_usize,
        prop::collection::vec(select(PIECES.to_vec()), 1..3),
    )
        .prop_map(|(indent, pieces)| " ".repeat(indent) + &pieces.concat());
    prop::collection::vec(line, 1..9).prop_map(|lines| lines.join("\n"))
}

/// Lines that fit one another more often than not.
fn plausible() -> impl Strategy<Value = String> {
    let line = (0..4_usize, select(PIECES[..62].to_vec()))
        .prop_map(|(indent, piece)| " ".repeat(2 * indent) + piece);
    prop::collection::vec(line, 1..7).prop_map(|lines| {
        let mut text = "apiVersion: v1\nmetadata:\n  name: a\n".to_owned();
        text.push_str(&lines.join("\n"));
        text
    })
}

proptest! {
    #![proptest_config(mutate::cases(2000))]

    #[test]
    fn lines_of_any_kind_are_read_as_the_parser_reads_them(text in lines()) {
        agrees(&text);
    }

    #[test]
    fn plausible_lines_are_read_as_the_parser_reads_them(text in plausible()) {
        agrees(&text);
    }

    #[test]
    fn damaged_documents_are_read_as_the_parser_reads_them(text in mutate::damaged_text(&[RENDERED, SERVICE, SECRET, HPA])) {
        agrees(&text);
    }
}
