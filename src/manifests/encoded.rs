//! Texts that are written in base64, compressed, or as a URL with the data in it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;

/// Maximum size of one compressed text: as much as an API server takes in one request.
const MAX_TEXT_BYTES: u64 = 3 << 20;

const DAMAGED: &str = "its base64 or gzip data is damaged";
pub(super) const BINARY: &str = "it is not UTF-8 text";

/// The text in base64, and gzip within if it is compressed.
pub(super) fn decoded(text: &str, is_compressed: bool) -> Result<String, &'static str> {
    let joined: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(joined).map_err(|_| DAMAGED)?;
    if !is_compressed {
        return String::from_utf8(bytes).map_err(|_| BINARY);
    }
    let mut text = Vec::new();
    let mut limited = MultiGzDecoder::new(bytes.as_slice()).take(MAX_TEXT_BYTES + 1);
    limited.read_to_end(&mut text).map_err(|_| DAMAGED)?;
    match limited.limit() {
        0 => Err("it expands to more than 3 MiB"),
        _ => String::from_utf8(text).map_err(|_| BINARY),
    }
}

/// The text of a file with this encoding, as Cluster API and cloud-init name it; `None` if it is written as it is.
pub(super) fn file_content(text: &str, encoding: &str) -> Option<Result<String, &'static str>> {
    match encoding {
        "base64" | "b64" => Some(decoded(text, false)),
        "gzip+base64" | "gz+base64" | "gzip+b64" | "gz+b64" => Some(decoded(text, true)),
        _ => None,
    }
}

/// The text in a `data:` URL, as Ignition has files; `None` for any other text.
pub(super) fn data_url(url: &str, is_compressed: bool) -> Option<Result<String, &'static str>> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    let text = percent_decoded(data);
    Some(match (kind.ends_with(";base64"), is_compressed) {
        (true, _) => decoded(&text, is_compressed),
        (false, false) => Ok(text),
        (false, true) => Err(BINARY),
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_hold_text_in_percents_or_base64() {
        let text = |url: &str| data_url(url, false).and_then(Result::ok);
        assert_eq!(text("data:,a%3A%20b%2F1").as_deref(), Some("a: b/1"));
        assert_eq!(
            text("data:text/plain;charset=utf-8;base64,YTogYg==").as_deref(),
            Some("a: b")
        );
        assert_eq!(text("data:,100%").as_deref(), Some("100%"));
        assert_eq!(text("https://shop.example/a"), None);
        assert_eq!(data_url("data:;base64,%%%", false), Some(Err(DAMAGED)));
    }
}
