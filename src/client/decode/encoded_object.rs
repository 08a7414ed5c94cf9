//! One object as the API server encodes it; the same message types are read from both encodings.

use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The bytes of a message, or JSON.
pub(super) enum EncodedObject<'a> {
    Protobuf(&'a [u8]),
    Json(Value),
}

impl EncodedObject<'_> {
    /// Decodes the declared fields and skips the rest.
    ///
    /// # Errors
    /// The reason, which may quote a value of JSON.
    pub(super) fn decode<M: Message + Default + DeserializeOwned>(self) -> Result<M, String> {
        match self {
            Self::Protobuf(message) => M::decode(message).map_err(|error| error.to_string()),
            Self::Json(object) if !object["metadata"].is_object() => {
                Err("it has no metadata".to_owned())
            }
            Self::Json(mut object) => {
                drop_nulls(&mut object);
                serde_json::from_value(object).map_err(|error| error.to_string())
            }
        }
    }
}

/// Removes fields that are null: to Kubernetes they are the same as fields that are absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
