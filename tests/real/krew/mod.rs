//! The suite as a team installs it: a real krew, a custom index, one archive, a real kubectl, and nothing else.

mod completion;
mod index;
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_upgrade::text::names::{ALL, plugin_file};
use libtest_mimic::Failed;

use crate::harness::{Cluster, Need};
use crate::names;
use crate::testbed::run::run;
use completion::assert_completes;
use index::Index;
use user::User;

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
const LOWER_VERSION: &str = "v0.0.1";
const SERVER: &str = "1.24.17";
/// Of its kubectl; plugins are completed from 1.26 on.
const NEWEST: &str = "1.37.0";

/// Other names, as long as ours, so that tables keep their shape.
const OTHER_NAMES: [&str; 3] = ["cluster-ready", "cluster-path", "cluster-track"];

/// The program of the tree with other names.
const OTHER_PROGRAM: &str = "kubectl-other";

/// An object that 1.25 no longer serves in this version.
const BUDGET: &str = "\
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
";

scenarios! {
    installs_upgrades_and_uninstalls: [Need::ControlPlane(SERVER), Need::ControlPlane(NEWEST), Need::Krew],
    under_other_names: [Need::ControlPlane(SERVER), Need::ControlPlane(NEWEST), Need::Krew],
}

fn installs_upgrades_and_uninstalls() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-upgrade"));
    life_of_an_installation(root, program, ALL)
}

/// One changed line in the source, and everything that is generated from it, give plugins of other names.
fn under_other_names() -> Result<(), Failed> {
    // Always the same folder, so that Cargo builds only what has changed.
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let root = tmp.join("other-names");
    copy_under_other_names(Path::new(env!("CARGO_MANIFEST_DIR")), &root)?;
    let target = tmp.parent().ok_or("no target directory")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--offline",
            "--locked",
            "--quiet",
            "--bin",
            OTHER_PROGRAM,
        ])
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", target);
    run(cargo, "").ok();
    let program = target.join("debug").join(OTHER_PROGRAM);
    life_of_an_installation(&root, &program, OTHER_NAMES)
}

/// Copies the files of the repository, and renames what is generated from the names.
fn copy_under_other_names(from: &Path, to: &Path) -> Result<(), Failed> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    git.current_dir(from);
    let former = ALL.map(str::to_owned);
    let renamed = |text: &str| names::renamed(text, &former, &OTHER_NAMES);
    for name in run(git, "").ok().stdout.lines() {
        // A file may have been deleted since it was added.
        let Ok(bytes) = fs::read(from.join(name)) else {
            continue;
        };
        let bytes = match String::from_utf8(bytes) {
            // The line that somebody changes.
            Ok(text) if name == names::FILE => renamed(&text).into_bytes(),
            Ok(text) if names::HISTORY.contains(&name) => text.into_bytes(),
            // Both trees build into one directory.
            Ok(text) if name == "Cargo.toml" => {
                let suite = "\"kubectl-upgrade\"\npath = \"bin";
                let other = format!("\"{OTHER_PROGRAM}\"\npath = \"bin");
                renamed(&text).replace(suite, &other).into_bytes()
            }
            Ok(text) => renamed(&text).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        let file = to.join(renamed(name));
        if fs::read(&file).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(file.parent().ok_or("no folder")?)?;
            fs::write(file, bytes)?;
        }
    }
    Ok(())
}

/// Installs the plugins of a source tree with krew, uses them, upgrades them and takes them away.
fn life_of_an_installation(root: &Path, program: &Path, names: [&str; 3]) -> Result<(), Failed> {
    let cluster = Cluster::start(SERVER);
    cluster.kubectl_stdin(&["apply", "-f", "-"], BUDGET).ok();
    let user = User::new(&cluster)?;
    let index = Index::new(root, program)?;
    let plugins = names.map(|name| format!("team/{name}"));
    let plugins = plugins.each_ref().map(String::as_str);

    index.publish(LOWER_VERSION)?;
    let url = format!("file://{}", index.repository().display());
    user.kubectl(&["krew", "index", "add", "team", &url]).ok();
    let installed = user.kubectl(&[&["krew", "install"][..], &plugins].concat());
    assert!(installed.ok().stderr.contains("Caveats"));
    assert_installed(&user, names, LOWER_VERSION);
    assert_works(&user, names);
    assert_completes(&user, &cluster, names)?;
    assert_works_copied(&user, program, names)?;

    index.publish(VERSION)?;
    user.kubectl(&["krew", "update"]).ok();
    user.kubectl(&["krew", "upgrade"]).ok();
    assert_installed(&user, names, VERSION);
    let version = user.kubectl(&[names[0], "--version"]).ok().stdout;
    assert_eq!(version, format!("kubectl-{} {}\n", names[0], &VERSION[1..]));

    user.kubectl(&[&["krew", "uninstall"][..], &names].concat())
        .ok();
    let links = fs::read_dir(user.home.path().join(".krew/bin"))?;
    let links: Vec<_> = links.flatten().map(|link| link.path()).collect();
    assert_eq!(links, Vec::<PathBuf>::new());
    assert_eq!(user.kubectl(&["krew", "list"]).ok().stdout.trim(), "");
    let gone = user.kubectl(&[names[0]]);
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains("unknown command"), "{}", gone.stderr);
    Ok(())
}

fn assert_installed(user: &User, names: [&str; 3], version: &str) {
    let list = user.kubectl(&["krew", "list"]).ok().stdout;
    let lines: Vec<&str> = list.lines().collect();
    // On a terminal krew shows versions, otherwise names for `krew install`.
    let mut expected = names.map(|name| format!("team/{name}"));
    expected.sort();
    assert_eq!(lines, expected);
    for name in names {
        let link = user.home.path().join(".krew/bin").join(plugin_file(name));
        let target = fs::read_link(link).expect("a link of krew");
        let target = target.to_string_lossy();
        let folder = format!("store/{name}/{version}/");
        assert!(target.contains(&folder), "{target}");
    }
}

/// All three against the API server, with their own words and exit codes through kubectl.
fn assert_works(user: &User, names: [&str; 3]) {
    let [check, plan, watch] = names;
    let report = user.kubectl(&[check, "--to", "1.25"]);
    assert_eq!(report.code, 3, "{}{}", report.stdout, report.stderr);
    assert!(
        report.stdout.contains("poddisruptionbudget/default/web"),
        "{}",
        report.stdout
    );
    let runbook = user.kubectl(&[plan, "--to", "1.25"]).ok().stdout;
    assert!(runbook.contains("1.25"), "{runbook}");
    let picture = user.kubectl(&[watch, "--once"]).ok().stdout;
    assert!(picture.contains("1.24"), "{picture}");
    for name in names {
        let help = user.kubectl(&[name, "--help"]).ok().stdout;
        assert!(help.contains(&format!("Usage: kubectl {name} ")), "{help}");
    }
    let wide = user
        .kubectl(&[plan, "--to", "1.25", "-o", "markdown"])
        .ok()
        .stdout;
    assert!(wide.contains(&format!("kubectl {check} --to")), "{wide}");
    let json = user.kubectl(&[check, "--to", "1.25", "-o", "json"]).json();
    assert_eq!(json["metadata"]["tool"]["name"], format!("kubectl-{check}"));
    if names != ALL {
        let rules = user
            .kubectl(&[check, "rules", "--all", "-o", "json"])
            .ok()
            .stdout;
        let rbac = user.kubectl(&[check, "rbac"]).ok().stdout;
        let unknown = user.kubectl(&[check, "explain", "nothing"]).stderr;
        let help = names
            .map(|name| user.kubectl(&[name, "--help"]).stdout)
            .concat();
        for text in [
            report.stdout,
            runbook,
            picture,
            wide,
            rules,
            rbac,
            unknown,
            help,
        ] {
            let former = ALL.iter().find(|name| text.contains(*name));
            assert_eq!(former, None, "{text}");
        }
    }
}

/// Without krew: the program copied to PATH under the names of the plugins, or once under its own.
fn assert_works_copied(user: &User, program: &Path, names: [&str; 3]) -> Result<(), Failed> {
    let words = |name: &str| name.split('-').map(str::to_owned).collect::<Vec<_>>();
    for name in names {
        fs::copy(program, user.path.join(format!("kubectl-{name}")))?;
        let mut args = words(name);
        args.push("--help".to_owned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let help = user.kubectl(&args).ok().stdout;
        let usage = format!("Usage: kubectl {} ", words(name).join(" "));
        assert!(help.contains(&usage), "{help}");
        fs::remove_file(user.path.join(format!("kubectl-{name}")))?;
    }
    let copy = user.path.join("kubectl-upgrade");
    fs::copy(program, &copy)?;
    let report = user.kubectl(&["upgrade", "check", "--to", "1.25"]);
    assert_eq!(report.code, 3, "{}", report.stderr);
    user.kubectl(&["upgrade", "plan", "--to", "1.25"]).ok();
    user.kubectl(&["upgrade", "watch", "--once"]).ok();
    assert_eq!(user.kubectl(&["upgrade", "cheque"]).code, 2);
    fs::remove_file(copy)?;
    Ok(())
}
