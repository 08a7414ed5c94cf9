//! The folder of one cluster, and the files the control plane is started with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::process::is_alive;

/// The users a cluster knows: an administrator, and users with no permissions but
/// those a test binds to them.
pub(crate) const ADMIN: &str = "admin";
/// See [`ADMIN`].
pub(crate) const LIMITED: [&str; 4] = ["limited-0", "limited-1", "limited-2", "limited-3"];

const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

static NUMBER: AtomicU32 = AtomicU32::new(0);
static CLEANED: Once = Once::new();

/// A folder of this process below the target directory, removed on drop.
pub(crate) struct Folder {
    path: PathBuf,
    /// `PID-N`, unlike that of every other folder.
    id: String,
}

impl Folder {
    /// Makes the folder, with all files that do not depend on the ports. What test
    /// processes that are gone left behind is removed first.
    pub(crate) fn create(genkey: Option<&Path>) -> Self {
        CLEANED.call_once(remove_leftovers);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", process::id());
        let path = clusters_dir().join(&id);
        let folder = Self { path, id };
        make_dir(&folder.path.join("certs"));
        make_dir(&folder.path.join("home"));
        folder.write("tokens.csv", tokens().as_bytes());
        folder.write("audit-policy.yaml", AUDIT_POLICY.as_bytes());
        folder.write("sa.key", &service_account_key(genkey));
        folder
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The same, as an argument of a program.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.file(name).to_string_lossy().into_owned()
    }

    /// The kubeconfig of a user.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.file(&format!("{user}.kubeconfig"))
    }

    /// Writes one kubeconfig per user for the API server on `port`. They trust the
    /// authority that the API server made for itself: the second certificate of its
    /// certificate file, the first being its own.
    ///
    /// Returns whether the API server has written that file yet.
    pub(crate) fn write_kubeconfigs(&self, port: u16) -> bool {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        if self.kubeconfig(ADMIN).exists() {
            return true; // A restarted API server keeps its certificates.
        }
        let chain = fs::read_to_string(self.file("certs/apiserver.crt")).unwrap_or_default();
        let Some(start) = chain.rfind(BEGIN).filter(|start| *start > 0) else {
            return false;
        };
        self.write("ca.crt", &chain.as_bytes()[start..]);
        for user in [ADMIN].iter().chain(&LIMITED) {
            let config = kubeconfig(user, port, &self.file("ca.crt"));
            self.write(&format!("{user}.kubeconfig"), config.to_string().as_bytes());
        }
        true
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path.join(name);
        fs::write(&path, bytes)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

impl Drop for Folder {
    /// Keeps the audit log, and the other logs too when a test has just failed.
    fn drop(&mut self) {
        let kept = audit_dir().join(format!("{}.log", self.id));
        make_dir(&audit_dir());
        let _ = fs::rename(self.file("audit.log"), kept);
        if std::thread::panicking() {
            let failed = tmp().join("failed").join(&self.id);
            make_dir(&failed);
            for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|kind| kind == "log") {
                    let _ = fs::rename(entry.path(), failed.join(entry.file_name()));
                }
            }
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Where the audit logs of stopped clusters are kept, named `PID-N.log`.
pub(crate) fn audit_dir() -> PathBuf {
    tmp().join("audit")
}

fn tmp() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn clusters_dir() -> PathBuf {
    tmp().join("clusters")
}

fn make_dir(path: &Path) {
    fs::create_dir_all(path)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
}

/// Removes folders and logs of earlier test processes that are gone.
fn remove_leftovers() {
    for dir in [clusters_dir(), audit_dir(), tmp().join("failed")] {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.split('-').next().and_then(|pid| pid.parse().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) {
                let _ = fs::remove_dir_all(entry.path());
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn token(user: &str) -> String {
    format!("token-of-{user}")
}

fn tokens() -> String {
    let mut lines = format!("{},{ADMIN},{ADMIN},\"system:masters\"\n", token(ADMIN));
    for user in LIMITED {
        lines += &format!("{},{user},{user}\n", token(user));
    }
    lines
}

/// A kubeconfig; JSON is YAML, too.
fn kubeconfig(user: &str, port: u16, ca: &Path) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": ca,
        }}],
        "users": [{"name": user, "user": {"token": token(user)}}],
    })
}

/// A fresh RSA key in PEM, from our own control plane or else from openssl.
fn service_account_key(genkey: Option<&Path>) -> Vec<u8> {
    let mut command = match genkey {
        Some(genkey) => Command::new(genkey),
        None => Command::new("openssl"),
    };
    if genkey.is_none() {
        command.args(["genrsa", "2048"]);
    }
    match command.output() {
        Ok(output) if output.status.success() => output.stdout,
        failure => panic!("no key for service accounts from {command:?}: {failure:?}"),
    }
}
