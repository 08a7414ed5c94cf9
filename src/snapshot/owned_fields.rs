//! `fieldsV1`: the set of fields that an entry of `metadata.managedFields` owns, reduced to what shows that an entry is
//! stale.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// kubectl's last-applied annotation as a member of a field set.
const LAST_APPLIED_MEMBER: &str = "f:kubectl.kubernetes.io/last-applied-configuration";

/// The fields of an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnedFields {
    /// The number of leaf fields. An entry that lost all of them to others still owns their parents.
    pub leaves: u32,
    /// Whether kubectl's last-applied annotation is one of them.
    pub has_last_applied: bool,
    /// Whether it is an empty set, which makes its key a leaf.
    is_empty: bool,
}

/// Whether the entries of an object are known and none of them owns kubectl's last-applied annotation.
#[must_use]
pub fn is_annotation_unowned(entries: &[Option<OwnedFields>]) -> bool {
    let is_another =
        |owned: &Option<OwnedFields>| owned.is_some_and(|owned| !owned.has_last_applied);
    !entries.is_empty() && entries.iter().all(is_another)
}

impl<'de> Deserialize<'de> for OwnedFields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FieldSet)
    }
}

struct FieldSet;

impl<'de> Visitor<'de> for FieldSet {
    type Value = OwnedFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_unit<E>(self) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_str<E>(self, _text: &str) -> Result<OwnedFields, E> {
        Ok(OwnedFields::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<OwnedFields, A::Error> {
        let mut owned = OwnedFields {
            is_empty: true,
            ..OwnedFields::default()
        };
        while let Some(name) = members.next_key::<String>()? {
            owned.is_empty = false;
            // The parent itself, which every applier of one of its fields owns.
            if name == "." {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let member: OwnedFields = members.next_value()?;
            owned.has_last_applied |= member.has_last_applied || name == LAST_APPLIED_MEMBER;
            owned.leaves = owned
                .leaves
                .saturating_add(member.leaves + u32::from(member.is_empty));
        }
        Ok(owned)
    }
}

#[cfg(test)]
mod tests {
    use super::OwnedFields;

    fn owned(json: &str) -> (u32, bool) {
        let owned: OwnedFields = serde_json::from_str(json).expect("a set");
        (owned.leaves, owned.has_last_applied)
    }

    #[test]
    fn leaves_are_counted_and_parents_are_not() {
        for (json, expected) in [
            (
                r#"{"f:spec":{"f:replicas":{},"f:selector":{".":{},"f:app":{}}}}"#,
                (2, false),
            ),
            (r#"{"f:metadata":{"f:annotations":{".":{}}}}"#, (0, false)),
            (r#"{"f:spec":{"k:{\"name\":\"a\"}":{".":{}}}}"#, (0, false)),
            (
                r#"{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}"#,
                (1, true),
            ),
            ("{}", (0, false)),
            ("null", (0, false)),
        ] {
            assert_eq!(owned(json), expected, "{json}");
        }
    }
}
