//! Serialised documents: what `-o json` and `-o yaml` print, one module per version.

pub mod v1;
