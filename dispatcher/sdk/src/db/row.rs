//! [`Rows`] and [`Row`]: what a query gives, read by column.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::value::Value;
use crate::error::{Error, Result};

/// The rows of a query.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn slugs(req: &Request) -> Result<Vec<String>> {
///     let rows = req.db().query("SELECT slug FROM scripts", &[])?;
///     rows.iter().map(|row| row.get("slug")).collect()
/// }
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(from = "Sent")]
pub struct Rows {
    rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// How rows travel: the names once.
#[derive(Deserialize)]
struct Sent {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl From<Sent> for Rows {
    fn from(sent: Sent) -> Rows {
        let columns: Arc<[String]> = sent.columns.into();
        let row = |values| Row {
            columns: Arc::clone(&columns),
            values,
        };
        Rows {
            rows: sent.rows.into_iter().map(row).collect(),
        }
    }
}

impl Rows {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.rows.iter()
    }

    /// Each as a struct whose fields are called like the columns.
    ///
    /// # Errors
    /// 500: a column is missing, or of another type.
    #[track_caller]
    pub fn into<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        self.rows.into_iter().map(Row::into).collect()
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a Row;
    type IntoIter = std::slice::Iter<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    /// 500: there is no such column, or its value is of another type.
    #[track_caller]
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let at = self.columns.iter().position(|name| name == column);
        let Some(value) = at.and_then(|at| self.values.get(at)) else {
            let known = self.columns.join(", ");
            return Err(Error::internal(format!(
                "no column `{column}`: there are {known}"
            )));
        };
        T::from_value(value).ok_or_else(|| {
            let (kind, wanted) = (value.kind(), std::any::type_name::<T>());
            Error::internal(format!(
                "column `{column}` has a {kind}, which is no {wanted}"
            ))
        })
    }

    /// As a struct whose fields are called like the columns.
    ///
    /// # Errors
    /// 500: a column is missing, or of another type.
    #[track_caller]
    pub fn into<T: DeserializeOwned>(self) -> Result<T> {
        let values = self.values.into_iter().map(Value::into_json);
        let fields = self.columns.iter().cloned().zip(values);
        let fields = serde_json::Value::Object(fields.collect());
        match serde_json::from_value(fields) {
            Ok(row) => Ok(row),
            Err(error) => Err(Error::internal("a row is of another shape").with_source(&error)),
        }
    }
}

/// What [`Row::get`] makes of a value.
pub trait FromValue: Sized {
    /// None if the value is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty { $($pattern:pat => $made:expr),* $(,)? })*) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<$type> {
                match value {
                    $($pattern => $made,)*
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    bool { Value::Bool(flag) => Some(*flag), Value::Int(0) => Some(false), Value::Int(1) => Some(true) }
    i64 { Value::Int(number) => Some(*number), Value::Bool(flag) => Some(i64::from(*flag)) }
    i32 { Value::Int(number) => i32::try_from(*number).ok() }
    u32 { Value::Int(number) => u32::try_from(*number).ok() }
    u64 { Value::Int(number) => u64::try_from(*number).ok() }
    usize { Value::Int(number) => usize::try_from(*number).ok() }
    f64 { Value::Float(number) => Some(*number), Value::Int(number) => Some(*number as f64) }
    String { Value::Text(text) => Some(text.clone()), Value::Timestamp(text) => Some(text.clone()) }
    Vec<u8> { Value::Bytes(bytes) => Some(bytes.clone()) }
    serde_json::Value {
        Value::Json(json) => Some(json.clone()),
        Value::Text(text) => serde_json::from_str(text).ok(),
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
