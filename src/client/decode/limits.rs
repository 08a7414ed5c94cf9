//! JSON as a [`Value`] whose cost has a bound, whatever was sent: bytes, values and depth of one object.
//!
//! The bytes alone are no bound: an object of one field takes seven bytes to write and some six hundred to keep.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::page::MAX_OBJECT_BYTES;

/// Values of one object: some times as many as those of the largest CustomResourceDefinition.
const MAX_VALUES: usize = 400_000;

/// Values within values. A saved snapshot holds the object some levels deeper, and its reader goes down 128 of them.
const MAX_DEPTH: usize = 100;

/// What a parser may read ahead beyond an object.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// How many bytes the object that is being read may still take.
#[derive(Clone)]
pub(super) struct ByteBudget(Rc<Cell<usize>>);

impl ByteBudget {
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new(MAX_OBJECT_BYTES + READ_AHEAD_BYTES)))
    }

    /// The next object begins.
    pub(super) fn reset(&self) {
        self.0.set(MAX_OBJECT_BYTES + READ_AHEAD_BYTES);
    }

    /// Whether there was more than an object may take.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader that fails when the meter has run out.
pub(super) struct BudgetedReader<R> {
    pub(super) inner: R,
    pub(super) budget: ByteBudget,
}

impl<R: Read> Read for BudgetedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.0.get();
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = into.len().min(left);
        let read = self.inner.read(&mut into[..count])?;
        self.budget.0.set(left - read);
        Ok(read)
    }
}

/// Reads one object.
pub(super) struct BoundedValue<'a> {
    values_left: &'a Cell<usize>,
    depth: usize,
}

impl<'a> BoundedValue<'a> {
    /// `left` counts its values.
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        left.set(MAX_VALUES);
        Self {
            values_left: left,
            depth: 0,
        }
    }

    fn nested<E: Error>(&self) -> Result<Self, E> {
        let left = self.values_left.get().checked_sub(1).ok_or_else(|| {
            E::custom(format_args!(
                "an object of more than {MAX_VALUES} values, more than any API server holds"
            ))
        })?;
        self.values_left.set(left);
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "an object that is more than {MAX_DEPTH} levels deep"
            )));
        }
        Ok(BoundedValue {
            values_left: self.values_left,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for BoundedValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BoundedValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.nested()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.insert(name, map.next_value_seed(self.nested()?)?);
        }
        Ok(Value::Object(fields))
    }
}
