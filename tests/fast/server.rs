//! A server on loopback that answers as a test says, however odd that is.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

/// What is done with a request: its path with the query, and where to write the answer.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// Answers every connection once, until the test process ends. Returns `host:port`.
pub(crate) fn serve(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let answer: &'static Answer = Box::leak(Box::new(answer));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || handle(stream, answer));
        }
    });
    address
}

fn handle(mut stream: TcpStream, answer: &Answer) {
    let Ok(clone) = stream.try_clone() else {
        return;
    };
    let mut lines = BufReader::new(clone).lines().map_while(Result::ok);
    let Some(first) = lines.next() else {
        return;
    };
    // The whole head, so that closing the connection does not reset it.
    for line in lines {
        if line.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    answer(path, &mut stream);
}

/// A whole answer.
pub(crate) fn reply(stream: &mut TcpStream, code: u16, content_type: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {code} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may have gone away.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// An answer that goes on until nobody listens any more.
pub(crate) fn endless(
    stream: &mut TcpStream,
    code: u16,
    content_type: &str,
    start: &[u8],
    rest: &[u8],
) {
    let head =
        format!("HTTP/1.1 {code} X\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(start);
    let block = rest.repeat((64 << 10) / rest.len() + 1);
    while stream.write_all(&block).is_ok() {}
}

/// A kubeconfig of one cluster at this address, in `folder`; `context` is the name of its context, its cluster and its user.
pub(crate) fn kubeconfig(folder: &Path, address: &str, context: &str) -> PathBuf {
    let text = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "clusters": [{"name": context, "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": context, "user": {}}],
    });
    let file = folder.join("kubeconfig");
    std::fs::write(&file, ascii(&text)).expect("a kubeconfig");
    file
}

/// JSON that is YAML too, whatever is in its strings: YAML takes no control characters but as escapes.
pub(crate) fn ascii(json: &serde_json::Value) -> String {
    json.to_string().chars().fold(String::new(), |out, letter| {
        if letter.is_ascii() && letter != '\u{7f}' {
            return out + letter.encode_utf8(&mut [0; 4]);
        }
        let units = letter.encode_utf16(&mut [0; 2]).to_vec();
        units
            .iter()
            .fold(out, |out, unit| format!("{out}\\u{unit:04x}"))
    })
}
