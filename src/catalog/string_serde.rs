//! Versions in data files and documents are strings: what `Display` writes and `FromStr` reads.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Minor, MinorRange, Release, VersionRange, VersionSpec};

macro_rules! deserialize_from_str {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

macro_rules! serialize_as_str {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

deserialize_from_str!(Minor, MinorRange, Release, VersionRange, VersionSpec);
serialize_as_str!(Minor, Release, VersionSpec);
