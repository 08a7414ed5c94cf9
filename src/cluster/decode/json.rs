//! JSON lists, item by item.

use std::cell::Cell;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bounded::{Item, Meter, Metered};
use super::{DecodeError, MAX_ITEM, Page, Sink};
use crate::cluster::failure::sanitize_line;

#[derive(Deserialize)]
struct ListMeta {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(rename = "remainingItemCount", default)]
    remaining: Option<i64>,
}

/// Reads one page.
pub(super) fn decode(from: impl Read, sink: &mut Sink) -> Result<Page, DecodeError> {
    let meter = Meter::new();
    let from = Metered {
        inner: from,
        meter: meter.clone(),
    };
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(from));
    let list = List {
        sink,
        meter: meter.clone(),
    };
    let read = list
        .deserialize(&mut json)
        .and_then(|page| json.end().map(|()| page));
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io if meter.is_exceeded() => DecodeError::Garbage(format!(
            "an object of more than {} MiB, more than any API server holds",
            MAX_ITEM >> 20
        )),
        category => broken(error, category),
    })
}

fn broken(error: serde_json::Error, category: serde_json::error::Category) -> DecodeError {
    match category {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => {
            DecodeError::Io(error.into())
        }
        // It may quote what it did not expect.
        _ => DecodeError::Garbage(sanitize_line(&error.to_string())),
    }
}

/// A list as a seed: its items go to the sink as they are read.
struct List<'a> {
    sink: &'a mut Sink,
    meter: Meter,
}

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
                    map.next_value_seed(Items(&mut *self.sink, &self.meter))?;
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

struct Items<'a>(&'a mut Sink, &'a Meter);

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
        let left = Cell::new(0);
        self.1.next();
        while let Some(item) = items.next_element_seed(Item::new(&left))? {
            self.0.json(item);
            self.1.next();
        }
        Ok(())
    }
}
