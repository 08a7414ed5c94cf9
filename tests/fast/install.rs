//! `make install` and `make uninstall`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use kubectl_upgrade::text::names::{ALL, completion_file, plugin_file};
use walkdir::WalkDir;

use crate::program::text;

/// Everything below a folder but folders.
fn files(folder: &Path) -> BTreeSet<String> {
    let entries = WalkDir::new(folder).into_iter().flatten();
    let entries = entries.filter(|entry| !entry.file_type().is_dir());
    let names = entries.map(|entry| {
        let name = entry.path().strip_prefix(folder).expect("below it");
        name.to_string_lossy().into_owned()
    });
    names.collect()
}

fn make(goal: &str, prefix: &Path) {
    let output = Command::new("make")
        .arg(goal)
        .arg(format!("PREFIX={}", prefix.display()))
        .arg(concat!("PROGRAM=", env!("CARGO_BIN_EXE_kubectl-upgrade")))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("make");
    assert!(output.status.success(), "{goal}: {}", text(&output.stderr));
}

#[test]
fn uninstall_takes_away_exactly_what_install_has_put_there() {
    if Command::new("make").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "skipped: make is not on PATH");
        return;
    }
    let prefix = tempfile::tempdir().expect("a folder");
    let bin = prefix.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    fs::write(bin.join("kubectl-other"), "").expect("a file");
    let before = files(prefix.path());

    make("install", prefix.path());
    make("install", prefix.path());
    let installed = files(prefix.path());
    for name in ALL {
        let words = format!("kubectl-{name}");
        for file in [plugin_file(name), completion_file(name), words.clone()] {
            assert!(
                installed.contains(&format!("bin/{file}")),
                "{file}: {installed:?}"
            );
        }
        assert!(installed.contains(&format!("share/man/man1/{words}.1")));
        let output = Command::new(bin.join(plugin_file(name)))
            .env_clear()
            .arg("--version")
            .output()
            .expect("the installed program");
        assert!(text(&output.stdout).starts_with(&words));
        let output = Command::new(bin.join(completion_file(name)))
            .env_clear()
            .args(["--output", "j"])
            .output()
            .expect("the installed program");
        assert!(text(&output.stdout).starts_with("json"));
    }

    // A link of somebody else's under one of our names stays.
    let own = bin.join(plugin_file(ALL[0]));
    fs::remove_file(&own).expect("a link");
    symlink("kubectl-other", &own).expect("a link");
    make("uninstall", prefix.path());
    let mut expected = before;
    expected.insert(format!("bin/{}", plugin_file(ALL[0])));
    assert_eq!(files(prefix.path()), expected);
    make("uninstall", prefix.path());
}
