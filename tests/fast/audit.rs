//! What we depend on: where it comes from and under which licences, by `Cargo.lock` and by what Cargo knows of it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::golden;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(golden::in_repository("deny.toml")).expect("the file");
    let (_, rest) = text.split_once("\nallow = [\n").expect("a list");
    let (list, _) = rest.split_once("\n]").expect("its end");
    let words = list.lines().filter_map(|line| line.split('"').nth(1));
    words.map(str::to_owned).collect()
}

#[test]
fn everything_comes_from_crates_io() {
    let lock = fs::read_to_string(golden::in_repository("Cargo.lock")).expect("the file");
    let packages = lock.split("[[package]]").skip(1);
    let mut ours = Vec::new();
    for package in packages {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(&start));
            line.map(|value| value.trim_end_matches('"'))
        };
        let name = field("name").expect("a name");
        match field("source") {
            Some(source) => {
                assert_eq!(source, REGISTRY, "{name}");
                assert!(field("checksum").is_some(), "{name} has no checksum");
            }
            None => ours.push(name),
        }
    }
    assert_eq!(ours, ["kubectl-upgrade"], "what is no registry's is ours");
}

#[test]
fn every_licence_is_one_that_we_allow() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Offline: what this program was just built from is here.
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(!packages.is_empty());
    let allowed = allowed();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let text = package["license"].as_str().unwrap_or_default();
        let licence = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX);
        let licence = licence.unwrap_or_else(|error| panic!("{name}: {text:?}: {error}"));
        assert!(
            licence.evaluate(|one| allowed.contains(&one.to_string())),
            "{name} is under {text}, which deny.toml does not allow"
        );
    }
}
