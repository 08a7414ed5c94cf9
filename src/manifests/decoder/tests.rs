use super::*;
use crate::snapshot::ObjectReference;

pub(super) fn file(text: &str) -> DecodedManifests {
    let catalog = Catalog::embedded().expect("the catalog");
    decode(text, Origin::File("cart.yaml"), catalog)
}

/// `apiVersion kind namespace/name location`, one an object.
pub(super) fn lines(decoded: &DecodedManifests) -> Vec<String> {
    decoded
        .objects
        .iter()
        .map(|object| {
            let namespace = object.namespace.as_deref().unwrap_or("-");
            format!(
                "{} {} {namespace}/{} {}",
                object.api_version, object.kind, object.name, object.location
            )
        })
        .collect()
}

pub(super) fn faults(decoded: &DecodedManifests) -> Vec<String> {
    decoded
        .skipped_objects
        .iter()
        .map(|fault| format!("{}: {}", fault.what, fault.why))
        .collect()
}

const BUDGET: &str = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart, namespace: shop}\n";

#[test]
fn one_document_is_called_by_its_file() {
    let decoded = file(BUDGET);
    assert_eq!(
        lines(&decoded),
        ["policy/v1beta1 PodDisruptionBudget shop/cart cart.yaml"]
    );
    assert_eq!(decoded.manifest_count, 1);
    assert_eq!(
        lines(&file(&format!("\u{feff}---\n{BUDGET}---\n"))),
        lines(&decoded)
    );
    assert_eq!(lines(&file(&BUDGET.replace('\n', "\r\n"))), lines(&decoded));
}

#[test]
fn several_documents_are_numbered() {
    let decoded = file(
        "# licence\n---\nkind: Node\napiVersion: a.example/v1\nmetadata:\n  generateName: a-\n---\n# nothing\n---\n{\"kind\":\"Event\",\"apiVersion\":\"v1\"}\n",
    );
    assert_eq!(
        lines(&decoded),
        [
            "a.example/v1 Node -/a- cart.yaml document 1, line 3",
            "v1 Event -/ cart.yaml document 2, line 10"
        ]
    );
    assert_eq!(faults(&decoded), [""; 0]);
}

#[test]
fn several_json_values_in_a_row_are_documents() {
    let decoded = file(
        "{\n\t\"apiVersion\": \"v1\", \"kind\": \"Node\"}\n{\"apiVersion\": \"v1\", \"kind\": \"Event\", \"kind\": \"Endpoints\"} \n",
    );
    assert_eq!(
        lines(&decoded),
        [
            "v1 Node -/ cart.yaml document 1",
            "v1 Endpoints -/ cart.yaml document 2"
        ]
    );
    let decoded = file(
        "{\"apiVersion\": \"v1\", \"kind\": \"Node\"}\n{\"apiVersion\": \"v1\",\n \"kind\": }\n",
    );
    assert_eq!(lines(&decoded).len(), 1);
    assert_eq!(
        faults(&decoded),
        ["cart.yaml document 2, line 3: expected value"]
    );
}

#[test]
fn json_may_stand_between_markers() {
    let value = format!(
        r#"{{"kind":"Node","apiVersion":"v1","x":{}{}}}"#,
        "[".repeat(999),
        "]".repeat(999)
    );
    let decoded = file(&format!(
        "---\n{value}\n---\n\n{{\n\"kind\": \"Node\" \"b\"}}\n"
    ));
    assert_eq!(lines(&decoded).len(), 1);
    assert_eq!(
        faults(&decoded),
        ["cart.yaml document 2, line 6: expected `,` or `}`"]
    );
}

#[test]
fn yaml_that_begins_like_json_is_yaml() {
    assert_eq!(lines(&file("{apiVersion: v1, kind: Node,}\n")).len(), 1);
    assert_eq!(faults(&file("[a, b]\n")), [""; 0]);
    assert_eq!(
        faults(&file("\n{\"apiVersion\": \"v1\",\n\"kind\": \"Node\"\n")),
        ["cart.yaml, line 4: EOF while parsing an object"]
    );
}

#[test]
fn what_helm_rendered_is_called_by_its_template() {
    let text = format!("---\n# Source: shop/templates/a.yaml\n{BUDGET}---\n{BUDGET}");
    let rendered = decode(
        &text,
        Origin::Rendered("helm release shop/cart"),
        Catalog::embedded().expect("the catalog"),
    );
    let place = |at: usize| rendered.objects[at].location.as_str();
    assert_eq!(place(0), "shop/templates/a.yaml");
    assert_eq!(place(1), "helm release shop/cart document 2, line 7");
    let place = &file(&text).objects[0].location;
    assert_eq!(place, "cart.yaml document 1, line 3");
}

#[test]
fn a_broken_document_does_not_lose_the_others() {
    let decoded = file(&format!(
        "{BUDGET}---\n{BUDGET}---\na:\n  b: 1\n c: 2\n---\n{BUDGET}"
    ));
    assert_eq!(lines(&decoded).len(), 3);
    assert_eq!(decoded.objects[2].location, "cart.yaml document 4, line 13");
    assert_eq!(
        faults(&decoded),
        ["cart.yaml document 3, line 11: while parsing a block mapping, did not find expected key"]
    );
}

#[test]
fn likely_causes_are_named() {
    let tab = "cart.yaml, line 4: YAML does not allow tabs for indentation; use spaces";
    assert_eq!(faults(&file("a: b\nmeta:\n\n\tname: a\n")), [tab]);
    assert_eq!(faults(&file("\nmeta:\n  a: b\n\tname: a\n")), [tab]);
    let template = faults(&file("a: b\n{{- if .Values.x }}\nc: d\n{{- end }}\n"));
    assert!(template[0].contains("line 2: "), "{template:?}");
    assert!(template[0].contains("helm template"), "{template:?}");
    // A tab behind a value is fine.
    assert_eq!(faults(&file("a: b\t\n\t\nc: d\n")), [""; 0]);
}

#[test]
fn lists_are_taken_apart() {
    let decoded = file(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: a}}\n\
         - apiVersion: v1\n  kind: List\n  items: [{apiVersion: b.example/v2, kind: B, metadata: {name: b}}]\n- {}\n- 5\n",
    );
    assert_eq!(
        lines(&decoded),
        ["v1 Node -/a cart.yaml", "b.example/v2 B -/b cart.yaml"]
    );
    assert_eq!(
        faults(&decoded),
        ["cart.yaml: 2 items of the list have no apiVersion and kind"]
    );
    assert_eq!(
        file("{apiVersion: v1, kind: List, items: []}").manifest_count,
        1
    );
}

#[test]
fn typed_lists_lend_their_kind() {
    let text = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]}"#;
    assert_eq!(lines(&file(text)), ["v1 Pod -/a cart.yaml"]);
}

#[test]
fn a_kind_that_only_sounds_like_a_list_is_an_object() {
    for text in [
        "{apiVersion: x.example/v1, kind: AllowList, metadata: {name: a}, items: [{a: b}]}",
        "{apiVersion: x.example/v1, kind: AllowList, metadata: {name: a}, items: {a: b}}",
        "{apiVersion: x.example/v1, kind: AllowList, metadata: {name: a}, spec: [1]}",
    ] {
        assert_eq!(lines(&file(text)), ["x.example/v1 AllowList -/a cart.yaml"]);
    }
}

#[test]
fn references_are_taken() {
    let decoded = file(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n\
         spec: {scaleTargetRef: {apiVersion: apps/v1beta1, kind: Deployment, name: web}}\n\
         ---\napiVersion: keda.sh/v1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: web}}\n",
    );
    assert_eq!(
        decoded.objects[0].references,
        [ObjectReference {
            field: "spec.scaleTargetRef".into(),
            api_version: "apps/v1beta1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
        }]
    );
    assert_eq!(decoded.objects[1].references, []);
}

#[test]
fn documents_of_other_tools_are_no_manifests() {
    for text in [
        "replicas: 3\nkind: 5\n",
        "kind: [a]\napiVersion: {b: c}\nmetadata: text\nspec: 5\nitems: x\n",
        "apiVersion: v2\nname: cart\nversion: 1.0.0\n",
        "services: {web: {image: a}}\n? {a: b}\n: c\n1: d\n~: e\n",
        "- hosts: all\n- !vault |\n  6162\n",
        "a: !Sub {b: c}\nd: !Ref e\nf: .inf\ng: 1e999\nh: !!binary zzz!\n",
        "just words\n",
        "5\n",
        "null\n",
        "# nothing\n",
        "",
    ] {
        let decoded = file(text);
        assert_eq!(lines(&decoded), [""; 0], "{text}");
        assert_eq!(faults(&decoded), [""; 0], "{text}");
        assert_eq!(decoded.manifest_count, 0, "{text}");
    }
}

#[test]
fn scalars_become_text() {
    let name = |value: &str| {
        file(&format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {value}}}\n"
        ))
        .objects
        .remove(0)
        .name
    };
    assert_eq!(name("123"), "123");
    assert_eq!(name("on"), "on");
    assert_eq!(name("true"), "true");
    assert_eq!(name("'007'"), "007");
    assert_eq!(name("2026-01-01"), "2026-01-01");
    assert_eq!(name("~"), "");
    assert_eq!(name("[a]"), "");
}

#[test]
fn the_last_of_a_key_given_twice_counts() {
    let decoded = file(
        "apiVersion: v1\nkind: Node\nkind: Event\nmetadata: {labels: {x: y, x: z}, name: a, name: b}\n",
    );
    assert_eq!(lines(&decoded), ["v1 Event -/b cart.yaml"]);
}

#[test]
fn anchors_and_merges_are_followed() {
    let decoded =
        file("x: &x {apiVersion: v1, kind: Node}\n<<: *x\nmetadata: &m {name: a}\nother: *m\n");
    assert_eq!(lines(&decoded), ["v1 Node -/a cart.yaml"]);
}

#[test]
fn records_of_deployed_releases_are_told_from_other_secrets() {
    let decoded = file(
        "apiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\ndata: {release: YQ==}\n\
         metadata: {name: sh.helm.release.v1.cart.v4, namespace: shop, labels: {status: deployed}, creationTimestamp: 2026-01-01T00:00:00Z}\n\
         ---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\ndata: {release: YQ==}\nmetadata: {labels: {status: superseded}}\n\
         ---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata: {name: empty}\n\
         ---\napiVersion: v1\nkind: Secret\ndata: {release: YQ==}\nmetadata: {name: plain}\n\
         ---\napiVersion: v1\nkind: ConfigMap\ndata: {release: YQ==}\nmetadata: {name: c, labels: {owner: helm}}\n\
         ---\napiVersion: v1\nkind: ConfigMap\ndata: {release: YQ==}\nmetadata: {name: d, labels: {owner: me}}\n\
         ---\napiVersion: v1\nkind: Secret\ndata: {release: YQ==}\nmetadata: {name: e, labels: {OWNER: TILLER}}\n\
         ---\napiVersion: v1\nkind: Secret\ndata: {release: YQ==}\nmetadata: {name: f, labels: {OWNER: me}}\n",
    );
    let records: Vec<_> = decoded
        .helm_records
        .iter()
        .map(|record| {
            (
                record.record.storage,
                record.name.to_string(),
                record.record.payload.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        records,
        [
            (
                HelmStorage::Secret,
                "shop/sh.helm.release.v1.cart.v4".to_owned(),
                &b"YQ=="[..]
            ),
            (HelmStorage::Secret, String::new(), b"YQ=="),
            (HelmStorage::ConfigMap, "c".to_owned(), b"YQ=="),
            (HelmStorage::Tiller, "e".to_owned(), b"YQ=="),
        ]
    );
    assert!(decoded.helm_records[0].record.created.is_some());
    assert_eq!(
        lines(&decoded),
        [
            "v1 Secret -/plain cart.yaml document 4, line 18",
            "v1 ConfigMap -/d cart.yaml document 6, line 28",
            "v1 Secret -/f cart.yaml document 8, line 38"
        ]
    );
    assert_eq!(
        faults(&decoded),
        ["cart.yaml document 3: the Helm record empty has no data.release"]
    );
}

/// Of few ConfigMaps and Secrets anything is read: in others, a placeholder hides nothing, and of these only keys are kept.
#[test]
fn placeholders_in_data_of_config_maps_are_no_gaps() {
    let decoded = file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {\"{{ .Values.key }}\": b}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {name: b}\ndata: \"{{ .Values.data }}\"\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {name: c, labels: {installer: overrides}}\nstringData: {tlsKey: hunter2}\n",
    );
    assert_eq!(faults(&decoded), [""; 0]);
    let fields = decoded.objects.iter().map(|object| object.fields.clone());
    let fields: Vec<_> = fields.flatten().collect();
    let kept = serde_json::json!({"metadata": {"labels": {"installer": "overrides"}}, "stringData": {"tlsKey": null}});
    assert_eq!(fields, [Box::new(kept)]);
}

#[test]
fn placeholders_in_api_version_kind_and_name_are_gaps_with_their_line() {
    for (text, expected) in [
        (
            "apiVersion: policy/${V}\nkind: Node\nmetadata: {name: a}\n",
            "cart.yaml, line 1: apiVersion is a placeholder (policy/${V}); render the manifest first",
        ),
        (
            "# x\nkind: Node\napiVersion: \"{{ include \\\"x\\\" . }}\"\n",
            "cart.yaml, line 3: apiVersion is a placeholder ({{ include \"x\" . }}); render the manifest first",
        ),
        (
            "apiVersion: {{ .Values.api }}\nkind: Node\n",
            "cart.yaml, line 1: apiVersion is not a text; render the manifest first",
        ),
        (
            "apiVersion: <no value>\nkind: Node\n",
            "cart.yaml, line 1: apiVersion is a placeholder (<no value>); render the manifest first",
        ),
        (
            "apiVersion: __API__\nkind: Node\n",
            "cart.yaml, line 1: apiVersion is a placeholder (__API__); render the manifest first",
        ),
        (
            "apiVersion: v1\nkind: null\nmetadata: {name: a}\n",
            "cart.yaml, line 2: kind is not a text; render the manifest first",
        ),
        (
            "apiVersion: v1\nkind: THE_KIND\n",
            "cart.yaml, line 2: kind is a placeholder (THE_KIND); render the manifest first",
        ),
        (
            "kind: Ingress\nmetadata: {name: a}\n",
            "cart.yaml, line 1: apiVersion is missing; render the manifest first",
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: \"${A}\", kind: Event}\n",
            "cart.yaml, line 4: apiVersion is a placeholder (${A}); render the manifest first",
        ),
    ] {
        let decoded = file(text);
        assert_eq!(faults(&decoded), [expected], "{text}");
        assert_eq!(decoded.objects, [], "{text}");
    }
    let named = file("apiVersion: v1\nkind: Node\nmetadata:\n  name: ${APP}\n");
    assert_eq!(
        faults(&named),
        ["cart.yaml, line 4: name is a placeholder (${APP}); render the manifest first"]
    );
    assert_eq!(named.objects.len(), 1, "its API can be judged");
    let ytt = file("apiVersion: v1\nkind: Node\nmetadata:\n  name: #@ data.values.name\n");
    assert_eq!(
        faults(&ytt),
        ["cart.yaml, line 4: name is not a text; render the manifest first"]
    );
}

#[test]
fn names_that_no_api_can_have_are_gaps_with_their_line() {
    for (api_version, kind, why) in [
        (
            "policy/V1beta1",
            "PodDisruptionBudget",
            "policy/V1beta1 cannot be the apiVersion; correct it, or render the manifest first",
        ),
        (
            "TODO",
            "PodDisruptionBudget",
            "TODO cannot be the apiVersion; correct it, or render the manifest first",
        ),
        (
            "\u{430}pps/v1",
            "Deployment",
            "\u{430}pps/v1 cannot be the apiVersion: it has the character U+0430",
        ),
        (
            "\"policy/v1beta1 \"",
            "PodDisruptionBudget",
            "policy/v1beta1  cannot be the apiVersion: it has the character U+0020",
        ),
        (
            "\" \"",
            "Cart",
            "apiVersion is blank; render the manifest first",
        ),
        (
            "!Ref x",
            "Cart",
            "x cannot be the apiVersion; correct it, or render the manifest first",
        ),
        (
            "\"@API@\"",
            "Cart",
            "apiVersion is a placeholder (@API@); render the manifest first",
        ),
        (
            "\"%API%\"",
            "Cart",
            "apiVersion is a placeholder (%API%); render the manifest first",
        ),
        ("policy/v3", "Cart", "no known release serves policy/v3"),
        (
            "extension/v1beta1",
            "Ingress",
            "extension is no API group of Kubernetes; extensions is",
        ),
        (
            "policy/v1",
            "poddisruptionbudgets",
            "no known release serves policy/v1 poddisruptionbudgets; it is policy/v1 PodDisruptionBudget",
        ),
    ] {
        let text = format!("kind: {kind}\napiVersion: {api_version}\nmetadata: {{name: a}}\n");
        let decoded = file(&text);
        assert_eq!(faults(&decoded), [format!("cart.yaml, line 2: {why}")]);
        assert_eq!(decoded.objects, [], "{text}");
    }
    for name in ["@@NAME@@", "%NAME%", "web-%ENV%"] {
        let named = file(&format!(
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: \"{name}\"\n"
        ));
        let why =
            format!("cart.yaml, line 4: name is a placeholder ({name}); render the manifest first");
        assert_eq!(faults(&named), [why]);
    }
}

#[test]
fn objects_that_cannot_be_applied_or_found_are_gaps() {
    for text in [
        "- {apiVersion: v1, kind: Node}\n- {a: b}\n",
        "[{\"apiVersion\": \"v1\", \"kind\": \"Node\"}]",
    ] {
        let why = "cart.yaml: a sequence of 1 objects, which cannot be applied: make it a List, or a document of each";
        assert_eq!(faults(&file(text)), [why]);
    }
    assert_eq!(faults(&file("- {op: add, path: /spec}\n- [a]\n")), [""; 0]);
    let why = "cart.yaml: a patch in it changes apiVersion or kind; render it and give the output with -f";
    assert_eq!(faults(&file("- {op: replace, path: /kind}\n")), [why]);
    let scaler = |api_version: &str, kind: &str| {
        let text = format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef:\n    apiVersion: {api_version}\n    kind: {kind}\n    name: a\n"
        );
        faults(&file(&text))
    };
    assert_eq!(
        scaler("${API}", "Deployment"),
        [
            "cart.yaml, line 6: spec.scaleTargetRef: apiVersion is a placeholder (${API}); render the manifest first"
        ]
    );
    assert_eq!(
        scaler("extension/v1beta1", "Deployment"),
        [
            "cart.yaml, line 6: spec.scaleTargetRef: extension is no API group of Kubernetes; extensions is"
        ]
    );
    assert_eq!(scaler("apps/v1", "Deployment"), [""; 0]);
    assert_eq!(scaler("argoproj.io/v1alpha1", "Rollout"), [""; 0]);
}

#[test]
fn what_is_no_mapping_where_one_must_be_is_a_gap() {
    for (section, why) in [
        (
            "spec: \"{{ .Values.spec }}\"",
            "line 3: spec is a placeholder ({{ .Values.spec }}); render the manifest first",
        ),
        (
            "spec: ${SPEC}",
            "line 3: spec is a placeholder (${SPEC}); render the manifest first",
        ),
        (
            "spec: later",
            "line 3: later cannot be the spec; correct it, or render the manifest first",
        ),
        (
            "spec: #@ data.values.spec",
            "line 3: spec is not a mapping; render the manifest first",
        ),
        (
            "spec: [a]",
            "line 3: spec is not a mapping; render the manifest first",
        ),
        (
            "metadata: $(META)",
            "line 3: metadata is a placeholder ($(META)); render the manifest first",
        ),
    ] {
        let decoded = file(&format!(
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\n{section}\n"
        ));
        assert_eq!(faults(&decoded), [format!("cart.yaml, {why}")]);
        assert_eq!(decoded.objects.len(), 1, "its API can be judged");
    }
    for text in [
        "apiVersion: shop.example/v1\nkind: Cart\nmetadata: {name: a}\nspec: any text\n",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec:\n",
        "apiVersion: v1\nkind: Node\nmetadata: {name: a@shop.example}\n",
    ] {
        assert_eq!(faults(&file(text)), [""; 0], "{text}");
    }
    for list in [
        "kind: PodList\nitems: \"{{ .items }}\"",
        "kind: list",
        "kind: List\nitems:",
    ] {
        let decoded = file(&format!("apiVersion: v1\n{list}\n"));
        assert_eq!(
            faults(&decoded),
            ["cart.yaml: a list without a sequence of items"]
        );
    }
}

#[test]
fn documents_that_are_no_manifests_are_still_ignored() {
    for text in [
        "kind: DaemonSet\ncontroller: {name: x}\n",
        "apiVersion: 1\ndatasources: []\n",
        "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "replicas: 3\nmetadata: {name: x}\n",
        "api: {{ .Values.api }}\n",
    ] {
        let decoded = file(text);
        assert_eq!(faults(&decoded), [""; 0], "{text}");
        assert_eq!(decoded.manifest_count, 0, "{text}");
    }
    for (api_version, kind, name) in [
        ("kustomize.config.k8s.io/v1beta1", "Component", "x"),
        ("x-corp.example/v1alpha1", "lower-Kind2", "a:b.c"),
        ("v1", "Node", "system:node:_x"),
    ] {
        let decoded = file(&format!(
            "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: \"{name}\"}}\n"
        ));
        assert_eq!(faults(&decoded), [""; 0], "{api_version}");
        assert_eq!(decoded.objects.len(), 1);
    }
}

#[test]
fn documents_beside_manifests_that_are_none_are_gaps_with_their_line() {
    for text in [
        "{{ include \"x\" . }}",
        "{{.x}}",
        "Error: template not found",
        "words",
        "metadata: {name: x}\nspec: {}",
        "kind: Deployment",
        "a: {apiVersion: policy/v1beta1, kind: PodDisruptionBudget}",
        "- a",
    ] {
        for (whole, place) in [
            (format!("{BUDGET}---\n# above\n{text}\n"), "2, line 6"),
            (format!("{text}\n---\n{BUDGET}"), "1, line 1"),
        ] {
            let decoded = file(&whole);
            assert_eq!(decoded.objects.len(), 1, "{text}");
            let [fault] = faults(&decoded).try_into().expect("one fault");
            let fault: String = fault;
            let expected = format!("cart.yaml document {place}: it is no manifest");
            assert!(fault.starts_with(&expected), "{text}: {fault}");
        }
    }
    for text in ["# nothing", "", "null", "~", "{}", "[]"] {
        let decoded = file(&format!("{BUDGET}---\n{text}\n"));
        assert_eq!(faults(&decoded), [""; 0], "{text}");
    }
}

#[test]
fn objects_of_a_template_are_read() {
    let text = "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: shop}\nobjects:\n- apiVersion: policy/v1beta1\n  kind: PodDisruptionBudget\n  metadata: {name: \"${NAME}\"}\n- {apiVersion: \"${API}\", kind: Node, metadata: {name: a}}\nparameters: []\n";
    let decoded = file(text);
    assert_eq!(
        lines(&decoded),
        ["policy/v1beta1 PodDisruptionBudget -/${NAME} cart.yaml"]
    );
    assert_eq!(
        faults(&decoded),
        ["cart.yaml, line 8: apiVersion is a placeholder (${API}); render the manifest first"]
    );
}

#[test]
fn a_copy_of_a_live_object_remembers_its_writers() {
    let text = r#"
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: cart
  uid: 0a1b2c3d-4e5f-4000-8000-00000000abcd
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget"}
  managedFields:
  - {apiVersion: policy/v1beta1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:minAvailable": {}}}, manager: kubectl-create, operation: Update, time: "2023-05-01T10:00:00Z"}
  - {apiVersion: policy/v1, manager: shop, operation: Apply}
"#;
    let decoded = file(text);
    let live = decoded.objects[0].live.as_ref().expect("its writers");
    let entries: Vec<_> = live
        .field_managers
        .iter()
        .map(|entry| {
            (
                &*entry.name,
                &*entry.api_version,
                entry.is_apply,
                entry.leaves,
            )
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("kubectl-create", "policy/v1beta1", false, Some(1)),
            ("shop", "policy/v1", true, None)
        ]
    );
    assert_eq!(&*live.last_applied[0].api_version, "policy/v1beta1");
    let written = file(&text.replace("  uid:", "  x:").replace("managedFields", "y"));
    assert_eq!(written.objects[0].live, None, "a manifest somebody wrote");
}

#[test]
fn fields_that_rules_read_are_kept() {
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: carts.shop.example}\nspec:\n  group: shop.example\n  versions: [{name: v1, schema: {x: y}}]\n";
    let kept = serde_json::json!({"metadata": {"name": "carts.shop.example"}, "spec": {"versions": [{"name": "v1"}]}});
    let fields = |text: &str| {
        let objects = file(text).objects.into_iter();
        objects
            .map(|object| object.fields.map(|fields| *fields))
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(crd), [Some(kept.clone())]);
    let item = crd.replace('\n', "\n  ");
    let list =
        format!("apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Pod}}\n- {item}\n");
    assert_eq!(fields(&list), [None, Some(kept)]);
    let workload = |key: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {{template: {{spec: {{nodeSelector: {{{key}: ''}}}}}}}}\n"
        )
    };
    assert!(fields(&workload("node-role.kubernetes.io/master"))[0].is_some());
    assert_eq!(fields(&workload("disk")), [None]);
}

#[test]
fn a_document_that_is_too_large_to_be_searched_is_a_gap() {
    let wrapper = |key: &str, note: &str| {
        format!(
            "apiVersion: shop.example/v1\nkind: Shop\nmetadata: {{name: a}}\nspec:\n  {key}: {{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {{name: b}}}}\n  note: {note}\n"
        )
    };
    let small = file(&wrapper("budget", "x"));
    assert_eq!(
        (lines(&small).len(), faults(&small)),
        (2, Vec::<String>::new())
    );
    let long = "x".repeat(3 << 20);
    let large = file(&wrapper("budget", &long));
    assert_eq!(
        faults(&large),
        ["cart.yaml: it is too large to be searched for manifests in custom resources; split it"]
    );
    let copy = file(&wrapper("managedFields", &long));
    assert_eq!(faults(&copy), [""; 0]);
}
