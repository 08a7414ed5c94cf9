//! `metadata.uid`.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::fmt::Hyphenated;
use uuid::{Builder, Uuid};

/// `metadata.uid`, which is a UUID: sixteen bytes, because every row has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Uid(Uuid);

impl Uid {
    /// A UUID of version 8, made of something else; those of API servers are of version 4.
    ///
    /// Source: RFC 9562, 5.8.
    pub(super) fn new_pseudonym(bytes: [u8; 16]) -> Self {
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }

    pub(crate) fn is_pseudonym(self) -> bool {
        self.0.get_version_num() == 8
    }
}

impl std::str::FromStr for Uid {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Ok(Self(text.parse::<Hyphenated>()?.into_uuid()))
    }
}

impl TryFrom<String> for Uid {
    type Error = uuid::Error;

    fn try_from(text: String) -> Result<Self, uuid::Error> {
        text.parse()
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.to_string()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
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
        assert_eq!(size_of::<Uid>(), 16);
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
