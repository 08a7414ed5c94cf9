//! Cluster API's own controllers on a real API server, with machines that its development provider simulates in memory.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::reports::create;
use crate::testbed::assets::{Missing, built};
use crate::testbed::cluster::Cluster;
use crate::testbed::process::Process;
use crate::testbed::run::eventually;

/// As `build.sh` names the programs and their configuration.
const MANAGERS: [&str; 4] = ["core", "bootstrap", "control-plane", "infrastructure"];
const CONTRACTS: [&str; 2] = ["v1beta1", "v1beta2"];
const NAMESPACE: &str = "capi";
/// The port that the infrastructure provider always takes.
const FIXED_PORT: u16 = 19000;
/// How long another run of these tests may keep it, in seconds.
const PORT_PATIENCE: u64 = 600;

/// The controllers.
pub(crate) fn cluster_api() -> Result<Vec<PathBuf>, Missing> {
    let programs = MANAGERS.map(|name| built().join(format!("bin/capi-{name}")));
    match programs.iter().all(|program| program.exists()) {
        true => Ok(programs.into()),
        false => Err(Missing::not_built("Cluster API")),
    }
}

/// A manager's name and ports.
struct Manager {
    name: &'static str,
    webhooks: u16,
    health: u16,
}

impl Manager {
    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.webhooks)
    }

    fn args(&self, cluster: &Cluster, program: &Path) -> Vec<String> {
        let environment = [
            format!("POD_NAMESPACE={NAMESPACE}"),
            format!("POD_NAME={}", self.name),
            "POD_UID=0".to_owned(),
            // Where the infrastructure provider serves the API of its clusters.
            "POD_IP=127.0.0.1".to_owned(),
        ];
        let flags = [
            program.display().to_string(),
            format!("--kubeconfig={}", cluster.kubeconfig().display()),
            format!("--webhook-port={}", self.webhooks),
            format!("--webhook-cert-dir={}", cluster.folder.arg("webhooks")),
            "--diagnostics-address=0".to_owned(),
            "--insecure-diagnostics".to_owned(),
            format!("--health-addr=127.0.0.1:{}", self.health),
            "--feature-gates=ClusterTopology=true".to_owned(),
        ];
        environment.into_iter().chain(flags).collect()
    }
}

impl Cluster {
    /// Installs Cluster API and starts its managers: its webhooks set the defaults of whatever is created afterwards.
    pub(crate) fn start_cluster_api(&mut self) {
        let programs = cluster_api().unwrap_or_else(|missing| panic!("{missing}"));
        let ca = write_certificate(&self.folder.file("webhooks"));
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        // All at once, so that no port is given twice.
        let listeners: Vec<TcpListener> = (0..MANAGERS.len() * 2).map(|_| listen()).collect();
        let ports = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").port());
        let ports: Vec<u16> = ports.collect();
        drop(listeners);
        let managers = MANAGERS.into_iter().zip(ports.chunks(2));
        let managers: Vec<Manager> = managers
            .map(|(name, ports)| Manager {
                name,
                webhooks: ports[0],
                health: ports[1],
            })
            .collect();
        eventually(&format!("port {FIXED_PORT} is free"), PORT_PATIENCE, || {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, FIXED_PORT)).is_ok()
        });
        self.kubectl(&["create", "namespace", NAMESPACE]).ok();
        for manager in &managers {
            let definitions = self.objects_of(manager, "crd").into_iter();
            let definitions = definitions.map(|object| definition(object, manager, &ca));
            create(self, &definitions.collect::<Vec<_>>());
        }
        for (manager, program) in managers.iter().zip(&programs) {
            let name = format!("capi-{}", manager.name);
            let args = manager.args(self, program);
            let process =
                Process::start(self.folder.path(), &name, Path::new("/usr/bin/env"), &args);
            self.followers.push(process);
        }
        for manager in &managers {
            eventually(&format!("{} is ready", manager.name), 120, || {
                is_ready(manager.health)
            });
        }
        for manager in &managers {
            let webhooks = self.objects_of(manager, "webhook/manifests.yaml");
            let webhooks = webhooks.into_iter().filter(|object| {
                let kind = object["kind"].as_str();
                kind.is_some_and(|kind| kind.ends_with("WebhookConfiguration"))
            });
            let webhooks = webhooks.map(|object| configuration(object, manager, &ca));
            create(self, &webhooks.collect::<Vec<_>>());
        }
    }

    /// What a manager installs, from a file or folder of its configuration.
    fn objects_of(&self, manager: &Manager, path: &str) -> Vec<Value> {
        let path = built().join("capi-config").join(manager.name).join(path);
        let path = path.to_str().expect("a path in UTF-8");
        let read = [
            "create",
            "--dry-run=client",
            "--validate=false",
            "-o",
            "json",
            "-f",
            path,
        ];
        let objects = self.kubectl(&read).ok().stdout;
        let objects = serde_json::Deserializer::from_str(&objects).into_iter();
        objects.map(|object| object.expect("JSON")).collect()
    }
}

/// A certificate for the webhooks, which is its own authority. Returns it as `caBundle` holds it.
fn write_certificate(folder: &Path) -> String {
    let names = vec!["127.0.0.1".to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
    fs::create_dir_all(folder).expect("a folder");
    let certificate = certified.cert.pem();
    fs::write(folder.join("tls.crt"), &certificate).expect("a file");
    fs::write(
        folder.join("tls.key"),
        certified.signing_key.serialize_pem(),
    )
    .expect("a file");
    STANDARD.encode(certificate)
}

/// With what kustomize adds upstream: the contracts that a version serves, and where versions are converted.
fn definition(mut object: Value, manager: &Manager, ca: &str) -> Value {
    for contract in CONTRACTS {
        object["metadata"]["labels"][format!("cluster.x-k8s.io/{contract}")] = json!(contract);
    }
    object["spec"]["conversion"] = json!({"strategy": "Webhook", "webhook": {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"url": manager.url("/convert"), "caBundle": ca},
    }});
    object
}

/// With the manager itself in place of its Service, and a name of its own: upstream's are all the same.
fn configuration(mut object: Value, manager: &Manager, ca: &str) -> Value {
    let name = object["metadata"]["name"].as_str().expect("a name");
    object["metadata"]["name"] = json!(format!("{}-{name}", manager.name));
    for webhook in object["webhooks"].as_array_mut().expect("webhooks") {
        let path = webhook["clientConfig"]["service"]["path"].as_str();
        let url = manager.url(path.expect("a path"));
        webhook["clientConfig"] = json!({"url": url, "caBundle": ca});
    }
    object
}

/// Whether a manager answers that it is ready.
fn is_ready(port: u16) -> bool {
    use std::io::{Read, Write};
    let answer = || {
        let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    };
    answer().is_some_and(|text| text.starts_with("HTTP/1.1 200"))
}
