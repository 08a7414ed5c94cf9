//! Protobuf lists of Kubernetes: a magic number, an envelope, in it the list, in that the items.
//!
//! Only the outer layers are walked here; each item is handed on as the bytes of its message. The tags are those of
//! k8s.io/apimachinery pkg/runtime/generated.proto (Unknown) and of every `…List` message: 1 metadata, 2 items.

use std::io::{BufRead, ErrorKind, Read};

use prost::Message;

use super::page::{DecodeError, MAX_OBJECT_BYTES, PageMeta};
use super::row_collector::RowCollector;

const MAGIC: &[u8; 4] = b"k8s\0";
/// `Unknown.raw`.
const UNKNOWN_RAW_FIELD: u32 = 2;
/// `…List.metadata`.
const LIST_METADATA_FIELD: u32 = 1;
/// `…List.items`.
const LIST_ITEMS_FIELD: u32 = 2;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED32: u8 = 5;

/// Reads one page.
pub(super) fn decode(from: impl BufRead, sink: &mut RowCollector) -> Result<PageMeta, DecodeError> {
    let mut from = WireReader(from);
    let mut magic = [0; 4];
    from.0.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(DecodeError::Malformed(
            "it does not begin as Kubernetes' protobuf does".to_owned(),
        ));
    }
    let mut page = None;
    while let Some((field, wire)) = from.read_tag()? {
        if (field, wire) == (UNKNOWN_RAW_FIELD, LENGTH_DELIMITED) {
            let length = from.read_varint()?;
            let mut list = WireReader((&mut from.0).take(length));
            page = Some(decode_list(&mut list, sink)?);
            if list.0.limit() > 0 {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
        } else {
            from.skip_field(wire)?;
        }
    }
    page.ok_or_else(|| DecodeError::Malformed("it holds no list".to_owned()))
}

fn decode_list(
    list: &mut WireReader<impl BufRead>,
    sink: &mut RowCollector,
) -> Result<PageMeta, DecodeError> {
    let mut page = PageMeta::default();
    let mut message = Vec::new();
    while let Some((field, wire)) = list.read_tag()? {
        match (field, wire) {
            (LIST_METADATA_FIELD, LENGTH_DELIMITED) => {
                page = list
                    .read_message(&mut message, |meta| PageMeta::decode(meta))?
                    .map_err(|error| DecodeError::Malformed(error.to_string()))?;
            }
            (LIST_ITEMS_FIELD, LENGTH_DELIMITED) => {
                list.read_message(&mut message, |item| sink.push_protobuf(item))?;
            }
            _ => list.skip_field(wire)?,
        }
    }
    Ok(page)
}

/// The wire format, read from a stream.
struct WireReader<R>(R);

impl<R: BufRead> WireReader<R> {
    /// The next field's number and wire type; none at the end.
    fn read_tag(&mut self) -> Result<Option<(u32, u8)>, DecodeError> {
        let mut first = [0];
        loop {
            match self.0.read(&mut first) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let tag = self.finish_varint(first[0])?;
        let field = u32::try_from(tag >> 3)
            .map_err(|_| DecodeError::Malformed(format!("field {} does not exist", tag >> 3)))?;
        Ok(Some((field, (tag & 7) as u8)))
    }

    fn read_varint(&mut self) -> Result<u64, DecodeError> {
        let mut first = [0];
        self.0.read_exact(&mut first)?;
        self.finish_varint(first[0])
    }

    fn finish_varint(&mut self, first: u8) -> Result<u64, DecodeError> {
        let mut value = u64::from(first & 0x7f);
        let mut byte = [first];
        let mut shift = 7;
        while byte[0] & 0x80 != 0 {
            if shift > 63 {
                return Err(DecodeError::Malformed("a number has no end".to_owned()));
            }
            self.0.read_exact(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            shift += 7;
        }
        Ok(value)
    }

    /// Hands on a whole length-delimited message: where it is, or, if it comes in pieces, from a buffer that is used again.
    fn read_message<T>(
        &mut self,
        buffer: &mut Vec<u8>,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, DecodeError> {
        let length = self.read_varint()?;
        let fits = usize::try_from(length)
            .ok()
            .filter(|&n| n <= MAX_OBJECT_BYTES);
        let Some(length) = fits else {
            return Err(DecodeError::Malformed(format!(
                "an object of {length} bytes, more than any API server holds"
            )));
        };
        if let Some(whole) = self.0.fill_buf()?.get(..length) {
            let taken = take(whole);
            self.0.consume(length);
            return Ok(taken);
        }
        buffer.clear();
        // Grows with what really arrives: a lying length must not allocate.
        while buffer.len() < length {
            let piece = self.0.fill_buf()?;
            if piece.is_empty() {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            let count = piece.len().min(length - buffer.len());
            buffer.extend_from_slice(&piece[..count]);
            self.0.consume(count);
        }
        Ok(take(buffer))
    }

    fn skip_field(&mut self, wire: u8) -> Result<(), DecodeError> {
        let bytes = match wire {
            VARINT => {
                self.read_varint()?;
                0
            }
            FIXED64 => 8,
            FIXED32 => 4,
            LENGTH_DELIMITED => self.read_varint()?,
            other => {
                return Err(DecodeError::Malformed(format!(
                    "wire type {other} does not exist"
                )));
            }
        };
        let skipped = std::io::copy(&mut (&mut self.0).take(bytes), &mut std::io::sink())?;
        if skipped < bytes {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}
