//! JSON lists, item by item.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{DecodeError, Page, Sink};

#[derive(Deserialize)]
struct ListMeta {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(rename = "remainingItemCount", default)]
    remaining: Option<i64>,
}

/// Reads one page.
pub(super) fn decode(from: impl Read, sink: &mut Sink) -> Result<Page, DecodeError> {
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(from));
    let read = List(sink)
        .deserialize(&mut json)
        .and_then(|page| json.end().map(|()| page));
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => {
            DecodeError::Io(error.into())
        }
        _ => DecodeError::Garbage(error.to_string()),
    })
}

/// A list as a seed: its items go to the sink as they are read.
struct List<'a>(&'a mut Sink);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Page, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut is_list = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => {
                    let meta = map.next_value::<ListMeta>()?;
                    page.next = meta.next;
                    page.remaining = meta.remaining.and_then(|count| count.try_into().ok());
                }
                "items" => {
                    map.next_value_seed(Items(self.0))?;
                    is_list = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_list {
            Ok(page)
        } else {
            Err(serde::de::Error::missing_field("items"))
        }
    }
}

struct Items<'a>(&'a mut Sink);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        // Go writes an empty list as null.
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            self.0.json(item);
        }
        Ok(())
    }
}
