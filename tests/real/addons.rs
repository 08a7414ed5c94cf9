//! Add-ons and backups on a real API server: images as protobuf brings them, and custom resources of Velero.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::detect::{define, definition, deployment, namespaces};
use crate::harness::{Cluster, NOTHING, Need, create, eventually, named, report};

const NEWEST: &str = "1.37.0";
const OLD: &str = "1.24.17";

scenarios! {
    images: [Need::ControlPlane(OLD)],
    backups: [Need::ControlPlane(NEWEST)],
}

fn images() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    create(&cluster, &namespaces(&["cert-manager"]));
    let controller = "quay.io/jetstack/cert-manager-controller";
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    create(
        &cluster,
        &[
            deployment("cert-manager", "named", &format!("{controller}:v1.8.2")),
            deployment(
                "cert-manager",
                "nameless",
                &format!("{controller}@{digest}"),
            ),
            deployment(
                "cert-manager",
                "newer",
                &format!("{controller}:v1.12.2@{digest}"),
            ),
            deployment(
                "kube-system",
                "scaler",
                "registry.k8s.io/autoscaling/cluster-autoscaler:v1.23.0",
            ),
            deployment(
                "kube-system",
                "measure",
                "k8s.gcr.io/metrics-server/metrics-server:v0.5.2",
            ),
        ],
    );
    let mut told = Value::Null;
    // The API server's watch cache may be a moment behind.
    eventually("they are seen", 60, || {
        told = report(&cluster, "1.25");
        named(&told, "addon-compat", "warning") == ["named"]
            && named(&told, "addon-autoscaler", "warning") == ["scaler"]
    });
    assert_eq!(named(&told, "addon-metrics-server", "warning"), NOTHING);
    let gaps = told["gaps"].as_array().expect("gaps");
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:#?}");
    };
    assert_eq!(
        gap["what"], "whether cert-manager in cert-manager supports 1.25",
        "its image is a digest"
    );
    Ok(())
}

fn backups() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    // A hop to go: the catalog knows nothing newer than this server.
    let told = || report(&cluster, "1.38");
    assert_eq!(
        named(&told(), "backup-missing", "warning"),
        NOTHING,
        "where nothing is served that would show a backup"
    );
    define(
        &cluster,
        &[definition(
            "velero.io",
            "v1",
            "Backup",
            "backups",
            "Namespaced",
        )],
    );
    create(&cluster, &namespaces(&["velero"]));
    assert_eq!(
        named(&told(), "backup-missing", "warning").len(),
        1,
        "no backup at all"
    );
    let backup = |name: &str, completed: &str, namespaces: Value| {
        json!({"apiVersion": "velero.io/v1", "kind": "Backup",
            "metadata": {"name": name, "namespace": "velero"},
            "spec": {"includedNamespaces": namespaces},
            "status": {"phase": "Completed", "completionTimestamp": completed}})
    };
    create(
        &cluster,
        &[
            backup("old", "2020-01-01T00:00:00Z", json!(["*"])),
            backup("shop", "2100-01-01T00:00:00Z", json!(["shop"])),
        ],
    );
    // The API server's watch cache may be a moment behind.
    eventually("the old one is seen", 60, || {
        named(&told(), "backup-missing", "warning") == ["old"]
    });
    create(
        &cluster,
        &[backup("fresh", "2100-01-01T00:00:00Z", json!(["*"]))],
    );
    eventually("the fresh one is seen", 60, || {
        named(&told(), "backup-missing", "warning") == NOTHING
    });
    Ok(())
}
