//! The body of an answer: pieces from the connection on one side, a reader for the decoder's thread on the other.
//!
//! It is unpacked here and not by the client, which would do so for all answers on one thread, hand it on in small pieces and
//! wake the decoder for each.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use tokio::sync::mpsc;

/// Pieces that may wait for the decoder. They are up to half a megabyte each.
const WAITING: usize = 4;

/// How much is unpacked ahead of the decoder.
const AHEAD: usize = 64 << 10;

/// Where the pieces of a body go.
pub(super) type Feed = mpsc::Sender<io::Result<Bytes>>;

/// A body as the decoder reads it.
pub(super) enum Incoming {
    Plain(Pieces),
    Packed(Box<BufReader<MultiGzDecoder<Pieces>>>),
}

/// The pieces as they come.
pub(super) struct Pieces {
    feed: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

/// A body of which nothing was read.
pub(super) struct Unread {
    pieces: Pieces,
    packed: bool,
}

/// Both ends of a body with these headers.
pub(super) fn body(headers: &HeaderMap) -> (Feed, Unread) {
    let (to, feed) = mpsc::channel(WAITING);
    let pieces = Pieces {
        feed,
        current: Bytes::new(),
    };
    let packed = is_packed(headers);
    (to, Unread { pieces, packed })
}

impl Unread {
    /// To be called on the decoder's thread: it waits for the beginning.
    pub(super) fn open(self) -> Incoming {
        if self.packed {
            let unpacked = MultiGzDecoder::new(self.pieces);
            Incoming::Packed(Box::new(BufReader::with_capacity(AHEAD, unpacked)))
        } else {
            Incoming::Plain(self.pieces)
        }
    }
}

/// So much of the beginning of a body as can be unpacked of a piece of it.
pub(super) fn unpacked(headers: &HeaderMap, beginning: Vec<u8>, most: usize) -> Vec<u8> {
    if !is_packed(headers) {
        return beginning;
    }
    let mut text = Vec::new();
    let unpacked = MultiGzDecoder::new(beginning.as_slice());
    // It ends somewhere: what came before that counts.
    let _ = unpacked.take(most as u64).read_to_end(&mut text);
    text
}

fn is_packed(headers: &HeaderMap) -> bool {
    let encoding = headers.get(header::CONTENT_ENCODING);
    encoding.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.feed.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, count: usize) {
        self.current.advance(count);
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        copy(self, into)
    }
}

impl BufRead for Incoming {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(pieces) => pieces.fill_buf(),
            Self::Packed(unpacked) => unpacked.fill_buf().map_err(damaged),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Plain(pieces) => pieces.consume(count),
            Self::Packed(unpacked) => unpacked.consume(count),
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        copy(self, into)
    }
}

fn copy(from: &mut impl BufRead, into: &mut [u8]) -> io::Result<usize> {
    let piece = from.fill_buf()?;
    let count = into.len().min(piece.len());
    into[..count].copy_from_slice(&piece[..count]);
    from.consume(count);
    Ok(count)
}

/// What became of the connection is told as it is.
fn damaged(error: io::Error) -> io::Error {
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

    use super::{body, unpacked};

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
        let (feed, unread) = body(headers);
        let pieces: Vec<Bytes> = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
        let feeding = std::thread::spawn(move || {
            for piece in pieces {
                if feed.blocking_send(Ok(piece)).is_err() {
                    break;
                }
            }
        });
        let mut incoming = unread.open();
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
        assert_eq!(unpacked(&gzip, whole.clone(), 10), [b'x'; 10]);
        assert_eq!(unpacked(&gzip, b"no gzip".to_vec(), 10), b"");
        assert_eq!(unpacked(&headers(None), whole.clone(), 10), whole);
    }
}
