//! Dates in response headers.

use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Obsolete formats that recipients must accept, always in UTC.
///
/// Source: RFC 9110, 5.6.7.
const OBSOLETE_FORMATS: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The date in a header; `None` if it is missing or invalid.
pub(super) fn parse_date_header(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(date.timestamp());
    }
    let mut formats = OBSOLETE_FORMATS.iter();
    let date = formats.find_map(|format| DateTime::strptime(format, text).ok())?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::parse_date_header;

    #[test]
    fn reads_every_form_of_a_date() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, HeaderValue::from_static(text));
            parse_date_header(&headers, header::DATE).map(|date| date.to_string())
        };
        let expected = Some("1994-11-06T08:49:37Z".to_owned());
        // The three of RFC 9110, 5.6.7.
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(read("Sun Nov  6 08:49:37 1994"), expected);
        for none in ["", "today", "120", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(parse_date_header(&HeaderMap::new(), header::DATE), None);
    }
}
