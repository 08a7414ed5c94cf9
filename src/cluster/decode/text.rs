//! Pages of text, line by line.

use std::io::{BufRead, BufReader, Read};

use super::{DecodeError, Page, Sink};

/// Lines of a metrics page are short; what is longer is cut.
const MAX_LINE: u64 = 64 << 10;

/// Reads a page and keeps the lines that the sink wants.
pub(super) fn decode(from: impl Read, sink: &mut Sink) -> Result<Page, DecodeError> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(Page::default());
        }
        sink.line(String::from_utf8_lossy(&line).trim_end());
    }
}
