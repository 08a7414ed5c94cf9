//! Kubeconfigs in temporary folders and an environment that is handed in: each way in which kube differs from kubectl.

mod credentials;
#[cfg(unix)]
mod exec;
mod files;
mod hostile;
mod server_urls;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ConnectError, ConnectOptions, Connection, Env, resolve};

/// One cluster, one user, one context.
const PLAIN: &str = "
apiVersion: v1
kind: Config
current-context: blue
clusters:
- name: blue
  cluster: {server: 'https://blue.example:6443'}
users:
- name: me
  user: {token: t0ken}
contexts:
- name: blue
  context: {cluster: blue, user: me}
";

/// A folder with files and an environment that knows nothing but what the test says.
struct Place {
    folder: TempDir,
    variables: Vec<(String, OsString)>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            variables: Vec::new(),
        }
    }

    /// A place whose `KUBECONFIG` is one file of this text.
    fn with(text: &str) -> Self {
        let place = Self::new();
        let file = place.file("config", text);
        place.set("KUBECONFIG", file)
    }

    fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn connect(&self, wanted: &ConnectOptions) -> Result<Connection, ConnectError> {
        let var = |name: &str| {
            let found = self.variables.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        let env = Env {
            var: &var,
            service_account_dir: &self.path("serviceaccount"),
        };
        resolve(wanted, &env)
    }

    fn connected(&self, wanted: &ConnectOptions) -> Connection {
        self.connect(wanted).expect("a connection")
    }

    fn error(&self, wanted: &ConnectOptions) -> String {
        let error = self.connect(wanted).expect_err("no connection");
        error.to_string().replace(&self.shown(), "DIR")
    }

    fn shown(&self) -> String {
        self.folder.path().display().to_string()
    }
}

fn wanted() -> ConnectOptions {
    ConnectOptions {
        program: "kubectl-upgrade-check".to_owned(),
        ..ConnectOptions::default()
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn joined(paths: &[&Path]) -> OsString {
    std::env::join_paths(paths).expect("paths without separators")
}

#[test]
fn describes_the_connection() {
    let place = Place::with(PLAIN);
    let found = place.connected(&wanted());
    assert_eq!(found.context.as_deref(), Some("blue"));
    assert_eq!(found.server, "https://blue.example:6443");
    assert_eq!(found.namespace, None);
    assert_eq!(found.config.default_namespace, "default");
    assert_eq!(found.config.read_timeout, None);
    assert!(!found.config.default_retry, "kube would retry for minutes");
    let (name, value) = &found.config.headers[0];
    assert_eq!(name, "user-agent");
    let expected = concat!("kubectl-upgrade-check/", env!("CARGO_PKG_VERSION"));
    assert_eq!(value, expected);
}

#[test]
fn an_empty_namespace_is_default() {
    let text = PLAIN.replace("user: me}", "user: me, namespace: ''}");
    let place = Place::with(&text);
    assert_eq!(
        place.connected(&wanted()).config.default_namespace,
        "default"
    );
}

#[test]
fn the_namespace_of_the_context_is_no_scope() {
    let text = PLAIN.replace("user: me}", "user: me, namespace: shop}");
    let place = Place::with(&text);
    let found = place.connected(&wanted());
    assert_eq!(found.config.default_namespace, "shop");
    assert_eq!(found.namespace, None);
    let found = place.connected(&ConnectOptions {
        namespace: some("kube-system"),
        ..wanted()
    });
    assert_eq!(found.config.default_namespace, "kube-system");
    assert_eq!(found.namespace.as_deref(), Some("kube-system"));
}

#[test]
fn a_namespace_cannot_lead_elsewhere() {
    let place = Place::with(PLAIN);
    for name in ["../nodes", "a/b", "a%2fb", "a?b", ".."] {
        let error = place.connect(&ConnectOptions {
            namespace: some(name),
            ..wanted()
        });
        assert!(error.is_err_and(|error| error.is_usage_error()), "{name}");
    }
}

#[test]
fn names_contexts_when_none_is_chosen() {
    let place = Place::with(&PLAIN.replace("current-context: blue", "current-context: ''"));
    assert_eq!(
        place.error(&wanted()),
        "no context is chosen: current-context is not set in DIR/config; choose one with --context; known: \"blue\""
    );
}

#[test]
fn does_not_print_hundreds_of_contexts() {
    let mut text = PLAIN.replace("current-context: blue", "");
    for number in 0..300 {
        text.push_str(&format!(
            "- name: c{number:03}\n  context: {{cluster: blue, user: me}}\n"
        ));
    }
    let error = Place::with(&text).error(&wanted());
    assert!(error.contains("\"c008\" and 291 more"), "{error}");
    assert!(error.len() < 400, "{error}");
}

#[test]
fn finds_names_that_are_nearly_right() {
    let text = PLAIN.replace("name: blue\n  context", "name: production-blue\n  context");
    let place =
        Place::with(&text.replace("current-context: blue", "current-context: production-blue"));
    for (asked, hint) in [
        ("prodution-blue", "did you mean \"production-blue\"?"),
        ("blue", "did you mean \"production-blue\"?"),
        ("PRODUCTION-BLUE", "did you mean \"production-blue\"?"),
        ("green", "known: \"production-blue\""),
    ] {
        let error = place.error(&ConnectOptions {
            context: some(asked),
            ..wanted()
        });
        assert_eq!(
            error,
            format!("context {asked:?} (--context) does not exist in DIR/config; {hint}")
        );
    }
}

#[test]
fn refuses_unknown_clusters_and_users() {
    let place = Place::with(PLAIN);
    let cluster = place.error(&ConnectOptions {
        cluster: some("glue"),
        ..wanted()
    });
    assert!(
        cluster.starts_with("cluster \"glue\" (--cluster) does not exist"),
        "{cluster}"
    );
    let user = place.error(&ConnectOptions {
        user: some("you"),
        ..wanted()
    });
    assert!(
        user.starts_with("user \"you\" (--user) does not exist"),
        "{user}"
    );
    assert!(user.ends_with("known: \"me\""), "{user}");
}

#[test]
fn a_context_may_dangle_where_kubectl_lets_it() {
    let no_user = Place::with(&PLAIN.replace("user: me}", "user: ghost}"));
    assert!(
        no_user
            .connected(&wanted())
            .config
            .auth_info
            .token
            .is_none()
    );
    let no_cluster = Place::with(&PLAIN.replace("{cluster: blue,", "{cluster: ghost,"));
    let error = no_cluster.error(&wanted());
    assert!(
        error.starts_with("cluster \"ghost\" (context \"blue\") does not exist"),
        "{error}"
    );
    let found = no_cluster.connected(&ConnectOptions {
        server: some("https://other:1"),
        ..wanted()
    });
    assert_eq!(found.server, "https://other:1");
    let current = Place::with(&PLAIN.replace("current-context: blue", "current-context: bleu2"));
    let error = current.error(&wanted());
    assert!(
        error.starts_with("context \"bleu2\" (current-context) does not exist"),
        "{error}"
    );
}

#[test]
fn shows_no_credentials() {
    let text = PLAIN.replace("6443'}", "6443', proxy-url: 'http://me:s3cret@proxy:1'}");
    let place = Place::with(&text);
    let shown = format!("{:?}", place.connected(&wanted()));
    assert!(
        !shown.contains("t0ken") && !shown.contains("s3cret"),
        "{shown}"
    );
}
