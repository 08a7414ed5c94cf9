//! The body of a response as a channel: chunks from the connection on one side, a reader for the decoder's thread on the
//! other.
//!
//! It is decompressed here and not by kube's client, which would do so for all responses on one thread, in small chunks,
//! and wake the decoder for each.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use tokio::sync::mpsc;

/// Chunks that may wait for the decoder, each up to half a megabyte.
const MAX_QUEUED_CHUNKS: usize = 4;

/// How much is decompressed ahead of the decoder.
const DECOMPRESS_BUFFER_BYTES: usize = 64 << 10;

/// Takes the chunks of a body.
pub(super) type ChunkSender = mpsc::Sender<io::Result<Bytes>>;

/// The decompressed body.
pub(super) enum BodyReader {
    Plain(ChunkReader),
    Gzip(Box<BufReader<MultiGzDecoder<ChunkReader>>>),
}

/// The chunks as they arrive.
pub(super) struct ChunkReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current_chunk: Bytes,
}

/// A body before its first byte is read.
pub(super) struct PendingBody {
    chunks: ChunkReader,
    is_gzip: bool,
}

/// Both ends of the body of a response with these headers.
pub(super) fn body_channel(headers: &HeaderMap) -> (ChunkSender, PendingBody) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_CHUNKS);
    let chunks = ChunkReader {
        receiver,
        current_chunk: Bytes::new(),
    };
    let is_gzip = is_gzip(headers);
    (sender, PendingBody { chunks, is_gzip })
}

impl PendingBody {
    /// Must be called on the decoder's thread, since it blocks until the body begins.
    pub(super) fn into_reader(self) -> BodyReader {
        if self.is_gzip {
            let decoder = MultiGzDecoder::new(self.chunks);
            let reader = BufReader::with_capacity(DECOMPRESS_BUFFER_BYTES, decoder);
            BodyReader::Gzip(Box::new(reader))
        } else {
            BodyReader::Plain(self.chunks)
        }
    }
}

/// Decompresses the beginning of a body, up to `limit` bytes.
pub(super) fn decompress_prefix(headers: &HeaderMap, prefix: Vec<u8>, limit: usize) -> Vec<u8> {
    if !is_gzip(headers) {
        return prefix;
    }
    let mut text = Vec::new();
    let decoder = MultiGzDecoder::new(prefix.as_slice());
    // It is cut somewhere: what comes before that counts.
    let _ = decoder.take(limit as u64).read_to_end(&mut text);
    text
}

fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers.get(header::CONTENT_ENCODING);
    encoding.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current_chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current_chunk = chunk?,
                None => break,
            }
        }
        Ok(&self.current_chunk)
    }

    fn consume(&mut self, count: usize) {
        self.current_chunk.advance(count);
    }
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, into)
    }
}

impl BufRead for BodyReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(chunks) => chunks.fill_buf(),
            Self::Gzip(reader) => reader.fill_buf().map_err(gzip_error),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Plain(chunks) => chunks.consume(count),
            Self::Gzip(reader) => reader.consume(count),
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, into)
    }
}

fn read_buffered(from: &mut impl BufRead, into: &mut [u8]) -> io::Result<usize> {
    let available = from.fill_buf()?;
    let count = into.len().min(available.len());
    into[..count].copy_from_slice(&available[..count]);
    from.consume(count);
    Ok(count)
}

/// Rewords errors of the decompression; those of the connection stay.
fn gzip_error(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::InvalidData, "its gzip is damaged or cut short")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use bytes::Bytes;
    use flate2::{Compression, write::GzEncoder};
    use http::{HeaderMap, HeaderValue, header};

    use super::{body_channel, decompress_prefix};

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).expect("memory");
        gzip.finish().expect("memory")
    }

    fn headers(encoding: Option<&'static str>) -> HeaderMap {
        let encoding = encoding.map(HeaderValue::from_static);
        encoding
            .map(|value| (header::CONTENT_ENCODING, value))
            .into_iter()
            .collect()
    }

    fn read(headers: &HeaderMap, bytes: &[u8], piece: usize) -> std::io::Result<Vec<u8>> {
        let (feed, unread) = body_channel(headers);
        let pieces: Vec<Bytes> = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
        let feeding = std::thread::spawn(move || {
            for piece in pieces {
                if feed.blocking_send(Ok(piece)).is_err() {
                    break;
                }
            }
        });
        let mut incoming = unread.into_reader();
        let mut whole = Vec::new();
        let read = incoming.read_to_end(&mut whole);
        drop(incoming);
        feeding.join().expect("it ends");
        read.map(|_| whole)
    }

    #[test]
    fn a_body_is_whole_however_it_comes() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let twice = [packed(&text[..1000]), packed(&text[1000..])].concat();
        for piece in [1 << 20, 997] {
            for encoding in ["gzip", "GZIP"] {
                let came = read(&headers(Some(encoding)), &packed(&text), piece);
                assert!(came.is_ok_and(|came| came == text), "{encoding} {piece}");
            }
            let came = read(&headers(Some("gzip")), &twice, piece);
            assert!(came.is_ok_and(|came| came == text), "two members, {piece}");
            for encoding in [None, Some("identity")] {
                let came = read(&headers(encoding), &text, piece);
                assert!(came.is_ok_and(|came| came == text), "{encoding:?} {piece}");
            }
        }
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_an_error() {
        let whole = packed(&[b'x'; 5000]);
        let mut wrong = whole.clone();
        let last = wrong.len() - 5;
        wrong[last] ^= 1;
        for bytes in [&whole[..whole.len() - 1], &whole[..5], b"", b"{}", &wrong] {
            let error = read(&headers(Some("gzip")), bytes, 100).expect_err("damaged");
            assert_eq!(error.to_string(), "its gzip is damaged or cut short");
        }
    }

    #[test]
    fn of_an_error_the_beginning_is_enough() {
        let whole = packed(&[b'x'; 5000]);
        let gzip = headers(Some("gzip"));
        assert_eq!(decompress_prefix(&gzip, whole.clone(), 10), [b'x'; 10]);
        assert_eq!(decompress_prefix(&gzip, b"no gzip".to_vec(), 10), b"");
        assert_eq!(decompress_prefix(&headers(None), whole.clone(), 10), whole);
    }
}
