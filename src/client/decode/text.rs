//! Pages of text, line by line.

use std::io::{BufRead, Read};

use super::page::{DecodeError, PageMeta};
use super::row_collector::RowCollector;

/// Lines of a metrics page are short; what is longer is cut.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// Bytes of the lines that are kept: a page of metrics has a line for each API that is deprecated.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// Reads a page and keeps the lines that the sink wants.
pub(super) fn decode(
    mut from: impl BufRead,
    sink: &mut RowCollector,
) -> Result<PageMeta, DecodeError> {
    let mut line = Vec::new();
    let mut kept = 0;
    loop {
        line.clear();
        let read = (&mut from)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(PageMeta::default());
        }
        kept += sink.push_line(String::from_utf8_lossy(&line).trim_end());
        if kept > MAX_KEPT_BYTES {
            return Err(DecodeError::Malformed(format!(
                "a page with more than {} MiB of such lines",
                MAX_KEPT_BYTES >> 20
            )));
        }
    }
}
