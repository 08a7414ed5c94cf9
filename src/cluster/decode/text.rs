//! Pages of text, line by line.

use std::io::{BufRead, Read};

use super::{DecodeError, Page, Sink};

/// Lines of a metrics page are short; what is longer is cut.
const MAX_LINE: u64 = 64 << 10;

/// Bytes of the lines that are kept: a page of metrics has a line for each API that is deprecated.
const MAX_KEPT: usize = 16 << 20;

/// Reads a page and keeps the lines that the sink wants.
pub(super) fn decode(mut from: impl BufRead, sink: &mut Sink) -> Result<Page, DecodeError> {
    let mut line = Vec::new();
    let mut kept = 0;
    loop {
        line.clear();
        let read = (&mut from).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(Page::default());
        }
        kept += sink.line(String::from_utf8_lossy(&line).trim_end());
        if kept > MAX_KEPT {
            return Err(DecodeError::Garbage(format!(
                "a page with more than {} MiB of such lines",
                MAX_KEPT >> 20
            )));
        }
    }
}
