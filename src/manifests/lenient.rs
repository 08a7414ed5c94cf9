//! Visitors that accept any value and take what they can use of it: scalars as text, and nothing of another shape.

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Entries of one list that are kept: many times as many as anybody writes.
pub(super) const MAX_LISTED: usize = 1000;

/// A scalar as text: `name: 123` is `123`, `name: on` stays `on`. Null and anything that is no scalar is none.
pub(super) struct ScalarText;

impl LenientVisitor for ScalarText {
    type Out = Option<String>;

    fn visit_scalar(self, text: &dyn fmt::Display) -> Option<String> {
        Some(text.to_string())
    }
}

/// The scalars of a sequence, as text.
pub(super) struct ScalarTexts;

impl LenientVisitor for ScalarTexts {
    type Out = Vec<String>;

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element_seed(Lenient(ScalarText))? {
            texts.extend(text.filter(|_| texts.len() < MAX_LISTED));
        }
        Ok(texts)
    }
}

/// A time in RFC 3339.
pub(super) struct ScalarTime;

impl LenientVisitor for ScalarTime {
    type Out = Option<Timestamp>;

    fn visit_scalar(self, text: &dyn fmt::Display) -> Option<Timestamp> {
        text.to_string().parse().ok()
    }
}

/// What to make of a value, by its shape. Whatever is not overridden is read to its end and left out.
pub(super) trait LenientVisitor: Sized {
    type Out: Default;

    fn visit_scalar(self, _text: &dyn fmt::Display) -> Self::Out {
        Self::Out::default()
    }

    fn visit_map<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Out::default())
    }

    fn visit_seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Out::default())
    }
}

/// Accepts any value and hands it to a [`LenientVisitor`].
pub(super) struct Lenient<S>(pub(super) S);

impl<'de, S: LenientVisitor> DeserializeSeed<'de> for Lenient<S> {
    type Value = S::Out;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: LenientVisitor> Visitor<'de> for Lenient<S> {
    type Value = S::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<S::Out, E> {
        Ok(self.0.visit_scalar(&value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<S::Out, E> {
        Ok(self.0.visit_scalar(&value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<S::Out, E> {
        Ok(self.0.visit_scalar(&value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<S::Out, E> {
        Ok(self.0.visit_scalar(&value))
    }

    fn visit_str<E>(self, value: &str) -> Result<S::Out, E> {
        Ok(self.0.visit_scalar(&value))
    }

    fn visit_unit<E>(self) -> Result<S::Out, E> {
        Ok(S::Out::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S::Out, A::Error> {
        self.0.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<S::Out, A::Error> {
        self.0.visit_seq(seq)
    }
}
