//! Values into the types of the caller, as far as the databases tell them apart.

use crate::timestamp::Timestamp;
use crate::value::Value;

/// A type that [`Row::get`](crate::Row::get) can make of a [`Value`].
///
/// The same table may come back with other kinds from another database: SQLite and MySQL have no
/// `BOOLEAN`, MariaDB's `JSON` is text. So 0 and 1 are a `bool`, a text in RFC 3339 is a
/// [`Timestamp`], and a text in JSON is a `serde_json::Value`, where that is asked for.
pub trait FromValue: Sized {
    /// What is wanted, for the message.
    const WANTED: &'static str;

    /// Makes it, or says what there was instead.
    fn from_value(value: Value) -> Result<Self, Value>;
}

macro_rules! whole {
    ($($type:ty),*) => {
        $(impl FromValue for $type {
            const WANTED: &'static str = stringify!($type);

            fn from_value(value: Value) -> Result<Self, Value> {
                match value {
                    Value::Int(it) => <$type>::try_from(it).map_err(|_| value),
                    Value::Bool(it) => Ok(it.into()),
                    other => Err(other),
                }
            }
        })*
    };
}

whole!(i64, i32, i16, i8, u64, u32, u16, u8);

impl FromValue for f64 {
    const WANTED: &'static str = "f64";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Float(it) => Ok(it),
            // Beyond 2^53 a double cannot count.
            Value::Int(it) if it.unsigned_abs() <= 1 << 53 => Ok(it as f64),
            other => Err(other),
        }
    }
}

impl FromValue for bool {
    const WANTED: &'static str = "bool";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bool(it) => Ok(it),
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(other),
        }
    }
}

impl FromValue for String {
    const WANTED: &'static str = "text";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(it) => Ok(it),
            Value::Timestamp(it) => Ok(it.to_string()),
            Value::Json(it) => Ok(it.to_string()),
            other => Err(other),
        }
    }
}

impl FromValue for Vec<u8> {
    const WANTED: &'static str = "bytes";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bytes(it) => Ok(it),
            Value::Text(it) => Ok(it.into_bytes()),
            other => Err(other),
        }
    }
}

impl FromValue for Timestamp {
    const WANTED: &'static str = "a timestamp";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Timestamp(it) => Ok(it),
            Value::Text(it) => it.parse().map_err(|_| Value::Text(it)),
            other => Err(other),
        }
    }
}

impl FromValue for serde_json::Value {
    const WANTED: &'static str = "JSON";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Json(it) => Ok(it),
            Value::Text(it) => serde_json::from_str(&it).map_err(|_| Value::Text(it)),
            other => Err(other),
        }
    }
}

impl FromValue for Value {
    const WANTED: &'static str = "a value";

    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromValue + PartialEq>(value: impl Into<Value>, expected: Option<T>) {
        assert!(T::from_value(value.into()).ok() == expected);
    }

    #[test]
    fn what_the_databases_do_not_tell_apart_is_taken() {
        check(1, Some(true));
        check(2, None::<bool>);
        check(true, Some(1i64));
        check(
            "2026-01-01T00:00:00Z",
            Some(Timestamp::from_micros(1_767_225_600_000_000)),
        );
        check("[1]", Some(serde_json::json!([1])));
        check("[1", None::<serde_json::Value>);
        check("text", Some(b"text".to_vec()));
    }

    #[test]
    fn numbers_are_never_cut() {
        check(256, None::<u8>);
        check(-1, None::<u64>);
        check(1.0, None::<i64>);
        check(7, Some(7.0));
        check((1i64 << 53) + 1, None::<f64>);
        check("7", None::<i64>);
    }

    #[test]
    fn null_is_for_options() {
        check(Value::Null, Some(None::<i64>));
        check(Value::Null, None::<i64>);
        check(Value::Null, Some(Value::Null));
        check(3, Some(Some(3u16)));
    }
}
