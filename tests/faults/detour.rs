//! Proxies of the environment, and who goes past them.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::{Authority, Clients, Life};
use crate::programs::check_command;
use crate::proxy::Action;
use crate::table::Row;
use crate::testbed::run::Run;
use crate::testbed::run::run;
use crate::wire::Fault;
use crate::world::{ARGS, World};

pub(crate) const FAULTS: &[Fault] = &[("detour::no_proxy_ends_in_a_comma", no_proxy)];

/// Where nobody is: RFC 5737.
const ELSEWHERE: &str = "192.0.2.1";

fn no_proxy(world: &World, row: &Row) {
    let authority = Authority::new("the authority of servers");
    let front = authority.server(ELSEWHERE, Life::Good, Clients::Any);
    let server = world.proxy_behind(front, Box::new(|_| Action::Forward));
    let tunnel = Tunnel::start(world, server.port);
    let mut cluster = authority.cluster(server.port);
    cluster["server"] = json!(format!("https://{ELSEWHERE}:6443"));
    let config = world.kubeconfig_of(&cluster, &json!({}));
    let with = |no_proxy: &str| -> Run {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = check_command(&config, home.path());
        let proxy = format!("http://127.0.0.1:{}", tunnel.port);
        command.env("HTTPS_PROXY", proxy).env("NO_PROXY", no_proxy);
        command.args(ARGS).args(["--request-timeout", "20s"]);
        run(command, "")
    };
    world.judge(row, &with("internal.example.com,,10.0.0.0/8,"), &[]);
    let used = tunnel.used();
    assert!(used > 0, "the proxy was used");
    // Where it names the server it is obeyed, comma or not; there is nobody there, so nothing comes of it.
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = check_command(&config, home.path());
    let proxy = format!("http://127.0.0.1:{}", tunnel.port);
    command.env("HTTPS_PROXY", proxy);
    command.env("NO_PROXY", format!("{ELSEWHERE},"));
    command.args(ARGS).args(["--request-timeout", "1s"]);
    assert_eq!(run(command, "").code, 1);
    assert_eq!(tunnel.used(), used, "the proxy was left alone");
}

/// A proxy that leads to one port of ours, wherever somebody wants to go.
struct Tunnel {
    port: u16,
    used: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

impl Tunnel {
    fn start(world: &World, to: u16) -> Self {
        let listener = world
            .runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let used = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&used);
        let serving = world.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connect(stream, to));
            }
        });
        Self {
            port,
            used,
            serving,
        }
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connect(mut stream: TcpStream, to: u16) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"CONNECT ") {
        return stream.write_all(b"HTTP/1.1 405 Only CONNECT\r\n\r\n").await;
    }
    let mut there = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut stream, &mut there).await?;
    Ok(())
}
