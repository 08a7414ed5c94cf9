//! By what the API server tells an object from all that ever had its name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `metadata.uid`, which is a UUID. Sixteen bytes, for there is one in every row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u8; 16]);

/// The version of UUIDs that are made of something else, where those of API servers are of version 4.
///
/// Source: RFC 9562, 5.8.
const PSEUDONYM_VERSION: u8 = 0x80;

impl Uid {
    /// One that stands for another.
    #[must_use]
    pub(super) fn new_pseudonym(mut bytes: [u8; 16]) -> Self {
        bytes[6] = PSEUDONYM_VERSION | bytes[6] & 0x0f;
        Self(bytes)
    }

    /// Whether it stands for another.
    pub(super) fn is_pseudonym(self) -> bool {
        self.0[6] & 0xf0 == PSEUDONYM_VERSION
    }
}

/// What is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct ParseUidError;

impl FromStr for Uid {
    type Err = ParseUidError;

    fn from_str(text: &str) -> Result<Self, ParseUidError> {
        let groups = text.split('-').map(str::len);
        let hex = |letter: u8| letter.is_ascii_hexdigit() || letter == b'-';
        if !groups.eq([8, 4, 4, 4, 12]) || !text.bytes().all(hex) {
            return Err(ParseUidError);
        }
        let number = u128::from_str_radix(&text.replace('-', ""), 16).map_err(|_| ParseUidError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Uid;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let text = "0a1b2c3d-4e5f-4000-8000-00000000abcd";
        let uid: Uid = text.parse().expect("a UUID");
        assert_eq!(uid.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(uid));
        for other in [
            "",
            "cart",
            "0a1b2c3d4e5f4000800000000000abcd",
            "+a1b2c3d-4e5f-4000-8000-00000000abcd",
            "0a1b2c3d-4e5f-4000-8000-00000000abcd-",
            "0a1b2c3d-4e5f-4000-8000-00000000abcé",
        ] {
            assert!(other.parse::<Uid>().is_err(), "{other:?}");
        }
    }
}
