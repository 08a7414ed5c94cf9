//! Where the real programs are: built by `tests/control-plane/build.sh`, or given
//! in `KUBEBUILDER_ASSETS`.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a program is not there, in words for whoever runs the tests.
#[derive(Debug, Clone)]
pub(crate) struct Missing(String);

impl Missing {
    /// The reason for something that `build.sh` would have built.
    pub(crate) fn not_built(what: &str) -> Self {
        Self(match in_path("go") {
            None => "Go is not installed".to_owned(),
            Some(_) => format!("{what} is not built yet: run `make test`"),
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The programs of one version's control plane.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    /// `kube-apiserver`, always of the wanted minor version.
    pub(crate) apiserver: PathBuf,
    /// `etcd`, from another version when this one has none.
    pub(crate) etcd: PathBuf,
    /// `kubectl`, from another version when this one has none.
    pub(crate) kubectl: PathBuf,
    /// Prints an RSA key; without it `openssl` is asked.
    pub(crate) genkey: Option<PathBuf>,
    /// Fills an etcd with a large cluster.
    pub(crate) load: Option<PathBuf>,
    /// `kube-controller-manager` and `kube-scheduler` of this version.
    pub(crate) controllers: Option<(PathBuf, PathBuf)>,
}

impl Assets {
    /// Finds the control plane of `version`, such as `1.24.17`: in
    /// `KUBEBUILDER_ASSETS` when the API server there has the same minor version,
    /// with what it lacks taken from our own build, else in our own build.
    pub(crate) fn find(version: &str) -> Result<Self, Missing> {
        let version = version.trim_start_matches('v');
        let given = env::var_os("KUBEBUILDER_ASSETS")
            .map(PathBuf::from)
            .filter(|dir| has_minor(&dir.join("kube-apiserver"), version));
        let own = built().join(format!("v{version}"));
        let dirs: Vec<&Path> = given.iter().map(PathBuf::as_path).chain([&*own]).collect();
        let find = |name: &str| dirs.iter().map(|dir| dir.join(name)).find(|p| p.exists());
        let missing = || Missing::not_built(&format!("the control plane v{version}"));
        Ok(Self {
            apiserver: find("kube-apiserver").ok_or_else(missing)?,
            etcd: find("etcd")
                .or_else(|| of_any_version("etcd"))
                .ok_or_else(missing)?,
            kubectl: find("kubectl")
                .or_else(|| of_any_version("kubectl"))
                .or_else(|| in_path("kubectl"))
                .ok_or_else(missing)?,
            genkey: find("genkey").or_else(|| of_any_version("genkey")),
            load: find("load").or_else(|| of_any_version("load")),
            controllers: find("kube-controller-manager").zip(find("kube-scheduler")),
        })
    }

    /// Finds the control plane of `version` and asks that it has controllers.
    pub(crate) fn find_with_controllers(version: &str) -> Result<Self, Missing> {
        let assets = Self::find(version)?;
        match assets.controllers {
            Some(_) => Ok(assets),
            None => Err(Missing(format!(
                "v{version} has no kube-controller-manager"
            ))),
        }
    }
}

/// `kwok`, and the folder of the stages it plays.
pub(crate) fn kwok() -> Result<(PathBuf, PathBuf), Missing> {
    let (path, stages) = (built().join("bin/kwok"), built().join("kwok-stages"));
    if path.exists() && stages.exists() {
        Ok((path, stages))
    } else {
        Err(Missing::not_built("kwok"))
    }
}

/// A copy of an API server that says it is of another version, as if it had been linked with it. Both are equally long,
/// because the linker leaves the text of a version where it is.
pub(crate) fn reporting(apiserver: &Path, version: &str, reported: &str) -> PathBuf {
    assert_eq!(version.len(), reported.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reporting-{reported}"));
    let copy = folder.join("kube-apiserver");
    if copy.exists() {
        return copy;
    }
    let mut bytes = fs::read(apiserver).expect("an API server");
    let (own, other) = (format!("v{version}"), format!("v{reported}"));
    let places: Vec<usize> = (0..bytes.len() - own.len())
        .filter(|at| bytes[*at] == b'v' && bytes[*at..].starts_with(own.as_bytes()))
        .collect();
    for at in places {
        bytes[at..at + own.len()].copy_from_slice(other.as_bytes());
    }
    // Renamed when it is complete, because tests run side by side.
    let unfinished = tempfile::Builder::new().tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let unfinished = unfinished.expect("a folder");
    let program = unfinished.path().join("kube-apiserver");
    fs::write(&program, bytes).expect("a copy");
    fs::set_permissions(
        &program,
        fs::metadata(apiserver).expect("a file").permissions(),
    )
    .expect("an executable");
    fs::create_dir_all(&folder).expect("a folder");
    fs::rename(&program, &copy).expect("a copy");
    copy
}

/// The folder that `build.sh` builds into: in the target directory that Cargo was
/// told, or built this test into, or would use by default.
pub(crate) fn built() -> PathBuf {
    let told = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let used = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .map(Path::to_owned);
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let folders = || [told.clone(), used.clone()].into_iter().flatten();
    folders()
        .map(|target| target.join("control-plane"))
        .find(|dir| dir.exists())
        .unwrap_or_else(|| default.join("control-plane"))
}

/// A program of whichever version has it; the newest by name.
fn of_any_version(name: &str) -> Option<PathBuf> {
    let entries = built().read_dir().ok()?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop()
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Whether `kube-apiserver --version` reports the minor version of `version`.
fn has_minor(apiserver: &Path, version: &str) -> bool {
    let minor = |text: &str| {
        let mut parts = text.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    Command::new(apiserver)
        .arg("--version")
        .output()
        .is_ok_and(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let reported = text.trim().trim_start_matches("Kubernetes v");
            minor(reported) == minor(version)
        })
}
