//! Many clusters in one run, behind connections with the delay of a distance.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Settings;
use crate::measure::{Output, Samples, measure};
use crate::page;
use crate::program::{Bench, CHECK, quiet_check};

/// Of what one API server of the other sections has.
const SHARE: f64 = 0.02;
/// On each way.
const DELAY: Duration = Duration::from_millis(20);
/// `--max-clusters`, which is its default.
pub(crate) const BOUND: usize = 4;
/// A run of as many clusters as are read at a time, for the memory.
pub(crate) const FEW: usize = BOUND;
/// May not read the UID of kube-system, by which contexts of one cluster would be known as the same.
const USER: &str = "limited-0";
const ROLE: &str = "kubectl-upgrade-reader";

/// What was measured.
pub(crate) struct Measured {
    pub(crate) clusters: usize,
    pub(crate) servers: usize,
    pub(crate) nodes: u64,
    /// One run over each API server by itself.
    pub(crate) alone: Vec<Samples>,
    pub(crate) few: Samples,
    pub(crate) all: Samples,
}

impl Measured {
    /// What the run over all may take: the slowest cluster and a share of the work of the others.
    pub(crate) fn allowance(&self) -> f64 {
        let seconds: Vec<f64> = self
            .alone
            .iter()
            .map(|samples| samples.median(|s| s.seconds))
            .collect();
        let slowest = seconds.iter().copied().fold(0.0, f64::max);
        let all = seconds.iter().cycle().take(self.clusters).sum::<f64>();
        1.3 * slowest + (all - slowest) / BOUND as f64
    }
}

/// Measures runs over contexts that share the API servers.
pub(crate) fn run(settings: &Settings) -> String {
    let scale = settings.scale * SHARE;
    eprintln!("{} clusters of scale {scale}", settings.fleet);
    let servers: Vec<Bench> = settings
        .versions
        .iter()
        .map(|version| Bench::start(version, scale, None))
        .collect();
    servers.iter().for_each(allow_all_but_namespaces);
    let ports: Vec<u16> = servers
        .iter()
        .cycle()
        .take(settings.fleet)
        .map(|server| delayed(server.cluster().ports.api))
        .collect();
    let kubeconfig = kubeconfig(&servers, &ports);
    let names: Vec<String> = (0..ports.len()).map(|at| format!("cluster-{at}")).collect();
    let check = |names: &[String]| {
        let folder = kubeconfig.parent().expect("its folder");
        let mut command = quiet_check(folder);
        command
            .env("KUBECONFIG", &kubeconfig)
            .args(["-o", "json", "--contexts", &names.join(",")]);
        let first = servers.first().expect("an API server");
        let sample = measure(&mut command, first.servers(), &[3, 4], Output::Kept);
        let report: Value = serde_json::from_str(&sample.stdout).expect("a report");
        let rows = report["clusters"].as_array().expect("clusters");
        let read = rows
            .iter()
            .filter(|row| row["kubernetesVersion"].is_string());
        assert_eq!(read.count(), names.len(), "{CHECK} did not read them all");
        sample
    };
    let mut measured = Measured {
        clusters: ports.len(),
        servers: servers.len(),
        nodes: (5_000.0 * scale) as u64,
        alone: vec![Samples::default(); servers.len()],
        few: Samples::default(),
        all: Samples::default(),
    };
    for round in 1..=settings.ways {
        eprintln!("fleet: round {round} of {}", settings.ways);
        for (samples, name) in measured.alone.iter_mut().zip(&names) {
            samples.0.push(check(std::slice::from_ref(name)));
        }
        measured.few.0.push(check(&names[..FEW.min(names.len())]));
        measured.all.0.push(check(&names));
    }
    page::fleet(&measured)
}

fn allow_all_but_namespaces(server: &Bench) {
    let user = format!("user:{USER}");
    let output = server
        .command_of(CHECK.as_ref(), &["rbac", "--bind-to", &user])
        .output()
        .expect("the program runs");
    let roles = String::from_utf8(output.stdout).expect("text");
    let lines = roles.lines().filter(|line| line.trim() != "- namespaces");
    let roles: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(roles.contains(ROLE), "{roles}");
    let apply = ["apply", "-f", "-"];
    server.cluster().kubectl_stdin(&apply, &roles).ok();
}

fn kubeconfig(servers: &[Bench], ports: &[u16]) -> PathBuf {
    let mut config =
        json!({"apiVersion": "v1", "kind": "Config", "contexts": [], "clusters": [], "users": []});
    for (at, (port, server)) in ports.iter().zip(servers.iter().cycle()).enumerate() {
        let text = fs::read_to_string(server.cluster().kubeconfig_for(USER)).expect("a kubeconfig");
        let own: Value = serde_json::from_str(&text).expect("JSON");
        let name = format!("cluster-{at}");
        let mut cluster = own["clusters"][0]["cluster"].clone();
        cluster["server"] = json!(format!("https://127.0.0.1:{port}"));
        for (list, entry) in [
            (
                "contexts",
                json!({"name": name, "context": {"cluster": name, "user": name}}),
            ),
            ("clusters", json!({"name": name, "cluster": cluster})),
            (
                "users",
                json!({"name": name, "user": own["users"][0]["user"]}),
            ),
        ] {
            config[list].as_array_mut().expect("a list").push(entry);
        }
    }
    let path = servers
        .first()
        .expect("an API server")
        .file("fleet.kubeconfig");
    fs::write(&path, config.to_string()).expect("a kubeconfig");
    path
}

/// A port that leads to another one, with a delay on each way.
fn delayed(to: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else {
                return;
            };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                    return;
                };
                thread::spawn(move || pass_on(from, to));
            }
        }
    });
    port
}

/// Passes on what comes, as much at a time as arrives during the delay.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = to.set_nodelay(true);
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        thread::sleep(DELAY);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
