//! A tree of manifests, such as a repository of GitOps holds: what `-f DIRECTORY --local` is measured with.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Files in one folder.
const IN_A_FOLDER: usize = 100;

/// Makes so many files of about 1.5 KB below the folder: most a Deployment with its Service, every tenth a budget, every
/// hundredth a budget of a version that Kubernetes 1.25 does not serve any more, every thousandth the values of a chart.
pub(crate) fn tree(folder: &Path, files: usize) {
    for at in 0..files {
        let team = folder.join(format!("team-{:04}", at / IN_A_FOLDER));
        if at % IN_A_FOLDER == 0 {
            fs::create_dir_all(&team).expect("a folder");
        }
        let text = match at {
            _ if at % 1000 == 999 => values(at),
            _ if at % 100 == 99 => budget(at, "policy/v1beta1"),
            _ if at % 10 == 9 => budget(at, "policy/v1"),
            _ => deployment(at),
        };
        fs::write(team.join(format!("app-{at:05}.yaml")), text).expect("a file");
    }
}

/// How many of its files hold an object that Kubernetes 1.25 does not serve.
pub(crate) fn removed(files: usize) -> usize {
    (0..files)
        .filter(|at| at % 100 == 99 && at % 1000 != 999)
        .count()
}

fn head(api_version: &str, kind: &str, at: usize) -> String {
    let team = at / IN_A_FOLDER;
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: app-{at:05}\n  namespace: team-{team:04}\n  labels:\n\
         \x20   app.kubernetes.io/name: app-{at:05}\n    app.kubernetes.io/part-of: team-{team:04}\n\
         \x20   app.kubernetes.io/managed-by: kustomize\n"
    )
}

fn deployment(at: usize) -> String {
    let mut text = head("apps/v1", "Deployment", at);
    let _ = write!(
        text,
        "spec:\n  replicas: {}\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: app-{at:05}\n  template:\n\
         \x20   metadata:\n      labels:\n        app.kubernetes.io/name: app-{at:05}\n    spec:\n      containers:\n\
         \x20     - name: main\n        image: \"registry.example/shop/app-{at:05}:1.{}.0\"\n        ports:\n\
         \x20       - {{name: http, containerPort: 8080}}\n        env:\n        - name: GREETING\n\
         \x20         value: 'hello from {at}'\n        - name: CONFIG\n          value: |\n            first: line\n\
         \x20           second: line\n        resources:\n          requests: {{cpu: 100m, memory: 128Mi}}\n\
         \x20         limits: {{memory: 256Mi}}\n        readinessProbe:\n          httpGet: {{path: /ready, port: http}}\n\
         \x20         periodSeconds: 5\n      terminationGracePeriodSeconds: 30\n",
        1 + at % 4,
        at % 30,
    );
    text.push_str("---\n");
    text.push_str(&head("v1", "Service", at));
    let _ = write!(
        text,
        "spec:\n  selector:\n    app.kubernetes.io/name: app-{at:05}\n  ports:\n  - name: http\n    port: 80\n\
         \x20   targetPort: http\n"
    );
    text
}

fn budget(at: usize, api_version: &str) -> String {
    let mut text = head(api_version, "PodDisruptionBudget", at);
    let _ = write!(
        text,
        "spec:\n  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: app-{at:05}\n"
    );
    text
}

fn values(at: usize) -> String {
    let mut text = String::from("# Values of a chart\n");
    for key in 0..40 {
        let _ = writeln!(
            text,
            "setting{key}: {{enabled: true, weight: {}}}",
            at + key
        );
    }
    text
}
