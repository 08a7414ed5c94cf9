use std::fs::{self, File};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::bufread::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;

use super::source::MAX_FILE_MIB;
use super::*;
use crate::snapshot::{ApiCount, HelmStorage};

pub(super) const BUDGET: &str =
    "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart}\n";

pub(super) fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        fs::write(path, content).expect("a file");
    }
    dir
}

pub(super) fn read_all(paths: &[PathBuf], stdin: &[u8]) -> Result<ManifestFiles, FilesError> {
    let catalog = Catalog::embedded().expect("the catalog is sound");
    let interest = ManifestFilter {
        has_cluster: false,
        from: None,
        to: None,
        oldest: None,
    };
    read(paths, (STDIN_NAME, stdin), catalog, interest)
}

pub(super) fn read_tree(dir: &TempDir) -> ManifestFiles {
    read_all(&[dir.path().to_owned()], b"").expect("the directory is there")
}

/// Locations of objects below the directory.
pub(super) fn locations(files: &ManifestFiles, dir: &TempDir) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    files
        .objects
        .iter()
        .map(|object| object.location.replace(&root, ""))
        .collect()
}

/// Gaps as `what: why`, relative to the directory.
pub(super) fn gaps(files: &ManifestFiles, dir: &TempDir) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    files
        .gaps
        .iter()
        .map(|gap| format!("{}: {}", gap.what, gap.why).replace(&root, ""))
        .collect()
}

#[test]
fn trees_are_walked_in_order() {
    let two = format!("{BUDGET}---\n{BUDGET}");
    let dir = tree(&[
        ("b.yaml", BUDGET.as_bytes()),
        ("a/two.YML", two.as_bytes()),
        ("a/.hidden.yaml", BUDGET.as_bytes()),
        ("c.json", br#"{"apiVersion": "v1", "kind": "Pod"}"#),
        (".git/x.yaml", BUDGET.as_bytes()),
        ("values.yaml", b"replicas: 3\n"),
        ("empty.yaml", b""),
        ("notes.txt", b"a: b: c"),
    ]);
    let files = read_tree(&dir);
    assert_eq!(
        locations(&files, &dir),
        [
            "a/.hidden.yaml",
            "a/two.YML document 1, line 1",
            "a/two.YML document 2, line 5",
            "b.yaml",
        ]
    );
    assert_eq!((files.files_read, files.files_skipped), (4, 2));
    let pods = ApiCount {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        count: 1,
    };
    assert_eq!(files.api_counts, [pods], "of no interest, and counted");
    assert_eq!(files.objects_read(), 5);
    assert_eq!(files.gaps, []);
}

#[test]
fn named_files_are_read_whatever_their_name() {
    let dir = tree(&[("budget", BUDGET.as_bytes()), ("notes.txt", b"words\n")]);
    let paths = [dir.path().join("budget"), dir.path().join("notes.txt")];
    let files = read_all(&paths, b"").expect("they are there");
    assert_eq!(
        (files.objects.len(), files.files_read, files.files_skipped),
        (1, 1, 1)
    );
}

#[test]
fn a_kustomization_of_files_that_are_not_there_is_a_gap() {
    for resources in ["[missing.yaml]", "[base]", "[\"{{ x }}\"]", "[]"] {
        let text = format!("resources: {resources}\n");
        let files = read_tree(&tree(&[("kustomization.yaml", text.as_bytes())]));
        assert_eq!(files.gaps.len(), 1, "{resources}: {:?}", files.gaps);
    }
}

#[test]
fn a_list_with_a_name_is_opened_like_any_other() {
    let list = format!(
        "apiVersion: v1\nkind: List\nmetadata: {{name: backup}}\nitems:\n- {}\n",
        BUDGET.trim_end().replace('\n', "\n  ")
    );
    let files = read_tree(&tree(&[("list.yaml", list.as_bytes())]));
    assert_eq!(files.gaps.len(), 0, "{:?}", files.gaps);
    assert_eq!(files.objects.len(), 1, "its item, and not the list");
}

#[test]
fn what_a_kustomization_lists_is_read_whatever_its_name() {
    for (listed, path) in [
        ("a.txt", "a.txt"),
        ("a", "a"),
        ("./pdb.yaml.in", "pdb.yaml.in"),
        (".hidden/a.yaml", ".hidden/a.yaml"),
        (".hidden", ".hidden/a.yaml"),
        ("plain/", "plain/a.yaml"),
    ] {
        let text = format!("resources: [{listed}]\n");
        let dir = tree(&[
            ("k/kustomization.yaml", text.as_bytes()),
            (&format!("k/{path}"), BUDGET.as_bytes()),
            ("good.yaml", BUDGET.as_bytes()),
        ]);
        let files = read_tree(&dir);
        assert_eq!(gaps(&files, &dir), [""; 0], "{listed}");
        let read = locations(&files, &dir);
        assert!(read.contains(&format!("k/{path}")), "{listed}: {read:?}");
        assert_eq!(read.len(), 2, "{listed}: {read:?}");
    }
    // A kustomization in a directory that only another one names.
    let dir = tree(&[
        ("kustomization.yaml", b"resources: [.base]\n"),
        (".base/kustomization.yaml", b"resources: [x]\n"),
        (".base/x", BUDGET.as_bytes()),
    ]);
    assert_eq!(locations(&read_tree(&dir), &dir), [".base/x"]);
}

#[test]
fn what_a_kustomization_lists_and_is_no_manifest_is_a_gap() {
    let dir = tree(&[
        ("good.yaml", BUDGET.as_bytes()),
        ("chart/Chart.yaml", b"apiVersion: v2\nname: x\n"),
        ("empty.yaml", b"# nothing\n"),
        ("folder/a.tpl", b"words\n"),
        ("text.txt", b"words\n"),
        ("target/a", BUDGET.as_bytes()),
    ]);
    let links = cfg!(unix);
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("target"), dir.path().join("link")).expect("a link");
    for (listed, is_gap) in [
        ("folder", true),
        ("text.txt", true),
        ("link", links),
        ("empty.yaml", false),
        ("chart", false),
    ] {
        let text = format!("resources: [good.yaml, {listed}]\n");
        fs::write(dir.path().join("kustomization.yaml"), text).expect("a file");
        let gaps = gaps(&read_tree(&dir), &dir);
        let mut gaps = gaps.iter();
        let of_listed =
            format!("kustomization.yaml, line 1: objects are rendered from elsewhere ({listed})");
        let is_found = gaps.any(|gap| gap.contains(&of_listed));
        assert_eq!(is_found, is_gap, "{listed}: {gaps:?}");
        let charts = gaps.filter(|gap| gap.starts_with("Helm chart")).count();
        assert!(charts <= 1, "{listed}: {charts} gaps of one chart");
    }
    // What is above the directory that was named is not read.
    fs::write(
        dir.path().join("target/kustomization.yaml"),
        "resources: [..]\n",
    )
    .expect("a file");
    let target = read_all(&[dir.path().join("target")], b"").expect("it is there");
    assert_eq!(target.gaps.len(), 1, "{:?}", target.gaps);
    // Nothing at all is no result.
    let dir = tree(&[
        ("kustomization.yaml", b"resources: [empty.yaml]\n"),
        ("empty.yaml", b"# nothing\n"),
    ]);
    assert_eq!(read_tree(&dir).gaps.len(), 1);
}

#[test]
fn lists_without_items_and_failed_requests_are_gaps() {
    for text in [
        "{apiVersion: v1, kind: List}",
        "{apiVersion: v1, kind: List, items: null}",
        "{apiVersion: v1, kind: List, items: '{{ .items }}'}",
        "{apiVersion: v1, kind: Status, status: Failure}",
        "{apiVersion: meta.k8s.io/v1, kind: Table, rows: []}",
        "{apiVersion: policy/v1, kind: PodDisruptionBudgetList}",
    ] {
        let files = read_tree(&tree(&[("x.yaml", text.as_bytes())]));
        assert_eq!(files.gaps.len(), 1, "{text}");
    }
}

#[test]
fn a_path_without_any_manifest_is_a_gap() {
    let dir = tree(&[
        ("good/a.yaml", BUDGET.as_bytes()),
        ("good/b.yaml", b"---\n---\n"),
        ("comments.yaml", b"---\n---\n# only a comment\n"),
        ("zero.yaml", b""),
        ("list.yaml", b"{apiVersion: v1, kind: List, items: []}\n"),
        ("text/README.md", b"words\n"),
        ("text/values.yaml", b"replicas: 1\n"),
        ("text/more.yaml", b"- a\n"),
        ("folder/.git/a.yaml", BUDGET.as_bytes()),
    ]);
    for (path, why) in [
        ("comments.yaml", "no document in it"),
        ("zero.yaml", "no document in it"),
        ("list.yaml", "no document in it"),
        ("text/README.md", "no document in it"),
        ("text", "no document in its 2 files"),
        ("folder", "the directory holds no .yaml"),
    ] {
        // Alone, and beside others.
        let path = dir.path().join(path);
        for paths in [
            vec![path.clone()],
            vec![dir.path().join("good"), path.clone()],
        ] {
            let files = read_all(&paths, b"").expect("it is there");
            let [gap] = files.gaps.as_slice() else {
                panic!("{paths:?}: {:?}", files.gaps);
            };
            assert_eq!(gap.what, path.display().to_string());
            assert!(
                gap.why.starts_with(&format!("no manifest was read: {why}")),
                "{}",
                gap.why
            );
        }
    }
    let stdin = read_all(&["-".into()], b"").expect("it is there").gaps;
    assert!(stdin[0].why.contains("it is empty"), "{stdin:?}");
    let stdin = read_all(&["-".into()], b"Error: no such chart\n").expect("it is there");
    assert_eq!(stdin.gaps.len(), 1, "{:?}", stdin.gaps);
    // What another path has read already is not missing.
    let twice = [dir.path().join("good"), dir.path().join("good/a.yaml")];
    let files = read_all(&twice, b"").expect("they are there");
    assert!(files.gaps.is_empty(), "{:?}", files.gaps);
}

#[test]
fn a_file_named_twice_is_read_once() {
    let dir = tree(&[("a.yaml", BUDGET.as_bytes())]);
    let paths = [
        dir.path().to_owned(),
        dir.path().join("a.yaml"),
        "-".into(),
        "-".into(),
    ];
    let files = read_all(&paths, BUDGET.as_bytes()).expect("they are there");
    assert_eq!(files.objects.len(), 2);
    assert_eq!(files.objects[1].location, "stdin");
}

#[test]
fn standard_input_is_called_by_the_template() {
    let text = format!("---\n# Source: cart/templates/pdb.yaml\n{BUDGET}---\n{BUDGET}");
    let files = read_all(&["-".into()], text.as_bytes()).expect("it is there");
    assert_eq!(files.objects[0].location, "cart/templates/pdb.yaml");
    assert_eq!(files.objects[1].location, "stdin document 2, line 7");
    assert_eq!(files.objects[0].namespace, None);
}

#[test]
fn what_is_not_there_is_an_error() {
    let dir = tree(&[]);
    let error = read_all(&[dir.path().join("cart.yaml")], b"").expect_err("it is not there");
    assert!(matches!(error, FilesError::NotFound { .. }));
    let message = error.to_string();
    assert!(
        message.contains("cart.yaml") && message.contains("check the spelling"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_understood_is_a_gap() {
    let broken = format!("{BUDGET}---\na: b: c\n");
    let dir = tree(&[
        ("a.yaml", broken.as_bytes()),
        ("b.yaml", &[0xff, 0xfe, b'a', 0]),
        ("c.yaml", &[b'a', 0xe4]),
        ("d.yaml", BUDGET.as_bytes()),
    ]);
    let files = read_tree(&dir);
    assert_eq!(
        gaps(&files, &dir),
        [
            "a.yaml document 2, line 5: mapping values are not allowed in this context",
            "b.yaml: UTF-16 text; save it as UTF-8",
            "c.yaml: not UTF-8 text",
        ]
    );
    assert_eq!(
        (files.objects.len(), files.files_read, files.files_skipped),
        (2, 2, 0)
    );
}

#[test]
fn a_chart_is_one_gap() {
    let dir = tree(&[
        ("cart/Chart.yaml", b"apiVersion: v2\nname: cart\n"),
        ("cart/templates/pdb.yaml", b"{{ if }}\n"),
        ("cart/charts/db/Chart.yaml", b"apiVersion: v2\nname: db\n"),
        ("other/a.yaml", BUDGET.as_bytes()),
    ]);
    let files = read_tree(&dir);
    let why = "not rendered: pipe `helm template` into `-f -`";
    assert_eq!(gaps(&files, &dir), [format!("Helm chart cart: {why}")]);
    assert_eq!(locations(&files, &dir), ["other/a.yaml"]);
    let files = read_all(&[dir.path().join("cart")], b"").expect("it is there");
    assert_eq!(gaps(&files, &dir), [format!("Helm chart cart: {why}")]);
}

#[test]
fn large_files_are_gaps() {
    let dir = tree(&[]);
    let file = File::create(dir.path().join("large.yaml")).expect("a file");
    file.set_len((MAX_FILE_MIB << 20) + 1)
        .expect("a sparse file");
    let gaps = gaps(&read_tree(&dir), &dir);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].contains("64 MiB"), "{gaps:?}");
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_others_are_not() {
    use std::os::unix::fs::symlink;
    let dir = tree(&[("data/a.yaml", BUDGET.as_bytes()), ("pipes/x", b"")]);
    let at = |path: &str| dir.path().join(path);
    symlink(at("data/a.yaml"), at("link.yaml")).expect("a link");
    symlink(dir.path(), at("data/loop")).expect("a link");
    symlink(dir.path(), at("data/loop.yaml")).expect("a link");
    symlink(at("nowhere"), at("dangling.yaml")).expect("a link");
    let files = read_tree(&dir);
    assert_eq!(locations(&files, &dir), ["data/a.yaml", "link.yaml"]);
    let gaps = gaps(&files, &dir);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].starts_with("dangling.yaml: "), "{gaps:?}");
}

fn record(name: &str, revision: u64, status: &str, manifest: &str) -> String {
    let record = serde_json::json!({
        "name": name, "namespace": "shop", "version": revision, "info": {"status": status},
        "config": {"password": "hunter2"}, "manifest": manifest,
    });
    STANDARD.encode(record.to_string())
}

#[test]
fn a_record_of_helm_2_in_a_secret_is_decoded() {
    // Fields 1, 5, 7 and 8 of the message: name, manifest, version and namespace.
    let mut message = b"\x0a\x04cart\x2a".to_vec();
    message.push(u8::try_from(BUDGET.len()).expect("a short manifest"));
    message.extend(BUDGET.as_bytes());
    message.extend(b"\x38\x03\x42\x04shop");
    let mut zipped = Vec::new();
    let mut encoder = GzEncoder::new(message.as_slice(), Compression::fast());
    encoder.read_to_end(&mut zipped).expect("it is in memory");
    let of_tiller = STANDARD.encode(zipped);
    let secret = |name: &str, data: &str| {
        let data = STANDARD.encode(data);
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: kube-system, labels: {{OWNER: TILLER}}}}\ndata: {{release: {data}}}\n"
        )
    };
    let text = [secret("cart.v3", &of_tiller), secret("bad", "words")].join("---\n");
    let dir = tree(&[("records.yaml", text.as_bytes())]);
    let files = read_tree(&dir);
    let [release] = files.helm_releases.as_slice() else {
        panic!("{:?}", files.helm_releases);
    };
    assert_eq!(
        (
            release.release.as_str(),
            release.revision,
            release.objects.len()
        ),
        ("cart", 3, 1)
    );
    let gaps = gaps(&files, &dir);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        gaps[0].starts_with("Helm record kube-system/bad in records.yaml document 2"),
        "{gaps:?}"
    );
}

#[test]
fn helm_records_are_decoded() {
    let secret = |revision, status| {
        let data = STANDARD.encode(record("cart", revision, status, BUDGET));
        format!(
            "apiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata: {{name: cart.v{revision}}}\ndata:\n  release: |\n    {}\n    {}\n",
            &data[..40],
            &data[40..]
        )
    };
    let map = record("web", 7, "deployed", "a: b: c\n");
    let text = [
        secret(3, "deployed"),
        secret(4, "deployed"),
        secret(5, "failed"),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web.v7, labels: {{owner: helm}}}}\ndata: {{release: {map}}}\n"),
        "apiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata: {name: bad, namespace: shop}\ndata: {release: hunter2}\n".to_owned(),
    ]
    .join("---\n");
    let dir = tree(&[("records.yaml", text.as_bytes())]);
    let files = read_tree(&dir);
    let releases: Vec<_> = files
        .helm_releases
        .iter()
        .map(|row| {
            (
                row.release.as_str(),
                row.revision,
                row.storage,
                row.objects.len(),
            )
        })
        .collect();
    assert_eq!(
        releases,
        [
            ("cart", 4, HelmStorage::Secret, 1),
            ("cart", 5, HelmStorage::Secret, 1),
            ("web", 7, HelmStorage::ConfigMap, 0)
        ]
    );
    assert_eq!(
        gaps(&files, &dir),
        [
            "helm release shop/web, line 1 in records.yaml document 4, line 28: mapping values are not allowed in this context",
            "Helm record shop/bad in records.yaml document 5, line 33: the Helm record is not valid base64",
        ]
    );
    assert_eq!((files.objects.len(), files.files_read), (0, 1));
    assert!(!format!("{files:?}").contains("hunter2"));
}

proptest! {
    #![proptest_config(crate::mutate::cases(64))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let files = read_all(&["-".into()], &bytes).expect("standard input is there");
        prop_assert_eq!(files.objects.len(), 0);
    }
}

#[test]
fn results_keep_the_order_of_the_tree_whatever_is_done_first() {
    // More than two batches, with gaps and large files in between.
    let large = format!("{BUDGET}---\n").repeat(200);
    let names: Vec<String> = (0..parallel::BATCH_SIZE * 2 + 7)
        .map(|n| format!("{n:05}.yaml"))
        .collect();
    let content = |at: usize| match at % 50 {
        0 => large.as_bytes(),
        1 => b"a: [",
        2 => b"replicas: 3\n",
        _ => BUDGET.as_bytes(),
    };
    let entries: Vec<(&str, &[u8])> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), content(at)))
        .collect();
    let dir = tree(&entries);
    let files = read_tree(&dir);
    let kinds = |wanted: fn(usize) -> bool| (0..names.len()).filter(|at| wanted(at % 50)).count();
    assert_eq!(files.files_skipped, kinds(|kind| kind == 2));
    assert_eq!(files.gaps.len(), kinds(|kind| kind == 1));
    assert_eq!(files.files_read, kinds(|kind| kind == 0 || kind > 2));
    let gaps = gaps(&files, &dir);
    assert!(gaps.is_sorted(), "{gaps:?}");
    let found: Vec<String> = locations(&files, &dir)
        .into_iter()
        .map(|location| location[..10].to_owned())
        .collect();
    assert!(found.is_sorted(), "{found:?}");
}

#[test]
fn what_is_rendered_from_elsewhere_is_a_gap() {
    let overlay = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- ../base\n- https://git.example/base?ref=v1\nhelmCharts:\n- {name: cart, version: 1.0.0}\n";
    let flux = |kind: &str, spec: &str| {
        format!("apiVersion: {kind}\nmetadata: {{name: shop}}\nspec: {spec}\n")
    };
    let release = flux(
        "helm.toolkit.fluxcd.io/v2\nkind: HelmRelease",
        "{chart: {spec: {chart: shop}}}",
    );
    let sync = flux(
        "kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization",
        "{path: ./clusters/shop}",
    );
    let application = flux(
        "argoproj.io/v1alpha1\nkind: Application",
        "{source: {path: apps, repoURL: \"https://git.example\"}}",
    );
    let dir = tree(&[
        ("apps.yaml", application.as_bytes()),
        (
            "base/kustomization.yaml",
            b"resources: [../local/pdb.yaml]\n",
        ),
        ("flux.yaml", sync.as_bytes()),
        ("helmfile.yaml", b"releases: []\n"),
        ("local/kustomization.yaml", b"resources: [pdb.yaml]\n"),
        ("local/pdb.yaml", BUDGET.as_bytes()),
        ("main.jsonnet", b"{}"),
        ("overlay/kustomization.yaml", overlay.as_bytes()),
        ("pdb.yaml.j2", b"{% if x %}"),
        ("release.yaml", release.as_bytes()),
    ]);
    let rendered = "objects are rendered from elsewhere";
    let files = read_tree(&dir);
    assert_eq!(locations(&files, &dir), ["local/pdb.yaml"]);
    let application = format!(
        "Application shop in apps.yaml: {rendered} (apps of git.example): name its directory with -f, or pipe `argocd app manifests` into `-f -`"
    );
    let kustomization = format!(
        "kustomization overlay/kustomization.yaml, line 1: {rendered} (https://git.example/base?ref=v1, chart cart): pipe `kubectl kustomize` into `-f -`, with --enable-helm if it names charts"
    );
    let release = format!(
        "HelmRelease shop in release.yaml: {rendered} (a chart): pipe `helm template` of its chart into `-f -`"
    );
    let sync = format!(
        "Kustomization shop in flux.yaml: {rendered} (./clusters/shop): name that directory with -f, or pipe `flux build kustomization` into `-f -`"
    );
    assert_eq!(
        gaps(&files, &dir),
        [
            "helmfile.yaml: not rendered: pipe `helmfile template` into `-f -`",
            "main.jsonnet: not rendered: pipe its objects into `-f -`",
            "pdb.yaml.j2: not rendered: render it first",
            &application,
            &sync,
            &kustomization,
            &release,
        ]
    );

    // What they point to is in the tree.
    let found = tree(&[
        ("apps/a.yaml", BUDGET.as_bytes()),
        (
            "apps.yaml",
            flux(
                "argoproj.io/v1alpha1\nkind: Application",
                "{source: {path: apps}}",
            )
            .as_bytes(),
        ),
        ("clusters/shop/a.yaml", BUDGET.as_bytes()),
        ("flux.yaml", sync_document().as_bytes()),
        ("base/kustomization.yaml", b"resources: []\n"),
        ("overlay/kustomization.yaml", b"resources: [../base]\n"),
    ]);
    assert_eq!(gaps(&read_tree(&found), &found), [""; 0]);
    let alone = read_all(&[found.path().join("overlay")], b"").expect("it is there");
    assert_eq!(alone.gaps.len(), 1, "the base was not named");
}

#[test]
fn hidden_directories_are_read_and_links_to_others_are_gaps() {
    let elsewhere = tree(&[("plain/a.yaml", BUDGET.as_bytes()), ("notes/a.txt", b"x")]);
    let dir = tree(&[
        (".deploy/a.yaml", BUDGET.as_bytes()),
        (".git/a.yaml", BUDGET.as_bytes()),
        (".github/workflows/test.yaml", b"on: push\njobs: {}\n"),
        ("..2026_11_30/a.yaml", BUDGET.as_bytes()),
        ("own/a.yaml", BUDGET.as_bytes()),
    ]);
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, dir.path().join(name)).expect("a link");
    };
    link(&elsewhere.path().join("plain"), "linked");
    link(&elsewhere.path().join("notes"), "linked-notes");
    link(&dir.path().join("own"), "linked-own");
    link(&dir.path().join("..2026_11_30"), "..data");
    link(&elsewhere.path().join("plain/a.yaml"), "file.yaml");
    let files = read_tree(&dir);
    assert_eq!(
        locations(&files, &dir),
        [".deploy/a.yaml", "file.yaml", "own/a.yaml"]
    );
    assert_eq!(
        gaps(&files, &dir),
        ["linked: a link to a directory, which is not followed; name the directory with -f"]
    );
}

#[test]
fn a_group_that_a_definition_has_is_not_misspelt() {
    let ingress = b"apiVersion: network.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n";
    let definition = b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ingresses.network.k8s.io}\n";
    let alone = read_tree(&tree(&[("a.yaml", ingress)]));
    let [unknown] = alone.unknown_apis.as_slice() else {
        panic!("{:?}", alone.unknown_apis);
    };
    assert_eq!(unknown.gap.what.rsplit('/').next(), Some("a.yaml, line 1"));
    assert_eq!((alone.gaps.len(), alone.manifests_read()), (0, 1));
    let served = |version: &str| std::collections::BTreeSet::from([version.to_owned()]);
    for (versions, gaps) in [
        (None, 1),
        (Some(served("networking.k8s.io/v1")), 1),
        (Some(served("network.k8s.io/v1")), 0),
    ] {
        assert_eq!(alone.gaps_beside(versions.as_ref()).count(), gaps);
    }
    let both = read_tree(&tree(&[("a.yaml", ingress), ("b.yaml", definition)]));
    assert_eq!(both.gaps_beside(None).count(), 0);
}

#[test]
fn patches_that_a_kustomization_lists_must_be_there() {
    let overlay = |patches: &str| format!("resources: [pdb.yaml]\n{patches}\n");
    let found = |patches: &str| {
        let dir = tree(&[
            ("base/kustomization.yaml", overlay(patches).as_bytes()),
            ("base/pdb.yaml", BUDGET.as_bytes()),
            ("base/operations.yaml", b"- {op: remove, path: /spec}\n"),
            ("elsewhere.yaml", b"- {op: remove, path: /spec}\n"),
        ]);
        let files = read_all(&[dir.path().join("base")], b"").expect("it is there");
        assert_eq!(files.objects.len(), 1, "{patches}");
        gaps(&files, &dir)
    };
    for listed in [
        "patches: [{path: operations.yaml, target: {kind: PodDisruptionBudget}}]",
        "patchesJson6902: [{path: operations.yaml}]",
        "patchesStrategicMerge: [pdb.yaml]",
        "patches: [{patch: \"- {op: remove, path: /spec}\"}]",
        "patchesStrategicMerge: [\"metadata: {name: x}\\nspec: {}\"]",
        "patches: {path: x}",
    ] {
        assert_eq!(found(listed), [""; 0], "{listed}");
    }
    for (listed, missing) in [
        ("patches: [{path: missing.yaml}]", "(missing.yaml)"),
        (
            "patchesJson6902: [{path: ../elsewhere.yaml}]",
            "(../elsewhere.yaml)",
        ),
        ("patchesStrategicMerge: [missing.yaml]", "(missing.yaml)"),
        (
            "patches: [{path: \"https://git.example/a.yaml\"}]",
            "(https://git.example/a.yaml)",
        ),
    ] {
        let gaps = found(listed);
        assert_eq!(gaps.len(), 1, "{listed}: {gaps:?}");
        assert!(gaps[0].contains(missing), "{listed}: {gaps:?}");
    }
}

fn sync_document() -> String {
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop}\nspec: {path: clusters/shop}\n".to_owned()
}

#[test]
fn copies_of_live_objects_are_judged_by_their_writers_or_are_a_gap() {
    let copy = |version: &str, more: &str| {
        format!(
            "apiVersion: {version}\nkind: PodDisruptionBudget\nmetadata:\n  name: cart\n  uid: x\n{more}"
        )
    };
    let wrote =
        "  managedFields:\n  - {manager: shop, apiVersion: policy/v1beta1, operation: Update}\n";
    let dir = tree(&[
        ("silent.yaml", copy("policy/v1", "").as_bytes()),
        ("written.yaml", copy("policy/v1", wrote).as_bytes()),
        ("other.yaml", copy("shop.example/v1", "").as_bytes()),
    ]);
    let files = read_tree(&dir);
    assert_eq!(locations(&files, &dir), ["written.yaml"]);
    let gaps = gaps(&files, &dir);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        gaps[0]
            .starts_with("1 objects in silent.yaml: copies of live objects without managedFields")
    );
}

#[test]
fn what_a_tool_puts_beside_its_configuration_is_read() {
    let vendir = "apiVersion: vendir.k14s.io/v1alpha1\nkind: Config\ndirectories: [{path: vendor, contents: [{path: cart, git: {url: a}}]}]\n";
    let vendored = |path: &str| {
        let dir = tree(&[("vendir.yml", vendir.as_bytes()), (path, BUDGET.as_bytes())]);
        gaps(&read_tree(&dir), &dir)
    };
    assert_eq!(vendored("vendor/cart/pdb.yaml"), [""; 0]);
    let unread = vendored("apps/pdb.yaml");
    assert!(
        unread[0].contains("(vendor/cart): run `vendir sync` first"),
        "{unread:?}"
    );
}

#[test]
fn functions_that_only_decrypt_change_no_objects() {
    let function = |image: &str| {
        let generator = format!(
            "apiVersion: shop.example/v1\nkind: Generator\nmetadata:\n  name: a\n  annotations:\n    config.kubernetes.io/function: |\n      container: {{image: {image}}}\n"
        );
        let list = "resources: [pdb.yaml]\ngenerators: [a.yaml]\n";
        let dir = tree(&[
            ("kustomization.yaml", list.as_bytes()),
            ("pdb.yaml", BUDGET.as_bytes()),
            ("a.yaml", generator.as_bytes()),
        ]);
        gaps(&read_tree(&dir), &dir).len()
    };
    assert_eq!(function("registry.example/generator:1"), 1);
    assert_eq!(function("registry.example/ksops:4"), 0);
}

#[test]
fn what_only_looks_unread_is_no_gap() {
    let set = "apiVersion: addons.cluster.x-k8s.io/v1beta1\nkind: ClusterResourceSet\nmetadata: {name: cni}\nspec: {resources: [{kind: ConfigMap, name: cni}]}\n";
    for files in [
        // A patch has a target of its own.
        &[
            (
                "kustomization.yaml",
                "resources: [pdb.yaml]\npatches: [{path: a.yaml, target: {kind: Deployment}}]\n",
            ),
            (
                "a.yaml",
                "kind: Deployment\nmetadata: {name: any}\nspec: {replicas: 1}\n",
            ),
        ][..],
        &[
            (
                "kustomization.yaml",
                "resources: [set.yaml]\nconfigMapGenerator: [{name: cni, files: [pdb.yaml]}]\n",
            ),
            ("set.yaml", set),
        ],
        &[(
            "score.yaml",
            "apiVersion: score.dev/v1b1\nmetadata: {name: cart}\ncontainers: {}\n",
        )],
        &[(
            "group_vars/all/vault.yml",
            "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
        )],
        &[("locales/a.json", "\"text\"\n")],
        &[(
            ".devcontainer/devcontainer.json",
            "// settings\n{\"name\": \"a\",}\n",
        )],
    ] {
        let all = files.iter().copied().chain([("pdb.yaml", BUDGET)]);
        let all: Vec<_> = all.map(|(path, text)| (path, text.as_bytes())).collect();
        let dir = tree(&all);
        assert_eq!(gaps(&read_tree(&dir), &dir), [""; 0], "{files:?}");
    }
    let lone = "kind: Deployment\nmetadata: {name: any}\n";
    let dir = tree(&[("a.yaml", lone.as_bytes()), ("pdb.yaml", BUDGET.as_bytes())]);
    assert_eq!(gaps(&read_tree(&dir), &dir).len(), 1);
    let dir = tree(&[
        ("a.yaml", b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"),
        ("pdb.yaml", BUDGET.as_bytes()),
    ]);
    assert_eq!(gaps(&read_tree(&dir), &dir).len(), 1);
}
