//! A proxy in front of an API server that does to a request what a test wants.
//!
//! HTTP/1.1 by hand, since what it is for is breaking HTTP. Every request is recorded before anything happens to it; what
//! is forwarded goes to the API server as whoever the proxy is started for.

mod http;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::watch;

use http::{forward, request, send};

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many requests came for this path so far, this one included.
    pub(crate) nth: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// An answer on its way back. Its length is told unless the body is made on the way.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) pace: Pace,
}

/// What an answer holds.
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// In chunks, made as they are sent.
    Made(Box<dyn Iterator<Item = Bytes> + Send>),
}

/// How much of a body is sent, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    Whole,
    /// So many bytes, then the connection is closed.
    Cut(usize),
    /// So many bytes, then nothing more, on an open connection.
    Stall(usize),
    /// One byte, and another one after each pause.
    Drip(Duration),
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: Body::Bytes(body.into()),
            pace: Pace::Whole,
        }
    }

    /// A `Status` as API servers send it.
    pub(crate) fn status(code: u16, reason: &str, message: &str) -> Self {
        let status = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        Self::new(code, "application/json", status.to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        match &mut self.body {
            Body::Bytes(bytes) => bytes,
            Body::Made(_) => panic!("a body that is made on the way has no bytes yet"),
        }
    }
}

/// What happens to a request.
pub(crate) enum Action {
    /// To the API server and back.
    Forward,
    /// To the API server, and its answer changed on the way back.
    Change(Box<dyn FnOnce(&mut Answer) + Send>),
    /// This in place of the API server's answer.
    Answer(Answer),
    /// The connection stays open and nothing comes.
    Silence,
    /// All connections are closed, and new ones refused for so long.
    Restart(Duration),
}

impl Action {
    pub(crate) fn change(change: impl FnOnce(&mut Answer) + Send + 'static) -> Self {
        Self::Change(Box::new(change))
    }
}

/// Decides what happens to a request.
pub(crate) type Hook = Box<dyn Fn(&Seen) -> Action + Send + Sync>;

/// What connections go through before there is HTTP on them.
#[derive(Clone)]
pub(crate) enum Front {
    Plain,
    /// TLS, with a certificate of the test's.
    Tls(tokio_rustls::TlsAcceptor),
    /// Connections are accepted, and that is all.
    Mute,
}

struct Inner {
    hook: Hook,
    upstream: kube::Client,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// For all proxies together.
    recording: Arc<Mutex<Vec<Seen>>>,
    /// Counts restarts; connections end when it changes.
    epoch: watch::Sender<u32>,
    pause: watch::Sender<Duration>,
}

/// A proxy on a port of its own, until it is dropped.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
    inner: Arc<Inner>,
}

impl Proxy {
    /// Starts a proxy whose requests are decided by `hook`.
    pub(crate) fn start(
        runtime: &Handle,
        upstream: kube::Client,
        recording: &Arc<Mutex<Vec<Seen>>>,
        front: Front,
        hook: Hook,
    ) -> Self {
        let _guard = runtime.enter();
        let seen = Arc::default();
        let inner = Arc::new(Inner {
            hook,
            upstream,
            seen: Arc::clone(&seen),
            recording: Arc::clone(recording),
            epoch: watch::Sender::new(0),
            pause: watch::Sender::new(Duration::ZERO),
        });
        // Bound and never listening: the port stays ours while connections to it are refused.
        let holder = socket(0).expect("a free port");
        let port = holder.local_addr().expect("an address").port();
        let listener = listen(port).expect("a port of our own");
        let serving = runtime.spawn(serve(holder, listener, front, Arc::clone(&inner)));
        Self {
            port,
            seen,
            serving,
            inner,
        }
    }

    /// What came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Requests so far whose path ends so.
    pub(crate) fn asked(&self, path: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|request| request.path.ends_with(path));
        seen
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.inner.epoch.send_modify(|epoch| *epoch += 1);
    }
}

fn socket(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    socket(port)?.listen(128)
}

/// A port that nobody listens on, as long as what comes back is kept.
pub(crate) fn refusing(runtime: &Handle) -> (TcpSocket, u16) {
    let _guard = runtime.enter();
    let holder = socket(0).expect("a free port");
    let port = holder.local_addr().expect("an address").port();
    (holder, port)
}

async fn serve(holder: TcpSocket, listener: TcpListener, front: Front, inner: Arc<Inner>) {
    let mut listener = Some(listener);
    let mut pause = inner.pause.subscribe();
    let port = holder.local_addr().expect("an address").port();
    loop {
        let Some(open) = &listener else {
            let time = *pause.borrow_and_update();
            tokio::time::sleep(time).await;
            listener = Some(listen(port).expect("the port is still ours"));
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (inner, front) = (Arc::clone(&inner), front.clone());
                let mut epoch = inner.epoch.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = converse(stream, front, &inner) => {}
                        _ = epoch.changed() => {}
                    }
                });
            }
            _ = pause.changed() => listener = None,
        }
    }
}

async fn converse(stream: tokio::net::TcpStream, front: Front, inner: &Inner) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    match front {
        Front::Plain => speak(stream, inner).await,
        Front::Tls(acceptor) => speak(acceptor.accept(stream).await?, inner).await,
        Front::Mute => {
            let _open = stream;
            std::future::pending().await
        }
    }
}

/// Requests and answers, one after the other, until one side has enough.
async fn speak(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    inner: &Inner,
) -> io::Result<()> {
    let mut early = Vec::new();
    while let Some(mut seen) = request(&mut stream, &mut early).await? {
        {
            let mut all = inner.seen.lock().expect("no panic");
            seen.nth = 1 + all.iter().filter(|one| one.path == seen.path).count();
            all.push(seen.clone());
        }
        let mut recorded = seen.clone();
        recorded.body.clear();
        inner.recording.lock().expect("no panic").push(recorded);
        let answer = match (inner.hook)(&seen) {
            Action::Forward => forward(&seen, &inner.upstream).await,
            Action::Change(change) => {
                // Nothing is changed inside gzip.
                seen.headers.retain(|(name, _)| name != "accept-encoding");
                let mut answer = forward(&seen, &inner.upstream).await;
                change(&mut answer);
                answer
            }
            Action::Answer(answer) => answer,
            Action::Silence => std::future::pending().await,
            Action::Restart(time) => {
                inner.pause.send_replace(time);
                inner.epoch.send_modify(|epoch| *epoch += 1);
                return Ok(());
            }
        };
        send(&mut stream, answer).await?;
    }
    Ok(())
}
