//! What is taken from a document, whatever the document looks like.
//!
//! A field of an unexpected shape is left out instead of failing the document: values files, custom resources and
//! documents of other tools have the same keys with other meanings. Keys that are not wanted are skipped by the parser
//! and never kept, so the values of Secrets do not get here. Of a key that is given twice the last one counts, as in
//! Helm and kubectl without strict validation.

use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// The fields of one document, or of one item of a list.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct Document {
    /// `apiVersion`.
    pub(super) api_version: Option<String>,
    /// `kind`.
    pub(super) kind: Option<String>,
    /// `metadata`.
    pub(super) metadata: Metadata,
    /// `spec.scaleTargetRef`.
    pub(super) target: Target,
    /// `type`, which tells Secrets apart.
    pub(super) of_type: Option<String>,
    /// `data.release`, where Helm keeps a record.
    pub(super) release: Option<String>,
    /// `items`, where that is a sequence.
    pub(super) items: Option<Vec<Document>>,
}

/// What is taken from `metadata`.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    pub(super) generate_name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) created: Option<Timestamp>,
    pub(super) labels: Labels,
}

/// The labels that Helm puts on its records.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct Labels {
    pub(super) owner: Option<String>,
    pub(super) status: Option<String>,
}

/// A reference to another object by version.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, Clone, PartialEq))]
pub(super) struct Target {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

/// Lists within lists; more than one is unheard of.
const MAX_LISTS: usize = 8;

/// Reads a [`Document`].
#[derive(Clone, Copy)]
pub(super) struct DocumentShape<'a> {
    /// Objects that may still be read, items of lists among them.
    left: &'a Cell<usize>,
    /// Lists around it.
    lists: usize,
}

impl<'a> DocumentShape<'a> {
    /// For a document of its own. Takes every object off `left` and fails when none is left.
    pub(super) fn new(left: &'a Cell<usize>) -> Self {
        Self { left, lists: 0 }
    }
}

/// Takes an object off what may still be read; none where there is none left.
pub(super) fn take(left: &Cell<usize>) -> Option<()> {
    left.set(left.get().checked_sub(1)?);
    Some(())
}

impl<'de> DeserializeSeed<'de> for DocumentShape<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        Loose(self).deserialize(deserializer)
    }
}

impl Shape for DocumentShape<'_> {
    type Out = Document;

    fn map<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        take(self.left)
            .ok_or_else(|| A::Error::custom("too many objects for one file; split it"))?;
        let mut document = Document::default();
        while let Some(key) = map.next_key_seed(Loose(Text))? {
            match key.as_deref() {
                Some("apiVersion") => document.api_version = map.next_value_seed(Loose(Text))?,
                Some("kind") => document.kind = map.next_value_seed(Loose(Text))?,
                Some("type") => document.of_type = map.next_value_seed(Loose(Text))?,
                Some("metadata") => document.metadata = map.next_value_seed(fields())?,
                Some("spec") => document.target = map.next_value_seed(fields::<Spec>())?.target,
                Some("data") => document.release = map.next_value_seed(fields::<Data>())?.release,
                Some("items") => document.items = map.next_value_seed(Loose(Items(self)))?,
                _ => skip(&mut map)?,
            }
        }
        Ok(document)
    }
}

/// The items of a list, read as this document was.
struct Items<'a>(DocumentShape<'a>);

impl Shape for Items<'_> {
    type Out = Option<Vec<Document>>;

    fn seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let Items(DocumentShape { left, lists }) = self;
        if lists >= MAX_LISTS {
            return Err(A::Error::custom("too many lists within lists"));
        }
        let item = DocumentShape {
            left,
            lists: lists + 1,
        };
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(item)? {
            items.push(item);
        }
        Ok(Some(items))
    }
}

#[derive(Default)]
struct Spec {
    target: Target,
}

#[derive(Default)]
struct Data {
    release: Option<String>,
}

/// Fields of a mapping, set one by one.
trait Fields: Default {
    /// Takes the value of this key, or skips it.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

impl Fields for Metadata {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value_seed(Loose(Text))?,
            "generateName" => self.generate_name = map.next_value_seed(Loose(Text))?,
            "namespace" => self.namespace = map.next_value_seed(Loose(Text))?,
            "creationTimestamp" => {
                let text: Option<String> = map.next_value_seed(Loose(Text))?;
                self.created = text.and_then(|text| text.parse().ok());
            }
            "labels" => self.labels = map.next_value_seed(fields())?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Fields for Labels {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "owner" => self.owner = map.next_value_seed(Loose(Text))?,
            "status" => self.status = map.next_value_seed(Loose(Text))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Fields for Target {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "apiVersion" => self.api_version = map.next_value_seed(Loose(Text))?,
            "kind" => self.kind = map.next_value_seed(Loose(Text))?,
            "name" => self.name = map.next_value_seed(Loose(Text))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Fields for Spec {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "scaleTargetRef" => self.target = map.next_value_seed(fields())?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Fields for Data {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "release" => self.release = map.next_value_seed(Loose(Text))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

fn fields<T: Fields>() -> Loose<Mapping<T>> {
    Loose(Mapping(T::default()))
}

struct Mapping<T>(T);

impl<T: Fields> Shape for Mapping<T> {
    type Out = T;

    fn map<'de, A: MapAccess<'de>>(mut self, mut map: A) -> Result<T, A::Error> {
        while let Some(key) = map.next_key_seed(Loose(Text))? {
            match key {
                Some(key) => self.0.field(&key, &mut map)?,
                None => skip(&mut map)?,
            }
        }
        Ok(self.0)
    }
}

/// A scalar as text: `name: 123` is `123`, `name: on` stays `on`. Null and anything that is no scalar is none.
struct Text;

impl Shape for Text {
    type Out = Option<String>;

    fn scalar(self, text: &dyn fmt::Display) -> Option<String> {
        Some(text.to_string())
    }
}

/// What to make of a value, by its shape. Whatever is not overridden is read to its end and left out.
trait Shape: Sized {
    type Out: Default;

    fn scalar(self, _text: &dyn fmt::Display) -> Self::Out {
        Self::Out::default()
    }

    fn map<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Out::default())
    }

    fn seq<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Out::default())
    }
}

/// Accepts any value and hands it to a [`Shape`].
struct Loose<S>(S);

impl<'de, S: Shape> DeserializeSeed<'de> for Loose<S> {
    type Value = S::Out;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape> Visitor<'de> for Loose<S> {
    type Value = S::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<S::Out, E> {
        Ok(self.0.scalar(&value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<S::Out, E> {
        Ok(self.0.scalar(&value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<S::Out, E> {
        Ok(self.0.scalar(&value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<S::Out, E> {
        Ok(self.0.scalar(&value))
    }

    fn visit_str<E>(self, value: &str) -> Result<S::Out, E> {
        Ok(self.0.scalar(&value))
    }

    fn visit_unit<E>(self) -> Result<S::Out, E> {
        Ok(S::Out::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S::Out, A::Error> {
        self.0.map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<S::Out, A::Error> {
        self.0.seq(seq)
    }
}
