//! Internal types to documents.

mod catalog;
mod event;
mod plan;
mod report;
mod rules;

/// Converts an internal enum to the document's enum with the same variants.
macro_rules! same_variants {
    ($($internal:ident => $document:ident { $($variant:ident),+ })+) => {$(
        impl From<$internal> for $document {
            fn from(value: $internal) -> Self {
                match value { $($internal::$variant => Self::$variant,)+ }
            }
        }
    )+};
}
use same_variants;

/// Documents of these.
fn docs<'a, T: 'a, D: From<&'a T>>(items: impl IntoIterator<Item = &'a T>) -> Vec<D> {
    items.into_iter().map(D::from).collect()
}
