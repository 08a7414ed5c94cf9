//! JSON lists, item by item.

use std::cell::Cell;
use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::limits::{BoundedValue, BudgetedReader, ByteBudget};
use super::page::{DecodeError, MAX_OBJECT_BYTES, PageMeta};
use super::row_collector::RowCollector;
use crate::client::error::sanitize_line;

/// Reads one page.
pub(super) fn decode(from: impl Read, sink: &mut RowCollector) -> Result<PageMeta, DecodeError> {
    let meter = ByteBudget::new();
    let from = BudgetedReader {
        inner: from,
        budget: meter.clone(),
    };
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(from));
    let list = JsonListSeed {
        collector: sink,
        budget: meter.clone(),
    };
    let read = list
        .deserialize(&mut json)
        .and_then(|page| json.end().map(|()| page));
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io if meter.is_exceeded() => DecodeError::Malformed(format!(
            "an object of more than {} MiB, more than any API server holds",
            MAX_OBJECT_BYTES >> 20
        )),
        category => decode_error(error, category),
    })
}

fn decode_error(error: serde_json::Error, category: serde_json::error::Category) -> DecodeError {
    match category {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => {
            DecodeError::Io(error.into())
        }
        // It may quote what it did not expect.
        _ => DecodeError::Malformed(sanitize_line(&error.to_string())),
    }
}

/// A list as a seed: its items go to the sink as they are read.
struct JsonListSeed<'a> {
    collector: &'a mut RowCollector,
    budget: ByteBudget,
}

impl<'de> DeserializeSeed<'de> for JsonListSeed<'_> {
    type Value = PageMeta;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<PageMeta, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for JsonListSeed<'_> {
    type Value = PageMeta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PageMeta, A::Error> {
        let mut page = PageMeta::default();
        let mut is_list = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => page = map.next_value()?,
                "items" => {
                    map.next_value_seed(JsonItemsSeed(&mut *self.collector, &self.budget))?;
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

struct JsonItemsSeed<'a>(&'a mut RowCollector, &'a ByteBudget);

impl<'de> DeserializeSeed<'de> for JsonItemsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonItemsSeed<'_> {
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
        self.1.reset();
        while let Some(item) = items.next_element_seed(BoundedValue::new(&left))? {
            self.0.push_json(item);
            self.1.reset();
        }
        Ok(())
    }
}
