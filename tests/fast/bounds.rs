//! Input that is made to take all memory: the program runs with a bound that the operating system keeps, and ends as it
//! should.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::program::{EXAMPLE, text};
use crate::server::{endless, kubeconfig, reply, serve};

/// Data of one process, in KiB: what `ulimit -d` takes. A debug build with its threads needs a tenth of it.
const BOUND: u32 = 600 << 10;

fn bounded(home: &Path, kib: u32, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_kubectl-upgrade-check");
    let mut command = Command::new("sh");
    command
        .env_clear()
        .env("HOME", home)
        .env("KUBECONFIG", home.join("kubeconfig"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "-c",
            &format!("ulimit -c 0; ulimit -d {kib} && exec \"$0\" \"$@\""),
            program,
        ])
        .args(args);
    command.output().expect("the program runs")
}

/// Runs within the bound, and looks at the code and at what was said.
#[track_caller]
fn ends(home: &Path, args: &[&str], code: i32, says: &str) {
    let output = bounded(home, BOUND, args);
    let said = text(&output.stdout) + &text(&output.stderr);
    let shown: String = said.chars().take(2000).collect();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {shown}");
    assert!(
        said.contains(says),
        "{args:?} does not say {says:?}: {shown}"
    );
    assert!(
        said.len() < 200_000,
        "{args:?} says too much: {}",
        said.len()
    );
}

/// Members one behind the other, each packed once.
fn gzip(parts: &[(&[u8], usize)]) -> Vec<u8> {
    let packed = parts.iter().flat_map(|(part, times)| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(part).expect("memory");
        encoder.finish().expect("memory").repeat(*times)
    });
    packed.collect()
}

#[test]
fn the_bound_is_kept_by_the_operating_system() {
    let home = tempfile::tempdir().expect("a folder");
    let args = ["--snapshot", EXAMPLE, "-q"];
    assert_eq!(bounded(home.path(), BOUND, &args).status.code(), Some(3));
    let starved = bounded(home.path(), 1 << 10, &args);
    assert_ne!(starved.status.code(), Some(3), "a megabyte is not enough");
}

#[test]
fn files_that_expand() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let local = ["--local", "--to", "1.25", "-o", "json", "-f"];
    let manifest =
        |file: &str, says: &str| ends(home.path(), &[&local[..], &[file]].concat(), 4, says);

    let name = "n".repeat(1 << 20);
    let aliases = vec!["*x"; 20_000].join(",");
    let bomb = format!(
        "x: &x {{apiVersion: v1, kind: A, metadata: {{name: {name}}}}}\napiVersion: v1\nkind: List\nitems: [{aliases}]\n"
    );
    manifest(&write("aliases.yaml", bomb.as_bytes()), "aliases");

    let items = vec![r#"{"metadata":{"name":"a"}}"#; 20_000].join(",");
    let list = format!(r#"{{"kind":"{name}List","apiVersion":"v1","items":[{items}]}}"#);
    manifest(&write("list.json", list.as_bytes()), "128 MiB");

    let header = br#"{"apiVersion":"kubectl-upgrade/v1","kind":"Snapshot","format":1,"toolVersion":"1"}{"takenAt":""#;
    let snapshot = write("x.snapshot", &gzip(&[(header, 1), (&[b'a'; 1 << 20], 18)]));
    ends(
        home.path(),
        &["--snapshot", &snapshot],
        1,
        "expands to more than",
    );

    let bomb = format!("a: &a [{}]\n", vec!["x"; 1000].join(","));
    let bomb = format!(
        "{bomb}b: &b [{}]\nc: [{}]\n",
        vec!["*a"; 1000].join(","),
        vec!["*b"; 1000].join(",")
    );
    let waivers = write("waivers.yaml", bomb.as_bytes());
    ends(
        home.path(),
        &["--snapshot", EXAMPLE, "--waivers", &waivers],
        1,
        "waivers",
    );
    let baseline = write("baseline.json", "[".repeat(1 << 20).as_bytes());
    ends(
        home.path(),
        &["--snapshot", EXAMPLE, "--baseline", &baseline],
        1,
        "baseline",
    );
    write("kubeconfig", bomb.as_bytes());
    ends(home.path(), &[], 1, "kubeconfig");
}

#[cfg(target_os = "linux")]
#[test]
fn files_without_an_end() {
    let home = tempfile::tempdir().expect("a folder");
    let large = home.path().join("large.yaml");
    let file = std::fs::File::create(&large).expect("a file");
    file.set_len(5 << 30).expect("a sparse file");
    let large = large.to_string_lossy();
    ends(home.path(), &["--kubeconfig", &large], 1, "64 MiB");
    ends(
        home.path(),
        &["--local", "--to", "1.25", "-f", &large],
        4,
        "64 MiB",
    );
    ends(
        home.path(),
        &["--snapshot", EXAMPLE, "--baseline", "/dev/zero"],
        1,
        "256 MiB",
    );
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

#[test]
fn answers_without_an_end() {
    let home = tempfile::tempdir().expect("a folder");
    let version = br#"{"gitVersion":"v1.24.17"}"#;
    let start = |which: &'static str| {
        let address = serve(move |path, stream| match (which, path) {
            ("version", "/version") => endless(stream, 200, JSON, br#"{"gitVersion":""#, b"a"),
            ("error", "/version") => endless(stream, 500, JSON, br#"{"message":""#, b"a"),
            (_, "/version") => reply(stream, 200, JSON, version),
            (_, "/apis") => reply(
                stream,
                200,
                JSON,
                br#"{"groups":[{"versions":[{"groupVersion":"apps/v1"}]}]}"#,
            ),
            // An envelope with a list with items without an end; a single item without one; nothing but empty fields.
            ("items", path) if path.starts_with("/api/v1/nodes") => {
                endless(
                    stream,
                    200,
                    PROTOBUF,
                    b"k8s\0\x12\xff\xff\xff\xff\xff\x7f\x12\xff\xff\xff\xff\x7f",
                    b"a",
                );
            }
            ("fields", path) if path.starts_with("/api/v1/nodes") => {
                // One item of 8 MiB that is 4 million empty taints.
                let start =
                    b"k8s\0\x12\xff\xff\xff\xff\xff\x7f\x12\x84\x80\x80\x04\x12\x80\x80\x80\x04";
                endless(stream, 200, PROTOBUF, start, b"\x2a\0");
            }
            ("json", path) if path.starts_with("/apis/apps") => {
                endless(
                    stream,
                    200,
                    JSON,
                    br#"{"items":[{"metadata":{"name":"a"},"spec":["#,
                    br#"{"":0},"#,
                );
            }
            ("lines", path) if path.starts_with("/metrics") => {
                endless(
                    stream,
                    200,
                    "text/plain",
                    b"",
                    b"apiserver_requested_deprecated_apis{group=\"a\"} 1\n",
                );
            }
            (_, path) if path.starts_with("/metrics") || path.starts_with("/readyz") => {
                reply(stream, 200, "text/plain", b"\n");
            }
            _ => reply(stream, 403, JSON, br#"{"kind":"Status","message":"no"}"#),
        });
        kubeconfig(home.path(), &address, "c");
    };
    let only = [
        "--only",
        "node-kubelet-too-old,wl-ondelete,api-removed",
        "-o",
        "json",
    ];
    for (which, code, says) in [
        ("version", 1, "does not answer as an API server does"),
        ("error", 1, "Error from server"),
        ("items", 4, "more than any API server holds"),
        ("fields", 4, "nodes"),
        ("json", 4, "more than any API server holds"),
        ("lines", 4, "16 MiB"),
    ] {
        start(which);
        ends(
            home.path(),
            &[&only[..], &["--request-timeout", "60"]].concat(),
            code,
            says,
        );
    }
}
