//! [`Value`]: what goes into a statement, and out of a row.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One value of a row or a statement. `Debug` shows its kind only: it may be somebody's secret.
///
/// ```
/// use harmonious::Value;
/// assert_eq!(Value::from("a"), Value::Text("a".to_owned()));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// assert_eq!(format!("{:?}", Value::from("secret")), "Text");
/// ```
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number of double precision.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    #[serde(with = "bytes")]
    Bytes(Vec<u8>),
    /// A moment, as RFC 3339 writes it in UTC with microseconds.
    Timestamp(String),
    /// A JSON document.
    Json(serde_json::Value),
}

impl Value {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "Null",
            Value::Bool(_) => "Bool",
            Value::Int(_) => "Int",
            Value::Float(_) => "Float",
            Value::Text(_) => "Text",
            Value::Bytes(_) => "Bytes",
            Value::Timestamp(_) => "Timestamp",
            Value::Json(_) => "Json",
        }
    }

    /// As a value of JSON, which serde makes anything of.
    pub(crate) fn into_json(self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => flag.into(),
            Value::Int(number) => number.into(),
            Value::Float(number) => number.into(),
            Value::Text(text) | Value::Timestamp(text) => text.into(),
            Value::Bytes(bytes) => bytes.into(),
            Value::Json(json) => json,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Value {
                $made
            }
        }
    )*};
}

from! {
    bool => |flag| Value::Bool(flag),
    i64 => |number| Value::Int(number),
    i32 => |number| Value::Int(number.into()),
    u32 => |number| Value::Int(number.into()),
    f64 => |number| Value::Float(number),
    &str => |text| Value::Text(text.to_owned()),
    String => |text| Value::Text(text),
    &String => |text| Value::Text(text.clone()),
    &[u8] => |bytes| Value::Bytes(bytes.to_vec()),
    Vec<u8> => |bytes| Value::Bytes(bytes),
    serde_json::Value => |json| Value::Json(json),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// Bytes as bytes, not as a list of numbers.
pub(crate) mod bytes {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = from.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        from.deserialize_bytes(Bytes)
    }
}
