//! The krew manifests: the rules of krew and of its public index, and that they are made from the archives.
//!
//! Sources: kubernetes-sigs/krew internal/index/validation/validate.go, cmd/validate-krew-manifest/main.go, and
//! site/content/docs/developer-guide.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use kubectl_upgrade::text::names::{ALL, plugin_file};

use crate::golden;

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What a release is built for.
const PLATFORMS: [(&str, &str); 5] = [
    ("darwin", "amd64"),
    ("darwin", "arm64"),
    ("linux", "amd64"),
    ("linux", "arm64"),
    ("windows", "amd64"),
];

// krew ignores fields that it does not know, so that a misspelt one goes unnoticed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    caveats: String,
    platforms: Vec<Platform>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    selector: Selector,
    uri: String,
    sha256: String,
    files: Vec<File>,
    bin: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selector {
    match_labels: Labels,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    os: String,
    arch: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    from: String,
    to: String,
}

/// The manifests of a folder, in the order of the names.
fn manifests(folder: &Path) -> Vec<Manifest> {
    let read = |name: &&str| {
        let text = fs::read_to_string(folder.join(format!("{name}.yaml"))).expect("a manifest");
        serde_saphyr::from_str(&text).expect("a manifest")
    };
    ALL.iter().map(read).collect()
}

fn generate(output: &Path, archives: &[&Path]) -> Output {
    let mut command = Command::new("sh");
    command
        .arg(golden::in_repository("krew/manifests.sh"))
        .arg(output)
        .args(archives)
        .env("BASE_URL", "https://mirror.example/plugins");
    command.output().expect("sh")
}

fn is_one_line(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains('\n')
}

/// The rules for one manifest.
fn assert_valid(manifest: &Manifest, name: &str) {
    let Manifest { spec, .. } = manifest;
    assert_eq!(
        manifest.api_version,
        "krew.googlecontainertools.github.com/v1alpha2"
    );
    assert_eq!(manifest.kind, "Plugin");
    assert_eq!(manifest.metadata.name, name);
    assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    assert!(
        !name.starts_with("kube"),
        "the naming guide asks for no such prefix"
    );
    assert_eq!(spec.version, VERSION);
    assert_eq!(spec.homepage, env!("CARGO_PKG_REPOSITORY"));
    let short = &spec.short_description;
    assert!(is_one_line(short) && short.len() <= 50, "{short}");
    let wide = spec
        .description
        .lines()
        .find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    assert!(
        spec.caveats.contains(&plugin_file(name)),
        "{}",
        spec.caveats
    );
    let mut selected = BTreeSet::new();
    for platform in &spec.platforms {
        let Labels { os, arch } = &platform.selector.match_labels;
        assert!(
            PLATFORMS.contains(&(os, arch)),
            "krew does not know {os}/{arch}"
        );
        assert!(selected.insert((os, arch)), "{os}/{arch} twice");
        assert!(platform.uri.starts_with("https://"));
        assert!(
            platform
                .uri
                .ends_with(&format!("_{VERSION}_{os}_{arch}.tar.gz"))
        );
        let is_hex = |letter: u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
        assert!(platform.sha256.len() == 64 && platform.sha256.bytes().all(is_hex));
        let files: Vec<&str> = platform.files.iter().map(|file| &*file.from).collect();
        assert_eq!(files, [&platform.bin, "LICENSE"]);
        assert!(
            platform.files.iter().all(|file| file.to == "."),
            "a clean path"
        );
        assert_eq!(platform.bin.ends_with(".exe"), os == "windows");
    }
    assert!(!selected.is_empty());
}

/// One archive a platform: what is downloaded is the same for all plugins.
fn assert_one_archive(manifests: &[Manifest]) {
    let archives = |manifest: &Manifest| -> Vec<(String, String)> {
        let platforms = manifest.spec.platforms.iter();
        let archives = platforms.map(|one| (one.uri.clone(), one.sha256.clone()));
        archives.collect()
    };
    for manifest in manifests {
        assert_eq!(archives(manifest), archives(&manifests[0]));
    }
}

#[test]
fn the_drafts_keep_the_rules_and_are_those_that_are_generated() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    command
        .arg(golden::in_repository("krew/manifests.sh"))
        .arg(folder.path());
    assert!(command.output().expect("sh").status.success());
    let drafts = manifests(folder.path());
    for (manifest, name) in drafts.iter().zip(ALL) {
        assert_valid(manifest, name);
        assert_eq!(manifest.spec.platforms.len(), PLATFORMS.len());
        let text = fs::read_to_string(folder.path().join(format!("{name}.yaml")));
        golden::compare(&format!("krew/{name}.yaml"), &text.expect("a manifest"));
    }
    assert_one_archive(&drafts);
}

#[test]
fn a_release_lists_the_archives_that_exist_with_their_checksums() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = |platform: &str| {
        let name = format!("kubectl-upgrade_{VERSION}_{platform}.tar.gz");
        let path = folder.path().join(name);
        fs::write(&path, platform).expect("an archive");
        path
    };
    let (linux, windows) = (archive("linux_arm64"), archive("windows_amd64"));
    let output = generate(folder.path(), &[&linux, &windows]);
    assert!(output.status.success(), "{output:?}");
    let made = manifests(folder.path());
    for (manifest, name) in made.iter().zip(ALL) {
        assert_valid(manifest, name);
        let platforms = &manifest.spec.platforms;
        let listed: Vec<&str> = platforms.iter().map(|one| &*one.uri).collect();
        let base = "https://mirror.example/plugins";
        assert_eq!(
            listed,
            [
                format!("{base}/kubectl-upgrade_{VERSION}_linux_arm64.tar.gz"),
                format!("{base}/kubectl-upgrade_{VERSION}_windows_amd64.tar.gz")
            ]
        );
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        assert_eq!(platforms[0].sha256, hex(&Sha256::digest("linux_arm64")));
        assert_eq!(platforms[1].sha256, hex(&Sha256::digest("windows_amd64")));
    }
    assert_one_archive(&made);
}

#[test]
fn an_archive_that_is_missing_or_of_another_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = format!("kubectl-upgrade_{VERSION}_linux_amd64.tar.gz");
    for name in [
        missing.as_str(),
        "kubectl-upgrade_v9.9.9_linux_amd64.tar.gz",
    ] {
        let path = folder.path().join(name);
        if name != missing {
            fs::write(&path, "").expect("an archive");
        }
        let output = generate(&folder.path().join("out"), &[&path]);
        assert!(!output.status.success(), "{name}");
        assert!(!folder.path().join("out").exists(), "{name}");
    }
}
