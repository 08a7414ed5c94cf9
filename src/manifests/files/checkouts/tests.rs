use super::super::tests::{BUDGET, gaps, read_all, read_tree, tree};

/// An Application with this source.
fn application(source: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop}}\nspec: {{{source}}}\n"
    )
}

/// A Kustomization of Flux with this specification.
fn sync(spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: shop}}\nspec: {{{spec}}}\n---\n{}",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system}\nspec: {url: 'ssh://git@git.example/shop/deploy.git'}\n"
    )
}

/// What is missing of a tree with a deployment directory `apps/cart` and this source.
fn missing(source: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![("root.yaml", source), ("apps/cart/pdb.yaml", BUDGET)];
    files.extend(more);
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    let dir = tree(&files);
    let gaps = gaps(&read_tree(&dir), &dir);
    let targets = gaps.iter().filter_map(|gap| {
        let (_, rest) = gap.split_once("rendered from elsewhere (")?;
        Some(rest.split_once("): ")?.0.to_owned())
    });
    targets.collect()
}

const OWN: &str = "repoURL: 'https://me:secret@git.example/shop/deploy'";

#[test]
fn a_source_is_read_only_if_its_directory_yielded_manifests() {
    let source = |source: &str| application(&format!("source: {{{source}, {OWN}}}"));
    assert_eq!(missing(&source("path: apps/cart"), &[]), [""; 0]);
    assert_eq!(missing(&source("path: ./apps/"), &[]), [""; 0]);
    // Nothing says that the tree is not the repository.
    assert_eq!(missing(&source("path: ./"), &[]), [""; 0]);
    let unread = |path: &str| [format!("{path} of git.example/shop/deploy")];
    for (path, more) in [
        ("cart", vec![]),
        ("apps/web", vec![]),
        ("docs", vec![("docs/README.md", "# none")]),
        ("empty", vec![("empty/values.yaml", "a: 1\n")]),
        ("../shop/apps/cart", vec![]),
    ] {
        assert_eq!(
            missing(&source(&format!("path: {path}")), &more),
            unread(path)
        );
    }
}

#[test]
fn a_chart_and_further_sources_count_before_a_path() {
    let all = |sources: &str| application(sources);
    for (sources, unread) in [
        (
            format!("source: {{path: apps/cart, chart: nginx, {OWN}}}"),
            vec!["chart nginx"],
        ),
        (
            format!(
                "source: {{path: apps/cart}}, sources: [{{chart: nginx, {OWN}}}, {{ref: values, {OWN}}}]"
            ),
            vec!["chart nginx"],
        ),
        (
            format!("sources: [{{path: apps/cart, {OWN}}}, {{path: apps/web, {OWN}}}]"),
            vec!["apps/web of git.example/shop/deploy"],
        ),
        (
            format!("sources: [{{path: apps/cart, {OWN}}}, {{ref: values, {OWN}}}]"),
            vec![],
        ),
        (format!("sources: [{{{OWN}}}]"), vec!["a repository"]),
        (
            "sourceHydrator: {drySource: {path: apps/cart}}".to_owned(),
            vec!["a repository"],
        ),
    ] {
        let unread = match unread.as_slice() {
            [] => Vec::new(),
            _ => vec![unread.join(", ")],
        };
        assert_eq!(missing(&all(&sources), &[]), unread, "{sources}");
    }
}

#[test]
fn only_a_git_repository_has_directories() {
    let of = |kind: &str| {
        let spec = format!("path: ./apps/cart, sourceRef: {{kind: {kind}, name: flux-system}}");
        missing(&sync(&spec), &[])
    };
    assert_eq!(of("GitRepository"), [""; 0]);
    assert_eq!(
        of("OCIRepository"),
        ["./apps/cart of OCIRepository flux-system"]
    );
    assert_eq!(of("Bucket"), ["./apps/cart of Bucket flux-system"]);
}

#[test]
fn a_directory_of_another_repository_is_not_the_one() {
    let config = |url: &str| {
        format!(
            "[core]\n\turl = x\n[remote \"origin\"]\n\turl = {url}\n[submodule \"deploy\"]\n\turl = https://git.example/deploy\n"
        )
    };
    let beside = |url: &str, source: &str| missing(source, &[(".git/config", &config(url))]);
    let own = application(&format!("source: {{path: apps/cart, {OWN}}}"));
    let flux = sync("path: apps/cart, sourceRef: {kind: GitRepository, name: flux-system}");
    for url in [
        "git@git.example:shop/deploy.git",
        "https://git.example/Shop/Deploy.git",
        "ssh://git@ssh.git.example:2222/shop/deploy",
        "https://git.example/scm/shop/_git/deploy",
    ] {
        assert_eq!(beside(url, &own), [""; 0], "{url}");
        assert_eq!(beside(url, &flux), [""; 0], "{url}");
    }
    for other in [
        "https://git.example/shop/platform",
        "https://git.example/fork/deploy",
        "https://other.example/shop/deploy",
    ] {
        let unread = ["apps/cart of git.example/shop/deploy"];
        assert_eq!(beside(other, &own), unread, "{other}");
        let unread = ["apps/cart of GitRepository flux-system"];
        assert_eq!(beside(other, &flux), unread, "{other}");
    }

    // Without git's word it can be the repository of one of them only.
    let second = "source: {path: apps, repoURL: 'https://git.example/shop/platform'}";
    let both = format!("{own}---\n{}", application(second));
    assert_eq!(missing(&both, &[]).len(), 2);
}

#[test]
fn paths_begin_at_the_top_of_the_repository() {
    let own = application(&format!("source: {{path: deploy/apps, {OWN}}}"));
    let dir = tree(&[
        ("repo/.git/HEAD", b""),
        ("repo/deploy/apps/pdb.yaml", BUDGET.as_bytes()),
        ("repo/deploy/root.yaml", own.as_bytes()),
        ("plain/deploy/apps/pdb.yaml", BUDGET.as_bytes()),
        ("plain/root.yaml", own.as_bytes()),
    ]);
    for (roots, unread) in [
        (&["repo"][..], 0),
        (&["repo/deploy"], 0),
        (&["repo/deploy/apps", "repo/deploy/root.yaml"], 0),
        (&["repo/deploy/root.yaml"], 1),
        (&["plain"], 0),
        (&["plain/deploy/apps", "plain/root.yaml"], 0),
        (&["plain/deploy", "plain/root.yaml"], 1),
        (&["."], 0),
    ] {
        let roots: Vec<_> = roots.iter().map(|root| dir.path().join(root)).collect();
        let files = read_all(&roots, b"").expect("they are there");
        assert_eq!(gaps(&files, &dir).len(), unread, "{roots:?}");
    }
}

#[test]
fn another_revision_than_the_one_that_is_checked_out_is_not_read() {
    let config = "[remote \"origin\"]\n\turl = git@git.example:shop/deploy.git\n";
    let packed = "# pack-refs\naaaaaaaaaa refs/heads/main\naaaaaaaaaa refs/heads/same\nbbbbbbbbbb refs/tags/v2\n^aaaaaaaaaa\ncccccccccc refs/tags/v1\n";
    let gap = |source: &str, head: &str| {
        let dir = tree(&[
            ("root.yaml", source.as_bytes()),
            ("apps/cart/pdb.yaml", BUDGET.as_bytes()),
            (".git/config", config.as_bytes()),
            (".git/packed-refs", packed.as_bytes()),
            (".git/HEAD", head.as_bytes()),
            (
                ".git/refs/remotes/origin/HEAD",
                b"ref: refs/remotes/origin/trunk\n",
            ),
        ]);
        gaps(&read_tree(&dir), &dir).join("; ")
    };
    let at = |revision: &str| {
        application(&format!(
            "source: {{path: apps/cart, {OWN}, targetRevision: {revision}}}"
        ))
    };
    let branch = "ref: refs/heads/main\n";
    for revision in [
        "main",
        "refs/heads/main",
        "HEAD",
        "''",
        // What is on a branch is meant for the default branch.
        "trunk",
        "same",
        "v2",
        "aaaaaaa",
    ] {
        assert_eq!(gap(&at(revision), branch), "", "{revision}");
    }
    for revision in ["v1", "release", "'1.*'"] {
        let gap = gap(&at(revision), branch);
        let conflict = format!(
            "branch main is checked out, the source names {}",
            revision.trim_matches('\'')
        );
        assert!(gap.contains(&conflict), "{revision}: {gap}");
    }
    // Pipelines check out a commit.
    for revision in ["trunk", "same", "v2", "aaaaaaa"] {
        assert_eq!(gap(&at(revision), "aaaaaaaaaa\n"), "", "{revision}");
    }
    let detached = gap(&at("release"), "aaaaaaaaaa\n");
    assert!(
        detached.contains("commit aaaaaaa is checked out, the source names release"),
        "{detached}"
    );
    let flux = sync("path: apps/cart, sourceRef: {kind: GitRepository, name: flux-system}");
    assert_eq!(gap(&flux, branch), "");
    let at = |revision: &str| flux.replace("{url:", &format!("{{ref: {{{revision}}}, url:"));
    for revision in ["branch: release", "semver: 1.x", "name: refs/heads/release"] {
        let conflict = gap(&at(revision), branch);
        assert!(
            conflict.contains("branch main is checked out"),
            "{revision}: {conflict}"
        );
    }
    assert_eq!(gap(&at("name: refs/heads/main"), branch), "");
}

#[test]
fn directories_of_a_generator_are_read() {
    let set = |generators: &str, path: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: shop}}\nspec:\n  generators: [{generators}]\n  template: {{spec: {{source: {{{OWN}, path: '{path}'}}}}}}\n"
        )
    };
    let directories = |path: &str| format!("{{git: {{{OWN}, directories: [{{path: '{path}'}}]}}}}");
    for path in ["{{.path.path}}", "{{path}}", "{{ .path.path }}"] {
        assert_eq!(
            missing(&set(&directories("apps/*"), path), &[]),
            [""; 0],
            "{path}"
        );
    }
    // No generator fills in the directory.
    for generators in ["{clusters: {}}", "{list: {elements: [{name: a}]}}"] {
        assert_eq!(missing(&set(generators, "apps/cart"), &[]), [""; 0]);
    }
    let unread = ["web of git.example/shop/deploy"];
    assert_eq!(
        missing(&set(&directories("web/*"), "{{path}}"), &[]),
        unread
    );
    for (generators, path) in [
        ("{clusters: {}}".to_owned(), "apps/{{name}}"),
        (
            format!("{}, {{clusters: {{}}}}", directories("apps/*")),
            "{{path}}",
        ),
        (directories("apps/*"), "{{path}}/overlays"),
    ] {
        assert_eq!(
            missing(&set(&generators, path), &[]),
            ["a repository"],
            "{path}"
        );
    }
}

#[test]
fn empty_submodules_are_gaps() {
    let modules = "[submodule \"base\"]\n\tpath = base\n\turl = https://git.example/base\n[submodule \"apps\"]\n\tpath = apps\n";
    let dir = tree(&[
        ("apps/pdb.yaml", BUDGET.as_bytes()),
        (".gitmodules", modules.as_bytes()),
    ]);
    let gap = "base: an empty submodule of git: run `git submodule update --init`";
    assert_eq!(gaps(&read_tree(&dir), &dir), [gap]);
}
