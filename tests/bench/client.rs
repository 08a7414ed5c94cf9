//! The bare client: sends what it is told to and throws the answers away. It runs in a process of its own.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::write::MultiGzDecoder;
use futures::StreamExt;
use http::{Request, header};
use http_body_util::BodyExt;
use kube::client::{Body, ClientBuilder};
use kubectl_upgrade::kubeconfig;
use kubectl_upgrade::kubeconfig::{ConnectOptions, Env};

use crate::plan::{Get, Plan};

/// Asks this program to be the client, with the path of a plan.
pub(crate) const FLAG: &str = "--bare-client";

/// How much of an answer's beginning is kept, to find the token of the next page in it.
const HEAD: usize = 4096;
/// Every continue token begins like this: base64 of `{"v":"`.
const TOKEN: &[u8] = b"eyJ2Ijoi";

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// Runs a plan and prints the number of requests and of bytes.
pub(crate) fn run(path: &Path) -> ExitCode {
    let text = std::fs::read_to_string(path).expect("the plan can be read");
    let plan: Plan = serde_json::from_str(&text).expect("the plan is one");
    let wanted = ConnectOptions {
        program: "kubectl-upgrade-check".to_owned(),
        kubeconfig: Some(plan.kubeconfig.clone().into()),
        ..ConnectOptions::default()
    };
    let connection = kubeconfig::resolve(&wanted, &Env::process()).expect("a connection");
    let counts = Counts::default();
    // As many threads as the program under test has.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = ClientBuilder::try_from(connection.config)
            .expect("a client")
            .build();
        futures::stream::iter(&plan.gets)
            .map(|get| all_pages(&client, get, &counts))
            .buffer_unordered(plan.parallel)
            .collect::<Vec<()>>()
            .await;
    });
    println!(
        "{} {}",
        counts.requests.into_inner(),
        counts.bytes.into_inner()
    );
    ExitCode::SUCCESS
}

/// Counts what comes, and keeps where it begins.
#[derive(Default)]
struct ThrownAway {
    bytes: u64,
    head: Vec<u8>,
}

impl Write for ThrownAway {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.bytes += data.len() as u64;
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&data[..data.len().min(room)]);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn all_pages(client: &kube::Client, get: &Get, counts: &Counts) {
    let mut uri = get.uri.clone();
    for page in 1.. {
        let request = Request::get(&uri)
            .header(header::ACCEPT, &get.accept)
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Body::empty());
        let response = client
            .send(request.expect("a request"))
            .await
            .expect("an answer");
        counts.requests.fetch_add(1, Ordering::Relaxed);
        let packed = response.headers().contains_key(header::CONTENT_ENCODING);
        let mut body = response.into_body();
        let mut thrown = ThrownAway::default();
        let mut unpacked = MultiGzDecoder::new(&mut thrown);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.expect("a whole answer").into_data() else {
                continue;
            };
            let to: &mut dyn Write = match packed {
                true => &mut unpacked,
                false => unpacked.get_mut(),
            };
            to.write_all(&data).expect("gzip");
        }
        if packed {
            unpacked.try_finish().expect("whole gzip");
        }
        drop(unpacked);
        counts.bytes.fetch_add(thrown.bytes, Ordering::Relaxed);
        if get.pages == Some(page) {
            return;
        }
        let Some(token) = token(&thrown.head) else {
            return;
        };
        uri = next(&get.uri, &token);
    }
}

fn token(head: &[u8]) -> Option<String> {
    let start = head
        .windows(TOKEN.len())
        .position(|window| window == TOKEN)?;
    let token = head[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(byte));
    Some(token.map(|byte| char::from(*byte)).collect())
}

/// The next page: without `resourceVersion`, which a token has in itself.
fn next(first: &str, token: &str) -> String {
    let (path, query) = first.split_once('?').unwrap_or((first, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| !part.starts_with("resourceVersion"))
        .collect();
    format!(
        "{path}?{}&continue={}",
        kept.join("&"),
        token.replace('=', "%3D")
    )
}
