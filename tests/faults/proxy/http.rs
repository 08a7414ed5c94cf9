//! HTTP/1.1 by hand: a request as it comes, and an answer as it is to go.

use std::io;

use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Answer, Body, Pace, Seen, value};

/// The next request; none when the other side has closed.
pub(super) async fn request(
    stream: &mut (impl AsyncRead + Unpin),
    early: &mut Vec<u8>,
) -> io::Result<Option<Seen>> {
    let end = loop {
        if let Some(at) = early.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(early).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&early[..end]).into_owned();
    early.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    let target = target.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = value(&headers, "content-length").and_then(|length| length.parse().ok());
    let length: usize = length.unwrap_or_default();
    while early.len() < length {
        if stream.read_buf(early).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Seen {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: early.drain(..length).collect(),
        headers,
        nth: 0,
    }))
}

/// Asks the API server. Headers that concern one connection only, and who asks, stay here.
pub(super) async fn forward(seen: &Seen, upstream: &kube::Client) -> Answer {
    const OWN: [&str; 5] = [
        "host",
        "connection",
        "authorization",
        "content-length",
        "transfer-encoding",
    ];
    let target = match seen.query.as_str() {
        "" => seen.path.clone(),
        query => format!("{}?{query}", seen.path),
    };
    let mut request = http::Request::builder()
        .method(seen.method.as_str())
        .uri(target);
    for (name, value) in &seen.headers {
        if !OWN.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let request = request.body(kube::client::Body::from(seen.body.clone()));
    let request = request.expect("it came as one");
    let answer = async {
        let response = upstream.send(request).await?;
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        });
        Ok::<_, kube::Error>(Answer {
            status: head.status.as_u16(),
            headers: headers
                .filter(|(name, _)| !OWN.contains(&name.as_str()))
                .collect(),
            body: Body::Bytes(body.collect().await?.to_bytes().to_vec()),
            pace: Pace::Whole,
        })
    };
    answer.await.unwrap_or_else(|error| {
        Answer::new(
            502,
            "text/plain",
            format!("the proxy of the tests: {error}"),
        )
    })
}

pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Of the proxy\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    match answer.body {
        Body::Bytes(bytes) => {
            head += &format!("content-length: {}\r\n\r\n", bytes.len());
            stream.write_all(head.as_bytes()).await?;
            paced(stream, &bytes, answer.pace).await
        }
        Body::Made(chunks) => {
            head += "transfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            for chunk in chunks {
                let length = format!("{:x}\r\n", chunk.len());
                stream.write_all(length.as_bytes()).await?;
                stream.write_all(&chunk).await?;
                stream.write_all(b"\r\n").await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
            stream.flush().await
        }
    }
}

async fn paced(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], pace: Pace) -> io::Result<()> {
    match pace {
        Pace::Whole => {
            stream.write_all(bytes).await?;
            stream.flush().await
        }
        Pace::Cut(at) => {
            stream.write_all(&bytes[..at.min(bytes.len())]).await?;
            stream.shutdown().await?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Pace::Stall(at) => {
            stream.write_all(&bytes[..at.min(bytes.len())]).await?;
            stream.flush().await?;
            std::future::pending().await
        }
        Pace::Drip(pause) => {
            for byte in bytes {
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
    }
}
