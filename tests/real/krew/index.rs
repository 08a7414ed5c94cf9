//! A custom index and what it serves.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use libtest_mimic::Failed;

use super::VERSION;
use super::user::find;
use crate::testbed::run::run;

/// A custom index in a git repository, and a server of its archive.
pub(super) struct Index {
    folder: tempfile::TempDir,
    root: PathBuf,
    archive: PathBuf,
    port: u16,
}

impl Index {
    /// Packs the archive as a release does, from a program without symbols.
    pub(super) fn new(root: &Path, program: &Path) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("archive.tar.gz");
        let stripped = folder.path().join("kubectl-upgrade");
        fs::copy(program, &stripped)?;
        if let Ok(strip) = find("strip") {
            run(command(strip, &[&stripped]), "").ok();
        }
        let mut pack = command(
            "sh",
            &[&root.join("release/archive.sh"), &stripped, &archive],
        );
        pack.env("GZIP_LEVEL", "-1");
        run(pack, "").ok();
        fs::create_dir(folder.path().join("index"))?;
        let port = serve(fs::read(&archive)?)?;
        let index = Self {
            folder,
            root: root.to_owned(),
            archive,
            port,
        };
        index.git(&["init", "--quiet"]);
        Ok(index)
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    /// Commits the manifests of a release with this version.
    pub(super) fn publish(&self, version: &str) -> Result<(), Failed> {
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "amd64",
        };
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            os => os,
        };
        let name = format!("kubectl-upgrade_{VERSION}_{os}_{architecture}.tar.gz");
        let release = self.folder.path().join(name);
        fs::copy(&self.archive, &release)?;
        let plugins = self.repository().join("plugins");
        let script = self.root.join("krew/manifests.sh");
        let mut generate = command("sh", &[&script, &plugins, &release]);
        generate.env("BASE_URL", format!("http://127.0.0.1:{}", self.port));
        run(generate, "").ok();
        for manifest in fs::read_dir(&plugins)?.flatten() {
            let text = fs::read_to_string(manifest.path())?;
            fs::write(manifest.path(), text.replace(VERSION, version))?;
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", version]);
        Ok(())
    }

    #[track_caller]
    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=team", "-c", "user.email=team@shop.example"])
            .args(args)
            .current_dir(self.repository())
            .env("HOME", self.folder.path());
        run(command, "").ok();
    }
}

fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&Path]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Serves these bytes on a loopback port, whatever is asked for.
fn serve(body: Vec<u8>) -> Result<u16, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, &body);
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream, body: &[u8]) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty());
    let _ = head.count();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
