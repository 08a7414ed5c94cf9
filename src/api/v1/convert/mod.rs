//! Internal types to documents.

mod catalog;
mod cluster;
mod event;
mod followed_plan;
mod measured;
mod plan;
mod report;
mod rules;
mod summary;

use std::fmt::Display;

use jiff::Timestamp;

use crate::catalog::{PlatformName, VersionSpec};

/// The value that a document has for an internal value.
trait ToDoc<D> {
    fn to_doc(&self) -> D;
}

/// Names, versions and days as documents spell them.
impl<T: Display + ?Sized> ToDoc<String> for T {
    fn to_doc(&self) -> String {
        self.to_string()
    }
}

impl<D, T: ToDoc<D>> ToDoc<Option<D>> for Option<T> {
    fn to_doc(&self) -> Option<D> {
        self.as_ref().map(ToDoc::to_doc)
    }
}

impl<D, T: ToDoc<D>> ToDoc<Vec<D>> for Vec<T> {
    fn to_doc(&self) -> Vec<D> {
        self.iter().map(ToDoc::to_doc).collect()
    }
}

/// Values that documents hold as they are.
macro_rules! unchanged {
    ($($same:ty)+) => {$(
        impl ToDoc<$same> for $same {
            fn to_doc(&self) -> $same {
                self.clone()
            }
        }
    )+};
}
unchanged! { bool usize u32 u64 Timestamp PlatformName VersionSpec }

/// Converts an internal enum to the document's enum, whose variants and fields have the same names.
macro_rules! same_variants {
    ($($internal:ident => $document:ident {
        $($variant:ident $(($inner:ident))? $({ $($field:ident),+ })?),+ $(,)?
    })+) => {$(
        impl ToDoc<$document> for $internal {
            fn to_doc(&self) -> $document {
                match self {
                    $($internal::$variant $(($inner))? $({ $($field),+ })? => {
                        $document::$variant $(($inner.to_doc()))? $({ $($field: $field.to_doc()),+ })?
                    })+
                }
            }
        }
    )+};
}
use same_variants;

/// Converts an internal struct to the document's struct, field by field; `field = other` where the internal field has another
/// name.
macro_rules! same_fields {
    (@ $value:ident $field:ident) => { $value.$field };
    (@ $value:ident $field:ident $other:ident) => { $value.$other };
    ($($internal:ident => $document:ident { $($field:ident $(= $other:ident)?),+ $(,)? })+) => {$(
        impl ToDoc<$document> for $internal {
            fn to_doc(&self) -> $document {
                let value = self;
                $document { $($field: same_fields!(@ value $field $($other)?).to_doc(),)+ }
            }
        }
    )+};
}
use same_fields;
