//! The eight kinds of value that the three databases share.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// One value, on its way into a statement or out of a row.
///
/// Its `Debug` shows the kind and never the content, so that what visitors typed does not get into
/// a log by accident.
///
/// ```
/// use harmonious_db::Value;
///
/// assert_eq!(Value::from(5), Value::Int(5));
/// assert_eq!(Value::from(None::<&str>), Value::Null);
/// assert_eq!(format!("{:?}", Value::from("secret")), "Text(6 bytes)");
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number of double precision.
    Float(f64),
    /// Text in UTF-8.
    Text(String),
    /// Bytes.
    #[serde(with = "serde_bytes")]
    Bytes(Vec<u8>),
    /// A moment.
    Timestamp(Timestamp),
    /// A JSON document.
    Json(serde_json::Value),
}

impl Value {
    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Json(_) => "json",
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let beside = match self {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Json(json) => json_bytes(json),
            _ => 0,
        };
        size_of::<Value>() + beside
    }
}

fn json_bytes(json: &serde_json::Value) -> usize {
    let beside = match json {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(items) => items.iter().map(json_bytes).sum(),
        serde_json::Value::Object(fields) => {
            (fields.iter()).map(|(k, v)| k.len() + json_bytes(v)).sum()
        }
        _ => 0,
    };
    size_of::<serde_json::Value>() + beside
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("Null"),
            Value::Bool(_) => f.write_str("Bool"),
            Value::Int(_) => f.write_str("Int"),
            Value::Float(_) => f.write_str("Float"),
            Value::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Value::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Value::Timestamp(_) => f.write_str("Timestamp"),
            Value::Json(_) => f.write_str("Json"),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$it:ident| $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($it: $from) -> Value {
                $value
            }
        })*
    };
}

from! {
    bool => |it| Value::Bool(it);
    i64 => |it| Value::Int(it);
    i32 => |it| Value::Int(it.into());
    i16 => |it| Value::Int(it.into());
    i8 => |it| Value::Int(it.into());
    u32 => |it| Value::Int(it.into());
    u16 => |it| Value::Int(it.into());
    u8 => |it| Value::Int(it.into());
    f64 => |it| Value::Float(it);
    f32 => |it| Value::Float(it.into());
    &str => |it| Value::Text(it.to_owned());
    String => |it| Value::Text(it);
    &String => |it| Value::Text(it.clone());
    Cow<'_, str> => |it| Value::Text(it.into_owned());
    Vec<u8> => |it| Value::Bytes(it);
    &[u8] => |it| Value::Bytes(it.to_vec());
    Timestamp => |it| Value::Timestamp(it);
    SystemTime => |it| Value::Timestamp(it.into());
    serde_json::Value => |it| Value::Json(it);
    &Value => |it| it.clone();
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// The values of a statement, each made by `Value::from`.
///
/// ```
/// use harmonious_db::{Value, params};
///
/// assert_eq!(params!["a", 1], [Value::Text("a".into()), Value::Int(1)]);
/// assert_eq!(params![].len(), 0);
/// ```
#[macro_export]
macro_rules! params {
    () => { [] as [$crate::Value; 0] };
    ($($value:expr),+ $(,)?) => { [$($crate::Value::from($value)),+] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_messagepack() {
        let json: serde_json::Value = serde_json::json!({"a": [1, null, "x", 1.5]});
        for value in [
            Value::Null,
            Value::from(true),
            Value::from(i64::MIN),
            Value::from(0.1),
            Value::from("1970-01-01T00:00:00.000000Z"),
            Value::from(vec![0u8, 255]),
            Value::from(Timestamp::from_micros(1)),
            Value::from(json),
        ] {
            let packed = rmp_serde::to_vec_named(&value).unwrap();
            assert!(rmp_serde::from_slice::<Value>(&packed).unwrap() == value);
            let compact = rmp_serde::to_vec(&value).unwrap();
            assert!(rmp_serde::from_slice::<Value>(&compact).unwrap() == value);
        }
        let bytes = rmp_serde::to_vec(&Value::Bytes(vec![7; 100])).unwrap();
        assert!(bytes.len() < 112, "bytes travel as bytes: {}", bytes.len());
    }
}
